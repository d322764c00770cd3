/** The senders: how each stands, what mends it, what its new mail starts with. */

import { saveWish, wishesFor } from "../../background/settings.js";
import { mending, stateKind, stateSentence } from "../shared/account-words.js";
import { request } from "../shared/ask.js";
import { button, byId, make, text } from "../shared/dom.js";
import { senderDetails } from "./sender-details.js";

const CHOICES = {
  sign: ["always", "ask", "never"],
  encrypt: ["required", "possible", "never"],
};

/** Addresses that are asked about at once, so that the first answers come soon. */
const AT_ONCE = 25;

/**
 * @typedef {object} Tools
 * @property {(work: () => unknown) => Promise<unknown>} attempt
 * @property {() => Promise<void>} refresh
 * @property {Awaited<ReturnType<typeof import("../../background/settings.js").readSettings>>} settings
 * @property {import("../../types/protocol").Key[]} keys
 */

/** Rows by address; others each time that they are drawn. @type {Map<string, { state: HTMLElement, mend: HTMLElement }>} */
let rows = new Map();

/**
 * @param {import("../../types/protocol").Account[]} accounts
 * @param {Tools} tools
 */
export function showAccounts(accounts, tools) {
  rows = new Map();
  // Drawn anew under somebody's hands: what was open stays open, and the keyboard where it was.
  const open = new Set(
    [...byId("senders").querySelectorAll("details")].filter((one) => one.open).map(({ dataset }) => dataset.address),
  );
  const at = document.activeElement?.id;
  byId("senders").replaceChildren(
    ...accounts.flatMap((account) => {
      const { address } = account;
      const state = make("span", { class: "state", id: `state-${address.replaceAll(/\s/g, "_")}` });
      const mend = make("td");
      rows.set(address, { state, mend });
      const name = make("td", {}, make("strong", {}, address), state);
      showState(account);
      return [
        make(
          "tr",
          { dataset: { address } },
          name,
          wishCell(address, "sign", tools.settings),
          wishCell(address, "encrypt", tools.settings),
          mend,
        ),
        make("tr", {}, make("td", { class: "details", colSpan: 4 }, senderDetails(account, tools, open.has(address)))),
      ];
    }),
  );
  if (at && document.activeElement === document.body) {
    document.getElementById(at)?.focus();
  }
}

/**
 * What the DNS says of all of them; the rows change as answers come. Where they are drawn anew meanwhile, what was asked for the
 * old ones is not shown.
 *
 * @param {string[]} addresses
 */
export async function askDns(addresses) {
  const asked = rows;
  for (let start = 0; start < addresses.length && asked === rows; start += AT_ONCE) {
    const { result } = await request("accounts", { addresses: addresses.slice(start, start + AT_ONCE), dns: true });
    if (asked !== rows) {
      return;
    }
    for (const account of result.accounts) {
      showState(account);
    }
  }
}

/** @param {import("../../types/protocol").Account} account */
function showState(account) {
  const row = rows.get(account.address);
  if (!row) {
    return;
  }
  row.state.textContent = stateSentence(account);
  row.state.dataset.kind = stateKind(account);
  row.state.dataset.state = account.state;
  const mend = mending(account);
  if (row.mend.textContent === (mend?.label ?? "")) {
    return; // whoever has just pressed it goes on from there
  }
  row.mend.replaceChildren();
  if (mend) {
    const { label, step } = mend;
    row.mend.append(
      button(label, () => (step ? openAssistant(account.address, step) : askDns([account.address])), {
        "aria-label": `${label}: ${account.address}`,
        "aria-describedby": row.state.id,
      }),
    );
  }
}

/** @param {string} address @param {string} step */
function openAssistant(address, step) {
  const query = new URLSearchParams({ address, step });
  return browser.tabs.create({ url: browser.runtime.getURL(`ui/assistant/assistant.html?${query}`) });
}

/**
 * @param {string} address
 * @param {"sign" | "encrypt"} what
 * @param {Tools["settings"]} settings
 */
function wishCell(address, what, settings) {
  const wishes = wishesFor(address, settings);
  const select = make("select", { "aria-label": `${address}: ${text(`options_${what}`)}` });
  for (const value of ["", ...CHOICES[what]]) {
    select.add(new Option(text(value ? `options_${what}_${value}` : "options_automatic"), value));
  }
  select.value = wishes[what] ?? "";
  select.disabled = wishes.byPolicy[what] || settings.managed.locked.includes("accounts");
  select.addEventListener("change", () => saveWish(address, what, /** @type {any} */ (select.value)));
  const cell = make("td", { dataset: { label: text(`options_${what}`) } }, select);
  if (select.disabled) {
    select.setAttribute("aria-description", text("options_locked"));
    cell.append(make("small", {}, text("options_locked")));
  }
  return cell;
}
