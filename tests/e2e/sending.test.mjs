/**
 * Writing and sending in a real Thunderbird with a stand-in host: what stands in the way is asked, not decided; drafts; what
 * goes wrong on the add-on's side. Hosts that fail are in fail-closed.test.mjs.
 */

import { strict as assert } from "node:assert";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { composed, discard, marks, openCompose, pressSend, saveDraft, sent } from "../support/composing.mjs";
import { userAt } from "../support/keyring.mjs";
import { remove, temporaryDirectory, until } from "../support/process.mjs";
import { stopEventPage } from "../support/settings.mjs";
import { SmtpSpool } from "../support/smtp.mjs";
import { ROOT, registerHost, Thunderbird, unregisterHost } from "../support/thunderbird.mjs";
import { answer, dialog, picture, screen } from "../support/windows.mjs";

const FAULTY_HOST = join(ROOT, "tests/support/faulty-host.mjs");
const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");
const SECRET = "Do not lose me";

/** @type {string} */
let home;
/** @type {SmtpSpool} */
let smtp;
/** @type {Thunderbird} */
let tb;

before(async () => {
  home = temporaryDirectory();
  smtp = await SmtpSpool.start(join(home, "spool"));
  order({});
  tb = await Thunderbird.start({
    user: userAt(home),
    account: { email: "alice@example.test", name: "Alice", smtp },
    host: FAULTY_HOST,
  });
});

after(async () => {
  await tb?.stop();
  await smtp?.stop();
  remove(home);
});

afterEach(async () => {
  order({});
  registerHost(home, FAULTY_HOST);
  for (const { id, buttons } of (await screen(tb)).dialogs) {
    await answer(
      tb,
      { id, title: "", text: "", buttons },
      buttons.includes("Go back") ? "Go back" : (buttons[0] ?? ""),
    );
  }
  for (const { id } of (await screen(tb)).compose) await discard(tb, id);
  smtp.clear();
});

/** @param {object} orders to the faulty host */
const order = (orders) => writeFileSync(join(home, "faults.json"), JSON.stringify(orders));

/** The requests that the host has seen. @returns {any[]} */
function requests() {
  const file = join(home, "faults.json.log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line));
}

/** @param {string} type */
const count = (type) => requests().filter((request) => request.type === type).length;

/** @param {object} [draft] */
const write = (draft) =>
  openCompose(tb, { to: "Bob <bob@example.test>", subject: "Hello", body: `<p>${SECRET}</p>`, ...draft });

/** Nothing left; all that was written is still there and can be written on. @param {number} mail */
async function assertKept(mail, to = "bob@example.test") {
  await until("the window to be editable", async () => (await composed(tb, mail)).editable);
  const kept = await composed(tb, mail);
  assert.match(kept.text, new RegExp(SECRET));
  assert.deepEqual([kept.to, kept.subject], [[to], "Hello"]);
  assert.equal(smtp.mails().length, 0);
}

/** @param {number} mail */
async function assertSendsEncrypted(mail) {
  await pressSend(tb, mail);
  await sent(tb, mail);
  assert.deepEqual(outcome(), ["enveloped"]);
}

/** What kind of mails left. */
const outcome = () =>
  smtp.mails().map(({ bytes }) => {
    const text = bytes.toString("latin1");
    assert.ok(!text.includes(SECRET) || !/smime-type=enveloped/.test(text), "the words are not readable on the wire");
    return /smime-type=enveloped/.test(text) ? "enveloped" : /multipart\/signed/.test(text) ? "signed" : "plain";
  });

/** What our sending has left in the temporary directory. */
const temporaryFiles = () => readdirSync(join(home, "tmp")).filter((name) => name.startsWith("nsemail"));

/** How Bob is marked. @param {number} mail */
const bobsMark = (mail) =>
  tb.chrome((id) => {
    const pills = [...windowById(id).document.querySelectorAll("mail-address-pill")];
    return pills.find((pill) => pill.emailAddress === "bob@example.test")?.getAttribute("dane-smime-mark");
  }, mail);

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
    order({ faults: { protect: { slow: 20_000 } } });
    const seen = count("protect");
    const mail = await write();
    await pressSend(tb, mail);
    await until("the host to be at work", () => count("protect") > seen);
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

  test("Send is pressed the moment the window is there, with the event page asleep", async () => {
    await stopEventPage(tb);
    await assertSendsEncrypted(await write());
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

describe("many recipients", () => {
  test("the marks of 50 come as their answers come: a domain that is silent holds up no other", async () => {
    order({ faults: { lookup: { when: { addresses: "slow@slow.test" }, slow: 18_000 } } });
    const others = Array.from({ length: 49 }, (_, i) => `${i % 7 ? "n" : "absent"}${i}@d${i % 30}.test`);
    const mail = await write({ to: ["slow@slow.test", ...others].join(", ") });
    const seen = await until("the marks of the others", async () => {
      const all = await marks(tb, mail);
      return others.every((address) => /found|missing/.test(all[address] ?? "")) && all;
    });
    assert.equal(seen["slow@slow.test"], "pending");
    assert.deepEqual([seen["absent7@d7.test"], seen["n8@d8.test"]], ["missing", "found"]);
    await picture(tb, join(PICTURES, "writing-many.png"), mail);
  });

  test("a mailing list is marked for its members, and they are named when it is sent", async () => {
    await tb.chrome(() => {
      const create = (contract, type) => Cc[contract].createInstance(type);
      const [book] = MailServices.ab.directories;
      const list = create("@mozilla.org/addressbook/directoryproperty;1", Ci.nsIAbDirectory);
      list.isMailList = true;
      list.dirName = "Tea party";
      const added = book.addMailList(list);
      for (const address of ["bob@example.test", "absent@example.org"]) {
        const card = create("@mozilla.org/addressbook/cardproperty;1", Ci.nsIAbCard);
        card.primaryEmail = address;
        added.addCard(card);
      }
    });
    const mail = await write({ to: "Tea party <Tea party>", cc: "carol@example.test" });
    const pill = () =>
      tb.chrome((id) => {
        const [found] = windowById(id).document.querySelectorAll("#toAddrContainer mail-address-pill");
        return { mark: found.getAttribute("dane-smime-mark"), words: found.getAttribute("tooltiptext") ?? "" };
      }, mail);
    await until("the list's mark", async () => (await pill()).mark === "missing");
    assert.match((await pill()).words, /1 of the 2 members.*\n• absent@example\.org\s+example\.org has published no/);
    assert.doesNotMatch((await pill()).words, /bob@/);
    await picture(tb, join(PICTURES, "writing-list.png"), mail);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /absent@example\.org/);
    assert.deepEqual(asked.buttons, ["Send unencrypted", "Go back"]);
    await answer(tb, asked, "Go back");
    assert.equal(smtp.mails().length, 0);
  });
});

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
    assert.deepEqual(temporaryFiles(), []);
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
    assert.deepEqual(temporaryFiles(), []);
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
});

/** Presses Cancel in the dialogue that Thunderbird shows while it sends. @param {string} [says] what is being done */
const pressCancel = (says = "") =>
  tb.chrome(async (words) => {
    const progress = await until("the progress dialogue", () =>
      [...Services.wm.getEnumerator(null)].find(
        (win) => win.location.href.includes("sendProgress") && win.document.readyState === "complete",
      ),
    );
    await until("the dialogue to say what is done", () =>
      progress.document.getElementById("dialog.status").getAttribute("value")?.includes(words),
    );
    progress.document.querySelector("dialog").cancelDialog();
  }, says);

describe("cancelling while the host is at work", () => {
  const cancel = () => pressCancel("Encrypting");

  test("takes effect at once: nothing leaves, the next one is not held up, nothing is said later", async () => {
    order({ faults: { protect: { slow: 20_000 } } });
    const seen = count("protect");
    const mail = await write();
    await pressSend(tb, mail);
    await until("the host to be at work", () => count("protect") > seen);
    const pressed = Date.now();
    await cancel();
    await assertKept(mail);
    assert.ok(Date.now() - pressed < 10_000, "long before the host would have answered");
    await until("the host to be told", () => count("cancel") > 0);
    order({});
    await assertSendsEncrypted(mail);
  });

  test("what fails after that is silent", async () => {
    order({ faults: { protect: { slow: 20_000 } } });
    const seen = count("protect");
    const mail = await write();
    await pressSend(tb, mail);
    await until("the host to be at work", () => count("protect") > seen);
    await cancel();
    await stopEventPage(tb);
    await assertKept(mail);
    order({});
    await assertSendsEncrypted(mail);
    assert.deepEqual((await screen(tb)).dialogs, []);
  });
});

describe("drafts of mail that is to be encrypted", () => {
  const saved = () => readFileSync(join(home, "profile/Mail/Local Folders/Drafts"), "latin1");

  test("are encrypted, come back whole, and are replaced", async () => {
    const mail = await write({ attachments: [join(ROOT, "LICENSE")] });
    await until("the choice", async () => (await bobsMark(mail)) === "found");
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

  test("an autosave that fails interrupts nobody and loses nothing", async () => {
    const mail = await write();
    await until("the choice", async () => (await bobsMark(mail)) === "found");
    order({ faults: { protect: { error: { code: "keyring-locked", message: "x" } } } });
    await tb.chrome((id) => windowById(id).GenericSendMessage(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft), mail);
    const { compose, dialogs } = await screen(tb);
    assert.deepEqual(dialogs, []);
    assert.match(compose[0]?.bars.map(({ text }) => text).join() ?? "", /only in this window.*Unlock it/);
    assert.equal(await drafts(), 0);
  });

  test("where nothing is known, a person is asked", async () => {
    await stopEventPage(tb);
    unregisterHost(home);
    const mail = await write();
    await tb.chrome((id) => {
      const win = windowById(id);
      win.setTimeout(() => win.goDoCommand("cmd_saveAsDraft"), 0);
    }, mail);
    await answer(tb, await dialog(tb, /unencrypted/), "Do not save");
    await assertKept(mail);
    assert.equal(await drafts(), 0);
  });
});

const drafts = () =>
  tb.chrome(() => {
    const folders = [...MailServices.accounts.localFoldersServer.rootFolder.descendants];
    return folders.find(({ name }) => name === "Drafts")?.getTotalMessages(false) ?? 0;
  });

/** Opens the first draft, as a double click does. @returns {Promise<number>} the window's id */
const openDraft = () =>
  tb.chrome(async () => {
    const folder = [...MailServices.accounts.localFoldersServer.rootFolder.descendants].find(
      ({ name }) => name === "Drafts",
    );
    const [header] = [...folder.messages];
    const [identity] = MailServices.accounts.allIdentities;
    const { nsIMsgCompType: types, nsIMsgCompFormat: formats } = Ci;
    const uri = folder.getUriForMsg(header);
    MailServices.compose.OpenComposeWindow(null, header, uri, types.Draft, formats.Default, identity, null, null);
    const win = await until("the draft", () => composeWindows().find((w) => w.gMsgCompose && w.composeEditorReady));
    return idOf(win);
  });

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
