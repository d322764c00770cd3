/**
 * Looks into messages that were never opened, in the background and in slices so short that nobody notices. What is not
 * on this computer is not fetched for it.
 */

import { setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { claimed, isHeaderWhole } from "./marks.mjs";

/** So much of a message is read at first; most headers end there. */
const FIRST_OCTETS = 4096;
/** So much at most: what comes later is taken for plain until the message is opened. */
const HEADER_OCTETS = 65_536;
/** A slice ends after this, and something else gets its turn. */
const SLICE_MS = 12;
const PAUSE_MS = 4;

export class Scanner {
  /** Messages on the screen come first. @type {any[]} */
  #urgent = [];
  /** The rest of the folders of which some message was on the screen. @type {any[]} */
  #folders = [];
  /** nsIMsgDBHdr enumerator of the folder that is being gone through @type {Iterator<any> | null} */
  #rest = null;
  #running = false;
  #stopped = false;
  /** Folders that were gone through, by URI. @type {Set<string>} */
  #gone = new Set();
  #mark;
  #isMarked;
  #tell;

  /**
   * @param {object} list
   * @param {(header: any, mark: import("./marks.mjs").Mark) => void} list.mark keeps what was found
   * @param {(header: any) => boolean} list.isMarked
   * @param {(done: boolean) => void} list.tell called after each slice; `done`: nothing is left to be looked into
   */
  constructor({ mark, isMarked, tell }) {
    this.#mark = mark;
    this.#isMarked = isMarked;
    this.#tell = tell;
  }

  /** A message without a mark is on the screen, or is being sorted. @param {any} header nsIMsgDBHdr */
  want(header) {
    if (!isHere(header)) {
      return;
    }
    this.#urgent.push(header);
    const { folder } = header;
    if (!this.#gone.has(folder.URI)) {
      this.#gone.add(folder.URI);
      this.#folders.push(folder);
    }
    this.#run();
  }

  stop() {
    this.#stopped = true;
    this.#urgent = [];
    this.#folders = [];
    this.#rest = null;
  }

  #run() {
    if (this.#running || this.#stopped) {
      return;
    }
    this.#running = true;
    const slice = () => {
      if (this.#stopped) {
        return;
      }
      const end = Date.now() + SLICE_MS;
      let header = this.#next();
      while (header) {
        this.#look(header);
        header = Date.now() < end ? this.#next() : null;
      }
      const done = !this.#hasMore;
      this.#running = !done;
      this.#tell(done);
      if (!done) {
        setTimeout(slice, PAUSE_MS);
      }
    };
    setTimeout(slice, PAUSE_MS);
  }

  get #hasMore() {
    return this.#urgent.length > 0 || this.#rest !== null || this.#folders.length > 0;
  }

  /** @returns {any} the next header to look into, marked or not; null where none is left */
  #next() {
    if (this.#urgent.length) {
      return this.#urgent.pop();
    }
    for (;;) {
      if (!this.#rest) {
        const folder = this.#folders.shift();
        if (!folder) {
          return null;
        }
        try {
          this.#rest = folder.messages[Symbol.iterator]();
        } catch {
          continue; // a folder that cannot be read now
        }
      }
      const step = this.#rest?.next();
      if (step && !step.done) {
        return step.value;
      }
      this.#rest = null;
    }
  }

  /** @param {any} header */
  #look(header) {
    try {
      if (!this.#isMarked(header) && isHere(header)) {
        this.#mark(header, claimed(startOf(header)));
      }
    } catch {
      // It was deleted, or its file is in use: looked into when it is on the screen the next time.
    }
  }
}

/** Whether the message's octets are on this computer. @param {any} header */
function isHere({ flags, folder }) {
  return Boolean(folder) && (folder.server.type === "none" || folder.server.type === "pop3" || hasOffline(flags));
}

/** @param {number} flags */
function hasOffline(flags) {
  return (flags & Ci.nsMsgMessageFlags.Offline) !== 0;
}

/** @param {any} header @returns {string} byte string */
function startOf(header) {
  const stream = header.folder.getMsgInputStream(header);
  try {
    const reader = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
    reader.init(stream);
    let start = reader.readBytes(Math.min(FIRST_OCTETS, stream.available()));
    while (start.length < HEADER_OCTETS && !isHeaderWhole(start) && stream.available()) {
      start += reader.readBytes(Math.min(FIRST_OCTETS, stream.available()));
    }
    return start;
  } finally {
    stream.close();
  }
}
