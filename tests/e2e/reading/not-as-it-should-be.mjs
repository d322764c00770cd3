/** Mail that somebody changed, or put together to deceive. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed, discard } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { attachment, fileLocally, page, pressInBar, respond, shows } from "../../support/reading.mjs";
import { screen } from "../../support/windows.mjs";
import { contentOf, entityOf, lined, plainText, SECRET, withBitFlipped, withHeader } from "./mails.mjs";
import { closePopup, popupGrown } from "./popups.mjs";
import {
  alertText,
  bob,
  encryptedByOpenssl,
  hasVerdict,
  mails,
  photograph,
  protectedLetter,
  protectedMail,
  show,
  verdict,
  world,
} from "./scene.mjs";

describe("mail that is not as it should be", () => {
  test("one bit of the ciphertext flipped: nothing of it is shown, and that in words", async () => {
    await show(withBitFlipped(mails.sealed));
    const shown = await shows(bob, hasVerdict);
    photograph("reading-flipped-bit");
    assert.equal(shown.text.trim(), "");
    assert.equal(shown.attachments.length, 0);
    assert.deepEqual(shown.crypto, { technology: "S/MIME", encrypted: "message-encrypted-notok", signed: null });
    assert.match(verdict(shown), /changed .*nothing of it is shown/);
  });

  test("one letter of clear-signed text changed: it is shown, marked as not what was signed", async () => {
    await show(Buffer.from(mails.clear.toString("latin1").replace("third oven", "first oven"), "latin1"));
    const shown = await shows(bob, hasVerdict);
    photograph("reading-letter-changed");
    assert.match(shown.text, /first oven/);
    assert.match(verdict(shown), /not what was signed/);
    assert.equal(shown.crypto.signed, null);
  });

  test("the same body under another From is not valid, though it was seen valid a moment ago", async () => {
    for (const mail of [mails.sealed, mails.clear]) {
      await show(mail);
      assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
      await show(
        Buffer.from(mail.toString("latin1").replace(/^From: .*$/m, "From: Mallory <mallory@example.test>"), "latin1"),
      );
      const shown = await shows(bob, (now) => now.from.includes("mallory") && hasVerdict(now));
      assert.doesNotMatch(verdict(shown), /Signed by/);
      assert.notEqual(shown.crypto.signed, "message-signed-verified");
    }
  });

  test("text that may be an attacker's is shown only when the reader asks for it, and not quoted", async () => {
    const altered = mails.clear.toString("latin1").replace("third oven", "first oven");
    await show(await encryptedByOpenssl(entityOf(Buffer.from(altered, "latin1"))));
    const closed = await shows(bob, hasVerdict);
    photograph("reading-withheld");
    assert.equal(closed.text.trim(), "");
    assert.match(verdict(closed), /its signature is not valid/);
    assert.deepEqual(closed.bars[0]?.buttons, ["Show it anyway", "Details"]);

    await pressInBar(bob, "Details");
    assert.match((await page(bob, "ui/reading/details.html")).text, /^Do not rely on this message/);
    await popupGrown();
    photograph("reading-withheld-details");
    await closePopup();

    await pressInBar(bob, "Show it anyway");
    const shown = await shows(bob, ({ text }) => text.includes("first oven"));
    photograph("reading-withheld-shown");
    assert.match(verdict(shown), /You asked to see it/);
    assert.notEqual(shown.crypto.signed, "message-signed-verified");
    await bob.chrome(() => {
      const pane = mainWindow().document.getElementById("tabmail").currentAboutMessage.getMessagePaneBrowser();
      pane.focus();
      pane.docShell.doCommand("cmd_selectAll"); // a reply quotes what is selected
    });
    const reply = await respond(bob);
    assert.ok(!(await composed(bob, reply)).text.includes("oven"), "a reply could carry it to the attacker");
    await discard(bob, reply);

    await show(mails.clear);
    await shows(bob, hasVerdict);
    await show(await encryptedByOpenssl(entityOf(Buffer.from(altered, "latin1"))));
    assert.equal((await shows(bob, hasVerdict)).text.trim(), "", "closed again the next time");
  });

  test("two From fields are no sender", async () => {
    await show(
      Buffer.from(mails.clear.toString("latin1").replace(/^To: /m, "From: eve@example.test\r\nTo: "), "latin1"),
    );
    assert.match(verdict(await shows(bob, hasVerdict)), /one From line/);
  });

  test("an encrypted part inside another mail stays closed, and that in words", async () => {
    const outer = [
      "From: Eve <eve@example.test>\r\nTo: bob@example.test\r\nSubject: around\r\nMIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="eve"\r\n\r\n--eve\r\nContent-Type: text/html\r\n\r\n<p>Outside.<img src="x',
      `--eve\r\n${entityOf(mails.leaf)}\r\n--eve--\r\n`,
    ].join("\r\n");
    await show(Buffer.from(outer, "latin1"));
    const shown = await shows(bob, ({ bars }) => bars.length > 0);
    photograph("reading-closed-part");
    assert.ok(!shown.html.includes("oven"));
    assert.match(shown.bars.map(({ text }) => text).join(), /left closed/);
    assert.deepEqual(
      shown.attachments.map(({ name }) => name),
      ["smime-part.bin"],
    );
    assert.ok((await attachment(bob, "smime-part.bin")).equals(contentOf(mails.leaf)), "it can be saved as it came");
    assert.equal(shown.crypto.technology, null);
  });

  test("a signed file attached to a mail keeps its name, and is saved as it came", async () => {
    const named = [
      ['application/pkcs7-mime; name="invoice 1.xml.p7m"', "invoice 1.xml.p7m"],
      ["application/x-pkcs7-mime; smime-type=signed-data;\r\n name*=UTF-8''Gr%C3%BC%C3%9Fe.pdf.p7m", "Grüße.pdf.p7m"],
      ['application/octet-stream; name="=?UTF-8?Q?Gr=C3=BC=C3=9Fe=2Ep7m?="', "Grüße.p7m"],
    ];
    for (const [type, name = ""] of named) {
      const outer = [
        "From: Eve <eve@example.test>\r\nTo: bob@example.test\r\nSubject: the invoice\r\nMIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="eve"\r\n\r\n--eve\r\nContent-Type: text/plain\r\n\r\nPlease pay.',
        `--eve\r\nContent-Type: ${type}\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64`,
        `\r\n${lined(contentOf(mails.leaf))}\r\n--eve--\r\n`,
      ].join("\r\n");
      await show(Buffer.from(outer, "latin1"));
      const shown = await shows(bob, ({ attachments, bars }) => attachments.length > 0 && bars.length > 0);
      assert.deepEqual([shown.attachments.map((file) => file.name), shown.text.trim()], [[name], "Please pay."]);
      assert.match(shown.bars.map(({ text }) => text).join(), /left closed/);
      assert.ok((await attachment(bob, name)).equals(contentOf(mails.leaf)), name);
    }
  });

  test("an encrypted or signed mail attached to another can be saved and opened as it came", async () => {
    for (const inner of [mails.leaf, mails.clear]) {
      const outer = [
        "From: Eve <eve@example.test>\r\nTo: bob@example.test\r\nSubject: look at this\r\nMIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="eve"\r\n\r\n--eve\r\nContent-Type: text/plain\r\n\r\nLook.',
        '--eve\r\nContent-Type: message/rfc822; name="inner.eml"',
        `Content-Disposition: attachment; filename="inner.eml"\r\n\r\n${inner.toString("latin1")}\r\n--eve--\r\n`,
      ].join("\r\n");
      await show(Buffer.from(outer, "latin1"));
      await shows(bob, ({ attachments }) => attachments.length > 0);
      const saved = await attachment(bob, "inner.eml");
      await show(saved);
      const shown = await shows(bob, hasVerdict);
      assert.ok(shown.text.includes(SECRET));
      assert.equal(shown.bars.length, 1);
    }
  });

  test("what somebody else wrote stays attached to the mail that signs it", async () => {
    const carols = `From: Carol <carol@example.test>\r\nSubject: Pepper\r\n${plainText("More pepper.")}`;
    for (const how of [["--sign"], ["--sign", "--encrypt"]]) {
      await show(await protectedLetter({ subject: "Look" }, `Content-Type: message/rfc822\r\n\r\n${carols}`, ...how));
      const shown = await shows(bob, hasVerdict);
      assert.deepEqual([shown.subject, shown.attachments.length], ["Look", 1]);
      assert.match(verdict(shown), /Signed by alice/);
    }
    photograph("reading-attached-message");
  });

  test("a protected mail attached to a signed one takes nothing from its verdict", async () => {
    const around = (/** @type {Buffer} */ attached) =>
      [
        'Content-Type: multipart/mixed; boundary="around"\r\n',
        "--around\r\nContent-Type: text/plain\r\n\r\nSee what is attached.",
        `--around\r\nContent-Type: message/rfc822\r\n\r\n${attached.toString("latin1")}`,
        "--around--\r\n",
      ].join("\r\n");
    for (const [attached, bars] of /** @type {[Buffer, number][]} */ ([
      [mails.clear, 1],
      [mails.leaf, 2],
    ])) {
      const signed = await protectedMail(around(attached), "--sign");
      await show(signed);
      const shown = await shows(bob, hasVerdict);
      assert.match(verdict(shown), /Signed by alice/);
      assert.equal(shown.crypto.signed, "message-signed-verified");
      assert.equal(shown.bars.length, bars, "only what was left closed is told of");
      await show(Buffer.from(signed.toString("latin1").replace("See what", "Pay what"), "latin1"));
      const changed = await shows(bob, hasVerdict);
      photograph("reading-mail-within");
      assert.match(verdict(changed), /not what was signed/);
      assert.equal(changed.crypto.signed, null);
    }
  });

  test("a signed mail to which a mailing list added a line counts for nothing, and that in words", async () => {
    const signed = entityOf(mails.clear);
    const head = "From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: List\r\nMIME-Version: 1.0";
    const outer = `${head}\r\nContent-Type: multipart/mixed; boundary="list"\r\n\r\n--list\r\n${signed}\r\n`;
    const footer = "--list\r\nContent-Type: text/plain\r\n\r\nSent to the list.\r\n--list--\r\n";
    await show(Buffer.from(`${outer}${footer}`, "latin1"));
    const shown = await shows(bob, ({ bars }) => bars.length > 0);
    photograph("reading-list-footer");
    assert.ok(shown.text.includes(SECRET) && shown.text.includes("Sent to the list."));
    assert.match(shown.bars[0]?.text ?? "", /[Ss]igned/);
    assert.deepEqual([shown.crypto.signed, shown.crypto.technology], [null, null]);
  });

  test("a name that shows another address is told, and a script in the mail does not run", async () => {
    const html = `<p>${SECRET}</p><p id="bar">waiting</p><script>document.getElementById("bar").textContent = "ran"</script>`;
    const entity = `Content-Type: text/html; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${html}\r\n`;
    const mail = (await protectedMail(entity, "--sign", "--encrypt")).toString("latin1");
    await show(Buffer.from(mail.replace(/^From: .*$/m, 'From: "queen@example.org" <alice@example.test>'), "latin1"));
    const shown = await shows(bob, hasVerdict);
    photograph("reading-misleading-name");
    assert.match(shown.text, /waiting/);
    assert.match(verdict(shown), /queen@example\.org/);
    assert.equal(shown.bars[0]?.buttons.includes("Details"), true, "it is more than a good mail's bar");
  });

  test("what holds certificates and no text says so, and is not called encrypted", async () => {
    const certificates = join(world.directory, "certificates.p7c");
    const from = ["-certfile", await world.alice.certificate(), "-out", certificates];
    execFileSync("openssl", ["crl2pkcs7", "-nocrl", "-outform", "DER", ...from]);
    const type = 'application/pkcs7-mime; smime-type=certs-only; name="smime.p7c"';
    const head = `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64`;
    await show(withHeader(`${head}\r\n\r\n${lined(readFileSync(certificates))}\r\n`, "alice@example.test"));
    const shown = await shows(bob, hasVerdict);
    photograph("reading-certificates-only");
    assert.match(verdict(shown), /certificates and no text/);
    assert.deepEqual([shown.crypto.encrypted, shown.crypto.signed], [null, null]);
  });

  test("details are those of the window in which they are asked for", async () => {
    await show(mails.clear);
    await shows(bob, hasVerdict);
    const { key } = await fileLocally(bob, withBitFlipped(mails.sealed));
    const details = await bob.chrome(async (messageKey) => {
      const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Test");
      MailUtils.openMessageInNewWindow(folder.GetMessageHeader(messageKey));
      const win = await until("the window", () => Services.wm.getMostRecentWindow("mail:messageWindow"));
      const bar = () =>
        win.messageBrowser?.contentDocument?.querySelector('notification-message[value="dane-smime-verdict"]');
      const button = () => [...(bar()?.buttonContainer?.querySelectorAll("button") ?? [])].at(-1);
      await until("the bar", button);
      mainWindow().focus();
      await until("the main window in front", () => Services.wm.getMostRecentWindow("") === mainWindow());
      button().click();
      const panel = () => [...win.document.querySelectorAll("panel")].find(({ state }) => state === "open");
      await until("the details", () => panel()?.querySelector("browser"));
      const inMain = [...mainWindow().document.querySelectorAll("panel")].filter(
        ({ state }) => state === "open",
      ).length;
      panel().hidePopup();
      win.close();
      return { inMain };
    }, key);
    assert.deepEqual(details, { inMain: 0 });
  });

  test("what cannot be opened opens no empty compose window", async () => {
    await show(withBitFlipped(mails.sealed));
    await shows(bob, hasVerdict);
    await bob.chrome(() => {
      mainWindow().document.getElementById("tabmail").currentAboutMessage.goDoCommand("cmd_editAsNew");
    });
    await until("the dialogue", async () => /not opened for writing/.test(await alertText()));
    photograph("reading-no-window");
    await bob.marionette.command("WebDriver:AcceptAlert");
    assert.equal((await screen(bob)).compose.length, 0);
  });
});
