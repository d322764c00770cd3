/** The part of the settings page that looks whether all is well: what is not, with what to do, then everything on request. */

const text = browser.i18n.getMessage;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** What can be attached to a bug; empty before the first examination. */
let report = "";

element("doctor-run").addEventListener("click", async () => {
  const button = /** @type {HTMLButtonElement} */ (element("doctor-run"));
  const hadFocus = document.activeElement === button;
  button.disabled = true;
  element("doctor-summary").textContent = text("doctor_running");
  try {
    show(await browser.runtime.sendMessage({ to: "doctor" }));
  } finally {
    button.disabled = false;
    if (hadFocus && document.activeElement === document.body) {
      button.focus(); // what is disabled loses it
    }
  }
});

element("doctor-copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(report);
  element("doctor-summary").textContent = text("doctor_copied");
});

/** @param {import("../../types/messages").Examination} examination */
function show({ findings, report: made }) {
  const bad = findings.filter(({ state }) => state === "not-ok");
  element("doctor-summary").textContent = text(bad.length > 0 ? "doctor_not_well" : "doctor_all_well");
  element("doctor-bad").replaceChildren(...bad.map(line));
  element("doctor-all").replaceChildren(...findings.map(line));
  element("doctor-result").hidden = false;
  element("doctor-bad").hidden = bad.length === 0;
  element("doctor-copy").hidden = made === "";
  report = made;
}

/** @param {import("../../types/messages").Examination["findings"][number]} finding */
function line({ state, text: found, advice }) {
  const item = document.createElement("li");
  const word = document.createElement("strong");
  word.textContent = text(`doctor_state_${state.replaceAll("-", "_")}`);
  item.append(word, ": ", found);
  if (advice) {
    const hint = document.createElement("small");
    hint.textContent = advice;
    item.append(hint);
  }
  return item;
}
