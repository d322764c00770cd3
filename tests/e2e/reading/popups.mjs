/** The popups of the add-on. */

import { bob } from "./scene.mjs";

/** Waits until the add-on's popup has come to the size of what is in it. */
export function popupGrown() {
  return bob.chrome(async () => {
    const height = () =>
      mainWindow().document.querySelector(".webextension-popup-panel")?.getBoundingClientRect().height;
    await until("the popup to grow", () => height() > 200);
    await sleep(200);
  });
}

/** Closes what popups of the add-on are open. */
export function closePopup() {
  return bob.chrome(async () => {
    const open = () => [...mainWindow().document.querySelectorAll("panel")].filter(({ state }) => state === "open");
    for (const panel of open()) panel.hidePopup();
    await until("the popup to close", () => open().length === 0);
  });
}
