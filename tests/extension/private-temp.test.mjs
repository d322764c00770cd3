/** What was left in the private folder in memory goes: of a Thunderbird that has ended, and of no other. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { emptyPrivateTemp } from "../../extension/experiments/reading/private-temp.mjs";

/** No process can have this number. */
const ENDED = 2 ** 30;

let memory = "";
let composing = false;
/** Names of what cannot be removed. @type {Set<string>} */
const held = new Set();

/** As much of an nsIFile as is needed, of a real file. */
class File {
  path = "";
  /** @param {string} path */
  initWithPath(path) {
    this.path = path;
  }
  /** @param {string} name */
  append(name) {
    this.path = join(this.path, name);
  }
  get leafName() {
    return basename(this.path);
  }
  exists() {
    return existsSync(this.path);
  }
  get directoryEntries() {
    return readdirSync(this.path)
      .sort()
      .map((name) => Object.assign(new File(), { path: join(this.path, name) }));
  }
  /** @param {boolean} recursive */
  remove(recursive) {
    if (held.has(this.leafName)) throw new Error("in use");
    rmSync(this.path, { recursive });
  }
}

Object.assign(globalThis, {
  Cc: { "@mozilla.org/file/local;1": { createInstance: () => new File() } },
  Ci: {},
  Services: {
    env: { get: () => memory },
    appinfo: { processID: process.pid },
    wm: { getMostRecentWindow: () => (composing ? {} : null) },
  },
});

beforeEach(() => {
  memory = mkdtempSync(join(tmpdir(), "private-temp-"));
  composing = false;
  held.clear();
});
afterEach(() => rmSync(memory, { recursive: true }));

const folder = () => join(memory, "dane-smime-thunderbird");

/** @param {(string | number)[]} names of folders with a file in each */
function leave(...names) {
  for (const name of names) {
    mkdirSync(join(folder(), String(name)), { recursive: true });
    writeFileSync(join(folder(), String(name), "nsmail.tmp"), "x");
  }
}
const left = () => readdirSync(folder()).sort();

test("the folder of a Thunderbird that has ended goes, that of one that runs stays", () => {
  leave(ENDED, process.ppid, "what is this");
  emptyPrivateTemp();
  assert.deepEqual(left(), [String(process.ppid)]);
});

test("one's own stays as long as a window may need it", () => {
  leave(process.pid);
  composing = true;
  emptyPrivateTemp();
  assert.deepEqual(left(), [String(process.pid)]);
  emptyPrivateTemp(true);
  assert.deepEqual(left(), []);
});

test("one that cannot be removed keeps no other", () => {
  leave(ENDED, ENDED + 1, ENDED + 2);
  held.add(String(ENDED + 1));
  emptyPrivateTemp();
  assert.deepEqual(left(), [String(ENDED + 1)]);
});

test("where there is none, nothing happens", () => emptyPrivateTemp());
