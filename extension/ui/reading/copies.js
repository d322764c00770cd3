/**
 * Copies of encrypted messages, without their encryption or encrypted anew. Pure: octets in, octets out; who opens and
 * encrypts is the host.
 */

import { isOpenedByHost, outerHeader } from "../../experiments/reading/draft-message.mjs";
import { fieldValue, headerFields, parameter, smimeKind, splitEntity } from "../../experiments/reading/mime-text.mjs";

/** Headers of mail are not longer. */
const HEADER_OCTETS = 1024 * 1024;

/** @param {string} text byte string */
const octets = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** @param {Uint8Array} bytes @returns {string} byte string; `TextDecoder` would make other characters of some octets */
function asText(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}

/** @param {Uint8Array} entity @returns {{ fields: import("../../experiments/reading/mime-text.mjs").Field[], body: Uint8Array }} */
export function split(entity) {
  const start = asText(entity.subarray(0, HEADER_OCTETS));
  const { head, body } = splitEntity(start);
  return { fields: headerFields(head), body: entity.subarray(start.length - body.length) };
}

/** Whether there may be encryption to be taken off. @param {Uint8Array} message */
export function mayBeEncrypted(message) {
  const type = fieldValue(split(message).fields, "content-type");
  switch (smimeKind(type)) {
    case "cms":
      return true;
    case "signed":
      return isOpenedByHost(asText(message.subarray(0, HEADER_OCTETS)));
    default:
      return false;
  }
}

/**
 * A message with the header of the original and what was inside it.
 *
 * @param {Uint8Array} original
 * @param {Uint8Array} entity with its own `Content-*` fields
 * @param {{ readable: boolean }} how `readable`: the entity is plaintext, so a subject that was hidden is the message's
 * @returns {Uint8Array}
 */
export function withContent(original, entity, { readable }) {
  const { fields } = split(original);
  const inside = split(entity);
  const type = fieldValue(inside.fields, "content-type");
  const isHidden = readable && parameter(type, "hp") === "cipher";
  const subject = isHidden ? inside.fields.find(({ name }) => name === "subject") : undefined;
  const own = subject ? [...fields.filter(({ name }) => name !== "subject"), subject] : fields;
  const content = inside.fields.filter(({ name }) => name.startsWith("content-")).map(({ raw }) => `${raw}\r\n`);
  const head = octets(`${outerHeader(own)}${content.join("")}\r\n`);
  const message = new Uint8Array(head.length + inside.body.length);
  message.set(head);
  message.set(inside.body, head.length);
  return message;
}

/**
 * Whether two messages have the same text, whatever their line ends. A folder may add fields to a header, so the bodies
 * count.
 *
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
export function sameBody(one, other) {
  const [a, b] = [one, other].map((message) => withoutCr(split(message).body));
  return a.length > 0 && a.length === b.length && a.every((octet, at) => octet === b[at]);
}

/** @param {Uint8Array} bytes @returns {Uint8Array} without CR, and without line ends at the end */
function withoutCr(bytes) {
  const kept = bytes.filter((octet) => octet !== 13);
  let end = kept.length;
  while (end > 0 && kept[end - 1] === 10) {
    end--;
  }
  return kept.subarray(0, end);
}
