/**
 * What the list says of a message at a glance. Pure. A mark is a hint that is kept with the message's header in the
 * folder's index; the verdict is made anew whenever the message is opened.
 *
 * Before a message was opened, only the type in its header is known: that it *claims* to be encrypted or signed. Nothing
 * is ever marked as verified by that.
 */

/**
 * @typedef {"plain" | "sealed" | "signed" | "encrypted" | "encryptedSigned" | "verified" | "encryptedVerified" | "bad"} Mark
 *   `sealed`: S/MIME, but not yet known whether encrypted; `signed`: not opened yet, or nobody vouches for the signer
 */

/** In the order of sorting: the most trustworthy first. @type {Mark[]} */
export const MARKS = [
  "encryptedVerified",
  "verified",
  "encryptedSigned",
  "encrypted",
  "sealed",
  "signed",
  "bad",
  "plain",
];

/** @param {string} text as it was kept @returns {Mark | null} null: nothing, or not by us */
export function asMark(text) {
  return MARKS.find((mark) => mark === text) ?? null;
}

/** @param {string} start of a message @returns {boolean} whether all of its header is there */
export function isHeaderWhole(start) {
  return /\r?\n\r?\n/.test(start);
}

/**
 * The mark of a message that was not opened yet, by its header.
 *
 * @param {string} start the first octets of the message, a byte string; its header need not be complete
 * @returns {Mark}
 */
export function claimed(start) {
  const header = start.split(/\r?\n\r?\n/, 1)[0] ?? "";
  const field = /^content-type[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)/im.exec(header);
  const value = (field?.[1] ?? "").replace(/\r?\n/g, "");
  const type = (/^\s*([^\s;]+)/.exec(value)?.[1] ?? "").toLowerCase();
  if (type === "multipart/signed") {
    return /;\s*protocol\s*=\s*"?application\/(x-)?pkcs7-signature\b/i.test(value) ? "signed" : "plain";
  }
  if (type !== "application/pkcs7-mime" && type !== "application/x-pkcs7-mime") {
    return "plain";
  }
  const kind = /;\s*smime-type\s*=\s*"?([a-z-]+)/i.exec(value)?.[1]?.toLowerCase();
  switch (kind) {
    case "enveloped-data":
    case "authenveloped-data":
      return "encrypted";
    case "signed-data":
      return "signed";
    default:
      return "sealed";
  }
}

/**
 * The mark of a message that was opened.
 *
 * @param {string} words of the topic `dane-smime-opened` (experiments/reading/README.md)
 * @returns {Mark}
 */
export function found(words) {
  const said = new Set(words.split(" "));
  if (said.has("bad")) {
    return "bad";
  }
  const encrypted = said.has("encrypted");
  if (said.has("verified")) {
    return encrypted ? "encryptedVerified" : "verified";
  }
  if (said.has("signed")) {
    return encrypted ? "encryptedSigned" : "signed";
  }
  return encrypted ? "encrypted" : "plain";
}
