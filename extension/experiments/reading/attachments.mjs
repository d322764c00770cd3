/**
 * Somebody saves or opens an attachment of a message that cannot be opened any more, because the program is gone or the keyring
 * locked. Thunderbird gets nothing then, waits for it for ever, and says nothing. So we say what happened; no file is written.
 */

import { Wraps } from "../shared/wraps.mjs";
import { messageAt } from "./drawn-headers.mjs";
import { inChrome } from "./verdict-words.mjs";

/** @typedef {{ message: string, name: string, isRefused: boolean }} Fetching an attachment that is wanted */

export class Attachments {
  #wraps = new Wraps();
  #say;
  /** @type {Set<Fetching>} */
  #fetching = new Set();

  /** @param {(sentence: import("./verdict-words.mjs").Sentence) => string} say */
  constructor(say) {
    this.#say = say;
  }

  install() {
    try {
      const { AttachmentInfo } = ChromeUtils.importESModule("resource:///modules/AttachmentInfo.sys.mjs");
      const isThere = this.#wraps.wrap(AttachmentInfo.prototype, "fetchAttachment", (info, original) =>
        this.#fetch(info, original),
      );
      if (isThere) {
        return;
      }
    } catch {
      // The module is gone.
    }
    console.error("DANE S/MIME: an attachment that cannot be had will not be told of");
  }

  remove() {
    this.#wraps.undo();
  }

  /**
   * A message was not opened, so that nothing of it is handed out.
   *
   * @param {string} spec the URL by which something of it was wanted
   * @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome
   */
  refuse(spec, outcome) {
    const message = messageAt(spec);
    for (const fetching of this.#fetching) {
      if (fetching.message === message) {
        this.#fetching.delete(fetching);
        fetching.isRefused = true;
        this.#tell(fetching.name, outcome);
      }
    }
  }

  /** @param {any} info Thunderbird's AttachmentInfo @param {() => Promise<ArrayBuffer>} original */
  async #fetch({ name, url }, original) {
    const fetching = { message: messageAt(Services.io.newURI(url).spec), name, isRefused: false };
    this.#fetching.add(fetching);
    try {
      const octets = await original();
      if (fetching.isRefused) {
        throw new Error("DANE S/MIME: nothing came of an attachment");
      }
      return octets;
    } finally {
      this.#fetching.delete(fetching);
    }
  }

  /** @param {string} name @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome */
  #tell(name, outcome) {
    const why = inChrome(outcome, "cms").sentences.at(-1);
    const text = [{ keys: ["reading_no_attachment"], args: [name] }, ...(why ? [why] : [])]
      .map((sentence) => this.#say(sentence))
      .join("\n\n");
    const parent = Services.wm.getMostRecentWindow(null)?.browsingContext ?? null;
    Services.prompt.asyncAlert(parent, Services.prompt.MODAL_TYPE_WINDOW, "DANE S/MIME", text);
  }
}
