/** How long the program may take before it is given up. */

import { patienceIn, readSettings } from "../../background/settings.js";
import { byId, text } from "../shared/dom.js";

/** Factors, and what is said of them. */
const STEPS = { 1: "usual", 2: "double", 5: "long" };

const select = /** @type {HTMLSelectElement} */ (byId("patience"));

const { patience, byPolicy } = patienceIn(await readSettings());
for (const [factor, words] of Object.entries(STEPS)) {
  select.add(new Option(text(`options_patience_${words}`), factor));
}
if (!(patience in STEPS)) {
  select.add(new Option(text("options_patience_other", [String(patience)]), String(patience)));
}
select.value = String(patience);
select.disabled = byPolicy;
byId("patience-hint").textContent = text(byPolicy ? "options_locked" : "options_patience_hint");
select.addEventListener("change", () => browser.storage.local.set({ patience: Number(select.value) }));
