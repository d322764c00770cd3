/** From an empty profile to a verified test mail, with nothing but what the assistant says; and the settings page beside it. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { composed, discard } from "../support/composing.mjs";
import { pick } from "../support/file-pickers.mjs";
import { closePage, openPage, pageShows, press } from "../support/pages.mjs";
import { PinentryScript } from "../support/pinentry.mjs";
import { until } from "../support/process.mjs";
import { page } from "../support/reading.mjs";
import { registerHost, unregisterHost } from "../support/thunderbird.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";
import { ownerName } from "../support/zones.mjs";
import { open } from "./setup.mjs";

const ASSISTANT = "ui/assistant/assistant.html";
const OPTIONS = "ui/options/options.html";

describe("Alice has no key", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  before(async () => {
    scene = await open({ bob: false, alices: async () => {} });
  });
  after(() => scene?.close());

  test("the settings page says so, and what to press", async () => {
    const { alice, photograph } = scene;
    await openPage(alice, OPTIONS);
    const seen = await pageShows(alice, OPTIONS, "[data-state=no-key]");
    await photograph("alice", "keys-1-settings-without-a-key");
    assert.match(seen.text, /nobody can write to this address securely/);
    assert.ok(
      seen.buttons.some((label) => label.startsWith("Make a key")),
      seen.buttons.join(),
    );
    assert.equal(seen.unnamed, 0, "every control has a name");
    await press(alice, OPTIONS, "#senders tr button");
  });

  test("a key is made with one button", async () => {
    const { alice, world, photograph } = scene;
    const seen = await pageShows(alice, ASSISTANT, "#make-key");
    await photograph("alice", "keys-2-assistant-key");
    assert.equal(seen.unnamed, 0);
    await press(alice, ASSISTANT, "#make-key");
    await pageShows(alice, ASSISTANT, "#lines");
    await photograph("alice", "keys-3-assistant-publish");
    const [key] = await world.alice.keys();
    assert.equal(key?.address, world.alice.email);
  });

  test("the administrator's mail holds the lines", async () => {
    const { alice, photograph } = scene;
    await press(alice, ASSISTANT, "#mail-lines");
    // While the window is being built there is nothing to look at.
    const mail = await until("the mail", async () => (await screen(alice).catch(() => undefined))?.compose[0]);
    const { text } = await until("its text", async () => {
      const seen = await composed(alice, mail.id).catch(() => undefined);
      return seen?.text.includes("SMIMEA 3 0 0") && seen;
    });
    await photograph("alice", "keys-4-mail-to-the-administrator");
    assert.match(text, /_smimecert\.example\.test\.\s+IN SMIMEA 3 0 0 \(\s+[0-9a-f]{64}\s+[0-9a-f]{64}\s/);
    assert.match(text, /IN TYPE53 \\# \d+ \(\s+030000/);
    await discard(alice, mail.id);
  });

  test("it is not found before it is published, and found when it is", async () => {
    const { alice, world, photograph } = scene;
    await press(alice, ASSISTANT, "#published");
    await until("the word that it is not there yet", async () =>
      (await page(alice, ASSISTANT)).text.includes("not there yet"),
    );
    await photograph("alice", "keys-5-assistant-checking");
    await world.alice.publish();
    await pageShows(alice, ASSISTANT, "#found");
    await photograph("alice", "keys-6-assistant-found");
  });

  test("a test mail comes back decrypted and verified", async () => {
    const { alice, photograph } = scene;
    await press(alice, ASSISTANT, "#to-test");
    await pageShows(alice, ASSISTANT, "#send-test");
    await photograph("alice", "keys-7-assistant-test");
    await press(alice, ASSISTANT, "#send-test");
    await pageShows(alice, ASSISTANT, "#test-sent");
    await alice.chrome(async () => {
      const inbox = MailServices.accounts.allServers.find(({ type }) => type === "imap").rootFolder;
      inbox.server.getNewMessages(inbox, null, null);
    });
    await pageShows(alice, ASSISTANT, "#verified, #not-verified");
    const seen = await pageShows(alice, ASSISTANT, "#verified");
    await photograph("alice", "keys-8-assistant-verified");
    assert.match(seen.text, /encrypted, only you could open it/);
    await press(alice, ASSISTANT, "#show-mail");
    await until("the mail in a tab", () =>
      alice.chrome(() =>
        mainWindow().document.getElementById("tabmail").currentTabInfo.title.includes("Test of secure"),
      ),
    );
    await photograph("alice", "keys-9-test-mail");
  });

  test("the settings page shows that all is well", async () => {
    const { alice, world, photograph } = scene;
    // The one that was opened before there was a key would be taken for it.
    await alice.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      while (tabmail.tabInfo.length > 1) tabmail.closeTab(tabmail.tabInfo[1]);
    });
    await openPage(alice, OPTIONS);
    await until(
      "the word that all is well",
      async () => (await pageShows(alice, OPTIONS, "[data-shown=all]")).found > 0,
    );
    const [key] = await world.alice.keys();
    await alice.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.switchToTab(tabmail.tabInfo.length - 1);
    });
    await photograph("alice", "keys-10-settings-with-a-key");
    assert.ok(key);
  });

  test("a key is deleted only when that was confirmed", async () => {
    const { alice, world, photograph } = scene;
    await press(alice, OPTIONS, "#keys button.danger");
    const asked = await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    await photograph("alice", "keys-11-delete");
    assert.match(asked.text, /becomes unreadable for ever/);
    await press(alice, OPTIONS, "dialog .buttons button:not([data-action])");
    await pageShows(alice, OPTIONS, "dialog:not([open])");
    assert.equal((await world.alice.keys()).length, 1);
    await press(alice, OPTIONS, "#keys button.danger");
    await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await pageShows(alice, OPTIONS, "[data-state=no-key]");
    assert.equal((await world.alice.keys()).length, 0);
  });
});

describe("Alice takes wrong turns, and is told the way on", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  /** @type {PinentryScript} */
  let pinentry;
  before(async () => {
    scene = await open({
      bob: false,
      alices: async (alice) => {
        pinentry = new PinentryScript(alice.world.directory);
        alice.configure({ pinentry: pinentry.program });
      },
    });
    await scene.restart("alice", {
      "intl.locale.requested": "de",
      "mail.account.account1.identities": "id1,id2",
      "mail.identity.id2.useremail": "alice@insecure.test",
      "mail.identity.id2.valid": true,
    });
  });
  after(() => scene?.close());

  const FOR_ALICE = `${ASSISTANT}?address=alice@example.test`;
  const says = (/** @type {RegExp} */ words) =>
    until(String(words), async () => words.test((await page(scene.alice, ASSISTANT)).text)).catch(async () =>
      assert.match((await page(scene.alice, ASSISTANT)).text, words),
    );

  test("without the program there is a button to try again, which leads on when it is there", async () => {
    const { alice, world, photograph } = scene;
    unregisterHost(world.alice.user.home);
    for (const pid of alice.hostPids()) process.kill(pid, "SIGKILL");
    await until("it to be gone", () => alice.hostPids().length === 0);
    await openPage(alice, FOR_ALICE);
    await pageShows(alice, ASSISTANT, "#again");
    await says(/Das geht noch nicht.*nicht installiert/s);
    await photograph("alice", "keys-50-no-program-german");
    registerHost(world.alice.user.home, world.alice.host);
    await press(alice, ASSISTANT, "#again");
    await pageShows(alice, ASSISTANT, "#make-key");
  });

  test("a picture is no key, a letter no answer of an authority, in words of the reader's language", async () => {
    const { alice, world } = scene;
    const file = join(world.directory, "cat.p12");
    writeFileSync(file, Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]));
    await pick(alice, ASSISTANT, "#import-file", file);
    await says(/keine Datei mit einem Schlüssel/);
    await pick(alice, ASSISTANT, "#restore-file", file);
    await says(/keine Sicherung, die DANE S\/MIME gemacht hat/);
    await press(alice, ASSISTANT, "#make-request");
    await pageShows(alice, ASSISTANT, "#answer-file");
    await pick(alice, ASSISTANT, "#answer-file", file);
    await says(/In dieser Datei ist kein Zertifikat/);
    await press(alice, ASSISTANT, "#panel > button.plain");
  });

  test("a backup of somebody else's keys leaves this address without one, and so does the link to publish it", async () => {
    const { alice, world } = scene;
    const [file, password] = ["bob.backup", "password"].map((name) => join(world.directory, name));
    writeFileSync(password, "chosen by Bob");
    await world.bob.must("key", "backup", file, "--password-file", password);
    await closePage(alice);
    await openPage(alice, `${FOR_ALICE}&step=publish`);
    await pageShows(alice, ASSISTANT, "#restore-file");
    pinentry.willEnter("chosen by Bob");
    await pick(alice, ASSISTANT, "#restore-file", file);
    await says(/keiner davon lässt sich für alice@example\.test verwenden/);
    assert.deepEqual(
      (await world.alice.keys()).map(({ address }) => address),
      [world.bob.email],
    );
  });

  test("a domain without DNSSEC is told before anybody is asked for an entry", async () => {
    const { alice, photograph } = scene;
    await closePage(alice);
    await openPage(alice, ASSISTANT);
    await pageShows(alice, ASSISTANT, ".choice");
    await press(alice, ASSISTANT, '[value="alice@insecure.test"]');
    await press(alice, ASSISTANT, "#panel .primary");
    await pageShows(alice, ASSISTANT, "#make-key");
    await press(alice, ASSISTANT, "#make-key");
    await pageShows(alice, ASSISTANT, "#lines");
    await says(/insecure\.test sichert sein DNS nicht/);
    await photograph("alice", "keys-51-insecure-german");
  });

  test("capitals before the @ of one's own address are pointed out before anybody is asked for an entry", async () => {
    const { alice, photograph } = scene;
    await alice.chrome(() => {
      const identity = MailServices.accounts.createIdentity();
      identity.email = "Hatter@Insecure.test";
      MailServices.accounts.defaultAccount.addIdentity(identity);
    });
    await closePage(alice);
    await openPage(alice, `${ASSISTANT}?address=Hatter@Insecure.test&step=key`);
    await pageShows(alice, ASSISTANT, "#make-key");
    await press(alice, ASSISTANT, "#make-key");
    await pageShows(alice, ASSISTANT, "#lines");
    await says(/nur für Hatter@Insecure\.test, und wer hatter@Insecure\.test schreibt/);
    await photograph("alice", "keys-54-capitals-german");
  });

  test("an entry with a wrong letter is told as one that may be mistyped", async () => {
    const { alice, world, photograph } = scene;
    await closePage(alice);
    await openPage(alice, `${FOR_ALICE}&step=key`);
    await pageShows(alice, ASSISTANT, "#make-key");
    await press(alice, ASSISTANT, "#make-key");
    await pageShows(alice, ASSISTANT, "#lines");
    const line = await world.alice.must("record", world.alice.email, "--form", "smimea");
    await world.zones.publish(line.replace(/(SMIMEA 3 0 0 )3/, "$12"));
    await press(alice, ASSISTANT, "#published");
    await says(/nicht den für Ihren Schlüssel.*ein Zeichen falsch/s);
    await photograph("alice", "keys-52-mistyped-german");
    await world.zones.withdraw(ownerName(world.alice.email));
  });

  test("a test mail that is called back was not sent, and the page says that", async () => {
    const { alice, world, photograph } = scene;
    await closePage(alice);
    await openPage(alice, `${FOR_ALICE}&step=test`);
    await pageShows(alice, ASSISTANT, "#send-test");
    await press(alice, ASSISTANT, "#send-test");
    // While the window is being built there is nothing to look at.
    await until("the question", async () => (await screen(alice).catch(() => undefined))?.dialogs[0]);
    const asked = await dialog(alice, /alice@example\.test/);
    await answer(alice, asked, "Zurück");
    await says(/Die Testnachricht wurde nicht gesendet/);
    await photograph("alice", "keys-53-test-called-back-german");
    assert.deepEqual(world.mail.smtp.mails(), []);
  });
});
