/**
 * The messages that a compose window is filled from: which of them the host has to open first, and what libmime is fed
 * in their place. Byte strings; pure.
 */

import {
  fieldValue,
  firstPart,
  headerFields,
  isWholeMessage,
  mediaType,
  parameter,
  smimeKind,
  splitEntity,
} from "./mime-text.mjs";

/**
 * Whether the host has to open the message before it can be read as it is meant: all CMS objects, and a signature over one,
 * or over a whole message.
 *
 * @param {string} message
 */
export function isOpenedByHost(message) {
  const { head, body } = splitEntity(message);
  const type = fieldValue(headerFields(head), "content-type");
  if (smimeKind(type) !== "signed") {
    return true;
  }
  const first = firstPart(body, parameter(type, "boundary") ?? "") ?? "";
  const inner = fieldValue(headerFields(splitEntity(first).head), "content-type");
  return smimeKind(inner) !== null || isWholeMessage(inner);
}

/**
 * The message's own header, as the composer needs it, without what describes the encrypted content.
 *
 * @param {import("./mime-text.mjs").Field[]} fields
 */
export function outerHeader(fields) {
  const kept = fields.filter(({ name }) => !name.startsWith("content-") && name !== "mime-version");
  return `${kept.map(({ raw }) => `${raw}\r\n`).join("")}MIME-Version: 1.0\r\n`;
}

/** Fields of a draft that are of this computer, and so stand outside alone. */
const OF_THIS_COMPUTER = /^(fcc|x-account-key|x-identity-key|x-mozilla-.*|x-template|x-unsent)$/;

/** Written inside a draft by the compose side (experiments/compose/modules/draft-choice.sys.mjs). */
const SWITCHED = "x-dane-smime-draft";
const BLIND = "x-dane-smime-draft-bcc";

/**
 * What the compose side keeps in a draft.
 *
 * @param {string} entity the decrypted one
 * @returns {string} the value of the field; empty where there is none
 */
export function switchedInside(entity) {
  return fieldValue(headerFields(splitEntity(entity).head), SWITCHED);
}

/**
 * The header of a message that was encrypted. Of a draft of ours all of it stands inside: whoever keeps the draft could write
 * themselves among the blind recipients outside. Of any other message the subject counts, where it was protected as the real
 * one (RFC 9788 section 2.1.1: `hp="cipher"`; or the older `protected-headers="v1"`).
 *
 * @param {import("./mime-text.mjs").Field[]} outside
 * @param {import("./mime-text.mjs").Field[]} inside
 */
export function ownFields(outside, inside) {
  if (fieldValue(inside, SWITCHED)) {
    const blind = inside.find(({ name }) => name === BLIND);
    const written = inside.filter(({ name }) => !/^(hp-outer|bcc|x-dane-smime-draft.*)$/.test(name));
    return [
      ...outside.filter(({ name }) => OF_THIS_COMPUTER.test(name)),
      ...written.filter(({ name }) => !OF_THIS_COMPUTER.test(name)),
      ...(blind ? [{ name: "bcc", raw: `Bcc${blind.raw.slice(blind.raw.indexOf(":"))}` }] : []),
    ];
  }
  const type = fieldValue(inside, "content-type");
  const isProtected =
    parameter(type, "hp") === "cipher" ||
    (parameter(type, "hp") === null && parameter(type, "protected-headers") === "v1");
  const subject = isProtected ? inside.find(({ name }) => name === "subject") : undefined;
  return subject ? [...outside.filter(({ name }) => name !== "subject"), subject] : outside;
}

/**
 * A message with this header and the decrypted entity.
 *
 * @param {import("./mime-text.mjs").Field[]} fields
 * @param {string} entity
 * @param {string} boundary one that does not stand in the entity
 */
export function asMessage(fields, entity, boundary) {
  const { head, body } = splitEntity(entity);
  const inside = headerFields(head);
  const type = fieldValue(inside, "content-type");
  const content = inside
    .filter(({ name }) => name.startsWith("content-"))
    .map(({ raw }) => `${raw}\r\n`)
    .join("");
  const own = ownFields(fields, inside);
  // A multipart goes one level down, so that its parts have the numbers that they have on display, where images inside
  // the text are fetched; an attached message too, to be an attachment. Any other single part stays: wrapped, flowed text
  // would gain a space and a line each time.
  return mediaType(type).startsWith("multipart/") || isWholeMessage(type)
    ? mixed(outerHeader(own), [`${content}\r\n${body}`], boundary)
    : `${outerHeader(own)}${content}\r\n${body}`;
}

/**
 * @param {string} header fields, each with its line end
 * @param {string[]} parts
 * @param {string} boundary
 */
export function mixed(header, parts, boundary) {
  const all = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("");
  return `${header}Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${all}--${boundary}--\r\n`;
}
