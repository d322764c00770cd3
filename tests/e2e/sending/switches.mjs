/** What a person switches, and Thunderbird's own switches beside them. */

import { strict as assert } from "node:assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { discard, marks, pressKey, pressSend, saveDraft, sent, untilFound } from "../../support/composing.mjs";
import { Page } from "../../support/extension-page.mjs";
import { until } from "../../support/process.mjs";
import { setSettings } from "../../support/settings.mjs";
import { SmtpSpool } from "../../support/smtp.mjs";
import { ADDON_ID, ROOT } from "../../support/thunderbird.mjs";
import {
  assertSendsEncrypted,
  contents,
  home,
  openDraft,
  order,
  outcome,
  photograph,
  requests,
  tb,
  write,
} from "./scene.mjs";

describe("the keyboard", () => {
  test("switches encryption", async () => {
    const mail = await write();
    await untilFound(tb, mail, "bob@example.test");
    await pressKey(tb, mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["signed"]);
  });
});

describe("Thunderbird's own encryption", () => {
  test("switched on by itself, it does not fire beside ours", async () => {
    const mail = await write();
    await tb.chrome((id) => {
      windowById(id).gSendEncrypted = true; // as it is for an answer to an encrypted mail
    }, mail);
    await assertSendsEncrypted(mail);
  });
});

/** Bob's mark says whether the mail will be encrypted to him. @param {number} mail @param {boolean} wanted */
const untilEncrypted = (mail, wanted) =>
  until("Bob's mark", async () => ((await marks(tb, mail))["bob@example.test"] === "found") === wanted);

/** The lines above the text. @param {number} mail @returns {Promise<string[]>} */
const lines = (mail) =>
  tb.chrome(
    (id) => windowById(id).gComposeNotification.allNotifications.map((each) => each.messageText.textContent),
    mail,
  );

/** @param {number} mail */
const buttonLabel = (mail) =>
  tb.chrome((id) => windowById(id).document.querySelector("[id$=-composeAction-toolbarbutton]")?.label, mail);

describe("switched off and on again while a mail is written, as by an update, the add-on", () => {
  const switchTo = (/** @type {boolean} */ on) =>
    tb.chrome(
      async (id, enable) => {
        const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
        const addon = await AddonManager.getAddonByID(id);
        await (enable ? addon.enable() : addon.disable());
      },
      ADDON_ID,
      on,
    );

  test("warns meanwhile, and still knows what was switched", async () => {
    await setSettings(tb, { defaults: { sign: "never", encrypt: "never" } });
    const switched = await write();
    await until("the button to say so", async () => (await buttonLabel(switched)) === "Not protected");
    await pressKey(tb, switched, "E");
    await untilEncrypted(switched, true);
    const sealed = join(home, "sealed.eml");
    writeFileSync(sealed, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMAA=\r\n");
    const untouched = await write({ attachments: [sealed] });
    await until("the button to say so", async () => (await buttonLabel(untouched)) === "Not protected");
    await until("the line about what is attached", async () => /sealed\.eml/.test((await lines(untouched)).join()));
    await switchTo(false);
    assert.match((await lines(switched)).join(), /would not be encrypted/);
    await photograph("switched-off", switched);
    await until("the line to go", async () => (await lines(untouched)).length === 0);
    await switchTo(true);
    await tb.addonActive();
    await untilEncrypted(switched, true);
    assert.deepEqual(await lines(switched), []);
    await until("the line to come back", async () => /sealed\.eml/.test((await lines(untouched)).join()));
    await assertSendsEncrypted(switched);
    await setSettings(tb, { defaults: {} });
  });

  test("takes no attachment from a draft that was opened again", async () => {
    const mail = await write({ attachments: [join(ROOT, "LICENSE")] });
    await untilFound(tb, mail, "bob@example.test");
    await saveDraft(tb, mail);
    await discard(tb, mail);
    const again = await openDraft();
    await switchTo(false);
    await switchTo(true);
    await tb.addonActive();
    await untilFound(tb, again, "bob@example.test");
    await assertSendsEncrypted(again);
    assert.match(contents()[0] ?? "", /filename="LICENSE"/);
    const left = () => readdirSync(join(home, "run/dane-smime-thunderbird"), { recursive: true });
    await until("nothing decrypted to stay behind", async () => {
      await tb.chrome(() => Cu.forceGC()); // Thunderbird removes a window's files when it forgets the window
      return !left().some((name) => String(name).includes("/"));
    });
  });
});

describe("another sender, chosen while a mail is written", () => {
  test("has it signed with their key, sent by their server, and kept in their folder", async (t) => {
    const theirs = await SmtpSpool.start(join(home, "their-spool"));
    const key = await tb.chrome((port) => {
      const server = MailServices.outgoingServer.createServer("smtp").QueryInterface(Ci.nsISmtpServer);
      Object.assign(server, { hostname: "127.0.0.1", port });
      server.QueryInterface(Ci.nsIMsgOutgoingServer).authMethod = 1;
      const identity = MailServices.accounts.createIdentity();
      const fccFolderURI = `${MailServices.accounts.localFoldersServer.serverURI}/TheirSent`;
      Object.assign(identity, {
        email: "bob@example.test",
        fullName: "Bob",
        smtpServerKey: server.key,
        doFcc: true,
        fccFolderURI,
      });
      MailServices.accounts.accounts.find(({ identities }) => identities.length > 0).addIdentity(identity);
      return identity.key;
    }, theirs.port);
    t.after(async () => {
      await tb.chrome((id) => {
        const identity = MailServices.accounts.getIdentity(id);
        MailServices.outgoingServer.deleteServer(MailServices.outgoingServer.getServerByKey(identity.smtpServerKey));
        MailServices.accounts.accounts.find(({ identities }) => identities.length > 0).removeIdentity(identity);
      }, key);
      await theirs.stop();
    });
    const mail = await write({ to: "carol@example.test" });
    await untilFound(tb, mail, "carol@example.test");
    await tb.chrome((id) => {
      const win = windowById(id);
      const list = win.document.getElementById("msgIdentity");
      list.selectedItem = [...list.menupopup.children].find(({ value }) => value?.includes("bob@example.test"));
      list.dispatchEvent(new win.CustomEvent("command", { bubbles: true }));
    }, mail);
    await pressSend(tb, mail);
    await sent(tb, mail);
    const [left, ...others] = theirs.mails();
    assert.deepEqual([left?.from, left?.to, others, outcome()], ["bob@example.test", ["carol@example.test"], [], []]);
    assert.match(left?.bytes.toString("latin1") ?? "", /smime-type=enveloped/);
    assert.equal(requests().findLast(({ type }) => type === "protect").from, "bob@example.test");
    assert.match(readFileSync(join(home, "profile/Mail/Local Folders/TheirSent"), "latin1"), /smime-type=enveloped/);
  });
});

describe("what changes in the settings while a mail is written", () => {
  test("counts at once for what its writer has not switched", async () => {
    const mail = await write();
    await untilFound(tb, mail, "bob@example.test");
    const switched = await write();
    await untilFound(tb, switched, "bob@example.test");
    await pressKey(tb, switched, "E");
    await untilEncrypted(switched, false);
    await pressKey(tb, switched, "E");
    await untilEncrypted(switched, true);
    const page = await Page.open(tb, "ui/options/options.html");
    const choose = (/** @type {string} */ value) =>
      page.run(async (wish) => void (await browser.storage.local.set({ defaults: { encrypt: wish } })), value);
    await choose("never");
    await untilEncrypted(mail, false);
    assert.equal((await marks(tb, switched))["bob@example.test"], "found");
    await choose("required");
    await untilEncrypted(mail, true);
    await page.run(async () => void (await browser.storage.local.set({ defaults: {} })));
    await page.close();
  });

  test("so does a key that was made meanwhile", async () => {
    order({ answers: { keys: { keys: [] } } });
    const mail = await write();
    await until("the button to say so", async () => (await buttonLabel(mail)) === "Not protected");
    const page = await Page.open(tb, "ui/options/options.html");
    order({ answers: { generate: {} } });
    await page.run(
      async () =>
        void (await browser.runtime.sendMessage({ to: "keys", what: "request", type: "generate", fields: {} })),
    );
    await untilEncrypted(mail, true);
    await page.close();
    await assertSendsEncrypted(mail);
  });
});
