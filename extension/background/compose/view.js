/** What button, popup, marks and notice show for a window. Pure, but for `showButton`. */

import { namesInALine } from "../../experiments/shared/names.mjs";
import { propose } from "./proposal.js";
import { markOf } from "./recipients.js";
import { recipientLines, stateSentence } from "./words.js";

/**
 * @typedef {"unknown" | "none" | "off" | "signed" | "checking" | "encrypted" | "blocked" | "clear"} Summary
 * `none`: the sender has no key; `clear`: goes unencrypted, as remembered; `blocked`: somebody stands in the way
 *
 * @typedef {object} View
 * @property {string} from
 * @property {Summary} summary
 * @property {string} sentence the summary in words
 * @property {string} notice a line for the window; empty: none
 * @property {boolean} sign
 * @property {boolean} encrypt
 * @property {boolean} encryptLocked
 * @property {boolean} hideSubject
 * @property {boolean} canSwitch
 * @property {{ address: string, mark: string, sentence: string, detail: string, list?: string }[]} recipients `list`: it came
 *   with that mailing list
 * @property {{ id: string, mark: string, sentence: string }[]} lists what of its members stands in the way
 */

/** Who stands in the way is to be seen first. */
const ORDER = ["untrusted", "missing", "pending", "found"];

/**
 * @param {object} facts
 * @param {import("../../types/dane-compose").WindowDescription} facts.window
 * @param {import("./choice.js").Choice | null} facts.choice
 * @param {string} facts.why why the choice is not known
 * @param {Map<string, import("./recipients.js").Known | undefined>} facts.known those to encrypt to; undefined: being looked up
 * @param {string[]} facts.remembered
 * @param {boolean} [facts.blindCopies] as for `propose`
 * @param {boolean} [facts.offerUnencrypted] as for `propose`
 * @param {(key: string, substitutions?: string[]) => string} text
 * @returns {View}
 */
export function viewOf({ window, choice, why, known, remembered, blindCopies, offerUnencrypted }, text) {
  const cameWith = new Map(window.lists.flatMap(({ name, members }) => members.map((member) => [member, name])));
  const described = [...known].map(([address, state]) => ({
    address,
    ...(state
      ? { mark: markOf(state.state), sentence: stateSentence({ ...state, address }, text), detail: state.reason }
      : { mark: "pending", sentence: text("recipient_pending"), detail: "" }),
    ...(cameWith.has(address) && !window.removable.includes(address) ? { list: cameWith.get(address) } : {}),
  }));
  const recipients = described.toSorted((one, other) => ORDER.indexOf(one.mark) - ORDER.indexOf(other.mark));
  const summary = summarize({ window, choice, known, remembered, blindCopies, offerUnencrypted }, text);
  const blocked = recipients.filter(({ mark }) => mark === "missing" || mark === "untrusted");
  return {
    from: window.from,
    summary,
    sentence: summary === "unknown" ? why : text(`summary_${summary}`, [window.from]),
    notice: noticeOf(summary, blocked, window.newsgroups, text),
    sign: choice?.sign ?? false,
    encrypt: choice?.encrypt ?? false,
    encryptLocked: choice?.encryptLocked ?? false,
    hideSubject: choice?.hideSubject ?? true,
    canSwitch: choice !== null && (choice.hasKey || choice.sign || choice.encrypt),
    recipients,
    lists: choice?.encrypt ? window.lists.map((list) => listView(list, known, text)) : [],
  };
}

/**
 * One mark for a mailing list: that of the member who stands in the way most.
 *
 * @param {{ id: string, members: string[] }} list
 * @param {Parameters<typeof viewOf>[0]["known"]} known
 * @param {Parameters<typeof viewOf>[1]} text
 */
function listView({ id, members }, known, text) {
  if (members.length === 0) {
    return { id, mark: "missing", sentence: text("list_empty") };
  }
  const settled = members.flatMap((member) => known.get(member) ?? []);
  const inTheWay = settled.filter(({ state }) => state !== "ready");
  const counts = [String(settled.length), String(members.length)];
  if (inTheWay.length > 0) {
    const marks = inTheWay.map(({ state }) => markOf(state));
    const sentences = [text("list_in_the_way", [String(inTheWay.length), counts[1]]), recipientLines(inTheWay, text)];
    return { id, mark: marks.includes("untrusted") ? "untrusted" : "missing", sentence: sentences.join("\n") };
  }
  return settled.length < members.length
    ? { id, mark: "pending", sentence: text("list_pending", counts) }
    : { id, mark: "found", sentence: text("list_found", counts) };
}

/**
 * @param {Omit<Parameters<typeof viewOf>[0], "why">} facts
 * @param {Parameters<typeof viewOf>[1]} text
 * @returns {Summary}
 */
function summarize({ window, choice, known, remembered, blindCopies, offerUnencrypted }, text) {
  if (!choice) {
    return "unknown";
  }
  if (!choice.encrypt) {
    return choice.sign || choice.askToSign ? "signed" : choice.hasKey ? "off" : "none";
  }
  const settled = [...known.values()].filter((state) => state !== undefined);
  if (settled.length < known.size) {
    return "checking";
  }
  const removable = [...known.keys()];
  const proposal = propose(
    {
      choice: { ...choice, askToSign: false },
      window: { ...window, removable, links: [] }, // asked about when Send is pressed
      recipients: settled,
      remembered,
      blindCopies,
      offerUnencrypted,
    },
    text,
  );
  if (!("plan" in proposal)) {
    return "blocked";
  }
  return proposal.plan.encrypt ? "encrypted" : "clear";
}

/**
 * @param {Summary} summary
 * @param {{ address: string }[]} blocked
 * @param {boolean} newsgroups
 * @param {Parameters<typeof viewOf>[1]} text
 */
function noticeOf(summary, blocked, newsgroups, text) {
  const names = namesInALine(
    blocked.map(({ address }) => address),
    text,
  );
  if (summary === "clear") {
    return text("notice_clear", [names]);
  }
  if (summary === "blocked" && blocked.length > 0) {
    return text("notice_blocked", [names]);
  }
  return summary === "blocked" ? text(newsgroups ? "newsgroup_title" : "notice_bcc") : "";
}

const ICONS = {
  encrypted: "lock",
  checking: "lock",
  signed: "seal",
  blocked: "warning",
  clear: "open",
  off: "open",
  none: "open",
  unknown: "warning",
};

/**
 * @param {number} tabId
 * @param {View} view
 * @param {(key: string, substitutions?: string[]) => string} text
 */
export async function showButton(tabId, { summary, sentence }, text) {
  await Promise.all([
    browser.composeAction.setIcon({ tabId, path: `icons/compose-${ICONS[summary]}.svg` }),
    browser.composeAction.setLabel({ tabId, label: text(`label_${summary}`) }),
    browser.composeAction.setTitle({ tabId, title: sentence }),
  ]);
}
