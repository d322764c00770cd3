/** What happens in one window at the same time: autosaves, a second press of Send, a change of mind behind Send's back. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { composed, marks, pressKey, pressSave, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { answer, dialog, screen } from "../../support/windows.mjs";
import {
  assertKept,
  assertSendsEncrypted,
  count,
  deleteDrafts,
  drafts,
  order,
  outcome,
  requests,
  sendSlowly,
  smtp,
  tb,
  write,
} from "./scene.mjs";

/** The time for Thunderbird's own autosave has come; not waited for. @param {number} mail */
const autosave = (mail) =>
  tb.chrome((id) => {
    const win = windowById(id);
    win.gContentChanged = true;
    win.setTimeout(() => win.AutoSave(), 0);
  }, mail);

const BOB = "bob@example.test";

/** A mail to Bob, whose certificate is found. @param {object} [draft] */
const writeToBob = async (draft) => {
  const mail = await write(draft);
  await untilFound(tb, mail, BOB);
  return mail;
};

/** Switches encryption by the keyboard, and waits until Bob's mark says so. @param {number} mail @param {boolean} on */
const encrypt = async (mail, on) => {
  await pressKey(tb, mail, "E");
  await until("Bob's mark", async () => ((await marks(tb, mail))[BOB] === "found") === on);
};

/** The mail's answers are not known yet; nobody of these has been looked up before. */
let someone = 0;
const writeToSomebodyNew = async () => {
  const to = `somebody-${++someone}@slow.test`;
  const mail = await write({ to });
  await until("the choice", () =>
    tb.chrome((id) => Boolean(windowById(id).document.querySelector("[dane-smime-mark]")), mail),
  );
  return mail;
};

/** Closes the window by the button in its corner, and has it saved. @param {number} mail */
const closeAndSave = async (mail) => {
  await tb.chrome((id) => {
    const win = windowById(id);
    win.gContentChanged = true;
    const close = new win.Event("close", { cancelable: true });
    win.setTimeout(() => win.dispatchEvent(close) && win.close(), 0);
  }, mail);
  await answer(tb, await dialog(tb, /draft/i), "Save");
};

/** Whether Send can be pressed. @param {number} mail */
const canSend = (mail) => tb.chrome((id) => windowById(id).defaultController.isCommandEnabled("cmd_sendButton"), mail);

describe("while it is found out whether a mail can be encrypted", () => {
  test("no autosave begins, the window stays locked, and Send is pressed once", async () => {
    order({ faults: { lookup: { slow: 3000 } } });
    const mail = await writeToSomebodyNew();
    const [saved, protectedBefore] = [await drafts(), count("protect")];
    await pressSend(tb, mail);
    await until("the window to be locked", async () => !(await composed(tb, mail)).editable);
    await tb.chrome(async (id) => {
      const win = windowById(id);
      win.gContentChanged = true;
      await win.AutoSave();
    }, mail);
    assert.equal(await canSend(mail), false);
    // Another add-on may send, too.
    await tb.chrome((id) => void windowById(id).SendMessage(), mail);
    await sent(tb, mail);
    assert.deepEqual([outcome(), await drafts(), count("protect")], [["enveloped"], saved, protectedBefore + 1]);
  });

  test("closing the window and saving gives the sending up", async () => {
    order({ faults: { lookup: { slow: 3000 } } });
    const mail = await writeToSomebodyNew();
    const saved = await drafts();
    await pressSend(tb, mail);
    await until("the window to be locked", async () => !(await composed(tb, mail)).editable);
    await closeAndSave(mail);
    await sent(tb, mail);
    assert.deepEqual([outcome(), await drafts()], [[], saved + 1]);
    await deleteDrafts();
  });

  test("also while another add-on has its turn", async () => {
    const mail = await writeToBob();
    const saved = await drafts();
    await tb.chrome((id) => {
      const win = windowById(id);
      win.addEventListener("beforesend", (event) => {
        event.preventDefault();
        win.theirTurn = event.detail;
      });
    }, mail);
    await pressSend(tb, mail);
    await until("their turn", () => tb.chrome((id) => Boolean(windowById(id).theirTurn), mail));
    order({ faults: { protect: { slow: 2000, when: { purpose: "draft" } } } });
    const seen = count("protect");
    await closeAndSave(mail);
    await until("the draft to be on its way", () => count("protect") > seen);
    await tb.chrome((id) => windowById(id).theirTurn.resolve(), mail);
    await sent(tb, mail);
    assert.deepEqual([outcome(), await drafts()], [[], saved + 1]);
    await deleteDrafts();
  });
});

describe("another add-on saves the window", () => {
  /** @param {number} mail @param {string} [event] in which it does so; otherwise at once */
  const saveBehindSend = (mail, event = "") =>
    tb.chrome(
      (id, name) => {
        const win = windowById(id);
        const save = () => void win.GenericSendMessage(Ci.nsIMsgCompDeliverMode.SaveAsDraft);
        if (name) {
          win.addEventListener(name, save, { once: true });
        } else {
          save();
        }
      },
      mail,
      event,
    );

  test("while its mail is encrypted: the mail goes to whom it is for, and there is nothing left to save", async () => {
    const mail = await writeToBob();
    await sendSlowly(mail, 3000);
    await saveBehindSend(mail);
    await sent(tb, mail);
    assert.deepEqual([outcome(), await drafts()], [["enveloped"], 0]);
    assert.equal(requests().findLast(({ type }) => type === "protect").purpose, "send");
    assert.deepEqual((await screen(tb)).dialogs, []);
  });

  test("while its mail is encrypted, which then fails: what was to be saved is", async () => {
    const mail = await writeToBob();
    await sendSlowly(mail);
    await saveBehindSend(mail);
    order({});
    for (const pid of tb.hostPids()) {
      process.kill(pid, "SIGKILL");
    }
    await answer(tb, await dialog(tb, /stopped before it had finished/), "OK");
    await until("the draft", async () => (await drafts()) === 1);
    await assertKept(mail);
    await assertSendsEncrypted(mail);
    await until("the draft to go", async () => (await drafts()) === 0);
  });

  test("in its turn, without waiting for it: the draft comes first", async () => {
    const mail = await writeToBob();
    order({ faults: { protect: { slow: 2000, when: { purpose: "draft" } } } });
    await saveBehindSend(mail, "beforesend");
    const [seen, began] = [count("protect"), Date.now()];
    await assertSendsEncrypted(mail);
    assert.ok(Date.now() - began >= 2000, "after the draft was saved");
    const purposes = requests()
      .filter(({ type }) => type === "protect")
      .slice(seen)
      .map(({ purpose }) => purpose);
    assert.deepEqual(purposes, ["draft", "send"]);
    await until("the draft to go", async () => (await drafts()) === 0);
  });
});

test("an autosave under way is given up for the mail, which says nothing of drafts", async () => {
  const mail = await writeToBob();
  await encrypt(mail, false);
  await encrypt(mail, true); // so that a draft has something to keep
  order({ faults: { protect: { slow: 20_000, when: { purpose: "draft" } } } });
  const [seen, cancelled] = [count("protect"), count("cancel")];
  const began = Date.now();
  await autosave(mail);
  await until("the draft to be on its way", () => count("protect") > seen);
  await pressSend(tb, mail);
  await sent(tb, mail);
  assert.ok(Date.now() - began < 15_000, "long before the draft would have been saved");
  assert.deepEqual([outcome(), await drafts()], [["enveloped"], 0]);
  assert.doesNotMatch(smtp.mails()[0]?.bytes.toString("latin1") ?? "", /X-DANE-SMIME-Draft/i);
  await until("the host to be told", () => count("cancel") > cancelled);
  assert.deepEqual((await screen(tb)).dialogs, []);
});

test("while the spelling is checked, neither a second Send nor an autosave begins; given up, the mail can be sent", async (t) => {
  await tb.setPreference("mail.SpellCheckBeforeSend", true);
  t.after(() => tb.setPreference("mail.SpellCheckBeforeSend", false));
  const mail = await writeToBob({ body: "<p>Do not lose me, mispelled</p>" });
  const saved = await drafts();
  /** Presses one of its buttons. @param {"Stop" | "Send"} button */
  const check = (button) =>
    tb.chrome(async (id) => {
      const open = () =>
        [...Services.wm.getEnumerator(null)].filter((win) => win.location.href.includes("EdSpellCheck"));
      const pressed = await until("the spelling to be checked", () => {
        const found = open().length === 1 && open()[0].document.getElementById(id);
        return found?.ownerDocument.readyState === "complete" && found;
      });
      await sleep(300);
      pressed.doCommand();
      await until("the dialogue to close", () => open().length === 0);
    }, button);
  await pressSend(tb, mail);
  await until("Thunderbird to check", () =>
    tb.chrome(() => [...Services.wm.getEnumerator(null)].some((win) => win.location.href.includes("EdSpellCheck"))),
  );
  await tb.chrome((id) => void windowById(id).SendMessage(), mail);
  await autosave(mail);
  await check("Stop");
  await assertKept(mail);
  await pressSend(tb, mail);
  await check("Send");
  await sent(tb, mail);
  assert.deepEqual([outcome(), await drafts()], [["enveloped"], saved]);
});

describe("a change of mind behind Send's back", () => {
  test("by the writer, while Thunderbird asks something: nothing leaves, and Send can be pressed again", async () => {
    const mail = await writeToBob({ subject: "" });
    await encrypt(mail, false);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /subject/i);
    await encrypt(mail, true);
    await answer(tb, asked, asked.buttons[0] ?? "");
    await answer(tb, await dialog(tb, /press Send again/), "OK");
    assert.deepEqual(outcome(), []);
    await tb.chrome((id) => {
      windowById(id).document.getElementById("msgSubject").value = "Hello";
    }, mail);
    await assertSendsEncrypted(mail);
  });

  test("by the writer, by the keyboard, while the recipients are looked up: the mail stays", async () => {
    order({ faults: { lookup: { slow: 3000 } } });
    const mail = await writeToSomebodyNew();
    await pressSend(tb, mail);
    await until("the window to be locked", async () => !(await composed(tb, mail)).editable);
    await pressKey(tb, mail, "E");
    await answer(tb, await dialog(tb, /press Send again/), "OK");
    assert.deepEqual(outcome(), []);
    await until("the window to be editable", async () => (await composed(tb, mail)).editable);
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["signed"]);
  });

  test("by another add-on, which adds a recipient: it is looked at anew", async () => {
    const mail = await writeToBob();
    await tb.chrome((id) => {
      const win = windowById(id);
      win.addEventListener("beforesend", (event) => {
        event.preventDefault();
        const [row] = win.document.querySelectorAll(".address-row[data-recipienttype=addr_to]");
        win.addressRowAddRecipientsArray(row, ["absent@example.test"]);
        win.GetComposeDetails();
        event.detail.resolve();
      });
    }, mail);
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /absent@example\.test/), "Go back");
    await until("the window to be editable", async () => (await composed(tb, mail)).editable);
    assert.deepEqual(outcome(), []);
  });

  test("by another add-on, which changes a recipient when the mail is encrypted: it goes to nobody for whom it is not", async () => {
    const mail = await writeToBob();
    await sendSlowly(mail, 2000);
    await tb.chrome((id) => {
      windowById(id).gMsgCompose.compFields.to = "carol@example.test";
    }, mail);
    await answer(tb, await dialog(tb, /press Send again/), "OK");
    assert.deepEqual(outcome(), []);
    order({});
    await assertSendsEncrypted(mail);
    assert.match(smtp.mails()[0]?.bytes.toString("latin1") ?? "", /^To: Bob <bob@example\.test>\r?$/m);
  });

  test("about drafts: what might lie readable is encrypted as soon as it can be", async () => {
    const encryptsDrafts = (/** @type {boolean} */ wanted) =>
      tb.chrome((on) => MailServices.accounts.allIdentities[0].setBoolAttribute("autoEncryptDrafts", on), wanted);
    const mail = await writeToBob();
    await encryptsDrafts(false);
    const seen = count("protect");
    await pressSave(tb, mail);
    await answer(tb, await dialog(tb, /unencrypted/), "Save unencrypted");
    await until("the draft", async () => (await drafts()) === 1 && (await composed(tb, mail)).editable);
    assert.equal(count("protect"), seen);
    await encryptsDrafts(true);
    await autosave(mail);
    await until("an encrypted one", () => count("protect") > seen);
    await until("it to be saved", () => tb.chrome((id) => !windowById(id).gSaveOperationInProgress, mail));
    await assertSendsEncrypted(mail);
    assert.equal(await drafts(), 0);
  });
});
