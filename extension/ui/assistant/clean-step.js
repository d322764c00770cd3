/** Records that name keys which are retired, or not held here: what is to be taken out of the DNS. */

import { request } from "../shared/ask.js";
import { button, copyButton, make, text } from "../shared/dom.js";
import { ownServer } from "./publish-step.js";

/** @param {import("./assistant.js").Assistant} assistant */
export async function cleanStep(assistant) {
  const { address } = assistant.sender;
  const [
    { result },
    {
      result: { settings },
    },
  ] = await Promise.all([request("check", { address }), request("settings", {})]);
  const domain = address.slice(address.lastIndexOf("@") + 1);
  /** @type {string[]} */
  const old = [];
  for (const sha256 of result.retired_published) {
    const { result: found } = await request("record", { address, sha256 });
    old.push(...found.records.map((record) => record.smimea));
  }
  if (old.length === 0 && result.foreign_records === 0) {
    await assistant.go("check");
    return;
  }
  assistant.show(
    make("h2", {}, text("assistant_clean_title")),
    ...(old.length > 0
      ? [
          make("p", {}, text("assistant_clean_text", [domain])),
          make("textarea", { readOnly: true, value: old.join("\n"), "aria-label": text("assistant_lines") }),
          make(
            "div",
            { class: "buttons" },
            copyButton(() => old.join("\n")),
          ),
          ownServer(assistant, settings, { removeRetired: true }),
        ]
      : []),
    ...(result.foreign_records > 0
      ? [make("p", {}, text("assistant_foreign_text", [domain, String(result.foreign_records), result.owner_name]))]
      : []),
    make(
      "div",
      { class: "buttons end" },
      button(text("mend_look"), () => assistant.go("clean"), { class: "primary" }),
    ),
  );
}
