/** The details view of the message on the screen: in words first, then the facts behind them, then what can be done. */

import { byId, make, text, translatePage } from "../shared/dom.js";
import { sectionsOf } from "./facts.js";

translatePage();

const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
const tabId = tab.id ?? -1;

/** @param {import("../../types/dane-reading").Description | null} said */
function show(said) {
  const summary = byId("summary");
  const opened = said && !said.opened ? "unopened" : said?.level;
  summary.textContent = text(`details_summary_${opened ?? "none"}`);
  summary.dataset.level = said?.level ?? "info";
  const sentences = said ? said.sentences : [text("details_none")];
  byId("sentences").replaceChildren(...sentences.map((sentence) => make("p", {}, sentence)));
  for (const what of /** @type {const} */ (["retry", "reveal"])) {
    byId(what).hidden = !said?.[what];
    byId(what).addEventListener("click", () => browser.daneReading.act(tabId, what).then(() => window.close()));
  }
  const sections = said?.opened ? sectionsOf(said.opened, { text, date: inWords }) : [];
  byId("sections").replaceChildren(...sections.map(sectionNode));
  summary.focus(); // where a screen reader begins
}

/** @param {import("./facts.js").Section} section */
function sectionNode({ title, rows }) {
  const facts = rows.flatMap(({ label, value, octets }) => [
    make("dt", {}, label),
    make("dd", { class: octets ? "octets" : "" }, value),
  ]);
  return make("section", { "aria-label": title }, make("h2", {}, title), make("dl", {}, ...facts));
}

/** @param {string} date RFC 3339 */
function inWords(date) {
  const when = new Date(date);
  return Number.isNaN(when.valueOf())
    ? date
    : new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(when);
}

show(await browser.daneReading.describe(tabId));
