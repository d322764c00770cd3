/** Step three: look until the record is there and proven. */

import { request, tell } from "../shared/ask.js";
import { button, make, text } from "../shared/dom.js";

/** Soon at first, then not to be a burden: most name servers show a change within minutes. */
const PAUSES_MS = [2_000, 3_000, 5_000, 10_000, 20_000, 30_000];

/** @param {import("./assistant.js").Assistant} assistant */
export async function checkStep(assistant) {
  const { address } = assistant.sender;
  const domain = address.slice(address.lastIndexOf("@") + 1);
  const said = make("p", { role: "status", id: "said" });
  const working = make("p", { class: "working" }, text("assistant_checking", [domain]));
  const view = [
    make("h2", {}, text("assistant_check_title")),
    working,
    said,
    make("p", { class: "hint" }, text("assistant_check_later")),
    make(
      "div",
      { class: "buttons" },
      button(text("assistant_back"), () => assistant.go("publish")),
    ),
  ];
  assistant.show(...view);
  await tell({ what: "await-record", address });
  for (let round = 0; working.isConnected; round++) {
    try {
      const { result } = await request("check", { address });
      if (!working.isConnected) {
        return;
      }
      if (result.published) {
        found(assistant, domain);
        return;
      }
      document.querySelector("#panel .trouble")?.remove(); // what was wrong before is not wrong any more
      const sentence = text(`check_${result.status}`, [domain]) || result.reason;
      if (said.textContent !== sentence) {
        said.textContent = sentence; // read out when there is something new, not at each round
      }
    } catch (error) {
      assistant.fail(error);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)]));
  }
}

/** @param {import("./assistant.js").Assistant} assistant @param {string} domain */
function found(assistant, domain) {
  tell({ what: "record-seen", address: assistant.sender.address }).catch(console.error); // nobody is told once more
  assistant.show(
    make("h2", {}, text("assistant_found_title")),
    make("p", { class: "done", id: "found" }, text("assistant_found", [domain])),
    make("p", {}, text("assistant_found_text")),
    make(
      "div",
      { class: "buttons end" },
      button(text("assistant_next"), () => assistant.go("test"), { class: "primary", id: "to-test" }),
    ),
  );
}
