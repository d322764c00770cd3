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
      openWindow(mode, context === "folder_pane" ? inFolders(info) : all(info.selectedMessages));
    }
  });
}

/**
 * @param {string} mode
 * @param {AsyncIterable<number>} messages
 */
async function openWindow(mode, messages) {
  const ids = [];
  for await (const id of messages) {
    ids.push(id);
  }
  const order = crypto.randomUUID();
  await browser.storage.session.set({ [`convert:${order}`]: { mode, ids } });
  const url = `ui/reading/convert.html?order=${order}`;
  await browser.windows.create({ type: "popup", url, width: 600, height: 520 });
}

/** @param {any} info of the click */
async function* inFolders({ selectedFolders = [] }) {
  for (const { id } of selectedFolders) {
    yield* all(await browser.messages.list(id));
  }
}

/** @param {any} list a MessageList, which comes in pages */
async function* all(list) {
  for (let page = list; page; page = page.id ? await browser.messages.continueList(page.id) : null) {
    for (const { id } of page.messages) {
      yield id;
    }
  }
}
