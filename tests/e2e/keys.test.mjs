/** The life of a key in a real Thunderbird: taken over, published, handed out, saved, lost, brought back, certified, replaced, ended. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { composed, openCompose, pressSend, sent } from "../support/composing.mjs";
import { Page } from "../support/extension-page.mjs";
import { pick, saveTo } from "../support/file-pickers.mjs";
import { identity } from "../support/openssl.mjs";
import { openPage, pageShows, press } from "../support/pages.mjs";
import { PinentryScript } from "../support/pinentry.mjs";
import { until } from "../support/process.mjs";
import { arrived, page, select, shows } from "../support/reading.mjs";
import { setSettings, stopEventPage } from "../support/settings.mjs";
import { MODULE, PIN, softToken } from "../support/soft-token.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";
import { ownerName } from "../support/zones.mjs";
import { open } from "./setup.mjs";

const ASSISTANT = "ui/assistant/assistant.html";
const OPTIONS = "ui/options/options.html";
const DAY_MS = 24 * 3600 * 1000;

describe("Alice has a key in a file, and an authority", () => {
  /** @type {import("./setup.mjs").Scene} */
  let scene;
  /** @type {PinentryScript} */
  let pinentry;
  /** @type {import("../support/openssl.mjs").Identity} */
  let own;
  before(async () => {
    const zones = /** @type {const} */ ({ "example.test": "dynamic" });
    // Before the host starts, which Thunderbird does.
    const alices = async (/** @type {import("../support/world.mjs").Person} */ alice) => {
      pinentry = new PinentryScript(alice.world.directory);
      own = identity(join(alice.world.directory, "own"), alice.email, 400);
      alice.configure({ pinentry: pinentry.program });
      alice.user.env.SOFTHSM2_CONF = softToken(alice.world.directory, "Karte", alice.email);
    };
    scene = await open({ bob: false, alices, zones });
  });
  after(() => scene?.close());

  const file = (/** @type {string} */ name) => join(scene.world.directory, name);
  const rows = async () => (await pageShows(scene.alice, OPTIONS, "[data-shown=all]")).text;
  /** A fresh settings page, alone. */
  const settings = async () => {
    await closePages(scene.alice);
    await openPage(scene.alice, OPTIONS);
    return rows();
  };

  test("a PKCS#12 file is taken over; the password is asked for in a window of its own, once more where it was wrong", async () => {
    const { alice, world, photograph } = scene;
    await openPage(alice, ASSISTANT);
    await pageShows(alice, ASSISTANT, "#make-key");
    await press(alice, ASSISTANT, "#other-ways summary");
    await photograph("alice", "keys-20-other-ways");
    pinentry.willEnter("not this one", readFileSync(own.passwordFile, "utf8").trim());
    await pick(alice, ASSISTANT, "#import-file", own.pkcs12);
    const seen = await pageShows(alice, ASSISTANT, "#lines");
    assert.match(pinentry.asked(), /SETDESC DANE S\/MIME: the file with your key.*GETPIN.*SETERROR.*GETPIN/s);
    assert.doesNotMatch(seen.text, /not this one/);
    assert.equal((await world.alice.keys()).length, 1);
  });

  test("with a TSIG key the record is there at the press of a button", async () => {
    const { alice, world, photograph } = scene;
    await press(alice, ASSISTANT, "#own-server summary");
    await press(alice, ASSISTANT, "#server", world.zones.resolver);
    await press(alice, ASSISTANT, "#key-file", "/nowhere/update.key");
    await press(alice, ASSISTANT, "#push");
    await until("the word that there is no such key", async () =>
      (await page(alice, ASSISTANT)).text.includes("/nowhere/update.key"),
    );
    await press(alice, ASSISTANT, "#key-file", world.zones.updateKey);
    await page(alice, ASSISTANT, `content.document.querySelector("#own-server").scrollIntoView()`);
    await photograph("alice", "keys-21-nsupdate");
    await press(alice, ASSISTANT, "#push");
    await pageShows(alice, ASSISTANT, "#found");
    assert.match(await settings(), /Others can write to you securely/);
    await photograph("alice", "keys-22-published");
  });

  test("the key goes out under a password of its owner's choice, and all keys in one file", async () => {
    const { alice, photograph } = scene;
    await saveTo(alice, file("out.p12"));
    pinentry.willEnter("chosen for the file");
    await press(alice, OPTIONS, "#keys button");
    const asked = await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    assert.match(asked.text, /holds your private key/);
    await photograph("alice", "keys-23-export");
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await until("the file", () => exists(file("out.p12")));
    assert.match(pinentry.asked(), /SETREPEAT/);
    const read = execFileSync(
      "openssl",
      ["pkcs12", "-in", file("out.p12"), "-nodes", "-passin", "pass:chosen for the file"],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    assert.match(read, /BEGIN PRIVATE KEY/);

    await saveTo(alice, file("keys.backup"));
    pinentry.willEnter("chosen for the backup");
    await press(alice, OPTIONS, "#backup");
    await until("the backup", () => exists(file("keys.backup")));
  });

  test("a key is deleted only after it was said what becomes unreadable; the backup brings it back", async () => {
    const { alice, world, photograph } = scene;
    const [key] = await world.alice.keys();
    await press(alice, OPTIONS, "#keys button.danger");
    const asked = await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    assert.match(
      asked.text,
      /All mail to alice@example\.test that was encrypted with this key .* becomes unreadable for ever/,
    );
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await pageShows(alice, OPTIONS, "[data-state=no-key]");
    assert.deepEqual(await world.alice.keys(), []);
    pinentry.willEnter("chosen for the backup");
    await pick(alice, OPTIONS, "#restore", file("keys.backup"));
    await pageShows(alice, OPTIONS, `#keys [data-sha256="${key?.sha256}"]`);
    assert.match(pinentry.asked(), /SETDESC DANE S\/MIME: the backup/);
    await photograph("alice", "keys-24-restored");
  });

  test("an authority is asked, and its answer installed", async () => {
    const { alice, world, photograph } = scene;
    await closePages(alice);
    await openPage(alice, `${ASSISTANT}?step=request`);
    await pageShows(alice, ASSISTANT, "#request-text");
    await photograph("alice", "keys-25-request");
    const request = await fieldOf(alice, ASSISTANT, "#request-text");
    writeFileSync(file("request.csr"), request);
    // Whoever closed the window before it was sent finds it again, and no second key is made.
    await closePages(alice);
    await openPage(alice, `${ASSISTANT}?step=request`);
    await pageShows(alice, ASSISTANT, "#request-text");
    assert.equal(await fieldOf(alice, ASSISTANT, "#request-text"), request);
    certify(scene.world.directory, world.alice.email);
    const other = identity(file("not-hers"), world.alice.email);
    await pick(alice, ASSISTANT, "#answer-file", other.certificate);
    await until("the word that it belongs to none", async () =>
      (await page(alice, ASSISTANT)).text.includes("belongs to none of the keys"),
    ).catch(async () => assert.fail((await page(alice, ASSISTANT)).text));
    await pick(alice, ASSISTANT, "#answer-file", file("answer.pem"));
    await pageShows(alice, ASSISTANT, "#lines");
    assert.equal((await world.alice.keys()).length, 2);
    assert.match(await settings(), /Others cannot find your certificate yet/);
  });

  test("where the DNS and this computer differ, the row says so and its button leads to what mends it", async () => {
    const { alice, world, photograph } = scene;
    // Both are published now; then the first is retired, and its record stays.
    await world.zones.publish(await world.alice.must("record", world.alice.email, "--form", "smimea"));
    assert.match(await settings(), /Others can write to you securely/);
    const old = (await world.alice.keys()).find((key) => key.sha256 !== undefined && !isNewest(key, world));
    assert.ok(old);
    await press(alice, OPTIONS, `#keys [data-sha256="${old.sha256}"] button:not(.danger):nth-of-type(2)`);
    await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await until("the key to be retired", async () => (await world.alice.keys()).some(({ retired }) => retired));
    assert.match(await settings(), /A key that you retired is still in the DNS of example\.test/);
    await photograph("alice", "keys-26-differs");
    await press(alice, OPTIONS, "#senders tr button");
    await pageShows(alice, ASSISTANT, "textarea");
    await photograph("alice", "keys-27-clean");
    const line = await fieldOf(alice, ASSISTANT, "textarea");
    assert.match(line, /_smimecert\.example\.test\. IN SMIMEA 3 0 0 /);
    await press(alice, ASSISTANT, "#own-server summary");
    const { buttons } = await page(alice, ASSISTANT);
    assert.ok(buttons.includes("Remove them from the DNS"), buttons.join());
    await press(alice, ASSISTANT, "#server", world.zones.resolver);
    await press(alice, ASSISTANT, "#key-file", world.zones.updateKey);
    await press(alice, ASSISTANT, "#push");
    await pageShows(alice, ASSISTANT, "#found");
    assert.match(await settings(), /Others can write to you securely/);
  });

  /** The certificate of the authority's is the newer one. @param {{sha256: string}} key @param {any} world */
  function isNewest(key, world) {
    const certificate = readFileSync(join(world.alice.dataDirectory, "keys", `${key.sha256}.pem`));
    return certificate.includes(readFileSync(file("answer.pem"), "utf8").trim().split("\n")[1] ?? "");
  }

  test("a record of a key that is not here is told, too", async () => {
    const { world } = scene;
    const owner = ownerName(world.alice.email);
    await world.zones.withdraw(owner);
    const now = await world.alice.must("record", world.alice.email, "--form", "smimea");
    const other = identity(join(world.directory, "other"), world.alice.email);
    const foreign = await world.alice.must(
      "record",
      world.alice.email,
      "--cert",
      other.certificate,
      "--form",
      "smimea",
    );
    await world.zones.publish(`${now}\n${foreign}`);
    assert.match(await settings(), /names a further key that is not on this computer/);
    await world.zones.withdraw(owner);
    await world.zones.publish(now);
    assert.match(await settings(), /Others can write to you securely/);
  });

  test("the end of a certificate is told 60, 14 and 3 days ahead, each once", async () => {
    const { alice, world, photograph } = scene;
    const held = JSON.parse(await world.alice.must("key", "list", "--json"));
    const end = Date.parse(held.find((/** @type {any} */ key) => key.selected_sign).not_after);
    for (const days of [59, 30, 13, 2]) {
      const at = new Date(end - days * DAY_MS - 3600 * 1000).toISOString().replace(/\.\d+Z/, "Z");
      world.alice.configure({ pinentry: pinentry.program, at });
      await closePages(alice);
      await stopEventPage(alice); // and with it the host, which has read the old settings
      const told = await lookToday(alice);
      // 30 days ahead the reminder of 60 is due, and was given.
      assert.deepEqual(told, days === 30 ? [] : [`keys|${world.alice.email}`], `${days} days ahead`);
      if (days === 13) await photograph("alice", "keys-28-notification");
      assert.deepEqual(await lookToday(alice), [], `${days} days ahead, again`);
    }
    assert.match(await settings(), /The certificate expires in 2 days/);
    await photograph("alice", "keys-29-expiring");
  });

  test("all of it in German", async () => {
    const { world, photograph } = scene;
    world.alice.configure({ pinentry: pinentry.program });
    const alice = await scene.restart("alice", { "intl.locale.requested": "de" });
    assert.match(await settings(), /Andere können Ihnen sicher schreiben/);
    await photograph("alice", "keys-30-settings-german");
    pinentry.willEnter();
    await saveTo(alice, file("german.p12"));
    await press(alice, OPTIONS, "#keys tr:not(.retired) button");
    await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    await photograph("alice", "keys-31-export-german");
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await until("the German window", () => /SETDESC DANE S\/MIME: [^\n]*Passwort/.test(pinentry.asked()));
    await closePages(alice);
    await openPage(alice, `${ASSISTANT}?step=publish`);
    await pageShows(alice, ASSISTANT, "#lines");
    await photograph("alice", "keys-32-publish-german");
  });

  test("a key on a token is shown as one, signs when its PIN was entered, and stays there when it is forgotten", async () => {
    const { alice, world, photograph } = scene;
    pinentry.willEnter(PIN);
    const [added] = JSON.parse(await world.alice.must("key", "token", "add", "--module", MODULE, "--json"));
    const chosen = ["--sign", added.sha256, "--encrypt", added.sha256];
    await world.alice.must("key", "select", "--address", world.alice.email, ...chosen);
    assert.match(await settings(), /auf dem Token „Karte“/);
    const row = `#keys [data-sha256="${added.sha256}"]`;
    const { buttons } = await page(alice, OPTIONS);
    await photograph("alice", "keys-33-token-german");
    assert.ok(buttons.includes("Nicht mehr verwenden"), buttons.join());

    const { smtp } = world.mail;
    smtp.clear();
    const mail = await openCompose(alice, {
      to: world.alice.email,
      subject: "Karte",
      body: "<p>Signed by a card.</p>",
    });
    pinentry.willEnter("000000");
    await pressSend(alice, mail);
    const said = await dialog(alice, /Die PIN war falsch/);
    await photograph("alice", "keys-35-wrong-pin-german");
    assert.deepEqual([smtp.mails().length, pinentry.asked().match(/GETPIN/g)?.length], [0, 1]);
    await answer(alice, said, "OK");
    assert.match((await composed(alice, mail)).text, /Signed by a card/);
    // Six seconds for the program, and a writer who looks for the card first.
    await setSettings(alice, { patience: 0.2 });
    pinentry.hold();
    await pressSend(alice, mail);
    await until("the question", () => /GETPIN/.test(pinentry.asked()));
    assert.match(pinentry.asked(), /SETDESC DANE S\/MIME: Geben Sie die PIN des Tokens „Karte“ ein/);
    await pause(8_000);
    await photograph("alice", "keys-36-waiting-for-pin-german");
    assert.deepEqual([(await screen(alice)).dialogs, smtp.mails()], [[], []], "it still waits");
    pinentry.willEnter(PIN);
    await sent(alice, mail);
    await setSettings(alice, { patience: 1 });
    assert.match(smtp.mails()[0]?.bytes.toString("latin1") ?? "", /^Content-Type: application\/pkcs7-mime/m);

    await stopEventPage(alice); // and with it the program, which has the token open
    pinentry.hold();
    await closePages(alice);
    const letter = ["cms", "-encrypt", "-aes256", "-from", "bob@example.test", "-to", world.alice.email];
    const toCard = [...letter, "-subject", "For the card alone", "-recip", file("on-token/certificate.pem")];
    await world.mail.deliver(
      world.alice.email,
      execFileSync("openssl", toCard, { input: "Content-Type: text/plain\r\n\r\nRead by a card.\r\n" }),
    );
    await select(alice, await arrived(alice, ({ subject }) => subject === "For the card alone"));
    await shows(alice, ({ bars }) => bars.some(({ text }) => /auf Ihre PIN gewartet/.test(text)));
    await photograph("alice", "keys-37-reading-waits-for-pin-german");
    pinentry.willEnter(PIN);
    const { bars } = await shows(alice, ({ text }) => text.includes("Read by a card."));
    assert.ok(!bars.some(({ text }) => /PIN/.test(text)), "it waits no more");

    await settings();

    await press(alice, OPTIONS, `${row} button:last-of-type`);
    const asked = await pageShows(alice, OPTIONS, "dialog[open] [data-action]");
    assert.match(asked.text, /Er bleibt auf dem Token „Karte“/);
    await photograph("alice", "keys-34-forget-german");
    await press(alice, OPTIONS, 'dialog [data-action="0"]');
    await until("it to be forgotten", async () =>
      (await world.alice.keys()).every(({ sha256 }) => sha256 !== added.sha256),
    );
    const listed = execFileSync(
      "pkcs11-tool",
      ["--module", MODULE, "--login", "--pin", PIN, "-O", "--type", "privkey"],
      {
        env: world.alice.user.env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    assert.match(listed, /Private Key Object; RSA/);
  });
});

/** @param {string} path */
function exists(path) {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}

/** Closes the add-on's pages, which would be taken for those that are opened next. @param {import("../support/thunderbird.mjs").Thunderbird} tb */
function closePages(tb) {
  return tb.chrome(() => {
    const tabmail = mainWindow().document.getElementById("tabmail");
    while (tabmail.tabInfo.length > 1) tabmail.closeTab(tabmail.tabInfo[1]);
  });
}

/**
 * What a field holds.
 *
 * @param {import("../support/thunderbird.mjs").Thunderbird} tb
 * @param {string} path
 * @param {string} selector
 */
async function fieldOf(tb, path, selector) {
  const shown = await page(
    tb,
    path,
    `content.document.body.dataset.testValue = content.document.querySelector(${JSON.stringify(selector)}).value`,
  );
  assert.ok(shown);
  return tb.chrome(
    (where) =>
      new Promise((resolve) => {
        const tabmail = mainWindow().document.getElementById("tabmail");
        const { browser } = tabmail.tabInfo.find(({ browser: one }) => one?.currentURI.spec.includes(where));
        const { messageManager } = browser;
        const listener = ({ data }) => {
          messageManager.removeMessageListener("dane-test:value", listener);
          resolve(data);
        };
        messageManager.addMessageListener("dane-test:value", listener);
        const look = `sendAsyncMessage("dane-test:value", content.document.body.dataset.testValue)`;
        messageManager.loadFrameScript(`data:,${encodeURIComponent(look)}`, false);
      }),
    path,
  );
}

/** An authority of openssl's signs `request.csr`: `answer.pem`. @param {string} directory @param {string} email */
function certify(directory, email) {
  const at = (/** @type {string} */ name) => join(directory, name);
  const run = (/** @type {string[]} */ ...args) => execFileSync("openssl", args, { stdio: "pipe" });
  run(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "700", "-subj", "/CN=House CA"],
    ...["-keyout", at("ca.key"), "-out", at("ca.pem")],
  );
  writeFileSync(
    at("extensions"),
    `basicConstraints=CA:FALSE\nsubjectAltName=email:${email}\nkeyUsage=critical,digitalSignature,keyEncipherment\n`,
  );
  run(
    ...["x509", "-req", "-in", at("request.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"],
    ...["-days", "365", "-extfile", at("extensions"), "-out", at("answer.pem")],
  );
}

/**
 * Has the add-on look at its accounts, as it does once a day, and hands back the notifications that came of it.
 *
 * @param {import("../support/thunderbird.mjs").Thunderbird} tb
 */
async function lookToday(tb) {
  const page = await Page.open(tb, OPTIONS);
  try {
    return await page.run(async () => {
      for (const id of Object.keys(await browser.notifications.getAll())) await browser.notifications.clear(id);
      // Where nothing shows them they are closed at once.
      const seen = new Set();
      browser.notifications.onClosed.addListener((id) => seen.add(id));
      const told = async () => (await browser.storage.local.get("keysTold")).keysTold ?? {};
      // Remembered as the last thing of a look.
      await browser.storage.local.set({ keysTold: { ...(await told()), lookedAt: 0, welcomed: false } });
      await browser.alarms.create("keys", { when: Date.now(), periodInMinutes: 15 });
      while (!(await told()).welcomed) await new Promise((resolve) => setTimeout(resolve, 100));
      return [...new Set([...seen, ...Object.keys(await browser.notifications.getAll())])];
    });
  } finally {
    await page.close();
  }
}
