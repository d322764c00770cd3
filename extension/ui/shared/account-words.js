/** How an account stands, in words, and the one button that mends it. The verdict is the host's. */

import { day, text } from "./dom.js";

/** Steps of the assistant that mend a state; what is not here needs nothing, or only another look. */
const MENDING = /** @type {Record<string, { step: string, label: string }>} */ ({
  "no-key": { step: "key", label: "mend_make" },
  requested: { step: "request", label: "mend_install" },
  expired: { step: "key", label: "mend_renew" },
  unfit: { step: "key", label: "mend_renew" },
  "cannot-encrypt": { step: "key", label: "mend_renew" },
  "cannot-sign": { step: "key", label: "mend_renew" },
  "not-published": { step: "publish", label: "mend_publish" },
  expiring: { step: "renew", label: "mend_next" },
  "retired-published": { step: "clean", label: "mend_clean" },
  "foreign-records": { step: "clean", label: "mend_clean" },
});

const LOOK_AGAIN = ["not-yet-valid", "dns-bogus", "dns-insecure", "dns-unreachable"];

const KINDS = /** @type {Record<string, string>} */ ({
  good: "good",
  changing: "good",
  unchecked: "waiting",
  expired: "bad",
  unfit: "bad",
  "dns-bogus": "bad",
});

const EXPIRING_VERY_SOON = "account_expiring_very_soon";

/** @param {import("../../types/protocol").Account} account */
export function stateSentence({ address, state, days_left, sign, retires }) {
  const domain = address.slice(address.lastIndexOf("@") + 1);
  const end = sign ? day(sign.not_after) : "";
  // What is left of its last day or two needs no number.
  const key =
    state === "expiring" && (days_left ?? 0) < 2 ? EXPIRING_VERY_SOON : `account_${state.replaceAll("-", "_")}`;
  return text(key, [domain, end, String(days_left ?? ""), retires ? day(retires) : ""]) || state;
}

/** `good`, `warn`, `bad` or `waiting`, for its colour. @param {import("../../types/protocol").Account} account */
export function stateKind({ state }) {
  return KINDS[state] ?? "warn";
}

/**
 * @param {import("../../types/protocol").Account} account
 * @returns {{ label: string, step: string | null } | null} `step: null`: look again
 */
export function mending({ state }) {
  const known = MENDING[state];
  if (known) {
    return { step: known.step, label: text(known.label) };
  }
  return LOOK_AGAIN.includes(state) ? { step: null, label: text("mend_look") } : null;
}
