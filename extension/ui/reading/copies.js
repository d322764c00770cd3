/**
 * Copies of encrypted messages, without their encryption or encrypted anew. Pure: octets in, octets out; who opens and
 * encrypts is the host.
 */

import { isOpenedByHost, outerHeader, ownFields } from "../../experiments/reading/draft-message.mjs";
import { fieldValue, headerFields, smimeKind, splitEntity } from "../../experiments/reading/mime-text.mjs";

/** Headers of mail are not longer. */
const HEADER_OCTETS = 1024 * 1024;

/** Fields that the file of a folder has beside those of the message. */
const OF_FOLDER = /^(x-mozilla-(status2?|keys)|x-account-key)$/;

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
 * A message with the header of the original and what was inside it. What Thunderbird keeps in the file of a folder about the
 * message (read, deleted, labelled) is of that folder, and is not copied.
 *
 * @param {Uint8Array} original
 * @param {Uint8Array} entity with its own `Content-*` fields
 * @param {{ readable: boolean }} how `readable`: the entity is plaintext, so the header that was hidden is the message's
 * @returns {Uint8Array}
 */
export function withContent(original, entity, { readable }) {
  const { fields } = split(original);
  const inside = split(entity);
  const own = readable ? ownFields(fields, inside.fields) : fields;
  if (!own.some(({ name }) => name === "message-id")) {
    own.push(...fields.filter(({ name }) => name === "message-id"));
  }
  const content = inside.fields.filter(({ name }) => name.startsWith("content-")).map(({ raw }) => `${raw}\r\n`);
  const head = octets(`${outerHeader(own.filter(({ name }) => !OF_FOLDER.test(name)))}${content.join("")}\r\n`);
  const message = new Uint8Array(head.length + inside.body.length);
  message.set(head);
  message.set(inside.body, head.length);
  return message;
}

/**
 * Whether a message came back as it should be: all fields of its header, and its body, whatever the line ends. A folder may
 * add fields of its own.
 *
 * @param {Uint8Array} read
 * @param {Uint8Array} wanted
 */
export function isSame(read, wanted) {
  const [there, asked] = [read, wanted].map(split);
  const raws = new Set(there.fields.map(({ raw }) => raw.trimEnd()));
  const [a, b] = [there, asked].map(({ body }) => withoutCr(body));
  return (
    asked.fields.length > 0 &&
    asked.fields.every(({ raw }) => raws.has(raw.trimEnd())) &&
    a.length === b.length &&
    a.every((octet, at) => octet === b[at])
  );
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
