/**
 * What can be said in JSON. Half a character (a lone surrogate, of an emoji that somebody has cut in two) is no Unicode, and a
 * frame that holds one is none: the host would end the connection, and every request on it.
 *
 * @template T
 * @param {T} value a request's fields
 * @returns {T} with U+FFFD in such places
 */
export function wellFormed(value) {
  return /** @type {T} */ (mended(value));
}

/** @param {unknown} value @returns {unknown} */
function mended(value) {
  if (typeof value === "string") {
    return value.toWellFormed();
  }
  if (Array.isArray(value)) {
    return value.map(mended);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, inside]) => [name, mended(inside)]))
    : value;
}
