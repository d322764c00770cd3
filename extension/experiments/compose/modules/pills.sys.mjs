/** The recipients as the compose window shows them ("pills"): reading, removing, and marking them. */

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
    .map((pill) => pill.emailAddress)
    .filter(Boolean);
}

/** @param {any} window @param {string[]} addresses */
export function removePills(window, addresses) {
  for (const pill of allPills(window)) {
    if (addresses.includes(pill.emailAddress)) {
      pill.remove();
    }
  }
  window.onRecipientsChanged(false);
}

/**
 * Marks pills by a sign, a colour and words; the sign is enough without the colour, the words without both.
 *
 * @param {any} window
 * @param {{ address: string, kind: string, text: string }[]} marks
 */
export function markPills(window, marks) {
  useStyle(window, marks.length > 0);
  const byAddress = new Map(marks.map((mark) => [mark.address, mark]));
  for (const pill of allPills(window)) {
    const mark = byAddress.get(pill.emailAddress);
    if (mark) {
      pill.setAttribute(MARK, mark.kind);
      pill.setAttribute("tooltiptext", mark.text);
      pill.setAttribute("aria-description", mark.text);
    } else if (pill.hasAttribute(MARK)) {
      pill.removeAttribute(MARK);
      pill.removeAttribute("tooltiptext");
      pill.removeAttribute("aria-description");
    }
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
