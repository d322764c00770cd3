/** A time after which nobody waits any more. It can be put off: while a person enters a PIN, say. */

const { clearTimeout, setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

export class Deadline {
  #passed = Promise.withResolvers();
  #ms;
  #timer;

  /** @param {number} ms from now */
  constructor(ms) {
    this.#ms = ms;
    this.#timer = this.#start();
  }

  /** Settles when it has passed. @type {Promise<unknown>} */
  get passed() {
    return this.#passed.promise;
  }

  /** Begins anew, and lets so much more time pass. @param {number} ms */
  putOff(ms) {
    clearTimeout(this.#timer);
    this.#ms += ms;
    this.#timer = this.#start();
  }

  /** It does not matter any more. */
  end() {
    clearTimeout(this.#timer);
  }

  #start() {
    return setTimeout(() => this.#passed.resolve(undefined), this.#ms);
  }
}
