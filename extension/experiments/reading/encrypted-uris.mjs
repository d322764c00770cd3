/**
 * Tells Thunderbird which messages were encrypted: it then never loads anything remote for them (an image whose
 * address carries the plaintext away), and a reply to them starts encrypted.
 */

/** Messages that were opened without being drawn (quoted, printed) are forgotten when so many others came. */
const MOST_UNDRAWN = 50;

export class EncryptedUris {
  #service = Cc["@mozilla.org/messenger-smime/smime-encrypted-uris-service;1"].getService(
    Ci.nsIEncryptedSMIMEURIsService,
  );
  /** @type {Set<string>} */
  #undrawn = new Set();

  /**
   * A message in a window; about:message itself forgets it when it goes on to another.
   *
   * @param {import("./message-views.mjs").MessageView} view
   */
  rememberDisplayed({ win, uri, spec }) {
    this.#service.rememberEncrypted(uri);
    this.#service.rememberEncrypted(spec);
    win.gMyLastEncryptedURI = uri;
  }

  /**
   * A message that is loaded without a window.
   *
   * @param {any} url nsIURI of the load
   * @returns {string} the URI of the message
   */
  rememberLoad(url) {
    const message = url.QueryInterface(Ci.nsIMsgMessageUrl).uri.replace(/[?&](header|part)=.*$/, "");
    this.remember(url.spec);
    this.remember(message);
    return message;
  }

  /** @param {string} uri of a message */
  remember(uri) {
    this.#service.rememberEncrypted(uri);
    this.#undrawn.delete(uri);
    this.#undrawn.add(uri);
    for (const oldest of this.#undrawn) {
      if (this.#undrawn.size <= MOST_UNDRAWN) {
        break;
      }
      this.#undrawn.delete(oldest);
      this.#service.forgetEncrypted(oldest);
    }
  }

  forgetAll() {
    for (const uri of this.#undrawn) {
      this.#service.forgetEncrypted(uri);
    }
    this.#undrawn.clear();
  }
}
