/**
 * A client of the Marionette protocol, the remote control that is built into Thunderbird.
 *
 * A frame is `LENGTH:JSON` in ASCII and UTF-8. A command is `[0, id, name, parameters]`, its answer `[1, id, error, value]`.
 * One command is under way at a time, as Marionette wants it. Thunderbird must have been started with
 * `--marionette --remote-allow-system-access`, or the chrome context is refused.
 */

import { connect } from "node:net";

/** A command that Marionette refused, or a function that threw inside Thunderbird. */
export class MarionetteError extends Error {
  /**
   * @param {string} name Marionette's word for it, or the name of the exception
   * @param {string} message
   * @param {string} [remoteStack] where it happened, inside Thunderbird
   */
  constructor(name, message, remoteStack = "") {
    super(`${name}: ${message}${remoteStack ? `\n  in Thunderbird:\n${remoteStack.replace(/^/gm, "    ")}` : ""}`);
    this.name = "MarionetteError";
  }
}

/**
 * What every function that is run inside Thunderbird finds around it. `until` polls: Thunderbird tells of most of what a
 * test waits for by no event at all.
 */
const PREAMBLE = `
const { setTimeout, clearTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const until = async (what, condition, ms = 20000) => {
  const end = Date.now() + ms;
  let failure = "";
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      failure = "";
    } catch (error) { failure = " (" + error + ")"; }
    if (Date.now() > end) throw new Error("waited " + ms + " ms in vain for " + what + failure);
    await sleep(25);
  }
};
const windowById = id => Services.wm.getOuterWindowWithId(id);
const idOf = win => win.docShell.outerWindowID;
const mainWindow = () => Services.wm.getMostRecentWindow("mail:3pane");
const composeWindows = () => [...Services.wm.getEnumerator("msgcompose")].filter(win => !win.closed);
`;

/** One session with one Thunderbird. */
export class Marionette {
  /** @type {import("node:net").Socket} */
  #socket;
  #buffered = Buffer.alloc(0);
  #nextId = 1;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  /** @type {(value: any) => void} */
  #greeted = () => {};
  /** Commands wait for the one before. @type {Promise<unknown>} */
  #queue = Promise.resolve();

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#receive(data));
    const gone = (/** @type {Error | undefined} */ error) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new MarionetteError("connection lost", error?.message ?? "Thunderbird closed it"));
      }
      this.#waiting.clear();
    };
    socket.on("error", gone);
    socket.on("close", () => gone(undefined));
  }

  /**
   * Connects and opens a session in the chrome context, in which prompts are left to the caller.
   *
   * @param {number} port
   * @param {{timeout?: number, alive?: () => boolean}} [options] how long to try (ms); `alive` ends the trying early
   * @returns {Promise<Marionette>}
   */
  static async open(port, { timeout = 90_000, alive = () => true } = {}) {
    const end = Date.now() + timeout;
    for (;;) {
      try {
        const socket = await new Promise((resolve, reject) => {
          const attempt = connect({ host: "127.0.0.1", port });
          attempt.once("connect", () => resolve(attempt));
          attempt.once("error", reject);
        });
        const client = new Marionette(socket);
        await new Promise((resolve) => (client.#greeted = resolve));
        await client.command("WebDriver:NewSession", { unhandledPromptBehavior: "ignore" });
        await client.command("Marionette:SetContext", { value: "chrome" });
        await client.command("WebDriver:SetTimeouts", { script: 180_000 });
        return client;
      } catch (error) {
        if (!alive()) throw new Error("Thunderbird ended before it could be driven", { cause: error });
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /**
   * @param {string} name such as `WebDriver:ExecuteAsyncScript`
   * @param {object} [parameters]
   * @returns {Promise<any>}
   */
  command(name, parameters = {}) {
    const run = () =>
      new Promise((resolve, reject) => {
        // Nobody would answer, and a test that goes on after its Thunderbird has gone would wait for ever.
        if (this.#socket.destroyed) return reject(new Error("Thunderbird has gone"));
        const id = this.#nextId++;
        this.#waiting.set(id, { resolve, reject });
        const json = Buffer.from(JSON.stringify([0, id, name, parameters]));
        this.#socket.write(Buffer.concat([Buffer.from(`${json.length}:`), json]));
      });
    const result = this.#queue.then(run, run);
    this.#queue = result.catch(() => {});
    return result;
  }

  /**
   * Runs a function inside Thunderbird, with system privileges, and hands back what it returns or resolves to.
   * It is sent as text: it sees its arguments (JSON) and the preamble's names, nothing of its surroundings here.
   *
   * @template T
   * @param {(...args: any[]) => T} body
   * @param {...any} args
   * @returns {Promise<Awaited<T>>}
   */
  async chrome(body, ...args) {
    const script = `${PREAMBLE}
      const report = arguments[arguments.length - 1];
      (async () => (${body})(...Array.prototype.slice.call(arguments, 0, -1)))().then(
        value => report({ value: value === undefined ? null : value }),
        error => report({ error: { name: error?.name ?? "Error", message: String(error?.message ?? error),
                                   stack: String(error?.stack ?? "") } }));`;
    const { value } = await this.command("WebDriver:ExecuteAsyncScript", {
      script,
      args,
      sandbox: "system",
      newSandbox: true,
    });
    if (value?.error) throw new MarionetteError(value.error.name, value.error.message, value.error.stack);
    return value?.value;
  }

  /** Ends the connection; Thunderbird goes on. */
  close() {
    this.#socket.destroy();
  }

  /** @param {Buffer} data */
  #receive(data) {
    this.#buffered = Buffer.concat([this.#buffered, data]);
    for (;;) {
      const colon = this.#buffered.indexOf(":");
      if (colon < 0) return;
      const length = Number(this.#buffered.subarray(0, colon).toString("latin1"));
      if (this.#buffered.length < colon + 1 + length) return;
      const frame = JSON.parse(this.#buffered.subarray(colon + 1, colon + 1 + length).toString("utf8"));
      this.#buffered = this.#buffered.subarray(colon + 1 + length);
      if (!Array.isArray(frame)) {
        this.#greeted(frame);
        continue;
      }
      const [, id, error, value] = frame;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new MarionetteError(error.error, error.message, error.stacktrace));
      else waiting?.resolve(value);
    }
  }
}
