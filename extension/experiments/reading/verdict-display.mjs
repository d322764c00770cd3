/**
 * Shows what the host said in Thunderbird's own chrome, where no message can imitate it: lock and seal beside the
 * sender, the message security panel behind them, and a bar above the text. Never inside the message.
 */

import { setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { asBytes } from "../shared/octets.mjs";
import { inChrome } from "./verdict-words.mjs";

/** The bars' names in Thunderbird's notification box. */
const VERDICT = "dane-smime-verdict";
const CLOSED_PART = "dane-smime-closed-part";

/** The host's word for content that the reader has asked to see although its signature does not fit. */
const UNAUTHENTIC = "withheld-unauthentic";

/** An answer that comes sooner needs no "please wait". */
const PENDING_AFTER_MS = 400;

/** Its white words on Thunderbird's own green have a contrast of 3.3; WCAG AA wants 4.5, and this green gives 5. */
const READABLE_GREEN = "#15803d";

/** Urgency as Thunderbird's notification bars have it; the bar's icon differs with it, not only its colour. */
const LEVELS = {
  good: { priority: "PRIORITY_INFO_LOW", type: "success" },
  info: { priority: "PRIORITY_INFO_LOW", type: "info" },
  warning: { priority: "PRIORITY_WARNING_LOW", type: "warning" },
  bad: { priority: "PRIORITY_CRITICAL_LOW", type: "critical" },
};

/**
 * What a window says of its message, for the details view.
 *
 * @typedef {object} Shown
 * @property {import("./message-views.mjs").MessageView} view
 * @property {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome
 * @property {import("./verdict-words.mjs").Display} display
 * @property {(() => void) | null} reveal draws the content that was kept back, because the reader asks for it; null
 *   where nothing was
 */

export class VerdictDisplay {
  /** By about:message. @type {WeakMap<any, Shown>} */
  #shown = new WeakMap();
  #say;
  #encrypted;
  #openDetails;

  /**
   * @param {(sentence: import("./verdict-words.mjs").Sentence) => string} say in the reader's language
   * @param {import("./encrypted-uris.mjs").EncryptedUris} encrypted
   * @param {(win: any) => void} openDetails opens the details view of the window that an about:message is in
   */
  constructor(say, encrypted, openDetails) {
    this.#say = say;
    this.#encrypted = encrypted;
    this.#openDetails = openDetails;
  }

  /**
   * Tells that an answer is awaited, if it takes long enough for a person to wonder.
   *
   * @param {import("./message-views.mjs").MessageView} view
   * @param {Promise<unknown>} answer
   * @param {string} key
   * @param {Promise<unknown>} asked settles when a person is asked for a PIN meanwhile
   */
  pending(view, answer, key, asked) {
    let answered = false;
    let isAsked = false;
    const tell = () => {
      if (!answered && view.isCurrent) {
        this.#bar(view, VERDICT, "info", [{ keys: [isAsked ? "progress_password" : key] }]);
      }
    };
    answer.then(() => (answered = true));
    asked.then(() => {
      isAsked = true;
      tell();
    });
    setTimeout(tell, PENDING_AFTER_MS);
  }

  /**
   * @param {import("./message-views.mjs").MessageView} view
   * @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome
   * @param {"cms" | "signed"} kind
   * @param {Shown["reveal"]} [reveal]
   */
  show(view, outcome, kind, reveal = null) {
    if (!view.isCurrent) {
      return;
    }
    const display = inChrome(outcome, kind);
    this.#shown.set(view.win, { view, outcome, display, reveal: display.withheld ? reveal : null });
    if (display.encryption) {
      this.#encrypted.rememberDisplayed(view);
    }
    this.#icons(view.win, display, outcome.ok ? outcome.certificate : null);
    keepAttachments(view.win);
    // A protected subject is as good as the text it came with.
    const trusted = display.encryption === "ok" || display.signature === "verified";
    if (outcome.ok && outcome.verdict.subject && trusted) {
      showSubject(view.win, outcome.verdict.subject);
    }
    if (outcome.ok) {
      tellList(view.win.gMessage, display);
      if (outcome.verdict.warnings?.some(({ code }) => code === UNAUTHENTIC)) {
        makeUnselectable(view);
      }
    }
    this.#bar(view, VERDICT, display.level, display.sentences, this.#buttons(view, display, reveal));
  }

  /**
   * What is said in a window, and what the reader can do about it. The words are the bar's.
   *
   * @param {any} win about:message
   */
  describe(win) {
    const shown = this.#shown.get(win);
    if (!shown?.view.isCurrent) {
      return null;
    }
    const { outcome, display, reveal } = shown;
    return {
      level: display.level,
      sentences: display.sentences.map((sentence) => this.#say(sentence)).filter(Boolean),
      retry: display.retry,
      reveal: reveal !== null,
      opened: outcome.ok
        ? {
            verdict: outcome.verdict,
            details: outcome.details,
            domain: outcome.domain,
            certificate: outcome.certificate,
          }
        : null,
    };
  }

  /**
   * Does what the reader asks for.
   *
   * @param {any} win about:message
   * @param {"retry" | "reveal"} what
   */
  act(win, what) {
    const shown = this.#shown.get(win);
    if (!shown?.view.isCurrent) {
      return;
    }
    what === "reveal" ? shown.reveal?.() : shown.view.reload();
  }

  /**
   * @param {import("./message-views.mjs").MessageView} view
   * @param {import("./verdict-words.mjs").Display} display
   * @param {Shown["reveal"]} reveal
   */
  #buttons(view, display, reveal) {
    const button = (/** @type {string} */ key, /** @type {() => void} */ press) => ({
      label: this.#say({ keys: [key] }),
      callback: () => {
        press();
        return true; // the bar stays until another takes its place
      },
    });
    return [
      ...(display.retry ? [button("reading_try_again", () => view.reload())] : []),
      ...(display.withheld && reveal ? [button("reading_show_anyway", reveal)] : []),
      // Where all is well, the message's button in the header is enough, and the bar stays small.
      ...(display.level === "good" ? [] : [button("reading_details", () => this.#openDetails(view.win))]),
    ];
  }

  /**
   * Tells that a part which is not the whole message was not opened, or that its signature does not count.
   *
   * @param {import("./message-views.mjs").MessageView} view
   * @param {"cms" | "signed"} kind
   */
  closedPart(view, kind) {
    if (view.isWhole && kind === "signed") {
      return; // the verdict is of all that is shown, also of a signed mail that is attached
    }
    if (view.isCurrent && !box(view.win)?.getNotificationWithValue(CLOSED_PART)) {
      this.#bar(view, CLOSED_PART, "info", [
        { keys: [kind === "cms" ? "reading_part_closed" : "reading_part_signed"] },
      ]);
    }
  }

  /**
   * Tells that no compose window opens, because an empty one could be saved over the draft.
   *
   * @param {import("./verdict-words.mjs").Sentence[]} why
   */
  refuseWindow(why) {
    const parent = Services.wm.getMostRecentWindow("mail:3pane")?.browsingContext ?? null;
    const text = [{ keys: ["reading_no_window"] }, ...why]
      .map((sentence) => this.#say(sentence))
      .filter(Boolean)
      .join(" ");
    Services.prompt.asyncAlert(parent, Services.prompt.MODAL_TYPE_WINDOW, "DANE S/MIME", text);
  }

  /**
   * @param {string} key
   * @returns {string} a message of `_locales` as a byte string in UTF-8
   */
  inUtf8(key) {
    return asBytes(this.#say({ keys: [key] }));
  }

  /**
   * Takes everything of ours off a message that stays on the screen, and lets Thunderbird draw it by itself.
   *
   * @param {import("./message-views.mjs").MessageView} view
   */
  leave(view) {
    removeBar(view.win, VERDICT);
    removeBar(view.win, CLOSED_PART);
    view.win.ReloadMessage();
  }

  /**
   * @param {any} win about:message
   * @param {import("./verdict-words.mjs").Display} display
   * @param {string | null} certificate base64 DER of the signer's
   */
  #icons(win, { encryption, signature, panel }, certificate) {
    const errors = Ci.nsICMSMessageErrors;
    win.gEncryptionStatus = { ok: errors.SUCCESS, notok: errors.GENERAL_ERROR, none: -1 }[encryption ?? "none"];
    win.gSignatureStatus = panel === null ? -1 : errors[panel];
    win.gSignerCert = certificateOf(certificate);
    // Another message in this window may have had a signature that Thunderbird was told to ignore, and it never forgets that.
    win.gIgnoreStatusFromMimePart = null;
    win.setMessageCryptoBox("S/MIME", encryption, signature, false, "1");
  }

  /**
   * @param {import("./message-views.mjs").MessageView} view
   * @param {string} name
   * @param {keyof typeof LEVELS} level
   * @param {import("./verdict-words.mjs").Sentence[]} sentences
   * @param {object[]} [buttons]
   */
  async #bar(view, name, level, sentences, buttons = []) {
    const bars = box(view.win);
    const { priority, type } = LEVELS[level];
    removeBar(view.win, name);
    const label = sentences
      .map((sentence) => this.#say(sentence))
      .filter(Boolean)
      .join(" ");
    const shown = await bars.appendNotification(name, { label, priority: bars[priority] }, buttons, false, false);
    shown.setAttribute("type", type);
    if (type === "success") {
      shown.style.setProperty("--message-bar-background-color", READABLE_GREEN);
    }
    if (!view.isCurrent) {
      bars.removeNotification(shown, true); // the window went on to another message while the bar was being made
    }
  }
}

/**
 * Tells the message list what was found: observer topic `dane-smime-opened`, subject the header in its folder, data the
 * words that fit of `encrypted`, `verified`, `bad` (a signature that is not valid), `signed` (one that nobody vouches for).
 *
 * @param {any} header nsIMsgDBHdr; one without a folder (a message file) is in no list
 * @param {import("./verdict-words.mjs").Display} display
 */
function tellList(header, { encryption, signature }) {
  if (header?.folder) {
    const signed = { verified: "verified", mismatch: "bad", unknown: "signed", none: "" }[signature ?? "none"];
    const words = [encryption ? "encrypted" : "", signed].filter(Boolean);
    Services.obs.notifyObservers(header, "dane-smime-opened", words.join(" "));
  }
}

/**
 * A reply quotes what is selected, and could so carry the plaintext to whoever put the message together. The message's own
 * style cannot undo an agent's.
 *
 * @param {import("./message-views.mjs").MessageView} view
 */
function makeUnselectable(view) {
  const take = () => {
    if (view.isCurrent) {
      const { windowUtils } = view.win.getMessagePaneBrowser().contentWindow;
      const style = "data:text/css,*{user-select:none!important}";
      windowUtils.loadSheetUsingURIString(style, windowUtils.AGENT_SHEET);
    }
  };
  view.win.msgLoaded ? take() : view.win.addEventListener("MsgLoaded", take, { once: true });
}

/**
 * Has Thunderbird offer no deleting and detaching of attachments, which would put a copy of the message in its place. It
 * does not for S/MIME mail, and knows that by this field, where it is spelled as is usual.
 *
 * @param {any} win about:message
 */
function keepAttachments(win) {
  const type = win.currentHeaderData?.["content-type"];
  if (type && win.CanDetachAttachments?.()) {
    type.headerValue = "application/pkcs7-mime";
  }
}

/** @param {any} win */
function box(win) {
  return win.gMessageNotificationBar?.msgNotificationBar;
}

/**
 * @param {any} win
 * @param {string} name
 */
function removeBar(win, name) {
  const bar = box(win)?.getNotificationWithValue(name);
  if (bar) {
    box(win).removeNotification(bar, true);
  }
}

/** @param {string | null} base64 */
function certificateOf(base64) {
  if (!base64) {
    return null;
  }
  try {
    return Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(base64);
  } catch {
    return null; // NSS need not read what OpenSSL reads; only the security panel lacks it then
  }
}

/**
 * Shows the subject that was protected with the message (RFC 9788) in place of the outer one. Only on the screen: it
 * was encrypted, so it is not written to the folder's index.
 *
 * @param {any} win
 * @param {string} subject
 */
function showSubject(win, subject) {
  const field = win.document.getElementById("expandedsubjectBox");
  const outer = win.currentHeaderData?.subject;
  if (field && outer && outer.headerValue !== subject) {
    outer.headerValue = subject;
    field.headerValue = subject;
    win.document.title = subject;
  }
}
