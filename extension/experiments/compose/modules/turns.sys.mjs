/**
 * One thing at a time in one window. Thunderbird itself lets an autosave begin while it is found out whether a mail can be
 * encrypted, unlocks the window when that autosave ends, and takes a second Send for a second mail. Here:
 *
 * - A mail that is being sent is not sent once more.
 * - An autosave does not begin meanwhile; it comes again. One that is under way is given up for the mail.
 * - Closing the window with "save" gives the sending up, as long as that is possible, and saves.
 */

import { Wraps } from "./wraps.sys.mjs";

export class Turns {
  #wraps = new Wraps();
  #isSending = false;
  /** Drafts that are being saved. @type {Map<Promise<unknown>, number>} */
  #saving = new Map();
  #window;
  #giveUp;

  /**
   * @param {any} window
   * @param {{ draft: () => void, mail: () => void }} giveUp what gives up a draft that is being saved, and a mail of which it
   *   is not decided yet how it leaves
   */
  constructor(window, giveUp) {
    this.#window = window;
    this.#giveUp = giveUp;
    if (!this.#wraps.wrap(window, "GenericSendMessage", (_self, original, [mode]) => this.#take(original, mode))) {
      console.error("DANE S/MIME: this Thunderbird sends in another way; an autosave may get in the way of a mail");
    }
  }

  /** Leaves the window as Thunderbird made it. */
  end() {
    this.#wraps.undo();
  }

  /** @param {(mode: number) => Promise<unknown>} original @param {number} mode nsIMsgCompDeliverMode */
  #take(original, mode) {
    const { AutoSaveAsDraft } = Ci.nsIMsgCompDeliverMode;
    if (!isDraft(mode)) {
      return this.#isSending ? undefined : this.#send(original, mode);
    }
    if (this.#isSending && mode === AutoSaveAsDraft) {
      if (!this.#window.gCloseWindowAfterSave) {
        return undefined;
      }
      this.#giveUp.mail();
    }
    return this.#save(original, mode);
  }

  /** @param {(mode: number) => Promise<unknown>} original @param {number} mode */
  async #save(original, mode) {
    const saving = original(mode);
    this.#saving.set(saving, mode);
    try {
      await saving;
    } finally {
      this.#saving.delete(saving);
    }
  }

  /** @param {(mode: number) => Promise<unknown>} original @param {number} mode */
  async #send(original, mode) {
    this.#isSending = true;
    try {
      // What a person has asked for is saved first.
      if ([...this.#saving.values()].includes(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft)) {
        this.#giveUp.draft();
      }
      await Promise.allSettled(this.#saving.keys());
      if (!this.#window.closed) {
        await original(mode);
      }
    } finally {
      this.#isSending = false;
    }
  }
}

/** Whether it is a draft, a template or an autosave. @param {number} mode of nsIMsgCompDeliverMode, or of nsIMsgSend */
export function isDraft(mode) {
  const modes = Ci.nsIMsgCompDeliverMode;
  return [modes.SaveAsDraft, modes.AutoSaveAsDraft, modes.SaveAsTemplate].includes(mode);
}
