/**
 * The object that Thunderbird lets look after the cryptography of one mail (nsIMsgComposeSecure). Ours only collects the
 * entity that Thunderbird writes; sending.sys.mjs fetches it, awaits the host and puts the result in its place.
 */

import { OutgoingBody } from "../../shared/bodies.mjs";
import { innerFields } from "./draft-choice.sys.mjs";
import { headerFields } from "./entity.sys.mjs";

/**
 * @typedef {object} Plan what is to be done with this mail
 * @property {boolean} sign
 * @property {boolean} encrypt
 * @property {"send" | "draft"} purpose
 * @property {boolean} hideSubject put the header inside, and the subject there alone; counts where the mail is encrypted
 * @property {string | null} certificate the sender's to use, where it must be a certain one
 * @property {string[]} forms unusual forms of S/MIME that are asked for
 * @property {import("./blind-copies.sys.mjs").BlindState | null} [blind] what the window knows of earlier attempts
 * @property {string} [switched] what its writer has switched, of a draft (see draft-choice.sys.mjs)
 * @property {((why: string) => void) | null} [failed] told in place of a person, who is not to be interrupted
 */

/**
 * Where each form has a meaning; elsewhere the host would refuse it.
 *
 * @type {Record<string, (plan: { sign: boolean, encrypt: boolean }) => boolean>}
 */
const NEEDS = {
  opaque: ({ sign }) => sign,
  nocerts: ({ sign }) => sign,
  triple: ({ sign, encrypt }) => sign && encrypt,
  wrap: () => true,
};

export class CollectingComposeSecure {
  QueryInterface = ChromeUtils.generateQI(["nsIMsgComposeSecure"]);

  // Thunderbird reads and writes these; what we do stands in the plan alone.
  signMessage = false;
  requireEncryptMessage = false;
  signFormat = "multipart";

  /** What is collected; there once our part of sending has promised to fetch it. @type {OutgoingBody | null} */
  #entity = null;

  /** The outer header as Thunderbird has written it, a byte string; empty where it lies in the file of the mail. */
  #header = "";

  /** By this name the event page is told of the mail. */
  id = Services.uuid.generateUUID().toString().slice(1, -1);

  /** Thunderbird's nsIMsgProgress of this mail, where it has one: what is shown while it is sent. @type {any} */
  progress = null;

  /** How long the event page may take with it now. @type {import("../../shared/deadline.mjs").Deadline | null} */
  deadline = null;

  /** The copies for its blind recipients. @type {import("./blind-copies.sys.mjs").BlindCopies | null} */
  copies = null;

  /** All of them have, and the mail itself is next. */
  copiesHaveLeft = false;

  /** The MessageSend that sends it, once there is one. @type {any} */
  send = null;

  /** Thunderbird has sent it, or put it where it belongs. */
  isThrough = false;

  /** Its writer has given it up. */
  isCancelled = false;
  #cancelled = Promise.withResolvers();

  /** @type {object | null} */
  #job = null;

  /** @param {Plan} plan */
  constructor(plan) {
    this.wrappedJSObject = this;
    this.plan = plan;
  }

  /** Its writer gives it up: the dialogue's Cancel, or closing the window. */
  cancel() {
    this.isCancelled = true;
    this.#cancelled.resolve(undefined);
  }

  /** Its window is closed while it is on its way. */
  abandon() {
    if (!this.isThrough) {
      this.cancel();
      this.send?.abort();
    }
  }

  /** Settles when its writer gives it up. @type {Promise<unknown>} */
  get whenCancelled() {
    return this.#cancelled.promise;
  }

  /**
   * Shows what is being done with this mail.
   *
   * @param {string} sentence
   * @param {number} [done]
   * @param {number} [total]
   */
  showProgress(sentence, done, total) {
    this.progress?.onStatusChange(null, null, Cr.NS_OK, sentence);
    if (done !== undefined && total) {
      this.progress?.onProgressChange(null, null, done, total, done, total);
    }
  }

  /** Our part of sending promises to fetch what is collected. @param {import("../../shared/bodies.mjs").Bodies} bodies */
  collectInto(bodies) {
    this.discard();
    this.#entity = new OutgoingBody(bodies);
  }

  /**
   * Thunderbird writes the outer header into a temporary file before the subject is hidden there, and leaves that file where the mail
   * cannot be finished. So it writes into memory.
   *
   * @param {any} message a MimeMessage whose file has just been opened
   */
  keepHeader(message) {
    message._fstream?.close();
    message._fstream = {
      write: (/** @type {string} */ octets, /** @type {number} */ length) => {
        this.#header += octets.slice(0, length);
        return length;
      },
      close() {},
    };
  }

  requiresCryptoEncapsulation() {
    return true;
  }

  /**
   * @param {object} _stream
   * @param {string} _recipients all of them in one list, the blind ones, too: of no use here
   * @param {any} compFields nsIMsgCompFields, with mailing lists expanded
   * @param {string} headers the outer header, as Thunderbird has written it
   */
  beginCryptoEncapsulation(_stream, _recipients, compFields, headers) {
    const { sign, encrypt, purpose, hideSubject, certificate, forms, switched = "" } = this.plan;
    this.#job = {
      sign,
      encrypt,
      purpose,
      header_protection: true,
      hide_header: hideSubject || !encrypt,
      ...(certificate ? { certificate } : {}),
      ...Object.fromEntries(forms.filter((form) => NEEDS[form]?.({ sign, encrypt })).map((form) => [form, true])),
      from: addresses(compFields.from)[0] ?? "",
      to: addresses(compFields.to),
      cc: addresses(compFields.cc),
      bcc: addresses(compFields.bcc),
      headers: [
        ...headerFields(headers),
        ...(purpose === "draft" ? innerFields(switched, blindField(compFields)) : []),
      ],
    };
  }

  /** Whether a mail that goes to those whom the fields name now is the one that was made. @param {any} compFields nsIMsgCompFields */
  isFor(compFields) {
    const job = /** @type {any} */ (this.#job);
    return ["to", "cc", "bcc"].every((row) => job?.[row].join() === addresses(compFields[row]).join());
  }

  /** @param {string} octets @param {number} length */
  mimeCryptoWriteBlock(octets, length) {
    this.#entity?.write(length === octets.length ? octets : octets.substring(0, length));
  }

  /** @param {boolean} abort @param {unknown} _sendReport */
  finishCryptoEncapsulation(abort, _sendReport) {
    if (!abort && !this.#entity) {
      // The door that would fetch the entity is gone. A mail without its content must not leave, nor one in the clear.
      throw Components.Exception("DANE S/MIME cannot put its result into the mail", Cr.NS_ERROR_FAILURE);
    }
  }

  /** What was collected. @returns {{ job: any, entity: OutgoingBody, header: string }} */
  fetch() {
    return { job: this.#job, entity: this.#entity ?? missing(), header: this.#header };
  }

  /** Nobody needs any more what was collected. */
  discard() {
    this.#entity?.remove();
    this.#entity = null;
    this.#header = "";
  }

  // Asked by Thunderbird's own S/MIME user interface, which has nothing to do while we are in charge.
  haveValidCertForEmail() {
    return false;
  }
  getCertDBKeyForEmail() {
    return "";
  }
  cacheValidCertForEmail() {}
  /** @param {string} email @param {any} callback */
  asyncFindCertByEmailAddr(email, callback) {
    callback.findCertDone(email, null);
  }
}

/** @param {string} header @returns {string[]} */
export function addresses(header) {
  return MailServices()
    .headerParser.parseEncodedHeaderW(header ?? "")
    .map((/** @type {{ email: string }} */ mailbox) => mailbox.email)
    .filter(Boolean);
}

/**
 * The address that a mail will have of what a person has typed. Thunderbird reads that more simply at first than it does once it
 * is a header: there, a name may stand in parentheses behind the address (RFC 5322 section 3.4), and blanks around it are none of it.
 *
 * @param {string} typed a sender or a recipient, as Thunderbird shows it
 * @returns {string} empty: none
 */
export function addressIn(typed) {
  return addressesIn(typed)[0] ?? "";
}

/** All of them, where From names several. @param {string} typed */
export function addressesIn(typed) {
  const { headerParser } = MailServices();
  return addresses(headerParser.makeMimeHeader(headerParser.makeFromDisplayAddress(typed)));
}

/** The value of a Bcc field, as it would stand in a header; empty without one. @param {any} compFields */
function blindField(compFields) {
  const { jsmime } = ChromeUtils.importESModule("resource:///modules/jsmime.sys.mjs");
  const blind = MailServices().headerParser.parseEncodedHeaderW(compFields.bcc ?? "");
  const field = blind.length > 0 ? jsmime.headeremitter.emitStructuredHeader("Bcc", blind, { useASCII: true }) : "";
  return field
    .slice(field.indexOf(":") + 1)
    .replace(/\r\n/g, "")
    .trim();
}

const MailServices = () => ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs").MailServices;

/** @returns {never} */
function missing() {
  throw new Error("nothing was collected");
}
