/** The recipients as the compose window shows them ("pills"): reading, removing, and marking them. */

import { addressIn } from "./secure.sys.mjs";

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const ROWS = { to: "toAddrContainer", cc: "ccAddrContainer", bcc: "bccAddrContainer" };
const MARK = "dane-smime-mark";
const STYLE_ID = "dane-smime-pills";

/**
 * @param {any} window
 * @param {string} row `to`, `cc` or `bcc`
 * @returns {any[]}
 */
function pills(window, row) {
  const id = ROWS[/** @type {keyof typeof ROWS} */ (row)];
  return [...window.document.querySelectorAll(`#${id} > mail-address-pill`)];
}

/** @param {any} window */
const allPills = (window) => Object.keys(ROWS).flatMap((row) => pills(window, row));

/** @param {any} window @param {string} row @returns {string[]} */
export function pillAddresses(window, row) {
  return pills(window, row)
    .filter((pill) => !pill.isMailList)
    .map(idOf)
    .filter(Boolean);
}

/**
 * The mailing lists of the address books in one row, each with the addresses that Thunderbird will put in its place.
 *
 * @param {any} window
 * @param {string} row
 * @returns {{ id: string, name: string, members: string[] }[]}
 */
export function pillLists(window, row) {
  return pills(window, row)
    .filter((pill) => pill.isMailList)
    .map((pill) => ({ id: idOf(pill), name: pill.displayName || pill.emailAddress, members: membersOf(pill.listURI) }));
}

/** By this a mark finds its pill: of a recipient, the address that the mail will have. @param {any} pill @returns {string} */
function idOf(pill) {
  return pill.isMailList ? pill.listURI : addressIn(pill.fullAddress) || pill.emailAddress;
}

/** @param {string} uri of a list @param {Set<string>} [seen] lists may hold each other @returns {string[]} */
function membersOf(uri, seen = new Set()) {
  if (seen.has(uri)) {
    return [];
  }
  seen.add(uri);
  const cards = /** @type {any[]} */ (MailServices.ab.getDirectory(uri)?.childCards ?? []);
  return cards
    .flatMap((card) => {
      const inner = listOf(card);
      return inner ? membersOf(inner.URI, seen) : [addressIn(card.primaryEmail) || card.primaryEmail];
    })
    .filter(Boolean);
}

/** The list that a member of a list stands for: as Thunderbird tells it, by its name in place of an address. @param {any} card */
function listOf({ displayName, primaryEmail }) {
  const list = primaryEmail.includes("@") ? null : MailServices.ab.getMailListFromName(displayName || primaryEmail);
  return list && (list.description || list.dirName) === primaryEmail ? list : null;
}

/** @param {any} window @param {string[]} addresses */
export function removePills(window, addresses) {
  for (const pill of allPills(window)) {
    if (!pill.isMailList && addresses.includes(idOf(pill))) {
      pill.remove();
    }
  }
  window.onRecipientsChanged(false);
}

/**
 * Marks pills by a sign, a colour and words; the sign is enough without the colour, the words without both.
 *
 * @param {any} window
 * @param {{ address: string, kind: string, text: string }[]} marks `address`: of a list, its id
 */
export function markPills(window, marks) {
  useStyle(window, marks.length > 0);
  const byAddress = new Map(marks.map((mark) => [mark.address, mark]));
  for (const pill of allPills(window)) {
    const mark = byAddress.get(idOf(pill));
    if (mark) {
      pill.setAttribute(MARK, mark.kind);
      pill.setAttribute("tooltiptext", mark.text);
      pill.setAttribute("aria-description", mark.text);
    } else {
      unmark(pill);
    }
  }
}

/**
 * Tells of pills that come, go, or name somebody else. Of those, what was said of the one before is not said any more, before
 * anybody else is asked.
 *
 * @param {any} window
 * @param {() => void} onChange
 * @returns {MutationObserver}
 */
export function watchPills(window, onChange) {
  const observer = new window.MutationObserver((/** @type {MutationRecord[]} */ changes) => {
    for (const { type, target, oldValue } of changes) {
      const pill = /** @type {any} */ (target);
      if (type === "attributes" && pill.emailAddress !== oldValue) {
        unmark(pill);
      }
    }
    onChange();
  });
  observer.observe(window.document.getElementById("recipientsContainer"), {
    childList: true,
    subtree: true,
    attributeFilter: ["emailAddress"],
    attributeOldValue: true,
  });
  return observer;
}

/** @param {any} pill */
function unmark(pill) {
  if (pill.hasAttribute(MARK)) {
    pill.removeAttribute(MARK);
    pill.removeAttribute("aria-description");
    pill.removeAttribute("tooltiptext");
    pill.updatePillStatus?.(); // what Thunderbird itself says of the address
  }
}

/** @param {any} window @param {boolean} wanted */
function useStyle(window, wanted) {
  const { document } = window;
  const present = document.getElementById(STYLE_ID);
  if (wanted && !present) {
    const link = document.createElementNS("http://www.w3.org/1999/xhtml", "link");
    link.id = STYLE_ID;
    link.rel = "stylesheet";
    link.href = import.meta.url.replace(/modules\/pills\.sys\.mjs.*$/, "pills.css");
    document.documentElement.append(link);
  }
}
