/** What a person is told and asked in a compose window. Esc, the close button and Enter always leave the mail where it is. */

/**
 * @param {any} window
 * @param {string} title
 * @param {string} text
 */
export async function tellPerson(window, title, text) {
  if (!window.closed) {
    await Services.prompt.asyncAlert(window.browsingContext, Services.prompt.MODAL_TYPE_WINDOW, title, text);
  }
}

/**
 * @param {any} window
 * @param {{ title: string, text: string, back: string, choices?: { label: string }[], checkbox?: string }} question
 * @returns {Promise<{ button: number, checked: boolean }>} `button`: index in `choices`; -1: back
 */
export async function askPerson(window, { title, text, back, choices = [], checkbox }) {
  const { prompt } = Services;
  if (choices.length === 0) {
    await tellPerson(window, title, text);
    return { button: -1, checked: false };
  }
  // What "close" answers is fixed to the second button, so that is "back", and the default.
  const flags =
    prompt.BUTTON_POS_0 * prompt.BUTTON_TITLE_IS_STRING +
    prompt.BUTTON_POS_1 * prompt.BUTTON_TITLE_IS_STRING +
    (choices.length > 1 ? prompt.BUTTON_POS_2 * prompt.BUTTON_TITLE_IS_STRING : 0) +
    prompt.BUTTON_POS_1_DEFAULT;
  const result = await prompt.asyncConfirmEx(
    window.browsingContext,
    prompt.MODAL_TYPE_WINDOW,
    title,
    text,
    flags,
    choices[0].label,
    back,
    choices[1]?.label ?? null,
    checkbox ?? null,
    false,
  );
  const pressed = result.getProperty("buttonNumClicked");
  return {
    button: pressed === 0 ? 0 : pressed === 2 && choices.length > 1 ? 1 : -1,
    checked: Boolean(checkbox) && result.getProperty("checked"),
  };
}

/**
 * Asks whether a draft may be saved unencrypted. Waits for the answer, because Thunderbird wants to know at once.
 *
 * @param {any} window
 * @param {(key: string) => string} text
 */
export function askAboutDraft(window, text) {
  const { prompt } = Services;
  const flags =
    prompt.BUTTON_POS_0 * prompt.BUTTON_TITLE_IS_STRING +
    prompt.BUTTON_POS_1 * prompt.BUTTON_TITLE_IS_STRING +
    prompt.BUTTON_POS_1_DEFAULT;
  return (
    prompt.confirmEx(
      window,
      text("draft_title"),
      text("draft_question"),
      flags,
      text("draft_save_unencrypted"),
      text("draft_keep_in_window"),
      null,
      null,
      { value: false },
    ) === 0
  );
}

/**
 * A line above the text of the mail. An empty text takes it away.
 *
 * @param {any} window
 * @param {string} id
 * @param {string} text
 * @param {Button[]} [buttons]
 * @param {"warning" | "info"} [kind]
 */
export function showNotice(window, id, text, buttons = [], kind = "warning") {
  return showLine(window.gComposeNotification, id, text, buttons, kind);
}

/**
 * A line in Thunderbird's main window, for what has no window of its own; where there is no main window, a dialogue.
 *
 * @param {string} id
 * @param {string} text
 * @param {Button[]} [buttons]
 */
export async function showInMainWindow(id, text, buttons = []) {
  const box = Services.wm.getMostRecentWindow("mail:3pane")?.specialTabs?.msgNotificationBar;
  if (box) {
    await showLine(box, id, text, buttons);
  } else {
    await Services.prompt.asyncAlert(null, Services.prompt.MODAL_TYPE_WINDOW, "DANE S/MIME", text);
  }
}

/**
 * @typedef {{ label: string, callback: () => void }} Button
 *
 * @param {any} box
 * @param {string} id
 * @param {string} text
 * @param {Button[]} buttons
 * @param {"warning" | "info"} [kind]
 */
async function showLine(box, id, text, buttons, kind = "warning") {
  const shown = box?.getNotificationWithValue(id);
  if (shown && shownTexts.get(shown) === text) {
    return;
  }
  if (shown) {
    box.removeNotification(shown, true);
  }
  if (box && text) {
    const priority = kind === "info" ? box.PRIORITY_INFO_MEDIUM : box.PRIORITY_WARNING_MEDIUM;
    const notice = await box.appendNotification(id, { label: text, priority }, buttons);
    shownTexts.set(notice, text);
  }
}

/** @type {WeakMap<object, string>} */
const shownTexts = new WeakMap();
