/** Step one for those whose organisation has an authority: a request out, its certificate in. */

import { request, save } from "../shared/ask.js";
import { button, copyButton, make, text } from "../shared/dom.js";
import { filePicker } from "./key-step.js";

/** @param {import("./assistant.js").Assistant} assistant */
export async function requestStep(assistant) {
  const { address, name } = assistant.sender;
  // One that waits for its certificate already is shown again: it may have got lost on the way.
  const { result } = await request("request", { address, ...(name && { name }) });
  const install = filePicker(
    "assistant_install_title",
    "answer-file",
    ".pem,.crt,.cer,.p7b,.p7c,.der",
    async (file) => {
      try {
        await request("install", {}, new Uint8Array(await file.arrayBuffer()));
        await assistant.go("publish");
      } catch (error) {
        assistant.fail(error);
      }
    },
  );
  assistant.show(
    make("h2", {}, text("assistant_request_title")),
    make("p", {}, text("assistant_request_made")),
    make("textarea", {
      readOnly: true,
      value: result.request,
      id: "request-text",
      "aria-label": text("assistant_request_title"),
    }),
    make(
      "div",
      { class: "buttons" },
      button(
        text("assistant_save_file"),
        () => save(`${address}.csr`, new TextEncoder().encode(result.request), "application/pkcs10"),
        { class: "primary" },
      ),
      copyButton(() => result.request),
    ),
    make(
      "div",
      { class: "card" },
      make("h3", {}, text("assistant_install_title")),
      make("p", {}, text("assistant_install_text")),
      install,
    ),
    button(text("assistant_back"), () => assistant.go("key"), { class: "plain" }),
  );
}
