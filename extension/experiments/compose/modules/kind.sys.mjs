/**
 * What kind of protection the beginning of a mail or an entity says it has. Text in, answer out; nothing is verified here.
 */

/**
 * Whether a mail is encrypted as a whole, be it by S/MIME or by OpenPGP; there may be a signature around that (RFC 2634). Of what
 * its header says, that is: what lies inside is nobody's business here.
 *
 * @param {string} head the beginning of a mail, with its whole header; line ends of any kind
 */
export function isEncrypted(head) {
  const text = head.replace(/\r\n?/g, "\n");
  const type = typeOf(text);
  if (type === null) {
    return false;
  }
  switch (kindOf(type)) {
    case "enveloped":
      return true;
    case "clear-signed":
      return isEnveloped(firstPart(text, type));
    case "opaque":
      return isEnveloped(signedContent(text));
    default:
      return /^multipart\/encrypted\s*;/.test(type);
  }
}

/**
 * @param {string} type a Content-Type, unfolded and in lower case
 * @returns {"enveloped" | "clear-signed" | "opaque" | "other"}
 */
export function kindOf(type) {
  const [, smime] =
    /^application\/(?:x-)?pkcs7-mime\s*;.*smime-type="?(signed|enveloped|authenveloped)-data/.exec(type) ?? [];
  if (smime) {
    return smime === "signed" ? "opaque" : "enveloped";
  }
  return /^multipart\/signed\s*;/.test(type) ? "clear-signed" : "other";
}

/**
 * The one Content-Type of a header, unfolded and in lower case; null where there is none, or more than one.
 *
 * @param {string[]} fields
 */
export function contentType(fields) {
  const types = fields.filter((field) => /^content-type:/i.test(field));
  return types.length === 1 ? types[0].replace(/\r?\n/g, "").slice("content-type:".length).trim().toLowerCase() : null;
}

/** @param {string} entity the beginning of one, with bare line feeds */
function isEnveloped(entity) {
  const type = typeOf(entity);
  return type !== null && kindOf(type) === "enveloped";
}

/** The first part of a multipart. @param {string} text @param {string} type lower case, so the boundary is not looked for by it */
function firstPart(text, type) {
  const body = text.slice(text.indexOf("\n\n") + 2);
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]*)"|([^\s;]+))/.exec(type) ?? [];
  const line = `--${quoted ?? bare}\n`;
  const at = `\n${body}`.toLowerCase().indexOf(`\n${line}`);
  return at < 0 || line.length < 4 ? "" : body.slice(at + line.length);
}

/** How much of a CMS object is looked at: its content begins in the first hundred octets. */
const OBJECT_CHARS = 4096;

/**
 * What a SignedData object signs, as far as that stands at its beginning (RFC 5652 section 5.1); empty where it is anything else.
 *
 * @param {string} text an entity in base64
 */
function signedContent(text) {
  const base64 = text
    .slice(text.indexOf("\n\n") + 2)
    .replace(/\s/g, "")
    .slice(0, OBJECT_CHARS);
  let octets;
  try {
    octets = atob(base64);
  } catch {
    return "";
  }
  let at = 0;
  /** Steps into the value of the next element, or over it. @param {number} tag @param {boolean} [over] */
  const pass = (tag, over = false) => {
    const first = octets.charCodeAt(at + 1);
    const more = first > 0x80 ? first - 0x80 : 0;
    const length = [...octets.slice(at + 2, at + 2 + more)].reduce((n, char) => n * 256 + char.charCodeAt(0), 0);
    const fits = octets.charCodeAt(at) === tag && more <= 4 && !(over && first === 0x80);
    at = fits ? at + 2 + more + (over ? (more ? length : first) : 0) : Number.NaN;
  };
  pass(0x30); // ContentInfo
  pass(0x06, true);
  pass(0xa0);
  pass(0x30); // SignedData
  pass(0x02, true);
  pass(0x31, true);
  pass(0x30); // EncapsulatedContentInfo
  pass(0x06, true);
  pass(0xa0);
  if (octets.charCodeAt(at) === 0x24) {
    pass(0x24); // in pieces
  }
  pass(0x04);
  return Number.isNaN(at) ? "" : octets.slice(at).replace(/\r\n?/g, "\n");
}

/** @param {string} text with bare line feeds */
function typeOf(text) {
  const end = text.indexOf("\n\n");
  return end < 0 ? null : contentType(text.slice(0, end).split(/\n(?![ \t])/));
}
