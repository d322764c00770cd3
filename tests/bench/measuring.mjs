/** What a process and its children have used; the middle of many numbers, and by how much two differ. */

import { readdirSync, readFileSync } from "node:fs";

/** @param {...number} all */
export function median(...all) {
  return all.sort((a, b) => a - b)[all.length >> 1] ?? 0;
}

/** By how much one number is above another or below it, in words. @param {number} one @param {number} other @param {string} unit */
export function difference(one, other, unit) {
  return `${Math.abs(one - other).toFixed(0)} ${unit} ${one < other ? "less" : "more"}`;
}

/** A process and all that it started. @param {number} root */
function family(root) {
  /** @type {Map<number, number>} */
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const belongs = (/** @type {number | undefined} */ pid) => {
    for (let at = pid; at; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(belongs);
}

/** Proportional set size of a process and all that it started, in MiB. @param {number} root */
export function pss(root) {
  const sizes = family(root).map((pid) => {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Time that a process and all that it started have computed, in ms. @param {number} root */
export function computed(root) {
  const ticks = family(root).map((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13);
    return Number(user ?? 0) + Number(system ?? 0);
  });
  return 10 * ticks.reduce((sum, each) => sum + each, 0); // 100 ticks a second (proc(5))
}

/** @param {string} file of a process, which may end while the list is read */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
