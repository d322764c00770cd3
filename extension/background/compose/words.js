/** The words for recipients in the way. */

import { inSmallLetters } from "../address.js";
import { domainOf } from "./recipients.js";

/**
 * The sentence for one recipient. A state of a newer host is "could not be checked".
 *
 * @param {import("./recipients.js").Known} known
 * @param {(key: string, substitutions?: string[]) => string} text
 */
export function stateSentence({ address, state, noSuchDomain, hindrance }, text) {
  const domain = domainOf(address);
  const hindered = hindrance && hindranceSentence(hindrance, text);
  if (hindered) {
    return hindered;
  }
  const small = inSmallLetters(address);
  if (state === "absent" && !noSuchDomain && small !== address) {
    return text("recipient_absent_capitals", [domain, small]);
  }
  const key = noSuchDomain ? "no_such_domain" : state.replaceAll("-", "_");
  return text(`recipient_${key}`, [domain]) || text("recipient_unchecked", [domain]);
}

/**
 * What stands in the way of a certificate, where it is known what.
 *
 * @param {NonNullable<import("./recipients.js").Known["hindrance"]>} hindrance
 * @param {(key: string, substitutions?: string[]) => string} text
 */
function hindranceSentence({ code, at }, text) {
  const moment = at === undefined ? NaN : Date.parse(at);
  const day = Number.isNaN(moment) ? "" : new Date(moment).toLocaleDateString(text("language"), { dateStyle: "long" });
  return text(`hindrance_${code.replaceAll("-", "_")}`, [day]);
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
    // Of what is hindered, the sentence says it; where it does not, the host's own words do.
    const isTold = state === "unusable" && sentence !== text("recipient_unusable");
    const why = (state === "unusable" || state === "unchecked") && !isTold ? reason : "";
    return text("recipient_line", [address, why ? `${sentence} ${why}` : sentence]);
  });
  if (recipients.length > NAMED) {
    lines.push(text("recipient_more", [String(recipients.length - NAMED)]));
  }
  return lines.join("\n");
}
