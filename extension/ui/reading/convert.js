/**
 * Copies encrypted messages into a folder, without their encryption or encrypted anew. One after the other; each original
 * stays until its copy was read back and found to be the same. Runs for as long as its window is open.
 */

import { Host } from "../../background/host.js";
import { explain } from "../../background/host-error.js";
import { byId, make, text, translatePage } from "../shared/dom.js";
import { Converter } from "./converter.js";
import { pagesOf } from "./messages.js";

translatePage();

/** Types of the accounts into whose folders Thunderbird stores a copy. */
const STORING = ["local", "pop3", "imap"];

const { mode, source } = await takeOrder();
/** @type {number[]} */
const ids = [];
const cancelling = new AbortController();
// A connection of its own: the event page may be stopped while this works.
const host = new Host({
  connect: () => browser.runtime.connectNative("dane_smime"),
  version: browser.runtime.getManifest().version,
});

byId("title").textContent = text(`convert_title_${mode}`);
document.title = text(`convert_title_${mode}`);
intro("convert_counting");
byId("hint").textContent = text(`convert_hint_${mode}`);
/** Accounts that lie on a server, by the folders in them: what is copied there, others can read. @type {Map<string, string>} */
const onServers = new Map();
byId("folder").addEventListener("change", askAboutServer);

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const agreed = /** @type {HTMLInputElement} */ (byId("agreed"));
  // Not left to `required`: that stops nobody in a popup window.
  const missing = !chosenFolder() ? byId("folder") : mustAgree() && !agreed.checked ? agreed : null;
  for (const field of [byId("folder"), agreed]) {
    field.setAttribute("aria-invalid", String(field === missing));
  }
  if (missing) {
    missing.focus();
    return;
  }
  work().catch((error) => say(explain(error, text)));
});
byId("close").addEventListener("click", () => window.close());
byId("done").addEventListener("click", () => window.close());
byId("cancel").addEventListener("click", () => cancelling.abort());
window.addEventListener("unload", () => host.close());
await Promise.all([listFolders(), collect()]).catch((error) => {
  byId("intro").textContent = explain(error, text);
  throw error;
});
// Pressed before that, the form would load this page anew, and its order was taken already.
/** @type {HTMLButtonElement} */ (byId("start")).disabled = false;

/** @returns {Promise<{ mode: "decrypt" | "reencrypt", source: import("./messages.js").Source }>} what the event page left for this window */
async function takeOrder() {
  const key = `convert:${new URL(location.href).searchParams.get("order")}`;
  const { [key]: order } = await browser.storage.session.get(key);
  await browser.storage.session.remove(key);
  return order ?? { mode: "decrypt", source: { folders: [] } };
}

/** Finds out which messages there are, and says how many. */
async function collect() {
  for await (const page of pagesOf(source, browser.messages)) {
    ids.push(...page);
    intro("convert_counting");
  }
  intro(ids.length === 1 ? "convert_one" : "convert_many");
}

/** @param {string} key of a sentence that counts the messages */
function intro(key) {
  byId("intro").textContent = text(key, [String(ids.length)]);
}

async function listFolders() {
  const select = /** @type {HTMLSelectElement} */ (byId("folder"));
  // None is chosen beforehand: the first one is an inbox on a server.
  select.append(new Option(text("convert_choose"), "", true, true));
  for (const account of await browser.accounts.list(false)) {
    if (!STORING.includes(account.type)) {
      continue;
    }
    const group = make("optgroup", { label: account.name });
    const folders = await browser.folders.query({ accountId: account.id, isVirtual: false, isRoot: false });
    group.append(...folders.map(({ id, path }) => new Option(path?.replace(/^\//, "") ?? "", id)));
    if (folders.length) {
      select.append(group);
    }
    if (account.type === "imap") {
      for (const { id } of folders) {
        onServers.set(id ?? "", account.name);
      }
    }
  }
}

/** Text that was encrypted goes to a server only where the reader has agreed to that. */
function askAboutServer() {
  const isAsked = mustAgree();
  const agreed = /** @type {HTMLInputElement} */ (byId("agreed"));
  agreed.checked = false;
  agreed.required = isAsked;
  byId("server").hidden = !isAsked;
  byId("server-words").textContent = text("convert_on_server", [onServers.get(chosenFolder()) ?? ""]);
}

function mustAgree() {
  return mode === "decrypt" && onServers.has(chosenFolder());
}

function chosenFolder() {
  return /** @type {HTMLSelectElement} */ (byId("folder")).value;
}

async function work() {
  byId("form").hidden = true;
  byId("work").hidden = false;
  byId("cancel").focus(); // what had it is hidden now
  const { messages: mail, accounts, daneReading } = browser;
  const converter = new Converter({
    host,
    mail,
    accounts,
    keepAnswered: daneReading.keepAnswered,
    isOnline: () => navigator.onLine,
    mode,
  });
  const order = {
    folderId: chosenFolder(),
    isOnServer: onServers.has(chosenFolder()),
    removeOriginals: /** @type {HTMLInputElement} */ (byId("remove")).checked,
    signal: cancelling.signal,
  };
  const progress = /** @type {HTMLProgressElement} */ (byId("progress"));
  progress.max = ids.length;
  let [copied, passed] = [0, 0];
  let isEnded = false;
  for (const [at, id] of ids.entries()) {
    if (cancelling.signal.aborted) {
      break;
    }
    progress.value = at;
    byId("at").textContent = text("convert_working", [String(at + 1), String(ids.length)]);
    const outcome = await converter.convert(id, order);
    if (outcome.what === "copied") {
      copied++;
    } else if (outcome.what === "not-encrypted") {
      passed++;
    } else if (!cancelling.signal.aborted) {
      byId("left").append(make("li", {}, outcome.subject, make("small", {}, explainLeft(outcome.cause))));
      if (outcome.ends) {
        isEnded = true;
        break;
      }
    }
  }
  if (!cancelling.signal.aborted && !isEnded) {
    progress.value = ids.length;
  }
  const counts = [String(copied), String(passed), String(ids.length - copied - passed)];
  say(text(`convert_${cancelling.signal.aborted ? "cancelled" : isEnded ? "stopped" : "finished"}`, counts));
  byId("at").textContent = "";
  byId("cancel").hidden = true;
  byId("done").hidden = false;
  byId("done").focus();
}

/** @param {unknown} cause */
function explainLeft(cause) {
  const known = text(`convert_left_${String(cause).replaceAll("-", "_")}`);
  const verdict = text(`reading_encryption_${String(cause).replaceAll("-", "_")}`);
  return typeof cause === "string" ? known || verdict || cause : explain(cause, text);
}

/** Read out: how it ended, not each message on the way. @param {string} sentence */
function say(sentence) {
  byId("status").textContent = sentence;
}
