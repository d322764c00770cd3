/** What is left of a mail that was sent, and what can be made of it. */

import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed } from "../../support/composing.mjs";
import { field, split, withLf } from "../../support/mime.mjs";
import { until } from "../../support/process.mjs";
import { arrived, respond, select, shows } from "../../support/reading.mjs";
import { ATTACHED, bobIsFound, inside, SECRET, SUBJECT, send, tb, world, write } from "./scene.mjs";

describe("copies", () => {
  test("Sent, the second copy and a file hold what was sent; edit as new starts encrypted and whole", async () => {
    const mail = await write();
    await tb.chrome((id) => {
      const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
      const folder = root.containsChildNamed("Archive copy")
        ? root.getChildNamed("Archive copy")
        : root.createLocalSubfolder("Archive copy");
      windowById(id).gMsgCompose.compFields.fcc2 = folder.URI;
    }, mail);
    const wire = await send(mail);
    const body = withLf(split(wire).body).toString("latin1").trimEnd();
    const id = field(wire, "Message-ID") ?? "";
    const own = (/** @type {{ messageId: string }} */ { messageId }) => id.includes(messageId);
    const header = await arrived(tb, own, "SentMail");
    assert.ok(
      world.mail.stored("alice", "Sent").some((copy) => withLf(split(copy).body).toString("latin1").trimEnd() === body),
    );
    const second = join(world.alice.user.home, "profile/Mail/Local Folders/Archive copy");
    await until(
      "the second copy",
      () => existsSync(second) && withLf(readFileSync(second)).toString("latin1").includes(body),
    );

    await select(tb, header, "SentMail");
    await shows(tb, ({ text }) => text.includes(SECRET));
    const file = join(world.directory, "saved.eml");
    await saveAs(header, file);
    await until(
      "the file",
      () =>
        existsSync(file) &&
        withLf(split(readFileSync(file)).body)
          .toString("latin1")
          .trimEnd() === body,
    );

    const again = await respond(tb, "cmd_editAsNew");
    const { text, to, subject, attachments } = await composed(tb, again);
    assert.deepEqual(
      [text.includes(SECRET), to, subject, attachments.map(({ name }) => name)],
      [true, ["bob@example.test"], SUBJECT, ["map.bin"]],
    );
    await bobIsFound(again);
    world.mail.smtp.clear();
    assert.ok((await inside(await send(again))).includes(SECRET));
  });

  test("redirected to somebody else, an encrypted mail comes whole and leaves encrypted", async () => {
    const wire = await send(await write({ to: "alice@example.test, bob@example.test" }));
    const id = field(wire, "Message-ID") ?? "";
    await select(tb, await arrived(tb, ({ messageId }) => id.includes(messageId)));
    await shows(tb, ({ text }) => text.includes(SECRET));
    const redirected = await respond(tb, "cmd_redirect");
    await tb.chrome((windowId) => {
      const win = windowById(windowId);
      const [row] = win.document.querySelectorAll(".address-row[data-recipienttype=addr_to]");
      win.addressRowAddRecipientsArray(row, ["Bob <bob@example.test>"]);
    }, redirected);
    await bobIsFound(redirected);
    const { text, subject, attachments } = await composed(tb, redirected);
    assert.deepEqual(
      [text.includes(SECRET), subject, attachments.map(({ name }) => name)],
      [true, SUBJECT, ["map.bin"]],
    );
    world.mail.smtp.clear();
    const passedOn = await send(redirected);
    assert.equal(field(passedOn, "Subject"), "[...]");
    const content = await inside(passedOn);
    assert.ok(content.includes(SECRET) && content.replace(/\s/g, "").includes(ATTACHED.toString("base64")));
  });

  /** "Save as …" of a message, with the file that a person would pick. @param {{ key: number }} mail @param {string} file */
  const saveAs = ({ key }, file) =>
    tb.chrome(
      (messageKey, path) => {
        const folder = MailServices.accounts.defaultAccount.incomingServer.rootFolder.getFolderWithFlags(
          Ci.nsMsgFolderFlags.SentMail,
        );
        const target = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        target.initWithPath(path);
        const uri = folder.generateMessageURI(messageKey);
        const service = MailServices.messageServiceFromURI(uri);
        service.saveMessageToDisk(uri, target, false, null, false, mainWindow().msgWindow);
      },
      key,
      file,
    );
});
