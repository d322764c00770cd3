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
  return isEncryptedEntity(withLineFeeds(head));
}

/**
 * What of a mail is encrypted: the whole of it, or only a part by itself, so that the mail is opened and that part is not. Where
 * the type does not say what kind of S/MIME it is, as in old mail and behind servers that know files only, the first octets do.
 *
 * @param {string} mail or its beginning, as far as one wants to look; line ends of any kind
 * @returns {"whole" | "part" | "none"}
 */
export function encryptionOf(mail) {
  const text = withLineFeeds(mail);
  return isSealed(text) ? "whole" : holdsSealed(text, MOST_LAYERS) ? "part" : "none";
}

/** How deep parts are looked for in parts. */
const MOST_LAYERS = 10;

/** @param {string} entity @param {number} layers @returns {boolean} */
function holdsSealed(entity, layers) {
  const type = typeOf(entity);
  if (type === null || layers === 0) {
    return false;
  }
  const inner = /^message\/(?:rfc822|global)\b/.test(type) ? [bodyOf(entity)] : partsOf(entity, type);
  return inner.some((part) => isSealed(part) || holdsSealed(part, layers - 1));
}

/** @param {string} entity */
function isSealed(entity) {
  return isEncryptedEntity(entity) || (isSomeObject(typeOf(entity)) && isEnvelopedObject(entity));
}

/** S/MIME of a kind that the type does not tell. @param {string | null} type */
function isSomeObject(type) {
  return type !== null && /^application\/(?:x-)?pkcs7-mime\b|;\s*name="?smime\.p7m\b/.test(type);
}

/** As EnvelopedData and AuthEnvelopedData call themselves (RFC 5652 section 6.1, RFC 5083 section 2.1). */
const ENCRYPTED_KINDS = [
  "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
  "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",
];

/** @param {string} entity in base64 */
function isEnvelopedObject(entity) {
  const octets = objectIn(entity);
  const moreLength = Math.max(octets.charCodeAt(1) - 0x80, 0);
  return octets.startsWith("\x30") && ENCRYPTED_KINDS.some((kind) => octets.startsWith(kind, 2 + moreLength));
}

/** @param {string} text an entity */
function isEncryptedEntity(text) {
  const type = typeOf(text);
  if (type === null) {
    return false;
  }
  switch (kindOf(type)) {
    case "enveloped":
      return true;
    case "clear-signed":
      return isEnveloped(partsOf(text, type)[0] ?? "");
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

/**
 * The parts of a multipart (RFC 2046 section 5.1.1), as far as they are there; none of anything else.
 *
 * @param {string} text
 * @param {string} type in lower case, so that the boundary is looked for in any
 * @returns {string[]}
 */
function partsOf(text, type) {
  const [, quoted, bare] = /^multipart\/.*?;\s*boundary=(?:"([^"]*)"|([^\s;]+))/.exec(type) ?? [];
  const boundary = quoted ?? bare;
  if (!boundary) {
    return [];
  }
  const line = `\n--${boundary.replace(/[^a-z0-9]/g, "\\$&")}`;
  const [parts] = `\n${bodyOf(text)}`.split(new RegExp(`${line}--[ \\t]*(?=\n|$)`, "i"), 1);
  const [_before, ...found] = parts.split(new RegExp(`${line}[ \\t]*\n`, "i"));
  return found;
}

/** @param {string} text an entity */
function bodyOf(text) {
  return text.slice(text.indexOf("\n\n") + 2);
}

/** How much of a CMS object is looked at: its content begins in the first hundred octets. */
const OBJECT_CHARS = 4096;

/**
 * What a SignedData object signs, as far as that stands at its beginning (RFC 5652 section 5.1); empty where it is anything else.
 *
 * @param {string} text an entity in base64
 */
function signedContent(text) {
  const octets = objectIn(text);
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

/** The beginning of a CMS object; empty where there is none. @param {string} text an entity in base64 */
function objectIn(text) {
  const base64 = bodyOf(text).replace(/\s/g, "").slice(0, OBJECT_CHARS);
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

/** @param {string} text */
function withLineFeeds(text) {
  return text.replace(/\r\n?/g, "\n");
}

/** @param {string} text with bare line feeds; one that begins with an empty line has no header */
function typeOf(text) {
  const end = text.startsWith("\n") ? -1 : text.indexOf("\n\n");
  return end < 0 ? null : contentType(text.slice(0, end).split(/\n(?![ \t])/));
}
