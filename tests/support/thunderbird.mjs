/**
 * Starts, drives and stops a real Thunderbird with a home of its own: profile, keyring, native host. The person's own
 * profile, keyring and hosts are never seen by it.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Marionette } from "./marionette.mjs";
import { Background, freePort } from "./process.mjs";
import { writeProfile } from "./profile.mjs";

/** The project's root directory. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
/** The add-on's id. */
export const ADDON_ID = "dane-smime@dane-smime.org";

const PROGRAMS = [
  "/usr/lib/thunderbird/thunderbird-bin",
  "/usr/lib/thunderbird/thunderbird",
  "/opt/thunderbird/thunderbird-bin",
];

/** Thunderbird's program; `THUNDERBIRD` in the environment stands over the usual places. */
export function thunderbirdProgram() {
  const program = [process.env.THUNDERBIRD, ...PROGRAMS].find((path) => path && existsSync(path));
  if (!program) throw new Error(`no Thunderbird at any of ${PROGRAMS.join(", ")}; THUNDERBIRD may name one`);
  return program;
}

/**
 * Registers a native host for one home alone, as Thunderbird looks for it there.
 *
 * @param {string} home
 * @param {string} host the program
 */
export function registerHost(home, host) {
  const template = readFileSync(join(ROOT, "manifests/dane_smime.json.in"), "utf8");
  const directory = join(home, ".mozilla/native-messaging-hosts");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "dane_smime.json"),
    template.replace('"@PATH@"', () => JSON.stringify(resolve(host))),
  );
}

/** @param {string} home */
export function unregisterHost(home) {
  rmSync(join(home, ".mozilla/native-messaging-hosts/dane_smime.json"), { force: true });
}

/**
 * Puts the add-on into a profile for good: packed, where Thunderbird takes it in at its next start.
 *
 * @param {string} profile
 * @param {string} [source] the unpacked add-on
 */
export function installPermanently(profile, source = join(ROOT, "extension")) {
  const target = join(profile, "extensions", `${ADDON_ID}.xpi`);
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { force: true });
  execFileSync("zip", ["-q", "-r", "-X", target, "."], { cwd: source });
}

/**
 * @typedef {object} StartOptions
 * @property {import("./keyring.mjs").User} user whose environment it runs in (`userAt`, and `Keyring.start` for a keyring)
 * @property {import("./profile.mjs").Account} account
 * @property {Record<string, string | number | boolean>} [preferences] over the quiet ones
 * @property {string | null} [addon] an unpacked add-on to install for this run; null: none (or one installed for good)
 * @property {string | null} [host] the native host to register; null: none registered; left out: as it is
 * @property {string} [display] an X display such as `:71`; without it, headless
 * @property {string[]} [args] more arguments
 * @property {string} [program] another Thunderbird than the installed one
 */

/** A Thunderbird that runs. */
export class Thunderbird {
  /**
   * @param {StartOptions} options
   * @param {Background} process
   * @param {Marionette} marionette
   */
  constructor(options, process, marionette) {
    this.options = options;
    this.user = options.user;
    this.process = process;
    this.marionette = marionette;
  }

  /**
   * Starts it and waits until its main window stands and the add-on is active.
   *
   * @param {StartOptions} options
   */
  static async start(options) {
    const {
      user,
      account,
      preferences = {},
      addon = join(ROOT, "extension"),
      host,
      display,
      args = [],
      program,
    } = options;
    if (host) registerHost(user.home, host);
    if (host === null) unregisterHost(user.home);
    const profile = profileOf(user);
    const port = await freePort();
    writeProfile(profile, account, { ...preferences, "marionette.port": port });

    const flags = ["--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile, ...args];
    const process = new Background(program ?? thunderbirdProgram(), display ? flags : ["--headless", ...flags], {
      env: { ...user.env, MOZ_CRASHREPORTER_DISABLE: "1", ...(display && { DISPLAY: display, GDK_BACKEND: "x11" }) },
      log: join(user.home, "log/thunderbird.log"),
    });
    try {
      const marionette = await Marionette.open(port, { alive: () => process.alive });
      const thunderbird = new Thunderbird(options, process, marionette);
      await thunderbird.#ready(account);
      if (addon) {
        await marionette.command("Addon:Install", { path: resolve(addon), temporary: true });
        await thunderbird.addonActive();
      }
      return thunderbird;
    } catch (error) {
      await process.stop();
      const said = readFileSync(process.log, "utf8").trim().split("\n").slice(-15).join("\n");
      throw new Error(`${error instanceof Error ? error.message : error}. It has printed:\n${said}`, { cause: error });
    }
  }

  /**
   * Runs a function inside Thunderbird; see {@link Marionette.chrome}.
   *
   * @template T
   * @param {(...args: any[]) => T} body
   * @param {...any} args
   * @returns {Promise<Awaited<T>>}
   */
  chrome(body, ...args) {
    return this.marionette.chrome(body, ...args);
  }

  /** Waits until the add-on runs: its policy is active and its background script is up or asleep with its listeners kept. */
  addonActive() {
    return this.chrome(async (/** @type {string} */ id) => {
      const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
      await until("the add-on", () => {
        const extension = ExtensionParent.GlobalManager.getExtension(id);
        if (!extension?.policy?.active) return false;
        return (
          extension.backgroundState === "running" ||
          (extension.backgroundState === "stopped" && extension.persistentListeners?.size)
        );
      });
    }, ADDON_ID);
  }

  /** What Thunderbird has said on its console and its standard output so far. */
  log() {
    return readFileSync(this.process.log, "utf8");
  }

  /** The process ids of native hosts that this Thunderbird started and that still run (their children too). */
  hostPids() {
    return descendants(this.process.pid ?? -1)
      .filter(({ command }) => command.includes("dane_smime.json") || command.includes("dane-smime-host"))
      .map(({ pid }) => pid);
  }

  /** @param {string} name @param {string | number | boolean} value */
  setPreference(name, value) {
    return this.chrome(
      (key, to) => {
        if (typeof to === "boolean") Services.prefs.setBoolPref(key, to);
        else if (typeof to === "number") Services.prefs.setIntPref(key, to);
        else Services.prefs.setStringPref(key, to);
      },
      name,
      value,
    );
  }

  /** Ends it as a session manager would, and waits for that. */
  async stop() {
    this.marionette.close();
    await this.process.stop(20_000);
  }

  /** @param {import("./profile.mjs").Account} account */
  #ready(account) {
    return this.chrome(async ({ imap, email }) => {
      await until("the main window", () => mainWindow()?.document.getElementById("tabmail")?.currentAbout3Pane);
      if (!imap) return;
      const server = MailServices.accounts.allServers.find((candidate) => candidate.type === "imap");
      if (!server) throw new Error(`no IMAP server for ${email}`);
      const origin = "imap://127.0.0.1";
      const known = await Services.logins.searchLoginsAsync({ origin });
      if (!known.length) {
        const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
        login.init(origin, null, origin, imap.user, imap.password, "", "");
        await Services.logins.addLoginAsync(login);
      }
      server.password = imap.password;
    }, account);
  }
}

/** @param {import("./keyring.mjs").User} user */
export function profileOf(user) {
  return join(user.home, "profile");
}

/**
 * @param {number} ancestor
 * @returns {{pid: number, command: string}[]}
 */
function descendants(ancestor) {
  /** @type {Map<number, {pid: number, parent: number, command: string}>} */
  const processes = new Map();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      processes.set(pid, { pid, parent, command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") });
    } catch {
      // It ended while the list was read.
    }
  }
  const below = (/** @type {number} */ pid) => {
    for (let at = processes.get(pid); at; at = processes.get(at.parent)) if (at.parent === ancestor) return true;
    return false;
  };
  return [...processes.values()].filter(({ pid }) => below(pid));
}
