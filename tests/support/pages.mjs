/** The add-on's own pages in tabs: the assistant, the settings. */

import { page } from "./reading.mjs";
import { ADDON_ID } from "./thunderbird.mjs";

/**
 * Opens one, as the add-on itself would, and makes it the tab that is shown.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path within the add-on
 */
export function openPage(tb, path) {
  return tb.chrome(
    (id, where) => {
      const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
      const extension = ExtensionParent.GlobalManager.getExtension(id);
      mainWindow()
        .document.getElementById("tabmail")
        .openTab("contentTab", {
          url: extension.baseURI.resolve(where),
          linkHandler: "single-page",
          initialBrowsingContextGroupId: extension.policy.browsingContextGroupId,
          triggeringPrincipal: extension.principal,
          duplicate: true,
        });
    },
    ADDON_ID,
    path,
  );
}

/**
 * Waits until a page shows an element, and hands back what {@link page} reads.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path
 * @param {string} selector
 * @param {number} [ms]
 */
export async function pageShows(tb, path, selector, ms = 60_000) {
  const end = Date.now() + ms;
  for (;;) {
    const seen = await page(tb, path, "", selector);
    if (seen.found > 0) return seen;
    if (Date.now() > end) throw new Error(`no ${selector} on ${path}: ${seen.text}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * How many elements a selector finds.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path
 * @param {string} selector
 */
export async function count(tb, path, selector) {
  const { found } = await page(tb, path, "", selector);
  return found;
}

/** Closes the tab that is shown. @param {import("./thunderbird.mjs").Thunderbird} tb */
export function closePage(tb) {
  return tb.chrome(() => {
    const tabmail = mainWindow().document.getElementById("tabmail");
    tabmail.closeTab(tabmail.currentTabInfo);
  });
}

/**
 * Presses what a selector names, or fills it in.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path
 * @param {string} selector
 * @param {string} [value] for a field
 */
export async function press(tb, path, selector, value) {
  const node = `content.document.querySelector(${JSON.stringify(selector)})`;
  const changed = `${node}.dispatchEvent(new content.Event("change", { bubbles: true }))`;
  await page(
    tb,
    path,
    value === undefined ? `${node}.click()` : `${node}.value = ${JSON.stringify(value)}; ${changed}`,
  );
}
