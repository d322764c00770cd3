/**
 * One Thunderbird for all the rooms of drafts: Alice's, on her IMAP server. What is exported with `let` is there once
 * {@link open} is through.
 */

import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeAll, openCompose, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { field } from "../../support/mime.mjs";
import { decrypt, verify } from "../../support/openssl.mjs";
import { until } from "../../support/process.mjs";
import { registerHost } from "../../support/thunderbird.mjs";
import { open as openScene } from "../setup.mjs";

export const SECRET = "The dormouse keeps the treacle under the table.";
export const SUBJECT = "Tea on Thursday, with the whole party";
export const ATTACHED = randomBytes(50_000);
/** Red, 7 by 5. */
export const IMAGE =
  "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAEUlEQVR42mM4ISeHiRhoJAoAuykjjUBwTswAAAAASUVORK5CYII=";
/** Lines that mail programs like to change. */
export const PLAIN = `${SECRET}\nFrom the garden\n.dot\n\nGrüße\n`;

/** @type {import("../setup.mjs").Scene} */
let scene;
/** @type {import("../../support/thunderbird.mjs").Thunderbird} */
export let tb;
/** @type {import("../../support/world.mjs").World} */
export let world;
/** @type {import("../../support/openssl.mjs").Identity} */
let bobsKey;

export async function open() {
  scene = await openScene({ bob: false });
  ({ alice: tb, world, bobsKey } = scene);
  writeFileSync(join(world.directory, "map.bin"), ATTACHED);
  await tb.setPreference("offline.send.unsent_messages", 2); // nobody is asked about the Outbox
}

export const close = () => scene?.close();

/** Puts the host back, closes what is open, forgets what was sent and saved; and looks whether anything lies readable. */
export async function tidy() {
  registerHost(world.alice.user.home, world.alice.host);
  await closeAll(tb);
  world.mail.smtp.clear();
  await emptyDrafts();
  assertNothingReadable();
}

export const emptyDrafts = () =>
  tb.chrome(async () => {
    const { rootFolder } = MailServices.accounts.defaultAccount.incomingServer;
    for (const flag of ["Drafts", "Templates"]) {
      const folder = rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[flag]);
      const headers = folder ? [...folder.messages] : [];
      if (headers.length) folder.deleteMessages(headers, null, true, false, null, false);
    }
  });

/** Everything that lies on the disks of Alice and of her mail server. @param {string} directory @returns {string[]} */
function filesIn(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Journals come and go. @param {string} path */
function contentOf(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** The phrase, and what base64 makes of its middle wherever it begins. @param {string} phrase */
const spellings = (phrase) =>
  [
    phrase,
    ...[0, 1, 2].map((shift) =>
      Buffer.from(" ".repeat(shift) + phrase)
        .toString("base64")
        .slice(4, -4),
    ),
  ].map((text) => Buffer.from(text));

/** Nobody who reads Alice's mailbox, her profile or the wire finds a word of what was encrypted. */
function assertNothingReadable() {
  const needles = [SECRET, SUBJECT].flatMap(spellings);
  const places = [
    join(world.directory, "mail"),
    join(world.directory, "spool"),
    join(world.alice.user.home, "profile"),
  ];
  for (const path of places.flatMap(filesIn)) {
    const content = contentOf(path);
    assert.ok(!needles.some((needle) => content.includes(needle)), `${path} is readable`);
  }
}

/** @param {object} [draft] */
export const write = async (draft) => {
  const mail = await openCompose(tb, {
    to: "Bob <bob@example.test>",
    subject: SUBJECT,
    body: `<p><b>${SECRET}</b></p><p>Grüße</p>`,
    attachments: [join(world.directory, "map.bin")],
    ...draft,
  });
  await bobIsFound(mail);
  return mail;
};

/** Waits until Bob's certificate is. @param {number} mail */
export const bobIsFound = (mail) => untilFound(tb, mail, "bob@example.test");

/** Saves as a template and waits for that. @param {number} mail */
export const saveTemplate = (mail) =>
  tb.chrome(async (id) => {
    const win = windowById(id);
    win.goDoCommand("cmd_saveAsTemplate");
    await until("the template", () => !win.gSaveOperationInProgress && !win.gWindowLocked && !win.gContentChanged);
  }, mail);

/** @param {number} mail @param {string} html */
export const writeOn = (mail, html) =>
  tb.chrome(
    (id, text) => {
      const win = windowById(id);
      const editor = win.GetCurrentEditor();
      editor.endOfDocument?.();
      editor.insertText(text);
      win.gContentChanged = true;
    },
    mail,
    html,
  );

/**
 * Opens the one mail of a folder for writing.
 *
 * @param {"Drafts" | "Templates"} which
 * @param {"Draft" | "Template" | "EditTemplate"} [type]
 * @returns {Promise<number>} the window
 */
export const reopen = (which, type = "Draft") =>
  tb.chrome(
    async (flag, how) => {
      const server = MailServices.accounts.defaultAccount.incomingServer;
      const folder = await until("the folder", () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[flag]));
      folder.updateFolder(mainWindow().msgWindow);
      const header = await until("one message", () => {
        const all = [...folder.messages];
        return all.length === 1 && all[0];
      });
      const before = new Set(composeWindows());
      const [identity] = MailServices.accounts.allIdentities;
      const uri = folder.getUriForMsg(header);
      const { nsIMsgCompType: types, nsIMsgCompFormat: formats } = Ci;
      MailServices.compose.OpenComposeWindow(
        null,
        header,
        uri,
        types[how],
        formats.Default,
        identity,
        null,
        mainWindow().msgWindow,
      );
      const win = await until("the window", () =>
        composeWindows().find((one) => !before.has(one) && one.gMsgCompose && one.composeEditorReady),
      );
      return idOf(win);
    },
    which,
    type,
  );

/** The one mail in a folder on the server. @param {string} folder */
export const stored = (folder) =>
  until(`one mail in ${folder}`, () => {
    const all = world.mail.stored("alice", folder);
    return all.length === 1 && all[0];
  });

/** What openssl finds in a mail to Bob. @param {Buffer} mail @param {boolean} [signed] */
export async function inside(mail, signed = true) {
  const opened = decrypt(mail, bobsKey);
  assert.equal(/^multipart\/signed/i.test(field(opened, "Content-Type") ?? ""), signed);
  return (signed ? verify(opened, await world.alice.certificate()) : opened).toString("utf8");
}

/** The mail that has left. @returns {Buffer} */
export function left() {
  const [{ bytes }] = /** @type {any} */ (world.mail.smtp.mails());
  return bytes;
}

/** Sends and returns what left. @param {number} mail */
export async function send(mail) {
  await pressSend(tb, mail);
  await sent(tb, mail);
  const bytes = left();
  assert.match(field(bytes, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
  assert.doesNotMatch(bytes.toString("latin1"), /X-DANE-SMIME-Draft/i, "what was switched is nobody's business");
  return bytes;
}

/** A picture of Alice's display. @param {string} name */
export const photograph = (name) => scene.photograph("alice", name);
