/**
 * Writing and sending in a real Thunderbird with a stand-in host: what stands in the way is asked, not decided; drafts; what
 * goes wrong on the add-on's side. The rooms lie in `sending/`, all in one Thunderbird. Hosts that fail are in
 * fail-closed.test.mjs and matrix.test.mjs.
 */

import { after, afterEach, before } from "node:test";
import { close, open, tidy } from "./sending/scene.mjs";

before(open);
after(close);
afterEach(tidy);

for (const room of [
  "failing-hosts",
  "in-the-way",
  "many-recipients",
  "blind-copies",
  "cancelling",
  "large",
  "temporary-files",
  "drafts",
  "switches",
  "races",
]) {
  await import(`./sending/${room}.mjs`);
}
