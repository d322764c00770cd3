/** The subject of a mail that was hidden on its way here, in a window that answers it or was filled from it. */

/** What stands outside in place of a hidden subject (RFC 9788 section 3.2.1). */
const HIDDEN = "[...]";

/** Shorter ones say nothing within a longer word. */
const SAYS_SOMETHING = 4;

/**
 * Thunderbird fills in the outer subject, which hides the real one.
 *
 * @param {any} window
 * @param {string} subject the hidden one; empty: none was hidden
 */
export function fillIn(window, subject) {
  const input = window.document.getElementById("msgSubject");
  if (subject && input.value.includes(HIDDEN)) {
    const reply = /^\s*re:/i.test(input.value);
    input.value = input.value.replace(HIDDEN, () => (reply ? bare(subject) : subject));
    window.SetComposeWindowTitle();
  }
}

/**
 * It goes back into hiding: in an answer that is encrypted, whatever is set for other mail; in one that is not, the text in its
 * place is what stood outside (RFC 9788 section 6.1).
 *
 * @param {any} window
 * @param {string} subject as for {@link fillIn}
 * @param {boolean} encrypt whether the mail will be encrypted
 * @returns {boolean} whether the subject has to be hidden outside
 */
export function hideAgain(window, subject, encrypt) {
  const input = window.document.getElementById("msgSubject");
  const hidden = bare(subject);
  if (!hidden || input.value.search(finder(hidden)) < 0) {
    return false;
  }
  if (!encrypt) {
    input.value = input.value.replace(finder(hidden), HIDDEN);
    window.SetComposeWindowTitle();
    window.GetComposeDetails();
  }
  return true;
}

/** Without what an answer puts before it. @param {string} subject */
function bare(subject) {
  return subject.replace(/^\s*re:\s*/i, "");
}

/**
 * Finds a subject in another; a short one, such as "Hi", not within a longer word: there it says nothing, and "Hiking" would lose
 * its beginning.
 *
 * @param {string} subject
 */
function finder(subject) {
  const text = subject.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return new RegExp(subject.length < SAYS_SOMETHING ? `(?<!\\p{L})${text}(?!\\p{L})` : text, "gu");
}
