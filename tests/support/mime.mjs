/** Just enough MIME to take apart what these tests have made themselves. */

/**
 * @param {Buffer} message
 * @returns {{header: string, body: Buffer}} the header with CRLF line ends and no folding
 */
export function split(message) {
  const text = message.toString("latin1");
  const gap = /\r?\n\r?\n/.exec(text);
  if (!gap) throw new Error("a message without an empty line");
  const header = text
    .slice(0, gap.index)
    .replace(/\r?\n[ \t]+/g, " ")
    .replace(/\r?\n/g, "\r\n");
  return { header, body: message.subarray(gap.index + gap[0].length) };
}

/**
 * A field's value; the first one's.
 *
 * @param {Buffer} message
 * @param {string} name
 */
export function field(message, name) {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "im").exec(split(message).header)?.[1]?.trim();
}

/** @param {Buffer} bytes */
export const withLf = (bytes) => Buffer.from(bytes.toString("latin1").replaceAll("\r\n", "\n"), "latin1");

/**
 * The same message with one bit of its BASE64 body flipped, `fromEnd` octets before the decoded end.
 *
 * @param {Buffer} message
 * @param {number} fromEnd
 */
export function flipBit(message, fromEnd) {
  const { body } = split(message);
  const der = Buffer.from(body.toString("latin1"), "base64");
  const at = der.length - fromEnd;
  der[at] = (der[at] ?? 0) ^ 1;
  const lines = der.toString("base64").replace(/.{76}/g, "$&\r\n");
  return Buffer.concat([message.subarray(0, message.length - body.length), Buffer.from(`${lines}\r\n`)]);
}

/**
 * The parts of a message that are no multiparts themselves, in order, decoded: types without boundaries and what header protection
 * adds, text with bare line feeds, and what a name is made up for each time without it.
 *
 * @param {Buffer} entity
 * @returns {{ type: string, disposition: string, text: string }[]}
 */
export function leaves(entity) {
  const type = field(entity, "Content-Type") ?? "text/plain";
  const { body } = split(entity);
  const [, boundary] = /^multipart\/.*;\s*boundary="([^"]+)"/i.exec(type) ?? [];
  if (boundary) {
    const parts = `\r\n${body.toString("latin1")}`.split(`\r\n--${boundary}`).slice(1, -1);
    return parts.flatMap((part) => leaves(Buffer.from(part.replace(/^\r\n/, ""), "latin1")));
  }
  const encoding = field(entity, "Content-Transfer-Encoding") ?? "";
  const octets = /^base64$/i.test(encoding) ? Buffer.from(body.toString("latin1"), "base64") : body;
  return [
    {
      type: type.replace(/; *(hp|hp-legacy-display|protected-headers)="[^"]*"/gi, ""),
      disposition: field(entity, "Content-Disposition") ?? "",
      text: octets
        .toString("utf8")
        .replaceAll("\r\n", "\n")
        .replace(/cid:[^"]+/g, "cid:"),
    },
  ];
}
