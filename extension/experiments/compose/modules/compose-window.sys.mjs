/**
 * One compose window: the choice that was made for it, and our turn in its sending. Nothing leaves a window unless a plan for
 * that very mail has been given, and a plan to protect is either carried out or the mail stays.
 */

import { AttachedMails } from "./attached-mails.sys.mjs";
import { newBlindState } from "./blind-copies.sys.mjs";
import { builtInActive, releaseBuiltIn, silenceBuiltIn } from "./built-in.sys.mjs";
import { decide, isSwitchedSince } from "./decision.sys.mjs";
import { showNotice, tellPerson } from "./dialogs.sys.mjs";
import { choiceField, FIELD as DRAFT_FIELD } from "./draft-choice.sys.mjs";
import { Drafts } from "./drafts.sys.mjs";
import { fillIn, hideAgain } from "./hidden-subject.sys.mjs";
import { markPills, pillAddresses, pillLists, watchPills } from "./pills.sys.mjs";
import { addressIn, CollectingComposeSecure } from "./secure.sys.mjs";
import { isDraft, Turns } from "./turns.sys.mjs";

/** How long a draft waits for the event page to know what is wanted, before a person is asked. */
const KNOWN_MS = 10_000;

/** Several recipients are put in at once, and typing goes on. */
const PAUSE_MS = 150;

const NOTICE = "dane-smime";
const NOTICE_SERVED = "dane-smime-served";

/**
 * @typedef {object} Environment
 * @property {(key: string, substitutions?: string[]) => string} text `_locales`
 * @property {(window: any) => number} tabId
 * @property {() => boolean} draftsReopen whether an encrypted draft can be opened again
 * @property {() => string} hiddenSubject the subject that was hidden outside of the mail whose text that is; or empty
 * @property {() => import("../../../types/dane-compose").DraftChoice} draftChoice what was switched in the draft that it was opened from
 * @property {() => boolean} isDecrypted whether this window was filled with text that was encrypted
 * @property {import("./question.sys.mjs").Question} onChanged
 * @property {import("./question.sys.mjs").Question} onActivated
 * @property {import("./question.sys.mjs").Question} onBeforeSend
 * @property {import("./question.sys.mjs").Question} onAnswer
 */

export class ComposeWindow {
  /** What is wanted for this mail; null until it is known. @type {import("../../../background/compose/choice.js").Choice | null} */
  choice = null;

  /** The event page has made up its mind about what the window says now, if only that it cannot know. */
  #known = Promise.withResolvers();
  #isKnown = false;

  /** What was decided when Send was pressed, for that one mail. @type {import("./decision.sys.mjs").Decided | null} */
  #plan = null;

  /** For what that was decided: as {@link ComposeWindow.#basis}. */
  #planBasis = "";

  /** What Send was pressed for shall not be sent any more. */
  #isWithdrawn = false;

  /** What is being sent, or was. @type {CollectingComposeSecure | null} */
  #sending = null;

  /** The draft that is being saved, or was. @type {CollectingComposeSecure | null} */
  #saving = null;

  /** Blind recipients who have got this mail in an attempt that failed later. */
  blind = newBlindState();

  /** Thunderbird has put sender, recipients and text into the window; before, it looks like another mail. */
  #filled = Promise.withResolvers();

  #window;
  #environment;
  #attachedMails;
  #drafts;
  #turns;
  #observer;
  #changedTimer = 0;
  #listeners;

  /**
   * @param {any} window a loaded messengercompose.xhtml
   * @param {Environment} environment
   * @param {import("./restart.sys.mjs").Kept} [before] what was known of it before the add-on was started anew
   */
  constructor(window, environment, before) {
    this.#window = window;
    this.#environment = environment;
    this.choice = before?.choice ?? null;
    this.blind = before?.blind ?? newBlindState();
    this.#attachedMails = new AttachedMails(window, environment);
    this.#drafts = new Drafts(window, environment);
    this.#turns = new Turns(window, {
      draft: () => this.#saving?.abandon(),
      mail: () => {
        this.#isWithdrawn = true;
      },
    });
    // Capturing: our turn comes before that of add-ons which listen through Thunderbird's API.
    this.#listeners = /** @type {[EventTarget, string, (event: any) => void][]} */ ([
      [window, "beforesend", (event) => this.#beforeSend(event)],
      [window, "compose-send-message", (event) => this.#atSend(event)],
      [window, "compose-prepare-message-completed", () => this.#restoreSlot()],
      // Thunderbird means to give the mail up when its window is closed, but in 153 that fails, and the mail goes on.
      [window, "unload", () => this.#sending?.abandon()],
      [window, "compose-editor-ready", () => this.#filled.resolve(undefined)],
      [window, "compose-from-changed", () => this.changed()],
      [window, "activate", () => this.#activated()],
      // Typed by hand, another sender brings no such event.
      [window.document.getElementById("msgIdentity"), "input", () => this.#changedSoon()],
      [window.document, "encryption-state-checked", () => this.#quietenBuiltIn()],
    ]);
    for (const [target, type, listener] of this.#listeners) {
      target.addEventListener(type, listener, true);
    }
    this.#observer = watchPills(window, () => this.#changedSoon());
    if (window.composeEditorReady) {
      this.#filled.resolve(undefined);
    }
    this.#filled.promise.then(() => this.decrypted(environment.hiddenSubject()));
  }

  /** Leaves the window as Thunderbird made it; where more was promised, a line says so. */
  detach() {
    this.#observer.disconnect();
    this.#window.clearTimeout(this.#changedTimer);
    for (const [target, type, listener] of this.#listeners) {
      target.removeEventListener(type, listener, true);
    }
    this.#turns.end();
    this.#attachedMails.end();
    releaseBuiltIn(this.#window);
    markPills(this.#window, []);
    const { encrypt, sign } = this.choice ?? { encrypt: this.#environment.isDecrypted(), sign: false };
    const left = encrypt ? "switched_off_encrypt" : sign ? "switched_off_sign" : "";
    showNotice(this.#window, NOTICE, left && this.#environment.text(left)).catch((error) => console.error(error));
    this.#restoreSlot();
  }

  /** @param {import("../../../background/compose/choice.js").Choice} choice */
  setChoice(choice) {
    this.choice = choice;
    if (choice.sign || choice.encrypt) {
      this.#quietenBuiltIn();
    } else {
      releaseBuiltIn(this.#window);
    }
  }

  /** @param {{ address: string, kind: string, text: string }[]} marks */
  markRecipients(marks) {
    markPills(this.#window, marks);
  }

  /** The last of what the event page tells when something has changed. @param {string} text */
  setNotice(text) {
    this.#isKnown = true;
    this.#known.resolve(undefined);
    return showNotice(this.#window, NOTICE, text);
  }

  /** Blind recipients have got a mail that did not go to the others. @param {string} text */
  tellServed(text) {
    return showNotice(this.#window, NOTICE_SERVED, text);
  }

  /** What the window says now. @returns {import("../../../types/dane-compose").WindowDescription} */
  describe() {
    const { document, gMsgCompose } = this.#window;
    const rows = ["to", "cc", "bcc"];
    const single = rows.map((row) => pillAddresses(this.#window, row));
    const lists = rows.map((row) => pillLists(this.#window, row));
    const [to, cc, bcc] = rows.map((_row, i) => [...single[i], ...lists[i].flatMap(({ members }) => members)]);
    return {
      from: addressIn(document.getElementById("msgIdentity").value),
      to,
      cc,
      bcc,
      lists: lists.flat(),
      newsgroups: Boolean(gMsgCompose?.compFields.newsgroups),
      fromEncrypted: Boolean(this.#window.gIsRelatedToEncryptedOriginal) || this.#environment.isDecrypted(),
      draft: this.#isOwnDraft ? this.#environment.draftChoice() : {},
      choice: this.choice,
      removable: single.flat(),
      links: linkedFiles(this.#window),
    };
  }

  /**
   * The last look before a file leaves: is it what was planned?
   *
   * @param {number} mode nsIMsgSend's deliver mode
   * @param {CollectingComposeSecure | null} secured
   */
  mayDeliver(mode, secured) {
    if (isDraft(mode)) {
      return this.#drafts.mayStore(secured !== null, this.#choiceNow());
    }
    if (this.#plan === null) {
      return false;
    }
    const { sign, encrypt } = this.#plan;
    return secured ? secured === this.#sending : !sign && !encrypt;
  }

  /**
   * The window holds text that was encrypted. Thunderbird fills in the outer subject, which hides the real one.
   *
   * @param {string} subject the hidden one; empty: none was hidden
   */
  decrypted(subject) {
    if (this.#window.composeEditorReady) {
      fillIn(this.#window, subject);
    }
    this.changed();
  }

  /** Something that is described has changed. */
  changed() {
    if (this.#isKnown) {
      this.#isKnown = false;
      this.#known = Promise.withResolvers();
    }
    if (this.#window.composeEditorReady) {
      this.#environment.onChanged.tell(this.#environment.tabId(this.#window));
    }
  }

  /** Its writer comes back to it; what has changed elsewhere meanwhile counts from now on. */
  #activated() {
    if (this.#window.composeEditorReady) {
      this.#environment.onActivated.tell(this.#environment.tabId(this.#window));
    }
  }

  /** Saves again when it is known whether to encrypt: nobody is asked what a moment later needs no question. @param {number} mode */
  async #saveOnceKnown(mode) {
    const window = this.#window;
    await Promise.race([this.#known.promise, new Promise((resolve) => window.setTimeout(resolve, KNOWN_MS))]);
    this.#isKnown = true;
    if (!window.closed) {
      window.GenericSendMessage(mode);
    }
  }

  #changedSoon() {
    this.#window.clearTimeout(this.#changedTimer);
    this.#changedTimer = this.#window.setTimeout(() => this.changed(), PAUSE_MS);
  }

  /** Opened from a draft or template of its own, and not made of a mail that somebody sent. */
  get #isOwnDraft() {
    const { Draft, Template, EditTemplate } = Ci.nsIMsgCompType;
    return [Draft, Template, EditTemplate].includes(this.#window.gMsgCompose?.type);
  }

  /** The choice, where it was made for the sender that From names now: another one may have to encrypt. */
  #choiceNow() {
    return this.choice?.from === this.describe().from ? this.choice : null;
  }

  #quietenBuiltIn() {
    if (this.choice && (this.choice.sign || this.choice.encrypt)) {
      silenceBuiltIn(this.#window);
    }
  }

  /**
   * Send was pressed. Thunderbird waits until `resolve` or `reject` is called; the listeners of other add-ons get their
   * turn when we are through, since they share these two with us.
   *
   * @param {CustomEvent} event
   */
  #beforeSend(event) {
    if (event.detail.daneSmimeIsThrough) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    const { resolve, reject } = event.detail;
    this.#plan = null;
    this.#isWithdrawn = false;
    this.tellServed("");
    const failed = (/** @type {unknown} */ error) => {
      console.error(error);
      reject();
      tellPerson(this.#window, this.#environment.text("not_sent_title"), this.#environment.text("error_internal"));
    };
    // Other add-ons may change sender and recipients in their turn, so that it has to be decided anew.
    const othersAreThrough = () => {
      this.#turns
        .saved()
        .then(() => (this.#planBasis === this.#basis() ? true : this.#decide()))
        .then((isDecided) => (isDecided && !this.#isWithdrawn ? resolve() : reject()))
        .catch(failed);
    };
    this.#filled.promise
      .then(() => this.#decide())
      .then((isDecided) => {
        if (!isDecided) {
          reject();
          return;
        }
        const next = new this.#window.CustomEvent("beforesend", {
          cancelable: true,
          detail: { resolve: othersAreThrough, reject, daneSmimeIsThrough: true },
        });
        this.#window.dispatchEvent(next);
        if (!next.defaultPrevented) {
          othersAreThrough();
        }
      })
      .catch(failed);
  }

  /** Finds out what is to become of the mail. @returns {Promise<boolean>} false: it stays */
  async #decide() {
    const before = this.choice;
    const decided = await decide(this.#window, this.#environment, () => this.describe());
    if (!decided || this.#window.closed || this.#isWithdrawn) {
      return false;
    }
    const { plan, madeFor } = decided;
    if (isSwitchedSince({ pressed: before, decided: madeFor }, this.choice)) {
      await this.#tellChanged();
      return false;
    }
    const hidesAgain = hideAgain(this.#window, this.#environment.hiddenSubject(), plan.encrypt);
    this.#plan = hidesAgain ? { ...plan, hideSubject: true } : plan;
    this.#planBasis = this.#basis();
    if (plan.sign || plan.encrypt) {
      silenceBuiltIn(this.#window);
    }
    return true;
  }

  /** What a plan is made for; another one needs another plan. */
  #basis() {
    const { choice, lists: _among, removable: _them, draft: _counted, ...described } = this.describe();
    return JSON.stringify([choice?.sign, choice?.encrypt, choice?.hideSubject, described]);
  }

  /** Just before Thunderbird builds the mail or draft. @param {CustomEvent} event */
  #atSend(event) {
    const draft = isDraft(event.detail.msgType);
    if (draft && !this.#choiceNow() && !this.#isKnown) {
      event.preventDefault();
      this.#saveOnceKnown(event.detail.msgType);
      return;
    }
    const plan = draft ? this.#drafts.plan(event, this.#choiceNow()) : this.#sendPlan(event);
    if (!draft && !event.defaultPrevented) {
      this.#turns.begun();
    }
    const fields = this.#window.gMsgCompose.compFields;
    if (event.defaultPrevented || !plan || !(plan.sign || plan.encrypt)) {
      const switched = draft ? choiceField(this.#choiceNow()) : "";
      if (switched) {
        fields.setUnstructuredHeader(DRAFT_FIELD, switched);
      }
      return;
    }
    if (builtInActive(this.#window) && !draft) {
      event.preventDefault();
      tellPerson(
        this.#window,
        this.#environment.text("not_sent_title"),
        this.#environment.text("error_built_in_active"),
      );
      return;
    }
    if (!plan.encrypt) {
      fields.forceMsgEncoding = true; // a signature does not survive servers that touch 8-bit text
    }
    const secure = new CollectingComposeSecure(plan);
    this.#sending = draft ? null : secure;
    this.#saving = draft ? secure : null;
    fields.composeSecure = secure;
  }

  /** @param {CustomEvent} event */
  #sendPlan(event) {
    if (!this.#plan) {
      // Somebody else let the mail through while we were still deciding.
      event.preventDefault();
      tellPerson(this.#window, this.#environment.text("not_sent_title"), this.#environment.text("error_addon_silent"));
      return null;
    }
    if (this.#isWithdrawn) {
      event.preventDefault();
      return null;
    }
    if (this.#planBasis !== this.#basis()) {
      // While Thunderbird asked about the subject or the spelling, the window could be written in.
      event.preventDefault();
      this.#tellChanged();
      return null;
    }
    return { ...this.#plan, purpose: /** @type {const} */ ("send"), blind: this.blind };
  }

  #tellChanged() {
    const { text } = this.#environment;
    return tellPerson(this.#window, text("not_sent_title"), text("error_changed_since"));
  }

  /** Gives Thunderbird's own object its place back in a window that stays open. */
  #restoreSlot() {
    const { gMsgCompose, gSMFields } = this.#window;
    gMsgCompose?.compFields?.deleteHeader(DRAFT_FIELD);
    if (gMsgCompose?.compFields && gSMFields) {
      gMsgCompose.compFields.composeSecure = gSMFields;
    }
  }
}

/** Thunderbird has put these into an online storage, and sends links. @param {any} window @returns {string[]} */
function linkedFiles({ gAttachmentBucket }) {
  const attachments = [...(gAttachmentBucket?.itemChildren ?? [])].map((item) => item.attachment);
  return attachments.filter(({ sendViaCloud }) => sendViaCloud).map(({ name }) => name);
}
