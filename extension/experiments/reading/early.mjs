/**
 * A large message's CMS object, read straight from where Thunderbird keeps the message. libmime hands the same over a
 * line at a time, which takes seconds; in these the host can be at work.
 */

import { binary, sliceOf } from "../shared/octets.mjs";
import { fieldValue, headerFields, mediaType, smimeKind, splitEntity } from "./mime-text.mjs";

/** Smaller ones gain nothing by it. */
const LARGE_OCTETS = 1024 * 1024;
/** A header that is longer is not for us. */
const HEADER_OCTETS = 256 * 1024;

/**
 * @param {any} header nsIMsgDBHdr; null for a message file
 * @returns {{ header: string, content: ArrayBuffer } | null} the message's header and its content, decoded; null for a small message, one that is not here, and one that is not sent in base64
 */
export function earlyPart(header) {
  try {
    if (!header?.folder || header.messageSize < LARGE_OCTETS || !isHere(header)) {
      return null;
    }
    const stream = header.folder.getMsgInputStream(header);
    try {
      const all = new ArrayBuffer(header.messageSize);
      const length = binary(stream).readArrayBuffer(all.byteLength, all);
      // `available` tells only what is in its buffer, but at the end that is nothing.
      return stream.available() === 0 ? contentOf(length === all.byteLength ? all : all.slice(0, length)) : null;
    } finally {
      stream.close();
    }
  } catch {
    return null; // libmime will say what is wrong
  }
}

/** @param {ArrayBuffer} all of the message */
function contentOf(all) {
  const start = sliceOf(all, 0, HEADER_OCTETS);
  const { head, body } = splitEntity(start);
  const fields = headerFields(head);
  const type = fieldValue(fields, "content-type");
  const encoding = fieldValue(fields, "content-transfer-encoding").toLowerCase();
  if (!body || encoding !== "base64" || mediaType(type).startsWith("multipart/") || smimeKind(type) !== "cms") {
    return null;
  }
  const base64 = sliceOf(all, start.length - body.length);
  return { header: head, content: /** @type {ArrayBuffer} */ (Uint8Array.fromBase64(base64).buffer) };
}

/** Whether the message's octets are on this computer. @param {any} header */
function isHere({ flags, folder }) {
  return ["none", "pop3"].includes(folder.server.type) || (flags & Ci.nsMsgMessageFlags.Offline) !== 0;
}
