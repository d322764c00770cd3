/**
 * One thing at a time in one window. Thunderbird itself lets an autosave begin while it is found out whether a mail can be
 * encrypted, unlocks the window when that autosave ends, and takes a second Send for a second mail. Here:
 *
 * - A mail that is being sent is not sent once more. Once it has come back and its window is free, it is; Thunderbird frees the
 *   window a moment before it is through with the first sending, and whoever presses Send then means it.
 * - An autosave does not begin meanwhile; it comes again. One that is under way is given up for the mail.
 * - What another add-on saves while the mail is built and sent waits until it has left, which leaves nothing to save, or has
 *   come back. What it saves before that comes first.
 * - Closing the window with "save" gives the sending up, as long as that is possible, and saves.
 */

import { Wraps } from "../../shared/wraps.mjs";

/** How long the end of a draft is awaited, and how often it is looked for. */
const END_MS = 1_000;
const LOOK_MS = 20;

export class Turns {
  #wraps = new Wraps();
  /** Settles when the mail that is being sent has left, or has come back. @type {Promise<unknown> | null} */
  #sending = null;
  /** Whether it has come back: Thunderbird says so a moment before it is through with it. */
  #hasComeBack = false;
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

  /** Thunderbird begins to build and send the mail. */
  begun() {
    const compose = this.#window.gMsgCompose;
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgComposeStateListener"]),
      NotifyComposeFieldsReady() {},
      NotifyComposeBodyReady() {},
      SaveInFolderDone() {},
      ComposeProcessDone: (/** @type {number} */ result) => {
        compose.UnregisterStateListener(listener);
        this.#hasComeBack = !Components.isSuccessCode(result);
      },
    };
    compose.RegisterStateListener(listener);
  }

  /** Leaves the window as Thunderbird made it. */
  end() {
    this.#wraps.undo();
  }

  /** All drafts that are being saved have been, or could not be. */
  async saved() {
    await Promise.allSettled(this.#saving.keys());
    // Thunderbird ends a draft a moment after its promise, and would give up a mail that has begun meanwhile.
    const { setTimeout } = this.#window;
    for (let waited = 0; this.#window.gSaveOperationInProgress && waited < END_MS; waited += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** @param {(mode: number) => Promise<unknown>} original @param {number} mode nsIMsgCompDeliverMode */
  #take(original, mode) {
    const { AutoSaveAsDraft } = Ci.nsIMsgCompDeliverMode;
    if (!isDraft(mode)) {
      if (!this.#sending) {
        return this.#send(original, mode);
      }
      return this.#hasComeBack && !this.#window.gWindowLocked
        ? this.#takeAfter(this.#sending, original, mode)
        : undefined;
    }
    if (!this.#sending) {
      return this.#save(original, mode);
    }
    if (mode !== AutoSaveAsDraft) {
      // Before the mail is built, whoever saves may be waited for.
      const isBuilt = this.#window.gSendOperationInProgress;
      return isBuilt ? this.#takeAfter(this.#sending, original, mode) : this.#save(original, mode);
    }
    if (!this.#window.gCloseWindowAfterSave) {
      return undefined;
    }
    this.#giveUp.mail();
    return this.#save(original, mode);
  }

  /**
   * Thunderbird keeps one object for sender, recipients and cryptography of a window: two at a time would take each other's.
   *
   * @param {Promise<unknown>} sending
   * @param {(mode: number) => Promise<unknown>} original
   * @param {number} mode
   */
  async #takeAfter(sending, original, mode) {
    await sending;
    if (!this.#window.closed) {
      await this.#take(original, mode);
    }
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
    const { promise, resolve } = Promise.withResolvers();
    this.#sending = promise;
    this.#hasComeBack = false;
    try {
      // What a person has asked for is saved first.
      if ([...this.#saving.values()].includes(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft)) {
        this.#giveUp.draft();
      }
      await this.saved();
      if (!this.#window.closed) {
        await original(mode);
      }
    } finally {
      this.#sending = null;
      resolve(undefined);
    }
  }
}

/** Whether it is a draft, a template or an autosave. @param {number} mode of nsIMsgCompDeliverMode, or of nsIMsgSend */
export function isDraft(mode) {
  const modes = Ci.nsIMsgCompDeliverMode;
  return [modes.SaveAsDraft, modes.AutoSaveAsDraft, modes.SaveAsTemplate].includes(mode);
}
