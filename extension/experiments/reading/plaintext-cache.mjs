/**
 * Opened mail, for a short time and in memory alone, so that an attachment, a reply or a second look need not ask the
 * host again. Bounded in number, octets and time. Pure: time comes from outside.
 *
 * The key covers everything that the host's answer depends on: content type, octets, and the fields that say who wrote
 * when about what. The same octets under another From are another message, for the plaintext too: the host may show it
 * to the one and withhold it from the other.
 */

/** @template T what is kept */
export class PlaintextCache {
  /** Least recently used first. @type {Map<string, { value: T, octets: number, expires: number }>} */
  #entries = new Map();
  #octets = 0;
  #limits;
  #now;
  #forget;

  /**
   * @param {object} limits
   * @param {number} limits.entries
   * @param {number} limits.octets of all together; what alone has more is not kept
   * @param {number} limits.ageMs from the last use
   * @param {() => number} now milliseconds
   * @param {(value: T) => void} [forget] called with what has become too old, and with everything when it is cleared. What
   *   only makes room may still be in somebody's hands
   */
  constructor(limits, now, forget = () => {}) {
    this.#limits = limits;
    this.#now = now;
    this.#forget = forget;
  }

  get size() {
    return this.#entries.size;
  }

  /**
   * @param {string} key
   * @returns {T | null}
   */
  get(key) {
    const entry = this.#entries.get(key);
    if (!entry || entry.expires <= this.#now()) {
      this.#drop(key);
      return null;
    }
    entry.expires = this.#now() + this.#limits.ageMs;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * @param {string} key
   * @param {T} value
   * @param {number} octets of plaintext in it
   */
  keep(key, value, octets) {
    this.#drop(key);
    if (octets > this.#limits.octets) {
      return;
    }
    this.#entries.set(key, { value, octets, expires: this.#now() + this.#limits.ageMs });
    this.#octets += octets;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.entries && this.#octets <= this.#limits.octets) {
        break;
      }
      this.#drop(oldest);
    }
  }

  /** Forgets what is too old. To be called now and then, so that plaintext does not outlive its time unused. */
  sweep() {
    const now = this.#now();
    for (const [key, { value, expires }] of this.#entries) {
      if (expires <= now) {
        this.#drop(key);
        this.#forget(value);
      }
    }
  }

  clear() {
    for (const { value } of this.#entries.values()) {
      this.#forget(value);
    }
    this.#entries.clear();
    this.#octets = 0;
  }

  /** @param {string} key */
  #drop(key) {
    const entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      this.#octets -= entry.octets;
    }
  }
}
