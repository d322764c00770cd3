/** What arrives of an encrypted mail is what Thunderbird alone would have sent: every part, through drafts and changes of mind. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { discard, marks, openCompose, pressKey, pressSend, saveDraft, sent } from "../../support/composing.mjs";
import { leaves } from "../../support/mime.mjs";
import { until } from "../../support/process.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import { bobIsFound, emptyDrafts, IMAGE, inside, left, reopen, tb, world } from "./scene.mjs";

const CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice Grüße\r\nEMAIL:alice@example.test\r\nEND:VCARD\r\n";

/** Alice has two identities under one address; each signs in its own way. @type {string} */
let second;

/** Chooses an identity in From. @param {number} mail @param {string} name */
const choose = (mail, name) =>
  tb.chrome(
    async (id, wanted) => {
      const win = windowById(id);
      const list = win.document.getElementById("msgIdentity");
      list.selectedItem = [...list.menupopup.children].find(({ value }) => value?.startsWith(wanted));
      list.dispatchEvent(new win.CustomEvent("command", { bubbles: true }));
      await until("the other signature", () => win.gCurrentIdentity.fullName === wanted);
    },
    mail,
    name,
  );

/** Chooses in Options > Delivery Format. @param {number} mail @param {"format_plain" | "format_html" | "format_both"} format */
const deliverAs = (mail, format) =>
  tb.chrome(
    (id, item) => {
      const win = windowById(id);
      win.document.getElementById(item).dispatchEvent(new win.Event("command", { bubbles: true }));
    },
    mail,
    format,
  );

/** Saves, closes and opens it again. @param {number} mail */
async function again(mail) {
  await saveDraft(tb, mail);
  await discard(tb, mail);
  return reopen("Drafts");
}

/** @param {boolean} isEncrypted @param {(mail: number) => Promise<number>} writing */
async function arrives(isEncrypted, writing) {
  world.mail.smtp.clear();
  const body =
    "<p><b>The walrus</b> and the <i>carpenter</i>: x &lt; y, Grüße</p><pre>From here\n.\n  two  blanks </pre>";
  let mail = await openCompose(tb, { to: "Bob <bob@example.test>", subject: "A stroll", body });
  await bobIsFound(mail);
  if (!isEncrypted) {
    await pressKey(tb, mail, "E");
    await until("the mark to go", async () => !(await marks(tb, mail))["bob@example.test"]);
    await pressKey(tb, mail, "S");
  }
  mail = await writing(mail);
  if (isEncrypted) await bobIsFound(mail);
  await pressSend(tb, mail);
  if (!isEncrypted) await answer(tb, await dialog(tb, /In the draft/), "Send unencrypted");
  await sent(tb, mail);
  const entity = isEncrypted ? Buffer.from(await inside(left())) : left();
  await emptyDrafts();
  return leaves(entity).map(({ type, ...rest }) => ({ type, ...withoutSubject(rest) }));
}

/** The hidden subject is put before the text, for programs that do not know of it (RFC 9788 section 5.2.2). @param {any} leaf */
function withoutSubject({ text, ...rest }) {
  const plain = text.replace(/^Subject: +A stroll\n\n/, "");
  return { ...rest, text: plain.replace(/<div class="header-protection-legacy-display">\n.*?<\/div>\n/s, "") };
}

describe("an encrypted mail", () => {
  before(async () => {
    const [picture, html, text] = ["signature.png", "signature.html", "signature.txt"].map((name) =>
      join(world.directory, name),
    );
    writeFileSync(picture ?? "", Buffer.from(IMAGE, "base64"));
    writeFileSync(html ?? "", `<p>Alice <b>Liddell</b></p><img src="file://${picture}" alt="a tart">`);
    writeFileSync(text ?? "", "Alice in the garden \n  Grüße\n");
    second = await tb.chrome(
      (paths, escapedVCard) => {
        const [file, other] = paths.map((path) => {
          const signature = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
          signature.initWithPath(path);
          return signature;
        });
        const [first] = MailServices.accounts.allIdentities;
        const identity = MailServices.accounts.createIdentity();
        identity.copy(first);
        Object.assign(first, { attachSignature: true, signature: file, attachVCard: true, escapedVCard });
        Object.assign(identity, { fullName: "Alice in the Garden", attachSignature: true, signature: other });
        MailServices.accounts.accounts.find(({ identities }) => identities.includes(first)).addIdentity(identity);
        return identity.key;
      },
      [html, text],
      encodeURIComponent(CARD),
    );
  });

  after(() =>
    tb.chrome((key) => {
      const [first] = MailServices.accounts.allIdentities;
      Object.assign(first, { attachSignature: false, attachVCard: false });
      const account = MailServices.accounts.accounts.find(({ identities }) => identities.includes(first));
      account.removeIdentity(MailServices.accounts.getIdentity(key));
    }, second),
  );

  for (const [what, writing, types] of /** @type {[string, (mail: number) => Promise<number>, RegExp[]][]} */ ([
    [
      "in both formats, with card and a signature that has a picture",
      async (/** @type {number} */ mail) => {
        await deliverAs(mail, "format_both");
        return again(await again(mail));
      },
      [/^text\/plain/, /^text\/html/, /^image\/png/, /^text\/vcard/],
    ],
    [
      "as plain text, with another identity's signature",
      async (/** @type {number} */ mail) => {
        await choose(mail, "Alice in the Garden");
        await deliverAs(mail, "format_html");
        const saved = await again(mail);
        await deliverAs(saved, "format_plain");
        return saved;
      },
      [/^text\/plain/],
    ],
  ])) {
    test(`${what}: what arrives is what Thunderbird alone would have sent`, async () => {
      const encrypted = await arrives(true, writing);
      assert.deepEqual(encrypted, await arrives(false, writing));
      assert.equal(encrypted.length, types.length, JSON.stringify(encrypted));
      for (const [at, { type }] of encrypted.entries()) assert.match(type, types[at] ?? /never/);
    });
  }
});
