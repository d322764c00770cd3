/**
 * The manual for owners of domains, done as it stands: real BIND, knot and PowerDNS, each with an unsigned zone, are given
 * the page's settings and commands. Then the DS records that the page has printed must prove the certificate to our own
 * look-up, as they would in the zone above.
 *
 * The page speaks of an installed system: paths are led to a directory of the test, and the servers' own tools to the
 * server there, by wrappers of their names.
 */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { Background, freePort, remove, temporaryDirectory, until } from "../support/process.mjs";
import { ROOT } from "../support/thunderbird.mjs";
import { PROGRAMS } from "../support/world.mjs";

const PAGE = readFileSync(join(ROOT, "manifests/docs/domain-owners.md"), "utf8");
const SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
const ZONE = `$TTL 3600
@ IN SOA ns hostmaster SERIAL 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
`;

/** The code blocks below a heading, in their order. @param {string} heading */
function blocks(heading) {
  const from = PAGE.indexOf(`# ${heading}\n`);
  assert.ok(from >= 0, `no heading ${heading}`);
  const section = PAGE.slice(from).split(/\n##/, 1)[0] ?? "";
  return [...section.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language = "", body = ""]) => ({ language, body }));
}

/** The one block of a language below a heading. @param {string} heading @param {string} language */
function only(heading, language) {
  const found = blocks(heading).filter((block) => block.language === language);
  assert.equal(found.length, 1, `${language} below ${heading}`);
  return found[0]?.body ?? "";
}

/** @type {string} */
let home;
before(() => {
  home = temporaryDirectory();
  writeFileSync(join(home, "unlock"), "0123456789abcdef0123456789abcdef");
  configure("");
  shell(only("1. Get the lines", "sh"), {});
});
after(() => remove(home));

/** Writes the settings of the user who looks. @param {string} more */
function configure(more) {
  const directory = join(home, ".config/dane-smime");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.toml"), `unlock-file = "${join(home, "unlock")}"\n${more}`);
}

/**
 * Runs commands of the page in the user's home.
 *
 * @param {string} script
 * @param {Record<string, string>} paths what the page calls a path, and where it lies here
 * @param {string} [wrappers] a directory
 */
function shell(script, paths, wrappers = home) {
  const { status, stdout, stderr } = spawnSync("sh", ["-euc", led(script, paths)], {
    cwd: home,
    env: { HOME: home, PATH: `${wrappers}:${resolve(PROGRAMS)}:/usr/bin:/bin:/usr/sbin:/sbin` },
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, `${script}: ${stdout}${stderr}`);
  return stdout;
}

/** @param {string} text @param {Record<string, string>} paths */
function led(text, paths) {
  return Object.entries(paths).reduce((led, [from, to]) => led.replaceAll(from, to), text);
}

/** A name server in a directory of its own. */
class NameServer {
  /** @param {string} name */
  constructor(name) {
    this.directory = join(home, name);
    this.wrappers = join(this.directory, "bin");
    for (const part of ["bin", "etc", "zones", "keys", "run"])
      mkdirSync(join(this.directory, part), { recursive: true });
  }

  /** What the page calls a path, and where it lies here. */
  get paths() {
    return { "/etc/bind": this.path("etc"), "/var/lib/bind": this.path("zones"), "/var/cache/bind": this.path("keys") };
  }

  /** @param {string} name */
  path(name) {
    return join(this.directory, name);
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    writeFileSync(this.path(name), text);
  }

  /** A tool of the name server's that finds it here. @param {string} name @param {string} script */
  wrap(name, script) {
    writeFileSync(join(this.wrappers, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /**
   * Has the server run while something is done.
   *
   * @param {string} program
   * @param {string[]} args
   * @param {string[]} asked the tool and its arguments that are answered as soon as it runs
   * @param {() => Promise<void>} act
   */
  async during(program, args, [tool = "", ...words], act) {
    const log = this.path("log");
    const running = new Background(program, args, { log, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
    try {
      await until(`${program} to run`, () => {
        if (!running.alive) throw new Error(`${program} ended: ${readFileSync(log, "utf8")}`);
        return spawnSync(join(this.wrappers, tool), words).status === 0;
      });
      await act();
    } finally {
      await running.stop();
    }
  }

  /** Does as the page says. @param {string} script */
  run(script) {
    return shell(script, this.paths, this.wrappers);
  }
}

/**
 * The page's last section, by somebody whose zone above holds just the DS lines that were printed.
 *
 * @param {string} printed
 * @param {number} port
 */
async function found(printed, port) {
  const ds = printed.split("\n").filter((line) => /^example\.org\.\s.*\bDS\b/.test(line));
  assert.ok(ds.length > 0, `a DS line in ${printed}`);
  const anchor = join(home, "anchor");
  writeFileSync(anchor, `${ds.join("\n")}\n`);
  configure(`resolver = "127.0.0.1:${port}"\ntrust-anchor = "${anchor}"\n`);
  const look = only("3. See whether the world finds it", "sh");
  let said = "";
  await until(
    "the certificate to be proven",
    () => {
      try {
        said = shell(look, {});
        return true;
      } catch (error) {
        said = String(error);
        return false;
      }
    },
    30_000,
  ).catch((error) => assert.fail(`${error.message}: ${said}`));
  assert.match(said, /\bsecure\b/);
}

/**
 * BIND as Debian installs it, with its settings for the zone in named.conf.local.
 *
 * @param {string} name of its directory
 * @param {(server: NameServer, port: number) => Promise<void>} act
 */
async function withBind(name, act) {
  const server = new NameServer(name);
  const [port, control] = [await freePort(), await freePort()];
  const paths = server.paths;
  server.write("zones/example.org.zone", ZONE.replace("SERIAL", "1"));
  server.write("etc/named.conf.local", "");
  shell(`rndc-confgen -a -A hmac-sha256 -c '${server.path("etc/rndc.key")}'`, {});
  server.write(
    "etc/named.conf",
    `options {
      directory "${paths["/var/cache/bind"]}"; pid-file "${server.path("run/pid")}";
      session-keyfile "${server.path("run/session.key")}"; recursion no;
      listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
    };
    include "${server.path("etc/rndc.key")}";
    controls { inet 127.0.0.1 port ${control} allow { 127.0.0.1; } keys { "rndc-key"; }; };
    include "${server.path("etc/named.conf.local")}";\n`,
  );
  server.wrap("rndc", `exec /usr/sbin/rndc -s 127.0.0.1 -p ${control} -k '${server.path("etc/rndc.key")}' "$@"`);
  // On the server itself the zone's own SOA record says where it is.
  server.wrap("nsupdate", `{ echo server 127.0.0.1 ${port}; cat; } | /usr/bin/nsupdate "$@"`);
  const args = ["-g", "-c", server.path("etc/named.conf")];
  await server.during("named", args, ["rndc", "status"], () => act(server, port));
}

describe("what the manual says to owners of domains is so", () => {
  test("BIND", () =>
    withBind("bind", async (server, port) => {
      server.write("etc/named.conf.local", led(only("BIND", "named"), server.paths));
      server.write("zones/example.org.zone", ZONE.replace("SERIAL", "2"));
      await found(server.run(only("BIND", "sh")), port);
    }));

  test("dynamic updates", () =>
    withBind("updates", async (server, port) => {
      let printed = "";
      for (const { language, body } of blocks("Dynamic updates")) {
        if (language === "named") server.write("etc/named.conf.local", led(body, server.paths));
        else printed += server.run(body);
      }
      await found(printed, port);
      // The key may do this and nothing else.
      const other = "printf 'update add www.example.org. 60 A 127.0.0.1\\nsend\\n' | nsupdate -k /etc/bind/update.key";
      assert.throws(() => server.run(other), /REFUSED/);
    }));

  test("knot", async () => {
    const server = new NameServer("knot");
    const port = await freePort();
    const file = server.path("etc/knot.conf");
    const settings = `server:
    rundir: "${server.path("run")}"
    listen: 127.0.0.1@${port}
database:
    storage: "${server.path("keys")}"
template:
  - id: default
    storage: "${server.path("zones")}"
`;
    server.write("zones/example.org.zone", ZONE.replace("SERIAL", "1"));
    server.write("etc/knot.conf", settings);
    for (const tool of ["knotc", "keymgr"]) server.wrap(tool, `exec /usr/sbin/${tool} -c '${file}' "$@"`);
    await server.during("knotd", ["-c", file], ["knotc", "status"], async () => {
      server.write("etc/knot.conf", settings + only("knot", "yaml"));
      await found(server.run(only("knot", "sh")), port);
    });
  });

  test("PowerDNS", async () => {
    const server = new NameServer("pdns");
    const port = await freePort();
    const [database, zone] = [server.path("zones/pdns.sqlite3"), server.path("zones/example.org.zone")];
    server.write(
      "etc/pdns.conf",
      `launch=gsqlite3
gsqlite3-database=${database}
gsqlite3-dnssec=on
local-address=127.0.0.1
local-port=${port}
socket-dir=${server.path("run")}
`,
    );
    const here = `--config-dir='${server.path("etc")}'`;
    for (const tool of ["pdnsutil", "pdns_control"]) server.wrap(tool, `exec /usr/bin/${tool} ${here} "$@"`);
    server.write("zones/example.org.zone", ZONE.replace("SERIAL", "1"));
    server.run(`sqlite3 '${database}' <'${SCHEMA}' && pdnsutil load-zone example.org '${zone}'`);
    const args = ["--daemon=no", "--guardian=no", `--config-dir=${server.path("etc")}`];
    await server.during("pdns_server", args, ["pdns_control", "rping"], async () => {
      await found(server.run(only("PowerDNS", "sh")), port);
    });
  });
});
