/** Who opens S/MIME mail. */

import { openerIn, readSettings } from "../../background/settings.js";
import { byId, text } from "../shared/dom.js";

const select = /** @type {HTMLSelectElement} */ (byId("open-with"));

const { openWith, byPolicy } = openerIn(await readSettings());
for (const who of ["addon", "thunderbird"]) {
  select.add(new Option(text(`options_open_with_${who}`), who));
}
select.value = openWith;
select.disabled = byPolicy;
byId("open-with-locked").hidden = !byPolicy;
const { missing } = await browser.daneReading.getState();
const told = byId("open-with-missing");
told.hidden = missing.length === 0;
told.textContent = missing.length ? text("reading_unsupported", [missing.join(", ")]) : "";
select.addEventListener("change", () => browser.storage.local.set({ open_with: select.value }));
