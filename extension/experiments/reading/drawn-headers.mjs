/**
 * The headers of the messages that were drawn last. A quotation, a print or an attachment of one of them is loaded without a
 * header that could name what was opened; with this one it is found again, and the host is not asked a second time. Pure.
 */

/** People go back and forth between a few. */
const MOST = 20;

/**
 * The message that an URL of Thunderbird's leads into, without what says which part of it is wanted, and for what.
 *
 * @param {string} spec
 */
export function messageAt(spec) {
  const [path, query = ""] = spec.split("?");
  return `${path}?${/(?:^|&)(number=\d+)/.exec(query)?.[1] ?? ""}`;
}

export class DrawnHeaders {
  /** By address of the message, the least recent first. @type {Map<string, string>} */
  #headers = new Map();

  /**
   * @param {string} message see {@link messageAt}
   * @param {string} header a byte string
   */
  remember(message, header) {
    this.#headers.delete(message);
    this.#headers.set(message, header);
    for (const oldest of this.#headers.keys()) {
      if (this.#headers.size <= MOST) {
        break;
      }
      this.#headers.delete(oldest);
    }
  }

  /**
   * @param {string} message
   * @returns {string | null}
   */
  of(message) {
    return this.#headers.get(message) ?? null;
  }
}
