/**
 * A large message's CMS object, read straight from where Thunderbird keeps the message. libmime hands the same over a
 * line at a time, which takes seconds; in these the host can be at work.
 */

import { setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { binary, bufferOf, Collector, Hash, octetsOf, streamOf } from "../shared/octets.mjs";
import { fieldValue, headerFields, mediaType, smimeKind, splitEntity } from "./mime-text.mjs";

/** Smaller ones gain nothing by it. */
const LARGE_OCTETS = 1024 * 1024;
/** A header that is longer is not for us. */
const HEADER_OCTETS = 256 * 1024;
/** So much is read at once; then something else gets its turn. */
const TEXT_OCTETS = 1024 * 1024;

/**
 * @param {any} header nsIMsgDBHdr; null for a message file
 * @returns {{ header: string, begin: string, stream: any } | null} the message's header, the beginning of its base64, and the
 *   stream with the rest, to be closed; null for a small message, one that is not here, and one that is not sent in base64
 */
export function earlyPart(header) {
  if (!header?.folder || header.messageSize < LARGE_OCTETS || !isHere(header)) {
    return null;
  }
  const stream = header.folder.getMsgInputStream(header);
  const { head, body } = splitEntity(textFrom(stream, HEADER_OCTETS));
  const fields = headerFields(head);
  const type = fieldValue(fields, "content-type");
  const encoding = fieldValue(fields, "content-transfer-encoding").toLowerCase();
  if (!body || encoding !== "base64" || mediaType(type).startsWith("multipart/") || smimeKind(type) !== "cms") {
    stream.close();
    return null;
  }
  return { header: head, begin: body, stream };
}

/**
 * Decodes it, a little at a time.
 *
 * @param {{ begin: string, stream: any }} part is closed
 * @param {string} head the host's header of it
 * @param {import("../shared/bodies.mjs").Bodies} bodies
 * @param {() => boolean} isVain nobody waits for it any more
 * @returns {Promise<import("./openings.mjs").Sealed | null>} null where it is no base64, or in vain; a `file` in it is the
 *   caller's to remove
 */
export async function readEarly({ begin, stream }, head, bodies, isVain) {
  const file = bodies.create();
  const collector = file ? null : new Collector();
  const hash = new Hash();
  let length = 0;
  const take = (/** @type {any} */ octets) => {
    hash.update(octets);
    file ? file.writeFrom(octets.stream, octets.length) : collector?.take(octets.stream, octets.length);
    length += octets.length;
  };
  try {
    hash.update(head);
    file?.writeFrom(streamOf(head), head.length);
    for (let text = begin, more = begin; more && !isVain(); ) {
      await new Promise((resolve) => setTimeout(() => resolve(undefined), 0));
      more = textFrom(stream, TEXT_OCTETS);
      const octets = new Uint8Array(Math.ceil((text.length * 3) / 4));
      const end = more ? "stop-before-partial" : "loose";
      const { read, written } = octets.setFromBase64(text, { lastChunkHandling: end });
      take(octetsOf(octets.buffer.slice(0, written)));
      text = text.slice(read) + more;
    }
    file?.close();
    if (!isVain()) {
      const bytes = collector ? collector.finish() : new Written(/** @type {any} */ (file), head.length, length);
      return { head, bytes, shown: null, key: hash.finish(), file };
    }
  } catch {
    // libmime will say what is wrong.
  } finally {
    stream.close();
  }
  file?.remove();
  return null;
}

/** The octets in the file that is for the host, should they be needed in another way. */
class Written {
  #file;
  #start;

  /** @param {import("../shared/bodies.mjs").BodyFile} file @param {number} start @param {number} length */
  constructor(file, start, length) {
    this.#file = file;
    this.#start = start;
    this.length = length;
  }

  get buffer() {
    const content = this.#file.read();
    try {
      return bufferOf(content.slice(this.#start, this.#start + this.length));
    } finally {
      content.close();
    }
  }

  get stream() {
    return octetsOf(this.buffer).stream;
  }
}

/** @param {any} stream @param {number} most @returns {string} byte string; empty at the end */
function textFrom(stream, most) {
  let text = "";
  while (text.length < most) {
    const buffered = stream.available(); // what is in its buffer; at the end that is nothing
    if (buffered === 0) {
      break;
    }
    text += binary(stream).readBytes(Math.min(buffered, most - text.length));
  }
  return text;
}

/** Whether the message's octets are on this computer. @param {any} header */
function isHere({ flags, folder }) {
  return ["none", "pop3"].includes(folder.server.type) || (flags & Ci.nsMsgMessageFlags.Offline) !== 0;
}
