/**
 * Looks at the seam where the host's entity is put behind the outer header of a mail. No cryptography: this only makes
 * sure that what goes out is of the kind that was asked for, and that nothing slips into the outer header.
 */

/** How far the header of an entity may reach. */
const HEADER_OCTETS = 8192;

/**
 * @param {Uint8Array} entity as the host made it
 * @param {{ encrypt: boolean }} job what was asked for
 * @returns {string | null} what is wrong with it, in English, for the console
 */
export function entityFault(entity, job) {
  const start = String.fromCharCode(...entity.subarray(0, HEADER_OCTETS));
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
  const enveloped = ENVELOPED.test(type);
  const signed =
    /^multipart\/signed\s*;/.test(type) || /^application\/(x-)?pkcs7-mime\s*;.*smime-type="?signed-data/.test(type);
  if (job.encrypt ? !enveloped : !signed) {
    return `asked to ${job.encrypt ? "encrypt" : "sign"}, got ${type}`;
  }
  return null;
}

const ENVELOPED = /^application\/(x-)?pkcs7-mime\s*;.*smime-type="?(enveloped|authenveloped)-data/;

/**
 * Whether a mail is encrypted as a whole, be it by S/MIME or by OpenPGP. Of what its header says, that is: what lies inside is
 * nobody's business here.
 *
 * @param {string} head the beginning of a mail, with its whole header; line ends of any kind
 */
export function isEncrypted(head) {
  const text = head.replace(/\r\n?/g, "\n");
  const end = text.indexOf("\n\n");
  const type = end < 0 ? null : contentType(text.slice(0, end).split(/\n(?![ \t])/));
  return type !== null && (ENVELOPED.test(type) || /^multipart\/encrypted\s*;/.test(type));
}

/**
 * The one Content-Type of a header, unfolded and in lower case; null where there is none, or more than one.
 *
 * @param {string[]} fields
 */
function contentType(fields) {
  const types = fields.filter((field) => /^content-type:/i.test(field));
  return types.length === 1 ? types[0].replace(/\r?\n/g, "").slice("content-type:".length).trim().toLowerCase() : null;
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
      !/^(bcc|fcc|mime-version|content-.*|x-mozilla-.*|x-identity-key|x-account-key|x-template|x-unsent)$/i.test(name)
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
