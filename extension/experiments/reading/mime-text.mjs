/**
 * The little MIME that the reading experiment needs: which octets of an entity are its header and which are its first
 * part. Text here is a *byte string*: one character for one octet, U+0000 to U+00FF, as libmime hands it over. Pure
 * functions without Thunderbird, so that Node can test them.
 *
 * Nothing here decides anything about a signature: the octets found are only what is drawn, and their hash tells the
 * host which ones they were. Large texts are searched and sliced, never walked character by character.
 */

/** A header field as it stands in the message. @typedef {{ name: string, raw: string }} Field */

/**
 * Splits a header block into its fields. A line without a colon belongs to no field and is dropped, the `From ` line
 * of a mailbox file among them.
 *
 * @param {string} block with LF or CRLF
 * @returns {Field[]} `raw`: the whole field, folds as CRLF, without the last line end; `name` in lower case
 */
export function headerFields(block) {
  return block
    .split(/\r?\n(?![ \t])/)
    .map((line) => ({ name: /^([!-9;-~]+)[ \t]*:/.exec(line)?.[1].toLowerCase() ?? "", raw: toCrlf(line) }))
    .filter(({ name }) => name);
}

/**
 * @param {Field[]} fields
 * @param {string} name in lower case
 * @returns {string} the value of the first such field, unfolded and trimmed; empty without one
 */
export function fieldValue(fields, name) {
  const field = fields.find((candidate) => candidate.name === name);
  return field
    ? field.raw
        .slice(field.raw.indexOf(":") + 1)
        .replace(/\r\n/g, "")
        .trim()
    : "";
}

/**
 * Where the header of an entity ends.
 *
 * @param {string} entity
 * @returns {{ head: string, body: string }} without the blank line between them
 */
export function splitEntity(entity) {
  const blank = /^\r?\n|\r?\n\r?\n/.exec(entity);
  return blank
    ? { head: entity.slice(0, blank.index), body: entity.slice(blank.index + blank[0].length) }
    : { head: entity, body: "" };
}

/** Longer headers nobody writes: native-host/src/mime/header.rs. */
const MOST_HEADER = 1024 * 1024;

/**
 * Whether this is text and no MIME entity, as native-host/src/mime/header.rs tells them apart: programs that sign a file
 * often leave the header out. Taken for an entity, its text would be a header, and not be shown.
 *
 * @param {string} entity
 */
export function isBareText(entity) {
  const start = entity.slice(0, MOST_HEADER);
  const { head } = splitEntity(start);
  if (head.length === MOST_HEADER) {
    return true;
  }
  if (headerFields(head).some(({ name }) => name.startsWith("content-") || name === "mime-version")) {
    return false;
  }
  const lines = head.split(/\r?\n(?![ \t])/).filter((line) => line);
  const isEnded = head.length < start.length;
  return (!isEnded && start !== "") || lines.some((line) => !/^[!-9;-~]+[ \t]*:/.test(line));
}

/** @param {string} contentType the value of a Content-Type field */
export function mediaType(contentType) {
  return (/^\s*([^\s;]+)/.exec(contentType)?.[1] ?? "").toLowerCase();
}

/**
 * A parameter of a Content-Type field (RFC 2045 section 5.1), quoted or not, in one piece or several (RFC 2231 section 3).
 * The first of several counts.
 *
 * @param {string} contentType
 * @param {string} name in lower case
 * @returns {string | null}
 */
export function parameter(contentType, name) {
  const whole = oneParameter(contentType, name);
  if (whole !== null) {
    return whole;
  }
  const pieces = [];
  for (let piece = oneParameter(contentType, `${name}*0`); piece !== null; ) {
    pieces.push(piece);
    piece = oneParameter(contentType, `${name}*${pieces.length}`);
  }
  return pieces.length > 0 ? pieces.join("") : null;
}

/** The parameters of a Content-Type field. */
const PARAMETERS = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s;"]*))/g;

/**
 * The name of a file in a Content-Type field, as it stands there: in one piece or several, encoded or not (RFC 2231, RFC 2047).
 *
 * @param {string} contentType
 * @returns {string} the parameters, each with its semicolon before it; empty: there is none, or only the one that S/MIME gives to
 *   all its parts (RFC 8551 section 3.2.1)
 */
export function ownName(contentType) {
  if (/^smime\.p7[mcsz]$/i.test(parameter(contentType, "name")?.trim() ?? "")) {
    return "";
  }
  const pieces = [...contentType.matchAll(PARAMETERS)].filter(([, found]) => /^name(\*\d+)?\*?$/i.test(found));
  return pieces.map(([whole]) => whole.replace(/[\r\n]/g, "")).join("");
}

/**
 * @param {string} contentType
 * @param {string} name in lower case
 * @returns {string | null}
 */
function oneParameter(contentType, name) {
  for (const [, found, quoted, token] of contentType.matchAll(PARAMETERS)) {
    if (found.toLowerCase() === name) {
      return quoted === undefined ? token : quoted.replace(/\r?\n/g, "").replace(/\\([\s\S])/g, "$1");
    }
  }
  return null;
}

/**
 * What a MIME part of this type is to us.
 *
 * @param {string} contentType
 * @returns {"cms" | "signed" | null} `cms`: all in one CMS object (RFC 8551 section 3.2); `signed`: text beside its
 *   signature (section 3.5), whatever `micalg` says; null: not S/MIME
 */
export function smimeKind(contentType) {
  switch (mediaType(contentType)) {
    case "application/pkcs7-mime":
    case "application/x-pkcs7-mime":
      return "cms";
    case "multipart/signed":
      return /^application\/(x-)?pkcs7-signature$/i.test(parameter(contentType, "protocol")?.trim() ?? "")
        ? "signed"
        : null;
    default:
      return null;
  }
}

/**
 * Whether a signed part of this type is a whole message. Whether that is the sender's own, with its header protected (RFC
 * 8551 section 3.1), or one that is only attached, the host knows.
 *
 * @param {string} contentType
 */
export function isWholeMessage(contentType) {
  return mediaType(contentType) === "message/rfc822";
}

/**
 * The content type that the host is told. libmime takes a part for CMS by the name of its file, too (`smime.p7m`, as
 * RFC 8551 section 3.10.2 has it), whatever type it is given.
 *
 * @param {string} contentType of a part that libmime handed over as S/MIME
 */
export function smimeType(contentType) {
  return smimeKind(contentType) ? contentType : "application/pkcs7-mime";
}

/**
 * The first part of a multipart body (RFC 2046 section 5.1.1), without the line end that belongs to the delimiter
 * behind it. A delimiter is a whole line: `--`, the boundary, nothing more but spaces and tabs.
 *
 * @param {string} body
 * @param {string} boundary
 * @returns {string | null} null where no part begins. A part that nothing closes goes to the end.
 */
export function firstPart(body, boundary) {
  const opening = nextDelimiter(body, boundary, 0);
  if (!opening || opening.closes) {
    return null;
  }
  const closing = nextDelimiter(body, boundary, opening.end);
  if (!closing) {
    return body.slice(opening.end);
  }
  return body.slice(opening.end, closing.start).replace(/\r?\n$/, "");
}

/**
 * @param {string} body
 * @param {string} boundary
 * @param {number} from
 * @returns {{ start: number, end: number, closes: boolean } | null} the line, its line end included
 */
function nextDelimiter(body, boundary, from) {
  const mark = `--${boundary}`;
  for (let start = body.indexOf(mark, from); start !== -1; start = body.indexOf(mark, start + 1)) {
    if (start !== 0 && body[start - 1] !== "\n") {
      continue;
    }
    const lineEnd = body.indexOf("\n", start);
    const end = lineEnd === -1 ? body.length : lineEnd + 1;
    const rest = /^(--)?[ \t]*\r?\n?$/.exec(body.slice(start + mark.length, end));
    if (rest) {
      return { start, end, closes: rest[1] !== undefined };
    }
  }
  return null;
}

/**
 * The text with every line end as CRLF (RFC 8551 section 3.1.1). A CR that no LF follows is content.
 *
 * @param {string} text
 */
export function toCrlf(text) {
  return /(?:^|[^\r])\n/.test(text) ? text.replace(/\r?\n/g, "\r\n") : text;
}

/**
 * What has to stand around an entity so that it is a multipart: nothing where it is one already, else a multipart/mixed of
 * its own. Thunderbird loses the body of a single part in "edit as new" and "forward inline" otherwise.
 *
 * @param {string} start of the entity, its header at least
 * @param {string} boundary one that does not stand in the entity
 * @returns {[before: string, after: string]}
 */
export function aroundEntity(start, boundary) {
  const type = fieldValue(headerFields(splitEntity(start).head), "content-type");
  if (mediaType(type).startsWith("multipart/") && parameter(type, "boundary")) {
    return ["", ""];
  }
  return [`Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n--${boundary}\r\n`, `\r\n--${boundary}--\r\n`];
}
