/**
 * The add-on's event page. Thunderbird stops it when it idles and starts it again for an event, so every
 * listener is registered while this module runs for the first time, before anything is awaited.
 */

import { tellFolder } from "./bodies.js";
import { startCompose } from "./compose.js";
import { startDoctor } from "./doctor.js";
import { Host } from "./host.js";
import { startKeys } from "./keys.js";
import { startPolicy } from "./policy.js";
import { startProvision } from "./provision.js";
import { startReading } from "./reading.js";

const host = new Host({
  connect: () => browser.runtime.connectNative("dane_smime"),
  version: browser.runtime.getManifest().version,
  pin: pinWords(),
  onFolder: tellFolder,
});

const compose = startCompose(host);
startReading(host);
startKeys(host, () => compose.keysChanged());
startPolicy();
startDoctor(host);
startProvision(host);

/** What the host's own window says that asks for the PIN of a token. The host puts the token's name for `$1`. */
function pinWords() {
  const text = (/** @type {string} */ key) => browser.i18n.getMessage(key, ["$1"]);
  return {
    description: text("pin_description"),
    label: text("pin_label"),
    fewer: text("pin_fewer"),
    last: text("pin_last"),
  };
}
