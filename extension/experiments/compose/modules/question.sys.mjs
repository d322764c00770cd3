/**
 * An event of this experiment as a question with a deadline. The event page that answers may be stopped (Thunderbird
 * starts it), still starting (we wait for it), hung or crashed (we give up): the asker always gets an answer or an error.
 */

import { Deadline } from "../../shared/deadline.mjs";

/** Nobody answered. */
export class NoAnswer extends Error {}

export class Question {
  /** @type {{ async(...args: unknown[]): Promise<any> } | null} */
  #fire = null;
  #listening = Promise.withResolvers();
  #closed = Promise.withResolvers();

  /** The add-on ends: whoever asks, or has asked, gets no answer. */
  close() {
    this.#closed.resolve(undefined);
  }

  /**
   * For PERSISTENT_EVENTS: takes the listener of the event page.
   *
   * @param {{ async(...args: unknown[]): Promise<any> }} fire
   */
  register(fire) {
    this.#fire = fire;
    this.#listening.resolve(undefined);
    return {
      unregister: () => {
        if (this.#fire === fire) {
          this.#fire = null;
          this.#listening = Promise.withResolvers();
        }
      },
      convert: (/** @type {typeof fire} */ next) => {
        if (this.#fire === fire) {
          this.#fire = next;
        }
        fire = next;
      },
    };
  }

  /**
   * @param {number | Deadline} deadline milliseconds, or one that the caller may put off
   * @param {...unknown} args
   * @returns {Promise<any>}
   * @throws {NoAnswer} in time, or because the event page crashed, or the add-on ended
   */
  async ask(deadline, ...args) {
    const limit = typeof deadline === "number" ? new Deadline(deadline) : deadline;
    const late = limit.passed.then(() => {
      throw new NoAnswer("no answer in time");
    });
    const closed = this.#closed.promise.then(() => {
      throw new NoAnswer("the add-on has ended");
    });
    const answer = this.#listening.promise.then(() => this.#fire?.async(...args));
    try {
      return await Promise.race([closed, answer, late]);
    } catch (error) {
      throw error instanceof NoAnswer ? error : new NoAnswer(String(error));
    } finally {
      limit.end();
    }
  }

  /** Asks without waiting for an answer. @param {...unknown} args */
  tell(...args) {
    this.ask(60_000, ...args).catch((error) => console.error(error));
  }
}
