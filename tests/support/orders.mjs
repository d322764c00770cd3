/** What the faulty host (faulty-host.mjs) is told to do wrong, and what it has been asked. */

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./thunderbird.mjs";

export const FAULTY_HOST = join(ROOT, "tests/support/faulty-host.mjs");

/** @param {string} home */
const file = (home) => join(home, "faults.json");

/**
 * Gives orders, also while it runs. It may read them at any moment: it finds the old ones or the new ones, never half of them.
 *
 * @param {string} home whose host it is
 * @param {object} orders
 */
export function giveOrders(home, orders) {
  const fresh = `${file(home)}.new`;
  writeFileSync(fresh, JSON.stringify(orders));
  renameSync(fresh, file(home));
}

/** The requests that it has seen, without their bodies; not the one that it may be writing down now. @param {string} home @returns {any[]} */
export function requestsSeen(home) {
  const log = `${file(home)}.log`;
  const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
  return lines.map((line) => JSON.parse(line));
}

/** @param {string} home */
export const forgetRequests = (home) => rmSync(`${file(home)}.log`, { force: true });
