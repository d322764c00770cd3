/** Mail that is as it should be: what Bob sees of it, and what he can do with it. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed, discard } from "../../support/composing.mjs";
import { remove, until } from "../../support/process.mjs";
import {
  attachment,
  closeSecurityPanel,
  fileLocally,
  page,
  respond,
  securityPanel,
  shows,
} from "../../support/reading.mjs";
import { FILE, lined, plainText, SECRET, withHeader } from "./mails.mjs";
import { closePopup, popupGrown } from "./popups.mjs";
import {
  bob,
  faults,
  forgetTracked,
  hasVerdict,
  htmlWithFile,
  LOCK_AND_SEAL,
  mails,
  photograph,
  protectedLetter,
  protectedMail,
  requests,
  show,
  tracked,
  verdict,
  world,
} from "./scene.mjs";

describe("mail that is as it should be", () => {
  test("opens as any mail does: text, attachment, lock, seal, and who vouches", async () => {
    await show(mails.sealed);
    const shown = await shows(bob, hasVerdict);
    photograph("reading-sealed");
    assert.ok(shown.text.includes(SECRET));
    assert.deepEqual(shown.crypto, LOCK_AND_SEAL);
    assert.match(verdict(shown), /Signed by alice@example\.test\. example\.test vouches .* \(DNSSEC\)/);
    assert.ok((await attachment(bob, "tarts.bin")).equals(FILE));
  });

  test("the security panel agrees with the bar", async () => {
    const text = await securityPanel(bob);
    photograph("reading-security-panel");
    assert.match(text, /Message Is Signed/);
    assert.match(text, /Message Is Encrypted/);
    await closeSecurityPanel(bob);
  });

  test("the details view says who vouches and how, in words first", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    await bob.chrome(() => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const button = view.document.querySelector('[id$="messageDisplayAction-toolbarbutton"]');
      button.dispatchEvent(new view.MouseEvent("mousedown", { button: 0, bubbles: true }));
    });
    const seen = await page(bob, "ui/reading/details.html");
    await popupGrown();
    photograph("reading-details");
    assert.match(seen.text, /^It is certain who wrote this message/);
    assert.match(seen.text, /Signed by alice@example\.test\. example\.test vouches/);
    assert.equal(seen.terms.Signer, "alice@example.test");
    assert.equal(seen.terms["Vouched for by"], "example.test");
    assert.equal(seen.terms["To the key of"], "bob@example.test");
    assert.equal(seen.terms.Kind, "SMIMEA 3 0 0");
    assert.ok(seen.terms["DNS root"], "the chain of trust begins at the root");
    assert.ok(seen.terms["First seen valid"]);
    for (const [term, value] of /** @type {[string, RegExp][]} */ ([
      ["Kept for", /^\d+ seconds$/],
      ["Answer", /^proven by DNSSEC$/],
      ["example.test", /^key \d+, ECDSA P-256$/],
      ["Issued to", /Alice Liddell/],
      ["SHA-256", /^[0-9a-f]{64}$/],
      ["Layer 1", /^encrypted, .*aes-256-gcm$/],
      ["Layer 2", /^signed, .*sha256/],
      ["Hidden on the way", /^Subject$/],
    ])) {
      assert.match(seen.terms[term] ?? "", value, term);
    }
    assert.equal(seen.focus, "summary", "a screen reader begins at the top");
    assert.equal(seen.unnamed, 0);
    await closePopup();
  });

  test("the details view opens by keyboard alone", async () => {
    await bob.chrome(async () => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const button = view.document.querySelector('[id$="messageDisplayAction-toolbarbutton"]');
      await until("the button", () => button.checkVisibility());
      view.document.getElementById("hdrReplyButton").focus();
    });
    // Along the message's own buttons, which the arrow keys go.
    for (let press = 0; press < 20 && !(await bob.chrome(onOurButton)); press++) await key("\uE014");
    assert.ok(await bob.chrome(onOurButton), "the arrow key comes to it");
    await key("\uE007");
    assert.match((await page(bob, "ui/reading/details.html")).text, /Signed by alice/);
    await closePopup();
  });

  test("nothing remote is fetched for it, even where remote images are allowed", async () => {
    await bob.setPreference("mailnews.message_display.disable_remote_image", false);
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    // A plain mail with the same image shows that the image could be fetched.
    assert.equal(tracked(), 0);
    await show(withHeader(htmlWithFile(), "Alice <alice@example.test>"));
    await shows(bob, ({ text }) => text.includes(SECRET));
    await until("the image of the plain mail", () => tracked() > 0);
    forgetTracked();
    await bob.setPreference("mailnews.message_display.disable_remote_image", true);
  });

  test("a reply quotes it", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const reply = await respond(bob);
    assert.ok((await composed(bob, reply)).text.includes(SECRET));
    await discard(bob, reply);
  });

  test("a reply quotes a mail that was never opened, and the window is known to hold what was encrypted", async () => {
    const { key } = await fileLocally(bob, await protectedMail(plainText("Never looked at."), "--sign", "--encrypt"));
    const { reply, told } = await bob.chrome(async (messageKey) => {
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Test");
      const windows = [];
      const observer = { observe: (win) => windows.push(win) };
      Services.obs.addObserver(observer, "dane-smime-decrypted-window");
      mainWindow().ComposeMessage(Ci.nsIMsgCompType.ReplyToSender, Ci.nsIMsgCompFormat.Default, folder, [
        folder.generateMessageURI(messageKey),
      ]);
      const win = await until("the reply", () => composeWindows().find(({ composeEditorReady }) => composeEditorReady));
      await until("the quotation", () => win.gMsgCompose.editor.document.body.textContent.includes("Never looked"));
      Services.obs.removeObserver(observer, "dane-smime-decrypted-window");
      return { reply: idOf(win), told: windows.includes(win) };
    }, key);
    assert.ok(told);
    await discard(bob, reply);
  });

  test("forward inline and edit as new take text and attachment along", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    for (const command of /** @type {const} */ (["cmd_forwardInline", "cmd_editAsNew"])) {
      const window = await respond(bob, command);
      const { text, attachments } = await composed(bob, window);
      assert.ok(text.includes(SECRET), command);
      assert.equal(attachments.length, 1, command);
      await discard(bob, window);
    }
  });

  test("a large one is asked for once, and drawn whole", async () => {
    const file = randomBytes(2 * 1024 * 1024);
    const large = htmlWithFile().replace(/\r\n\r\n[^-]*\r\n--oven--/, () => `\r\n\r\n${lined(file)}\r\n--oven--`);
    const mail = await protectedMail(large, "--sign", "--encrypt");
    const asked = () => requests().filter((type) => type === "open").length;
    const before = asked();
    await show(mail);
    const shown = await shows(bob, hasVerdict);
    assert.ok(shown.text.includes(SECRET));
    assert.equal(asked() - before, 1, "what was read early is what libmime handed over");
    assert.ok((await attachment(bob, "tarts.bin")).equals(file));
    assert.equal(asked() - before, 1, "its attachment is at hand");
  });

  test("a large one that the host does not take from a file goes to it in chunks", async () => {
    const file = randomBytes(2 * 1024 * 1024);
    const large = htmlWithFile().replace(/\r\n\r\n[^-]*\r\n--oven--/, () => `\r\n\r\n${lined(file)}\r\n--oven--`);
    const refused = { code: "body-file-refused", message: "It is not where I look." };
    faults({ open: { when: { body_file: "any" }, error: refused } });
    await show(await protectedMail(large, "--sign", "--encrypt"));
    const shown = await shows(bob, hasVerdict);
    assert.ok(shown.text.includes(SECRET), verdict(shown));
    assert.match(verdict(shown), /Signed by alice/);
    assert.ok((await attachment(bob, "tarts.bin")).equals(file));
  });

  test("clear-signed text is marked with a seal", async () => {
    await show(mails.clear);
    const shown = await shows(bob, hasVerdict);
    assert.ok(shown.text.includes(SECRET));
    assert.equal(shown.crypto.signed, "message-signed-verified");
    photograph("reading-clear-signed");
  });

  test("a mail that is a whole message inside is shown as that message, signed or encrypted too", async () => {
    for (const how of [["--sign"], ["--sign", "--encrypt"]]) {
      await show(await protectedLetter({ subject: "Inside" }, plainText(), ...how, "--wrap"));
      const shown = await shows(bob, hasVerdict);
      assert.ok(shown.text.includes(SECRET));
      assert.deepEqual([shown.subject, shown.attachments], ["Inside", []]);
      assert.match(verdict(shown), /Signed by alice/);
      const reply = await respond(bob);
      await until("the subject", async () => (await composed(bob, reply)).subject === "Re: Inside");
      assert.ok((await composed(bob, reply)).text.includes(SECRET));
      await discard(bob, reply);
    }
  });

  test("text that was signed without any header is shown, and is what was signed", async () => {
    const file = (/** @type {string} */ name) => join(world.directory, name);
    writeFileSync(file("password"), "swordfish");
    writeFileSync(file("bare.txt"), `${SECRET}\nSo says nobody's mail program.\n`);
    const [{ sha256 }] = await world.alice.keys();
    await world.alice.must(
      ...["key", "export", "--sha256", sha256, "--p12", file("alice.p12"), "--password-file", file("password")],
    );
    const passwords = ["-passin", `file:${file("password")}`];
    execFileSync("openssl", ["pkcs12", "-in", file("alice.p12"), ...passwords, "-nodes", "-out", file("alice.pem")]);
    const signed = execFileSync("openssl", ["cms", "-sign", "-in", file("bare.txt"), "-signer", file("alice.pem")]);
    remove(file("alice.pem"));
    const head = ["From: Alice Liddell <alice@example.test>", "Subject: Bare", "Message-ID: <bare@example.test>", ""];
    await show(Buffer.concat([Buffer.from(head.join("\n")), signed]));
    const shown = await shows(bob, hasVerdict);
    assert.ok(shown.text.includes(SECRET) && shown.text.includes("nobody's mail program"), shown.text);
    assert.match(verdict(shown), /Signed by alice/);
    assert.equal(shown.crypto.signed, "message-signed-verified");
  });

  test("a message file on disk opens like one in a folder", async () => {
    const file = join(world.directory, "sealed.eml");
    writeFileSync(file, mails.sealed);
    const text = await bob.chrome(async (path) => {
      const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
      const nsFile = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      nsFile.initWithPath(path);
      const tabmail = mainWindow().document.getElementById("tabmail");
      MailUtils.openEMLFile(mainWindow(), nsFile, Services.io.newFileURI(nsFile));
      await until("the tab", () => tabmail.tabInfo.length > 1);
      const view = await until("the message", () => tabmail.currentAboutMessage);
      const bar = await until("the verdict", () => view.document.querySelector('[value="dane-smime-verdict"]'));
      await until("the text", () => view.getMessagePaneBrowser().contentDocument?.body?.innerText.includes("tarts"));
      await sleep(200);
      const words = bar.messageText.textContent;
      tabmail.closeTab();
      await until("the first tab", () => tabmail.currentAbout3Pane);
      return words;
    }, file);
    assert.match(text, /Signed by alice@example\.test/);
  });
});

/** Whether the keyboard is on the message's button of the add-on. */
function onOurButton() {
  const { activeElement } = mainWindow().document.getElementById("tabmail").currentAboutMessage.document;
  return Boolean(activeElement?.id.endsWith("messageDisplayAction-toolbarbutton"));
}

/** Presses a key. @param {string} value as WebDriver names it */
async function key(value) {
  const strokes = [
    { type: "keyDown", value },
    { type: "keyUp", value },
  ];
  await bob.marionette.command("WebDriver:PerformActions", {
    actions: [{ type: "key", id: "keys", actions: strokes }],
  });
}
