/**
 * An event of this experiment as a question with a deadline. The event page that answers may be stopped (Thunderbird
 * starts it), still starting (we wait for it), hung or crashed (we give up): the asker always gets an answer or an error.
 */

const { clearTimeout, setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

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
   * @param {number} deadlineMs
   * @param {...unknown} args
   * @returns {Promise<any>}
   * @throws {NoAnswer} in time, or because the event page crashed, or the add-on ended
   */
  async ask(deadlineMs, ...args) {
    let timer;
    const deadline = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new NoAnswer("no answer in time")), deadlineMs);
    });
    const closed = this.#closed.promise.then(() => {
      throw new NoAnswer("the add-on has ended");
    });
    const answer = this.#listening.promise.then(() => this.#fire?.async(...args));
    try {
      return await Promise.race([closed, answer, deadline]);
    } catch (error) {
      throw error instanceof NoAnswer ? error : new NoAnswer(String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks without waiting for an answer. @param {...unknown} args */
  tell(...args) {
    this.ask(60_000, ...args).catch((error) => console.error(error));
  }
}
