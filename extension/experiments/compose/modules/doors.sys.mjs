/** Puts the modules of this experiment together. */

import { Bodies } from "../../shared/bodies.mjs";
import { ComposeWindow } from "./compose-window.sys.mjs";
import { showInMainWindow } from "./dialogs.sys.mjs";
import { parseChoiceField } from "./draft-choice.sys.mjs";
import { Guard } from "./guard.sys.mjs";
import { Question } from "./question.sys.mjs";
import { handOver, takeOver } from "./restart.sys.mjs";
import { Sending } from "./sending.sys.mjs";
import { Windows } from "./windows.sys.mjs";

/** Said by the reading experiment of a window that it has filled with decrypted text. */
const DECRYPTED_WINDOW = "dane-smime-decrypted-window";

/** Said by it of a window that it opens from a draft: the field in which we keep what was switched. */
const DRAFT_WINDOW = "dane-smime-draft-window";

export class Doors {
  /** The API's events. */
  questions = {
    onChanged: new Question(),
    onActivated: new Question(),
    onBeforeSend: new Question(),
    onAnswer: new Question(),
    onProtect: new Question(),
    onGivenUp: new Question(),
    onUnencrypted: new Question(),
  };
  /** Where large bodies are handed over. */
  bodies = new Bodies();
  /** Whether an encrypted draft can be opened again. */
  draftsReopen = false;
  /** Windows that hold text which was encrypted, with the subject that was hidden. @type {WeakMap<object, string>} */
  #decrypted = new WeakMap();
  /** Windows that were opened from a draft, with the value of our field in it. @type {WeakMap<object, string>} */
  #drafts = new WeakMap();
  #sending;

  /**
   * @param {object} environment
   * @param {(key: string, substitutions?: string[]) => string} environment.text `_locales`
   * @param {(window: any) => number} environment.tabId
   */
  constructor(environment) {
    Services.obs.addObserver(this, DECRYPTED_WINDOW);
    Services.obs.addObserver(this, DRAFT_WINDOW);
    this.windows = new Windows(
      (window) => {
        const before = takeOver(window);
        if (before?.hiddenSubject !== undefined) {
          this.#decrypted.set(window, before.hiddenSubject);
        }
        if (before?.draft !== undefined) {
          this.#drafts.set(window, before.draft);
        }
        return new ComposeWindow(
          window,
          {
            ...environment,
            ...this.questions,
            draftsReopen: () => this.draftsReopen,
            draftChoice: () => parseChoiceField(this.#drafts.get(window) ?? ""),
            isDecrypted: () => this.#decrypted.has(window),
            hiddenSubject: () => this.#decrypted.get(window) ?? "",
          },
          before,
        );
      },
      (window, { choice, blind }) =>
        handOver(window, {
          choice,
          blind,
          hiddenSubject: this.#decrypted.get(window),
          draft: this.#drafts.get(window),
        }),
    );
    this.#sending = new Sending({
      text: environment.text,
      ...this.questions,
      bodies: this.bodies,
      guard: new Guard({ text: environment.text, ...this.questions }),
      windowOf: (send) => {
        const window = send._parentWindow;
        // A mail of no window (a receipt, an invitation) is given the window that happens to be in front.
        const ofThisWindow = window?.gMsgCompose?.compFields === send._compFields;
        return ofThisWindow ? this.windows.get(window) : undefined;
      },
      tellServed: (send, sentence) => {
        const window = this.windows.get(send._parentWindow);
        const told = window ? window.tellServed(sentence) : showInMainWindow(`dane-smime-served-${sentence}`, sentence);
        told.catch((error) => console.error(error));
      },
      tellRefused: ({ text, allow }) => {
        const buttons = allow && [
          { label: allow.label, callback: () => this.questions.onAnswer.tell({ allowUnencrypted: allow.from }) },
        ];
        showInMainWindow(`dane-smime-refused-${text}`, text, buttons).catch((error) => console.error(error));
      },
    });
    this.#sending.install();
  }

  /** @type {Sending["showProgress"]} */
  showProgress(...progress) {
    this.#sending.showProgress(...progress);
  }

  /** @type {Sending["putOff"]} */
  putOff(id, ms) {
    this.#sending.putOff(id, ms);
  }

  /**
   * @param {object} window
   * @param {string} topic
   * @param {string} data the hidden subject of what the window was filled from, or our field in a draft
   */
  observe(window, topic, data) {
    if (topic === DRAFT_WINDOW) {
      this.#drafts.set(window, data);
      return;
    }
    this.#decrypted.set(window, data);
    this.windows.get(window)?.decrypted(data); // a quotation may come when everything else is there
  }

  /** Leaves Thunderbird as it was. */
  close() {
    Services.obs.removeObserver(this, DECRYPTED_WINDOW);
    Services.obs.removeObserver(this, DRAFT_WINDOW);
    this.#sending.uninstall();
    this.windows.detachAll();
    for (const question of Object.values(this.questions)) {
      question.close();
    }
  }
}
