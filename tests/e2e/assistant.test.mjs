/** From an empty profile to a verified test mail, with nothing but what the assistant says; and the settings page beside it. */

import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { composed, discard } from "../support/composing.mjs";
import { openPage, pageShows, press } from "../support/pages.mjs";
import { until } from "../support/process.mjs";
import { page } from "../support/reading.mjs";
import { screen } from "../support/windows.mjs";
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
