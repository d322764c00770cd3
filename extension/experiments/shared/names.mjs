/** Addresses in a sentence. Pure. */

/** More than these are counted, so that a sentence can be read. */
const NAMED = 3;

/**
 * @param {string[]} addresses
 * @param {(key: string, substitutions?: string[]) => string} text
 */
export function namesInALine(addresses, text) {
  const named = addresses.slice(0, NAMED).join(", ");
  const others = addresses.length - NAMED;
  return others > 0 ? text("names_and_more", [named, String(others)]) : named;
}
