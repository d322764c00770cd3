/** Mail that is forwarded as an attachment, or attached otherwise: its sender is told whether others can open it. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { closeAll, composed, openCompose, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { field } from "../../support/mime.mjs";
import { sleep, until } from "../../support/process.mjs";
import { fileLocally, respond, shows } from "../../support/reading.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { ROOT, registerHost, unregisterHost } from "../../support/thunderbird.mjs";
import { screen } from "../../support/windows.mjs";
import { entityOf, plainText, withHeader } from "./mails.mjs";
import { bob, hasVerdict, mails, photograph, show, world } from "./scene.mjs";

const HOST = join(ROOT, "tests/support/faulty-host.mjs");
const LINE = "dane-smime-attached";

/** What the line says; empty where there is none. @param {number} window @returns {Promise<string>} */
const said = async (window) => {
  const found = (await screen(bob)).compose.find(({ id }) => id === window);
  const lines = found?.bars.filter(({ value }) => value === LINE) ?? [];
  assert.ok(lines.length <= 1, "one line");
  return lines[0]?.text ?? "";
};
/** @param {number} window @param {RegExp} words */
const untilSaid = (window, words) => until(`the line to say ${words}`, async () => words.test(await said(window)));

/** A mail as a file. @param {string} name @param {Buffer} mail */
function file(name, mail) {
  const path = join(world.directory, name);
  writeFileSync(path, mail);
  return path;
}
const ALICE = "Alice <alice@example.test>";
const open = () => withHeader(plainText("Nothing secret."), ALICE);

/** The same mail under a subject that can be read outside. @param {Buffer} mail @param {string} subject */
const called = (mail, subject) =>
  Buffer.from(mail.toString("latin1").replace(/^Subject: .*$/m, `Subject: ${subject}`), "latin1");

const forwardSelected = () =>
  bob.chrome(async () => {
    const before = new Set(composeWindows());
    mainWindow().goDoCommand("cmd_forwardAttachment");
    const win = await until("the window", () =>
      composeWindows().find((one) => !before.has(one) && one.gMsgCompose && one.composeEditorReady),
    );
    return idOf(win);
  });

/** Drags a message out of the list over the attachments. @param {number} key @param {number} window */
const drag = (key, window) =>
  bob.chrome(
    (messageKey, id) => {
      const win = windowById(id);
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Test");
      const service = Cc["@mozilla.org/widget/dragservice;1"].getService(Ci.nsIDragService);
      service.startDragSessionForTests(win, Ci.nsIDragService.DRAGDROP_ACTION_COPY);
      const dataTransfer = new win.DataTransfer();
      dataTransfer.mozSetDataAt("text/x-moz-message", folder.getUriForMsg(folder.GetMessageHeader(messageKey)), 0);
      const drop = new win.DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer });
      win.document.getElementById("attachmentBucket").dispatchEvent(drop);
      service.getCurrentSession(win)?.endDragSession(true);
    },
    key,
    window,
  );

/** Attaches, and waits until that is done. @param {number} window @param {{ name: string, url: string, contentType?: string }} what */
const attach = (window, what) =>
  bob.chrome(
    async (id, { contentType = "", ...given }) => {
      const win = windowById(id);
      const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
      await win.AddAttachments([Object.assign(attachment, { ...given, contentType })]);
    },
    window,
    what,
  );

/** Takes an attachment away, as the Delete key does. @param {number} window @param {string} name */
const takeAway = (window, name) =>
  bob.chrome(
    (id, wanted) => {
      const win = windowById(id);
      win.gAttachmentBucket.selectedItem = [...win.gAttachmentBucket.itemChildren].find(
        ({ attachment }) => attachment.name === wanted,
      );
      win.gAttachmentBucket.focus();
      win.goDoCommand("cmd_delete");
    },
    window,
    name,
  );

describe("an encrypted mail that is attached to another", () => {
  afterEach(() => closeAll(bob));

  test("as by forwarding: a line says who can open it, and goes with it", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const window = await respond(bob, "cmd_forwardAttachment");
    await untilSaid(window, /^An encrypted mail is attached as it is: [^ ]+\.eml\. Only those .* forward it inline/);
    photograph("forwarded-as-attachment");
    const [{ name = "" } = {}] = (await composed(bob, window)).attachments;
    await takeAway(window, name);
    await untilSaid(window, /^$/);
  });

  test("several that are forwarded at once: those that are encrypted are named", async () => {
    const inside = `--l\r\n${plainText("From the list.")}\r\n--l\r\n${entityOf(mails.leaf)}\r\n--l--\r\n`;
    const several = [
      called(mails.leaf, "Sealed"),
      withHeader(plainText("Nothing secret."), ALICE, { subject: "Open" }),
      called(mails.clear, "Signed"),
      called(mails.sealed, "Sealed too"),
      withHeader(`Content-Type: multipart/mixed; boundary=l\r\n\r\n${inside}`, ALICE, { subject: "From a list" }),
    ];
    const keys = [];
    for (const mail of several) keys.push((await fileLocally(bob, mail)).key);
    await show(several[1] ?? Buffer.of());
    await bob.chrome(async (all) => {
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      const { gDBView, gFolder, threadTree } = about3Pane;
      threadTree.selectedIndices = all.map((key) => gDBView.findIndexOfMsgHdr(gFolder.GetMessageHeader(key), true));
      await until("all to be selected", () => gDBView.numSelected === all.length);
    }, keys);
    const window = await forwardSelected();
    await untilSaid(window, /^Encrypted mails are attached/);
    assert.equal((await composed(bob, window)).attachments.length, several.length);
    const words = await said(window);
    photograph("several-forwarded-as-attachments");
    assert.match(words, /^Encrypted mails are attached as they are: Sealed( too)?\.eml, Sealed( too)?\.eml\. /);
    assert.match(words, / Something inside an attached mail is encrypted by itself: From a list\.eml\. /);
    for (const name of ["Sealed.eml", "From a list.eml"]) await takeAway(window, name);
    await untilSaid(window, /^An encrypted mail is attached as it is: Sealed too\.eml\. .*with it\.$/);
  });

  test("from a file, or dragged out of the list, while the program is away and the event page asleep", async () => {
    await stopEventPage(bob);
    unregisterHost(world.bob.user.home);
    try {
      const window = await openCompose(bob, { attachments: [file("open.eml", open())] });
      await attach(window, { name: "Tarts.EML", url: `file://${file("tarts.EML", mails.sealed)}` });
      await untilSaid(window, /attached as it is: Tarts\.EML\. /);
      const { key } = await fileLocally(bob, called(mails.leaf, "Dragged"));
      await drag(key, window);
      await untilSaid(window, /attached as they are: Tarts\.EML, Dragged\.eml\. /);
    } finally {
      registerHost(world.bob.user.home, HOST);
    }
  });

  test("closed by its reader, the line does not come back for something else", async () => {
    const window = await openCompose(bob, { attachments: [file("tarts.eml", mails.sealed)] });
    await untilSaid(window, /tarts\.eml/);
    await bob.chrome(
      (id, value) => {
        windowById(id).gComposeNotification.getNotificationWithValue(value).dismiss();
      },
      window,
      LINE,
    );
    await untilSaid(window, /^$/);
    await attach(window, { name: "open.eml", url: `file://${file("open.eml", open())}` });
    await sleep(500);
    assert.equal(await said(window), "");
    await attach(window, { name: "more.eml", url: `file://${file("more.eml", mails.leaf)}` });
    await untilSaid(window, /tarts\.eml, more\.eml/);
  });

  test("keeps no mail: it leaves, encrypted, with what is attached", async () => {
    const before = world.mail.smtp.mails().length;
    const window = await openCompose(bob, {
      to: "alice@example.test",
      attachments: [file("tarts.eml", mails.sealed)],
      subject: "See",
    });
    await untilSaid(window, /tarts\.eml/);
    await untilFound(bob, window, "alice@example.test");
    await pressSend(bob, window);
    await sent(bob, window);
    const { bytes } = await world.mail.smtp.next(before);
    assert.match(field(bytes, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    assert.ok(bytes.length > mails.sealed.length);
  });
});
