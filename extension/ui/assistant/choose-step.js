/** Which of several accounts. */

import { stateSentence } from "../shared/account-words.js";
import { request } from "../shared/ask.js";
import { button, make, text } from "../shared/dom.js";

/**
 * @param {{ address: string }[]} senders
 * @returns {Promise<Node[]>}
 */
export async function chooseStep(senders) {
  const addresses = senders.map(({ address }) => address);
  /** @type {Map<string, import("../../types/protocol").Account>} */
  const known = new Map();
  try {
    const { result } = await request("accounts", { addresses });
    // In the order of the addresses, which the host spells in its own way.
    addresses.forEach((address, at) => {
      known.set(address, result.accounts[at]);
    });
  } catch (error) {
    console.error(error); // the next step says it
  }
  const first = addresses.find((address) => known.get(address)?.state === "no-key") ?? addresses[0];
  const choices = addresses.map((address) => {
    const account = known.get(address);
    const input = make("input", { type: "radio", name: "address", value: address, checked: address === first });
    const words = make("span", {}, address);
    if (account) {
      words.append(make("small", {}, stateSentence(account)));
    }
    return make("label", { class: "choice" }, input, words);
  });
  const next = button(
    text("assistant_next"),
    () => {
      const chosen = /** @type {HTMLInputElement | null} */ (document.querySelector("input[name=address]:checked"));
      location.search = `?${new URLSearchParams({ address: chosen?.value ?? first ?? "" })}`;
    },
    { class: "primary", type: "submit" },
  );
  return [
    make("h2", { id: "question" }, text("assistant_choose_title")),
    make(
      "form",
      { onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      make("div", { role: "radiogroup", "aria-labelledby": "question" }, ...choices),
      make("div", { class: "buttons end" }, next),
    ),
  ];
}
