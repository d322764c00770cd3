/** Blind recipients: a copy of their own for each, and no trace of them in any other. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { composed, pressSend, sent } from "../../support/composing.mjs";
import { Exchange, sendThroughExchange } from "../../support/exchange.mjs";
import { until } from "../../support/process.mjs";
import { answer, dialog, screen } from "../../support/windows.mjs";
import { assertKept, home, order, pressCancel, requests, smtp, tb, temporaryFiles, write } from "./scene.mjs";

describe("blind copies", () => {
  const BLIND = { bcc: "carol@example.test, dora@example.test" };

  /** To whom each mail went. */
  const envelopes = () => smtp.mails().map(({ to }) => to);

  /** What stands in the local folder. @param {string} folder */
  const stored = (folder) => readFileSync(join(home, "profile/Mail/Local Folders", folder), "latin1");

  /** A mail of its own for each, and nothing in one of them about another. */
  function assertApart() {
    for (const { to, bytes } of smtp.mails()) {
      const text = bytes.toString("latin1");
      assert.match(text, /smime-type=enveloped/);
      assert.doesNotMatch(text, /^Bcc:/im);
      for (const name of ["carol", "dora"]) {
        if (!to.includes(`${name}@example.test`)) assert.doesNotMatch(text, new RegExp(`${name}@`));
      }
    }
    assert.equal(
      new Set(smtp.mails().map(({ bytes }) => /^Message-ID: (.*)$/im.exec(bytes.toString("latin1"))?.[1])).size,
      1,
    );
  }

  test("each goes to one alone, and the copy in Sent remembers whom", async () => {
    const mail = await write(BLIND);
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"], ["bob@example.test"]]);
    assertApart();
    const asked = requests()
      .filter(({ type, bcc }) => type === "protect" && bcc.length > 0)
      .slice(-3);
    assert.deepEqual(
      asked.map(({ bcc_copies, blind_copy_for }) => [bcc_copies, blind_copy_for]),
      [
        [true, undefined],
        [true, "carol@example.test"],
        [true, "dora@example.test"],
      ],
    );
    assert.match(stored("Sent"), /^Bcc: carol@example\.test, dora@example\.test\r?$/m);
  });

  test("who is named in To or Cc, too, gets the mail once", async () => {
    const mail = await write({
      cc: "Carol@Example.test",
      bcc: "bob@example.test, Carol@example.test, dora@example.test",
    });
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), [["dora@example.test"], ["bob@example.test", "Carol@Example.test"]]);
    smtp.clear();
    const twice = await write({ bcc: "bob@example.test" });
    await pressSend(tb, twice);
    await sent(tb, twice);
    assert.deepEqual(
      smtp.mails().map(({ to }) => [...new Set(to)]),
      [["bob@example.test"]],
    );
  });

  test("nobody but blind recipients", async () => {
    const mail = await write({ to: "", ...BLIND });
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"]]);
    assertApart();
  });

  test("a copy that cannot be made: nothing leaves", async () => {
    order({
      faults: { protect: { when: { blind_copy_for: "dora@example.test" }, error: { code: "busy", message: "x" } } },
    });
    const mail = await write(BLIND);
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /too much to do/), "OK");
    await assertKept(mail);
    await until("nothing to lie about", () => temporaryFiles().length === 0);
  });

  test("a copy that the server does not take: who has got it is told, and does not get it twice", async () => {
    smtp.fault = ({ to }) => (to.includes("dora@example.test") ? "550 no such user" : undefined);
    const mail = await write(BLIND);
    await pressSend(tb, mail);
    const told = await dialog(tb, /blind copy to dora@example\.test could not be sent/);
    assert.match(told.text, /Already sent to: carol@example\.test/);
    await answer(tb, told, "OK");
    await until("the window to be editable", async () => (await composed(tb, mail)).editable);
    assert.deepEqual(envelopes(), [["carol@example.test"]]);
    smtp.fault = () => undefined;
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"], ["bob@example.test"]]);
    assertApart();
    await until("nothing to lie about", () => temporaryFiles().length === 0);
  });

  for (const [what, fault, goOn] of /** @type {[string, string, () => Promise<unknown>][]} */ ([
    ["is not taken by the server", "550 no such user", async () => answer(tb, await dialog(tb, /no such user/), "OK")],
    [
      "is given up",
      "hang",
      async () => {
        await until("the copies to be gone", () => smtp.mails().length === 2);
        await pressCancel();
      },
    ],
  ])) {
    test(`the mail itself ${what} after its copies: who has got it is told, and does not get it twice`, async () => {
      smtp.fault = ({ to }) => (to.includes("bob@example.test") ? fault : undefined);
      const mail = await write(BLIND);
      await pressSend(tb, mail);
      await goOn();
      await until("the window to be editable", async () => (await composed(tb, mail)).editable);
      const said = await until("the line", async () =>
        (await screen(tb)).compose[0]?.bars.find(({ text }) => /The mail itself was not sent/.test(text)),
      );
      assert.match(said.text, /carol@example\.test, dora@example\.test/);
      assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"]]);
      smtp.fault = () => undefined;
      await pressSend(tb, mail);
      await sent(tb, mail);
      assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"], ["bob@example.test"]]);
      assertApart();
    });
  }

  test("the mail itself is given up just before it would go to the server: it does not go there after all", async () => {
    const mail = await write(BLIND);
    await tb.chrome(() => {
      const { MessageSend } = ChromeUtils.importESModule("resource:///modules/MessageSend.sys.mjs");
      const create = MessageSend.prototype._createDeliveryFile;
      MessageSend.prototype._createDeliveryFile = async function () {
        MessageSend.prototype._createDeliveryFile = create;
        const file = await create.call(this);
        this.abort();
        return file;
      };
    });
    await pressSend(tb, mail);
    await until("the window to be editable", async () => (await composed(tb, mail)).editable);
    await until("the line", async () =>
      (await screen(tb)).compose[0]?.bars.find(({ text }) => /The mail itself was not sent/.test(text)),
    );
    await until("nothing to lie about", () => temporaryFiles().length === 0);
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"], ["bob@example.test"]]);
    assertApart();
  });

  test("by way of the Outbox", async () => {
    const mail = await write(BLIND);
    await tb.chrome((id) => {
      const win = windowById(id);
      win.setTimeout(() => win.goDoCommand("cmd_sendLater"), 0);
    }, mail);
    await sent(tb, mail);
    assert.deepEqual(envelopes(), []);
    await tb.chrome(() => {
      const [identity] = MailServices.accounts.allIdentities;
      const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
      later.getUnsentMessagesFolder(identity);
      later.sendUnsentMessages(identity);
    });
    await smtp.next(2);
    assert.deepEqual(envelopes(), [["carol@example.test"], ["dora@example.test"], ["bob@example.test"]]);
    assertApart();
  });

  test("through Exchange, which sends a mail to whom its own header names: no copy names anybody else", async (t) => {
    const exchange = await Exchange.start();
    await sendThroughExchange(tb, exchange.url);
    t.after(async () => {
      await tb.chrome(() => {
        MailServices.accounts.allIdentities[0].smtpServerKey = "smtp1";
      });
      exchange.stop();
    });
    const mail = await write(BLIND);
    await pressSend(tb, mail);
    await sent(tb, mail);
    const named = (/** @type {string} */ text) =>
      ["bob", "carol", "dora"].filter((name) => text.split("\r\n\r\n")[0]?.includes(`${name}@example.test`));
    assert.deepEqual(
      exchange.mails.map(({ blind, text }) => [blind, named(text)]),
      [
        [["carol@example.test"], []],
        [["dora@example.test"], []],
        [[], ["bob"]],
      ],
    );
    for (const { text } of exchange.mails) assert.match(text, /smime-type=enveloped/);
    assert.match(stored("Sent"), /^Bcc: carol@example\.test, dora@example\.test\r?$/m);
  });
});
