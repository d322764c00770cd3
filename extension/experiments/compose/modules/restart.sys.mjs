/**
 * What is known of a compose window, kept in it while the add-on is not there: it may be updated or reloaded while a mail is being
 * written, and must not forget what its writer switched, or that the text was encrypted.
 */

const KEPT = Symbol.for("dane-smime-kept");

/**
 * @typedef {object} Kept
 * @property {import("../../../background/compose/choice.js").Choice | null} choice
 * @property {import("./blind-copies.sys.mjs").BlindState} blind
 * @property {string} [hiddenSubject] the window holds text that was encrypted
 * @property {string} [draft] our field in the draft that it was opened from
 */

/** The add-on ends. @param {any} window @param {Kept} kept */
export function handOver(window, kept) {
  window[KEPT] = kept;
}

/** The add-on has started. @param {any} window @returns {Kept | undefined} */
export function takeOver(window) {
  const kept = window[KEPT];
  delete window[KEPT];
  return kept;
}
