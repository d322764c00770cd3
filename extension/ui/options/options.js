/**
 * The settings page: each sender with what new mail starts with, whether others can write to it securely, and the one button
 * that mends what is wrong; the keys on this computer; where certificates are looked for. What the administrator has set is
 * shown, and cannot be changed.
 */

import { readSettings } from "../../background/settings.js";
import { prompt, readKeyFile, request, save, tell } from "../shared/ask.js";
import { byId, make, text, translatePage } from "../shared/dom.js";
import { senders } from "../shared/senders.js";
import { askDns, showAccounts } from "./accounts.js";
import { showHostSettings } from "./host-settings.js";
import { showKeys } from "./keys.js";

translatePage();

/** @param {unknown} error what went wrong, or nothing any more */
function trouble(error) {
  const line = byId("trouble");
  line.hidden = !error;
  line.textContent = error instanceof Error ? error.message : "";
  if (error) {
    console.error(error);
    line.scrollIntoView({ block: "nearest" });
  }
}

/** @param {() => unknown} work @returns {Promise<boolean>} whether it went well */
async function attempt(work) {
  trouble(null);
  try {
    await work();
    return true;
  } catch (error) {
    trouble(error);
    return false;
  }
}

const addresses = (await senders()).map(({ address }) => address);

/** What keys and senders were drawn from. */
let drawnFrom = "";

/** Everything that keys decide; once more after each change. */
async function refresh() {
  await draw();
  lookInDns(); // nobody who has pressed something waits for that
}

async function draw() {
  // Without the program, or with an older one, the wishes of each sender and the policy's are there all the same.
  const without = (/** @type {unknown} */ error) => {
    failure ??= error;
    return null;
  };
  /** @type {unknown} */
  let failure = null;
  const [settings, accounts, keys] = await Promise.all([
    readSettings(),
    request("accounts", { addresses }).catch(without),
    request("keys", {}).catch(without),
  ]);
  drawnFrom = JSON.stringify([accounts?.result.accounts, keys?.result.keys]);
  const tools = { attempt, refresh, settings, keys: keys?.result.keys ?? [] };
  showAccounts(accounts?.result.accounts ?? addresses.map(unknownAccount), tools);
  showKeys(keys && tools.keys, tools);
  document.body.dataset.shown = "keys";
  performance.mark("shown"); // for whoever measures
  if (failure) {
    // Nobody is asked, so nobody waits.
    for (const state of document.querySelectorAll("#senders .state")) {
      state.remove();
    }
    throw failure;
  }
}

async function lookInDns() {
  const from = drawnFrom;
  await askDns(addresses).catch(trouble);
  if (from === drawnFrom) {
    document.body.dataset.shown = "all";
  }
}

/** Keys are made and ended on the command line, too, and by other Thunderbirds: who comes back to this page sees what is now. */
async function lookAgain() {
  if (document.hidden || document.body.dataset.shown !== "all" || document.querySelector("dialog[open]")) {
    return;
  }
  try {
    const [accounts, keys] = await Promise.all([request("accounts", { addresses }), request("keys", {})]);
    if (JSON.stringify([accounts.result.accounts, keys.result.keys]) !== drawnFrom) {
      await attempt(refresh);
    }
  } catch (error) {
    console.error(error); // what is shown was true; whoever presses something is told
  }
}

/** @param {string} address @returns {import("../../types/protocol").Account} */
function unknownAccount(address) {
  return /** @type {any} */ ({ address, state: "unchecked", sign: null, encrypt: null, next: null });
}

async function showRemembered() {
  const { withoutCertificate } = await browser.storage.local.get("withoutCertificate");
  const remembered = Array.isArray(withoutCertificate) ? withoutCertificate : [];
  byId("remembered-section").hidden = remembered.length === 0;
  byId("remembered").replaceChildren(...remembered.map((address) => make("li", {}, address)));
}

async function showProgram() {
  const line = byId("program");
  try {
    const { version } = await tell({ what: "program" });
    line.textContent = text("options_program_ok", [version]);
  } catch (error) {
    line.textContent = error instanceof Error ? error.message : "";
  }
}

byId("forget").addEventListener("click", async () => {
  await browser.storage.local.remove("withoutCertificate");
  await showRemembered();
});

byId("backup").addEventListener("click", () =>
  attempt(async () => {
    const { body } = await request("backup", { prompt: prompt("new_backup") });
    await save("dane-smime.backup", body, "application/octet-stream");
  }),
);

/** @param {string} id @param {(file: File) => Promise<unknown>} work */
function onFile(id, work) {
  const input = /** @type {HTMLInputElement} */ (byId(id));
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (file) {
      await attempt(async () => {
        await work(file);
        await refresh();
      });
      input.value = "";
    }
  });
}
onFile("restore", async (file) =>
  request("restore", { prompt: prompt("backup") }, new Uint8Array(await file.arrayBuffer())),
);
onFile("import", async (file) => request("import", { prompt: prompt("file") }, await readKeyFile(file)));

const [answered] = await Promise.all([
  attempt(draw),
  showRemembered(),
  showProgram(),
  attempt(() => showHostSettings({ attempt, showProgram })),
]);
// Where the program does not answer, what it said stays to be read.
if (answered) {
  await lookInDns();
}
document.body.dataset.shown = "all";
window.addEventListener("focus", lookAgain);
document.addEventListener("visibilitychange", lookAgain);
