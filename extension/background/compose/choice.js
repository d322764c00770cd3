/** What a new mail starts with, and what its writer may change. Pure: facts in, choice out. */

import { comparable } from "../address.js";

/**
 * What is to be done with one mail. The experiment keeps it with the window.
 *
 * @typedef {object} Choice
 * @property {boolean} sign
 * @property {boolean} encrypt
 * @property {boolean} askToSign the writer is asked at sending
 * @property {boolean} encryptLocked encryption may not be switched off
 * @property {boolean} hideSubject where it is encrypted, so is the subject
 * @property {string | null} certificate the one of the sender's to use, by its SHA-256; null: the one that the host has selected
 * @property {string[]} forms unusual forms of S/MIME (see settings.js)
 * @property {boolean} hasKey the sender holds a key, so there is something to switch
 * @property {boolean} insist encryption was asked for by somebody (a person, a policy, the mail that is answered), so that a
 *   remembered "send it unencrypted" does not count
 * @property {boolean} usuallyEncrypts what this sender's mail starts with, whatever was switched
 * @property {boolean} offByDraft a draft says that encryption was switched off; nobody has switched it in this window
 * @property {{ sign: boolean, encrypt: boolean, hideSubject: boolean }} touched switched by the writer
 * @property {string} from the sender it was made for
 * @property {boolean} fromEncrypted whether it was made for a text that was encrypted
 */

/**
 * @param {object} facts
 * @param {string} facts.from
 * @param {boolean} facts.fromEncrypted the text quotes a mail that was encrypted
 * @param {import("../../types/dane-compose").DraftChoice} [facts.draft] what was switched when it was saved as a draft
 * @param {import("../../types/protocol").Key[] | null} facts.keys those held; null where that is not known
 * @param {ReturnType<typeof import("../settings.js").wishesFor>} facts.wishes
 * @param {Choice | null} facts.previous the choice so far, for this or another sender
 * @returns {Choice | null} null: it cannot be known, so nothing may be sent without asking
 */
export function makeChoice({ from, fromEncrypted, draft = {}, keys, wishes, previous }) {
  const own = keys?.filter((key) => !key.retired && serves(key, from)) ?? [];
  if (keys === null && wishes.encrypt !== "required" && (wishes.sign === undefined || wishes.encrypt === undefined)) {
    return null;
  }
  const sign = wishes.sign ?? (own.some((key) => key.can_sign) ? "always" : "never");
  const encrypt = wishes.encrypt ?? (own.some((key) => key.can_encrypt) ? "possible" : "never");
  const hasKey = keys === null || own.length > 0;
  const answersEncrypted = fromEncrypted && hasKey;
  const choice = {
    sign: sign === "always",
    encrypt: encrypt !== "never" || answersEncrypted,
    askToSign: sign === "ask",
    encryptLocked: encrypt === "required",
    hideSubject: wishes.subject !== "readable",
    certificate: wishes.certificate ?? null,
    forms: wishes.forms ?? [],
    hasKey,
    insist: encrypt === "required" || answersEncrypted,
    usuallyEncrypts: encrypt !== "never" || answersEncrypted,
    offByDraft: false,
    touched: { sign: false, encrypt: false, hideSubject: false },
    from,
    fromEncrypted,
  };
  if (previous) {
    return keepTouched(choice, previous);
  }
  // Whoever keeps the draft can change its header, and a message file from anywhere opens as a draft. What was encrypted stays so,
  // whatever that says; and where mail is usually encrypted, its writer is asked.
  const { encrypt: switched, ...others } = draft;
  const made = touch(choice, switched === false && fromEncrypted ? others : draft);
  return { ...made, offByDraft: switched === false && !made.encrypt };
}

/**
 * Whether a key is one of an address: made for it, or its certificate names it, as that of an alias. An older host says only
 * what it was made for.
 *
 * @param {import("../../types/protocol").Key} key
 * @param {string} address
 */
export function serves({ address: own, addresses = [own] }, address) {
  return addresses.some((one) => comparable(one) === comparable(address));
}

/**
 * Whether a choice still is for what the window says now.
 *
 * @param {Choice | null} choice
 * @param {{ from: string, fromEncrypted: boolean }} window
 * @returns {choice is Choice}
 */
export function stillHolds(choice, { from, fromEncrypted }) {
  return choice !== null && choice.from === from && choice.fromEncrypted === fromEncrypted;
}

/** @param {Choice} choice @param {Choice} previous */
function keepTouched(choice, previous) {
  let kept = choice;
  if (previous.touched.sign) {
    kept = touch(kept, { sign: previous.sign });
  }
  if (previous.touched.encrypt) {
    kept = touch(kept, { encrypt: previous.encrypt });
    kept.offByDraft = previous.offByDraft && !kept.encrypt;
  }
  if (previous.touched.hideSubject) {
    kept = touch(kept, { hideSubject: previous.hideSubject });
  }
  return kept;
}

/**
 * A choice that is made anew without its writer takes nothing away from the one before.
 *
 * @param {Choice} next
 * @param {Choice} present for the same sender
 * @returns {Choice}
 */
export function keepProtection(next, present) {
  const kept = /** @type {const} */ (["sign", "encrypt", "encryptLocked", "hasKey", "insist", "usuallyEncrypts"]);
  return { ...next, ...Object.fromEntries(kept.map((what) => [what, next[what] || present[what]])) };
}

/** Whether two choices are the same in everything. @param {Choice} one @param {Choice} other */
export function isSame(one, other) {
  const told = (/** @type {Record<string, any>} */ choice) => JSON.stringify(Object.entries(choice).toSorted());
  return told({ ...one, touched: told(one.touched) }) === told({ ...other, touched: told(other.touched) });
}

/**
 * The writer switches.
 *
 * @param {Choice} choice
 * @param {{ sign?: boolean, encrypt?: boolean, hideSubject?: boolean }} change
 * @returns {Choice}
 */
export function touch(choice, { sign, encrypt, hideSubject }) {
  const next = { ...choice, touched: { ...choice.touched } };
  if (sign !== undefined) {
    next.sign = sign;
    next.askToSign = false;
    next.touched.sign = true;
  }
  if (encrypt !== undefined && (encrypt || !choice.encryptLocked)) {
    next.encrypt = encrypt;
    next.insist = encrypt;
    next.offByDraft = false;
    next.touched.encrypt = true;
  }
  if (hideSubject !== undefined) {
    next.hideSubject = hideSubject;
    next.touched.hideSubject = true;
  }
  return next;
}

/**
 * The policy wants this mail encrypted, whatever its writer chose.
 *
 * @param {Choice} choice
 * @returns {Choice}
 */
export function insistOnEncryption(choice) {
  return { ...choice, encrypt: true, encryptLocked: true, insist: true };
}
