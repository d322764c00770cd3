/** The keys on this computer: hand out, retire, delete. */

import { prompt, request, save } from "../shared/ask.js";
import { button, byId, day, make, text } from "../shared/dom.js";

/**
 * @param {import("../../types/protocol").Key[] | null} keys null: nobody knows; the program did not say
 * @param {import("./accounts.js").Tools} tools
 */
export function showKeys(keys, tools) {
  const rows = (keys ?? []).map((key) => {
    // Read aloud alone, a button says which key it means.
    const act = (/** @type {string} */ label, /** @type {() => unknown} */ work, properties = {}) =>
      button(label, work, { "aria-label": `${label} ${key.address}, ${key.sha256.slice(0, 8)}`, ...properties });
    return make(
      "tr",
      { class: key.retired ? "retired" : "", dataset: { sha256: key.sha256 } },
      make("td", {}, key.address, make("small", { title: key.sha256 }, `${key.sha256.slice(0, 16)}…`)),
      make(
        "td",
        {},
        key.algorithm.toUpperCase(),
        ...(key.token ? [make("small", {}, text("options_on_token", [key.token.label]))] : []),
      ),
      make("td", { dataset: { label: text("options_key_until") } }, day(key.not_after)),
      make("td", { dataset: { label: text("options_key_use") } }, uses(key)),
      make(
        "td",
        {},
        // A token gives no key away.
        ...(key.token ? [] : [act(text("options_export"), () => exportKey(key, tools)), " "]),
        ...(key.retired ? [] : [act(text("options_retire"), () => retire(key, tools)), " "]),
        key.token
          ? act(text("options_forget_key"), () => forget(key, tools))
          : act(text("options_delete"), () => destroy(key, tools), { class: "danger" }),
      ),
    );
  });
  const none = make(
    "tr",
    {},
    make("td", { colSpan: 5, class: "none" }, text(keys ? "options_no_keys" : "options_keys_unknown")),
  );
  byId("keys").replaceChildren(...(rows.length > 0 ? rows : [none]));
}

/** @param {import("../../types/protocol").Key} key */
function uses({ retired, selected_sign, selected_encrypt, not_after }) {
  if (retired) {
    return text("options_use_retired");
  }
  if (new Date(not_after) < new Date()) {
    return text("options_use_expired");
  }
  if (selected_sign && selected_encrypt) {
    return text("options_use_both");
  }
  if (selected_sign) {
    return text("options_use_sign");
  }
  return text(selected_encrypt ? "options_use_encrypt" : "options_use_none");
}

/** @param {import("../../types/protocol").Key} key @param {import("./accounts.js").Tools} tools */
async function exportKey(key, tools) {
  const legacy = make("input", { type: "checkbox" });
  const go = await ask(
    text("options_export_title", [key.address]),
    [
      make("p", {}, text("options_export_text")),
      make("label", {}, legacy, " ", text("options_export_legacy")),
      make("small", {}, text("options_export_legacy_hint")),
    ],
    [text("options_export")],
  );
  if (go !== null) {
    await tools.attempt(() => handOut(key, legacy.checked));
  }
}

/** @param {import("../../types/protocol").Key} key @param {boolean} legacy */
async function handOut({ sha256, address }, legacy) {
  const { body } = await request("export", { sha256, legacy, prompt: prompt("new_file") });
  await save(`${address}.p12`, body, "application/x-pkcs12");
}

/** @param {import("../../types/protocol").Key} key @param {import("./accounts.js").Tools} tools */
async function retire(key, tools) {
  const go = await ask(
    text("options_retire_title"),
    [make("p", {}, text("options_retire_text", [key.address]))],
    [text("options_retire")],
  );
  if (go !== null) {
    await tools.attempt(async () => {
      await request("retire", { sha256: key.sha256 });
      await tools.refresh();
    });
  }
}

/** A key on a token, which stays there. @param {import("../../types/protocol").Key} key @param {import("./accounts.js").Tools} tools */
async function forget(key, tools) {
  const go = await ask(
    text("options_forget_key"),
    [make("p", {}, text("options_forget_key_text", [key.address, key.token?.label ?? ""]))],
    [text("options_forget_key")],
  );
  if (go !== null) {
    await tools.attempt(async () => {
      await request("delete", { sha256: key.sha256 });
      await tools.refresh();
    });
  }
}

/** @param {import("../../types/protocol").Key} key @param {import("./accounts.js").Tools} tools */
async function destroy(key, tools) {
  const choice = await ask(
    text("options_delete_title"),
    [
      make("p", {}, text("options_delete_text", [key.address, day(key.not_before)])),
      make("p", {}, text("options_delete_hint")),
    ],
    [text("options_delete_forever"), text("options_delete_export")],
  );
  if (choice === null) {
    return;
  }
  await tools.attempt(async () => {
    if (choice === 1) {
      await handOut(key, false);
      return;
    }
    await request("delete", { sha256: key.sha256 });
    await tools.refresh();
  });
}

/**
 * Asks before something that is not undone. The way back is the first button, and what Escape does.
 *
 * @param {string} title
 * @param {Node[]} content
 * @param {string[]} actions
 * @returns {Promise<number | null>} which action; null: none
 */
function ask(title, content, actions) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  return new Promise((resolve) => {
    const end = (/** @type {number | null} */ choice) => {
      dialog.close();
      resolve(choice);
    };
    dialog.oncancel = () => resolve(null);
    dialog.replaceChildren(
      make("h2", { id: "dialog-title" }, title),
      make("div", { id: "dialog-text" }, ...content),
      make(
        "div",
        { class: "buttons end" },
        button(text("options_cancel"), () => end(null), { autofocus: true }),
        ...actions.map((label, index) => button(label, () => end(index), { dataset: { action: index } })),
      ),
    );
    dialog.showModal();
  });
}
