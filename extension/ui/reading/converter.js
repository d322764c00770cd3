/** Makes one copy at a time: reads the message, has the host open it, puts the copy into its folder, reads it back. */

import { HostError } from "../../background/host-error.js";
import { isSame, mayBeEncrypted, split, withContent } from "./copies.js";

/** A message may be large, and the host may have to ask the DNS. */
const DEADLINE_MS = 120_000;
/**
 * How long a folder may take (Thunderbird itself waits for a silent server for ever), and how long it may go on after Cancel,
 * so that nothing is left half done.
 */
const PATIENCE = { folderMs: 120_000, cancelledMs: 5_000 };

/**
 * @typedef {{ what: "copied" } | { what: "not-encrypted" } | { what: "left", subject: string, cause: unknown, ends: boolean }} Outcome
 *   `left`: the original stays as it is; the cause is an error, or a word. `ends`: the next message would fare no better
 * @typedef {{ folderId: string, isOnServer: boolean, removeOriginals: boolean, signal: AbortSignal }} Order
 */

/** What is wrong with the host, the keys or the folder, and not with one message. */
const ENDS = new Set([
  ...["host-missing", "host-broken", "protocol-mismatch", "bad-configuration", "bad-trust-anchor", "disk-full"],
  ...["keyring-locked", "keyring-missing", "keyring-entry-missing", "keyring-failed", "sealed-otherwise"],
  ...["pin-needed", "pin-wrong", "pin-locked", "pinentry-failed", "cancelled"],
  ...["no-key", "folder-silent", "not-stored", "offline"],
]);

/** A word that says why a message was left. */
class Left extends Error {
  /** @param {string} word */
  constructor(word) {
    super(word);
    this.word = word;
  }
}

export class Converter {
  #host;
  #mail;
  #accounts;
  #keepAnswered;
  #isOnline;
  #mode;
  #patience;

  /**
   * @param {object} parts
   * @param {Pick<import("../../background/host.js").Host, "request">} parts.host
   * @param {any} parts.mail `browser.messages`
   * @param {any} parts.accounts `browser.accounts`
   * @param {(original: number, copy: number) => Promise<void>} parts.keepAnswered marks a copy as answered where its original is
   * @param {() => boolean} parts.isOnline
   * @param {"decrypt" | "reencrypt"} parts.mode
   * @param {typeof PATIENCE} [parts.patience]
   */
  constructor({ host, mail, accounts, keepAnswered, isOnline, mode, patience = PATIENCE }) {
    this.#host = host;
    this.#mail = mail;
    this.#accounts = accounts;
    this.#keepAnswered = keepAnswered;
    this.#isOnline = isOnline;
    this.#mode = mode;
    this.#patience = patience;
  }

  /**
   * @param {number} id of a message
   * @param {Order} order
   * @returns {Promise<Outcome>} never rejects
   */
  async convert(id, order) {
    let subject = "";
    try {
      const header = await this.#mail.get(id);
      subject = header.subject;
      const original = await this.#read(id, order.signal, "not-read");
      if (!mayBeEncrypted(original)) {
        return { what: "not-encrypted" };
      }
      const opened = await this.#open(original, order.signal);
      if (!opened) {
        return { what: "not-encrypted" };
      }
      const copy = await this.#copyOf(original, opened, header, order.signal);
      stopIfCancelled(order.signal);
      const kept = await this.#keep(copy, header, order);
      await this.#verify(kept.id, copy, opened.content, order.signal);
      await this.#inTime(this.#keepAnswered(id, kept.id), order.signal, "not-marked");
      if (order.removeOriginals) {
        await this.#inTime(this.#mail.delete([id], { deletePermanently: false }), order.signal, "not-moved");
      }
      return { what: "copied" };
    } catch (error) {
      const cause = error instanceof Left ? error.word : error;
      const word = error instanceof HostError ? error.code : cause;
      return { what: "left", subject, cause, ends: ENDS.has(String(word)) };
    }
  }

  /**
   * @param {number} id
   * @param {AbortSignal} signal
   * @param {string} word for a failure
   * @returns {Promise<Uint8Array>}
   */
  async #read(id, signal, word) {
    const file = await this.#inTime(this.#mail.getRaw(id, { data_format: "File" }), signal, word);
    return new Uint8Array(await file.arrayBuffer());
  }

  /**
   * @param {Uint8Array} message
   * @param {AbortSignal} signal
   * @returns {Promise<{ content: Uint8Array, recipient: string } | null>} null: it was not encrypted
   */
  async #open(message, signal) {
    const { result, body } = await this.#host.request("open", {}, { body: message, deadlineMs: DEADLINE_MS, signal });
    const { encryption } = result.verdict;
    if (encryption.state === "none") {
      return null;
    }
    if (encryption.state !== "decrypted" || encryption.code !== "ok" || body.length === 0) {
      throw new Left(encryption.code);
    }
    return { content: body, recipient: encryption.recipient ?? "" };
  }

  /**
   * @param {Uint8Array} original
   * @param {{ content: Uint8Array, recipient: string }} opened
   * @param {any} header of the message, as Thunderbird has it
   * @param {AbortSignal} signal
   */
  async #copyOf(original, { content, recipient }, header, signal) {
    if (this.#mode === "decrypt") {
      return withContent(original, content, { readable: true });
    }
    const request = {
      from: await this.#ownAddress(recipient, header.folder.accountId),
      ...{ to: [], cc: [], bcc: [], headers: [] },
      sign: false,
      encrypt: true,
      // Encrypted to oneself alone. What was protected of the header lies in the content, and stays there.
      purpose: /** @type {const} */ ("draft"),
      header_protection: false,
    };
    const { result, body } = await this.#host.request("protect", request, {
      body: content,
      deadlineMs: DEADLINE_MS,
      signal,
    });
    if (!result.encrypted || body.length === 0) {
      throw new Left("not-encrypted-anew");
    }
    return withContent(original, body, { readable: false });
  }

  /**
   * Whose key the copy is for: the one that the original was for, as far as it is in use still, or the account's.
   *
   * @param {string} recipient
   * @param {string} accountId
   */
  async #ownAddress(recipient, accountId) {
    const { result } = await this.#host.request("keys", {});
    const inUse = new Set(result.keys.filter(({ selected_encrypt }) => selected_encrypt).map(({ address }) => address));
    const account = await this.#accounts.get(accountId, false);
    const own = (account?.identities ?? []).map((/** @type {any} */ { email }) => email);
    const address = [recipient, ...own, ...inUse].find((candidate) => inUse.has(candidate));
    if (!address) {
      throw new Left("no-key");
    }
    return address;
  }

  /**
   * @param {Uint8Array} copy
   * @param {any} header
   * @param {Order} order
   */
  async #keep(copy, { headerMessageId, read, flagged, tags, folder }, { folderId, isOnServer, signal }) {
    // What is put into a folder of a server while offline lies here alone: nobody knows yet whether the server will take it.
    if (isOnServer && !this.#isOnline()) {
      throw new Left("offline");
    }
    if (folder?.id === folderId) {
      throw new Left("same-folder");
    }
    if (!split(copy).fields.some(({ name }) => name === "message-id")) {
      throw new Left("no-message-id");
    }
    const file = new File([/** @type {Uint8Array<ArrayBuffer>} */ (copy)], "message.eml", { type: "message/rfc822" });
    try {
      return await this.#inTime(this.#mail.import(file, folderId, { read, flagged, tags }), signal, "not-stored");
    } catch (error) {
      // Thunderbird stores no two of the same Message-ID, and says so in a sentence only. To look before is slow in a large folder.
      const isTaken = error instanceof Left && error.word === "not-stored";
      throw isTaken && (await this.#isThere(headerMessageId, folderId)) ? new Left("already-there") : error;
    }
  }

  /** @param {string} headerMessageId @param {string} folderId @returns {Promise<boolean>} */
  async #isThere(headerMessageId, folderId) {
    try {
      return (await this.#mail.query({ folderId, headerMessageId })).messages.length > 0;
    } catch {
      return false; // the folder is gone
    }
  }

  /**
   * @param {number} id of the copy
   * @param {Uint8Array} copy as it should be
   * @param {Uint8Array} content
   * @param {AbortSignal} signal
   */
  async #verify(id, copy, content, signal) {
    const read = await this.#read(id, signal, "copy-not-read");
    let same = isSame(read, copy);
    if (same && this.#mode === "reencrypt") {
      const opened = await this.#open(read, signal);
      same = opened !== null && isSame(opened.content, content);
    }
    if (!same) {
      throw new Left("not-the-same");
    }
  }

  /**
   * What Thunderbird does with a folder, which has no deadline of its own.
   *
   * @template T
   * @param {Promise<T>} work
   * @param {AbortSignal} signal
   * @param {string} word for its failure
   * @returns {Promise<T>}
   */
  async #inTime(work, signal, word) {
    const { folderMs, cancelledMs } = this.#patience;
    const settled = new AbortController();
    /** @type {ReturnType<typeof setTimeout>[]} */
    const timers = [];
    /** @type {Promise<never>} */
    const late = new Promise((_, reject) => {
      const after = (/** @type {number} */ ms, /** @type {string} */ cause) =>
        timers.push(setTimeout(() => reject(new Left(cause)), ms));
      after(folderMs, "folder-silent");
      if (signal.aborted) {
        after(cancelledMs, "cancelled");
      } else {
        signal.addEventListener("abort", () => after(cancelledMs, "cancelled"), { signal: settled.signal });
      }
    });
    const done = work.catch(() => {
      throw new Left(word);
    });
    try {
      return await Promise.race([done, late]);
    } finally {
      settled.abort();
      timers.forEach(clearTimeout);
    }
  }
}

/** @param {AbortSignal} signal */
function stopIfCancelled(signal) {
  if (signal.aborted) {
    throw new Left("cancelled");
  }
}
