/**
 * A private DNS: a root of its own, `test.` and zones below it, signed with BIND's tools and served by knotd. Its trust
 * anchor is a file; nobody else's root is asked.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Background, freePort, until } from "./process.mjs";

const run = promisify(execFile);

/**
 * What a zone is. `broken`: the signatures over its SMIMEA records do not fit. `dynamic`: knotd signs it itself and takes updates
 * that are signed with a TSIG key ({@link Zones.updateKey}).
 */
/** @typedef {"signed" | "insecure" | "broken" | "dynamic"} State */

/**
 * The name under which an address's SMIMEA records lie (RFC 8162 §3).
 *
 * @param {string} address an ASCII local part that needs no quoting
 */
export function ownerName(address) {
  const [local = "", domain] = address.split("@");
  const hash = createHash("sha256").update(local.normalize("NFC")).digest("hex").slice(0, 56);
  return `${hash}._smimecert.${domain}.`;
}

/** The zones of one world, served at 127.0.0.1 on one port. */
export class Zones {
  /** @type {Background | undefined} */
  #server;
  #serial = 1;

  /**
   * @param {string} directory
   * @param {number} port
   * @param {Map<string, {state: State, records: string[]}>} children zones below `test.`, by name without the last dot
   */
  constructor(directory, port, children) {
    this.directory = directory;
    this.port = port;
    this.children = children;
  }

  /**
   * Makes what is missing, signs everything, and serves it.
   *
   * Keys and records that are in the directory already are used again, so that a trust anchor stays good.
   *
   * @param {string} directory
   * @param {{port?: number, zones?: Record<string, State>}} [options]
   */
  static async start(
    directory,
    { port, zones = { "example.test": "signed", "other.test": "signed", "insecure.test": "insecure" } } = {},
  ) {
    for (const part of ["keys", "zones", "run", "db"]) mkdirSync(join(directory, part), { recursive: true });
    const children = new Map(
      Object.entries(zones).map(([name, state]) => {
        const file = join(directory, "zones", `${name}.records`);
        const records = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
        return [name, { state, records }];
      }),
    );
    const made = new Zones(directory, port ?? (await freePort()), children);
    await made.#signAll();
    made.#configure();
    await made.#importKeys();
    made.#server = new Background("knotd", ["-c", made.#configuration], { log: join(directory, "knotd.log") });
    await made.#answering();
    return made;
  }

  /** For `resolver` in config.toml. */
  get resolver() {
    return `127.0.0.1:${this.port}`;
  }

  /** The TSIG key for updates of dynamic zones, in the form of nsupdate. */
  get updateKey() {
    return join(this.directory, "update.key");
  }

  /** For `trust-anchor` in config.toml: the root's key as a zone-file line. */
  get trustAnchor() {
    return join(this.directory, "anchor.key");
  }

  /**
   * Adds zone-file lines with absolute owner names, each to the zone that it belongs to; signs and serves.
   *
   * @param {string} lines
   */
  async publish(lines) {
    const touched = new Set();
    for (const line of lines.split("\n").map((text) => text.trim())) {
      if (!line || line.startsWith(";")) continue;
      const owner = line.split(/\s+/)[0] ?? "";
      const name = [...this.children.keys()].find(
        (candidate) => owner.endsWith(`.${candidate}.`) || owner === `${candidate}.`,
      );
      if (!name) throw new Error(`no zone for ${owner}`);
      const { state, records } = this.#child(name);
      if (state === "dynamic") {
        await this.#update(`update add ${line.replace(/ IN /, " 300 IN ")}`);
        continue;
      }
      if (!records.includes(line)) records.push(line);
      touched.add(name);
    }
    for (const name of touched) await this.#renew(name);
  }

  /**
   * Takes away everything at an owner name (see {@link ownerName}).
   *
   * @param {string} owner
   */
  async withdraw(owner) {
    for (const [name, child] of this.children) {
      if (child.state === "dynamic") {
        if (owner.endsWith(`.${name}.`)) await this.#update(`update delete ${owner}`);
        continue;
      }
      const left = child.records.filter((line) => line.split(/\s+/)[0] !== owner);
      if (left.length === child.records.length) continue;
      child.records = left;
      await this.#renew(name);
    }
  }

  /**
   * Makes a zone's signatures fit, or not.
   *
   * @param {string} name
   * @param {"signed" | "broken"} state
   */
  async set(name, state) {
    this.#child(name).state = state;
    await this.#renew(name);
  }

  /** Changes a dynamic zone. @param {string} order of nsupdate */
  async #update(order) {
    const nsupdate = run("nsupdate", ["-v", "-k", this.updateKey]);
    nsupdate.child.stdin?.end(`server 127.0.0.1 ${this.port}\n${order}\nsend\n`);
    await nsupdate;
  }

  async stop() {
    await this.#server?.stop();
  }

  /** @param {string} name */
  #child(name) {
    const child = this.children.get(name);
    if (!child) throw new Error(`no zone ${name}`);
    return child;
  }

  get #configuration() {
    return join(this.directory, "knot.conf");
  }

  /** @param {string} name */
  async #renew(name) {
    this.#serial++;
    await this.#sign(name);
    await run("knotc", ["-c", this.#configuration, "-b", "zone-reload", `${name}.`]);
    const serial = this.#serial;
    await until(`zone ${name} with serial ${serial}`, async () => (await this.#soa(name)) === serial);
  }

  async #signAll() {
    this.#serial = Math.floor(Date.now() / 1000);
    let delegations = "ns.test. 300 IN A 127.0.0.1\n";
    for (const [name, { state }] of this.children) {
      await this.#sign(name);
      delegations += `${name}. 300 IN NS ns.test.\n`;
      if (state !== "insecure") delegations += readFileSync(join(this.directory, "keys", `dsset-${name}.`), "utf8");
    }
    await this.#write("test", delegations, true);
    const top = `test. 300 IN NS ns.test.\nns.test. 300 IN A 127.0.0.1\n`;
    await this.#write("", top + readFileSync(join(this.directory, "keys", "dsset-test."), "utf8"), true);
    const anchor = readFileSync(join(this.directory, "keys", await this.#key("", true)), "utf8");
    writeFileSync(
      this.trustAnchor,
      anchor
        .split("\n")
        .filter((line) => /\bDNSKEY\b/.test(line) && !line.startsWith(";"))
        .join("\n")
        .concat("\n"),
    );
  }

  /** @param {string} name */
  async #sign(name) {
    const { state, records } = this.#child(name);
    const text = records.map((line) => `${line}\n`).join("");
    writeFileSync(join(this.directory, "zones", `${name}.records`), text);
    await this.#write(name, text, state !== "insecure");
    // The parent needs what names its keys; the signatures themselves are knotd's.
    if (state === "dynamic") await this.#write(name, text, false);
    if (state !== "broken") return;
    const file = join(this.directory, "zones", `${name}.signed`);
    const broken = readFileSync(file, "utf8").replace(
      // The first letter of the signature: still base64, still as long, only wrong.
      /^(\S+\s+\d+\s+IN\s+RRSIG\s+SMIMEA\s.*?\s)([A-Za-z0-9+/])([A-Za-z0-9+/]{20,})/gm,
      (_line, before, letter, after) => `${before}${letter === "A" ? "B" : "A"}${after}`,
    );
    writeFileSync(file, broken);
  }

  /**
   * Writes `NAME.signed`, which is what knotd serves: signed, or as it is.
   *
   * @param {string} name without the last dot; the root's is empty
   * @param {string} records
   * @param {boolean} secure
   */
  async #write(name, records, secure) {
    const origin = `${name}.`;
    const file = join(this.directory, "zones", name || "root");
    const head = [
      "$TTL 300",
      `${origin} IN SOA ns.test. hostmaster.test. ${this.#serial} 3600 600 86400 60`,
      `${origin} IN NS ns.test.`,
    ];
    if (!secure) return writeFileSync(`${file}.signed`, `${head.join("\n")}\n${records}`);
    const keys = [await this.#key(name, true), await this.#key(name, false)];
    const keyLines = keys.map((key) => readFileSync(join(this.directory, "keys", key), "utf8"));
    writeFileSync(file, `${head.join("\n")}\n${records}${keyLines.join("")}`);
    const nsec3 = name ? ["-3", "-", "-H", "0"] : [];
    await run(
      "dnssec-signzone",
      [
        ...["-q", "-P", "-x", "-O", "full", "-K", "keys", "-d", "keys", "-o", origin, ...nsec3],
        ...["-f", `${file}.signed`, file, ...keys.map((key) => key.replace(/\.key$/, ""))],
      ],
      { cwd: this.directory },
    );
    return undefined;
  }

  /**
   * The file name of a zone's public key, made if it is missing.
   *
   * @param {string} name
   * @param {boolean} signsKeys
   */
  async #key(name, signsKeys) {
    const directory = join(this.directory, "keys");
    const flags = signsKeys ? " 257 " : " 256 ";
    const found = readdirSync(directory).find(
      (file) =>
        file.startsWith(`K${name}.+`) &&
        file.endsWith(".key") &&
        readFileSync(join(directory, file), "utf8").includes(`DNSKEY${flags}`),
    );
    if (found) return found;
    const { stdout } = await run("dnssec-keygen", [
      "-q",
      "-K",
      directory,
      "-a",
      "ECDSAP256SHA256",
      ...(signsKeys ? ["-f", "KSK"] : []),
      `${name}.`,
    ]);
    return `${stdout.trim()}.key`;
  }

  /** knotd signs dynamic zones with the keys that their parents know. */
  async #importKeys() {
    for (const [name, { state }] of this.children) {
      if (state !== "dynamic") continue;
      for (const signsKeys of [true, false]) {
        const file = join(this.directory, "keys", await this.#key(name, signsKeys));
        await run("keymgr", ["-c", this.#configuration, `${name}.`, "import-bind", file]);
      }
    }
  }

  #configure() {
    const zones = ["", "test", ...this.children.keys()];
    const secret = createHash("sha256").update(this.directory).digest("base64");
    writeFileSync(this.updateKey, `key "update" { algorithm hmac-sha256; secret "${secret}"; };\n`, { mode: 0o600 });
    const dynamic = `    dnssec-signing: on\n    dnssec-policy: manual\n    acl: update\n    semantic-checks: on\n`;
    const more = (/** @type {string} */ name) => (this.children.get(name)?.state === "dynamic" ? dynamic : "");
    writeFileSync(
      this.#configuration,
      `server:
    rundir: "${join(this.directory, "run")}"
    listen: 127.0.0.1@${this.port}
    udp-max-payload: 1232
log:
  - target: stderr
    any: warning
database:
    storage: "${join(this.directory, "db")}"
key:
  - id: update
    algorithm: hmac-sha256
    secret: ${secret}
acl:
  - id: update
    key: update
    action: update
policy:
  - id: manual
    manual: on
template:
  - id: default
    storage: "${join(this.directory, "zones")}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
${zones.map((name) => `  - domain: "${name}."\n    file: "${name || "root"}.signed"\n${more(name)}`).join("")}`,
    );
  }

  /** @param {string} name */
  async #soa(name) {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([this.resolver]);
    try {
      return (await resolver.resolveSoa(name || ".")).serial;
    } catch {
      return undefined;
    }
  }

  async #answering() {
    for (const name of ["test", ...this.children.keys()]) {
      await until(`zone ${name}`, () => {
        if (!this.#server?.alive)
          throw new Error(`knotd ended: ${readFileSync(join(this.directory, "knotd.log"), "utf8")}`);
        return this.#soa(name);
      });
    }
  }
}
