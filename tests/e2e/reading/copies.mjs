/** Copies of encrypted mail, without encryption or encrypted anew. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { until } from "../../support/process.mjs";
import { page, select, shows } from "../../support/reading.mjs";
import { screen } from "../../support/windows.mjs";
import { plainText, SECRET } from "./mails.mjs";
import { bob, deliver, faults, hasVerdict, mails, photograph, protectedMail, show, world } from "./scene.mjs";

/** Agrees to text being stored readable on a server. */
const AGREE = 'content.document.getElementById("agreed").click()';
/** Presses Start, which has to wait until the page knows all folders. */
const START = `const start = content.document.getElementById("start");
  if (start.disabled) throw new content.Error("not yet");
  start.click()`;

describe("copies of encrypted mail", () => {
  test("without encryption, the original left where it is", async () => {
    await makeFolder("Readable");
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    await chooseInListMenu("Copy without encryption…");
    await page(bob, "ui/reading/convert.html", pick("Readable"));
    photograph("reading-convert");
    const said = await page(bob, "ui/reading/convert.html", START);
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
    await page(bob, "ui/reading/convert.html", START);
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

describe("copies that meet trouble", () => {
  /** Decrypts what is selected into a folder, the original to be moved away. @param {string} folder */
  async function copyInto(folder) {
    await chooseInListMenu("Copy without encryption…");
    await page(bob, "ui/reading/convert.html", `${pick(folder)}; content.document.getElementById("remove").click()`);
  }

  test("a copy is read, answered, starred, labelled and dated as its original; a second of the same Message-ID is left", async () => {
    await makeFolder("Twice");
    const mail = await protectedMail(plainText("From here on\r\n.\r\nFrom the oven."), "--encrypt");
    for (const round of ["first", "second"]) {
      await show(mail);
      await shows(bob, hasVerdict);
      await bob.chrome(() => {
        const { gDBView } = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
        const header = gDBView.hdrForFirstSelectedMessage;
        header.markFlagged(true);
        header.folder.addKeywordsToMessages([header], "$label1");
        for (const state of ["Replied", "Forwarded"]) {
          header.folder.addMessageDispositionState(header, Ci.nsIMsgFolder[`nsMsgDispositionState_${state}`]);
        }
      });
      await copyInto("Twice");
      await page(bob, "ui/reading/convert.html", START);
      const said = await finished();
      assert.match(
        said,
        round === "first" ? /Copied: 1\./ : /Copied: 0\..*Left as they are: 1\.[\s\S]*same Message-ID/,
      );
      await closePages();
    }
    const [copy, original] = await bob.chrome(() =>
      ["Twice", "Test"].map((name) => {
        const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed(name);
        const header = [...folder.messages].at(-1);
        const { isRead, isFlagged, date, messageId } = header;
        return {
          isRead,
          isFlagged,
          date,
          messageId,
          answered: header.flags & (Ci.nsMsgMessageFlags.Replied | Ci.nsMsgMessageFlags.Forwarded),
          tags: header.getStringProperty("keywords"),
          all: folder.getTotalMessages(false),
        };
      }),
    );
    assert.deepEqual({ ...copy, all: 0 }, { ...original, all: 0 });
    assert.deepEqual([copy?.isFlagged, copy?.isRead, copy?.answered, copy?.all], [true, true, 0x1002, 1]);
    const [raw = ""] = await rawMessages("Twice");
    assert.doesNotMatch(raw, /^X-Mozilla[\s\S]*^X-Mozilla-Status:[\s\S]*^X-Mozilla-Status:/im);
  });

  test("a folder that is gone when it is to be written into: it says so, and the original stays", async () => {
    await makeFolder("Gone");
    await show(mails.leaf);
    await shows(bob, hasVerdict);
    const before = (await rawMessages("Test")).length;
    await copyInto("Gone");
    await bob.chrome(() => {
      const { rootFolder } = MailServices.accounts.localFoldersServer;
      rootFolder.propagateDelete(rootFolder.getChildNamed("Gone"), true);
    });
    await page(bob, "ui/reading/convert.html", START);
    const said = await finished();
    photograph("reading-convert-stopped");
    assert.match(said, /Stopped[\s\S]*did not take the copy/);
    assert.equal((await rawMessages("Test")).length, before);
    await closePages();
  });
});

describe("copies of encrypted mail on an IMAP server", () => {
  const stored = (/** @type {string} */ folder) =>
    world.mail.stored("bob", folder).map((mail) => mail.toString("latin1"));

  test("all of a folder, from the folder's menu: what was not encrypted is not copied", async () => {
    await makeServerFolder("Opened");
    for (const mail of [mails.sealed, mails.leaf, mails.clear]) await deliver(mail);
    const before = stored("").length;
    await chooseInFolderMenu("Copy messages without encryption…");
    const first = await page(bob, "ui/reading/convert.html", START);
    assert.doesNotMatch(first.text, /Message 1|Copied/, "no folder is chosen beforehand");
    await page(bob, "ui/reading/convert.html", pick("Opened"));
    const asked = await page(bob, "ui/reading/convert.html", START);
    photograph("reading-convert-server");
    assert.match(asked.text, /Yes, store the copies unencrypted on the server/);
    await page(bob, "ui/reading/convert.html", AGREE);
    await page(bob, "ui/reading/convert.html", START);
    const [, copied, passed] =
      /Copied: (\d+)\. Not encrypted: (\d+)\. Left as they are: 0\./.exec(await finished()) ?? [];
    photograph("reading-convert-folder");
    assert.equal(Number(copied) + Number(passed), before);
    assert.ok(Number(copied) >= 2 && Number(passed) >= 1);
    await closePages();
    assert.equal(stored("Opened").length, Number(copied));
    assert.ok(stored("Opened").every((copy) => copy.includes(SECRET) && !copy.includes("pkcs7-mime")));
    assert.equal(stored("").length, before, "the originals");
  });

  test("encrypted anew, the original in the server's trash", async () => {
    await makeServerFolder("Renewed");
    const mail = await deliver(await protectedMail(plainText("Once more."), "--encrypt"));
    await select(bob, mail);
    await shows(bob, hasVerdict);
    await bob.chrome(() => {
      const { gDBView } = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      const header = gDBView.hdrForFirstSelectedMessage;
      header.folder.addMessageDispositionState(header, Ci.nsIMsgFolder.nsMsgDispositionState_Replied);
    });
    await chooseInListMenu("Copy, encrypted to my present key…");
    await page(bob, "ui/reading/convert.html", `${pick("Renewed")}; content.document.getElementById("remove").click()`);
    await page(bob, "ui/reading/convert.html", START);
    assert.match(await finished(), /Copied: 1\./);
    await closePages();
    const [copy = ""] = stored("Renewed");
    assert.match(copy, /application\/pkcs7-mime/);
    assert.ok(!copy.includes("Once more."));
    await until("the server to know that it was answered", () => /R/.test(world.mail.flags("bob", "Renewed")[0] ?? ""));
    await until("the trash", () => stored("Trash").length > 0);
  });

  test("nothing is stored there while offline, where nobody knows whether the server will take it", async () => {
    await makeServerFolder("Offline");
    await show(mails.leaf);
    await shows(bob, hasVerdict);
    const before = (await rawMessages("Test")).length;
    await chooseInListMenu("Copy, encrypted to my present key…");
    await page(bob, "ui/reading/convert.html", `${pick("Offline")}; content.document.getElementById("remove").click()`);
    await bob.chrome(() => {
      Services.io.offline = true;
    });
    await page(bob, "ui/reading/convert.html", START);
    const said = await finished();
    await bob.chrome(() => {
      Services.io.offline = false;
    });
    assert.match(said, /Stopped[\s\S]*Thunderbird is offline/);
    await closePages();
    assert.deepEqual(stored("Offline"), []);
    assert.equal((await rawMessages("Test")).length, before);
  });

  test("a mailbox that is full: it says so, once, and the originals stay", async () => {
    await makeServerFolder("Full");
    await show(mails.leaf);
    await shows(bob, hasVerdict);
    const before = (await rawMessages("Test")).length;
    world.mail.setFull("bob", true);
    await chooseInListMenu("Copy, encrypted to my present key…");
    await page(bob, "ui/reading/convert.html", `${pick("Full")}; content.document.getElementById("remove").click()`);
    await page(bob, "ui/reading/convert.html", START);
    const said = await finished();
    photograph("reading-convert-full");
    world.mail.setFull("bob", false);
    assert.match(said, /Stopped[\s\S]*did not take the copy/);
    assert.deepEqual([(await screen(bob)).dialogs, stored("Full")], [[], []]);
    assert.equal((await rawMessages("Test")).length, before);
    await closePages();
  });

  test("are cancelled on request, and nothing is half done", async () => {
    await makeServerFolder("Cancelled");
    const before = stored("");
    faults({ open: { slow: 3000 } });
    await chooseInFolderMenu("Copy messages without encryption…");
    await page(
      bob,
      "ui/reading/convert.html",
      `${pick("Cancelled")}; ${AGREE}; content.document.getElementById("remove").click()`,
    );
    await page(bob, "ui/reading/convert.html", START);
    await until("the first one", async () => /Message 1 of/.test((await page(bob, "ui/reading/convert.html")).text));
    photograph("reading-convert-working");
    await page(bob, "ui/reading/convert.html", "content.document.getElementById('cancel').click()");
    assert.match(await finished(), /^Cancelled\..*Copied: 0\./m);
    photograph("reading-convert-cancelled");
    await closePages();
    assert.deepEqual([stored("Cancelled"), stored("")], [[], before]);
  });
});

/** @param {string} name of a new folder on the server */
function makeServerFolder(name) {
  return bob.chrome(async (folder) => {
    const { rootFolder } = MailServices.accounts.defaultAccount.incomingServer;
    rootFolder.createSubfolder(folder, mainWindow().msgWindow);
    await until("the folder", () => rootFolder.containsChildNamed(folder));
  }, name);
}

/**
 * Chooses an entry of the add-on in the context menu of the inbox.
 *
 * @param {string} label
 */
function chooseInFolderMenu(label) {
  return bob.chrome(async (wanted) => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const { rootFolder } = MailServices.accounts.defaultAccount.incomingServer;
    const row = about3Pane.folderPane.getRowForFolder(rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
    const at = { bubbles: true, cancelable: true, button: 2 };
    row.querySelector(".container").dispatchEvent(new about3Pane.MouseEvent("contextmenu", at));
    const popup = await until("the menu", () => {
      const menu = about3Pane.document.getElementById("folderPaneContext");
      return menu.state === "open" && menu;
    });
    const parent = await until("ours", () => [...popup.children].find(({ id }) => id.startsWith("dane-smime")));
    parent.openMenu(true);
    const item = await until("the entry", () => [...parent.menupopup.children].find((each) => each.label === wanted));
    await until("the submenu", () => parent.menupopup.state === "open");
    parent.menupopup.activateItem(item);
  }, label);
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

/** Chooses a folder on the page for copies. @param {string} folder */
function pick(folder) {
  return `const select = content.document.getElementById("folder");
    select.value = [...select.options].find(({ text }) => text === ${JSON.stringify(folder)}).value;
    select.dispatchEvent(new content.Event("change"))`;
}

/** What the page for copies says at the end. */
async function finished() {
  let text = "";
  await until("the end", async () => {
    ({ text } = await page(bob, "ui/reading/convert.html"));
    return /^(Done|Cancelled)\.|^Stopped,/m.test(text);
  });
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
