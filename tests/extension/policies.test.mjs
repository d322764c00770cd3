/** Policies: what is wrong in one is told, the JSON schema says the same, and nothing that is wrong makes it weaker. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv } from "ajv";
import { encryptedByPolicy, parseSettings, problemsOf, readSettings } from "../../extension/background/settings.js";

const ROOT = new URL("../../", import.meta.url);
const json = (/** @type {string} */ path) => JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));

const conforms = new Ajv({ strictTypes: false }).compile(json("manifests/policies/managed-storage.schema.json"));

test("what is wrong in a policy is told, and the schema agrees", () => {
  for (const { policy, problems } of json("tests/extension/data/policies.json")) {
    const name = JSON.stringify(policy);
    assert.deepEqual(
      problemsOf(policy).map(({ key, what }) => `${key} ${what}`),
      problems,
      name,
    );
    assert.equal(conforms(policy), problems.length === 0, name);
  }
});

test("the samples install the add-on and use every key", () => {
  const { defaults: _, ...bare } = json("manifests/policies/policies.json").policies;
  const { policies } = json("manifests/policies/policies-every-option.json");
  const id = json("extension/manifest.json").browser_specific_settings.gecko.id;
  assert.equal(bare.ExtensionSettings[id].installation_mode, "force_installed");
  assert.deepEqual(policies.ExtensionSettings, bare.ExtensionSettings);
  const ours = policies["3rdparty"].Extensions[id];
  assert.deepEqual(problemsOf(ours), []);
  assert.equal(conforms(ours), true);
  const { properties } = json("manifests/policies/managed-storage.schema.json");
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(properties).sort());
  const used = Object.assign({}, ...ours.accounts);
  assert.deepEqual(Object.keys(used).sort(), Object.keys(properties.accounts.items.properties).sort());
});

test("a recipient that the policy wants encrypted, whatever the case, and with a slip of the pen", () => {
  const bound = (/** @type {unknown} */ list, /** @type {string[]} */ ...recipients) =>
    encryptedByPolicy(recipients, { managed: parseSettings({ encrypt_to: list }) });
  assert.deepEqual(
    bound(["*@Bank.test", "bob@a.test"], "x@bank.test", "BOB@a.test", "carol@a.test", "x@sub.bank.test"),
    ["x@bank.test", "BOB@a.test"],
  );
  assert.deepEqual(bound("*@bank.test", "x@bank.test"), ["x@bank.test"]);
  for (const slip of ["bank.test", "@bank.test", " *@bank.test "])
    assert.deepEqual(bound([slip], "x@bank.test", "x@otherbank.test"), ["x@bank.test"], slip);
  assert.deepEqual(bound(undefined, "x@bank.test"), []);
});

test("unencrypted is offered unless the policy says exactly that it may be", () => {
  const offered = (/** @type {object} */ policy) => parseSettings(policy).offerUnencrypted;
  assert.deepEqual(
    [{}, { offer_unencrypted: true }, { offer_unencrypted: false }, { offer_unencrypted: "yes" }].map(offered),
    [true, true, false, false],
  );
});

test("a policies.json that cannot be read is told, and what it said before still counts", async () => {
  const required = { defaults: { encrypt: "required" } };
  let unreadable = false;
  /** What the policy says; nothing: there is none. @type {object | undefined} */
  let policy = required;
  /** @type {Record<string, unknown>} */
  const stored = {};
  const get = async () => {
    if (unreadable || !policy) throw new Error("Managed storage manifest not found");
    return policy;
  };
  Object.assign(globalThis, {
    browser: {
      danePolicies: { getState: async () => ({ unreadable }) },
      storage: {
        managed: { get },
        local: { get: async () => stored, set: async (/** @type {object} */ items) => Object.assign(stored, items) },
      },
    },
  });
  const inForce = async () => {
    const { managed, problems } = await readSettings();
    return [managed.defaults.encrypt, problems.map(({ key, what }) => `${key} ${what}`).join()];
  };
  assert.deepEqual(await inForce(), ["required", ""]);
  unreadable = true;
  assert.deepEqual(await inForce(), ["required", "policies.json unreadable"]);
  // One that is gone is gone.
  unreadable = false;
  policy = undefined;
  assert.deepEqual(await inForce(), [undefined, ""]);
  unreadable = true;
  assert.deepEqual(await inForce(), [undefined, "policies.json unreadable"]);
});

test("one thing where a list belongs counts as the list of it", () => {
  const account = { match: "*@example.test", encrypt: "required" };
  const settings = parseSettings({ accounts: account, locked: "accounts", encrypt_to: "*@bank.example" });
  assert.deepEqual(settings.accounts, [account]);
  assert.deepEqual([settings.locked, settings.encryptTo], [["accounts"], ["*@bank.example"]]);
  for (const nothing of [null, 1, {}, [null]]) {
    const { accounts, encryptTo } = parseSettings({ accounts: nothing, encrypt_to: nothing });
    assert.deepEqual([accounts, encryptTo], [[], []]);
  }
});

test("what is not understood counts as the strictest that it can have meant", () => {
  for (const wrong of [null, true, {}, [null], ["account"], ["defaults", "acounts"], "everything"]) {
    assert.deepEqual(parseSettings({ locked: wrong }).locked, ["defaults", "accounts"], JSON.stringify(wrong));
  }
  assert.deepEqual([parseSettings({}).locked, parseSettings({ locked: [] }).locked], [[], []]);
  for (const wrong of ["required", ["required"], null]) {
    assert.deepEqual(parseSettings({ defaults: wrong }).defaults, { sign: "always", encrypt: "required" });
  }
  assert.deepEqual(parseSettings({}).defaults, {});
  // As openssl writes a fingerprint: with the user's own certificate in its place the mail would go out.
  for (const wrong of ["AB:CD", "", null, 1]) {
    const { accounts } = parseSettings({ accounts: [{ match: "a@a.test", certificate: wrong }] });
    assert.deepEqual(accounts, [{ match: "a@a.test", certificate: "0".repeat(64) }]);
  }
});
