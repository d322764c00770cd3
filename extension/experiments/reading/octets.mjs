/**
 * Octets in their two shapes, byte string and ArrayBuffer, and their hash. The work is done by XPCOM streams: a loop
 * over the octets of a large mail in JavaScript costs seconds.
 */

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
 * @param {string[]} pieces byte strings, hashed one after the other
 * @returns {string} SHA-256 in lower-case hex
 */
export function sha256(pieces) {
  const hash = Cc["@mozilla.org/security/hash;1"].createInstance(Ci.nsICryptoHash);
  hash.init(Ci.nsICryptoHash.SHA256);
  for (const piece of pieces.filter(Boolean)) {
    hash.updateFromStream(streamOf(piece), piece.length);
  }
  return Array.from(hash.finish(false), (digit) => digit.charCodeAt(0).toString(16).padStart(2, "0")).join("");
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
 * Collects what a stream listener is handed, piece by piece, at the price of one call each: libmime hands a large
 * mail over line by line.
 */
export class Collector {
  #pieces = /** @type {string[]} */ ([]);
  /** Where the last piece came from; the next one mostly does, too. @type {any} */
  #stream = null;
  /** nsIBinaryInputStream @type {any} */
  #reader = null;

  /**
   * @param {any} stream
   * @param {number} count
   */
  take(stream, count) {
    if (count === 0) {
      return; // libmime hands over empty lines as nothing, and reading nothing takes seconds
    }
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#reader = binary(stream);
    }
    this.#pieces.push(this.#reader.readBytes(count));
  }

  /** @returns {string} all of it; afterwards the collector is empty */
  finish() {
    const bytes = this.#pieces.join("");
    this.#pieces = [];
    return bytes;
  }
}

/** @param {any} stream */
export function binary(stream) {
  const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
  reader.setInputStream(stream);
  return reader;
}
