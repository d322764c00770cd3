/**
 * The way from the parts that run inside Thunderbird to the add-on's event page, which holds the connection to the
 * host. The page may be asleep (it is woken), not yet started (waited for), or gone (said after the deadline).
 */

import { Deadline } from "../shared/deadline.mjs";

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
   * @param {number | Deadline} deadline milliseconds, or one that the caller may put off; then the page is taken for hung
   * @returns {Promise<any>} what the listener gave back; rejects with `code` `host-timeout` or `internal`
   */
  async call(job, deadline) {
    return this.#within(deadline, async () => {
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
   * @param {number | Deadline} deadline
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #within(deadline, work) {
    const limit = typeof deadline === "number" ? new Deadline(deadline) : deadline;
    return new Promise((resolve, reject) => {
      limit.passed.then(() => reject(failure("host-timeout")));
      work()
        .then(resolve, reject)
        .finally(() => limit.end());
    });
  }
}
