/** Whatever happens to the host: nothing leaves, nothing that was typed is lost, and one can try again. */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { composed, discard, openCompose, pressSend, sent, untilFound } from "../support/composing.mjs";
import { field } from "../support/mime.mjs";
import { FAULTY_HOST, forgetRequests, giveOrders, requestsSeen } from "../support/orders.mjs";
import { until } from "../support/process.mjs";
import { setSettings } from "../support/settings.mjs";
import { registerHost, unregisterHost } from "../support/thunderbird.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";
import { open as openScene } from "./setup.mjs";

const TYPED = "Every word of this took an hour.";

describe("the host fails while Alice sends", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  /** @type {number} */
  let mail;
  /** How many mails lay in Sent before. */
  let copies = 0;

  before(async () => {
    scene = await openScene({ bob: false });
    writeFileSync(join(scene.world.directory, "notes.txt"), "attached\n");
  });
  after(() => scene?.close());

  /** Alice writes; it ends when Bob is marked, which says that the host has been asked and the mail is to be encrypted. */
  async function write() {
    const { alice, world } = scene;
    world.mail.smtp.clear();
    copies = world.mail.stored("alice", "Sent").length;
    mail = await openCompose(alice, {
      to: "bob@example.test",
      subject: "Do not lose me",
      body: `<p>${TYPED}</p>`,
      attachments: [join(world.directory, "notes.txt")],
    });
    await untilFound(alice, mail, "bob@example.test");
  }

  /** Ends the hosts that run, and waits until Thunderbird has none. */
  async function killHosts() {
    for (const pid of scene.alice.hostPids()) process.kill(pid, "SIGKILL");
    await until("the hosts to be gone", () => scene.alice.hostPids().length === 0);
  }

  afterEach(async () => {
    const { alice } = scene;
    for (const left of (await screen(alice)).dialogs) await answer(alice, left, left.buttons[0] ?? "OK");
    for (const { id } of (await screen(alice)).compose) await discard(alice, id);
  });

  /**
   * Nothing has left, and everything is where it was.
   *
   * @param {RegExp} words that Alice is told
   * @param {string} pictureName
   */
  async function nothingSentNothingLost(words, pictureName) {
    const { alice, world, photograph } = scene;
    const said = await dialog(alice, words, 90_000);
    await photograph("alice", pictureName);
    assert.deepEqual(world.mail.smtp.mails(), []);
    assert.equal(world.mail.stored("alice", "Sent").length, copies);
    await answer(alice, said, said.buttons.find((label) => /back|OK/i.test(label)) ?? "OK");
    const left = await until("the window to be free again", async () => {
      const now = await composed(alice, mail);
      return now.editable && now;
    });
    assert.deepEqual(left.to, ["bob@example.test"]);
    assert.equal(left.subject, "Do not lose me");
    assert.ok(left.text.includes(TYPED));
    assert.deepEqual(
      left.attachments.map(({ name }) => name),
      ["notes.txt"],
    );
  }

  /** A second press of the button, and the mail is there, encrypted. */
  async function sendingAgainWorks() {
    const { alice, world } = scene;
    await pressSend(alice, mail);
    await sent(alice, mail);
    const mails = world.mail.smtp.mails();
    assert.equal(mails.length, 1);
    assert.match(field(mails[0]?.bytes ?? Buffer.alloc(0), "Content-Type") ?? "", /^application\/pkcs7-mime;/i);
    await until("the copy in Sent", () => world.mail.stored("alice", "Sent").length > copies);
    for (const copy of world.mail.stored("alice", "Sent")) assert.ok(!copy.includes(TYPED));
  }

  test("kill -9 in the middle of the work", async () => {
    const { alice, world } = scene;
    const { home } = world.alice.user;
    forgetRequests(home);
    giveOrders(home, { pass: world.alice.host, faults: { protect: { slow: 60_000 } } });
    registerHost(home, FAULTY_HOST);
    await killHosts();
    await write();
    await pressSend(alice, mail);
    await until("the host to protect", () => requestsSeen(home).some(({ type }) => type === "protect"));
    for (const pid of alice.hostPids()) process.kill(pid, "SIGKILL");
    registerHost(home, world.alice.host);
    await nothingSentNothingLost(/stopped before it had finished/, "8-host-killed");
    await sendingAgainWorks();
  });

  test("no host is installed", async () => {
    const { alice, world } = scene;
    await write();
    unregisterHost(world.alice.user.home);
    await killHosts();
    await pressSend(alice, mail);
    await nothingSentNothingLost(/not installed/, "9-host-missing");
    registerHost(world.alice.user.home, world.alice.host);
    await sendingAgainWorks();
  });

  const FAULTS = /** @type {const} */ ([
    ["crashes", "crash", /stopped before it had finished/],
    ["answers with garbage", "garbage", /makes no sense|stopped before/],
    ["announces a frame of 4 GiB", "oversize", /makes no sense|stopped before/],
    ["dies in the middle of a frame", "cut", /stopped before it had finished/],
    ["answers with nothing", "empty", /not protected as you chose|makes no sense/],
    ["hands the mail back in the clear", "plain", /not protected as you chose|makes no sense/],
    ["hangs", "hang", /did not answer in time/],
    ["refuses", { error: { code: "keyring-locked", message: "The keyring is locked." } }, /locked/i],
  ]);
  for (const [what, fault, words] of FAULTS) {
    test(`a host that ${what}`, async () => {
      const { alice, world } = scene;
      const { home } = world.alice.user;
      forgetRequests(home);
      giveOrders(home, { pass: world.alice.host, faults: { protect: fault } });
      registerHost(home, FAULTY_HOST);
      await killHosts();
      await write();
      if (fault === "hang") await setSettings(alice, { patience: 0.05 });
      await pressSend(alice, mail);
      await nothingSentNothingLost(words, `10-host-${typeof fault === "string" ? fault : "refuses"}`);
      assert.ok(
        requestsSeen(home).some(({ type }) => type === "protect"),
        "it was this that failed",
      );
      giveOrders(home, { pass: world.alice.host });
      await setSettings(alice, { patience: 1 });
      await sendingAgainWorks();
    });
  }
});
