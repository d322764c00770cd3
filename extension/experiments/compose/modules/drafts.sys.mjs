/**
 * Drafts, templates and autosaves of one window whose mail is to be encrypted, or of which that is not known yet. They are
 * encrypted to their writer where they can be opened again. Elsewhere an encrypted draft would come back empty, and one in the
 * clear would lie on the server: a person decides, once for each window.
 */

import { askAboutDraft, showNotice } from "./dialogs.sys.mjs";
import { choiceField } from "./draft-choice.sys.mjs";

const NOTICE = "dane-smime-draft";

/**
 * @typedef {import("../../../background/compose/choice.js").Choice | null} MaybeChoice null: not known yet
 */

export class Drafts {
  /** A person said that this mail's drafts may lie unencrypted. */
  #inTheClear = false;
  #window;
  #text;
  #reopen;

  /**
   * @param {any} window
   * @param {object} environment
   * @param {(key: string, substitutions?: string[]) => string} environment.text
   * @param {() => boolean} environment.draftsReopen
   */
  constructor(window, { text, draftsReopen }) {
    this.#window = window;
    this.#text = text;
    this.#reopen = draftsReopen;
  }

  /**
   * What is to be done with a draft that Thunderbird is about to save; prevents the event where it must not be saved.
   *
   * @param {CustomEvent} event
   * @param {MaybeChoice} choice
   * @returns {import("./secure.sys.mjs").Plan | null} null: nothing
   */
  plan(event, choice) {
    const automatic = event.detail.msgType === Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft;
    // Before what a person may have allowed: that was when it could not be encrypted.
    if (choice?.encrypt && this.#canBeEncrypted()) {
      showNotice(this.#window, NOTICE, "");
      return {
        sign: false,
        encrypt: true,
        purpose: "draft",
        hideSubject: choice.hideSubject,
        certificate: choice.certificate,
        forms: [],
        switched: choiceField(choice),
        failed: automatic ? (why) => this.#failed(why) : null,
      };
    }
    if (!this.#needsCare(choice)) {
      return null;
    }
    if (automatic) {
      event.preventDefault();
      this.#offerToSave();
    } else if (askAboutDraft(this.#window, this.#text)) {
      this.#inTheClear = true;
      showNotice(this.#window, NOTICE, "");
    } else {
      event.preventDefault();
    }
    return null;
  }

  /**
   * The last look before a draft is stored.
   *
   * @param {boolean} secured
   * @param {MaybeChoice} choice
   */
  mayStore(secured, choice) {
    return secured || (!(choice?.encrypt && this.#canBeEncrypted()) && !this.#needsCare(choice));
  }

  /** What is not known yet may turn out to be "encrypt"; and what was encrypted once is not to lie readable now. @param {MaybeChoice} choice */
  #needsCare(choice) {
    return !this.#inTheClear && (choice === null || choice.encrypt || choice.fromEncrypted);
  }

  /** Thunderbird leaves a draft unencrypted where its own setting says so, whatever we put into its slot. */
  #canBeEncrypted() {
    return this.#reopen() && this.#window.gCurrentIdentity.getBoolAttribute("autoEncryptDrafts");
  }

  #offerToSave() {
    const save = () => {
      this.#inTheClear = true;
      this.#window.GenericSendMessage(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft);
    };
    showNotice(this.#window, NOTICE, this.#text("draft_notice"), [
      { label: this.#text("draft_save_unencrypted"), callback: save },
    ]);
  }

  /** Nobody asked for an autosave, so nobody is interrupted when it fails. @param {string} why */
  #failed(why) {
    this.#window.gContentChanged = true; // Thunderbird took it for saved
    this.#window.gAutoSavingInProgress = false; // and in 153 would never save this window by itself again
    showNotice(this.#window, NOTICE, this.#text("autosave_failed", [why]));
  }
}
