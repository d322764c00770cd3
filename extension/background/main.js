/**
 * The add-on's event page. Thunderbird stops it when it idles and starts it again for an event, so every
 * listener is registered while this module runs for the first time, before anything is awaited.
 */

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
});

startCompose(host);
startReading(host);
startKeys(host);
startPolicy();
startDoctor(host);
startProvision(host);
