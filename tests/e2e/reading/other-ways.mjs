/** What else comes to a message, and what is left of it on the disk. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed, discard } from "../../support/composing.mjs";
import { inMemory } from "../../support/keyring.mjs";
import { respond, shows } from "../../support/reading.mjs";
import { entityOf, plainText, SECRET, withHeader } from "./mails.mjs";
import { bob, hasVerdict, mails, protectedMail, show, world } from "./scene.mjs";

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

    const file = join(world.directory, "saved.eml");
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

  test("forwarded by a filter, where nobody sees what leaves, it leaves encrypted as it is", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const before = world.mail.smtp.mails().length;
    await bob.chrome(() => {
      const { gMessage } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const { compose, accounts } = MailServices;
      const server = accounts.defaultAccount.incomingServer;
      const inline = Ci.nsIMsgComposeService.kForwardInline;
      compose.forwardMessage("nobody@example.test", gMessage, mainWindow().msgWindow, server, inline);
    });
    const { bytes } = await world.mail.smtp.next(before);
    const mail = bytes.toString("latin1");
    assert.match(mail, /filename="?encrypted\.eml/);
    assert.match(mail, /application\/pkcs7-mime/);
    assert.ok(!mail.includes(SECRET) && !mail.includes("Tarts"));
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

  test("no attachment is taken out of it, however its type is spelled, and it stays as it came", async () => {
    const sealed = mails.sealed.toString("latin1");
    const spelled = (/** @type {string} */ type) =>
      Buffer.from(sealed.replace(/^Content-Type: .*(\r\n[ \t].*)*/m, `Content-Type: ${type}`), "latin1");
    for (const type of [
      "application/pkcs7-mime",
      "Application/PKCS7-MIME",
      'application/octet-stream; name="smime.p7m"',
    ]) {
      const mail = spelled(type);
      await show(mail);
      assert.equal((await shows(bob, hasVerdict)).attachments.length, 1, type);
      assert.equal(await bob.chrome(isDetachingOffered), false, type);
      // As somebody else's add-on could.
      const left = await bob.chrome(withoutAttachments);
      assert.equal(left.trimEnd(), mail.toString("latin1").trimEnd(), type);
    }
    // What is protected inside another mail stays, too, where an attachment beside it goes.
    const signed = entityOf(mails.clear);
    for (const closed of [entityOf(mails.leaf), signed, signed.replace(/\r\n\r\nThis is .*\r\n/, "\r\n")].map(
      (entity) => entity.trimEnd(),
    )) {
      const file = `Content-Type: text/plain; name="note.txt"\r\nContent-Disposition: attachment; filename="note.txt"`;
      const around = `Content-Type: multipart/mixed; boundary="list"\r\n\r\n--list\r\n${closed}`;
      await show(
        withHeader(`${around}\r\n--list\r\n${file}\r\n\r\nA note.\r\n--list--\r\n`, "Alice <alice@example.test>"),
      );
      await shows(bob, ({ attachments }) => attachments.some(({ name }) => name === "note.txt"));
      assert.equal(await bob.chrome(isDetachingOffered), true);
      const left = await bob.chrome(withoutAttachments, "note.txt");
      assert.ok(left.includes(closed), left);
      assert.ok(!left.includes("A note."));
    }
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

function isDetachingOffered() {
  return mainWindow().document.getElementById("tabmail").currentAboutMessage.CanDetachAttachments();
}

/**
 * What Thunderbird puts in the place of the message when attachments are deleted.
 *
 * @param {string} [name] of the one; else all
 * @returns {Promise<string>} a byte string
 */
function withoutAttachments(name) {
  const { AttachmentInfo } = ChromeUtils.importESModule("resource:///modules/AttachmentInfo.sys.mjs");
  const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
  const deleted = view.currentAttachments.filter((attachment) => !name || attachment.name === name);
  return AttachmentInfo.stripAttachments(view.gMessage, new Map(deleted.map(({ url }) => [url, null])), "DELETE");
}

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
    const { stdout } = spawnSync("grep", ["-rlaF", "--", marker, world.bob.user.home, inMemory(world.bob.user)], {
      encoding: "utf8",
    });
    assert.equal(stdout, "");
    // The same search finds what does lie there.
    assert.notEqual(spawnSync("grep", ["-rlaF", "--", "pkcs7-mime", world.bob.user.home]).stdout.length, 0);
  });
});
