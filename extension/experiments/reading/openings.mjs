/**
 * One place that opens S/MIME parts: knows what was opened before, asks the add-on's event page for what was not, and
 * never asks twice for the same while an answer is under way.
 */

/** @typedef {import("../shared/bodies.mjs").Content} Content */

/**
 * What the host needs to open one part.
 *
 * @typedef {object} Sealed
 * @property {string} head header of the message for the host (open-message.mjs), a byte string
 * @property {{ length: number, buffer: ArrayBuffer, stream: any }} bytes the part's content; asking for the buffer may cost
 * @property {import("../shared/bodies.mjs").BodyFile | null} [file] that holds `head` and `bytes` for the host already; removed by who asks it
 * @property {string | null} shown SHA-256 of the octets that are drawn already (clear-signed mail), else null
 * @property {string} key names `head`, `bytes` and `unauthentic`, which all of the host's answer depends on
 * @property {boolean} [unauthentic] the reader asks for content that the host kept back because its signature does not fit
 */

/**
 * What the host said. `content`: the entity to be drawn; null where nothing may be.
 *
 * @typedef {{ ok: true, verdict: import("../../types/protocol").Verdict, content: Content | null,
 *             certificate: string | null, domain: string | null,
 *             details?: import("../../types/protocol").OpenDetails | null }} Opened
 * @typedef {{ ok: false, code: string, message: string }} NotOpened no statement about the mail: the host could not be
 *   asked, or could not answer
 */

/**
 * The same, asked for although its signature does not fit. Kept under a key of its own: the next time, the message is
 * closed again.
 *
 * @param {Sealed} sealed
 * @returns {Sealed}
 */
export function asUnauthentic(sealed) {
  return { ...sealed, key: `${sealed.key} unauthentic`, unauthentic: true };
}

/** The host's word for a signature that was proven once, and could not be checked now. */
export const UNCHECKED = "valid-when-first-seen-unchecked";

/** The host must answer within this, and one second more for each MiB. */
const PATIENCE_MS = 30_000;

/**
 * An answer that is awaited.
 *
 * @typedef {{ answer: Promise<Opened | NotOpened>, asked: Promise<unknown>, tellAsked: (_: unknown) => void }} UnderWay
 */

export class Openings {
  /** @type {Map<string, UnderWay>} */
  #underWay = new Map();
  #ask;
  #cache;

  /**
   * @param {object} parts
   * @param {(sealed: Sealed, deadlineMs: number) => Promise<Opened>} parts.ask rejects with an error that has a `code`
   * @param {import("./plaintext-cache.mjs").PlaintextCache<Opened>} parts.cache
   */
  constructor({ ask, cache }) {
    this.#ask = ask;
    this.#cache = cache;
  }

  /**
   * What is known of a message that is to be drawn. "Nobody vouches for the signer" and "could not be checked today" may
   * be another answer in a minute, so that is asked anew each time.
   *
   * @param {Sealed} sealed
   * @returns {Opened | null}
   */
  known({ key }) {
    const opened = this.#cache.get(key);
    const { state, code } = opened?.verdict.signature ?? {};
    return state === "unknown" || code === UNCHECKED ? null : opened;
  }

  /**
   * What was opened before, for somebody who wants the content and draws no verdict beside it.
   *
   * @param {Sealed} sealed
   * @returns {Opened | null}
   */
  kept({ key }) {
    return this.#cache.get(key);
  }

  /**
   * Opens a message that may not be wanted in the end, if nothing is known of it yet.
   *
   * @param {Sealed} sealed
   */
  openEarly(sealed) {
    if (this.kept(sealed) || this.#underWay.has(sealed.key)) {
      sealed.file?.remove();
    } else {
      this.open(sealed);
    }
  }

  /**
   * @param {Sealed} sealed
   * @returns {Promise<Opened | NotOpened>} never rejects
   */
  open(sealed) {
    const underWay = this.#underWay.get(sealed.key);
    if (underWay) {
      return underWay.answer;
    }
    const answer = this.#openAnew(sealed).finally(() => this.#underWay.delete(sealed.key));
    const { promise: asked, resolve: tellAsked } = Promise.withResolvers();
    this.#underWay.set(sealed.key, { answer, asked, tellAsked });
    return answer;
  }

  /**
   * Settles when a person is asked for a PIN, so that a message under way can be opened.
   *
   * @param {Sealed} sealed
   * @returns {Promise<unknown>}
   */
  asked({ key }) {
    return this.#underWay.get(key)?.asked ?? new Promise(() => {});
  }

  /** Says so. @param {string} key */
  tellAsked(key) {
    this.#underWay.get(key)?.tellAsked(undefined);
  }

  /** @param {Sealed} sealed */
  async #openAnew(sealed) {
    try {
      const opened = await this.#ask(sealed, PATIENCE_MS + Math.ceil(sealed.bytes.length / 1024));
      if (opened.content !== null) {
        this.#cache.keep(sealed.key, opened, opened.content.length);
      }
      return opened;
    } catch (error) {
      const { code = "internal", message = "" } = /** @type {{ code?: string, message?: string }} */ (error ?? {});
      return /** @type {NotOpened} */ ({ ok: false, code, message });
    }
  }
}
