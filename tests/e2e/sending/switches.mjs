/** What a person switches, and Thunderbird's own switches beside them. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { pressSend, sent } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { assertSendsEncrypted, bobsMark, outcome, tb, write } from "./scene.mjs";

describe("the keyboard", () => {
  test("switches encryption", async () => {
    const mail = await write();
    await until("the choice", async () => (await bobsMark(mail)) === "found");
    await tb.chrome((id) => {
      const win = windowById(id);
      const keys = [...win.document.querySelectorAll("keyset[id*=dane-smime] key")];
      keys.find((key) => key.getAttribute("key") === "E").dispatchEvent(new win.CustomEvent("command"));
    }, mail);
    await until("the mark to go", async () => !(await bobsMark(mail)));
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
