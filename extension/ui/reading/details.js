/** The details view of the message on the screen: in words first, then the facts behind them, then what can be done. */

import { sectionsOf } from "./facts.js";

const text = browser.i18n.getMessage;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
  node.textContent = text(node.dataset.text ?? "");
}
document.documentElement.lang = browser.i18n.getUILanguage();

const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
const tabId = tab.id ?? -1;

/** @param {import("../../types/dane-reading").Description | null} said */
function show(said) {
  const summary = element("summary");
  const opened = said && !said.opened ? "unopened" : said?.level;
  summary.textContent = text(`details_summary_${opened ?? "none"}`);
  summary.dataset.level = said?.level ?? "info";
  const sentences = said ? said.sentences : [text("details_none")];
  element("sentences").replaceChildren(...sentences.map((sentence) => withText("p", sentence)));
  for (const what of /** @type {const} */ (["retry", "reveal"])) {
    element(what).hidden = !said?.[what];
    element(what).addEventListener("click", () => browser.daneReading.act(tabId, what).then(() => window.close()));
  }
  const sections = said?.opened ? sectionsOf(said.opened, { text, date: inWords }) : [];
  element("sections").replaceChildren(...sections.map(sectionNode));
  summary.focus(); // where a screen reader begins
}

/** @param {import("./facts.js").Section} section */
function sectionNode({ title, rows }) {
  const section = document.createElement("section");
  section.setAttribute("aria-label", title);
  const list = document.createElement("dl");
  for (const { label, value, octets } of rows) {
    const definition = withText("dd", value);
    definition.classList.toggle("octets", octets === true);
    list.append(withText("dt", label), definition);
  }
  section.append(withText("h2", title), list);
  return section;
}

/** @param {string} date RFC 3339 */
function inWords(date) {
  const when = new Date(date);
  return Number.isNaN(when.valueOf())
    ? date
    : new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(when);
}

/** @param {string} name @param {string} content */
function withText(name, content) {
  const node = document.createElement(name);
  node.textContent = content;
  return node;
}

show(await browser.daneReading.describe(tabId));
