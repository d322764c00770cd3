/**
 * Tells the compose side which windows hold text that was encrypted, so that it encrypts what is written there: the
 * observer topic `dane-smime-decrypted-window`, subject the compose window, data the message's subject where it was hidden
 * outside, or empty. Thunderbird itself fills in the outer one.
 */

const TOPIC = "dane-smime-decrypted-window";

/**
 * @param {any} win a compose window
 * @param {{ subject?: string, subject_hidden?: boolean }} verdict of the message that the text is from
 */
export function tellDecrypted(win, { subject, subject_hidden }) {
  Services.obs.notifyObservers(win, TOPIC, (subject_hidden && subject) || "");
}

/**
 * Tells it what was switched in the draft that a window is opened from: the topic `dane-smime-draft-window`, data the field.
 *
 * @param {any} win a compose window
 * @param {string} field the value of X-DANE-SMIME-Draft
 */
export function tellDraft(win, field) {
  Services.obs.notifyObservers(win, "dane-smime-draft-window", field);
}

/**
 * The windows whose text quotes a message. It may never have been on the screen, so that Thunderbird did not know that
 * it was encrypted when it opened the window.
 *
 * @param {string} uri of the message
 * @param {{ subject?: string, subject_hidden?: boolean }} verdict
 */
export function tellQuoting(uri, verdict) {
  for (const win of Services.wm.getEnumerator("msgcompose")) {
    if (win.gMsgCompose?.originalMsgURI === uri) {
      tellDecrypted(win, verdict);
    }
  }
}
