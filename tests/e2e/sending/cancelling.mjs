/** Giving a mail up while it is being protected. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { until } from "../../support/process.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { screen } from "../../support/windows.mjs";
import { assertKept, assertSendsEncrypted, count, order, pressCancel, sendSlowly, tb, write } from "./scene.mjs";

describe("cancelling while the host is at work", () => {
  const cancel = () => pressCancel("Encrypting");

  test("takes effect at once: nothing leaves, the next one is not held up, nothing is said later", async () => {
    const mail = await write();
    await sendSlowly(mail);
    const pressed = Date.now();
    await cancel();
    await assertKept(mail);
    assert.ok(Date.now() - pressed < 10_000, "long before the host would have answered");
    await until("the host to be told", () => count("cancel") > 0);
    order({});
    await assertSendsEncrypted(mail);
  });

  test("what fails after that is silent", async () => {
    const mail = await write();
    await sendSlowly(mail);
    await cancel();
    await stopEventPage(tb);
    await assertKept(mail);
    order({});
    await assertSendsEncrypted(mail);
    assert.deepEqual((await screen(tb)).dialogs, []);
  });
});
