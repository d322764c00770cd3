/**
 * The copies for blind recipients (Bcc) of an encrypted mail. Whoever can open an encrypted mail is named in it, so each blind
 * recipient gets a copy that is encrypted to them alone and sent to them alone; the mail of the others knows nothing of them.
 *
 * All copies are made before the first leaves. They leave before the mail itself: if one cannot be sent, the window stays open,
 * and who has got the mail already does not get it again when it is sent once more.
 */

import { withoutFields } from "./outer-header.sys.mjs";
import { isSmtp } from "./outgoing-servers.sys.mjs";

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

/**
 * What one window remembers between two attempts.
 *
 * @typedef {object} BlindState
 * @property {Set<string>} served who has got the mail already
 * @property {string} messageId of that mail, so that all copies are one mail to those who answer; empty: none has left
 */

/** @returns {BlindState} */
export function newBlindState() {
  return { served: new Set(), messageId: "" };
}

/** A copy could not be sent. `reason`: the server's words, or empty. */
export class CopyFailed extends Error {
  /** @param {string} address @param {string} reason */
  constructor(address, reason) {
    super(`no copy for ${address}`);
    this.address = address;
    this.reason = reason;
  }
}

/** The copies of one mail, as files. */
export class BlindCopies {
  /** @type {{ address: string, path: string }[]} */
  #copies = [];
  #state;
  #later;
  #byEnvelope;

  /**
   * @param {BlindState} state
   * @param {boolean} later whether the mail goes into the Outbox
   * @param {any} identity nsIMsgIdentity: whose server it goes through
   */
  constructor(state, later, identity) {
    this.#state = state;
    this.#later = later;
    this.#byEnvelope = !later && isSmtp(MailServices.outgoingServer.getServerByIdentity(identity));
  }

  /** @param {string[]} blind @returns {string[]} those who need a copy still */
  missing(blind) {
    return [...new Set(blind)].filter((address) => !this.#state.served.has(address));
  }

  /**
   * @param {string} address
   * @param {string} header the outer header, as Thunderbird wrote it for everybody
   * @param {import("../../shared/bodies.mjs").Content} entity
   */
  async add(address, header, entity) {
    const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
    file.append("nsemail.eml");
    file.createUnique(Ci.nsIFile.NORMAL_FILE_TYPE, 0o600);
    this.#copies.push({ address, path: file.path });
    await writeMail(file.path, this.#header(address, header), entity);
  }

  /**
   * SMTP sends a mail to whom the envelope names. Exchange, and whoever sends out of the Outbox, send it to whom its own header
   * names, so there the copy names nobody; in the Outbox its recipient as a blind one, which Thunderbird takes out again.
   *
   * @param {string} address
   * @param {string} header
   */
  #header(address, header) {
    if (this.#byEnvelope) {
      return withoutFields(header, ["bcc"]);
    }
    const nobody = `${withoutFields(header, ["to", "cc", "bcc", "fcc"])}To: undisclosed-recipients:;\r\n`;
    return this.#later ? `${nobody}Bcc: ${address}\r\nFcc: nocopy://\r\n` : nobody;
  }

  /**
   * @param {any} send the MessageSend of the mail itself
   * @param {import("./secure.sys.mjs").CollectingComposeSecure} secure
   * @param {(done: number, total: number) => void} onProgress
   * @throws {CopyFailed}
   */
  async deliver(send, secure, onProgress) {
    const total = this.#copies.length;
    for (const [done, { address, path }] of this.#copies.entries()) {
      onProgress(done, total);
      const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      file.initWithPath(path);
      await (this.#later ? queue(send, file, address) : sendNow(send, secure, file, address));
      this.#state.served.add(address);
      this.#state.messageId = send._compFields.messageId;
    }
  }

  /** Removes the files. */
  async remove() {
    for (const { path } of this.#copies) {
      await IOUtils.remove(path, { ignoreAbsent: true });
    }
    this.#copies = [];
  }
}

/**
 * @param {string} path
 * @param {string} header a byte string
 * @param {import("../../shared/bodies.mjs").Content} entity
 */
export async function writeMail(path, header, entity) {
  await IOUtils.write(
    path,
    Uint8Array.from(header, (char) => char.charCodeAt(0)),
  );
  await entity.appendTo(path);
}

/**
 * @param {any} send
 * @param {import("./secure.sys.mjs").CollectingComposeSecure} secure
 * @param {any} file
 * @param {string} address
 */
async function sendNow(send, secure, file, address) {
  const { promise, resolve, reject } = Promise.withResolvers();
  /** @type {any} */
  let request = null;
  const listener = {
    QueryInterface: ChromeUtils.generateQI(["nsIMsgOutgoingListener"]),
    onSendStart(/** @type {any} */ started) {
      request = started;
    },
    onSendStop(
      /** @type {any} */ _uri,
      /** @type {number} */ status,
      /** @type {any} */ _info,
      /** @type {string} */ why,
    ) {
      if (Components.isSuccessCode(status)) {
        resolve(undefined);
      } else {
        reject(new CopyFailed(address, why ?? ""));
      }
    },
  };
  secure.whenCancelled.then(() => request?.cancel(Cr.NS_ERROR_ABORT));
  const identity = send._userIdentity;
  const server = MailServices.outgoingServer.getServerByIdentity(identity);
  const to = MailServices.headerParser.parseEncodedHeaderW(address);
  const { from, DSN, messageId } = send._compFields;
  server.sendMailMessage(file, [], to, identity, from, send._smtpPassword, null, DSN, messageId, listener);
  await promise;
}

/** @param {any} send @param {any} file @param {string} address */
async function queue(send, file, address) {
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  Object.assign(fields, { from: send._compFields.from, bcc: address, fcc: "nocopy://" });
  fields.messageId = send._compFields.messageId;
  const { promise, resolve, reject } = Promise.withResolvers();
  const listener = {
    QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
    onStartSending() {},
    onProgress() {},
    onStatus() {},
    onStopSending() {},
    onSendNotPerformed() {},
    onGetDraftFolderURI() {},
    onTransportSecurityError() {},
    onStartCopy() {},
    setMessageKey() {},
    getMessageId() {},
    onStopCopy: (/** @type {number} */ status) =>
      Components.isSuccessCode(status) ? resolve(undefined) : reject(new CopyFailed(address, "")),
  };
  const each = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
  await each.sendMessageFile(
    send._userIdentity,
    send._accountKey,
    fields,
    file,
    false,
    false,
    Ci.nsIMsgSend.nsMsgQueueForLater,
    null,
    listener,
    "",
  );
  await promise;
  // Out of the Outbox, Thunderbird sends for the identity that the folder's database names.
  const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
  const header = later.getUnsentMessagesFolder(send._userIdentity).GetMessageHeader(each.messageKey);
  header?.setStringProperty("X-Identity-Key", send._userIdentity.key);
}
