/**
 * Makes the message that the host's `open` gets (native-host/PROTOCOL.md) from what libmime hands over: the header
 * block as it was received and the content of one part with its transfer encoding undone. Pure.
 */

import { headerFields } from "./mime-text.mjs";

/** The fields that say who wrote when about what. Every one of them goes along, in order, also if there are two. */
const OF_THE_MESSAGE = new Set(["from", "sender", "reply-to", "to", "cc", "date", "subject"]);

/**
 * @param {string} block the message's header as received, a byte string; may be empty where Thunderbird has none
 * @param {string} contentType of the part whose content follows, as libmime understood it
 * @returns {string} header fields and the blank line, CRLF
 */
export function openMessageHead(block, contentType) {
  const kept = headerFields(block).filter(({ name }) => OF_THE_MESSAGE.has(name));
  return [
    ...kept.map(({ raw }) => raw),
    "MIME-Version: 1.0",
    `Content-Type: ${contentType.trim().replace(/\r?\n[ \t]*/g, " ")}`,
    // libmime has undone the encoding that the part was sent in
    "Content-Transfer-Encoding: binary",
    "",
    "",
  ].join("\r\n");
}
