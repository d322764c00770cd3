/** The popup of the button in the compose window: shows the event page's view of this window and hands switches on. */

const text = browser.i18n.getMessage;
const ICONS = /** @type {Record<string, string>} */ ({
  encrypted: "lock",
  checking: "lock",
  signed: "seal",
  blocked: "warning",
  unknown: "warning",
});

/** @template {HTMLElement} T @param {string} id @returns {T} */
const element = (id) => /** @type {T} */ (document.getElementById(id));

for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
  node.textContent = text(node.dataset.text ?? "");
}
document.documentElement.lang = browser.i18n.getUILanguage();

const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
const tabId = tab.id ?? -1;

/** @param {object} message what is asked of the event page */
async function ask(message) {
  show(await browser.runtime.sendMessage({ to: "compose", tabId, ...message }));
}

/** @param {import("../../background/compose/view.js").View} view */
function show(view) {
  const summary = element("summary");
  summary.textContent = view.sentence;
  summary.dataset.icon = ICONS[view.summary] ?? "open";

  const sign = /** @type {HTMLInputElement} */ (element("sign"));
  const encrypt = /** @type {HTMLInputElement} */ (element("encrypt"));
  sign.checked = view.sign;
  encrypt.checked = view.encrypt;
  encrypt.disabled = view.encryptLocked;
  element("encrypt-hint").textContent = text(view.encryptLocked ? "popup_encrypt_required" : "popup_encrypt_hint");
  const hideSubject = /** @type {HTMLInputElement} */ (element("hide-subject"));
  hideSubject.checked = view.hideSubject;
  element("hide-subject-switch").hidden = !view.encrypt;
  element("switches").hidden = !view.canSwitch;

  element("recipients-section").hidden = view.recipients.length === 0;
  element("recipients").replaceChildren(...view.recipients.map(recipientItem));
}

/** @param {import("../../background/compose/view.js").View["recipients"][number]} recipient */
function recipientItem({ address, mark, sentence, detail, list }) {
  const item = document.createElement("li");
  item.dataset.mark = mark;
  item.append(withText("b", list ? text("popup_member", [address, list]) : address), withText("span", sentence));
  if (detail && mark !== "found") {
    const details = document.createElement("details");
    details.append(withText("summary", text("popup_details")), withText("p", detail));
    item.append(details);
  }
  return item;
}

/** @param {string} name @param {string} content */
function withText(name, content) {
  const node = document.createElement(name);
  node.textContent = content;
  return node;
}

element("encrypt").addEventListener("change", (event) =>
  ask({ what: "switch", change: { encrypt: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
element("sign").addEventListener("change", (event) =>
  ask({ what: "switch", change: { sign: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
element("hide-subject").addEventListener("change", (event) =>
  ask({ what: "switch", change: { hideSubject: /** @type {HTMLInputElement} */ (event.target).checked } }),
);
element("look-again").addEventListener("click", () => ask({ what: "look-again" }));
element("settings").addEventListener("click", () => browser.runtime.openOptionsPage().then(() => window.close()));
browser.runtime.onMessage.addListener((message) => {
  if (message?.to === "popup" && message.tabId === tabId) {
    ask({ what: "view" });
  }
});
await ask({ what: "view" });

export {}; // a module: it awaits at its top level
