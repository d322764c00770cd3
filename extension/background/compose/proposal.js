/**
 * What happens when Send is pressed: a plan for the mail, or one question to its writer. Pure: facts in, proposal out. The
 * host looks again when it protects the mail, and its word counts.
 */

import { mayGoInTheClear } from "./recipients.js";
import { recipientLines } from "./words.js";

/**
 * @typedef {{ sign: boolean, encrypt: boolean, hideSubject?: boolean, certificate?: string, forms?: string[] }} Plan
 * @typedef {{ plan: Plan } | Question} Proposal
 * @typedef {object} Question going back is always possible, and the default
 * @property {string} title
 * @property {string} text
 * @property {string} back
 * @property {Answer[]} choices at most two
 * @property {string} [checkbox] asks to remember `addresses`
 * @property {string[]} [addresses]
 *
 * @typedef {object} Answer either a plan, or something to be done before we are asked again
 * @property {string} label
 * @property {Plan} [plan]
 * @property {string[]} [remove] recipients
 * @property {boolean} [sign]
 * @property {boolean} [encrypt]
 * @property {boolean} [links] attachments that are links may stay links
 */

/**
 * @param {object} facts
 * @param {import("./choice.js").Choice} facts.choice
 * @param {{ to: string[], cc: string[], bcc: string[], newsgroups: boolean, removable: string[],
 *   fromEncrypted: boolean, links: string[], answers?: { links?: boolean } }} facts.window
 * @param {import("./recipients.js").Known[]} facts.recipients of To, Cc and Bcc; needed only where the choice is to encrypt
 * @param {string[]} facts.remembered addresses that the writer wants to write to unencrypted while they have no certificate
 * @param {boolean} [facts.blindCopies] whether the host can make copies for blind recipients; an older one cannot
 * @param {boolean} [facts.offerUnencrypted] false: the policy forbids to offer sending in the clear
 * @param {(key: string, substitutions?: string[]) => string} text
 * @returns {Proposal}
 */
export function propose({ choice, window, recipients, remembered, blindCopies = true, offerUnencrypted = true }, text) {
  if (choice.askToSign) {
    return {
      title: text("ask_sign_title"),
      text: text("ask_sign_text"),
      back: text("button_back"),
      choices: [
        { label: text("button_sign"), sign: true },
        { label: text("button_dont_sign"), sign: false },
      ],
    };
  }
  if (!choice.encrypt && (window.fromEncrypted || (choice.offByDraft && choice.usuallyEncrypts))) {
    const why = window.fromEncrypted ? "decrypted" : "off_in_draft";
    return {
      title: text(`${why}_title`),
      text: text(`${why}_text`),
      back: text("button_back"),
      choices: [
        ...(choice.hasKey ? [{ label: text("button_encrypt"), encrypt: true }] : []),
        ...(offerUnencrypted ? [{ label: text("button_unencrypted"), plan: planOf(choice, false) }] : []),
      ],
    };
  }
  if (!choice.encrypt) {
    return { plan: planOf(choice, false) };
  }

  const inTheWay = recipients.filter(({ state }) => state !== "ready");
  const clearAllowed =
    offerUnencrypted && !choice.encryptLocked && inTheWay.every(({ state }) => mayGoInTheClear(state));
  /** @type {Answer[]} */
  const inTheClear = clearAllowed ? [{ label: text("button_unencrypted"), plan: planOf(choice, false) }] : [];
  const canRemove = (/** @type {string[]} */ addresses) =>
    addresses.length < recipients.length && addresses.every((address) => window.removable.includes(address));

  if (window.newsgroups) {
    return {
      title: text("newsgroup_title"),
      text: text("newsgroup_text"),
      back: text("button_back"),
      choices: inTheClear,
    };
  }
  if (window.bcc.length > 0 && !blindCopies) {
    return {
      title: text("bcc_title"),
      text: text("bcc_text"),
      back: text("button_back"),
      choices: [
        ...(canRemove(window.bcc) ? [{ label: text("button_remove_bcc"), remove: window.bcc }] : []),
        ...inTheClear,
      ],
    };
  }
  if (inTheWay.length === 0 && window.links.length > 0 && !window.answers?.links) {
    return askAboutLinks(window.links, offerUnencrypted && !choice.encryptLocked, text);
  }
  if (inTheWay.length === 0) {
    return { plan: planOf(choice, true) };
  }

  const addresses = inTheWay.map(({ address }) => address);
  const mayRemember =
    clearAllowed && !choice.insist && inTheWay.every(({ state }) => state === "absent" || state === "insecure");
  if (mayRemember && addresses.every((address) => remembered.includes(address))) {
    return { plan: planOf(choice, false) };
  }
  const many = addresses.length > 1;
  const choices = [
    ...(canRemove(addresses)
      ? [{ label: text(many ? "button_remove_many" : "button_remove_one"), remove: addresses }]
      : []),
    ...inTheClear,
  ];
  return {
    title: text("in_the_way_title"),
    text: [
      text(many ? "in_the_way_many" : "in_the_way_one"),
      recipientLines(inTheWay, text),
      text(choices.length > 0 ? "in_the_way_question" : whyNoChoice(choice, offerUnencrypted)),
    ].join("\n\n"),
    back: text("button_back"),
    choices,
    ...(mayRemember ? { checkbox: text("remember_without"), addresses } : {}),
  };
}

/**
 * @param {import("./choice.js").Choice} choice
 * @param {boolean} encrypt what was decided
 * @returns {Plan}
 */
function planOf({ sign, hideSubject, certificate, forms }, encrypt) {
  return {
    sign,
    encrypt,
    ...(encrypt ? { hideSubject } : {}),
    ...(certificate ? { certificate } : {}),
    ...(forms.length > 0 ? { forms } : {}),
  };
}

/**
 * A file at an online storage is not encrypted with the mail that links to it.
 *
 * @param {string[]} links names of attachments
 * @param {boolean} mayStay whether something of the mail may be unencrypted
 * @param {(key: string, substitutions?: string[]) => string} text
 * @returns {Question}
 */
function askAboutLinks(links, mayStay, text) {
  return {
    title: text("links_title"),
    text: [
      text("links_text"),
      links.map((name) => `• ${name}`).join("\n"),
      text(mayStay ? "links_question" : "links_required"),
    ].join("\n\n"),
    back: text("button_back"),
    choices: mayStay ? [{ label: text("button_send_links"), links: true }] : [],
  };
}

/** @param {import("./choice.js").Choice} choice @param {boolean} offerUnencrypted */
function whyNoChoice(choice, offerUnencrypted) {
  return choice.encryptLocked || !offerUnencrypted ? "in_the_way_required" : "in_the_way_untrusted";
}

/**
 * What happens when it cannot be known what is wanted for this mail, because the host does not answer and nobody has set it.
 *
 * @param {string} why a sentence
 * @param {(key: string, substitutions?: string[]) => string} text
 * @param {boolean} [offerUnencrypted] false: the policy forbids to offer sending in the clear
 * @returns {Question}
 */
export function proposeWithoutChoice(why, text, offerUnencrypted = true) {
  return {
    title: text("not_sent_title"),
    text: [why, text("unknown_choice_question")].join("\n\n"),
    back: text("button_back"),
    choices: offerUnencrypted ? [{ label: text("button_unprotected"), plan: { sign: false, encrypt: false } }] : [],
  };
}
