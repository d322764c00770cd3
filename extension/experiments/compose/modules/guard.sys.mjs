/**
 * Looks after what leaves without being encrypted: receipts, calendar replies, mail of filters and of other add-ons, what
 * lies in the Outbox, and once more what comes from a compose window. The event page knows which accounts must encrypt; no
 * answer counts as "must".
 */

import { namesInALine } from "../../shared/names.mjs";
import { bytesOf } from "../../shared/octets.mjs";
import { isEncrypted } from "./kind.sys.mjs";
import { addresses } from "./secure.sys.mjs";

/** How long the event page may take to read the settings. It may have to be started first. */
const PATIENCE_MS = 20_000;

/** How much of a mail is looked at, for its kind stands behind the first header lines. */
const HEAD_OCTETS = 65_536;

/** How far a header may reach: thousands of recipients stand before the kind of mail. */
const HEADER_OCTETS = 4 * 1024 * 1024;

/**
 * @typedef {"receipt" | "invitation" | "queued" | "other"} Kind what a mail without a window is
 * @typedef {{ kind: Kind, text: string, allow?: { label: string, from: string } }} Refusal words for a person, and the way
 *   out, if any
 */

export class Guard {
  #ask;
  #text;

  /**
   * @param {object} environment
   * @param {import("./question.sys.mjs").Question} environment.onUnencrypted
   * @param {(key: string, substitutions?: string[]) => string} environment.text
   */
  constructor({ onUnencrypted, text }) {
    this.#ask = onUnencrypted;
    this.#text = text;
  }

  /**
   * @param {object} mail
   * @param {any} mail.file nsIFile
   * @param {string} mail.from the From field
   * @param {any} mail.identity nsIMsgIdentity
   * @param {string[]} mail.recipients
   * @param {boolean} mail.queued it comes out of the Outbox
   * @returns {Promise<Refusal | null>} null: it may leave
   */
  async refusal({ file, from, identity, recipients, queued }) {
    const head = await headOf(file.path);
    if (isEncrypted(head)) {
      return null;
    }
    const kind = kindOf(head, queued);
    try {
      const senders = [...new Set([...addresses(from), identity.email])].filter(Boolean);
      const answer = await this.#ask.ask(PATIENCE_MS, { senders, recipients, kind });
      return answer.allowed === true ? null : { kind, ...answer.refusal };
    } catch (error) {
      console.error(error);
      return { kind, text: this.#text("guard_silent", [namesInALine(recipients, this.#text)]) };
    }
  }
}

/** @param {string} head @param {boolean} queued @returns {Kind} */
function kindOf(head, queued) {
  if (/^content-type:\s*multipart\/report\b[^\0]{0,200}disposition-notification/im.test(head)) {
    return "receipt";
  }
  if (queued) {
    return "queued";
  }
  return /^content-type:\s*text\/calendar\b/im.test(head) ? "invitation" : "other";
}

/** The beginning of a mail, with its whole header. @param {string} path @returns {Promise<string>} byte string */
async function headOf(path) {
  const head = bytesOf(await IOUtils.read(path, { maxBytes: HEAD_OCTETS }));
  const isWhole = head.length < HEAD_OCTETS || /\r?\n\r?\n/.test(head);
  return isWhole ? head : bytesOf(await IOUtils.read(path, { maxBytes: HEADER_OCTETS }));
}
