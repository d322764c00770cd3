/** Step one: a key. Made here, or taken over, or certified by an authority. */

import { prompt, readKeyFile, request } from "../shared/ask.js";
import { button, day, make, text } from "../shared/dom.js";

/** The kinds of keys to choose from; the first is what everybody reads. */
const ALGORITHMS = ["rsa-3072", "p-256", "p-384", "rsa-2048", "rsa-4096"];

/** How long the present key goes on after the next one was made, so that its record is everywhere by then. */
const CHANGEOVER_DAYS = 14;

/** @param {import("./assistant.js").Assistant} assistant */
export async function keyStep(assistant) {
  const account = await assistant.account();
  const present = account.sign ?? account.encrypt;
  const algorithm = algorithmChoice();
  // Where a key is in use, the new one follows it: its record has to be there before it signs.
  const next = account.sign !== null && account.encrypt !== null;
  const makeKey = button(text(next ? "assistant_make_next" : "assistant_make"), () => generate(), {
    class: "primary",
    id: "make-key",
  });

  async function generate() {
    const { address, name } = assistant.sender;
    const wish = { address, ...(name && { name }), algorithm: algorithm.value };
    assistant.show(
      make("h2", {}, text("assistant_making_title")),
      make("p", { class: "working", role: "status" }, text("assistant_making")),
    );
    try {
      if (isOther(await assistant.account(), account)) {
        await assistant.go("publish"); // it was made elsewhere meanwhile: in another tab, on the command line
        return;
      }
      await request("generate", next ? { ...wish, next, retire_after_days: CHANGEOVER_DAYS } : wish);
      await assistant.go("publish");
    } catch (error) {
      show();
      assistant.fail(error);
    }
  }

  function show() {
    // One that can do half of it is replaced; only one that can do all goes on beside the next.
    const [title, words] = !present
      ? ["assistant_key_title", "assistant_key_text"]
      : next
        ? ["assistant_renew_title", "assistant_renew_text"]
        : ["assistant_replace_title", "assistant_replace_text"];
    assistant.show(
      make("h2", {}, text(title)),
      make("p", {}, text(words, present ? [day(present.not_after)] : [])),
      ...(present ? [] : [make("p", {}, text("assistant_key_stays"))]),
      make("div", { class: "buttons" }, makeKey),
      otherWays(assistant, algorithm),
    );
  }
  show();
}

/**
 * Whether an account has a key that it did not have before.
 *
 * @param {import("../../types/protocol").Account} now
 * @param {import("../../types/protocol").Account} before
 */
function isOther(now, before) {
  return /** @type {const} */ (["sign", "encrypt", "next"]).some(
    (what) => now[what] && now[what].sha256 !== before[what]?.sha256,
  );
}

/** @param {import("./assistant.js").Assistant} assistant @param {HTMLSelectElement} algorithm */
function otherWays(assistant, algorithm) {
  return make(
    "details",
    { id: "other-ways" },
    make("summary", {}, text("assistant_other_ways")),
    card(
      "assistant_import_title",
      "assistant_import_text",
      filePicker("assistant_import_title", "import-file", ".p12,.pfx,.pem", (file) => take(assistant, file)),
    ),
    card(
      "assistant_request_title",
      "assistant_request_text",
      button(text("assistant_request"), () => assistant.go("request"), { id: "make-request" }),
    ),
    card(
      "assistant_restore_title",
      "assistant_restore_text",
      filePicker("assistant_restore_title", "restore-file", "", (file) => restore(assistant, file)),
    ),
    make("label", {}, make("small", {}, text("assistant_algorithm")), algorithm),
  );
}

/** @param {string} title @param {string} words @param {Node} action */
function card(title, words, action) {
  return make("div", { class: "card" }, make("h3", {}, text(title)), make("p", {}, text(words)), action);
}

function algorithmChoice() {
  const select = make("select", { id: "algorithm" });
  for (const name of ALGORITHMS) {
    select.add(new Option(text(`algorithm_${name.replaceAll("-", "_")}`) || name.toUpperCase(), name));
  }
  return select;
}

/** @param {string} title what the file is for @param {string} id @param {string} accept @param {(file: File) => unknown} work */
export function filePicker(title, id, accept, work) {
  const input = make("input", { type: "file", id, accept, "aria-label": text(title) });
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (file) {
      await work(file);
      input.value = "";
    }
  });
  return input;
}

/** @param {import("./assistant.js").Assistant} assistant @param {File} file */
async function take(assistant, file) {
  try {
    const content = await readKeyFile(file);
    await request("import", { address: assistant.sender.address, prompt: prompt("file") }, content);
    await assistant.go("publish");
  } catch (error) {
    assistant.fail(error);
  }
}

/** @param {import("./assistant.js").Assistant} assistant @param {File} file */
async function restore(assistant, file) {
  try {
    await request("restore", { prompt: prompt("backup") }, new Uint8Array(await file.arrayBuffer()));
    const { sign, encrypt } = await assistant.account();
    if (sign || encrypt) {
      await assistant.go("publish");
    } else {
      assistant.fail(text("assistant_restored_others", [assistant.sender.address]));
    }
  } catch (error) {
    assistant.fail(error);
  }
}
