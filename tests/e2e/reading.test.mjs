/**
 * What Bob is shown of mail that is as it should be and of mail that is not, and what he can do with it. The rooms lie in
 * `reading/`, all in one Thunderbird; those that leave it otherwise than they found it come last.
 */

import { after, before, beforeEach } from "node:test";
import { close, faults, open } from "./reading/scene.mjs";

before(open);
after(close);
beforeEach(() => faults({}));

for (const room of [
  "as-it-should-be",
  "not-as-it-should-be",
  "failing-hosts",
  "other-ways",
  "forwarding",
  "over-imap",
  "copies",
  "keyring",
  "beside-others",
]) {
  await import(`./reading/${room}.mjs`);
}
