/**
 * Alice and Bob, each with a home, a keyring, keys and a mail account, in a world that has a DNS and a mail system of its own.
 * Everything lies in one directory, the people's settings where the host that Thunderbird starts looks for them.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Keyring, userAt } from "./keyring.mjs";
import { MailServers } from "./mail.mjs";
import { ROOT, Thunderbird } from "./thunderbird.mjs";
import { Zones } from "./zones.mjs";

const run = promisify(execFile);

/** Where Cargo leaves the programs: `DANE_SMIME_PROGRAMS`, or those that the tests build. */
export const PROGRAMS =
  process.env.DANE_SMIME_PROGRAMS ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug");

/** One person. */
export class Person {
  /**
   * @param {World} world
   * @param {string} email
   * @param {string} name
   */
  constructor(world, email, name) {
    this.world = world;
    this.email = email;
    this.name = name;
    this.user = userAt(join(world.directory, email.split("@")[0] ?? email));
    /** @type {Keyring | undefined} */
    this.keyring = undefined;
  }

  get account() {
    return this.world.mail.account(this.email, this.name);
  }

  /** Where the host keeps this person's keys. */
  get dataDirectory() {
    return join(this.user.env.XDG_DATA_HOME ?? "", "dane-smime");
  }

  /** The native host that this person's Thunderbird starts. */
  get host() {
    return join(PROGRAMS, "dane-smime-host");
  }

  /**
   * Runs `dane-smime` as this person.
   *
   * @param {...string} args
   * @returns {Promise<{status: number, stdout: string, stderr: string}>}
   */
  async run(...args) {
    try {
      const { stdout, stderr } = await run(join(PROGRAMS, "dane-smime"), args, {
        env: this.user.env,
        maxBuffer: 1 << 28,
      });
      return { status: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = /** @type {any} */ (error);
      if (typeof code !== "number") throw error;
      return { status: code, stdout, stderr };
    }
  }

  /**
   * As `run`, for what has to succeed.
   *
   * @param {...string} args
   */
  async must(...args) {
    const { status, stdout, stderr } = await this.run(...args);
    if (status !== 0) throw new Error(`dane-smime ${args.join(" ")} ended with ${status}: ${stderr || stdout}`);
    return stdout;
  }

  /** The keys held. @returns {Promise<{address: string, sha256: string, retired: boolean}[]>} */
  async keys() {
    return JSON.parse(await this.must("key", "list", "--json"));
  }

  /** The PEM file of this person's certificate. */
  async certificate() {
    const [key] = await this.keys();
    if (!key) throw new Error(`${this.email} has no key`);
    return join(this.dataDirectory, "keys", `${key.sha256}.pem`);
  }

  /** Puts this person's certificate into the DNS. */
  async publish() {
    await this.world.zones.publish(
      await this.must("record", this.email, "--cert", await this.certificate(), "--form", "smimea"),
    );
  }

  /**
   * Starts this person's Thunderbird.
   *
   * @param {Partial<import("./thunderbird.mjs").StartOptions>} [options]
   */
  thunderbird(options = {}) {
    return Thunderbird.start({ user: this.user, account: this.account, host: this.host, ...options });
  }

  /**
   * Writes this person's settings of the host, which reads them when it starts.
   *
   * @param {Record<string, string>} [more]
   */
  configure(more = {}) {
    const directory = join(this.user.env.XDG_CONFIG_HOME ?? "", "dane-smime");
    mkdirSync(directory, { recursive: true });
    const { resolver, trustAnchor } = this.world.zones;
    const settings = { resolver, "trust-anchor": trustAnchor, ...more };
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    writeFileSync(join(directory, "config.toml"), lines.join(""));
  }
}

/** The world. */
export class World {
  /**
   * @param {string} directory
   * @param {Zones} zones
   * @param {MailServers} mail
   */
  constructor(directory, zones, mail) {
    this.directory = directory;
    this.zones = zones;
    this.mail = mail;
    this.alice = new Person(this, "alice@example.test", "Alice Liddell");
    this.bob = new Person(this, "bob@example.test", "Bob Dodgson");
  }

  /**
   * Starts the servers and the keyrings. Alice gets a key where she has none, and so does Bob, and their certificates are
   * published; a directory that was a world before becomes the same world again.
   *
   * @param {string} directory
   * @param {{alices?: (alice: Person) => Promise<unknown>, bobs?: (bob: Person) => Promise<unknown>,
   *   say?: (step: string) => void, zones?: Record<string, import("./zones.mjs").State>}} [options] `alices`, `bobs`: how they come to their keys, where `key generate` is not
   *   what is wanted
   */
  static async start(directory, { alices = generate, bobs = generate, say = () => {}, zones: wanted } = {}) {
    mkdirSync(directory, { recursive: true });
    // Root's mail server runs as a user of its own, and has to come to its part of the world; homes stay shut.
    chmodSync(directory, process.getuid?.() === 0 ? 0o711 : 0o700);
    say("signing the zones and starting the name server");
    const zones = await Zones.start(join(directory, "dns"), wanted && { zones: wanted });
    say("starting the mail servers");
    const mail = await MailServers.start(join(directory, "mail"));
    const world = new World(directory, zones, mail);
    const keysOf = { [world.alice.email]: alices, [world.bob.email]: bobs };
    for (const person of [world.alice, world.bob]) {
      person.configure();
      person.keyring = await Keyring.start(person.user, { password: keyringPassword(person.user.home) });
      if (!(await person.keys()).length) {
        say(`making ${person.name}'s key and publishing the certificate`);
        await keysOf[person.email]?.(person);
      }
      if ((await person.keys()).length) await person.publish();
    }
    return world;
  }

  async stop() {
    for (const person of [this.alice, this.bob]) await person.keyring?.stop();
    await this.mail.stop();
    await this.zones.stop();
  }
}

/** @param {Person} person */
async function generate(person) {
  await person.must("key", "generate", "--address", person.email, "--name", person.name);
}

/**
 * The password of a throwaway keyring; it lies beside it, which no real one's does.
 *
 * @param {string} home
 */
function keyringPassword(home) {
  const file = join(home, "keyring-password");
  if (!existsSync(file)) writeFileSync(file, randomBytes(16).toString("hex"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}
