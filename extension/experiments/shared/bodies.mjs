/**
 * Large bodies on their way to the host and back, as files in the folder in memory that the host has made for it
 * (native-host/PROTOCOL.md, "Bodies by file"). Their octets are moved by XPCOM streams and never become JavaScript's: as
 * byte strings and ArrayBuffers they would be copied a dozen times through three processes.
 *
 * Nothing depends on it: where there is no folder, or something in it goes wrong, a body goes in chunks.
 */

import { binary, sliceOf, streamOf } from "./octets.mjs";

/** Smaller bodies go in chunks. */
export const LARGE_OCTETS = 256 * 1024;

/** No second copy of a large text is made. */
const PIECE_OCTETS = 1024 * 1024;

const NAME = /^[A-Za-z0-9-]{1,64}$/;

// prio.h
const [READ_ONLY, WRITE_ONLY, CREATE, APPEND, EXCLUSIVE] = [0x01, 0x02, 0x08, 0x10, 0x80];

/**
 * A body that lies in a file.
 *
 * @typedef {import("../../types/protocol").BodyReference} BodyReference
 */

/** The folder, as long as there is one. */
export class Bodies {
  #folder = "";

  /** @param {string | null} folder where the host takes large bodies from; null: nowhere any more */
  offer(folder) {
    this.#folder = "";
    try {
      // Its name cannot be guessed: what is here under that name is the host's folder, and not another of a sandbox.
      if (folder && fileAt(folder).isDirectory()) {
        this.#folder = folder;
      }
    } catch {
      // Thunderbird does not see it.
    }
  }

  /** Whether large bodies can be handed over now. */
  get isOpen() {
    return this.#folder !== "";
  }

  /** @returns {BodyFile | null} a new file; null where none can be made */
  create() {
    if (!this.#folder) {
      return null;
    }
    try {
      return new BodyFile(this.#folder);
    } catch (error) {
      console.warn("DANE S/MIME: a large mail cannot be handed over by file", error);
      return null;
    }
  }

  /**
   * @param {(string | { length: number, stream: any })[]} pieces byte strings and octets
   * @returns {BodyFile | null} a file that holds them, one behind the other
   */
  put(pieces) {
    const file = this.create();
    try {
      for (const piece of file ? pieces : []) {
        file?.writeFrom(typeof piece === "string" ? streamOf(piece) : piece.stream, piece.length);
      }
      file?.close();
      return file;
    } catch (error) {
      console.warn("DANE S/MIME: a large mail cannot be handed over by file", error);
      file?.remove();
      return null;
    }
  }

  /**
   * Takes the body of an answer. Its file has no name any more afterwards, and is gone with the last who holds it.
   *
   * @param {BodyReference} reference
   * @returns {FileContent}
   */
  take({ folder, name, length }) {
    if (!NAME.test(name)) {
      throw new Error("an answer that lies elsewhere");
    }
    const file = fileAt(folder, name);
    try {
      return new FileContent(file, length);
    } finally {
      removeQuietly(file);
    }
  }

  /** Removes the body of an answer that nobody wants any more. @param {unknown} answer what came as a body */
  discard(answer) {
    if (isReference(answer) && NAME.test(answer.name)) {
      removeQuietly(fileAt(answer.folder, answer.name));
    }
  }
}

/** @param {unknown} body @returns {body is BodyReference} */
export function isReference(body) {
  return typeof body === "object" && body !== null && "folder" in body && "name" in body;
}

/** A file that is being written for the host. */
export class BodyFile {
  #folder;
  #name = `body-${Services.uuid.generateUUID().toString().slice(1, -1)}`;
  #file;
  /** nsIFileOutputStream @type {any} */
  #output = Cc["@mozilla.org/network/file-output-stream;1"].createInstance(Ci.nsIFileOutputStream);
  /** A file stream cannot take octets out of another stream; its closing, or its end, closes the file, too. @type {any} */
  #buffered = null;
  /** Octets that are in it. */
  length = 0;

  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
    this.#file = fileAt(folder, this.#name);
    this.#output.init(this.#file, WRITE_ONLY | CREATE | EXCLUSIVE, 0o600, 0);
  }

  /** @returns {BodyReference} */
  get reference() {
    return { folder: this.#folder, name: this.#name, length: this.length };
  }

  /** @param {string} octets byte string; what does not fit is an error, and `length` then tells how much did */
  write(octets) {
    for (let start = 0; start < octets.length; start += PIECE_OCTETS) {
      const piece = octets.slice(start, start + PIECE_OCTETS);
      const written = this.#output.write(piece, piece.length);
      this.length += written;
      if (written !== piece.length) {
        throw Components.Exception("a body does not fit", Cr.NS_ERROR_FILE_NO_DEVICE_SPACE);
      }
    }
  }

  /** @param {any} stream @param {number} count */
  writeFrom(stream, count) {
    if (count === 0) {
      return;
    }
    if (!this.#buffered) {
      this.#buffered = Cc["@mozilla.org/network/buffered-output-stream;1"].createInstance(Ci.nsIBufferedOutputStream);
      this.#buffered.init(this.#output, LARGE_OCTETS);
    }
    for (let left = count; left > 0; ) {
      const written = this.#buffered.writeFrom(stream, left);
      if (written === 0) {
        throw Components.Exception("a body has broken off", Cr.NS_ERROR_FAILURE);
      }
      left -= written;
    }
    this.#buffered.flush();
    this.length += count;
  }

  /** Nothing more is written. */
  close() {
    this.#output.close();
  }

  /** What is in it. @returns {FileContent} */
  read() {
    return new FileContent(this.#file, this.#file.fileSize);
  }

  remove() {
    try {
      this.#output.close();
    } finally {
      removeQuietly(this.#file);
    }
  }
}

/** Text that comes in pieces and goes to the host: a few of them are kept in memory, more in a file. */
export class OutgoingBody {
  #bodies;
  /** Byte strings. @type {string[]} */
  #pieces = [];
  #waiting = 0;
  /** @type {BodyFile | null} */
  #file = null;
  /** Once it did not work, all stays in memory. */
  #inMemory = false;
  length = 0;

  /** @param {Bodies} bodies */
  constructor(bodies) {
    this.#bodies = bodies;
  }

  /** @param {string} octets byte string */
  write(octets) {
    this.#pieces.push(octets);
    this.#waiting += octets.length;
    this.length += octets.length;
    if (this.#waiting >= LARGE_OCTETS && !this.#inMemory) {
      this.#file ??= this.#bodies.create();
      this.#inMemory = this.#file === null;
      this.#pour();
    }
  }

  /** @returns {BodyReference | null} the file that holds all of it; null where it is small, or no file can hold it */
  get reference() {
    this.#pour();
    return this.#file?.reference ?? null;
  }

  /** All of it, for who takes no file. @returns {ArrayBuffer} */
  get buffer() {
    this.#backToMemory();
    const all = new ArrayBuffer(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      for (let start = 0; start < piece.length; start += PIECE_OCTETS) {
        const part = piece.slice(start, start + PIECE_OCTETS);
        const octets = new ArrayBuffer(part.length);
        binary(streamOf(part)).readArrayBuffer(part.length, octets);
        new Uint8Array(all, at, part.length).set(new Uint8Array(octets));
        at += part.length;
      }
    }
    return all;
  }

  /** Nobody needs it any more. */
  remove() {
    this.#file?.remove();
    this.#file = null;
    this.#inMemory = true;
    this.#pieces = [];
    this.#waiting = 0;
    this.length = 0;
  }

  #pour() {
    const file = this.#file;
    if (!file) {
      return;
    }
    while (this.#pieces.length) {
      const before = file.length;
      try {
        file.write(this.#pieces[0]);
      } catch (error) {
        console.warn("DANE S/MIME: a large mail does not fit into memory as a file", error);
        file.length = before;
        this.#backToMemory();
        return;
      }
      this.#waiting -= this.#pieces[0].length;
      this.#pieces.shift();
    }
  }

  #backToMemory() {
    if (this.#file) {
      const content = this.#file.read();
      this.#pieces.unshift(content.slice(0, this.#file.length));
      content.close();
      this.#file.remove();
      this.#file = null;
    }
    this.#inMemory = true;
  }
}

/** Octets in a file that has no name any more. */
export class FileContent {
  #stream;

  /** @param {any} file nsIFile @param {number} length what it must have */
  constructor(file, length) {
    this.length = length;
    this.#stream = Cc["@mozilla.org/network/file-input-stream;1"].createInstance(Ci.nsIFileInputStream);
    this.#stream.init(file, READ_ONLY, 0, 0);
    if (this.#stream.available() !== length) {
      this.#stream.close();
      throw new Error("a file of another length");
    }
  }

  /** From the beginning. For one reader at a time. */
  get stream() {
    this.#seek(0);
    return this.#stream;
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {string} byte string
   */
  slice(start, end) {
    this.#seek(start);
    return binary(this.#stream).readBytes(Math.min(end, this.length) - start);
  }

  /** @param {string} path of a file, behind whose end it is put */
  async appendTo(path) {
    await copied(this.stream, outputTo(path));
  }

  /** Forgets it. */
  close() {
    this.#stream.close();
  }

  /** @param {number} offset */
  #seek(offset) {
    this.#stream.QueryInterface(Ci.nsISeekableStream).seek(Ci.nsISeekableStream.NS_SEEK_SET, offset);
  }
}

/** Octets in memory, as `FileContent` has them. */
export class MemoryContent {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.buffer = buffer;
    this.length = buffer.byteLength;
  }

  /** @param {number} start @param {number} end @returns {string} byte string */
  slice(start, end) {
    return sliceOf(this.buffer, start, end);
  }

  /** @param {string} path */
  async appendTo(path) {
    await IOUtils.write(path, new Uint8Array(this.buffer), { mode: "append" });
  }

  close() {}
}

/** @typedef {FileContent | MemoryContent} Content */

/**
 * Copies in a thread of its own.
 *
 * @param {any} source nsIInputStream
 * @param {any} sink nsIOutputStream, closed at the end
 */
function copied(source, sink) {
  const { NetUtil } = ChromeUtils.importESModule("resource://gre/modules/NetUtil.sys.mjs");
  return new Promise((resolve, reject) => {
    NetUtil.asyncCopy(source, sink, (/** @type {number} */ status) =>
      Components.isSuccessCode(status) ? resolve(undefined) : reject(Components.Exception("not copied", status)),
    );
  });
}

/** @param {string} path */
function outputTo(path) {
  const output = Cc["@mozilla.org/network/file-output-stream;1"].createInstance(Ci.nsIFileOutputStream);
  output.init(fileAt(path), WRITE_ONLY | APPEND, 0o600, 0);
  return output;
}

/**
 * @param {string} path
 * @param {string} [name] of a file in it
 * @returns {any} nsIFile
 */
function fileAt(path, name) {
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  if (name) {
    file.append(name);
  }
  return file;
}

/** @param {any} file nsIFile */
function removeQuietly(file) {
  try {
    file.remove(false);
  } catch {
    // It is gone, with its folder perhaps.
  }
}
