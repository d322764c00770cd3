/** Keys that other programs make and end, the command line or another Thunderbird, reach windows and pages that are open. */

import { strict as assert } from "node:assert";
import { after, before, describe, test } from "node:test";
import { composed, marks, openCompose, pressKey, pressSend, sent } from "../support/composing.mjs";
import { decrypt } from "../support/openssl.mjs";
import { openPage, pageShows, press } from "../support/pages.mjs";
import { until } from "../support/process.mjs";
import { page } from "../support/reading.mjs";
import { answer, dialog } from "../support/windows.mjs";
import { open } from "./setup.mjs";

const ASSISTANT = "ui/assistant/assistant.html";
const OPTIONS = "ui/options/options.html";
const BOB = "bob@example.test";
const SECRET = "Written before there was a key";

describe("Alice has no key, and windows and pages open", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  /** Windows: nothing switched; encryption switched off; nothing switched, and never looked at again. @type {number[]} */
  let mails;
  before(async () => {
    scene = await open({ bob: false, alices: async () => {} });
    mails = [];
    for (const subject of ["Untouched", "Switched", "Unseen"]) {
      mails.push(await openCompose(scene.alice, { to: BOB, subject, body: `<p>${SECRET}</p>` }));
    }
    for (const mail of mails) await labelled(mail, "Not protected");
    // On, and off again: it is what somebody wants, and no default.
    await comeBack(/** @type {number} */ (mails[1]));
    for (const label of ["Encrypted", "Not protected"]) {
      await pressKey(scene.alice, /** @type {number} */ (mails[1]), "E");
      await labelled(/** @type {number} */ (mails[1]), label);
    }
    await openPage(scene.alice, OPTIONS);
    await pageShows(scene.alice, OPTIONS, "[data-shown=all] [data-state=no-key]");
    await openPage(scene.alice, ASSISTANT);
    await pageShows(scene.alice, ASSISTANT, "#make-key");
    await scene.world.alice.must("key", "generate", "--address", scene.world.alice.email, "--name", "Alice");
  });
  after(() => scene?.close());

  const label = (/** @type {number} */ mail) =>
    scene.alice.chrome(
      (id) => windowById(id).document.querySelector("[id$=-composeAction-toolbarbutton]")?.label,
      mail,
    );
  const labelled = (/** @type {number} */ mail, /** @type {string} */ words) =>
    until(words, async () => (await label(mail)) === words).catch(async () => assert.equal(await label(mail), words));
  /** Brings a window to the front, as a click into it does. @param {number} mail */
  const comeBack = (mail) =>
    scene.alice.chrome(async (id) => {
      mainWindow().focus();
      await until("the main window", () => Services.focus.activeWindow === mainWindow());
      windowById(id).focus();
      await until("the window", () => Services.focus.activeWindow === windowById(id));
    }, mail);
  const lastSent = () => scene.world.mail.smtp.mails().at(-1)?.bytes ?? Buffer.alloc(0);

  test("Send looks for itself, where nobody has come back to the window", async () => {
    const { alice } = scene;
    const [, , mail = 0] = mails;
    assert.equal(await label(mail), "Not protected");
    await pressSend(alice, mail);
    await sent(alice, mail);
    assert.match(lastSent().toString("latin1"), /smime-type="?enveloped/);
  });

  test("who comes back to a mail finds it signed and encrypted, and so it leaves", async () => {
    const { alice } = scene;
    const [mail = 0] = mails;
    await comeBack(mail);
    await labelled(mail, "Encrypted");
    await until("Bob's mark", async () => (await marks(alice, mail))[BOB] === "found");
    await pressSend(alice, mail);
    await sent(alice, mail);
    assert.match(lastSent().toString("latin1"), /smime-type="?enveloped/);
    assert.match(decrypt(lastSent(), scene.bobsKey).toString("latin1"), /multipart\/signed/);
  });

  test("what its writer has switched stays", async () => {
    const { alice } = scene;
    const [, mail = 0] = mails;
    await comeBack(mail);
    await labelled(mail, "Signed");
    await pressSend(alice, mail);
    await sent(alice, mail);
    assert.match(lastSent().toString("latin1"), /^Content-Type: multipart\/signed/m);
  });

  test("the assistant that was open makes no second key", async () => {
    const { alice, world } = scene;
    await press(alice, ASSISTANT, "#make-key");
    await pageShows(alice, ASSISTANT, "#lines");
    assert.equal((await world.alice.keys()).length, 1);
  });

  test("who comes back to the settings sees the key, and what the DNS says of it", async () => {
    const { alice, world, photograph } = scene;
    await world.alice.publish();
    assert.doesNotMatch((await page(alice, OPTIONS)).text, /RSA-3072/);
    await alice.chrome(() => {
      mainWindow().focus();
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.switchToTab(tabmail.tabInfo.find(({ browser }) => browser?.currentURI.spec.includes("options.html")));
    });
    await pageShows(alice, OPTIONS, "[data-shown=all] [data-state=good]");
    await pageShows(alice, OPTIONS, "#keys [data-sha256]");
    await photograph("alice", "keys-40-settings-after-command-line");
  });

  test("a key that is ended elsewhere takes no protection from a mail under way: it stays, and says why", async () => {
    const { alice, world } = scene;
    const mail = await openCompose(alice, { to: BOB, subject: "Kept", body: `<p>${SECRET}</p>` });
    await labelled(mail, "Encrypted");
    const before = world.mail.smtp.mails().length;
    const [key] = await world.alice.keys();
    await world.alice.must("key", "retire", "--sha256", key?.sha256 ?? "");
    await comeBack(mail);
    await pressSend(alice, mail);
    await answer(alice, await dialog(alice, /no key to sign with|no certificate for this sender/), "OK");
    await labelled(mail, "Encrypted");
    assert.match((await composed(alice, mail)).text, new RegExp(SECRET));
    assert.equal(world.mail.smtp.mails().length, before);
  });
});
