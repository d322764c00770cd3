/** Somebody stands in the way: asked, not decided. */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { describe, test } from "node:test";
import { from, pressKey, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { setSettings, stopEventPage } from "../../support/settings.mjs";
import { ROOT } from "../../support/thunderbird.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import { assertKept, assertSendsEncrypted, order, outcome, photograph, requests, smtp, tb, write } from "./scene.mjs";

describe("marks of recipients", () => {
  test("say nothing of somebody else whom a pill names by now, however late the answer about them comes", async () => {
    const mail = await write();
    await untilFound(tb, mail, "bob@example.test");
    order({ faults: { lookup: { slow: 2000 } } });
    const seen = await tb.chrome(async (id) => {
      const pill = windowById(id).document.querySelector("mail-address-pill");
      pill.startEditing();
      pill.emailInput.value = "mallory@example.test";
      await pill.updatePill();
      return ["emailAddress", "dane-smime-mark", "aria-description"].map((name) => pill.getAttribute(name));
    }, mail);
    assert.deepEqual(seen, ["mallory@example.test", null, null]);
    await untilFound(tb, mail, "mallory@example.test");
  });

  test("leave Thunderbird's own words where they go", async () => {
    const mail = await write({ to: "stranger@example.test" }); // to whom nobody has written, and who is in no address book
    const tooltip = () =>
      tb.chrome((id) => windowById(id).document.querySelector("mail-address-pill").getAttribute("tooltiptext"), mail);
    await untilFound(tb, mail, "stranger@example.test");
    assert.match((await tooltip()) ?? "", /Certificate found/);
    await pressKey(tb, mail, "E");
    await until("Thunderbird's words", async () => /not in your address book/.test((await tooltip()) ?? ""));
  });
});

describe("an attachment that is a link to an online storage", () => {
  /** Writes a mail with one, and presses Send. */
  const sendLinked = async () => {
    const mail = await write({ attachments: [join(ROOT, "LICENSE")] });
    await tb.chrome((id) => {
      const [item] = windowById(id).gAttachmentBucket.itemChildren;
      item.attachment.sendViaCloud = true; // as Thunderbird marks what a storage has taken
    }, mail);
    await pressSend(tb, mail);
    return { mail, asked: await dialog(tb, /• LICENSE/) };
  };

  test("is named before the mail leaves; the rest is encrypted", async () => {
    const { mail, asked } = await sendLinked();
    await photograph("writing-links", asked.id);
    assert.deepEqual(asked.buttons, ["Send with links", "Go back"]);
    await answer(tb, asked, "Send with links");
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["enveloped"]);
  });

  test("does not leave where encryption is required", async (t) => {
    await setSettings(tb, { accounts: [{ match: "alice@example.test", encrypt: "required" }] });
    t.after(() => setSettings(tb, { accounts: [] }));
    const { mail, asked } = await sendLinked();
    assert.match(asked.text, /required here: right-click/);
    assert.deepEqual(asked.buttons, ["OK"]);
    await answer(tb, asked, "OK");
    await assertKept(mail);
  });
});

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

  test("leaving out, also with a tick at what is for sending unencrypted", async () => {
    for (const tick of [false, true, false]) {
      const mail = await write({ cc: "absent@example.org, insecure@example.org" });
      await pressSend(tb, mail);
      const asked = await dialog(tb, /insecure@example\.org/);
      if (tick) await tb.chrome((id) => windowById(id).document.getElementById("checkbox").click(), asked.id);
      await answer(tb, asked, "Send without these recipients");
      await sent(tb, mail);
      assert.deepEqual(smtp.mails()[0]?.to, ["bob@example.test"]);
      assert.deepEqual(outcome(), ["enveloped"]);
      smtp.clear();
    }
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

describe("addresses as people write them", () => {
  /** Types recipients into To, each with Enter behind it. @param {number} mail @param {string[]} recipients */
  const type = (mail, recipients) =>
    tb.chrome(
      (id, texts) => {
        const win = windowById(id);
        const input = win.document.getElementById("toAddrInput");
        for (const text of texts) {
          input.value = text;
          win.recipientAddPills(input);
        }
      },
      mail,
      recipients,
    );

  /** @param {number} mail */
  const marksShown = (mail) =>
    tb.chrome((id) => {
      const pills = [...windowById(id).document.querySelectorAll("mail-address-pill")];
      return pills.map((pill) => pill.getAttribute("dane-smime-mark"));
    }, mail);

  test("a sender with a name in parentheses behind the address is who it is: the mail leaves encrypted", async () => {
    const mail = await write();
    await from(tb, mail, "alice@example.test (Alice)");
    await assertSendsEncrypted(mail);
    assert.match(smtp.mails()[0]?.bytes.toString("latin1") ?? "", /^From: Alice <alice@example\.test>\r$/m);
  });

  test("more than one sender, typed or made of a name with @ and comma: said plainly, nothing leaves", async () => {
    const mail = await write();
    for (const typed of [
      "Alice <alice@example.test>, Ann <ann@example.test>",
      "Alice @ Work, Ltd <alice@example.test>",
    ]) {
      await from(tb, mail, typed);
      await pressSend(tb, mail);
      const told = await dialog(tb, /More than one sender/);
      assert.match(told.text, /alice@example\.test/);
      await answer(tb, told, "OK");
      await assertKept(mail);
    }
    await from(tb, mail, "Liddell, Alice <alice@example.test>");
    await assertSendsEncrypted(mail);
  });

  test("a recipient with a name in parentheses is marked, sent to, and left out as what it is", async () => {
    const mail = await write({ to: "" });
    await type(mail, ["bob@example.test (Bob)", "absent@example.org (Nobody)"]);
    await until("the marks", async () => (await marksShown(mail)).join() === "found,missing");
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /• absent@example\.org\n/), "Send without this recipient");
    await sent(tb, mail);
    assert.deepEqual(smtp.mails()[0]?.to, ["bob@example.test"]);
    assert.deepEqual(outcome(), ["enveloped"]);
  });

  test("a blank behind an address in a mailing list is none of it", async () => {
    await tb.chrome(() => {
      const create = (contract, type) => Cc[contract].createInstance(type);
      const list = create("@mozilla.org/addressbook/directoryproperty;1", Ci.nsIAbDirectory);
      list.isMailList = true;
      list.dirName = "Dodgsons";
      const card = create("@mozilla.org/addressbook/cardproperty;1", Ci.nsIAbCard);
      card.primaryEmail = " bob@example.test ";
      MailServices.ab.directories[0].addMailList(list).addCard(card);
    });
    const before = requests().length;
    const mail = await write({ to: "Dodgsons <Dodgsons>" });
    await until("the list's mark", async () => (await marksShown(mail)).join() === "found");
    const asked = requests()
      .slice(before)
      .filter(({ type }) => type === "lookup");
    assert.ok(asked.every(({ addresses }) => addresses.join() === "bob@example.test"));
    await assertSendsEncrypted(mail);
  });
});
