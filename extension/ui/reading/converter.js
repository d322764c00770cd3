/** Makes one copy at a time: reads the message, has the host open it, puts the copy into its folder, reads it back. */

import { mayBeEncrypted, sameBody, split, withContent } from "./copies.js";

/** A message may be large, and the host may have to ask the DNS. */
const DEADLINE_MS = 120_000;

/**
 * @typedef {{ what: "copied" } | { what: "not-encrypted" } | { what: "left", subject: string, cause: unknown }} Outcome
 *   `left`: the original stays as it is; the cause is an error, or a word
 * @typedef {{ folderId: string, removeOriginals: boolean, signal: AbortSignal }} Order
 */

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
  #mode;

  /**
   * @param {object} parts
   * @param {Pick<import("../../background/host.js").Host, "request">} parts.host
   * @param {any} parts.mail `browser.messages`
   * @param {any} parts.accounts `browser.accounts`
   * @param {"decrypt" | "reencrypt"} parts.mode
   */
  constructor({ host, mail, accounts, mode }) {
    this.#host = host;
    this.#mail = mail;
    this.#accounts = accounts;
    this.#mode = mode;
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
      const original = await this.#read(id);
      if (!mayBeEncrypted(original)) {
        return { what: "not-encrypted" };
      }
      const opened = await this.#open(original, order.signal);
      if (!opened) {
        return { what: "not-encrypted" };
      }
      const copy = await this.#copyOf(original, opened, header, order.signal);
      stopIfCancelled(order.signal);
      const kept = await this.#keep(copy, header, order.folderId);
      await this.#verify(kept.id, copy, opened.content, order.signal);
      if (order.removeOriginals) {
        await this.#mail.delete([id], { deletePermanently: false });
      }
      return { what: "copied" };
    } catch (error) {
      return { what: "left", subject, cause: error instanceof Left ? error.word : error };
    }
  }

  /** @param {number} id @returns {Promise<Uint8Array>} */
  async #read(id) {
    const file = await this.#mail.getRaw(id, { data_format: "File" });
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
   * @param {string} folderId
   */
  async #keep(copy, { read, flagged, tags, folder }, folderId) {
    if (folder?.id === folderId) {
      throw new Left("same-folder");
    }
    if (!split(copy).fields.some(({ name }) => name === "message-id")) {
      throw new Left("no-message-id");
    }
    const file = new File([/** @type {Uint8Array<ArrayBuffer>} */ (copy)], "message.eml", { type: "message/rfc822" });
    return this.#mail.import(file, folderId, { read, flagged, tags });
  }

  /**
   * @param {number} id of the copy
   * @param {Uint8Array} copy as it should be
   * @param {Uint8Array} content
   * @param {AbortSignal} signal
   */
  async #verify(id, copy, content, signal) {
    const read = await this.#read(id);
    let same = sameBody(read, copy);
    if (same && this.#mode === "reencrypt") {
      const opened = await this.#open(read, signal);
      same = opened !== null && sameBody(opened.content, content);
    }
    if (!same) {
      throw new Left("not-the-same");
    }
  }
}

/** @param {AbortSignal} signal */
function stopIfCancelled(signal) {
  if (signal.aborted) {
    throw new Left("cancelled");
  }
}
