/** What Bob is shown of mail that is not as it should be, and what he can do with mail that is. */

import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { composed, discard } from "../support/composing.mjs";
import { Display } from "../support/display.mjs";
import { openPage, pageShows } from "../support/pages.mjs";
import { remove, temporaryDirectory } from "../support/process.mjs";
import {
  attachment,
  closeSecurityPanel,
  fileLocally,
  page,
  pressInBar,
  respond,
  securityPanel,
  select,
  shows,
} from "../support/reading.mjs";
import { installPermanently, profileOf, ROOT, registerHost, unregisterHost } from "../support/thunderbird.mjs";
import { screen } from "../support/windows.mjs";
import { World } from "../support/world.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");
const SECRET = "The tarts are in the third oven.";
const FILE = randomBytes(100_000);
const LOCK_AND_SEAL = { technology: "S/MIME", encrypted: "message-encrypted-ok", signed: "message-signed-verified" };

/** @typedef {import("../support/reading.mjs").Displayed} Displayed */

/** @type {World} */
let world;
/** @type {import("../support/thunderbird.mjs").Thunderbird} */
let bob;
/** @type {Display} */
let display;
/** @type {import("node:http").Server} */
let tracker;
let tracked = 0;
let directory = "";
/** Alice's mails as they left her. @type {{sealed: Buffer, leaf: Buffer, clear: Buffer}} */
let mails;

before(async () => {
  directory = temporaryDirectory();
  tracker = createServer((_request, response) => {
    tracked++;
    response.end();
  });
  await new Promise((resolve) => tracker.listen(0, "127.0.0.1", () => resolve(undefined)));
  world = await World.start(directory);
  display = await Display.start({ log: join(directory, "display.log") });
  faults({});
  installPermanently(profileOf(world.bob.user));
  bob = await startBob();
  mails = {
    sealed: await protectedMail(htmlWithFile(), "--sign", "--encrypt"),
    leaf: await protectedMail(plainText(), "--encrypt"),
    clear: await protectedMail(plainText(), "--sign"),
  };
});

after(async () => {
  await bob?.stop();
  await display?.stop();
  await world?.stop();
  tracker?.close();
  if (directory) remove(directory);
});

beforeEach(() => faults({}));

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
    // On a display without a window manager, a popup that takes the focus takes it from its own window, and closes.
    await bob.setPreference("ui.popup.disable_autohide", true);
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
    assert.equal(tracked, 0);
    await show(withHeader(htmlWithFile(), "Alice <alice@example.test>"));
    await shows(bob, ({ text }) => text.includes(SECRET));
    await eventually(() => tracked > 0, "the image of the plain mail");
    tracked = 0;
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
  });

  test("clear-signed text is marked with a seal", async () => {
    await show(mails.clear);
    const shown = await shows(bob, hasVerdict);
    assert.ok(shown.text.includes(SECRET));
    assert.equal(shown.crypto.signed, "message-signed-verified");
    photograph("reading-clear-signed");
  });

  test("a message file on disk opens like one in a folder", async () => {
    const file = join(directory, "sealed.eml");
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
    assert.match(verdict(closed), /its signature does not fit/);
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

  test("what cannot be opened opens no empty compose window", async () => {
    await show(withBitFlipped(mails.sealed));
    await shows(bob, hasVerdict);
    await bob.chrome(() => {
      mainWindow().document.getElementById("tabmail").currentAboutMessage.goDoCommand("cmd_editAsNew");
    });
    // The dialogue belongs to the window that is driven, so it is WebDriver's to answer.
    await eventually(async () => /not opened for writing/.test(await alertText()), "the dialogue");
    photograph("reading-no-window");
    await bob.marionette.command("WebDriver:AcceptAlert");
    assert.equal((await screen(bob)).compose.length, 0);
  });
});

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
    await eventually(async () => (await bars()).some((text) => /^Decrypting…/.test(text)), "the bar");
    photograph("reading-pending");
    await shows(bob, (now) => now.text.includes("Slowly.") && hasVerdict(now));
  });

  test("hung: the list goes on meanwhile, and the next message opens", async () => {
    faults({ open: "hang" });
    await begin(await protectedMail(plainText("Never."), "--encrypt"));
    await eventually(async () => (await bars()).some((text) => /^Decrypting…/.test(text)), "the bar");
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
});

describe("other ways to a message", () => {
  test("forwarded as an attachment, and saved as a file, it stays encrypted", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const window = await respond(bob, "cmd_forwardAttachment");
    const forwarded = await bob.chrome(
      (id) => [...windowById(id).gAttachmentBucket.itemChildren].map(({ attachment }) => attachment.url),
      window,
    );
    const attached = readFileSync(new URL(forwarded[0] ?? ""), "latin1");
    assert.match(attached, /application\/pkcs7-mime/, "the message as it lies in its folder");
    assert.ok(!attached.includes(SECRET));
    await discard(bob, window);

    const file = join(directory, "saved.eml");
    await bob.chrome(async (path) => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const nsFile = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      nsFile.initWithPath(path);
      const done = Promise.withResolvers();
      const listener = { OnStartRunningUrl() {}, OnStopRunningUrl: () => done.resolve(undefined) };
      MailServices.messageServiceFromURI(view.gMessageURI).saveMessageToDisk(
        view.gMessageURI,
        nsFile,
        false,
        listener,
        false,
        null,
      );
      await done.promise;
    }, file);
    const saved = readFileSync(file, "latin1");
    assert.match(saved, /application\/pkcs7-mime/);
    assert.ok(!saved.includes(SECRET));
  });

  test("a filter and the quick search do not see what was encrypted", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const hits = await bob.chrome(async (words) => {
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Test");
      const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
      session.addScopeTerm(Ci.nsMsgSearchScope.offlineMail, folder);
      const term = session.createTerm();
      const { value } = term;
      value.attrib = Ci.nsMsgSearchAttrib.Body;
      value.str = words;
      term.attrib = Ci.nsMsgSearchAttrib.Body;
      term.op = Ci.nsMsgSearchOp.Contains;
      term.value = value;
      session.appendTerm(term);
      const found = [];
      const done = Promise.withResolvers();
      session.registerListener(
        {
          QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
          onSearchHit: (header) => found.push(header.subject),
          onSearchDone: () => done.resolve(undefined),
          onNewSearch() {},
        },
        Ci.nsIMsgSearchSession.allNotifications,
      );
      session.search(null);
      await done.promise;
      // Encrypted mail in this folder hides its subject; clear-signed mail may well be found.
      return found.filter((subject) => subject === "[...]").length;
    }, SECRET);
    assert.equal(hits, 0);
  });

  test("print shows it, and what is printed is the plaintext", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const printed = await bob.chrome(async () => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const uri = view.gMessageURI;
      const loaded = mainWindow().document.createXULElement("browser");
      loaded.setAttribute("type", "content");
      mainWindow().document.documentElement.append(loaded);
      MailServices.messageServiceFromURI(uri).loadMessage(`${uri}?header=print`, loaded.docShell, null, null, false);
      const text = await until(
        "what is printed",
        () => loaded.contentDocument?.body?.innerText.includes("oven") && loaded.contentDocument.body.innerText,
      );
      loaded.remove();
      return text;
    });
    assert.ok(printed.includes(SECRET));
  });
});

describe("copies of encrypted mail", () => {
  test("without encryption, the original left where it is", async () => {
    await makeFolder("Readable");
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    await chooseInListMenu("Copy without encryption…");
    await page(bob, "ui/reading/convert.html", pick("Readable"));
    photograph("reading-convert");
    const said = await page(bob, "ui/reading/convert.html", "content.document.getElementById('start').click()");
    assert.match(said.text, /One message|Message 1|Copied/);
    const done = await finished();
    photograph("reading-convert-done");
    assert.match(done, /Copied: 1\. Not encrypted: 0\. Left as they are: 0\./);
    const [copy] = await rawMessages("Readable");
    assert.ok(copy?.includes(SECRET));
    assert.match(copy ?? "", /^Message-ID: /im);
    assert.doesNotMatch(copy ?? "", /pkcs7-mime/);
    assert.ok((await rawMessages("Test")).at(-1)?.includes("application/pkcs7-mime"), "the original");
    await closePages();
  });

  test("encrypted anew to the present key, readable after that, the original in the trash when so chosen", async () => {
    await makeFolder("Anew");
    await show(mails.leaf);
    await shows(bob, hasVerdict);
    const before = (await rawMessages("Test")).length;
    await chooseInListMenu("Copy, encrypted to my present key…");
    await page(bob, "ui/reading/convert.html", `${pick("Anew")}; content.document.getElementById("remove").click()`);
    await page(bob, "ui/reading/convert.html", "content.document.getElementById('start').click()");
    assert.match(await finished(), /Copied: 1\./);
    const [copy] = await rawMessages("Anew");
    assert.match(copy ?? "", /application\/pkcs7-mime/);
    assert.ok(!copy?.includes(SECRET));
    assert.equal((await rawMessages("Test")).length, before - 1);
    await closePages();
    await show(Buffer.from(copy ?? "", "latin1"));
    await shows(bob, (now) => now.text.includes(SECRET) && hasVerdict(now));
  });
});

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
    await eventually(
      async () => {
        await show(mails.sealed);
        shown = await shows(bob, hasVerdict);
        return /keyring.* is locked/.test(verdict(shown));
      },
      "the locked keyring",
      60_000,
    );
    photograph("reading-keyring-locked");
    assert.equal(shown?.text.trim(), "");
    await world.bob.keyring?.unlock();
    await pressTryAgain();
    await shows(bob, (now) => now.text.includes(SECRET) && hasVerdict(now));
  });
});

describe("on the disk", () => {
  test("nothing of what was read is left in profile or temporary folders", async () => {
    const marker = "No fork has ever touched these tarts.";
    await show(await protectedMail(plainText(marker), "--sign", "--encrypt"));
    await shows(bob, ({ text }) => text.includes(marker));
    const reply = await respond(bob);
    assert.ok((await composed(bob, reply)).text.includes(marker));
    await discard(bob, reply);
    await show(mails.clear);
    await bob.chrome(() => sleep(500));
    // Whatever holds the words at all: the profile with its indexes, the temporary folder, caches, the runtime folder.
    const { stdout } = spawnSync("grep", ["-rlaF", "--", marker, world.bob.user.home], { encoding: "utf8" });
    assert.equal(stdout, "");
    // The same search finds what does lie there.
    assert.notEqual(spawnSync("grep", ["-rlaF", "--", "pkcs7-mime", world.bob.user.home]).stdout.length, 0);
  });
});

describe("beside Thunderbird's own", () => {
  test("OpenPGP mail is left to OpenPGP", async () => {
    await show(openPgpSigned());
    const shown = await shows(bob, ({ text }) => text.includes("signed with OpenPGP"));
    assert.deepEqual(
      shown.bars.filter(({ value }) => value.startsWith("dane")),
      [],
    );
  });

  test("a setting leaves S/MIME mail to Thunderbird's own, and takes it back", async () => {
    const OPTIONS = "ui/options/options.html";
    await show(mails.clear);
    await shows(bob, hasVerdict);
    await openPage(bob, OPTIONS);
    await pageShows(bob, OPTIONS, "#open-with option");
    await page(bob, OPTIONS, choose("thunderbird"));
    const ours = () => "@mozilla.org/mimecth;1?type=application/pkcs7-mime" in Cc;
    await eventually(async () => !(await bob.chrome(ours)), "our part to be taken back");
    photograph("options-open-with");
    await bob.chrome(() => mainWindow().document.getElementById("tabmail").switchToTab(0));
    const left = await shows(bob, ({ text, bars }) => text.includes(SECRET) && !bars.some(isOurs));
    assert.equal(left.crypto.technology, "S/MIME");
    await page(bob, OPTIONS, choose("addon"));
    await eventually(() => bob.chrome(ours), "our part to be there again");
    await bob.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.closeOtherTabs(tabmail.tabInfo[0]);
    });
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });

  test("after the second start mail opens just as well", async () => {
    await bob.stop();
    bob = await startBob();
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });

  test("switched off while it runs, it leaves Thunderbird as it was", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const handlers = () => {
      const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
      return [
        "@mozilla.org/mime/pgp-mime-js-decrypt;1",
        "@mozilla.org/streamconv;1?from=message/rfc822&to=application/xhtml+xml",
      ].map((contract) => String(registrar.contractIDToCID(contract)));
    };
    const ours = await bob.chrome(handlers);
    await bob.chrome(async () => {
      const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
      await (await AddonManager.getAddonByID("dane-smime@dane-smime.org")).disable();
    });
    const shown = await shows(bob, ({ bars }) => !bars.some(({ value }) => value.startsWith("dane")));
    assert.ok(!shown.html.includes(SECRET));
    const native = await bob.chrome(handlers);
    assert.ok(native.every((/** @type {string} */ id, /** @type {number} */ index) => id !== ours[index]));
    await show(openPgpSigned());
    await shows(bob, ({ text }) => text.includes("signed with OpenPGP"));
    await show(mails.clear);
    await shows(bob, ({ text }) => text.includes(SECRET));

    await bob.chrome(async () => {
      const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
      await (await AddonManager.getAddonByID("dane-smime@dane-smime.org")).enable();
    });
    await bob.addonActive();
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });
});

/** Bob's Thunderbird with the add-on installed for good, and a host that fails on demand before the real one. */
function startBob() {
  return world.bob.thunderbird({
    addon: null,
    host: join(ROOT, "tests/support/faulty-host.mjs"),
    display: display.name,
  });
}

/** @param {Record<string, unknown>} wrong by request type */
function faults(wrong) {
  writeFileSync(join(world.bob.user.home, "faults.json"), JSON.stringify({ pass: world.bob.host, faults: wrong }));
}

/** Clicks on a mail and does not wait for it. @param {Buffer} mail */
async function begin(mail) {
  const { key } = await fileLocally(bob, mail);
  await bob.chrome((messageKey) => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    mainWindow().setTimeout(() => about3Pane.selectMessage(about3Pane.gFolder.GetMessageHeader(messageKey)), 0);
  }, key);
}

/** The words of all bars, while the message may still be on its way. @returns {Promise<string[]>} */
function bars() {
  return bob.chrome(() => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    return [...document.querySelectorAll("notification-message")].map(
      (bar) => bar.messageText?.textContent.trim() ?? "",
    );
  });
}

/** What Bob's host was asked for, in order. @returns {string[]} types of requests */
function requests() {
  const lines = readFileSync(join(world.bob.user.home, "faults.json.log"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line).type);
}

/** @param {Buffer} mail */
async function show(mail) {
  await select(bob, await fileLocally(bob, mail), "local");
}

/** @param {Displayed} shown */
function hasVerdict({ bars }) {
  return bars.some(({ value, text }) => value === "dane-smime-verdict" && !/…$/.test(text));
}

/** @param {Displayed} shown */
function verdict({ bars }) {
  return bars.find(({ value }) => value === "dane-smime-verdict")?.text ?? "";
}

/** @param {string} name */
function photograph(name) {
  display.picture(join(PICTURES, `${name}.png`));
}

function pressTryAgain() {
  return bob.chrome(() => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    document.querySelector('[value="dane-smime-verdict"]').buttonContainer.querySelector("button").click();
  });
}

/** @param {string} name of a new local folder */
function makeFolder(name) {
  return bob.chrome((folder) => {
    MailServices.accounts.localFoldersServer.rootFolder
      .QueryInterface(Ci.nsIMsgLocalMailFolder)
      .createLocalSubfolder(folder);
  }, name);
}

/**
 * Chooses an entry of the add-on in the context menu of the message that is selected.
 *
 * @param {string} label
 */
function chooseInListMenu(label) {
  return bob.chrome(async (wanted) => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const row = about3Pane.threadTree.getRowAtIndex(about3Pane.threadTree.selectedIndex);
    const at = { bubbles: true, cancelable: true, button: 2 };
    row.dispatchEvent(new about3Pane.MouseEvent("contextmenu", at));
    const popup = await until("the menu", () => {
      const menus = [about3Pane, mainWindow()].map(({ document }) => document.getElementById("mailContext"));
      return menus.find((menu) => menu?.state === "open");
    });
    const parent = [...popup.children].find(({ id }) => id.startsWith("dane-smime"));
    parent.openMenu(true);
    const item = await until("the entry", () => [...parent.menupopup.children].find((each) => each.label === wanted));
    await until("the submenu", () => parent.menupopup.state === "open");
    parent.menupopup.activateItem(item);
  }, label);
}

/** Chooses who opens mail on the settings page. @param {string} who */
function choose(who) {
  return `const select = content.document.getElementById("open-with");
    select.value = ${JSON.stringify(who)};
    select.dispatchEvent(new content.Event("change"))`;
}

/** @param {{value: string}} bar */
function isOurs({ value }) {
  return value.startsWith("dane");
}

/** Chooses a folder on the page for copies. @param {string} folder */
function pick(folder) {
  return `const select = content.document.getElementById("folder");
    select.value = [...select.options].find(({ text }) => text === ${JSON.stringify(folder)}).value`;
}

/** What the page for copies says at the end. */
async function finished() {
  let text = "";
  await eventually(async () => {
    ({ text } = await page(bob, "ui/reading/convert.html"));
    return /^(Done|Cancelled)\./m.test(text);
  }, "the end");
  return text;
}

/** The messages of a local folder as they lie there. @param {string} name @returns {Promise<string[]>} byte strings */
function rawMessages(name) {
  return bob.chrome((folderName) => {
    const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed(folderName);
    return [...folder.messages].map((header) => {
      const stream = folder.getMsgInputStream(header);
      const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
      reader.setInputStream(stream);
      let text = "";
      while (stream.available()) text += reader.readBytes(stream.available());
      stream.close();
      return text;
    });
  }, name);
}

/** Closes the windows of the add-on's pages. */
function closePages() {
  return bob.chrome(async () => {
    const pages = () => [...Services.wm.getEnumerator("mail:extensionPopup")];
    for (const win of pages()) win.close();
    await until("the windows to close", () => pages().length === 0);
  });
}

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

/** Waits until the add-on's popup has come to the size of what is in it. */
function popupGrown() {
  return bob.chrome(async () => {
    const height = () =>
      mainWindow().document.querySelector(".webextension-popup-panel")?.getBoundingClientRect().height;
    await until("the popup to grow", () => height() > 200);
    await sleep(200);
  });
}

/** Closes what popups of the add-on are open. */
function closePopup() {
  return bob.chrome(async () => {
    const open = () => [...mainWindow().document.querySelectorAll("panel")].filter(({ state }) => state === "open");
    for (const panel of open()) panel.hidePopup();
    await until("the popup to close", () => open().length === 0);
  });
}

/** The words of a dialogue of the main window; empty while there is none. */
async function alertText() {
  try {
    return (await bob.marionette.command("WebDriver:GetAlertText")).value;
  } catch {
    return "";
  }
}

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @param {string} what
 * @param {number} [ms]
 */
async function eventually(condition, what, ms = 10_000) {
  for (const end = Date.now() + ms; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * What Alice's `dane-smime protect` makes of an entity.
 *
 * @param {string} entity
 * @param {...string} how
 */
async function protectedMail(entity, ...how) {
  const [input, output] = [join(directory, "in.eml"), join(directory, "out.eml")];
  writeFileSync(input, withHeader(entity, "Alice Liddell <alice@example.test>"));
  await world.alice.must(
    ...["protect", "--from", "alice@example.test", "--to", "bob@example.test"],
    ...[...how, "--input", input, "--output", output],
  );
  return readFileSync(output);
}

/**
 * An entity encrypted to Bob without authentication (AES-CBC), as anybody could do.
 *
 * @param {string} entity
 */
async function encryptedByOpenssl(entity) {
  const [input, output] = [join(directory, "in.cbc"), join(directory, "out.cbc")];
  writeFileSync(input, entity, "latin1");
  const der = ["-outform", "DER", "-out", output, await world.bob.certificate()];
  execFileSync("openssl", ["cms", "-encrypt", "-binary", "-aes256", "-in", input, ...der]);
  const lines = readFileSync(output).toString("base64").replace(/.{76}/g, "$&\r\n");
  const type = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"';
  return withHeader(
    `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`,
    "Alice Liddell <alice@example.test>",
  );
}

/**
 * @param {string} entity
 * @param {string} from
 */
function withHeader(entity, from) {
  const head = [
    `From: ${from}`,
    "To: Bob Dodgson <bob@example.test>",
    "Subject: Tarts",
    `Date: ${new Date().toUTCString()}`, // the day it is signed: another one is warned of
    `Message-ID: <${randomBytes(8).toString("hex")}@example.test>`,
    "MIME-Version: 1.0",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n${entity}`);
}

function htmlWithFile() {
  const { port } = /** @type {import("node:net").AddressInfo} */ (tracker.address());
  return [
    'Content-Type: multipart/mixed; boundary="oven"\r\n',
    "--oven\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n",
    `<html><body><p>Dear Bob, <b>${SECRET}</b></p><img src="http://127.0.0.1:${port}/pixel.png"></body></html>`,
    '--oven\r\nContent-Type: application/octet-stream; name="tarts.bin"\r\nContent-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="tarts.bin"\r\n',
    `${FILE.toString("base64").replace(/.{76}/g, "$&\r\n")}\r\n--oven--\r\n`,
  ].join("\r\n");
}

/** @param {Buffer} file @returns {string} base64 in lines */
function lined(file) {
  return file.toString("base64").replace(/.{76}/g, "$&\r\n");
}

function plainText(text = SECRET) {
  return `Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${text}\r\n`;
}

function openPgpSigned() {
  return withHeader(
    [
      'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="pgp"\r\n',
      "--pgp\r\nContent-Type: text/plain\r\n\r\nsigned with OpenPGP",
      '--pgp\r\nContent-Type: application/pgp-signature; name="s.asc"\r\n',
      "-----BEGIN PGP SIGNATURE-----\r\n\r\nwsB=\r\n-----END PGP SIGNATURE-----\r\n--pgp--\r\n",
    ].join("\r\n"),
    "Alice <alice@example.test>",
  );
}

/** @param {Buffer} mail */
function withBitFlipped(mail) {
  const text = mail.toString("latin1");
  const at = text.indexOf("\r\n\r\n") + 4;
  const ciphertext = Buffer.from(text.slice(at), "base64");
  const middle = ciphertext.length >> 1;
  ciphertext[middle] = (ciphertext[middle] ?? 0) ^ 1;
  return Buffer.from(`${text.slice(0, at)}${ciphertext.toString("base64").replace(/.{76}/g, "$&\r\n")}\r\n`, "latin1");
}

/**
 * The decoded content of a mail that is base64 at its root.
 *
 * @param {Buffer} mail
 */
function contentOf(mail) {
  const text = mail.toString("latin1");
  return Buffer.from(text.slice(text.indexOf("\r\n\r\n")), "base64");
}

/**
 * A protected mail without the header of the message.
 *
 * @param {Buffer} mail
 */
function entityOf(mail) {
  const [head = "", ...body] = mail.toString("latin1").split("\r\n\r\n");
  const fields = head.split(/\r\n(?![ \t])/).filter((field) => /^content-/i.test(field));
  return `${fields.join("\r\n")}\r\n\r\n${body.join("\r\n\r\n")}`;
}
