/** Drafts of mail that is to be encrypted. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  autosave,
  composed,
  discard,
  marks,
  pressKey,
  pressSave,
  pressSend,
  saveDraft,
  sent,
  untilFound,
} from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { ROOT, unregisterHost } from "../../support/thunderbird.mjs";
import { answer, dialog, screen } from "../../support/windows.mjs";
import {
  assertKept,
  assertSendsEncrypted,
  drafts,
  home,
  openDraft,
  order,
  outcome,
  requests,
  SECRET,
  tb,
  write,
} from "./scene.mjs";

const BOB = "bob@example.test";

describe("drafts of mail that is to be encrypted", () => {
  const saved = () => readFileSync(join(home, "profile/Mail/Local Folders/Drafts"), "latin1");

  test("are encrypted, come back whole, and are replaced", async () => {
    const mail = await write({ attachments: [join(ROOT, "LICENSE")] });
    await untilFound(tb, mail, "bob@example.test");
    await saveDraft(tb, mail);
    await until("the draft", async () => (await drafts()) === 1);
    await discard(tb, mail);
    const request = requests().findLast(({ type }) => type === "protect");
    assert.deepEqual([request.purpose, request.sign, request.encrypt], ["draft", false, true]);
    assert.match(saved(), /smime-type=enveloped-data/);
    assert.doesNotMatch(saved(), new RegExp(SECRET));

    const again = await openDraft();
    await assertKept(again);
    assert.deepEqual(
      (await composed(tb, again)).attachments.map(({ name }) => name),
      ["LICENSE"],
    );
    await assertSendsEncrypted(again);
    assert.equal(await drafts(), 0);
  });

  test("switched off in a draft, encryption is asked about: a draft can be anybody's", async () => {
    const mail = await write();
    await untilFound(tb, mail, BOB);
    await pressKey(tb, mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))[BOB]);
    await saveDraft(tb, mail);
    await until("the draft", async () => (await drafts()) === 1);
    assert.match(saved(), /^X-DANE-SMIME-Draft: encrypt=no\r?$/im);
    await discard(tb, mail);

    const again = await openDraft();
    await pressSend(tb, again);
    const asked = await dialog(tb, /In the draft/);
    assert.deepEqual(asked.buttons, ["Encrypt", "Go back", "Send unencrypted"]);
    await answer(tb, asked, "Encrypt");
    await sent(tb, again);
    assert.deepEqual([outcome(), await drafts()], [["enveloped"], 0]);
  });

  test("an autosave that fails interrupts nobody and loses nothing", async () => {
    const mail = await write();
    await untilFound(tb, mail, "bob@example.test");
    order({ faults: { protect: { error: { code: "keyring-locked", message: "x" } } } });
    await autosave(tb, mail);
    const { compose, dialogs } = await screen(tb);
    assert.deepEqual(dialogs, []);
    assert.match(compose[0]?.bars.map(({ text }) => text).join() ?? "", /only in this window.*Unlock it/);
    assert.equal(await drafts(), 0);
  });

  test("where nothing is known, a person is asked", async () => {
    await stopEventPage(tb);
    unregisterHost(home);
    const mail = await write();
    await pressSave(tb, mail);
    await answer(tb, await dialog(tb, /unencrypted/), "Do not save");
    await assertKept(mail);
    assert.equal(await drafts(), 0);
  });
});
