/**
 * Tells the compose side which windows hold text that was encrypted, so that it encrypts what is written there: the
 * observer topic `dane-smime-decrypted-window`, subject the compose window, data the URI of the message.
 */

const TOPIC = "dane-smime-decrypted-window";

/**
 * @param {any} win a compose window
 * @param {string} uri of the message that the text is from
 */
export function tellDecrypted(win, uri) {
  Services.obs.notifyObservers(win, TOPIC, uri);
}

/**
 * The windows whose text quotes a message. It may never have been on the screen, so that Thunderbird did not know that
 * it was encrypted when it opened the window.
 *
 * @param {string} uri of the message
 */
export function tellQuoting(uri) {
  for (const win of Services.wm.getEnumerator("msgcompose")) {
    if (win.gMsgCompose?.originalMsgURI === uri) {
      tellDecrypted(win, uri);
    }
  }
}
