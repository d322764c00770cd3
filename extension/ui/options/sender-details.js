/**
 * The less usual settings of one sender, below its row: which key, what becomes of the subject, mail without a window, and forms
 * of S/MIME that some correspondents need. What the administrator has set is shown, and cannot be changed.
 */

import { serves } from "../../background/compose/choice.js";
import { FORMS, saveWish, wishesFor } from "../../background/settings.js";
import { request } from "../shared/ask.js";
import { day, make, text } from "../shared/dom.js";

/** The first is what happens where nobody chose. */
const CHOICES = {
  subject: ["hidden", "readable"],
  unattended: ["refused", "allowed"],
};

/**
 * @param {import("../../types/protocol").Account} account
 * @param {import("./accounts.js").Tools} tools
 * @param {boolean} isOpen
 */
export function senderDetails(account, tools, isOpen) {
  const { address } = account;
  const summary = make("summary", { "aria-label": `${text("options_more")}: ${address}` }, text("options_more"));
  const details = make("details", { dataset: { address } }, summary);
  const fill = () =>
    details.append(make("div", { role: "group", "aria-label": address }, ...settingsOf(account, tools)));
  if (isOpen) {
    details.open = true;
    fill();
  } else {
    // Nobody opens those of two hundred senders.
    details.addEventListener("toggle", fill, { once: true });
  }
  return details;
}

/**
 * @param {import("../../types/protocol").Account} account
 * @param {import("./accounts.js").Tools} tools
 */
function settingsOf(account, tools) {
  const { address } = account;
  const wishes = wishesFor(address, tools.settings);
  const isLocked = (/** @type {keyof import("../../background/settings.js").Wishes} */ what) =>
    wishes.byPolicy[what] || tools.settings.managed.locked.includes("accounts");
  const choice = (/** @type {"subject" | "unattended"} */ what) => {
    const select = make("select", { disabled: isLocked(what) });
    for (const value of CHOICES[what]) {
      select.add(new Option(text(`options_${what}_${value}`), value));
    }
    select.value = wishes[what] ?? CHOICES[what][0];
    select.addEventListener("change", () => saveWish(address, what, /** @type {any} */ (select.value)));
    return setting(text(`options_${what}`), select, isLocked(what));
  };
  const keys = wishes.certificate ? [fixedKey(wishes.certificate, tools)] : keyChoices(account, tools);
  return [
    make("div", { class: "more" }, ...keys, choice("subject"), choice("unattended")),
    formChoices(address, wishes.forms ?? [], isLocked("forms")),
  ];
}

/**
 * @param {string} label
 * @param {HTMLElement} control
 * @param {boolean} locked
 */
function setting(label, control, locked) {
  const words = locked ? [make("small", {}, text("options_locked"))] : [];
  return make("label", {}, make("span", {}, label), control, ...words);
}

/** The key that policy names. @param {string} certificate @param {import("./accounts.js").Tools} tools */
function fixedKey(certificate, { keys }) {
  const held = keys.find(({ sha256 }) => sha256 === certificate);
  const words = held ? wordsOf(held) : text("options_key_elsewhere", [certificate.slice(0, 8)]);
  const select = make("select", { disabled: true }, new Option(words));
  return setting(text("options_uses"), select, true);
}

/**
 * Which key signs and which one own copies are encrypted to, where there is a choice.
 *
 * @param {import("../../types/protocol").Account} account
 * @param {import("./accounts.js").Tools} tools
 */
function keyChoices({ address, sign, encrypt }, { keys, attempt, refresh }) {
  const usable = keys.filter((key) => !key.retired && serves(key, address));
  if (usable.length < 2) {
    return [];
  }
  const present = { sign, encrypt };
  return /** @type {const} */ (["sign", "encrypt"]).map((what) => {
    const select = make("select", { id: `uses-${what}-${address}` });
    for (const key of usable) {
      if (what === "sign" ? key.can_sign : key.can_encrypt) {
        select.add(new Option(wordsOf(key), key.sha256));
      }
    }
    select.value = present[what]?.sha256 ?? "";
    select.addEventListener("change", () =>
      attempt(async () => {
        await request("select", { address, [what]: select.value });
        await refresh();
      }),
    );
    return setting(text(`options_uses_${what}`), select, false);
  });
}

/** @param {import("../../types/protocol").Key} key */
function wordsOf({ algorithm, not_after, sha256 }) {
  return text("options_key_option", [algorithm, day(not_after), sha256.slice(0, 8)]);
}

/**
 * @param {string} address
 * @param {string[]} chosen
 * @param {boolean} locked
 */
function formChoices(address, chosen, locked) {
  const boxes = FORMS.map((form) =>
    make("input", { type: "checkbox", value: form, checked: chosen.includes(form), disabled: locked }),
  );
  const save = () => {
    const forms = boxes.filter(({ checked }) => checked).map(({ value }) => value);
    return saveWish(address, "forms", forms.length > 0 ? forms : "");
  };
  const rows = boxes.map((box) => {
    box.addEventListener("change", save);
    const words = make(
      "span",
      {},
      text(`options_form_${box.value}`),
      make("small", {}, text(`options_form_${box.value}_hint`)),
    );
    return make("label", { class: "check" }, box, words);
  });
  return make(
    "fieldset",
    {},
    make("legend", {}, text("options_forms")),
    make("small", {}, text(locked ? "options_locked" : "options_forms_hint")),
    ...rows,
  );
}
