/** The add-on's own settings (storage.local), set from outside. */

import { ADDON_ID } from "./thunderbird.mjs";

/**
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {Record<string, unknown>} settings each key replaces what was there
 */
export function setSettings(tb, settings) {
  return tb.chrome(
    async (id, items) => {
      const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
      const { ExtensionStorageIDB } = ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageIDB.sys.mjs");
      const extension = ExtensionParent.GlobalManager.getExtension(id);
      const storage = await ExtensionStorageIDB.open(ExtensionStorageIDB.getStoragePrincipal(extension));
      await storage.set(items);
    },
    ADDON_ID,
    settings,
  );
}

/**
 * What the add-on has stored of its settings.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @returns {Promise<any>}
 */
export function settings(tb) {
  return tb.chrome(async (id) => {
    const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
    const { ExtensionStorageIDB } = ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageIDB.sys.mjs");
    const extension = ExtensionParent.GlobalManager.getExtension(id);
    const storage = await ExtensionStorageIDB.open(ExtensionStorageIDB.getStoragePrincipal(extension));
    return storage.get(null);
  }, ADDON_ID);
}

/** Stops the event page, as Thunderbird does when it idles. @param {import("./thunderbird.mjs").Thunderbird} tb */
export function stopEventPage(tb) {
  return tb.chrome(async (id) => {
    const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
    await ExtensionParent.GlobalManager.getExtension(id).terminateBackground({ disableResetIdleForTest: true });
  }, ADDON_ID);
}
