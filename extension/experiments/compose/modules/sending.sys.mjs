/**
 * Our steps inside Thunderbird's sending, by wrapping methods that are not public API:
 *
 * - `MessageSend.createAndSendMessage` starts it: there we learn where progress is shown.
 * - `MimeMessage.createMessageFile` writes the mail to a file. Thunderbird would call the cryptography at its end without
 *   awaiting it; we await the host there and append its entity to the outer header.
 * - `MessageSend._deliverMessage` hands that file on. We look once more whether the mail is what its window was promised,
 *   and whether what is not encrypted may leave at all; mail that has no window comes by here, too.
 * - `MessageSend.abort` is called when a mail is given up. Thunderbird itself forgets that while nothing is on the wire.
 * - `MessageSend._deliverAsMail` calls the outgoing server. What goes there past MessageSend is met by `OutgoingServers`.
 */

import { isReference, MemoryContent } from "../../shared/bodies.mjs";
import { Deadline } from "../../shared/deadline.mjs";
import { bytesOf } from "../../shared/octets.mjs";
import { Wraps } from "../../shared/wraps.mjs";
import { refuseMissingParts } from "./attached-parts.sys.mjs";
import { BlindCopies, CopyFailed, writeMail } from "./blind-copies.sys.mjs";
import { entityFault } from "./entity.sys.mjs";
import { changesFault, withFields, withoutFields } from "./outer-header.sys.mjs";
import { OutgoingServers } from "./outgoing-servers.sys.mjs";
import { addresses, CollectingComposeSecure } from "./secure.sys.mjs";

const { MessageSend } = ChromeUtils.importESModule("resource:///modules/MessageSend.sys.mjs");
const { MimeMessage } = ChromeUtils.importESModule("resource:///modules/MimeMessage.sys.mjs");

/** The host has its own deadline; this is for an event page that hangs. */
const PATIENCE_MS = 60_000;
const PATIENCE_MS_PER_MEBIBYTE = 3_000;

export class Sending {
  #environment;
  #wraps = new Wraps();
  /** What is being protected now, by its id. @type {Map<string, CollectingComposeSecure>} */
  #underWay = new Map();
  #servers;

  /**
   * @param {object} environment
   * @param {import("./question.sys.mjs").Question} environment.onProtect
   * @param {import("./question.sys.mjs").Question} environment.onGivenUp
   * @param {import("../../shared/bodies.mjs").Bodies} environment.bodies
   * @param {import("./guard.sys.mjs").Guard} environment.guard
   * @param {(send: any) => import("./compose-window.sys.mjs").ComposeWindow | undefined} environment.windowOf
   * @param {(refusal: import("./guard.sys.mjs").Refusal) => void} environment.tellRefused
   * @param {(send: any, sentence: string) => void} environment.tellServed
   * @param {(key: string, substitutions?: string[]) => string} environment.text
   */
  constructor(environment) {
    this.#environment = environment;
    this.#servers = new OutgoingServers(environment);
  }

  install() {
    const [send, message] = [MessageSend.prototype, MimeMessage.prototype];
    const needed = [message.createMessageFile, send._deliverMessage, send._deliverAsMail];
    if (!needed.every((method) => typeof method === "function")) {
      // CollectingComposeSecure refuses where nobody fetches what it has collected.
      console.error("DANE S/MIME: this Thunderbird sends in another way; protected mail will not be sent");
      return;
    }
    const wraps = this.#wraps;
    wraps.wrap(message, "createMessageFile", (self, original) => this.#create(self, original));
    // Of itself Thunderbird would speak to our object through XPCOM, and copy each text twice for it.
    wraps.wrap(message, "_getComposeSecure", (self, original) => {
      const secure = straight(original());
      ours(secure)?.keepHeader(self);
      return secure;
    });
    wraps.wrap(send, "_deliverMessage", (self, original, [file]) => this.#deliver(self, file, original));
    wraps.wrap(send, "createAndSendMessage", (self, original, args) => this.#start(self, original, args));
    wraps.wrap(send, "abort", (self, original) => this.#abort(self, original));
    wraps.wrap(send, "_deliverAsMail", (self, original) => this.#toVisible(self, original));
    refuseMissingParts(wraps);
    this.#servers.install(wraps);
  }

  uninstall() {
    this.#servers.close();
    this.#wraps.undo();
  }

  /**
   * The event page tells how far a mail is.
   *
   * @param {string} id
   * @param {string} sentence
   * @param {number} [done]
   * @param {number} [total]
   */
  showProgress(id, sentence, done, total) {
    this.#underWay.get(id)?.showProgress(sentence, done, total);
  }

  /** A person is asked for a PIN: the event page may take so much longer. @param {string} id @param {number} ms */
  putOff(id, ms) {
    this.#underWay.get(id)?.deadline?.putOff(ms);
  }

  /** @param {any} send @param {(...args: any[]) => any} original @param {any[]} args of createAndSendMessage */
  #start(send, original, args) {
    const secure = ours(args[3]?.composeSecure);
    if (secure) {
      secure.send = send;
      secure.progress = args[11];
    }
    return original(...args);
  }

  /** @param {any} send @param {() => any} original */
  #abort(send, original) {
    const secured = ours(send._message?._composeSecure);
    secured?.cancel();
    if (secured?.copiesHaveLeft && !secured.isThrough) {
      this.#tellServed(send, secured);
    }
    return original();
  }

  /**
   * Copies have left, and the mail itself will not: given up by its writer, or not taken by the server.
   *
   * @param {any} send
   * @param {CollectingComposeSecure} secured
   */
  #tellServed(send, secured) {
    const served = [...(secured.plan.blind?.served ?? [])];
    secured.copiesHaveLeft = false; // said once
    if (served.length > 0) {
      const { text, tellServed } = this.#environment;
      tellServed(send, text("blind_copies_only", [served.join(", ")]));
    }
  }

  /** @param {any} message a MimeMessage @param {() => Promise<any>} original @returns {Promise<any>} the file */
  async #create(message, original) {
    const secure = ours(message._compFields?.composeSecure);
    if (!secure) {
      return original();
    }
    secure.collectInto(this.#environment.bodies);
    if (secure.plan.blind?.messageId) {
      message._compFields.messageId = secure.plan.blind.messageId;
    }
    try {
      const file = await original(); // empty: the outer header is collected, too
      if (message._composeSecure) {
        // null for a draft that Thunderbird's settings leave unencrypted
        await this.#protectIn(file, secure, message);
      }
      return file;
    } finally {
      secure.discard();
    }
  }

  /** @param {any} file @param {CollectingComposeSecure} secure @param {any} message a MimeMessage */
  async #protectIn(file, secure, message) {
    try {
      await this.#protect(secure, file.path, message);
    } catch (error) {
      await secure.copies?.remove();
      await IOUtils.remove(file.path, { ignoreAbsent: true });
      throw this.#failure(error, secure, message._sendReport);
    }
  }

  /**
   * Makes the mail, and the copies for its blind recipients.
   *
   * @param {CollectingComposeSecure} secure
   * @param {string} path holds nothing; the mail afterwards
   * @param {any} message a MimeMessage
   */
  async #protect(secure, path, message) {
    const { job: whole, entity, header: kept } = secure.fetch();
    const job = { ...whole, bcc: unnamed(whole) };
    const header = kept || bytesOf(await IOUtils.read(path));
    const blind = job.encrypt && job.purpose === "send" ? job.bcc : [];
    const { nsMsgQueueForLater, nsMsgDeliverBackground } = Ci.nsIMsgSend;
    const later = [nsMsgQueueForLater, nsMsgDeliverBackground].includes(message._deliverMode);

    const main = await this.#ask(secure, blind.length > 0 ? { ...job, bcc_copies: true } : job, entity);
    const outer = withFields(header, main.outerHeaders);
    await writeMail(path, blind.length > 0 && later ? withoutFields(outer, ["bcc"]) : outer, main.entity);
    if (blind.length > 0 && secure.plan.blind) {
      secure.copies = new BlindCopies(secure.plan.blind, later, message._userIdentity);
      for (const address of secure.copies.missing(blind)) {
        const copy = await this.#ask(secure, { ...job, bcc_copies: true, blind_copy_for: address }, entity);
        await secure.copies.add(address, withFields(header, copy.outerHeaders), copy.entity);
      }
    }
  }

  /**
   * What Thunderbird is to be told of a mail that could not be protected.
   *
   * @param {unknown} error
   * @param {CollectingComposeSecure} secure
   * @param {any} report nsIMsgSendReport
   */
  #failure(error, secure, report) {
    const { text } = this.#environment;
    if (secure.isCancelled) {
      // Whatever went wrong after that interests nobody.
      return Components.Exception("given up", Cr.NS_ERROR_ABORT);
    }
    if (!(error instanceof Refusal)) {
      console.error(error);
    }
    const why =
      error instanceof Refusal ? error.message : text(isDiskFull(error) ? "error_disk_full" : "error_internal");
    if (secure.plan.failed) {
      secure.plan.failed(why);
      return Components.Exception("DANE S/MIME did not protect this draft", Cr.NS_ERROR_ABORT);
    }
    report.errMessage = `${why}\n\n${text("still_here")}`;
    return Components.Exception("DANE S/MIME did not protect this mail", Cr.NS_ERROR_FAILURE);
  }

  /**
   * Has an entity protected.
   *
   * @param {CollectingComposeSecure} secure
   * @param {any} job
   * @param {import("../../shared/bodies.mjs").OutgoingBody} given
   * @returns {Promise<{ entity: import("../../shared/bodies.mjs").Content, outerHeaders: [string, string | null][] }>}
   */
  async #ask(secure, job, given) {
    const { text, bodies } = this.#environment;
    secure.showProgress(text(job.encrypt ? "progress_encrypting" : "progress_signing"));
    let answer = await this.#askPage(secure, job, given.reference ?? given.buffer);
    if (answer?.fileRefused) {
      answer = await this.#askPage(secure, job, given.buffer);
    }
    if (answer?.error) {
      throw new Refusal(String(answer.error));
    }
    if (!answer?.entity) {
      throw new Error("no entity in the answer");
    }
    const entity = isReference(answer.entity) ? bodies.take(answer.entity) : new MemoryContent(answer.entity);
    const outerHeaders = answer.outerHeaders ?? [];
    const fault = entityFault(entity, job) ?? changesFault(outerHeaders);
    if (fault) {
      entity.close();
      console.error(`DANE S/MIME: the host's entity was refused: ${fault}`);
      throw new Refusal(text("error_host_broken"));
    }
    return { entity, outerHeaders };
  }

  /**
   * One request to the event page.
   *
   * @param {CollectingComposeSecure} secure
   * @param {any} job
   * @param {ArrayBuffer | import("../../shared/bodies.mjs").BodyReference} body
   */
  async #askPage(secure, job, body) {
    const { text, bodies, onProtect, onGivenUp } = this.#environment;
    const octets = body instanceof ArrayBuffer ? body.byteLength : body.length;
    const patience = PATIENCE_MS + Math.ceil(octets / 1024 / 1024) * PATIENCE_MS_PER_MEBIBYTE;
    const givenUp = secure.whenCancelled.then(() => {
      throw new Refusal("");
    });
    givenUp.catch(() => {});
    this.#underWay.set(secure.id, secure);
    secure.deadline = new Deadline(patience);
    const answer = onProtect.ask(secure.deadline, secure.id, job, body);
    try {
      return await Promise.race([answer, givenUp]);
    } catch (error) {
      answer.then(({ entity }) => bodies.discard(entity)).catch(() => {}); // it may come, and nobody wants it
      if (secure.isCancelled) {
        onGivenUp.tell(secure.id);
        throw error;
      }
      console.error(error);
      throw new Refusal(text("error_addon_silent"));
    } finally {
      this.#underWay.delete(secure.id);
    }
  }

  /** @param {any} send a MessageSend @param {any} file @param {(file: any) => any} original */
  async #deliver(send, file, original) {
    const secured = ours(send._message?._composeSecure);
    try {
      await this.#mayLeave(send, file, secured);
      await this.#deliverCopies(send, file, secured);
    } finally {
      await secured?.copies?.remove();
    }
    const { to, cc, newsgroups } = send._compFields;
    if (secured?.copies && !to && !cc && !newsgroups && send._deliverMode !== Ci.nsIMsgSend.nsMsgDeliverNow) {
      // Nobody is left to whom it could be sent out of the Outbox: it only goes among what was sent.
      send._messageFile = file;
      return send._doFcc();
    }
    const delivered = await original(file);
    if (secured) {
      secured.isThrough = true;
    }
    return delivered;
  }

  /**
   * The last look.
   *
   * @param {any} send
   * @param {any} file
   * @param {CollectingComposeSecure | null} secured
   */
  async #mayLeave(send, file, secured) {
    const { text, guard, windowOf, tellRefused } = this.#environment;
    if (isGivenUp(send, secured)) {
      await IOUtils.remove(file.path, { ignoreAbsent: true });
      throw Components.Exception("given up", Cr.NS_ERROR_ABORT);
    }
    const window = windowOf(send);
    if (send._message && window && !window.mayDeliver(send._deliverMode, secured)) {
      this.#stop(send, file, text("error_not_protected"));
    }
    if (secured && leaves(send) && !secured.isFor(send._compFields)) {
      this.#stop(send, file, text("error_changed_since"));
    }
    const refusal = leaves(send) ? await guard.refusal(mailOf(send, file)) : null;
    if (refusal && window) {
      this.#stop(send, file, refusal.text);
    }
    if (refusal) {
      tellRefused(refusal);
      this.#stop(send, file, "");
    }
  }

  /** @param {any} send @param {any} file @param {CollectingComposeSecure | null} secured */
  async #deliverCopies(send, file, secured) {
    const { text } = this.#environment;
    try {
      await secured?.copies?.deliver(send, secured, (done, total) =>
        secured.showProgress(text("progress_blind_copies"), done, total),
      );
      if (secured) {
        secured.copiesHaveLeft = true;
      }
    } catch (error) {
      const served = [...(secured?.plan.blind?.served ?? [])];
      const sentences = [
        error instanceof CopyFailed
          ? text("blind_copy_failed", [error.address, error.reason || text("error_server")])
          : text("error_internal"),
        served.length > 0 ? text("blind_copies_sent", [served.join(", ")]) : text("blind_copies_none_sent"),
        text("still_here"),
      ];
      if (secured?.isCancelled) {
        this.#tellServed(send, secured);
        await IOUtils.remove(file.path, { ignoreAbsent: true });
        throw Components.Exception("given up", Cr.NS_ERROR_ABORT);
      }
      console.error(error);
      this.#stop(send, file, sentences.join("\n\n"));
    }
  }

  /**
   * Ends the sending of a mail that must not leave.
   *
   * @returns {never}
   * @param {any} send
   * @param {any} file
   * @param {string} why said in a dialogue; empty: a person has been told already
   */
  #stop(send, file, why) {
    send._messageFile = file; // is removed where it is Thunderbird's own
    if (why) {
      send.fail(Cr.NS_ERROR_FAILURE, why);
    } else {
      Object.defineProperty(send, "sendReport", { value: new QuietReport() });
      send.fail(Cr.NS_ERROR_ABORT);
    }
    send.notifyListenerOnStopSending(null, Cr.NS_ERROR_FAILURE, null, null);
    throw Components.Exception("DANE S/MIME: this mail must not leave as it is", Cr.NS_ERROR_FAILURE);
  }

  /**
   * Hands the mail itself to the server, but not to blind recipients who have copies of their own. Thunderbird reads the
   * recipients and calls the server before it waits for anything.
   *
   * @param {any} send
   * @param {() => any} original
   */
  #toVisible(send, original) {
    const fields = send._compFields;
    const { to, cc, bcc } = fields;
    const secured = ours(send._message?._composeSecure);
    if (isGivenUp(send, secured)) {
      // Since the last look; Thunderbird would forget it, and send what its writer was told is not sent.
      return withdraw(send);
    }
    const copies = secured?.copies;
    if (copies && !to && !cc) {
      // All have got their copies; Thunderbird goes on as if it had just sent the mail.
      return send.sendDeliveryCallback(null, Cr.NS_OK, null, "");
    }
    fields.bcc = copies ? "" : bcc;
    try {
      return this.#servers.pass(original);
    } finally {
      fields.bcc = bcc;
    }
  }
}

/** @param {any} composeSecure what stands in the slot */
function ours(composeSecure) {
  const candidate = composeSecure?.wrappedJSObject;
  return candidate instanceof CollectingComposeSecure ? candidate : null;
}

/** Ends the sending of a mail that was given up when Thunderbird had already cleaned up. @param {any} send @returns {Promise<never>} */
async function withdraw({ _deliveryFile, _messageFile }) {
  for (const file of [_deliveryFile, _messageFile]) {
    if (file) {
      await IOUtils.remove(file.path, { ignoreAbsent: true });
    }
  }
  throw Components.Exception("given up", Cr.NS_ERROR_ABORT);
}

/** Whether its writer has given it up. @param {any} send @param {CollectingComposeSecure | null} secured */
function isGivenUp(send, secured) {
  return secured !== null && (secured.isCancelled || Boolean(send._sendProgress?.processCanceledByUser));
}

/**
 * The blind recipients whom To and Cc do not name: who is named there gets the mail itself, and gets it once.
 *
 * @param {{ to: string[], cc: string[], bcc: string[] }} job
 */
function unnamed({ to, cc, bcc }) {
  const spelled = (/** @type {string} */ address) => address.replace(/@[^@]*$/, (domain) => domain.toLowerCase());
  const named = new Set([...to, ...cc].map(spelled));
  return bcc.filter((address) => !named.has(spelled(address)));
}

/** Our object itself, where XPCOM has wrapped it. @param {any} composeSecure */
function straight(composeSecure) {
  return ours(composeSecure) ?? composeSecure;
}

/** Whether a mail is on its way to others, or into the Outbox. @param {any} send */
function leaves(send) {
  const { nsMsgDeliverNow, nsMsgQueueForLater, nsMsgSendUnsent, nsMsgDeliverBackground } = Ci.nsIMsgSend;
  const modes = [nsMsgDeliverNow, nsMsgQueueForLater, nsMsgSendUnsent, nsMsgDeliverBackground];
  return !send._dontDeliver && modes.includes(send._deliverMode);
}

/** @param {any} send @param {any} file */
function mailOf({ _compFields: { from, to, cc, bcc }, _userIdentity: identity, _deliverMode }, file) {
  const recipients = [to, cc, bcc].flatMap(addresses);
  return { file, from, identity, recipients, queued: _deliverMode === Ci.nsIMsgSend.nsMsgSendUnsent };
}

/** @param {unknown} error */
function isDiskFull(error) {
  return /NS_ERROR_FILE_NO_DEVICE_SPACE|no device space|no space left|disk full/i.test(String(error));
}

/** A reason in words for a person. */
class Refusal extends Error {}

/** In place of Thunderbird's report, which would put up a dialogue without words beside what a person has been told. */
class QuietReport {
  QueryInterface = ChromeUtils.generateQI(["nsIMsgSendReport"]);
  deliveryMode = 0;
  currentProcess = 0;
  errMessage = "";
  reset() {}
  displayReport() {}
}
