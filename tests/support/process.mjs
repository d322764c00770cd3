/** Child processes and what they need: free ports, directories of their own, an end by process id. */

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * A TCP port that nobody listens on at this moment. It lies below those that the kernel hands out (Linux: from 32768 on):
 * a server that is told its port, and takes it a moment later, races with no connection that goes out meanwhile.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(16_384, 32_768);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("No port is free.");
}

/**
 * A new directory under the system's temporary one, as short as can be: D-Bus and dovecot sockets live below it, and a
 * socket's path has 107 bytes.
 *
 * @param {string} [prefix]
 */
export function temporaryDirectory(prefix = "dane-") {
  return mkdtempSync(join(tmpdir(), prefix));
}

/** @param {string} directory */
export function remove(directory) {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Polls until `condition` gives something true.
 *
 * @template T
 * @param {string} what for the message of the error that ends a vain wait
 * @param {() => T | Promise<T>} condition
 * @param {number} [ms]
 * @returns {Promise<Exclude<T, false | 0 | "" | null | undefined>>}
 */
export async function until(what, condition, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return /** @type {any} */ (value);
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(25);
  }
}

/** A program in the background whose output goes to a log file. */
export class Background {
  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{env?: NodeJS.ProcessEnv, cwd?: string, log: string, input?: string, uid?: number, gid?: number}} options
   *   `input` is all of its standard input
   */
  constructor(command, args, { env, cwd, log, input, uid, gid }) {
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, "a");
    this.log = log;
    this.name = command;
    this.child = spawn(command, args, {
      env,
      cwd,
      uid,
      gid,
      stdio: [input === undefined ? "ignore" : "pipe", output, output],
    });
    closeSync(output);
    /** @type {Promise<number | string>} resolves with the exit status or the signal */
    this.ended = new Promise((resolve) => {
      this.child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
      this.child.once("error", (error) => resolve(String(error)));
    });
    this.alive = true;
    this.ended.then(() => (this.alive = false));
    if (input !== undefined) this.child.stdin?.end(input);
    LIVE.add(this);
    this.ended.then(() => LIVE.delete(this));
  }

  /** The process id. */
  get pid() {
    return this.child.pid;
  }

  /**
   * Asks it to end, and after `grace` ms makes it.
   *
   * @param {number} [grace]
   */
  async stop(grace = 10_000) {
    if (!this.alive) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), grace);
    await this.ended;
    clearTimeout(timer);
  }
}

/** @type {Set<Background>} whatever happens to a test, nothing it started outlives it */
const LIVE = new Set();
for (const signal of /** @type {const} */ (["SIGHUP", "SIGINT", "SIGTERM"])) process.on(signal, () => process.exit(1));
process.on("exit", () => {
  for (const background of LIVE) background.child.kill("SIGKILL");
});
