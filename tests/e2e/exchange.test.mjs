/** The first mail: Alice writes to Bob, whose certificate is found in signed DNS; Bob reads it and answers. */

import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  composed,
  discard,
  marks,
  openCompose,
  POPUP,
  pressAddonButton,
  pressSend,
  sent,
  untilFound,
} from "../support/composing.mjs";
import { field, split, withLf } from "../support/mime.mjs";
import { decrypt, verify } from "../support/openssl.mjs";
import { closePage, openPage, pageShows, press } from "../support/pages.mjs";
import { until } from "../support/process.mjs";
import { arrived, attachment, closeSecurityPanel, respond, securityPanel, select, shows } from "../support/reading.mjs";
import { setSettings, settings } from "../support/settings.mjs";
import { open } from "./setup.mjs";

const SUBJECT = "Tea on Thursday";
const SECRET = "The dormouse keeps the treacle under the table.";
const ATTACHED = randomBytes(200_000);
const LARGE = randomBytes(3_000_000);
const OPTIONS = "ui/options/options.html";

describe("Alice writes to Bob", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  /** @type {Buffer} what left Alice's Thunderbird */
  let wire;

  before(async () => {
    scene = await open();
    writeFileSync(join(scene.world.directory, "map.bin"), ATTACHED);
  });
  after(() => scene?.close());

  test("Bob's certificate is found while she writes, and the mail leaves", async () => {
    const { alice, world, photograph } = scene;
    const mail = await openCompose(alice, {
      to: "bob@example.test",
      subject: SUBJECT,
      body: `<p>Dear Bob,</p><p><b>${SECRET}</b></p><p>Alice</p>`,
      attachments: [join(world.directory, "map.bin")],
    });
    await untilFound(alice, mail, "bob@example.test");
    await photograph("alice", "1-alice-writes");
    await pressSend(alice, mail);
    await sent(alice, mail);
    const mails = world.mail.smtp.mails();
    assert.equal(mails.length, 1);
    assert.deepEqual([mails[0]?.from, mails[0]?.to], ["alice@example.test", ["bob@example.test"]]);
    wire = /** @type {Buffer} */ (mails[0]?.bytes);
  });

  test("nothing on the wire is in the clear, and openssl opens and verifies it", async () => {
    const { world, bobsKey } = scene;
    assert.match(field(wire, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    const seen = Buffer.concat([wire, Buffer.from(split(wire).body.toString("latin1"), "base64")]).toString("latin1");
    assert.ok(!seen.includes("dormouse") && !seen.includes(ATTACHED.subarray(0, 300).toString("base64").slice(4, 70)));

    assert.equal(field(wire, "Subject"), "[...]");
    assert.ok(!wire.includes(SUBJECT));

    const opened = decrypt(wire, bobsKey);
    assert.match(field(opened, "Content-Type") ?? "", /^multipart\/signed;/i);
    const content = verify(opened, await world.alice.certificate()).toString("latin1");
    assert.ok(content.includes("dormouse"));
    assert.match(content, new RegExp(`^Subject: ${SUBJECT}\r?$`, "m"));
    const base64 = content.replace(/\s/g, "");
    assert.ok(base64.includes(ATTACHED.toString("base64")), "the attachment, octet for octet");
  });

  test("the copy in Sent equals what was sent, and Alice can read it", async () => {
    const { alice, world } = scene;
    const copy = await until("the copy in Sent", () => world.mail.stored("alice", "Sent")[0]);
    assert.ok(withLf(split(copy).body).equals(withLf(split(wire).body)), "the bodies are equal");
    for (const name of ["Content-Type", "Message-ID", "Subject", "Date", "From", "To"]) {
      assert.equal(field(copy, name), field(wire, name), name);
    }
    const mail = await arrived(
      alice,
      ({ messageId }) => field(wire, "Message-ID")?.includes(messageId) ?? false,
      "SentMail",
    );
    await select(alice, mail, "SentMail");
    await shows(alice, ({ text }) => text.includes(SECRET));
  });

  test("Bob reads it as any other mail, with lock and seal and who vouches for Alice", async () => {
    const { bob, photograph } = scene;
    await select(bob, await arrived(bob, ({ messageId }) => field(wire, "Message-ID")?.includes(messageId) ?? false));
    const shown = await shows(
      bob,
      ({ text, bars, crypto }) => text.includes(SECRET) && bars.length > 0 && crypto.signed !== null,
    );
    assert.equal(shown.subject, SUBJECT);
    assert.match(shown.html, new RegExp(`<b>${SECRET}</b>`));
    assert.deepEqual(shown.crypto, {
      technology: "S/MIME",
      encrypted: "message-encrypted-ok",
      signed: "message-signed-verified",
    });
    const words = shown.bars.map(({ text }) => text).join("\n");
    assert.match(words, /alice@example\.test/);
    assert.match(words, /example\.test/);
    await photograph("bob", "2-bob-reads");

    assert.deepEqual(
      shown.attachments.map(({ name }) => name),
      ["map.bin"],
    );
    assert.ok((await attachment(bob, "map.bin")).equals(ATTACHED));
  });

  test("the security panel says the same", async () => {
    const { bob, photograph } = scene;
    const text = await securityPanel(bob);
    await photograph("bob", "3-security-panel");
    await closeSecurityPanel(bob);
    assert.match(text, /Message Is Signed/);
    assert.match(text, /Message Is Encrypted/);
  });

  test("his reply quotes her, and starts encrypted", async () => {
    const { alice, bob, world } = scene;
    const reply = await respond(bob);
    const { text, to, subject } = await composed(bob, reply);
    assert.ok(text.includes(SECRET));
    assert.deepEqual([to, subject], [["alice@example.test"], `Re: ${SUBJECT}`]);
    await untilFound(bob, reply, "alice@example.test");
    await pressSend(bob, reply);
    await sent(bob, reply);
    const answer = await world.mail.smtp.next(1);
    assert.match(field(answer.bytes, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    await select(alice, await arrived(alice, ({ author }) => author.includes("bob@example.test")));
    await shows(alice, (shown) => shown.text.includes(SECRET) && shown.crypto.signed === "message-signed-verified");
  });

  test("a blind recipient gets a mail of their own, and stands in no other", async () => {
    const { alice, world, bobsKey } = scene;
    const before = world.mail.smtp.mails().length;
    const mail = await openCompose(alice, {
      to: "alice@example.test",
      bcc: "bob@example.test",
      subject: SUBJECT,
      body: `<p>${SECRET}</p>`,
    });
    await untilFound(alice, mail, "bob@example.test");
    await pressSend(alice, mail);
    await sent(alice, mail);
    const [toBob, toAlice, ...others] = world.mail.smtp.mails().slice(before);
    assert.deepEqual([toBob?.to, toAlice?.to, others], [["bob@example.test"], ["alice@example.test"], []]);
    const content = verify(decrypt(toBob?.bytes, bobsKey), await world.alice.certificate()).toString("latin1");
    assert.ok(content.includes("dormouse"));
    assert.throws(() => decrypt(toAlice?.bytes, bobsKey), "no key of Bob's opens the mail of the others");
  });

  test("what the popup switches is what happens: the subject stays readable, and is signed all the same", async () => {
    const { alice, bob, world, photograph } = scene;
    await alice.setPreference("ui.popup.disable_autohide", true); // without a window manager it would lose the focus, and close
    const before = world.mail.smtp.mails().length;
    const mail = await openCompose(alice, { to: "bob@example.test", subject: SUBJECT, body: `<p>${SECRET}</p>` });
    await untilFound(alice, mail, "bob@example.test");
    await pressAddonButton(alice, mail, true);
    await pageShows(alice, POPUP, "#hide-subject:checked");
    await photograph("alice", "writing-popup");
    await press(alice, POPUP, "#hide-subject");
    await pageShows(alice, POPUP, "#hide-subject:not(:checked)");
    await pressAddonButton(alice, mail, false);
    await pressSend(alice, mail);
    await sent(alice, mail);
    const { bytes } = await world.mail.smtp.next(before);
    assert.equal(field(bytes, "Subject"), SUBJECT);
    assert.match(field(bytes, "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    const id = field(bytes, "Message-ID") ?? "";
    await select(bob, await arrived(bob, ({ messageId }) => id.includes(messageId)));
    const shown = await shows(bob, ({ text, crypto }) => text.includes(SECRET) && crypto.signed !== null);
    assert.deepEqual([shown.subject, shown.crypto.signed], [SUBJECT, "message-signed-verified"]);
  });

  test("how long the program may take is chosen on the settings page, and kept", async () => {
    const { alice } = scene;
    await openPage(alice, OPTIONS);
    await pageShows(alice, OPTIONS, "#patience option[value='5']");
    await press(alice, OPTIONS, "#patience", "5");
    await until("the setting", async () => (await settings(alice)).patience === 5);
    await closePage(alice);
    await setSettings(alice, { patience: 1 });
  });

  for (const [forms, root] of /** @type {[string[], RegExp][]} */ ([
    [["triple", "nocerts"], /^multipart\/signed;/],
    [["triple", "opaque"], /smime-type=signed-data/],
    [["opaque", "wrap"], /smime-type=(auth)?enveloped-data/i],
  ])) {
    test(`in the forms that were asked for (${forms.join(", ")}) Bob reads it all the same`, async () => {
      const { alice, bob, world, photograph } = scene;
      await setSettings(alice, { accounts: [{ match: "alice@example.test", encrypt: "required" }] });
      await openPage(alice, OPTIONS);
      await pageShows(alice, OPTIONS, "#senders details");
      await press(alice, OPTIONS, "#senders summary");
      for (const form of forms) await press(alice, OPTIONS, `input[value=${form}]`);
      await until("the setting", async () => (await settings(alice)).accounts[0].forms?.length === forms.length);
      await photograph("alice", `settings-forms-${forms.join("-")}`);
      await closePage(alice);
      const before = world.mail.smtp.mails().length;
      const subject = `In another form: ${forms.join(" and ")}`;
      const mail = await openCompose(alice, { to: "bob@example.test", subject, body: `<p>${SECRET}</p>` });
      await untilFound(alice, mail, "bob@example.test");
      await pressSend(alice, mail);
      await sent(alice, mail);
      const { bytes } = await world.mail.smtp.next(before);
      assert.match(field(bytes, "Content-Type") ?? "", root);
      const id = field(bytes, "Message-ID") ?? "";
      await select(bob, await arrived(bob, ({ messageId }) => id.includes(messageId)));
      const shown = await shows(bob, ({ text, crypto }) => text.includes(SECRET) && crypto.signed !== null);
      assert.deepEqual(
        [shown.subject, shown.crypto.encrypted, shown.crypto.signed],
        [subject, "message-encrypted-ok", "message-signed-verified"],
      );
    });
  }

  test("Bob's certificate is found under another spelling of his domain, and the mail leaves encrypted", async () => {
    const { alice, world } = scene;
    const before = world.mail.smtp.mails().length;
    const mail = await openCompose(alice, { to: "bob@EXAMPLE.Test", subject: SUBJECT, body: `<p>${SECRET}</p>` });
    await untilFound(alice, mail, "bob@EXAMPLE.Test");
    await pressSend(alice, mail);
    await sent(alice, mail);
    const [left] = world.mail.smtp.mails().slice(before);
    assert.match(field(/** @type {Buffer} */ (left?.bytes), "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
  });

  test("a mail to somebody without a certificate does not leave by itself", async () => {
    const { alice, world } = scene;
    const before = world.mail.smtp.mails().length;
    const mail = await openCompose(alice, { to: "nobody@example.test", subject: "Hello", body: "<p>Who are you?</p>" });
    await until("the mark", async () => (await marks(alice, mail))["nobody@example.test"] === "missing");
    await discard(alice, mail);
    assert.equal(world.mail.smtp.mails().length, before);
  });

  test("a large mail goes through the folder in memory, and nothing of it stays there", async () => {
    const { alice, bob, world } = scene;
    writeFileSync(join(world.directory, "atlas.bin"), LARGE);
    const ways = [passing(world.alice.user), passing(world.bob.user)];
    const before = world.mail.smtp.mails().length;
    const mail = await openCompose(alice, {
      to: "bob@example.test",
      subject: SUBJECT,
      body: `<p>All of it. ${SECRET}</p>`,
      attachments: [join(world.directory, "atlas.bin")],
    });
    await untilFound(alice, mail, "bob@example.test");
    await pressSend(alice, mail);
    await sent(alice, mail);
    const { bytes } = await world.mail.smtp.next(before);
    assert.ok(bytes.length > LARGE.length);
    const id = field(bytes, "Message-ID") ?? "";
    await select(bob, await arrived(bob, ({ messageId }) => id.includes(messageId)));
    await shows(bob, (shown) => shown.text.includes("All of it") && shown.crypto.signed === "message-signed-verified");
    assert.ok((await attachment(bob, "atlas.bin")).equals(LARGE));
    for (const way of ways) {
      const names = way.end();
      assert.ok(names.some((name) => name.startsWith("body-")) && names.some((name) => name.startsWith("answer-")));
      assert.deepEqual(left(way.user), []);
    }
  });

  test("what a host that was killed left in the folder goes when the next one starts, and all of it with Thunderbird", async () => {
    const { alice, world } = scene;
    const [folder = ""] = folders(world.alice.user);
    writeFileSync(join(folder, "body-of-another-time"), SECRET, { mode: 0o600 });
    for (const pid of alice.hostPids()) process.kill(pid, "SIGKILL");
    await until("the host to be gone", () => alice.hostPids().length === 0);
    assert.ok(existsSync(join(folder, "body-of-another-time")));
    const mail = await openCompose(alice, { to: "bob@example.test", subject: SUBJECT, body: "<p>Still there?</p>" });
    await untilFound(alice, mail, "bob@example.test");
    assert.ok(!existsSync(folder) && folders(world.alice.user).length === 1);
    await discard(alice, mail);
    await alice.stop();
    // The host ends when its input does, which is a moment after Thunderbird.
    await until("the folder to go", () => folders(world.alice.user).length === 0);
  });
});

/** The folders through which large bodies go, one for each host that runs. @param {import("../support/keyring.mjs").User} user */
function folders({ home }) {
  const parent = join(home, "run/dane-smime-bodies");
  return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
}

/** What lies in them. @param {import("../support/keyring.mjs").User} user */
function left(user) {
  return folders(user).flatMap((folder) => readdirSync(folder));
}

/** Notes the names of what goes through them from now on. @param {import("../support/keyring.mjs").User} user */
function passing(user) {
  /** @type {string[]} */
  const names = [];
  const watchers = folders(user).map((folder) => watch(folder, (_what, name) => name && names.push(name)));
  const end = () => {
    for (const watcher of watchers) watcher.close();
    return names;
  };
  return { user, end };
}
