/**
 * Our two steps inside Thunderbird's sending, by wrapping two methods that are not public API:
 *
 * - `MimeMessage.createMessageFile` writes the mail to a file. Thunderbird would call the cryptography at its end without
 *   awaiting it; we await the host there and append its entity to the outer header.
 * - `MessageSend._deliverMessage` hands that file on. We look once more whether the mail is what its window was promised,
 *   and whether it was cancelled meanwhile (Thunderbird forgets a Cancel that comes before anything is on the wire).
 */

import { entityFault } from "./entity.sys.mjs";
import { CollectingComposeSecure } from "./secure.sys.mjs";

const { MessageSend } = ChromeUtils.importESModule("resource:///modules/MessageSend.sys.mjs");
const { MimeMessage } = ChromeUtils.importESModule("resource:///modules/MimeMessage.sys.mjs");

/** The host has its own deadline; this is for an event page that hangs. */
const PATIENCE_MS = 60_000;
const PATIENCE_MS_PER_MEBIBYTE = 3_000;

export class Sending {
  #protect;
  #mayDeliver;
  #text;
  #createMessageFile = MimeMessage.prototype.createMessageFile;
  #deliverMessage = MessageSend.prototype._deliverMessage;

  /**
   * @param {object} environment
   * @param {import("./question.sys.mjs").Question} environment.protect
   * @param {(send: any, secured: CollectingComposeSecure | null) => boolean} environment.mayDeliver
   * @param {(key: string) => string} environment.text
   */
  constructor({ protect, mayDeliver, text }) {
    this.#protect = protect;
    this.#mayDeliver = mayDeliver;
    this.#text = text;
  }

  /** True where the methods that are wrapped exist. Without them CollectingComposeSecure refuses. */
  get possible() {
    return typeof this.#createMessageFile === "function" && typeof this.#deliverMessage === "function";
  }

  install() {
    if (!this.possible) {
      console.error(
        "DANE S/MIME: this Thunderbird builds or sends mail in another way; protected mail will not be sent",
      );
      return;
    }
    const sending = this;
    MimeMessage.prototype.createMessageFile = function () {
      return sending.#create(this);
    };
    MessageSend.prototype._deliverMessage = function (/** @type {any} */ file) {
      return sending.#deliver(this, file);
    };
  }

  uninstall() {
    MimeMessage.prototype.createMessageFile = this.#createMessageFile;
    MessageSend.prototype._deliverMessage = this.#deliverMessage;
  }

  /** @param {any} message a MimeMessage @returns {Promise<any>} the file */
  async #create(message) {
    const secure = message._compFields?.composeSecure?.wrappedJSObject;
    if (!(secure instanceof CollectingComposeSecure)) {
      return this.#createMessageFile.call(message);
    }
    secure.willBeFetched = true;
    const file = await this.#createMessageFile.call(message); // holds the outer header alone
    try {
      if (message._composeSecure) {
        // null for a draft that Thunderbird's settings leave unencrypted
        await IOUtils.write(file.path, await this.#entity(secure), { mode: "append" });
      }
      return file;
    } catch (error) {
      await IOUtils.remove(file.path, { ignoreAbsent: true });
      if (!(error instanceof Refusal)) {
        console.error(error);
      }
      const why = error instanceof Refusal ? error.message : this.#text("error_internal");
      if (secure.plan.failed) {
        secure.plan.failed(why);
        throw Components.Exception("DANE S/MIME did not protect this draft", Cr.NS_ERROR_ABORT);
      }
      message._sendReport.errMessage = `${why}\n\n${this.#text("still_here")}`;
      throw Components.Exception("DANE S/MIME did not protect this mail", Cr.NS_ERROR_FAILURE);
    }
  }

  /** @param {CollectingComposeSecure} secure @returns {Promise<Uint8Array>} */
  async #entity(secure) {
    const { job, octets } = secure.fetch();
    const patience = PATIENCE_MS + Math.ceil(octets.length / 1024 / 1024) * PATIENCE_MS_PER_MEBIBYTE;
    let answer;
    try {
      answer = await this.#protect.ask(patience, job, octets.buffer);
    } catch (error) {
      console.error(error);
      throw new Refusal(this.#text("error_addon_silent"));
    }
    if (answer?.error) {
      throw new Refusal(String(answer.error));
    }
    if (!answer?.entity) {
      throw new Error("no entity in the answer");
    }
    const entity = new Uint8Array(answer.entity);
    const fault = entityFault(entity, job);
    if (fault) {
      console.error(`DANE S/MIME: the host's entity was refused: ${fault}`);
      throw new Refusal(this.#text("error_host_broken"));
    }
    return entity;
  }

  /** @param {any} send a MessageSend @param {any} file */
  async #deliver(send, file) {
    const candidate = send._message?._composeSecure?.wrappedJSObject;
    const secured = candidate instanceof CollectingComposeSecure ? candidate : null;
    if (secured && send._sendProgress?.processCanceledByUser) {
      await IOUtils.remove(file.path, { ignoreAbsent: true });
      throw Components.Exception("cancelled", Cr.NS_ERROR_ABORT);
    }
    if (send._message && !this.#mayDeliver(send, secured)) {
      await IOUtils.remove(file.path, { ignoreAbsent: true });
      send._sendReport.errMessage = this.#text("error_not_protected");
      send.fail(Cr.NS_ERROR_FAILURE, this.#text("error_not_protected"));
      throw Components.Exception("not what the window was promised", Cr.NS_ERROR_FAILURE);
    }
    return this.#deliverMessage.call(send, file);
  }
}

/** A reason in words for a person. */
class Refusal extends Error {}
