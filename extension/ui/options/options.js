/** The settings page: what new mail of each sender starts with. What the administrator has set is shown, and cannot be changed. */

import { readSettings, saveWish, wishesFor } from "../../background/settings.js";

const text = browser.i18n.getMessage;

const CHOICES = {
  sign: ["always", "ask", "never"],
  encrypt: ["required", "possible", "never"],
};

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
  node.textContent = text(node.dataset.text ?? "");
}
document.documentElement.lang = browser.i18n.getUILanguage();

/** All sender addresses, each once. */
async function senders() {
  const accounts = await browser.accounts.list(false);
  return [...new Set(accounts.flatMap(({ identities }) => identities.flatMap(({ email }) => (email ? [email] : []))))];
}

async function showSenders() {
  const settings = await readSettings();
  const rows = (await senders()).map((address) => {
    const row = document.createElement("tr");
    const name = document.createElement("td");
    name.textContent = address;
    row.append(name, choiceCell(address, "sign", settings), choiceCell(address, "encrypt", settings));
    return row;
  });
  element("senders").replaceChildren(...rows);
}

/**
 * @param {string} address
 * @param {"sign" | "encrypt"} what
 * @param {Awaited<ReturnType<typeof readSettings>>} settings
 */
function choiceCell(address, what, settings) {
  const wishes = wishesFor(address, settings);
  const select = document.createElement("select");
  select.setAttribute("aria-label", `${address}: ${text(`options_${what}`)}`);
  for (const value of ["", ...CHOICES[what]]) {
    select.add(new Option(text(value ? `options_${what}_${value}` : "options_automatic"), value));
  }
  select.value = wishes[what] ?? "";
  select.disabled = wishes.byPolicy[what] || settings.managed.locked.includes("accounts");
  select.addEventListener("change", () => saveWish(address, what, /** @type {any} */ (select.value)));
  const cell = document.createElement("td");
  cell.append(select);
  if (select.disabled) {
    const hint = document.createElement("small");
    hint.textContent = text("options_locked");
    cell.append(hint);
  }
  return cell;
}

async function showRemembered() {
  const { withoutCertificate } = await browser.storage.local.get("withoutCertificate");
  const addresses = Array.isArray(withoutCertificate) ? withoutCertificate : [];
  element("remembered-section").hidden = addresses.length === 0;
  element("remembered").replaceChildren(
    ...addresses.map((address) => {
      const item = document.createElement("li");
      item.textContent = address;
      return item;
    }),
  );
}

element("forget").addEventListener("click", async () => {
  await browser.storage.local.remove("withoutCertificate");
  await showRemembered();
});

await showSenders();
await showRemembered();
element("program").textContent = await browser.runtime.sendMessage({ to: "compose", what: "program" });
