/** What a person switches, and Thunderbird's own switches beside them. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { marks, pressKey, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { assertSendsEncrypted, outcome, tb, write } from "./scene.mjs";

describe("the keyboard", () => {
  test("switches encryption", async () => {
    const mail = await write();
    await untilFound(tb, mail, "bob@example.test");
    await pressKey(tb, mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["signed"]);
  });
});

describe("Thunderbird's own encryption", () => {
  test("switched on by itself, it does not fire beside ours", async () => {
    const mail = await write();
    await tb.chrome((id) => {
      windowById(id).gSendEncrypted = true; // as it is for an answer to an encrypted mail
    }, mail);
    await assertSendsEncrypted(mail);
  });
});
