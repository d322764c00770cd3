/** Where certificates are looked for and who is trusted: the host's settings. */

import { request } from "../shared/ask.js";
import { button, byId, make, text } from "../shared/dom.js";

const FIELDS = /** @type {const} */ (["resolver", "trust_anchor", "ca_file"]);

/**
 * @param {{ attempt: (work: () => unknown) => Promise<unknown>, showProgram: () => Promise<void> }} tools
 */
export async function showHostSettings({ attempt, showProgram }) {
  const {
    result: { settings },
  } = await request("settings", {});
  const isLocked = (/** @type {string} */ key) => !settings.writable || settings.locked.includes(key);
  const inputs = FIELDS.map((key) => {
    const input = make("input", { type: "text", value: settings[key] ?? "", disabled: isLocked(key), id: key });
    input.setAttribute("aria-labelledby", `${key}-name`);
    input.setAttribute("aria-describedby", `${key}-hint`);
    input.placeholder = text(`options_${key}_default`);
    const hint = text(isLocked(key) ? "options_locked" : `options_${key}_hint`);
    return {
      key,
      input,
      label: make(
        "label",
        {},
        make("span", { id: `${key}-name` }, text(`options_${key}`)),
        input,
        make("small", { id: `${key}-hint` }, hint),
      ),
    };
  });
  const guess = make("input", {
    type: "checkbox",
    checked: settings.other_spellings,
    disabled: isLocked("other_spellings"),
    id: "other_spellings",
  });
  const words = make("span", {}, text("options_other_spellings"));
  words.append(
    make("small", {}, text(isLocked("other_spellings") ? "options_locked" : "options_other_spellings_hint")),
  );
  const said = make("span", { role: "status" });
  const work = () =>
    attempt(async () => {
      said.textContent = "";
      /** @type {import("../../types/protocol").KeyRequests["configure"]["request"]} */
      const wish = {};
      for (const { key, input } of inputs) {
        if (!isLocked(key) && input.value.trim() !== (settings[key] ?? "")) {
          wish[key] = input.value.trim() || null;
        }
      }
      if (!isLocked("other_spellings") && guess.checked !== settings.other_spellings) {
        wish.other_spellings = guess.checked;
      }
      await request("configure", wish);
      await showHostSettings({ attempt, showProgram });
      await showProgram();
      byId("host-settings").querySelector("[role=status]")?.append(text("options_saved"));
    });
  const saveButton = button(text("options_save"), work, { type: "submit" }); // which Enter in a field presses
  const form = byId("host-settings");
  form.onsubmit = (event) => event.preventDefault();
  const at = document.activeElement?.id;
  form.replaceChildren(
    ...inputs.map(({ label }) => label),
    make("label", { class: "check" }, guess, words),
    make("div", { class: "buttons" }, ...(settings.writable ? [saveButton] : []), said),
    make("small", {}, text("options_data_dir", [settings.data_dir])),
  );
  if (at && document.activeElement === document.body) {
    document.getElementById(at)?.focus();
  }
}
