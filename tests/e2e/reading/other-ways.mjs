/** What else comes to a message, and what is left of it on the disk. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed, discard } from "../../support/composing.mjs";
import { inMemory } from "../../support/keyring.mjs";
import { respond, shows } from "../../support/reading.mjs";
import { plainText, SECRET } from "./mails.mjs";
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
