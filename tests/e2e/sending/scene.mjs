/**
 * One Thunderbird for all the rooms of sending: Alice's, with a stand-in host that fails on demand. What is exported with `let`
 * is there once {@link open} is through.
 */

import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { closeAll, composed, openCompose, pressSend, sent } from "../../support/composing.mjs";
import { userAt } from "../../support/keyring.mjs";
import { split } from "../../support/mime.mjs";
import { FAULTY_HOST, giveOrders, requestsSeen } from "../../support/orders.mjs";
import { remove, temporaryDirectory, until } from "../../support/process.mjs";
import { SmtpSpool } from "../../support/smtp.mjs";
import { ROOT, registerHost, Thunderbird } from "../../support/thunderbird.mjs";
import { picture } from "../../support/windows.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");
export const SECRET = "Do not lose me";

/** @type {string} */
export let home;
/** @type {SmtpSpool} */
export let smtp;
/** @type {Thunderbird} */
export let tb;

export async function open() {
  home = temporaryDirectory();
  smtp = await SmtpSpool.start(join(home, "spool"));
  order({});
  tb = await Thunderbird.start({
    user: userAt(home),
    account: { email: "alice@example.test", name: "Alice", smtp },
    host: FAULTY_HOST,
  });
}

export async function close() {
  await tb?.stop();
  await smtp?.stop();
  remove(home);
}

/** Puts the host back, closes what is open, forgets what was sent. */
export async function tidy() {
  order({});
  registerHost(home, FAULTY_HOST);
  await closeAll(tb);
  smtp.clear();
}

/** @param {object} orders to the faulty host */
export const order = (orders) => giveOrders(home, orders);

/** The requests that the host has seen. */
export const requests = () => requestsSeen(home);

/** @param {string} type */
export const count = (type) => requests().filter((request) => request.type === type).length;

/** @param {object} [draft] */
export const write = (draft) =>
  openCompose(tb, { to: "Bob <bob@example.test>", subject: "Hello", body: `<p>${SECRET}</p>`, ...draft });

/** Nothing left; all that was written is still there and can be written on. @param {number} mail */
export async function assertKept(mail, to = "bob@example.test") {
  await until("the window to be editable", async () => (await composed(tb, mail)).editable);
  const kept = await composed(tb, mail);
  assert.match(kept.text, new RegExp(SECRET));
  assert.deepEqual([kept.to, kept.subject], [[to], "Hello"]);
  assert.equal(smtp.mails().length, 0);
}

/** Presses Send, with a host that is slow to protect, and waits until it is at work. @param {number} mail @param {number} [slow] ms */
export async function sendSlowly(mail, slow = 20_000) {
  order({ faults: { protect: { slow } } });
  const seen = count("protect");
  await pressSend(tb, mail);
  await until("the host to be at work", () => count("protect") > seen);
}

/** @param {number} mail */
export async function assertSendsEncrypted(mail) {
  await pressSend(tb, mail);
  await sent(tb, mail);
  assert.deepEqual(outcome(), ["enveloped"]);
}

/** What kind of mails left. */
export const outcome = () =>
  smtp.mails().map(({ bytes }) => {
    const text = bytes.toString("latin1");
    assert.ok(!text.includes(SECRET) || !/smime-type=enveloped/.test(text), "the words are not readable on the wire");
    return /smime-type=enveloped/.test(text) ? "enveloped" : /multipart\/signed/.test(text) ? "signed" : "plain";
  });

/** What the stand-in host was given to encrypt: it leaves as it was, in base64. */
export const contents = () =>
  smtp.mails().map(({ bytes }) => Buffer.from(split(bytes).body.toString(), "base64").toString());

/** What our sending has left in the temporary directory. Thunderbird removes its files after it has said that a mail has left. */
export const temporaryFiles = () => readdirSync(join(home, "tmp")).filter((name) => name.startsWith("nsemail"));

/** What stands in them. */
export const temporaryContents = () => temporaryFiles().map((name) => readFileSync(join(home, "tmp", name), "latin1"));

/** Thunderbird itself does not remove the file of a mail that it could not build. */
export function removeTemporaryFiles() {
  for (const name of temporaryFiles()) remove(join(home, "tmp", name));
}

export const drafts = () =>
  tb.chrome(() => {
    const folders = [...MailServices.accounts.localFoldersServer.rootFolder.descendants];
    return folders.find(({ name }) => name === "Drafts")?.getTotalMessages(false) ?? 0;
  });

export const deleteDrafts = () =>
  tb.chrome(() => {
    const all = [...MailServices.accounts.localFoldersServer.rootFolder.descendants];
    const folder = all.find(({ name }) => name === "Drafts");
    folder.deleteMessages([...folder.messages], null, true, false, null, false);
  });

/** Opens the first draft, as a double click does. @returns {Promise<number>} the window's id */
export const openDraft = () =>
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

/** Presses Cancel in the dialogue that Thunderbird shows while it sends. @param {string} [says] what is being done */
export const pressCancel = (says = "") =>
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

/** @param {number} mail */
export const attachmentsOf = async (mail) => (await composed(tb, mail)).attachments.map(({ name }) => name);

/** A picture of a window. @param {string} name @param {number} mail */
export const photograph = (name, mail) => picture(tb, join(PICTURES, `${name}.png`), mail);
