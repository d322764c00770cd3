/**
 * Shows what the host said in Thunderbird's own chrome, where no message can imitate it: lock and seal beside the
 * sender, the message security panel behind them, and a bar above the text. Never inside the message.
 */

import { setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { asBytes } from "./octets.mjs";
import { inChrome } from "./verdict-words.mjs";

/** The bars' names in Thunderbird's notification box. */
const VERDICT = "dane-smime-verdict";
const CLOSED_PART = "dane-smime-closed-part";

/** An answer that comes sooner needs no "please wait". */
const PENDING_AFTER_MS = 400;

/** Urgency as Thunderbird's notification bars have it; the bar's icon differs with it, not only its colour. */
const LEVELS = {
  good: { priority: "PRIORITY_INFO_LOW", type: "success" },
  info: { priority: "PRIORITY_INFO_LOW", type: "info" },
  warning: { priority: "PRIORITY_WARNING_LOW", type: "warning" },
  bad: { priority: "PRIORITY_CRITICAL_LOW", type: "critical" },
};

export class VerdictDisplay {
  #say;
  #encrypted;

  /**
   * @param {(sentence: import("./verdict-words.mjs").Sentence) => string} say in the reader's language
   * @param {import("./encrypted-uris.mjs").EncryptedUris} encrypted
   */
  constructor(say, encrypted) {
    this.#say = say;
    this.#encrypted = encrypted;
  }

  /**
   * Tells that an answer is awaited, if it takes long enough for a person to wonder.
   *
   * @param {import("./message-views.mjs").MessageView} view
   * @param {Promise<unknown>} answer
   * @param {string} key
   */
  pending(view, answer, key) {
    let answered = false;
    answer.then(() => (answered = true));
    setTimeout(() => {
      if (!answered && view.isCurrent) {
        this.#bar(view, VERDICT, "info", [{ keys: [key] }]);
      }
    }, PENDING_AFTER_MS);
  }

  /**
   * @param {import("./message-views.mjs").MessageView} view
   * @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome
   * @param {"cms" | "signed"} kind
   */
  show(view, outcome, kind) {
    if (!view.isCurrent) {
      return;
    }
    const display = inChrome(outcome, kind);
    if (display.encryption) {
      this.#encrypted.rememberDisplayed(view);
    }
    this.#icons(view.win, display, outcome.ok ? outcome.certificate : null);
    // A protected subject is as good as the text it came with.
    const trusted = display.encryption === "ok" || display.signature === "verified";
    if (outcome.ok && outcome.verdict.subject && trusted) {
      showSubject(view.win, outcome.verdict.subject);
    }
    const again = { label: this.#say({ keys: ["reading_try_again"] }), callback: () => void view.reload() };
    this.#bar(view, VERDICT, display.level, display.sentences, display.retry ? [again] : []);
  }

  /**
   * Tells that a part which is not the whole message was not opened, or that its signature does not count.
   *
   * @param {import("./message-views.mjs").MessageView} view
   * @param {"cms" | "signed"} kind
   */
  closedPart(view, kind) {
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
    if (!view.isCurrent) {
      bars.removeNotification(shown, true); // the window went on to another message while the bar was being made
    }
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
