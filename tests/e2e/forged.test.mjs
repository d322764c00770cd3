/** Mail that somebody changed on the way, and a DNS that somebody forges. */

import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { composed, discard, marks, openCompose, pressSend } from "../support/composing.mjs";
import { flipBit } from "../support/mime.mjs";
import { until } from "../support/process.mjs";
import { arrived, select, shows } from "../support/reading.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";
import { ownerName } from "../support/zones.mjs";
import { open } from "./setup.mjs";

const SECRET = "The password is swordfish.";

/** Finds a mail again whose subject is hidden. @param {string} subject */
const messageId = (subject) => `${subject.replace(/\W/g, "")}@example.test`;

describe("what somebody changed on the way", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;

  before(async () => {
    scene = await open();
  });
  after(() => scene?.close());

  /**
   * Has Alice's host protect a text.
   *
   * @param {string} subject
   * @param {...string} how
   */
  async function protect(subject, ...how) {
    const { world } = scene;
    const [input, output] = [join(world.directory, "in.eml"), join(world.directory, "out.eml")];
    writeFileSync(
      input,
      [
        `From: Alice Liddell <${world.alice.email}>`,
        `To: ${world.bob.email}`,
        `Subject: ${subject}`,
        `Date: ${new Date().toUTCString()}`,
        `Message-ID: <${messageId(subject)}>`,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        SECRET,
        "",
      ].join("\r\n"),
    );
    const addresses = ["--from", world.alice.email, "--to", world.bob.email];
    await world.alice.must("protect", ...addresses, ...how, "--input", input, "--output", output);
    return readFileSync(output);
  }

  /** @param {Buffer} message @param {string} subject */
  async function bobOpens(message, subject) {
    const { bob, world } = scene;
    await world.mail.deliver(world.bob.email, message);
    await select(bob, await arrived(bob, (mail) => mail.messageId === messageId(subject)));
  }

  test("untouched, both are good (or the tests below would show nothing)", async () => {
    const { bob } = scene;
    await bobOpens(await protect("Sealed", "--sign", "--encrypt"), "Sealed");
    await shows(bob, ({ text, crypto }) => text.includes(SECRET) && crypto.signed === "message-signed-verified");
    await bobOpens(await protect("Signed", "--sign"), "Signed");
    await shows(bob, ({ text, crypto }) => text.includes(SECRET) && crypto.signed === "message-signed-verified");
  });

  for (const [where, fromEnd] of /** @type {const} */ ([
    ["middle", 700],
    ["end", 1],
  ])) {
    test(`one bit of the ciphertext flipped near the ${where}: no content, and words that say so`, async () => {
      const { bob, photograph } = scene;
      const subject = `Flipped ${where}`;
      await bobOpens(flipBit(await protect(subject, "--sign", "--encrypt"), fromEnd), subject);
      const shown = await shows(bob, ({ bars }) =>
        bars.some(({ text }) => /is not shown|changed|damaged|cannot be decrypted/i.test(text)),
      );
      await photograph("bob", `4-bit-flipped-${where}`);
      assert.ok(!shown.html.includes("swordfish"));
      assert.notEqual(shown.crypto.signed, "message-signed-verified");
      assert.deepEqual(shown.attachments, []);
    });
  }

  test("a letter of a clear-signed mail changed: the text, marked as not what was signed", async () => {
    const { bob, photograph } = scene;
    const message = (await protect("Altered", "--sign")).toString("latin1").replace("swordfish", "swordfist");
    assert.ok(message.includes("swordfist"), "the text is in the clear");
    await bobOpens(Buffer.from(message, "latin1"), "Altered");
    const shown = await shows(bob, ({ text, bars }) => text.includes("swordfist") && bars.length > 0);
    await photograph("bob", "5-letter-changed");
    assert.notEqual(shown.crypto.signed, "message-signed-verified");
    assert.match(shown.bars.map(({ text }) => text).join("\n"), /not what was signed|changed/i);
  });

  test("the zone's signatures broken: Alice is told whose answer cannot be trusted, and nothing leaves", async () => {
    const { alice, world, photograph } = scene;
    const record = await world.bob.must(
      "record",
      "bob@example.test",
      "--cert",
      await world.bob.certificate(),
      "--form",
      "smimea",
    );
    await world.zones.publish(record.replace(/^\S+/, ownerName("bob@other.test")));
    await world.zones.set("other.test", "broken");

    const mail = await openCompose(alice, { to: "bob@other.test", subject: "Secret", body: `<p>${SECRET}</p>` });
    await until("the mark", async () => (await marks(alice, mail))["bob@other.test"] === "untrusted");
    await photograph("alice", "6-zone-broken-writing");
    await pressSend(alice, mail);
    const said = await dialog(alice, /other\.test/);
    await photograph("alice", "7-zone-broken-sending");
    assert.match(said.text, /cannot be trusted/);
    assert.ok(!said.buttons.some((label) => /unencrypted|unprotected/i.test(label)), `buttons: ${said.buttons}`);
    await answer(alice, said, said.buttons.find((label) => /back|OK/i.test(label)) ?? "Go back");
    await until("the window to be free again", async () =>
      (await screen(alice)).compose.every(({ locked }) => !locked),
    );
    assert.ok((await composed(alice, mail)).text.includes(SECRET));
    assert.deepEqual(world.mail.smtp.mails(), []);

    // The same domain, mended: what stood in the way was the forgery alone.
    await world.zones.set("other.test", "signed");
    const { status } = await world.alice.run("lookup", "bob@other.test", "--json");
    assert.equal(status, 0);
    await discard(alice, mail);
  });
});
