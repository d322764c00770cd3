/** Writing and sending mail, as a person at the keyboard does. */

import { until } from "./process.mjs";
import { answer, screen } from "./windows.mjs";

/**
 * @typedef {object} Draft
 * @property {string} [to]
 * @property {string} [cc]
 * @property {string} [bcc]
 * @property {string} [subject]
 * @property {string} [body] HTML, or text with `plain`
 * @property {boolean} [plain]
 * @property {string[]} [attachments] files
 */

/**
 * Opens a compose window and waits until one can write in it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {Draft} draft
 * @returns {Promise<number>} the window's id, for the functions below and for `picture`
 */
export function openCompose(tb, draft) {
  return tb.chrome(async ({ to = "", cc = "", bcc = "", subject = "", body = "", plain = false, attachments = [] }) => {
    const create = (contract, type) => Cc[contract].createInstance(type);
    const fields = create("@mozilla.org/messengercompose/composefields;1", Ci.nsIMsgCompFields);
    Object.assign(fields, { to, cc, bcc, subject, body });
    for (const path of attachments) {
      const attachment = create("@mozilla.org/messengercompose/attachment;1", Ci.nsIMsgAttachment);
      attachment.url = PathUtils.toFileURI(path);
      attachment.name = PathUtils.filename(path);
      attachment.size = (await IOUtils.stat(path)).size;
      fields.addAttachment(attachment);
    }
    const params = create("@mozilla.org/messengercompose/composeparams;1", Ci.nsIMsgComposeParams);
    params.type = Ci.nsIMsgCompType.New;
    params.format = plain ? Ci.nsIMsgCompFormat.PlainText : Ci.nsIMsgCompFormat.HTML;
    params.composeFields = fields;
    params.identity = MailServices.accounts.allIdentities[0];
    const before = new Set(composeWindows());
    MailServices.compose.OpenComposeWindowWithParams(null, params);
    const win = await until("the compose window", () =>
      composeWindows().find(
        (candidate) => !before.has(candidate) && candidate.gMsgCompose && candidate.composeEditorReady,
      ),
    );
    return idOf(win);
  }, draft);
}

/**
 * Writes another sender into From, as "Customise From Address" lets one.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @param {string} sender
 */
export function from(tb, id, sender) {
  return tb.chrome(
    (windowId, text) => {
      const win = windowById(windowId);
      const field = win.document.getElementById("msgIdentity");
      win.MakeFromFieldEditable(true);
      field.value = text;
      field.dispatchEvent(new win.Event("input", { bubbles: true }));
      field.dispatchEvent(new win.Event("change", { bubbles: true }));
    },
    id,
    sender,
  );
}

/**
 * Presses the Send button, and does not wait for what comes of it. Fails where the button is grey.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 */
export function pressSend(tb, id) {
  return tb.chrome((windowId) => {
    const win = windowById(windowId);
    if (!win.defaultController.isCommandEnabled("cmd_sendButton")) throw new Error("the Send button is grey");
    win.setTimeout(() => win.goDoCommand("cmd_sendButton"), 0);
  }, id);
}

/**
 * Waits until the window is gone, which is what Thunderbird does with it when its mail is on its way.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @param {number} [ms]
 */
export function sent(tb, id, ms = 60_000) {
  return tb.chrome(
    (windowId, limit) =>
      until("the compose window to close", () => !composeWindows().some((win) => idOf(win) === windowId), limit),
    id,
    ms,
  );
}

/** The add-on's popup in a compose window, for `pages.mjs`. */
export const POPUP = "ui/compose/popup.html";

/**
 * Presses the add-on's button in a compose window, which opens its popup, or closes it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @param {boolean} open what is waited for
 */
export function pressAddonButton(tb, id, open) {
  return tb.chrome(
    async (windowId, wanted) => {
      const { document } = windowById(windowId);
      const panel = () => [...document.querySelectorAll("panel")].find(({ state }) => state === "open");
      if (wanted) document.querySelector("[id^=dane-smime][id$=-composeAction-toolbarbutton]").click();
      else panel()?.hidePopup();
      await until(wanted ? "the popup" : "the popup to close", () => Boolean(panel()) === wanted);
    },
    id,
    open,
  );
}

/**
 * Everything a person has typed into a compose window.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @returns {Promise<{to: string[], cc: string[], bcc: string[], subject: string, text: string, html: string,
 *   attachments: {name: string, size: number}[], editable: boolean}>} `editable`: not locked, so one can write on
 */
export function composed(tb, id) {
  return tb.chrome((windowId) => {
    const win = windowById(windowId);
    const pills = (row) =>
      [...win.document.querySelectorAll(`#${row}AddrContainer mail-address-pill`)].map((pill) => pill.emailAddress);
    const body = win.GetCurrentEditor().document.body;
    return {
      to: pills("to"),
      cc: pills("cc"),
      bcc: pills("bcc"),
      subject: win.document.getElementById("msgSubject").value,
      text: body.innerText,
      html: body.innerHTML,
      attachments: [...win.gAttachmentBucket.itemChildren].map(({ attachment }) => ({
        name: attachment.name,
        size: attachment.size,
      })),
      editable: !win.gWindowLocked,
    };
  }, id);
}

/**
 * Saves as a draft and waits for that.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 */
export function saveDraft(tb, id) {
  return tb.chrome(async (windowId) => {
    const win = windowById(windowId);
    win.gContentChanged = true; // as after typing; Thunderbird takes it back once all is saved
    win.goDoCommand("cmd_saveAsDraft");
    await until(
      "the draft to be saved",
      () => !win.gSaveOperationInProgress && !win.gWindowLocked && !win.gContentChanged,
    );
  }, id);
}

/**
 * Presses Save, and does not wait for what comes of it: it may be a question.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 */
export function pressSave(tb, id) {
  return tb.chrome((windowId) => {
    const win = windowById(windowId);
    win.setTimeout(() => win.goDoCommand("cmd_saveAsDraft"), 0);
  }, id);
}

/**
 * Thunderbird's own saving, as it does it every few minutes.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 */
export function autosave(tb, id) {
  return tb.chrome((windowId) => windowById(windowId).GenericSendMessage(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft), id);
}

/**
 * Presses one of the add-on's keys, with whatever has to be held down with it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @param {"E" | "S"} key
 */
export function pressKey(tb, id, key) {
  return tb.chrome(
    (windowId, letter) => {
      const win = windowById(windowId);
      const keys = [...win.document.querySelectorAll("keyset[id*=dane-smime] key")];
      keys.find((node) => node.getAttribute("key") === letter).dispatchEvent(new win.CustomEvent("command"));
    },
    id,
    key,
  );
}

/**
 * Throws a compose window away, text and all, without the question whether to save it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 */
export function discard(tb, id) {
  return tb.chrome(async (windowId) => {
    const win = windowById(windowId);
    win.gContentChanged = false;
    win.gMsgCompose.bodyModified = false;
    win.close();
    await until("the compose window to close", () => !composeWindows().includes(win));
  }, id);
}

/**
 * How each recipient is marked: `pending`, `found`, `missing`, `untrusted`; undefined while it is not marked at all.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @returns {Promise<Record<string, string | undefined>>}
 */
export function marks(tb, id) {
  return tb.chrome((windowId) => {
    const pills = [...windowById(windowId).document.querySelectorAll("mail-address-pill")];
    return Object.fromEntries(
      pills.map((pill) => [pill.emailAddress, pill.getAttribute("dane-smime-mark") ?? undefined]),
    );
  }, id);
}

/**
 * Waits until a recipient is marked as one whose certificate was found.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {number} id
 * @param {string} address
 */
export function untilFound(tb, id, address) {
  return until(`the mark of ${address}`, async () => (await marks(tb, id))[address] === "found");
}

/**
 * Leaves nothing open, so that the next test finds Thunderbird as this one did: goes back from every dialogue, throws every
 * compose window away.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 */
export async function closeAll(tb) {
  for (const dialog of (await screen(tb)).dialogs) {
    const back = dialog.buttons.find((label) => /^(Go back|Do not save)$/.test(label));
    await answer(tb, dialog, back ?? dialog.buttons[0] ?? "");
  }
  for (const { id } of (await screen(tb)).compose) await discard(tb, id);
}
