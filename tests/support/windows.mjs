/** What stands on the screen: windows, dialogues, notification bars, and pictures of them. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * @typedef {{value: string, text: string, buttons: string[]}} Bar a notification bar
 * @typedef {{id: number, subject: string, to: string, locked: boolean, bars: Bar[]}} ComposeState `locked`: while it sends
 * @typedef {{id: number, title: string, text: string, buttons: string[]}} Dialog
 */

/**
 * All compose windows and all dialogues, those that Thunderbird draws inside another window included.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @returns {Promise<{compose: ComposeState[], dialogs: Dialog[]}>}
 */
export function screen(tb) {
  return tb.chrome(() => {
    const bars = (box) =>
      (box?.allNotifications ?? []).map((bar) => ({
        value: bar.getAttribute("value"),
        text: bar.messageText?.textContent.trim() ?? "",
        buttons: [...(bar.buttonContainer?.querySelectorAll("button") ?? [])].map(
          (button) => button.label ?? button.textContent,
        ),
      }));
    const compose = composeWindows().map((win) => ({
      id: idOf(win),
      subject: win.document.getElementById("msgSubject").value,
      to: [...win.document.querySelectorAll("#toAddrContainer mail-address-pill")]
        .map((pill) => pill.fullAddress)
        .join(", "),
      locked: Boolean(win.gWindowLocked),
      bars: bars(win.gComposeNotification),
    }));
    const dialogs = [];
    for (const win of Services.wm.getEnumerator(null)) {
      const frames = [...win.document.querySelectorAll("browser.dialogFrame")].map((frame) => frame.contentWindow);
      for (const candidate of [win, ...frames]) {
        if (!candidate?.location?.href.includes("commonDialog.xhtml")) continue;
        const { document } = candidate;
        const dialog = document.querySelector("dialog");
        dialogs.push({
          id: idOf(candidate),
          title: document.getElementById("infoTitle")?.textContent || document.title,
          text: document.getElementById("infoBody")?.textContent ?? "",
          buttons: ["accept", "cancel", "extra1", "extra2"]
            .map((name) => dialog?._buttons && dialog.getButton(name)) // no buttons while it is being built
            .filter((button) => button && !button.hidden)
            .map((button) => button.label),
        });
      }
    }
    return { compose, dialogs };
  });
}

/**
 * Waits for a dialogue whose words fit, and until it can be answered.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {RegExp} [words]
 * @param {number} [ms]
 * @returns {Promise<Dialog>}
 */
export async function dialog(tb, words = /./, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const { dialogs } = await screen(tb);
    const found = dialogs.find(({ title, text, buttons }) => buttons.length > 0 && words.test(`${title}\n${text}`));
    if (found) {
      // Thunderbird ignores clicks during security.dialog_enable_delay; buttons exist before they work.
      await new Promise((resolve) => setTimeout(resolve, 400));
      return found;
    }
    if (Date.now() > end) throw new Error(`no dialogue with ${words}; on the screen: ${JSON.stringify(dialogs)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Presses a button of a dialogue by its label and waits until the dialogue is gone.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {Dialog} which
 * @param {string} label
 */
export function answer(tb, which, label) {
  return tb.chrome(
    async (id, text) => {
      const document = windowById(id).document;
      const buttons = ["accept", "cancel", "extra1", "extra2"].map((name) =>
        document.querySelector("dialog").getButton(name),
      );
      const button = buttons.find((candidate) => candidate?.label === text);
      if (!button) throw new Error(`no button ${text}`);
      button.click();
      await until("the dialogue to close", () => !windowById(id) || windowById(id).closed);
    },
    which.id,
    label,
  );
}

/**
 * A picture of a window's content, taken by Thunderbird itself, so it works headless. Open menus and panels are windows of
 * their own and are not on it: a picture of the whole display (`displayPicture`) shows them.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} file where to put the PNG
 * @param {number} [windowId] the main window without it
 */
export async function picture(tb, file, windowId) {
  const base64 = await tb.chrome(async (id) => {
    const win = id ? windowById(id) : mainWindow();
    await new Promise((resolve) => win.requestAnimationFrame(() => win.requestAnimationFrame(resolve)));
    const bitmap = await win.browsingContext.currentWindowGlobal.drawSnapshot(null, 1, "white", true);
    const canvas = win.document.createElementNS("http://www.w3.org/1999/xhtml", "canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    return canvas.toDataURL("image/png").split(",")[1];
  }, windowId ?? 0);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.from(base64, "base64"));
}
