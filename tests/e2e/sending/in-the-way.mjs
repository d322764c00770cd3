/** Somebody stands in the way: asked, not decided. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { pressSend, sent } from "../../support/composing.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import { assertKept, order, outcome, smtp, tb, write } from "./scene.mjs";

describe("somebody without a usable certificate", () => {
  test("going back (button, Esc) leaves everything as it was", async () => {
    const mail = await write({ to: "Bob <bob@example.test>", cc: "absent@example.org" });
    for (const way of ["Go back", "Esc"]) {
      await pressSend(tb, mail);
      const asked = await dialog(tb, /absent@example\.org\s+example\.org has published no certificate/);
      assert.deepEqual(asked.buttons, ["Send without this recipient", "Go back", "Send unencrypted"]);
      if (way === "Esc")
        await tb.chrome((id) => windowById(id).document.querySelector("dialog").cancelDialog(), asked.id);
      else await answer(tb, asked, way);
      await assertKept(mail);
    }
  });

  test("leaving out", async () => {
    const mail = await write({ cc: "absent@example.org, insecure@example.org" });
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /insecure@example\.org/), "Send without these recipients");
    await sent(tb, mail);
    assert.deepEqual(smtp.mails()[0]?.to, ["bob@example.test"]);
    assert.deepEqual(outcome(), ["enveloped"]);
  });

  test("in the clear, said plainly and signed", async () => {
    const mail = await write({ cc: "absent@example.org" });
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /absent@example\.org/), "Send unencrypted");
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["signed"]);
  });

  for (const state of ["bogus", "unreachable"]) {
    test(`${state}: no way in the clear`, async () => {
      const mail = await write({ cc: `${state}@example.org` });
      await pressSend(tb, mail);
      const asked = await dialog(tb, new RegExp(`${state}@example\\.org`));
      assert.deepEqual(asked.buttons, ["Send without this recipient", "Go back"]);
    });
  }

  test("an older program cannot make blind copies: refused with the way out", async () => {
    order({ answers: { hello: { type: "hello", protocol: 1, host: "0.0.9", features: [] } } });
    await stopEventPage(tb);
    const mail = await write({ bcc: "carol@example.test" });
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /blind copies/), "Send without the blind copies");
    await sent(tb, mail);
    assert.deepEqual(smtp.mails()[0]?.to, ["bob@example.test"]);
    order({});
    await stopEventPage(tb);
  });
});
