/**
 * From what the host said to what is shown: which of Thunderbird's icons, how urgent, which sentences. Pure, and no
 * judgement: each line here translates one word of the host.
 */

import { UNCHECKED } from "./openings.mjs";

/**
 * A sentence for people: the first of these messages of `_locales` that exists, or else the host's own English.
 *
 * @typedef {{ keys: string[], args?: (string | { date: string })[], fallback?: string }} Sentence an argument that is a
 *   date is RFC 3339, to be written as the reader writes dates
 *
 * @typedef {object} Display
 * @property {"ok" | "notok" | null} encryption Thunderbird's lock
 * @property {"verified" | "mismatch" | "unknown" | null} signature Thunderbird's seal
 * @property {"SUCCESS" | "VERIFY_BAD_SIGNATURE" | "VERIFY_UNTRUSTED" | "VERIFY_ERROR_PROCESSING" | null} panel what the
 *   message security panel says of the signature: a name in nsICMSMessageErrors, null for no signature
 * @property {"good" | "info" | "warning" | "bad"} level
 * @property {Sentence[]} sentences
 * @property {boolean} retry whether trying again may help without anything else being done
 * @property {boolean} [withheld] whether the host keeps content back that the reader may ask for
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
    return notAnswered(outcome, kind);
  }
  const display = ofVerdict(outcome);
  const warnings = (outcome.verdict.warnings ?? []).map((warning) => sentence("warning", warning, outcome));
  if (warnings.length === 0) {
    return display;
  }
  const level = display.level === "bad" ? "bad" : "warning";
  return { ...display, level, sentences: [...display.sentences, ...warnings] };
}

/**
 * @param {import("./openings.mjs").NotOpened} failure
 * @param {"cms" | "signed"} kind
 * @returns {Display}
 */
function notAnswered({ code, message }, kind) {
  const keys = [`reading_error_${word(code)}`, `error_${word(code)}`];
  const cause = { keys: message ? keys : [...keys, "error_internal"], fallback: message };
  return kind === "cms"
    ? { ...NOT_DECRYPTED, sentences: [{ keys: ["reading_not_opened"] }, cause], retry: true }
    : { ...NOT_CHECKED, sentences: [{ keys: ["reading_not_checked"] }, cause], retry: true };
}

/**
 * @param {import("./openings.mjs").Opened} opened
 * @returns {Display}
 */
function ofVerdict(opened) {
  const { encryption, signature } = opened.verdict;
  if (encryption.code === "certificates-only") {
    const sentences = [sentence("encryption", encryption, opened)];
    return { encryption: null, signature: null, panel: null, level: "info", sentences, retry: false };
  }
  if (encryption.code !== "ok") {
    const withheld = encryption.code === "withheld-unauthentic";
    return { ...NOT_DECRYPTED, sentences: [sentence("encryption", encryption, opened)], retry: false, withheld };
  }
  const lock = encryption.state === "decrypted" ? "ok" : null;
  const why = sentence("signature", signature, opened);
  switch (signature.state) {
    case "valid":
      return {
        encryption: lock,
        signature: "verified",
        panel: "SUCCESS",
        level: "good",
        sentences: [signature.code === "ok" ? vouched(opened) : why],
        retry: signature.code === UNCHECKED,
      };
    case "invalid":
      return {
        encryption: lock,
        signature: "mismatch",
        panel: "VERIFY_BAD_SIGNATURE",
        level: "bad",
        sentences: [why],
        retry: false,
      };
    case "unknown":
      return {
        encryption: lock,
        signature: "unknown",
        panel: "VERIFY_UNTRUSTED",
        level: signature.code === "dns-bogus" ? "warning" : "info",
        sentences: [why],
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
 * The sentence for a code, with what it may want to name: the sender's address and its domain, another address, a time.
 *
 * @param {"encryption" | "signature" | "warning"} about
 * @param {{ state?: string, code: string, reason: string, address?: string, at?: string | null }} said
 * @param {import("./openings.mjs").Opened} opened
 * @returns {Sentence}
 */
function sentence(about, { state, code, reason, address = "", at }, { verdict: { from } }) {
  const key = `reading_${about}_${word(code)}`;
  const args = [from ?? "", (from ?? "").replace(/^.*@/, ""), address, at ? { date: at } : ""];
  // Without a sender a warning of ours would have a hole in it. Verdicts that name the sender are given only of one.
  const own = from || about !== "warning" ? [key] : [];
  return { keys: reason ? own : [...own, `reading_${about}_${state}`], args, fallback: reason };
}

/** @param {string} code */
function word(code) {
  return code.replaceAll("-", "_");
}
