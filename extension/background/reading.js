/**
 * Carries messages that are to be opened from the reading experiment to the host, and the host's answer back. Holds
 * nothing itself: Thunderbird stops this page when it idles.
 */

import { PASSWORD_MS } from "./host.js";
import { startConverting } from "./reading/convert.js";
import { isKeyringLocked } from "./reading/keyring.js";
import { open } from "./reading/open.js";
import { openerIn, readSettings } from "./settings.js";

/** @param {import("./host.js").Host} host */
export function startReading(host) {
  browser.daneReading.onOpen.addListener((job) =>
    open(host, job, () => void browser.daneReading.putOff(job.id, PASSWORD_MS).catch(() => {})),
  );
  browser.daneReading.onKeyring.addListener(() => isKeyringLocked(host));
  browser.daneReading.onBodiesFolder.addListener(async () => ({ folder: await host.bodiesFolder() }));
  browser.daneReading.onDetails.addListener(
    ({ windowId }) => void browser.messageDisplayAction.openPopup({ windowId }),
  );
  startConverting();
  browser.storage.onChanged.addListener((changes) => void ("open_with" in changes && applyOpener()));
  applyOpener();
}

/** Tells the experiment who opens S/MIME mail. A setting that cannot be read changes nothing. */
async function applyOpener() {
  try {
    await browser.daneReading.setOpener(openerIn(await readSettings()).openWith);
    await browser.daneCompose.setDraftsReopen((await browser.daneReading.getState()).registered);
  } catch (error) {
    console.error(error);
  }
}
