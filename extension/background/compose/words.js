/** The words for recipients in the way. */

import { domainOf } from "./recipients.js";

/**
 * The sentence for one recipient. A state of a newer host is "could not be checked".
 *
 * @param {import("./recipients.js").Known} known
 * @param {(key: string, substitutions?: string[]) => string} text
 */
export function stateSentence({ address, state, noSuchDomain }, text) {
  const domain = domainOf(address);
  const key = noSuchDomain ? "no_such_domain" : state.replaceAll("-", "_");
  return text(`recipient_${key}`, [domain]) || text("recipient_unchecked", [domain]);
}

/** More addresses than these are counted, not named, so that a question fits on a screen. */
const NAMED = 8;

/**
 * One line for each recipient.
 *
 * @param {import("./recipients.js").Known[]} recipients
 * @param {(key: string, substitutions?: string[]) => string} text
 */
export function recipientLines(recipients, text) {
  const lines = recipients.slice(0, NAMED).map((known) => {
    const { address, state, reason } = known;
    const sentence = stateSentence(known, text);
    const why = state === "unusable" || state === "unchecked" ? reason : "";
    return text("recipient_line", [address, why ? `${sentence} ${why}` : sentence]);
  });
  if (recipients.length > NAMED) {
    lines.push(text("recipient_more", [String(recipients.length - NAMED)]));
  }
  return lines.join("\n");
}
