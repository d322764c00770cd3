/** What happens to plaintext when the keyring is locked. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { until } from "../../support/process.mjs";
import { attachment, shows } from "../../support/reading.mjs";
import { SECRET } from "./mails.mjs";
import { bob, hasVerdict, mails, photograph, pressTryAgain, requests, show, verdict, world } from "./scene.mjs";

describe("when the keyring is locked", () => {
  test("what was decrypted is forgotten, attachments too, until it is open again", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const asked = () => requests().filter((type) => type === "open").length;
    const before = asked();
    await attachment(bob, "tarts.bin");
    assert.equal(asked(), before, "kept while the keyring is open");
    world.bob.keyring?.lock();
    // Asked every ten seconds; the answer that is on its way just now may still be of before.
    /** @type {Awaited<ReturnType<typeof shows>> | undefined} */
    let shown;
    await until(
      "the locked keyring",
      async () => {
        await show(mails.sealed);
        shown = await shows(bob, hasVerdict);
        return /keyring.* is locked/.test(verdict(shown));
      },
      60_000,
    );
    photograph("reading-keyring-locked");
    assert.equal(shown?.text.trim(), "");
    await world.bob.keyring?.unlock();
    await pressTryAgain();
    await shows(bob, (now) => now.text.includes(SECRET) && hasVerdict(now));
  });
});
