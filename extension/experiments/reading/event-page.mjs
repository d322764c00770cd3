/**
 * The way from the parts that run inside Thunderbird to the add-on's event page, which holds the connection to the
 * host. The page may be asleep (it is woken), not yet started (waited for), or gone (said after the deadline).
 */

import { clearTimeout, setTimeout } from "resource://gre/modules/Timer.sys.mjs";

/** How long the event page may take to come up and listen. */
const START_MS = 10_000;

/** @param {string} code as in background/host-error.js */
const failure = (code) => Object.assign(new Error(code), { code });

export class EventPage {
  /** @type {any} */
  #fire = null;
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /** @param {any} fire the listener of the event, primed or awake */
  listens(fire) {
    this.#fire = fire;
    for (const ready of this.#waiting) {
      ready();
    }
    this.#waiting.clear();
  }

  /** @param {any} fire */
  stopped(fire) {
    if (this.#fire === fire) {
      this.#fire = null;
    }
  }

  /**
   * Calls the page's listener.
   *
   * @param {object} job structured-cloneable
   * @param {number} ms after which the page is taken for hung
   * @returns {Promise<any>} what the listener gave back; rejects with `code` `host-timeout` or `internal`
   */
  async call(job, ms) {
    return this.#within(ms, async () => {
      if (!this.#fire) {
        await this.#within(START_MS, () => new Promise((resolve) => this.#waiting.add(() => resolve(undefined))));
      }
      await this.#fire?.wakeup?.();
      if (!this.#fire) {
        throw failure("internal");
      }
      return this.#fire.async(job);
    });
  }

  /**
   * @template T
   * @param {number} ms
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #within(ms, work) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(failure("host-timeout")), ms);
      work()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
