/**
 * From what the host said to what is shown: which of Thunderbird's icons, how urgent, which sentences. Pure, and no
 * judgement: each line here translates one word of the host.
 */

/**
 * A sentence for people: the first of these messages of `_locales` that exists, or else the host's own English.
 *
 * @typedef {{ keys: string[], args?: string[], fallback?: string }} Sentence
 *
 * @typedef {object} Display
 * @property {"ok" | "notok" | null} encryption Thunderbird's lock
 * @property {"verified" | "mismatch" | "unknown" | null} signature Thunderbird's seal
 * @property {"SUCCESS" | "VERIFY_BAD_SIGNATURE" | "VERIFY_UNTRUSTED" | "VERIFY_ERROR_PROCESSING" | null} panel what the
 *   message security panel says of the signature: a name in nsICMSMessageErrors, null for no signature
 * @property {"good" | "info" | "warning" | "bad"} level
 * @property {Sentence[]} sentences
 * @property {boolean} retry whether trying again may help without anything else being done
 */

/** @type {Pick<Display, "encryption" | "signature" | "panel" | "level">} */
const NOT_DECRYPTED = { encryption: "notok", signature: null, panel: null, level: "bad" };
/** @type {Pick<Display, "encryption" | "signature" | "panel" | "level">} */
const NOT_CHECKED = { encryption: null, signature: "unknown", panel: "VERIFY_ERROR_PROCESSING", level: "warning" };

/**
 * @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} outcome
 * @param {"cms" | "signed"} kind of the part that was to be opened
 * @returns {Display}
 */
export function inChrome(outcome, kind) {
  if (!outcome.ok) {
    const keys = [`reading_error_${word(outcome.code)}`, `error_${word(outcome.code)}`];
    const cause = { keys: outcome.message ? keys : [...keys, "error_internal"], fallback: outcome.message };
    return kind === "cms"
      ? { ...NOT_DECRYPTED, sentences: [{ keys: ["reading_not_opened"] }, cause], retry: true }
      : { ...NOT_CHECKED, sentences: [{ keys: ["reading_not_checked"] }, cause], retry: true };
  }
  const { encryption, signature } = outcome.verdict;
  if (encryption.state === "failed") {
    return { ...NOT_DECRYPTED, sentences: [why("encryption", encryption, outcome)], retry: false };
  }
  const lock = encryption.state === "decrypted" ? "ok" : null;
  switch (signature.state) {
    case "valid":
      return {
        encryption: lock,
        signature: "verified",
        panel: "SUCCESS",
        level: "good",
        sentences: [vouched(outcome)],
        retry: false,
      };
    case "invalid":
      return {
        encryption: lock,
        signature: "mismatch",
        panel: "VERIFY_BAD_SIGNATURE",
        level: "bad",
        sentences: [why("signature", signature, outcome)],
        retry: false,
      };
    case "unknown":
      return {
        encryption: lock,
        signature: "unknown",
        panel: "VERIFY_UNTRUSTED",
        level: signature.code === "dns-bogus" ? "warning" : "info",
        sentences: [why("signature", signature, outcome)],
        retry: signature.code === "dns-unreachable",
      };
    default:
      return {
        encryption: lock,
        signature: null,
        panel: null,
        level: "info",
        sentences: [{ keys: [lock ? "reading_encrypted_unsigned" : "reading_nothing"] }],
        retry: false,
      };
  }
}

/** @param {import("./openings.mjs").Opened} opened whose signature is valid */
function vouched({ verdict: { signature, from }, domain }) {
  const signer = signature.signer ?? from ?? "";
  return domain
    ? { keys: ["reading_valid_dane"], args: [signer, domain] }
    : { keys: ["reading_valid_anchor"], args: [signer] };
}

/**
 * The sentence for a code, with the sender's address and its domain at hand.
 *
 * @param {"encryption" | "signature"} half of the verdict
 * @param {{ state: string, code: string, reason: string }} said
 * @param {import("./openings.mjs").Opened} opened
 * @returns {Sentence}
 */
function why(half, { state, code, reason }, { verdict: { from } }) {
  // Without a sender most of these sentences would have a hole in them.
  const key = `reading_${half}_${word(code)}${from ? "" : "_nobody"}`;
  const args = [from ?? "", (from ?? "").replace(/^.*@/, "")];
  return { keys: reason ? [key] : [key, `reading_${half}_${state}`], args, fallback: reason };
}

/** @param {string} code */
function word(code) {
  return code.replaceAll("-", "_");
}
