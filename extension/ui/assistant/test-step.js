/** Step four: a mail to oneself, sent and opened as every other. */

import { tell } from "../shared/ask.js";
import { button, make, text } from "../shared/dom.js";

const PAUSE_MS = 2_000;

const READABLE = "assistant_arrived_readable";
const WRONG = "assistant_arrived_wrong";

/** @param {import("./assistant.js").Assistant} assistant */
export async function testStep(assistant) {
  const { address, identityId } = assistant.sender;
  const send = button(
    text("assistant_send_test"),
    async () => {
      try {
        const { headerMessageId } = await tell({ what: "send-test", address, identityId });
        await (headerMessageId ? waitFor(assistant, headerMessageId) : assistant.fail(text("assistant_test_not_sent")));
      } catch (error) {
        assistant.fail(error);
      }
    },
    { class: "primary", id: "send-test" },
  );
  assistant.show(
    make("h2", {}, text("assistant_test_title")),
    make("p", {}, text("assistant_test_text", [address])),
    make(
      "div",
      { class: "buttons" },
      send,
      button(text("assistant_skip_test"), () => finish(assistant), { class: "plain" }),
    ),
  );
}

/** @param {import("./assistant.js").Assistant} assistant @param {string} headerMessageId */
async function waitFor(assistant, headerMessageId) {
  const working = make("p", { class: "working", role: "status", id: "test-sent" }, text("assistant_test_sent"));
  assistant.show(
    make("h2", {}, text("assistant_test_title")),
    working,
    make("p", { class: "hint" }, text("assistant_test_waiting")),
    make(
      "div",
      { class: "buttons" },
      button(text("assistant_skip_test"), () => finish(assistant), { class: "plain" }),
    ),
  );
  while (working.isConnected) {
    const { messageId, verdict } = await tell({ what: "test-state", headerMessageId });
    if (messageId !== undefined && working.isConnected) {
      arrived(assistant, messageId, verdict);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * @param {import("./assistant.js").Assistant} assistant
 * @param {number} messageId
 * @param {import("../../types/protocol").Verdict} verdict
 */
function arrived(assistant, messageId, { encryption, signature }) {
  const isReadable = encryption.state === "none";
  const well = encryption.state === "decrypted" && signature.state === "valid";
  assistant.show(
    make("h2", {}, text("assistant_arrived_title")),
    well
      ? make("p", { class: "done", id: "verified" }, text("assistant_arrived"))
      : make("p", { class: "trouble", id: "not-verified" }, text(isReadable ? READABLE : WRONG)),
    ...(well ? [make("p", {}, text("assistant_arrived_text"))] : []),
    make(
      "div",
      { class: "buttons end" },
      button(text("assistant_show_mail"), () => browser.messageDisplay.open({ messageId, location: "tab" }), {
        id: "show-mail",
      }),
      button(text("assistant_finish"), () => finish(assistant), { class: "primary" }),
    ),
  );
}

/** @param {import("./assistant.js").Assistant} assistant */
function finish(assistant) {
  assistant.show(
    make("h2", {}, text("assistant_done_title")),
    make("p", {}, text("assistant_done_text", [assistant.sender.address])),
    make("p", {}, text("assistant_done_backup")),
    make(
      "div",
      { class: "buttons end" },
      button(text("assistant_settings"), () => browser.runtime.openOptionsPage(), { class: "primary" }),
    ),
  );
}
