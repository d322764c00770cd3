/** What the user is told of keys without having asked. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** @type {{ id: string, message: string }[]} */
let notified = [];
/** @type {Record<string, any>} */
let stored = {};

/** @type {string[]} */
let opened = [];
/** A notification is clicked. @type {(id: string) => void} */
let click = () => {};

/** @type {any} */ (globalThis).browser = {
  i18n: {
    getMessage: (/** @type {string} */ key, /** @type {string[]} */ values = []) => [key, ...values].join(" "),
    getUILanguage: () => "en",
  },
  runtime: { getURL: (/** @type {string} */ path) => path },
  accounts: {
    list: async () => [{ identities: [{ email: "alice@example.test" }, { email: "bob@example.test" }] }],
  },
  storage: {
    local: {
      get: async (/** @type {string} */ key) => ({ [key]: stored[key] }),
      set: async (/** @type {object} */ news) => void Object.assign(stored, news),
    },
  },
  alarms: { onAlarm: { addListener: () => {} }, get: async () => ({}) },
  tabs: { create: async (/** @type {{ url: string }} */ { url }) => void opened.push(url) },
  notifications: {
    onClicked: {
      addListener: (/** @type {(id: string) => void} */ listener) => {
        click = listener;
      },
    },
    create: async (/** @type {string} */ id, /** @type {{ message: string }} */ { message }) =>
      void notified.push({ id, message }),
  },
};
const { awaitRecord, look, recordSeen, startWatching } = await import("../../extension/background/keys/watch.js");
const { readKeyFile } = await import("../../extension/ui/shared/ask.js");

const DAY = 24 * 3600 * 1000;

/** A host whose accounts stand as the test says. @param {Record<string, object>} states */
function host(states) {
  const asked = /** @type {any[]} */ ([]);
  return {
    asked,
    request: async (/** @type {string} */ type, /** @type {{ addresses: string[] }} */ fields) => {
      asked.push([type, fields]);
      const accounts = fields.addresses.map((address) => ({
        address,
        state: "good",
        sign: { sha256: "aa" },
        reminder: null,
        days_left: 400,
        publication: null,
        ...states[address],
      }));
      return { result: { accounts }, body: new Uint8Array() };
    },
  };
}

beforeEach(() => {
  notified = [];
  stored = {};
  opened = [];
});

test("a click on what was told leads to where it said", async () => {
  startWatching(/** @type {any} */ (host({})));
  for (const id of ["keys|alice@example.test", "keys|test|alice@example.test", "keys|a|b@example.test", "other|x"]) {
    click(id);
  }
  assert.deepEqual(opened, [
    "ui/assistant/assistant.html?address=alice%40example.test",
    "ui/assistant/assistant.html?address=alice%40example.test&step=test",
    "ui/assistant/assistant.html?address=a%7Cb%40example.test",
  ]);
});

test("a record that its owner has seen to be live is not told once more", async () => {
  await awaitRecord("alice@example.test");
  await awaitRecord("bob@example.test");
  await recordSeen("alice@example.test");
  const live = /** @type {any} */ (host({ "bob@example.test": { publication: { published: true } } }));
  await look(live, 10 * DAY);
  assert.deepEqual(live.asked[0], ["accounts", { addresses: ["bob@example.test"], dns: true }]);
});

test("the last two days have no number", async () => {
  const at = (/** @type {number} */ days_left) =>
    /** @type {any} */ (host({ "bob@example.test": { reminder: 3, days_left, sign: { sha256: String(days_left) } } }));
  await look(at(2), 10 * DAY);
  await look(at(1), 12 * DAY);
  await look(at(0), 14 * DAY);
  assert.deepEqual(
    notified.map(({ message }) => message),
    [
      "notify_expiring_text bob@example.test 2",
      "notify_expiring_very_soon bob@example.test",
      "notify_expiring_very_soon bob@example.test",
    ],
  );
});

test("without any key the assistant is offered once, and not again", async () => {
  const none = { state: "no-key", sign: null };
  const it = /** @type {any} */ (host({ "alice@example.test": none, "bob@example.test": none }));
  await look(it, 10 * DAY);
  assert.deepEqual(notified, [{ id: "keys|alice@example.test", message: "notify_welcome_text" }]);
  await look(it, 12 * DAY);
  assert.equal(notified.length, 1);
});

test("a sender whose address can have no certificate is passed over", async () => {
  const states = {
    "alice@example.test": { state: "invalid-address", sign: null },
    "bob@example.test": { state: "no-key" },
  };
  await look(/** @type {any} */ (host(states)), 10 * DAY);
  assert.deepEqual(notified, [{ id: "keys|bob@example.test", message: "notify_welcome_text" }]);
});

test("a certificate that ends is told at each step, once, and the next certificate anew", async () => {
  const at = (/** @type {number} */ reminder, sha256 = "aa") =>
    /** @type {any} */ (host({ "bob@example.test": { reminder, days_left: reminder - 1, sign: { sha256 } } }));
  await look(at(60), 10 * DAY);
  await look(at(60), 12 * DAY);
  assert.deepEqual(notified, [{ id: "keys|bob@example.test", message: "notify_expiring_text bob@example.test 59" }]);
  await look(at(14), 20 * DAY);
  await look(at(3), 30 * DAY);
  assert.equal(notified.length, 3);
  await look(at(3, "bb"), 40 * DAY);
  assert.equal(notified.length, 4);
});

test("the host is asked once a day, and about awaited records each time until they are live", async () => {
  const quiet = /** @type {any} */ (host({}));
  await look(quiet, 10 * DAY);
  await look(quiet, 10 * DAY + 1);
  assert.equal(quiet.asked.length, 1);
  assert.equal(quiet.asked[0][1].dns, false, "no question to the DNS that nobody wants");
  await awaitRecord("alice@example.test");
  await look(quiet, 10 * DAY + 2);
  assert.deepEqual(quiet.asked[1], ["accounts", { addresses: ["alice@example.test"], dns: true }]);
  assert.deepEqual(notified, []);
  const live = /** @type {any} */ (host({ "alice@example.test": { publication: { published: true } } }));
  await look(live, 10 * DAY + 3);
  assert.deepEqual(notified, [{ id: "keys|test|alice@example.test", message: "notify_live_text alice@example.test" }]);
  await look(live, 10 * DAY + 4);
  assert.equal(live.asked.length, 1);
});

test("a record that is live is told of once, however its address is spelled", async () => {
  const live = {
    request: async () => ({
      result: { accounts: [{ address: "Alice@example.test", publication: { published: true } }] },
    }),
  };
  await awaitRecord("Alice@EXAMPLE.Test");
  stored.keysTold = { ...stored.keysTold, lookedAt: 10 * DAY };
  await look(/** @type {any} */ (live), 10 * DAY + 1);
  await look(/** @type {any} */ (live), 10 * DAY + 2);
  assert.deepEqual(notified, [{ id: "keys|test|Alice@EXAMPLE.Test", message: "notify_live_text Alice@EXAMPLE.Test" }]);
});

test("a private key without a password stays in Thunderbird, one with a password is handed on", async () => {
  const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  const file = (/** @type {string} */ label, /** @type {string} */ body) =>
    new File([`${certificate}-----BEGIN ${label}-----\r\n${body}\r\n-----END ${label}-----\r\n`], "key.pem");
  for (const label of ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "X9.62 EC PRIVATE KEY"]) {
    await assert.rejects(readKeyFile(file(label, "MIIE")), { code: "key-in-the-clear" }, label);
  }
  for (const [label, body] of [
    ["ENCRYPTED PRIVATE KEY", "MIIF"],
    ["RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,00\r\n\r\nMIIF"],
    ["PKCS12", "MIIF"],
  ]) {
    const { size } = file(label, body);
    assert.equal((await readKeyFile(file(label, body))).length, size, label);
  }
});
