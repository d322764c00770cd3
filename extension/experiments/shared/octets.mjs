/**
 * Octets in their two shapes, byte string and ArrayBuffer, and their hash. The work is done by XPCOM streams: a loop
 * over the octets of a large mail in JavaScript costs seconds.
 */

/** A pipe takes whatever comes, in segments of this size. */
const SEGMENT_OCTETS = 256 * 1024;
const MOST_SEGMENTS = 0xffffffff;

/**
 * @param {string} bytes byte string
 * @returns {any}
 */
export function streamOf(bytes) {
  const stream = Cc["@mozilla.org/io/string-input-stream;1"].createInstance(Ci.nsIStringInputStream);
  stream.setByteStringData(bytes);
  return stream;
}

/**
 * @param {string} bytes byte string
 * @returns {ArrayBuffer}
 */
export function bufferOf(bytes) {
  const buffer = new ArrayBuffer(bytes.length);
  binary(streamOf(bytes)).readArrayBuffer(bytes.length, buffer);
  return buffer;
}

/**
 * @param {Uint8Array} octets
 * @returns {string} byte string
 */
export function bytesOf(octets) {
  if (octets.byteLength === 0) {
    return "";
  }
  const stream = Cc["@mozilla.org/io/arraybuffer-input-stream;1"].createInstance(Ci.nsIArrayBufferInputStream);
  stream.setData(octets.buffer, octets.byteOffset, octets.byteLength);
  return binary(stream).readBytes(octets.byteLength);
}

/**
 * @param {ArrayBuffer} buffer
 * @param {number} [start]
 * @param {number} [end]
 * @returns {string} byte string
 */
export function sliceOf(buffer, start = 0, end = buffer.byteLength) {
  return bytesOf(new Uint8Array(buffer, start, Math.min(end, buffer.byteLength) - start));
}

/** SHA-256 of what comes in pieces. */
export class Hash {
  #hash = Cc["@mozilla.org/security/hash;1"].createInstance(Ci.nsICryptoHash);

  constructor() {
    this.#hash.init(Ci.nsICryptoHash.SHA256);
  }

  /** @param {string | { length: number, stream: any }} piece byte string or octets */
  update(piece) {
    if (piece.length > 0) {
      this.#hash.updateFromStream(typeof piece === "string" ? streamOf(piece) : piece.stream, piece.length);
    }
  }

  /** @returns {string} in lower-case hex */
  finish() {
    const digest = this.#hash.finish(false);
    return Array.from(digest, (/** @type {string} */ octet) => octet.charCodeAt(0).toString(16).padStart(2, "0")).join(
      "",
    );
  }
}

/**
 * @param {(string | { length: number, stream: any })[]} pieces byte strings and octets, hashed one after the other
 * @returns {string} SHA-256 in lower-case hex
 */
export function sha256(pieces) {
  const hash = new Hash();
  for (const piece of pieces) {
    hash.update(piece);
  }
  return hash.finish();
}

/**
 * @param {string} head byte string
 * @param {ArrayBuffer} rest
 * @returns {ArrayBuffer} one behind the other
 */
export function joined(head, rest) {
  const all = new Uint8Array(head.length + rest.byteLength);
  all.set(new Uint8Array(bufferOf(head)));
  all.set(new Uint8Array(rest), head.length);
  return all.buffer;
}

/**
 * Text that XPCOM may have decoded already, as octets again: UTF-8 where a character is beyond one octet.
 *
 * @param {string} text
 * @returns {string} byte string
 */
export function asBytes(text) {
  return /[^\0-\xff]/.test(text) ? bytesOf(new TextEncoder().encode(text)) : text;
}

/**
 * Collects what libmime hands over, line by line for a large mail: a million pieces. The octets do not become
 * JavaScript's before all of them are there and somebody wants them.
 */
export class Collector {
  #pipe;

  constructor() {
    this.#pipe = Cc["@mozilla.org/pipe;1"].createInstance(Ci.nsIPipe);
    this.#pipe.init(true, true, SEGMENT_OCTETS, MOST_SEGMENTS);
  }

  /** nsIOutputStream, for a listener that needs no JavaScript for each piece */
  get sink() {
    return this.#pipe.outputStream;
  }

  /**
   * @param {any} stream
   * @param {number} count
   */
  take(stream, count) {
    // libmime hands over empty lines as nothing, and reading nothing takes seconds
    if (count > 0 && this.sink.writeFrom(stream, count) !== count) {
      throw Components.Exception("a piece was cut off", Cr.NS_ERROR_FAILURE);
    }
  }

  /** @returns {Octets} all that has come since the last time */
  finish() {
    return new Octets(this.#pipe.inputStream);
  }
}

/** Octets that were collected, and that need not be JavaScript's to be hashed. */
export class Octets {
  #stream;
  /** @type {ArrayBuffer | null} */
  #buffer = null;

  /** @param {any} stream of a pipe */
  constructor(stream) {
    this.#stream = stream;
    this.length = stream.available();
  }

  /** For `sha256`. */
  get stream() {
    return this.#buffer
      ? streamOfBuffer(this.#buffer)
      : this.#stream.QueryInterface(Ci.nsICloneableInputStream).clone();
  }

  /** @returns {ArrayBuffer} */
  get buffer() {
    if (!this.#buffer) {
      this.#buffer = new ArrayBuffer(this.length);
      if (this.length > 0) {
        binary(this.#stream).readArrayBuffer(this.length, this.#buffer);
      }
    }
    return this.#buffer;
  }
}

/**
 * Octets that are JavaScript's already.
 *
 * @param {ArrayBuffer} buffer
 * @returns {Pick<Octets, "length" | "stream" | "buffer">}
 */
export function octetsOf(buffer) {
  return {
    length: buffer.byteLength,
    buffer,
    get stream() {
      return streamOfBuffer(buffer);
    },
  };
}

/** @param {ArrayBuffer} buffer */
function streamOfBuffer(buffer) {
  const stream = Cc["@mozilla.org/io/arraybuffer-input-stream;1"].createInstance(Ci.nsIArrayBufferInputStream);
  stream.setData(buffer, 0, buffer.byteLength);
  return stream;
}

/** @param {any} stream */
export function binary(stream) {
  const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
  reader.setInputStream(stream);
  return reader;
}
