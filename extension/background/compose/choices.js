/**
 * The choices of the windows that are open. Each lives with its window (experiments/compose) and is changed here alone: one
 * change after the other, each made of what the one before has left. What was awaited beforehand (the keys, the settings) may
 * be late; what its writer has switched meanwhile stays.
 */

import { isSame, keepProtection, makeChoice, stillHolds, touch } from "./choice.js";

/**
 * @typedef {import("./choice.js").Choice} Choice
 * @typedef {import("../../types/dane-compose").WindowDescription} WindowDescription
 *
 * @typedef {object} Facts what a choice is made of, beside its window
 * @property {import("../../types/protocol").Key[] | null} keys those held; null where that is not known
 * @property {string} why the keys are not known: a sentence
 * @property {(from: string) => Parameters<typeof makeChoice>[0]["wishes"]} wishes
 */

export class Choices {
  #windows;
  #facts;
  /** The last change of each window that is under way. @type {Map<number, Promise<unknown>>} */
  #changes = new Map();
  #round = 0;

  /**
   * @param {Pick<import("../../types/dane-compose").DaneCompose, "getWindow" | "setChoice">} windows
   * @param {() => Promise<Facts>} facts as they are now
   */
  constructor(windows, facts) {
    this.#windows = windows;
    this.#facts = facts;
  }

  /**
   * The choice for a window as it was described; a new one, which the window does not have yet, where its own is for another
   * sender or there is none.
   *
   * @param {WindowDescription} window
   * @returns {Promise<{ choice: Choice | null, why: string }>} null: it cannot be known, for what reason
   */
  async peek(window) {
    if (stillHolds(window.choice, window)) {
      return { choice: window.choice, why: "" };
    }
    const facts = await this.#facts();
    return { choice: made(window, facts), why: facts.why };
  }

  /**
   * The same, and the window has it from now on.
   *
   * @param {number} tabId
   * @param {WindowDescription} window
   * @returns {Promise<{ choice: Choice | null, why: string }>}
   */
  async of(tabId, window) {
    if (stillHolds(window.choice, window)) {
      return { choice: window.choice, why: "" };
    }
    const facts = await this.#facts();
    const choice = await this.#change(tabId, (now) => (stillHolds(now.choice, now) ? now.choice : made(now, facts)));
    return { choice, why: facts.why };
  }

  /**
   * The writer switches; nothing where it is not known what there is to switch.
   *
   * @param {number} tabId
   * @param {(choice: Choice) => Parameters<typeof touch>[1]} change
   * @returns {Promise<Choice | null>}
   */
  async switch(tabId, change) {
    await this.of(tabId, await this.#windows.getWindow(tabId));
    return this.#change(tabId, ({ choice }) => choice && touch(choice, change(choice)));
  }

  /**
   * Settings are others now: so may be what open windows start with.
   *
   * @param {number[]} tabIds
   * @param {(tabId: number, choice: Promise<Choice | null>) => Promise<unknown>} each what to do with the new choice of each
   */
  async renew(tabIds, each) {
    const round = ++this.#round;
    const facts = await this.#facts();
    if (round !== this.#round) {
      return; // they have changed once more, and another round is under way with what they are now
    }
    await Promise.all(
      tabIds.map((tabId) =>
        each(
          tabId,
          this.#change(tabId, (now) => made(now, facts)),
        ),
      ),
    );
  }

  /**
   * Keys may be others now, made or ended in another program. What is new to sign and encrypt with counts; what a window has said
   * that it does to its mail, it does not cease to do because a key is gone or nobody can say which there are.
   *
   * @param {number[]} tabIds
   * @param {(tabId: number, choice: Promise<Choice | null>) => Promise<unknown>} each what to do with the choice of each; null: it
   *   is what it was
   */
  async freshen(tabIds, each) {
    const round = this.#round;
    const facts = await this.#facts();
    if (facts.keys === null || round !== this.#round) {
      return; // where the settings have changed meanwhile, keys are asked for once more by whoever follows them
    }
    await Promise.all(
      tabIds.map((tabId) =>
        each(
          tabId,
          this.#change(tabId, (now) => (stillHolds(now.choice, now) ? gained(now, now.choice, facts) : null)),
        ),
      ),
    );
  }

  /**
   * @param {number} tabId
   * @param {(now: WindowDescription) => Choice | null} change null: leave it as it is
   * @returns {Promise<Choice | null>}
   */
  #change(tabId, change) {
    const before = this.#changes.get(tabId) ?? Promise.resolve();
    const result = before
      .catch(() => {}) // its own caller is told
      .then(async () => {
        const now = await this.#windows.getWindow(tabId);
        const choice = change(now);
        if (choice && choice !== now.choice) {
          await this.#windows.setChoice(tabId, choice);
        }
        return choice;
      });
    this.#changes.set(tabId, result);
    const forget = () => this.#changes.get(tabId) === result && this.#changes.delete(tabId);
    result.then(forget, forget);
    return result;
  }
}

/** @param {WindowDescription} window @param {Facts} facts */
function made({ from, fromEncrypted, draft, choice: previous }, { keys, wishes }) {
  return makeChoice({ from, fromEncrypted, draft, keys, wishes: wishes(from), previous });
}

/** @param {WindowDescription} window @param {Choice} present @param {Facts} facts @returns {Choice | null} null: nothing is new */
function gained(window, present, facts) {
  const next = made(window, facts);
  const kept = next && keepProtection(next, present);
  return kept && !isSame(kept, present) ? kept : null;
}
