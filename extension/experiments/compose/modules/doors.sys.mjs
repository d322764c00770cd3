/** Puts the modules of this experiment together. */

import { ComposeWindow } from "./compose-window.sys.mjs";
import { Question } from "./question.sys.mjs";
import { Sending } from "./sending.sys.mjs";
import { Windows } from "./windows.sys.mjs";

export class Doors {
  /** The API's events. */
  questions = {
    onChanged: new Question(),
    onBeforeSend: new Question(),
    onAnswer: new Question(),
    onProtect: new Question(),
  };
  #sending;

  /**
   * @param {object} environment
   * @param {(key: string, substitutions?: string[]) => string} environment.text `_locales`
   * @param {(window: any) => number} environment.tabId
   * @param {() => boolean} environment.draftsReopen whether an encrypted draft can be opened again
   */
  constructor(environment) {
    this.windows = new Windows((window) => new ComposeWindow(window, { ...environment, ...this.questions }));
    this.#sending = new Sending({
      text: environment.text,
      protect: this.questions.onProtect,
      mayDeliver: (send, secured) => {
        const window = send._parentWindow;
        // A mail of no window (a receipt, an invitation) is given the window that happens to be in front.
        const ofThisWindow = window?.gMsgCompose?.compFields === send._compFields;
        return !ofThisWindow || (this.windows.get(window)?.mayDeliver(send._deliverMode, secured) ?? true);
      },
    });
    this.#sending.install();
  }

  /** Leaves Thunderbird as it was. */
  close() {
    this.#sending.uninstall();
    this.windows.detachAll();
  }
}
