/** A D-Bus session with an unlocked gnome-keyring of its own: what a desktop gives a user, without the desktop. */

import { execFileSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { Background, until } from "./process.mjs";

/**
 * @typedef {object} User what one user's programs run in
 * @property {string} home
 * @property {NodeJS.ProcessEnv} env complete; nothing of the caller's session is in it
 */

/**
 * An environment in which nothing reaches the caller's own session: home, XDG directories and no D-Bus.
 *
 * @param {string} home made if it is missing
 * @returns {User}
 */
export function userAt(home) {
  const temporary = join(home, "tmp");
  for (const directory of [home, temporary]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const runtime = runtimeIn(home);
  const { PATH } = process.env;
  return {
    home,
    env: {
      PATH,
      // Thunderbirds that share one remove each other's mails from it: all call theirs nsemail.eml, and some remove it twice.
      TMPDIR: temporary,
      HOME: home,
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      XDG_RUNTIME_DIR: runtime,
      XDG_CONFIG_HOME: join(home, ".config"),
      XDG_DATA_HOME: join(home, ".local/share"),
      XDG_CACHE_HOME: join(home, ".cache"),
      // Without it, libraries would start a bus of their own in a display's name.
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtime, "none")}`,
    },
  };
}

/** Where a file system in memory is, as a desktop's user has one for the files of the session. */
const IN_MEMORY = "/dev/shm";

/** Places in memory that are in use: nobody removes them with the home that they belong to. @type {string[]} */
const placesInMemory = [];
process.on("exit", () => {
  for (const directory of placesInMemory) rmSync(directory, { recursive: true, force: true });
});

/**
 * The directory for the files of a user's session: in memory, where this computer has such a place.
 *
 * @param {string} home
 */
function runtimeIn(home) {
  const runtime = join(home, "run");
  if (existsSync(runtime)) return runtime;
  rmSync(runtime, { force: true }); // a home that was kept leads to a place that went with its process
  try {
    accessSync(IN_MEMORY, constants.W_OK);
    const place = mkdtempSync(join(IN_MEMORY, "dane-smime-test-"));
    placesInMemory.push(place);
    symlinkSync(place, runtime);
  } catch {
    mkdirSync(runtime, { mode: 0o700 });
  }
  chmodSync(runtime, 0o700);
  return runtime;
}

/** Where a user's session files lie, for programs that follow no links. @param {User} user */
export function inMemory({ home }) {
  return realpathSync(join(home, "run"));
}

/** A user's session bus and keyring daemon. What is stored outlives it, sealed with the password, in the user's home. */
export class Keyring {
  /**
   * @param {User} user
   * @param {Background} bus
   * @param {Background} daemon
   * @param {string} password
   */
  constructor(user, bus, daemon, password) {
    this.user = user;
    this.bus = bus;
    this.daemon = daemon;
    this.password = password;
  }

  /**
   * Starts both and waits until the Secret Service answers. `user.env` gets the address of the bus.
   *
   * @param {User} user
   * @param {{password?: string}} [options]
   */
  static async start(user, { password = "for tests alone" } = {}) {
    const address = `unix:path=${join(user.env.XDG_RUNTIME_DIR ?? user.home, "bus")}`;
    const log = join(user.home, "log/keyring.log");
    const bus = new Background("dbus-daemon", ["--session", "--nofork", "--nopidfile", `--address=${address}`], {
      env: user.env,
      log,
    });
    user.env.DBUS_SESSION_BUS_ADDRESS = address;
    await until("the session bus", () => !bus.alive || dbus(user, "org.freedesktop.DBus.GetId") !== undefined);
    if (!bus.alive) throw new Error(`dbus-daemon ended at once: ${readFileSync(log, "utf8")}`);
    return new Keyring(user, bus, await daemonOf(user, password), password);
  }

  /** Locks the collection, as a desktop does when its user is away. */
  lock() {
    const collection = "/org/freedesktop/secrets/collection/login";
    execFileSync(
      "dbus-send",
      [
        "--session",
        "--print-reply",
        "--dest=org.freedesktop.secrets",
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.Lock",
        `array:objpath:${collection}`,
      ],
      { env: this.user.env, stdio: "pipe" },
    );
  }

  /** Opens it again, as its user does who has come back. */
  async unlock() {
    await this.daemon.stop();
    this.daemon = await daemonOf(this.user, this.password);
  }

  async stop() {
    await this.daemon.stop();
    await this.bus.stop();
  }
}

/**
 * @param {User} user with a session bus
 * @param {string} password
 */
async function daemonOf(user, password) {
  const daemon = new Background("gnome-keyring-daemon", ["--foreground", "--unlock", "--components=secrets"], {
    env: user.env,
    log: join(user.home, "log/keyring.log"),
    input: password,
  });
  await until("the Secret Service", () => {
    if (!daemon.alive) throw new Error("gnome-keyring-daemon ended at once");
    return dbus(user, "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")?.includes("boolean true");
  });
  return daemon;
}

/**
 * @param {User} user
 * @param {string} method
 * @param {...string} args
 * @returns {string | undefined} nothing while the bus does not answer
 */
function dbus(user, method, ...args) {
  try {
    return execFileSync(
      "dbus-send",
      ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", method, ...args],
      {
        env: user.env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
  } catch {
    return undefined;
  }
}
