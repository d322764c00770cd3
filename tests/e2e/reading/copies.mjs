/** Copies of encrypted mail, without encryption or encrypted anew. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { until } from "../../support/process.mjs";
import { page, select, shows } from "../../support/reading.mjs";
import { plainText, SECRET } from "./mails.mjs";
import { bob, deliver, faults, hasVerdict, mails, photograph, protectedMail, show, world } from "./scene.mjs";

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

describe("copies of encrypted mail on an IMAP server", () => {
  const stored = (/** @type {string} */ folder) =>
    world.mail.stored("bob", folder).map((mail) => mail.toString("latin1"));

  test("all of a folder, from the folder's menu: what was not encrypted is not copied", async () => {
    await makeServerFolder("Opened");
    for (const mail of [mails.sealed, mails.leaf, mails.clear]) await deliver(mail);
    const before = stored("").length;
    await chooseInFolderMenu("Copy messages without encryption…");
    await page(bob, "ui/reading/convert.html", pick("Opened"));
    await page(bob, "ui/reading/convert.html", "content.document.getElementById('start').click()");
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
    await chooseInListMenu("Copy, encrypted to my present key…");
    await page(bob, "ui/reading/convert.html", `${pick("Renewed")}; content.document.getElementById("remove").click()`);
    await page(bob, "ui/reading/convert.html", "content.document.getElementById('start').click()");
    assert.match(await finished(), /Copied: 1\./);
    await closePages();
    const [copy = ""] = stored("Renewed");
    assert.match(copy, /application\/pkcs7-mime/);
    assert.ok(!copy.includes("Once more."));
    await until("the trash", () => stored("Trash").length > 0);
  });

  test("are cancelled on request, and nothing is half done", async () => {
    await makeServerFolder("Cancelled");
    const before = stored("");
    faults({ open: { slow: 3000 } });
    await chooseInFolderMenu("Copy messages without encryption…");
    await page(
      bob,
      "ui/reading/convert.html",
      `${pick("Cancelled")}; content.document.getElementById("remove").click()`,
    );
    await page(bob, "ui/reading/convert.html", "content.document.getElementById('start').click()");
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
    select.value = [...select.options].find(({ text }) => text === ${JSON.stringify(folder)}).value`;
}

/** What the page for copies says at the end. */
async function finished() {
  let text = "";
  await until("the end", async () => {
    ({ text } = await page(bob, "ui/reading/convert.html"));
    return /^(Done|Cancelled)\./m.test(text);
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
