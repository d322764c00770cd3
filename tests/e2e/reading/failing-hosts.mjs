/** The program that opens mail fails, hangs, is too old, or is not there. */

import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { saveTo } from "../../support/file-pickers.mjs";
import { until } from "../../support/process.mjs";
import { shows } from "../../support/reading.mjs";
import { ROOT, registerHost, unregisterHost } from "../../support/thunderbird.mjs";
import { screen } from "../../support/windows.mjs";
import { FILE, plainText, SECRET } from "./mails.mjs";
import {
  alertText,
  bars,
  begin,
  bob,
  faults,
  hasVerdict,
  mails,
  photograph,
  pressTryAgain,
  protectedMail,
  show,
  verdict,
  world,
} from "./scene.mjs";

describe("a host that fails", () => {
  for (const fault of ["crash", "garbage", "deadline"]) {
    test(`${fault}: nothing of an encrypted mail is shown, and trying again works`, async () => {
      faults({ open: fault === "deadline" ? { error: { code: fault, message: "" } } : fault });
      await show(await protectedMail(plainText(`${fault} ${SECRET}`), "--encrypt"));
      const shown = await shows(bob, hasVerdict);
      photograph(`reading-host-${fault}`);
      assert.equal(shown.text.trim(), "");
      assert.match(verdict(shown), /was not decrypted/);
      faults({});
      await pressTryAgain();
      await shows(bob, (now) => now.text.includes(SECRET) && hasVerdict(now));
    });
  }

  test("slow: it says that it is at work, and shows the text when it comes", async () => {
    faults({ open: { slow: 2500 } });
    const mail = await protectedMail(plainText(`Slowly. ${SECRET}`), "--encrypt");
    await begin(mail);
    await until("the bar", async () => (await bars()).some((text) => /^Decrypting…/.test(text)));
    photograph("reading-pending");
    await shows(bob, (now) => now.text.includes("Slowly.") && hasVerdict(now));
  });

  test("hung: the list goes on meanwhile, and the next message opens", async () => {
    faults({ open: "hang" });
    await begin(await protectedMail(plainText("Never."), "--encrypt"));
    await until("the bar", async () => (await bars()).some((text) => /^Decrypting…/.test(text)));
    faults({});
    await show(mails.sealed);
    await shows(bob, (now) => now.text.includes(SECRET) && hasVerdict(now));
  });

  for (const code of ["host-timeout", "unknown-request", "protocol-mismatch", "keyring-missing", "busy"]) {
    test(`${code}: said in words, with a way to try again and without content`, async () => {
      faults({ open: { error: { code, message: "" } } });
      await show(await protectedMail(plainText(`${code} ${SECRET}`), "--encrypt"));
      const shown = await shows(bob, hasVerdict);
      photograph(`reading-host-${code}`);
      assert.equal(shown.text.trim(), "");
      assert.match(verdict(shown), /was not decrypted, and nothing of it is shown\. \S/);
      assert.ok(shown.bars[0]?.buttons.includes("Try again"));
    });
  }

  test("not installed: said in words, and found again when it is", async () => {
    await show(await protectedMail(plainText("No program."), "--encrypt"));
    await shows(bob, hasVerdict);
    unregisterHost(world.bob.user.home);
    faults({ open: "crash" });
    await show(await protectedMail(plainText("None at all."), "--encrypt"));
    await shows(bob, hasVerdict);
    await pressTryAgain();
    const shown = await shows(bob, (now) => /not installed/.test(verdict(now)));
    photograph("reading-host-missing");
    assert.equal(shown.text.trim(), "");
    registerHost(world.bob.user.home, join(ROOT, "tests/support/faulty-host.mjs"));
    faults({});
    await pressTryAgain();
    await shows(bob, (now) => now.text.includes("None at all.") && hasVerdict(now));
  });

  test("clear-signed text stays readable, marked as not checked", async () => {
    faults({ open: "crash" });
    await show(await protectedMail(plainText(`Unchecked. ${SECRET}`), "--sign"));
    const shown = await shows(bob, hasVerdict);
    photograph("reading-not-checked");
    assert.ok(shown.text.includes(SECRET));
    assert.match(verdict(shown), /could not be checked/);
    assert.equal(shown.crypto.signed, null);
  });

  test("a locked keyring is told by its name", async () => {
    faults({ open: { error: { code: "keyring-locked", message: "The keyring is locked." } } });
    await show(await protectedMail(plainText("Behind the lock."), "--encrypt"));
    assert.match(verdict(await shows(bob, hasVerdict)), /keyring.* is locked/);
  });

  describe("what is attached to a mail that was read before", () => {
    /** As one does in its menu; not waited for. */
    const save = () =>
      bob.chrome(() => {
        const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
        const found = view.currentAttachments.find(({ name }) => name === "tarts.bin");
        view.setTimeout(() => found.save(view.browsingContext.top), 0);
      });

    for (const [name, fault, words] of /** @type {[string, any, RegExp][]} */ ([
      ["the keyring is locked", { error: { code: "keyring-locked", message: "" } }, /keyring .* is locked\. Unlock it/],
      ["the program stops", "crash", /stopped before/],
    ])) {
      test(`${name}: it is said that it is not saved, and no file is made; it is saved when the mail can be opened`, async () => {
        await show(mails.sealed);
        await shows(bob, hasVerdict);
        const file = join(world.directory, `${name}.bin`);
        await saveTo(bob, file);
        faults({ open: fault });
        await bob.chrome(() => {
          // Forgets what was opened. While a computer sleeps, Thunderbird has no timers.
          for (const topic of ["sleep_notification", "wake_notification"]) Services.obs.notifyObservers(null, topic);
        });
        await save().catch(() => {}); // the dialogue may be quicker than the answer
        await until("what is said", async () => words.test(await alertText()));
        photograph(`reading-attachment-${name.replaceAll(" ", "-")}`);
        assert.match(await alertText(), /^“tarts\.bin” was neither saved nor opened/);
        await bob.marionette.command("WebDriver:AcceptAlert");
        assert.ok(!existsSync(file));
        assert.deepEqual((await screen(bob)).dialogs, []);
        faults({});
        await save();
        await until("the file", () => existsSync(file) && readFileSync(file).equals(FILE));
      });
    }
  });
});
