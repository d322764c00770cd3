/**
 * What is not sent yet, or was sent already: drafts, templates, autosaves, the Outbox, copies. On a real IMAP server, with the real
 * host: nothing lies readable where it must not, everything comes back whole. The rooms lie in `drafts/`, all in one Thunderbird.
 */

import { after, afterEach, before } from "node:test";
import { close, open, tidy } from "./drafts/scene.mjs";

before(open);
after(close);
afterEach(tidy);

for (const room of ["saved", "sent-later", "copies", "once-encrypted", "as-written"]) {
  await import(`./drafts/${room}.mjs`);
}
