/** What was written to be encrypted does not leave otherwise unasked. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import {
  autosave,
  discard,
  from,
  marks,
  pressKey,
  pressSave,
  pressSend,
  saveDraft,
  sent,
} from "../../support/composing.mjs";
import { field } from "../../support/mime.mjs";
import { until } from "../../support/process.mjs";
import { answer, dialog, screen } from "../../support/windows.mjs";
import { bobIsFound, inside, left, photograph, reopen, SECRET, stored, tb, world, write, writeOn } from "./scene.mjs";

describe("text that was encrypted", () => {
  /** A draft of it, opened again. */
  const sealed = async () => {
    const mail = await write({ attachments: [] });
    await saveDraft(tb, mail);
    await stored("Drafts");
    await discard(tb, mail);
    const again = await reopen("Drafts");
    await bobIsFound(again);
    return again;
  };

  test("is asked about before it leaves unencrypted, and the way back is one button", async () => {
    const mail = await sealed();
    await pressKey(tb, mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /encrypted/);
    await photograph("writing-decrypted-asked");
    assert.deepEqual(asked.buttons, ["Encrypt", "Go back", "Send unencrypted"]);
    await answer(tb, asked, "Go back");
    assert.deepEqual(world.mail.smtp.mails(), []);
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /encrypted/), "Encrypt");
    await sent(tb, mail);
    assert.ok((await inside(left())).includes(SECRET));
  });

  test("also when another sender is chosen who has no key; no draft of it lies readable", async () => {
    const mail = await sealed();
    await from(tb, mail, "Nobody <nobody@example.test>");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /encrypted/);
    assert.deepEqual(asked.buttons, ["Send unencrypted", "Go back"]);
    await answer(tb, asked, "Go back");
    assert.deepEqual(world.mail.smtp.mails(), []);

    await writeOn(mail, "More.");
    await autosave(tb, mail);
    assert.deepEqual((await screen(tb)).dialogs, []);
    await pressSave(tb, mail);
    await answer(tb, await dialog(tb, /unencrypted/), "Do not save");
    assert.match(field(await stored("Drafts"), "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
  });
});
