/** Drafts and templates on the server: they lie there encrypted and come back whole. */

import { strict as assert } from "node:assert";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { autosave, composed, discard, pressKey, pressSend, saveDraft, sent } from "../../support/composing.mjs";
import { field } from "../../support/mime.mjs";
import { until } from "../../support/process.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { registerHost, unregisterHost } from "../../support/thunderbird.mjs";
import { answer, dialog, screen } from "../../support/windows.mjs";
import {
  ATTACHED,
  bobIsFound,
  emptyDrafts,
  IMAGE,
  inside,
  left,
  PLAIN,
  reopen,
  SECRET,
  SUBJECT,
  saveTemplate,
  send,
  stored,
  tb,
  world,
  write,
  writeOn,
} from "./scene.mjs";

/** Saves a draft until it holds what was switched, and returns what lies on the server. @param {number} mail @param {string} what */
const saveSwitched = (mail, what) =>
  until("a draft with what was switched", async () => {
    await saveDraft(tb, mail);
    const saved = await stored("Drafts");
    const [file, opened] = /** @type {[string, string]} */ (
      ["draft.eml", "opened.eml"].map((name) => join(world.directory, name))
    );
    writeFileSync(file, saved);
    await world.alice.must("open", "--input", file, "--output", opened);
    const switched = field(readFileSync(opened), "X-DANE-SMIME-Draft") ?? "";
    rmSync(opened);
    return switched.split("; ").includes(what) && saved;
  });

describe("a draft on the server", () => {
  test("lies there encrypted, comes back whole with what was switched, is replaced, and is gone when it is sent", async () => {
    const others = { cc: "alice@example.test", bcc: "carol@example.test" };
    const mail = await write(others);
    await pressKey(tb, mail, "S");
    const draft = await saveSwitched(mail, "sign=no");
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
    await bobIsFound(last);
    await pressSend(tb, last);
    await answer(tb, await dialog(tb, /carol@example\.test/), "Send without this recipient");
    await sent(tb, last);
    const text = await inside(left(), false);
    assert.ok(
      text.includes(SECRET) &&
        text.includes("one word more") &&
        text.replace(/\s/g, "").includes(ATTACHED.toString("base64")),
    );
    await until("the draft to go", () => world.mail.stored("alice", "Drafts").length === 0);
  });

  test("that carries an encrypted mail says so again", async () => {
    const sealed = join(world.directory, "sealed.eml");
    writeFileSync(sealed, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMAA=\r\n");
    const mail = await write({ attachments: [sealed] });
    await saveDraft(tb, mail);
    await stored("Drafts");
    await discard(tb, mail);
    await reopen("Drafts");
    const lines = async () => (await screen(tb)).compose.flatMap(({ bars }) => bars.map(({ text }) => text));
    await until("the line", async () => /encrypted mail is attached.*sealed\.eml/.test((await lines()).join()));
  });

  test("believes nobody who keeps it: who is written to, and what was switched, stands inside", async () => {
    const mail = await write({ cc: "Älfred <alice@example.test>", bcc: "Cärol <carol@example.test>" });
    await pressKey(tb, mail, "S");
    await pressKey(tb, mail, "S");
    const draft = await saveSwitched(mail, "sign=yes");
    assert.doesNotMatch(draft.toString("latin1"), /^X-DANE-SMIME/im);
    const before = await composed(tb, mail);
    await discard(tb, mail);
    await emptyDrafts();
    await until("the draft to go", () => world.mail.stored("alice", "Drafts").length === 0);
    const [header, body] = draft.toString("latin1").split(/\r?\n\r?\n/);
    const forged = `${(header ?? "")
      .replace(/^(To|Cc): .*/gim, "$1: mallory@example.test")
      .replace(/^Bcc: .*/im, "Bcc: carol@example.test, mallory@example.test")}
Reply-To: mallory@example.test
Newsgroups: mallory.test
X-DANE-SMIME-Draft: sign=no; encrypt=no; hide-subject=no

${body}`;
    world.mail.put("alice", "Drafts", Buffer.from(forged.replace(/\r?\n/g, "\r\n"), "latin1"));

    const again = await reopen("Drafts");
    assert.deepEqual({ ...(await composed(tb, again)), html: "" }, { ...before, html: "" });
    const names = await tb.chrome((id) => {
      const { cc, bcc, replyTo, newsgroups } = windowById(id).gMsgCompose.compFields;
      return [cc, bcc, replyTo, newsgroups].map((value) => MailServices.headerParser.parseEncodedHeaderW(value).join());
    }, again);
    assert.deepEqual(names, ["Älfred <alice@example.test>", "Cärol <carol@example.test>", "", ""]);
    await bobIsFound(again);
    await pressSend(tb, again);
    await answer(tb, await dialog(tb, /carol@example\.test/), "Send without this recipient");
    await sent(tb, again);
    const text = await inside(left()); // signed
    assert.ok(text.includes(SECRET));
    assert.equal(field(left(), "Subject"), "[...]");
    for (const outside of [left().toString("latin1"), text]) assert.doesNotMatch(outside, /mallory|X-DANE-SMIME/i);
    assert.doesNotMatch(text, /carol/i);
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
    await bobIsFound(again);
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
    await bobIsFound(again);
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
    await autosave(tb, mail);
    await autosave(tb, mail);
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
    await autosave(tb, mail);
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
    await bobIsFound(fresh);
    assert.ok((await inside(await send(fresh))).includes("Bring a cup."));
    await stored("Templates");
  });
});
