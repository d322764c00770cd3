/**
 * What is not sent yet, or was sent already: drafts, templates, autosaves, the Outbox, copies. On a real IMAP server, with the real
 * host: nothing lies readable where it must not, everything comes back whole.
 */

import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { composed, discard, from, marks, openCompose, pressSend, saveDraft, sent } from "../support/composing.mjs";
import { field, split, withLf } from "../support/mime.mjs";
import { decrypt, verify } from "../support/openssl.mjs";
import { until } from "../support/process.mjs";
import { arrived, respond, select, shows } from "../support/reading.mjs";
import { stopEventPage } from "../support/settings.mjs";
import { registerHost, unregisterHost } from "../support/thunderbird.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";
import { open } from "./setup.mjs";

const SECRET = "The dormouse keeps the treacle under the table.";
const SUBJECT = "Tea on Thursday, with the whole party";
const ATTACHED = randomBytes(50_000);
/** Red, 7 by 5. */
const IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAEUlEQVR42mM4ISeHiRhoJAoAuykjjUBwTswAAAAASUVORK5CYII=";
/** Lines that mail programs like to change. */
const PLAIN = `${SECRET}\nFrom the garden\n.dot\n\nGrüße\n`;

/** @type {import("./setup.mjs").Scene} */
let scene;
/** @type {import("../support/thunderbird.mjs").Thunderbird} */
let tb;
/** @type {import("../support/world.mjs").World} */
let world;

before(async () => {
  scene = await open({ bob: false });
  ({ alice: tb, world } = scene);
  writeFileSync(join(world.directory, "map.bin"), ATTACHED);
  await tb.setPreference("offline.send.unsent_messages", 2); // nobody is asked about the Outbox
});
after(() => scene?.close());

afterEach(async () => {
  registerHost(world.alice.user.home, world.alice.host);
  for (const { id, buttons } of (await screen(tb)).dialogs) {
    const back = buttons.find((label) => /Go back|Do not save/.test(label)) ?? buttons[0] ?? "";
    await answer(tb, { id, title: "", text: "", buttons }, back);
  }
  for (const { id } of (await screen(tb)).compose) await discard(tb, id);
  world.mail.smtp.clear();
  await emptyDrafts();
  assertNothingReadable();
});

const emptyDrafts = () =>
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
const write = async (draft) => {
  const mail = await openCompose(tb, {
    to: "Bob <bob@example.test>",
    subject: SUBJECT,
    body: `<p><b>${SECRET}</b></p><p>Grüße</p>`,
    attachments: [join(world.directory, "map.bin")],
    ...draft,
  });
  await until("Bob's mark", async () => (await marks(tb, mail))["bob@example.test"] === "found");
  return mail;
};

/** Saves as a template and waits for that. @param {number} mail */
const saveTemplate = (mail) =>
  tb.chrome(async (id) => {
    const win = windowById(id);
    win.goDoCommand("cmd_saveAsTemplate");
    await until("the template", () => !win.gSaveOperationInProgress && !win.gWindowLocked && !win.gContentChanged);
  }, mail);

/** Thunderbird's own autosave. @param {number} mail */
const autosave = (mail) =>
  tb.chrome((id) => windowById(id).GenericSendMessage(Ci.nsIMsgCompDeliverMode.AutoSaveAsDraft), mail);

/** @param {number} mail @param {string} html */
const writeOn = (mail, html) =>
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

/** Presses one of the add-on's keys. @param {number} mail @param {"E" | "S"} key */
const press = (mail, key) =>
  tb.chrome(
    (id, letter) => {
      const win = windowById(id);
      const keys = [...win.document.querySelectorAll("keyset[id*=dane-smime] key")];
      keys.find((node) => node.getAttribute("key") === letter).dispatchEvent(new win.CustomEvent("command"));
    },
    mail,
    key,
  );

/**
 * Opens the one mail of a folder for writing.
 *
 * @param {"Drafts" | "Templates"} which
 * @param {"Draft" | "Template" | "EditTemplate"} [type]
 * @returns {Promise<number>} the window
 */
const reopen = (which, type = "Draft") =>
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
const stored = (folder) =>
  until(`one mail in ${folder}`, () => {
    const all = world.mail.stored("alice", folder);
    return all.length === 1 && all[0];
  });

/** What openssl finds in a mail to Bob. @param {Buffer} mail @param {boolean} [signed] */
async function inside(mail, signed = true) {
  const opened = decrypt(mail, scene.bobsKey);
  assert.equal(/^multipart\/signed/i.test(field(opened, "Content-Type") ?? ""), signed);
  return (signed ? verify(opened, await world.alice.certificate()) : opened).toString("utf8");
}

/** Sends and returns what left. @param {number} mail */
async function send(mail) {
  await pressSend(tb, mail);
  await sent(tb, mail);
  const [{ bytes }] = /** @type {any} */ (world.mail.smtp.mails());
  assert.match(field(bytes, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
  assert.doesNotMatch(bytes.toString("latin1"), /X-DANE-SMIME-Draft/i, "what was switched is nobody's business");
  return /** @type {Buffer} */ (bytes);
}

describe("a draft on the server", () => {
  test("lies there encrypted, comes back whole with what was switched, is replaced, and is gone when it is sent", async () => {
    const others = { cc: "alice@example.test", bcc: "carol@example.test" };
    const mail = await write(others);
    await press(mail, "S");
    const draft = await until("a draft with what was switched", async () => {
      await saveDraft(tb, mail);
      const saved = await stored("Drafts");
      return field(saved, "X-DANE-SMIME-Draft") === "sign=no" && saved;
    });
    assert.match(field(draft, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    assert.equal(field(draft, "Subject"), "[...]");
    const before = await composed(tb, mail);
    await discard(tb, mail);

    const again = await reopen("Drafts");
    assert.deepEqual({ ...(await composed(tb, again)), html: "" }, { ...before, html: "" });
    await writeOn(again, "And one word more.");
    await saveDraft(tb, again);
    await stored("Drafts"); // one, not two
    await discard(tb, again);

    const last = await reopen("Drafts");
    assert.match((await composed(tb, last)).text, /one word more/);
    await until("Bob's mark", async () => (await marks(tb, last))["bob@example.test"] === "found");
    await pressSend(tb, last);
    await answer(tb, await dialog(tb, /carol@example\.test/), "Send without this recipient");
    await sent(tb, last);
    const [{ bytes }] = /** @type {any} */ (world.mail.smtp.mails());
    const text = await inside(bytes, false);
    assert.ok(
      text.includes(SECRET) &&
        text.includes("one word more") &&
        text.replace(/\s/g, "").includes(ATTACHED.toString("base64")),
    );
    await until("the draft to go", () => world.mail.stored("alice", "Drafts").length === 0);
  });

  test("in plain text, line by line", async () => {
    const mail = await write({ plain: true, body: PLAIN, attachments: [] });
    const before = await composed(tb, mail);
    await saveDraft(tb, mail);
    await discard(tb, mail);
    const again = await reopen("Drafts");
    assert.equal((await composed(tb, again)).text, before.text);
    assert.equal(await tb.chrome((id) => windowById(id).gMsgCompose.composeHTML, again), false);
    await until("Bob's mark", async () => (await marks(tb, again))["bob@example.test"] === "found");
    const text = (await inside(await send(again))).replaceAll("\r\n", "\n");
    for (const line of PLAIN.trim().split("\n")) assert.ok(text.includes(line), line);
    assert.match(text, /text\/plain/);
    assert.doesNotMatch(text, /text\/html/);
  });

  test("with a picture in the text, which is still in its place when it comes back, and is sent", async () => {
    const picture = `<img src="data:image/png;base64,${IMAGE}" alt="a tart">`;
    const mail = await write({ body: `<p>${SECRET}</p><p>${picture}</p><p>Eaten.</p>`, attachments: [] });
    const width = (/** @type {number} */ window) =>
      tb.chrome(
        (id) => until("the picture", () => windowById(id).GetCurrentEditor().document.images[0]?.naturalWidth),
        window,
      );
    assert.equal(await width(mail), 7);
    await saveDraft(tb, mail);
    await writeOn(mail, " And one more.");
    await saveDraft(tb, mail);
    await stored("Drafts");
    await discard(tb, mail);
    const again = await reopen("Drafts");
    assert.equal(await width(again), 7);
    const { html, attachments } = await composed(tb, again);
    assert.match(html, /treacle.*<img [^>]*alt="a tart".*Eaten\. And one more/s);
    assert.deepEqual(attachments, []);
    await until("Bob's mark", async () => (await marks(tb, again))["bob@example.test"] === "found");
    const text = await inside(await send(again));
    assert.match(text, /^Content-Type: multipart\/related/im);
    const cid = /<img [^>]*src="cid:([^"]+)"/s.exec(text)?.[1] ?? "";
    assert.ok(cid && text.includes(`<${cid}>`) && text.replace(/\s/g, "").includes(IMAGE));
  });

  test("a program that is gone: an autosave is quiet, tells once, and the last good draft stays", async () => {
    const mail = await write();
    await saveDraft(tb, mail);
    const good = await stored("Drafts");
    await writeOn(mail, "A later thought.");
    unregisterHost(world.alice.user.home);
    await stopEventPage(tb);
    await autosave(mail);
    await autosave(mail);
    const bars = async () =>
      (await screen(tb)).compose[0]?.bars
        .filter(({ value }) => value.startsWith("dane-smime"))
        .map(({ text }) => text) ?? [];
    await until("the line", async () => (await bars()).length > 0);
    assert.deepEqual((await screen(tb)).dialogs, []);
    assert.equal((await bars()).length, 1);
    assert.match((await bars())[0] ?? "", /only in this window.*not installed/);
    assert.ok((await stored("Drafts")).equals(good));
    registerHost(world.alice.user.home, world.alice.host);
    await autosave(mail);
    await until("the line to go", async () => (await bars()).length === 0);
    await discard(tb, mail);
    assert.match((await composed(tb, await reopen("Drafts"))).text, /A later thought/);
  });
});

describe("a template on the server", () => {
  test("lies there encrypted, serves for new mail, and is edited in its place", async () => {
    const mail = await write();
    await saveTemplate(mail);
    assert.match(field(await stored("Templates"), "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    await discard(tb, mail);

    const edited = await reopen("Templates", "EditTemplate");
    await writeOn(edited, "Bring a cup.");
    await saveTemplate(edited);
    await stored("Templates");
    await discard(tb, edited);

    const fresh = await reopen("Templates", "Template");
    const { text, to, subject, attachments } = await composed(tb, fresh);
    assert.ok(text.includes(SECRET) && text.includes("Bring a cup."));
    assert.deepEqual([to, subject, attachments.map(({ name }) => name)], [["bob@example.test"], SUBJECT, ["map.bin"]]);
    await until("Bob's mark", async () => (await marks(tb, fresh))["bob@example.test"] === "found");
    assert.ok((await inside(await send(fresh))).includes("Bring a cup."));
    await stored("Templates");
  });
});

describe("what is sent later", () => {
  const sendQueue = () =>
    tb.chrome(() => {
      const [identity] = MailServices.accounts.allIdentities;
      const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
      later.sendUnsentMessages(identity);
    });

  for (const [how, draft] of /** @type {[string, object][]} */ ([
    ["by Send Later", {}],
    ["by Send while offline, in plain text", { plain: true, body: PLAIN, attachments: [] }],
  ])) {
    test(`${how}: lies in the Outbox encrypted, and leaves without the program`, async () => {
      const mail = await write(draft);
      const offline = how.includes("offline");
      await tb.chrome(
        (id, isOffline) => {
          const win = windowById(id);
          Services.io.offline = isOffline;
          win.setTimeout(() => win.goDoCommand(isOffline ? "cmd_sendButton" : "cmd_sendLater"), 0);
        },
        mail,
        offline,
      );
      await sent(tb, mail);
      const outbox = readFileSync(join(world.alice.user.home, "profile/Mail/Local Folders/Unsent Messages"), "latin1");
      assert.match(outbox, /smime-type=(auth)?enveloped-data/i);
      assert.deepEqual(world.mail.smtp.mails(), []);
      unregisterHost(world.alice.user.home);
      await stopEventPage(tb);
      await tb.chrome(() => {
        Services.io.offline = false;
      });
      await sendQueue();
      const { bytes } = await world.mail.smtp.next();
      assert.ok((await inside(bytes)).includes(SECRET));
    });
  }
});

describe("copies", () => {
  test("Sent, the second copy and a file hold what was sent; edit as new starts encrypted and whole", async () => {
    const mail = await write();
    await tb.chrome((id) => {
      const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
      const folder = root.containsChildNamed("Archive copy")
        ? root.getChildNamed("Archive copy")
        : root.createLocalSubfolder("Archive copy");
      windowById(id).gMsgCompose.compFields.fcc2 = folder.URI;
    }, mail);
    const wire = await send(mail);
    const body = withLf(split(wire).body).toString("latin1").trimEnd();
    const id = field(wire, "Message-ID") ?? "";
    const own = (/** @type {{ messageId: string }} */ { messageId }) => id.includes(messageId);
    const header = await arrived(tb, own, "SentMail");
    assert.ok(
      world.mail.stored("alice", "Sent").some((copy) => withLf(split(copy).body).toString("latin1").trimEnd() === body),
    );
    const second = join(world.alice.user.home, "profile/Mail/Local Folders/Archive copy");
    await until(
      "the second copy",
      () => existsSync(second) && withLf(readFileSync(second)).toString("latin1").includes(body),
    );

    await select(tb, header, "SentMail");
    await shows(tb, ({ text }) => text.includes(SECRET));
    const file = join(world.directory, "saved.eml");
    await saveAs(header, file);
    await until(
      "the file",
      () =>
        existsSync(file) &&
        withLf(split(readFileSync(file)).body)
          .toString("latin1")
          .trimEnd() === body,
    );

    const again = await respond(tb, "cmd_editAsNew");
    const { text, to, subject, attachments } = await composed(tb, again);
    assert.deepEqual(
      [text.includes(SECRET), to, subject, attachments.map(({ name }) => name)],
      [true, ["bob@example.test"], SUBJECT, ["map.bin"]],
    );
    await until("Bob's mark", async () => (await marks(tb, again))["bob@example.test"] === "found");
    world.mail.smtp.clear();
    assert.ok((await inside(await send(again))).includes(SECRET));
  });

  test("redirected to somebody else, an encrypted mail comes whole and leaves encrypted", async () => {
    const wire = await send(await write({ to: "alice@example.test, bob@example.test" }));
    const id = field(wire, "Message-ID") ?? "";
    await select(tb, await arrived(tb, ({ messageId }) => id.includes(messageId)));
    await shows(tb, ({ text }) => text.includes(SECRET));
    const redirected = await respond(tb, "cmd_redirect");
    await tb.chrome((windowId) => {
      const win = windowById(windowId);
      const [row] = win.document.querySelectorAll(".address-row[data-recipienttype=addr_to]");
      win.addressRowAddRecipientsArray(row, ["Bob <bob@example.test>"]);
    }, redirected);
    await until("Bob's mark", async () => (await marks(tb, redirected))["bob@example.test"] === "found");
    const { text, subject, attachments } = await composed(tb, redirected);
    assert.deepEqual(
      [text.includes(SECRET), subject, attachments.map(({ name }) => name)],
      [true, SUBJECT, ["map.bin"]],
    );
    world.mail.smtp.clear();
    const passedOn = await send(redirected);
    assert.equal(field(passedOn, "Subject"), "[...]");
    const content = await inside(passedOn);
    assert.ok(content.includes(SECRET) && content.replace(/\s/g, "").includes(ATTACHED.toString("base64")));
  });

  /** "Save as …" of a message, with the file that a person would pick. @param {{ key: number }} mail @param {string} file */
  const saveAs = ({ key }, file) =>
    tb.chrome(
      (messageKey, path) => {
        const folder = MailServices.accounts.defaultAccount.incomingServer.rootFolder.getFolderWithFlags(
          Ci.nsMsgFolderFlags.SentMail,
        );
        const target = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        target.initWithPath(path);
        const uri = folder.generateMessageURI(messageKey);
        const service = MailServices.messageServiceFromURI(uri);
        service.saveMessageToDisk(uri, target, false, null, false, mainWindow().msgWindow);
      },
      key,
      file,
    );
});

describe("text that was encrypted", () => {
  /** A draft of it, opened again. */
  const sealed = async () => {
    const mail = await write({ attachments: [] });
    await saveDraft(tb, mail);
    await stored("Drafts");
    await discard(tb, mail);
    const again = await reopen("Drafts");
    await until("Bob's mark", async () => (await marks(tb, again))["bob@example.test"] === "found");
    return again;
  };

  test("is asked about before it leaves unencrypted, and the way back is one button", async () => {
    const mail = await sealed();
    await press(mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /encrypted/);
    await scene.photograph("alice", "writing-decrypted-asked");
    assert.deepEqual(asked.buttons, ["Encrypt", "Go back", "Send unencrypted"]);
    await answer(tb, asked, "Go back");
    assert.deepEqual(world.mail.smtp.mails(), []);
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /encrypted/), "Encrypt");
    await sent(tb, mail);
    const [{ bytes }] = /** @type {any} */ (world.mail.smtp.mails());
    assert.ok((await inside(bytes)).includes(SECRET));
  });

  test("also when another sender is chosen who has no key; no draft of it lies readable", async () => {
    const mail = await sealed();
    await from(tb, mail, "Nobody <nobody@example.test>");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /encrypted/);
    assert.deepEqual(asked.buttons, ["Send unencrypted", "Go back"]);
    await answer(tb, asked, "Go back");
    assert.deepEqual(world.mail.smtp.mails(), []);

    await writeOn(mail, "More.");
    await autosave(mail);
    assert.deepEqual((await screen(tb)).dialogs, []);
    await tb.chrome((id) => {
      const win = windowById(id);
      win.setTimeout(() => win.goDoCommand("cmd_saveAsDraft"), 0);
    }, mail);
    await answer(tb, await dialog(tb, /unencrypted/), "Do not save");
    assert.match(field(await stored("Drafts"), "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
  });
});
