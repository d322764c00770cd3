/**
 * The entries in the context menus of the message list and the folders that copy encrypted messages: without encryption,
 * or encrypted to the reader's present key. The work is done in a window of its own (ui/reading/convert.js).
 */

const MODES = /** @type {const} */ (["decrypt", "reencrypt"]);
const CONTEXTS = /** @type {const} */ (["message_list", "folder_pane"]);

export function startConverting() {
  for (const mode of MODES) {
    for (const context of CONTEXTS) {
      browser.menus.create(
        {
          id: `${mode} ${context}`,
          contexts: [context],
          title: browser.i18n.getMessage(`menu_${mode}_${context}`),
        },
        () => void browser.runtime.lastError, // it is there already when this page starts a second time
      );
    }
  }
  browser.menus.onClicked.addListener((info) => {
    const [mode, context] = String(info.menuItemId).split(" ");
    if (MODES.some((known) => known === mode)) {
      openWindow(mode, context === "folder_pane" ? foldersOf(info) : listOf(info));
    }
  });
}

/**
 * Opens the window at once: to go through a large folder takes a while, and is its work.
 *
 * @param {string} mode
 * @param {import("../../ui/reading/messages.js").Source} source
 */
async function openWindow(mode, source) {
  const order = crypto.randomUUID();
  await browser.storage.session.set({ [`convert:${order}`]: { mode, source } });
  const url = `ui/reading/convert.html?order=${order}`;
  await browser.windows.create({ type: "popup", url, width: 600, height: 520 });
}

/** @param {any} info of the click */
const foldersOf = ({ selectedFolders }) => ({ folders: idsOf(selectedFolders) });

/** @param {{ id: any }[]} [all] */
const idsOf = (all = []) => all.map(({ id }) => id);

/** @param {any} info of the click; what is selected comes as a MessageList */
const listOf = ({ selectedMessages: { id, messages } }) => ({ ids: idsOf(messages), list: id ?? null });
