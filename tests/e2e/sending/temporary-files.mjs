/** What lies in the temporary folder before a mail is encrypted: nothing of it, be it finished or not. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { composed, pressSave, pressSend, sent, untilFound } from "../../support/composing.mjs";
import { remove, until } from "../../support/process.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import {
  assertKept,
  assertSendsEncrypted,
  contents,
  count,
  drafts,
  home,
  order,
  outcome,
  pressCancel,
  removeTemporaryFiles,
  sendSlowly,
  tb,
  temporaryContents,
  write,
} from "./scene.mjs";

const BOB = "bob@example.test";
const WALRUS = "A walrus.";

/** Not even the outer header, which names the subject that will be hidden. */
const assertNothingWritten = () => assert.equal(temporaryContents().join("").slice(0, 500), "");

describe("the temporary folder", () => {
  afterEach(removeTemporaryFiles);

  test("holds nothing of a mail while it is encrypted, be it sent or saved", async () => {
    const mail = await write();
    await untilFound(tb, mail, BOB);
    order({ faults: { protect: { slow: 2000 } } });
    const seen = count("protect");
    await pressSave(tb, mail);
    await until("the host to be at work", () => count("protect") > seen);
    assert.equal(temporaryContents().length, 1, "or it would be somewhere else");
    assertNothingWritten();
    await until("the draft", async () => (await drafts()) === 1);
    await sendSlowly(mail, 2000);
    assertNothingWritten();
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["enveloped"]);
  });

  test("holds nothing of a mail whose attachment is gone, however long its header", async () => {
    const file = join(home, "gone.txt");
    writeFileSync(file, WALRUS);
    const mail = await write({ attachments: [file] });
    await untilFound(tb, mail, BOB);
    remove(file);
    await tb.chrome((id) => {
      const { compFields } = windowById(id).gMsgCompose;
      compFields.setHeader("X-Long", "and so on ".repeat(4000)); // longer than what Thunderbird keeps in memory by itself
    }, mail);
    await pressSend(tb, mail);
    await answer(tb, await dialog(tb, /attaching gone\.txt/), "OK");
    assert.equal(temporaryContents().length, 1, "or it would be somewhere else");
    assertNothingWritten();
    await assertKept(mail);
    writeFileSync(file, WALRUS);
    await assertSendsEncrypted(mail);
  });

  describe("of a mail that is given up while an attachment is fetched", () => {
    /** @type {import("node:http").ServerResponse[]} */
    const waiting = [];
    const server = createServer((_request, response) => waiting.push(response));
    before(() => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined))));
    after(() => server.close());

    /** Lets one have its file. @param {number} which */
    const serve = (which) => waiting[which]?.writeHead(200, { "Cache-Control": "no-store" }).end(WALRUS);

    test("holds nothing; sent again meanwhile, the mail leaves once and whole", async () => {
      const mail = await write();
      await untilFound(tb, mail, BOB);
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      await tb.chrome(
        (id, url) => {
          const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
          Object.assign(attachment, { url, name: "walrus.txt", size: 9 });
          return windowById(id).AddAttachments([attachment]);
        },
        mail,
        `http://127.0.0.1:${port}/walrus.txt`,
      );
      await pressSend(tb, mail);
      await until("the file to be asked for", () => waiting.length === 1);
      assert.equal(temporaryContents().length, 1, "or it would be somewhere else");
      assertNothingWritten();
      await pressCancel();
      await assertKept(mail);
      await pressSend(tb, mail);
      serve(0); // Thunderbird asks one by one
      await until("the file to be asked for again", () => waiting.length === 2);
      await new Promise((resolve) => setTimeout(resolve, 1000)); // whatever becomes of the one that was given up
      assert.deepEqual([outcome(), (await composed(tb, mail)).editable], [[], false]);
      assertNothingWritten();
      serve(1);
      await sent(tb, mail);
      assert.deepEqual(outcome(), ["enveloped"]);
      assert.match(contents()[0] ?? "", new RegExp(Buffer.from(WALRUS).toString("base64")));
    });
  });
});
