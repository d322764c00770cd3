/** Copies of encrypted mail, without encryption or encrypted anew. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { until } from "../../support/process.mjs";
import { page, shows } from "../../support/reading.mjs";
import { SECRET } from "./mails.mjs";
import { bob, hasVerdict, mails, photograph, show } from "./scene.mjs";

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
