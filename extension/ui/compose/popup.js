/** The popup of the button in the compose window: shows the event page's view of this window and hands switches on. */

import { byId, make, text, translatePage } from "../shared/dom.js";

const ICONS = /** @type {Record<string, string>} */ ({
  encrypted: "lock",
  checking: "lock",
  signed: "seal",
  blocked: "warning",
  unknown: "warning",
});

translatePage();

/** What the list of recipients was drawn from. */
let shownRecipients = "";

const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
const tabId = tab.id ?? -1;

/** @param {object} message what is asked of the event page */
async function ask(message) {
  show(await browser.runtime.sendMessage({ to: "compose", tabId, ...message }));
}

/** @param {import("../../background/compose/view.js").View} view */
function show(view) {
  const summary = byId("summary");
  summary.textContent = view.sentence;
  summary.dataset.icon = ICONS[view.summary] ?? "open";

  const sign = /** @type {HTMLInputElement} */ (byId("sign"));
  const encrypt = /** @type {HTMLInputElement} */ (byId("encrypt"));
  sign.checked = view.sign;
  encrypt.checked = view.encrypt;
  encrypt.disabled = view.encryptLocked;
  byId("encrypt-hint").textContent = text(view.encryptLocked ? "popup_encrypt_required" : "popup_encrypt_hint");
  const hideSubject = /** @type {HTMLInputElement} */ (byId("hide-subject"));
  hideSubject.checked = view.hideSubject;
  byId("hide-subject-switch").hidden = !view.encrypt;
  byId("switches").hidden = !view.canSwitch;

  // What is not known can be asked for once more.
  byId("recipients-section").hidden = view.recipients.length === 0 && view.summary !== "unknown";
  byId("recipients-title").hidden = view.recipients.length === 0;
  // Drawn anew only where something is new: who reads in it with the keyboard keeps the place.
  const news = JSON.stringify(view.recipients);
  if (news !== shownRecipients) {
    shownRecipients = news;
    byId("recipients").replaceChildren(...view.recipients.map(recipientItem));
  }
}

/** @param {import("../../background/compose/view.js").View["recipients"][number]} recipient */
function recipientItem({ address, mark, sentence, detail, list }) {
  const name = list ? text("popup_member", [address, list]) : address;
  const item = make("li", { dataset: { mark } }, make("b", {}, name), make("span", {}, sentence));
  if (detail && mark !== "found") {
    item.append(make("details", {}, make("summary", {}, text("popup_details")), make("p", {}, detail)));
  }
  return item;
}

byId("encrypt").addEventListener("change", (event) =>
  ask({ what: "switch", change: { encrypt: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
byId("sign").addEventListener("change", (event) =>
  ask({ what: "switch", change: { sign: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
byId("hide-subject").addEventListener("change", (event) =>
  ask({ what: "switch", change: { hideSubject: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
byId("look-again").addEventListener("click", () => ask({ what: "look-again" }));
byId("settings").addEventListener("click", () => browser.runtime.openOptionsPage().then(() => window.close()));
browser.runtime.onMessage.addListener((message) => {
  if (message?.to === "popup" && message.tabId === tabId) {
    ask({ what: "view" });
  }
});
await ask({ what: "view" });
