/** Files into and out of the add-on's pages, in place of the system's file dialogues. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { page } from "./reading.mjs";

/**
 * Picks a file in a field for files, as its user does.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path of the page
 * @param {string} selector
 * @param {string} file
 */
export async function pick(tb, path, selector, file) {
  const octets = readFileSync(file).toString("base64");
  await page(
    tb,
    path,
    `const input = content.document.querySelector(${JSON.stringify(selector)});
     const octets = Uint8Array.from(atob("${octets}"), (letter) => letter.charCodeAt(0));
     input.mozSetFileArray([new content.File([Cu.cloneInto(octets, content)], ${JSON.stringify(basename(file))})]);
     input.dispatchEvent(new content.Event("change", { bubbles: true }));`,
  );
}

/**
 * From now on, whoever asks where to save something is told this file.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} file
 */
export function saveTo(tb, file) {
  return tb.chrome((path) => {
    const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
    const target = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    target.initWithPath(path);
    const picker = {
      QueryInterface: ChromeUtils.generateQI(["nsIFilePicker"]),
      init() {},
      appendFilter() {},
      appendFilters() {},
      open: (callback) => callback.done(Ci.nsIFilePicker.returnOK),
      file: target,
    };
    const factory = {
      QueryInterface: ChromeUtils.generateQI(["nsIFactory"]),
      createInstance: (iid) => picker.QueryInterface(iid),
    };
    registrar.registerFactory(Services.uuid.generateUUID(), "", "@mozilla.org/filepicker;1", factory);
  }, file);
}
