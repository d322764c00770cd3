/**
 * Looks at the seam where the host's entity is put behind the outer header of a mail. No cryptography: this only makes
 * sure that what goes out is of the kind that was asked for, and that nothing slips into the outer header.
 */

import { contentType, isEncrypted, kindOf } from "./kind.sys.mjs";

/** How far the header of an entity may reach. */
const HEADER_OCTETS = 8192;

/**
 * @param {{ length: number, slice(start: number, end: number): string }} entity as the host made it
 * @param {{ encrypt: boolean, opaque?: boolean, triple?: boolean }} job what was asked for
 * @returns {string | null} what is wrong with it, in English, for the console
 */
export function entityFault(entity, job) {
  const start = entity.slice(0, HEADER_OCTETS);
  const end = start.indexOf("\r\n\r\n");
  if (end < 0 || entity.length === end + 4) {
    return "no header, or nothing behind it";
  }
  const fields = start.slice(0, end).split(/\r\n(?![ \t])/);
  if (!fields.every((field) => /^content-[a-z-]+:/i.test(field))) {
    return "a header field that is not Content-*";
  }
  const type = contentType(fields);
  if (type === null) {
    return "not one Content-Type";
  }
  const kind = kindOf(type);
  // A host signs inside where relays could break a signature beside the text, asked or not; never the other way round.
  const wanted = job.encrypt && !job.triple ? ["enveloped"] : job.opaque ? ["opaque"] : ["clear-signed", "opaque"];
  if (!wanted.includes(kind)) {
    return `asked for ${wanted.join(" or ")}, got ${type}`;
  }
  if (job.encrypt && job.triple && !isEncrypted(start)) {
    return "asked to encrypt and sign that, got a signature around what is not encrypted";
  }
  return null;
}

/**
 * The outer header of a mail as pairs, unfolded, without what never leaves this computer.
 *
 * @param {string} text header fields with CRLF
 * @returns {[string, string][]}
 */
export function headerFields(text) {
  /** @type {[string, string][]} */
  const fields = [];
  for (const line of text.split(/\r\n(?![ \t])/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (
      colon > 0 &&
      !/^(bcc|fcc|mime-version|content-.*|x-mozilla-.*|x-identity-key|x-account-key|x-template|x-unsent|x-dane-smime-draft)$/i.test(
        name,
      )
    ) {
      fields.push([
        name,
        line
          .slice(colon + 1)
          .replace(/\r\n/g, "")
          .trim(),
      ]);
    }
  }
  return fields;
}
