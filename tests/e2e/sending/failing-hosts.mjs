/** A host or an event page that fails: nothing leaves, nothing is lost. All stages and faults are in matrix.test.mjs. */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { describe, test } from "node:test";
import { discard, pressSend, saveDraft, untilFound } from "../../support/composing.mjs";
import { FAULTY_HOST } from "../../support/orders.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { ROOT, registerHost, unregisterHost } from "../../support/thunderbird.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import {
  assertKept,
  assertSendsEncrypted,
  contents,
  deleteDrafts,
  home,
  order,
  removeTemporaryFiles,
  sendSlowly,
  tb,
  write,
} from "./scene.mjs";

describe("a host that fails while it protects a mail", () => {
  /** @type {[string, any, RegExp][]} */
  const faults = [
    ["refuses in words of the future", { error: { code: "new-word", message: "Feed the cat." } }, /Feed the cat\./],
    [
      "finds that somebody stands in the way after all",
      {
        error: {
          code: "recipient-without-certificate",
          message: "x",
          recipients: [{ address: "bob@example.test", status: "bogus", reason: "r" }],
        },
      },
      /bob@example\.test\s+example\.test gave an answer that cannot be trusted/,
    ],
  ];
  for (const [name, fault, words] of faults) {
    test(`it ${name}: nothing leaves, nothing is lost, sending again works`, async () => {
      order({ faults: { protect: fault } });
      const mail = await write();
      await pressSend(tb, mail);
      const said = await dialog(tb, words, 60_000);
      await answer(tb, said, "OK");
      await assertKept(mail);
      order({});
      await assertSendsEncrypted(mail);
    });
  }

  test("the event page is gone: nothing leaves, nothing is lost, sending again works", async () => {
    const mail = await write();
    await sendSlowly(mail);
    await stopEventPage(tb);
    await answer(tb, await dialog(tb, /did not answer in time/), "OK");
    await assertKept(mail);
    order({});
    await assertSendsEncrypted(mail);
  });
});

describe("a host that fails before", () => {
  test("it is not installed: asked, not decided; installed again, sending works", async () => {
    await stopEventPage(tb);
    unregisterHost(home);
    const mail = await write();
    await pressSend(tb, mail);
    const asked = await dialog(tb, /not installed/);
    assert.deepEqual(asked.buttons, ["Send unprotected", "Go back"]);
    await answer(tb, asked, "Go back");
    await assertKept(mail);
    registerHost(home, FAULTY_HOST);
    await assertSendsEncrypted(mail);
  });

  test("it cannot say who somebody is: never in the clear", async () => {
    order({ faults: { lookup: { error: { code: "internal", message: "x" } } } });
    const mail = await write({ to: "nobody-knows@example.test" });
    await pressSend(tb, mail);
    const asked = await dialog(tb, /could not be checked/);
    assert.deepEqual(asked.buttons, ["OK"]);
    await answer(tb, asked, "OK");
    await assertKept(mail, "nobody-knows@example.test");
  });

  test("what is attached out of an encrypted mail that cannot be opened is not sent as an empty file", async (t) => {
    const draft = await write({ attachments: [join(ROOT, "LICENSE")] });
    await untilFound(tb, draft, "bob@example.test");
    await saveDraft(tb, draft);
    t.after(async () => {
      await deleteDrafts();
      removeTemporaryFiles(); // what is in it is tested in temporary-files.mjs
    });
    await discard(tb, draft);
    const mail = await write();
    await tb.chrome((id) => {
      const all = [...MailServices.accounts.localFoldersServer.rootFolder.descendants];
      const folder = all.find(({ name }) => name === "Drafts");
      const uri = folder.getUriForMsg([...folder.messages][0]);
      const { spec } = MailServices.messageServiceFromURI(uri).getUrlForUri(uri);
      const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
      // As it is dragged out of the message pane.
      Object.assign(attachment, { url: `${spec}&part=1.1.2&filename=LICENSE`, name: "LICENSE", size: 1000 });
      return windowById(id).AddAttachments([attachment]);
    }, mail);
    order({ faults: { open: { error: { code: "keyring-locked", message: "" } } } });
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /attaching LICENSE/), "OK");
    await assertKept(mail);
    order({});
    await assertSendsEncrypted(mail);
    assert.match(contents()[0] ?? "", /Permission is hereby granted/);
  });

  test("Send is pressed the moment the window is there, with the event page asleep", async () => {
    await stopEventPage(tb);
    await assertSendsEncrypted(await write());
  });
});
