/** What a mail starts with: the choice between settings, policy, keys and what was switched. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stillHolds, touch } from "../../../extension/background/compose/choice.js";
import { parseSettings, wishesFor } from "../../../extension/background/settings.js";
import { choiceField, parseChoiceField } from "../../../extension/experiments/compose/modules/draft-choice.sys.mjs";
import { ALICE, BOB, choice, choiceOf, KEY, NO_SETTINGS, proposeFor, wishes } from "./facts.mjs";

test("out of the box: sign and encrypt with a key, nothing without one", () => {
  assert.deepEqual([choice().sign, choice().encrypt], [true, true]);
  const none = choice({ keys: [{ ...KEY, address: BOB }] });
  assert.deepEqual([none.sign, none.encrypt, none.hasKey], [false, false, false]);
  const retired = choice({ keys: [{ ...KEY, retired: true }] });
  assert.deepEqual([retired.sign, retired.encrypt], [false, false]);
  const signOnly = choice({ keys: [{ ...KEY, can_encrypt: false }] });
  assert.deepEqual([signOnly.sign, signOnly.encrypt], [true, false]);
});

test("a key serves its address however that is spelled", () => {
  const key = { ...KEY, address: "alice@xn--bcher-kva.example" };
  for (const from of ["alice@bücher.example", "Alice@BÜCHER.example.", '"alice"@xn--bcher-kva.example']) {
    const made = choice({ from, keys: [key] });
    assert.deepEqual([made.sign, made.encrypt, made.hasKey], [true, true, true], from);
  }
  assert.equal(choice({ from: "alice@bucher.example", keys: [key] }).hasKey, false);
});

test("where the keys are not known there is no choice, unless settings say it all", () => {
  assert.equal(choiceOf({ keys: null }), null);
  assert.equal(choiceOf({ keys: null, wishes: wishes({ defaults: { sign: "never" } }) }), null);
  const set = choice({ keys: null, wishes: wishes({ defaults: { sign: "always", encrypt: "required" } }) });
  assert.deepEqual([set.sign, set.encrypt, set.encryptLocked], [true, true, true]);
  const required = choice({ keys: null, wishes: wishes({ defaults: { encrypt: "required" } }) });
  assert.deepEqual([required.encrypt, required.encryptLocked], [true, true], "what is required is known without keys");
});

test("an answer to an encrypted mail starts encrypted, whatever the settings", () => {
  const never = wishes({}, { defaults: { encrypt: "never" } });
  assert.equal(choice({ wishes: never }).encrypt, false);
  assert.equal(choice({ wishes: never, fromEncrypted: true }).encrypt, true);
  assert.equal(choice({ fromEncrypted: true }).insist, true);
});

test("what was switched in a draft comes back with it, and never takes encryption from what was encrypted", () => {
  const draft = { sign: false, encrypt: false, hideSubject: false };
  const open = choice({ draft });
  assert.deepEqual([open.sign, open.encrypt, open.hideSubject], [false, false, false]);
  const sealed = choice({ draft, fromEncrypted: true });
  assert.deepEqual([sealed.sign, sealed.encrypt, sealed.hideSubject], [false, true, false]);
  const required = wishes({ defaults: { encrypt: "required" } });
  assert.equal(choice({ draft, wishes: required }).encrypt, true);
  assert.deepEqual(parseChoiceField(choiceField(sealed)), { sign: false, hideSubject: false });
  assert.equal(choiceField(choice()), "");
  assert.deepEqual(parseChoiceField(choiceField(touch(choice(), { encrypt: true }))), { encrypt: true });
  assert.deepEqual(parseChoiceField("encrypt=perhaps; sign; x=yes;; hide-subject=no"), { hideSubject: false });
});

test("where a draft alone has switched encryption off, its writer is asked", () => {
  const asks = (/** @type {import("../../../extension/background/compose/choice.js").Choice} */ made) =>
    !("plan" in proposeFor("ready", { choice: made }));
  const open = choice({ draft: { encrypt: false } });
  assert.equal(asks(open), true);
  assert.equal(asks(touch(touch(open, { encrypt: true }), { encrypt: false })), false, "switched here");
  assert.equal(asks(touch(choice(), { encrypt: false })), false);
  const never = wishes({}, { defaults: { encrypt: "never" } });
  const usual = choice({ draft: { encrypt: false }, wishes: never });
  assert.equal(asks(usual), false);
  const other = { from: "a@example.org", keys: [{ ...KEY, address: "a@example.org" }], previous: usual };
  assert.equal(asks(choice(other)), true, "another sender, who usually encrypts");
});

test("a choice holds for its sender and its text, and no longer", () => {
  const made = choice({ wishes: wishes({}, { defaults: { encrypt: "never" } }) });
  assert.equal(stillHolds(made, { from: ALICE, fromEncrypted: false }), true);
  assert.equal(stillHolds(made, { from: BOB, fromEncrypted: false }), false);
  assert.equal(stillHolds(made, { from: ALICE, fromEncrypted: true }), false, "the quotation came later");
  assert.equal(stillHolds(null, { from: ALICE, fromEncrypted: false }), false);
});

test("what the writer switched stays when the sender changes; what is required stays on", () => {
  const off = touch(choice(), { sign: false, encrypt: false });
  assert.deepEqual([off.sign, off.encrypt], [false, false]);
  const other = choice({ from: "a@example.org", keys: [{ ...KEY, address: "a@example.org" }], previous: off });
  assert.deepEqual([other.sign, other.encrypt], [false, false]);
  const required = choice({ wishes: wishes({ defaults: { encrypt: "required" } }) });
  assert.equal(touch(required, { encrypt: false }).encrypt, true);
  assert.equal(choice({ wishes: wishes({ defaults: { encrypt: "required" } }), previous: off }).encrypt, true);
});

test("policy stands over the user, the account over the default, the first that fits wins", () => {
  const local = { defaults: { sign: "never", encrypt: "never" }, accounts: [{ match: ALICE, encrypt: "possible" }] };
  assert.equal(wishes({}, local).encrypt, "possible");
  assert.equal(wishes({ defaults: { encrypt: "required" } }, local).encrypt, "required");
  assert.equal(wishes({ defaults: { encrypt: "required" } }, local).sign, "never");
  assert.equal(wishes({ locked: ["accounts"] }, local).encrypt, "never");
  assert.equal(wishes({ locked: ["accounts", "defaults"] }, local).encrypt, undefined);
  const accounts = [
    { match: "*@Example.Test", encrypt: "required" },
    { match: ALICE, encrypt: "never" },
  ];
  assert.equal(wishes({ accounts }).encrypt, "required");
  assert.equal(
    wishesFor("x@evil-example.test", { ...NO_SETTINGS, managed: parseSettings({ accounts }) }).encrypt,
    undefined,
  );
  const fixed = Object.entries(wishes({ accounts }, local).byPolicy).filter(([, byPolicy]) => byPolicy);
  assert.deepEqual(fixed, [
    ["encrypt", true],
    ["unattended", true],
  ]);
});

test("which certificate: the policy's, by From; the user's is selected at the host", () => {
  const managed = parseSettings({
    accounts: [
      { match: ALICE, certificate: "AB".repeat(32), forms: ["triple", "nocerts", "origami"] },
      { match: "*@example.org", certificate: "cd".repeat(32) },
    ],
  });
  const local = parseSettings({ accounts: [{ match: BOB, certificate: "ef".repeat(32), forms: ["opaque"] }] });
  const made = (/** @type {string} */ from, previous = /** @type {any} */ (null)) =>
    choice({ from, wishes: wishesFor(from, { managed, local }), previous });
  const alices = made(ALICE);
  assert.deepEqual([alices.certificate, alices.forms], ["ab".repeat(32), ["triple", "nocerts"]]);
  assert.equal(made("a@example.org", alices).certificate, "cd".repeat(32), "changed with From");
  assert.deepEqual([made(BOB, alices).certificate, made(BOB).forms], [null, ["opaque"]]);
  const plan = {
    sign: true,
    encrypt: true,
    hideSubject: true,
    certificate: "ab".repeat(32),
    forms: ["triple", "nocerts"],
  };
  assert.deepEqual(proposeFor("ready", { choice: alices }), { plan });
});

test("an alias that the certificate names has that key", () => {
  const keys = [{ ...KEY, addresses: [ALICE, "Liddell@example.test"] }];
  const alias = choice({ from: "liddell@example.test", keys });
  assert.deepEqual([alias.hasKey, alias.sign, alias.encrypt], [true, true, true]);
  assert.equal(choice({ from: BOB, keys }).hasKey, false);
});

test("a typing error in a policy never weakens it", () => {
  assert.deepEqual(parseSettings({ defaults: { sign: "allways", encrypt: "requierd" } }).defaults, {
    sign: "always",
    encrypt: "required",
  });
  assert.deepEqual(parseSettings({ defaults: 7, accounts: "x", locked: [1, "accounts"] }), {
    defaults: { sign: "always", encrypt: "required" },
    accounts: [],
    locked: ["defaults", "accounts"],
    encryptTo: [],
    offerUnencrypted: true,
    patience: null,
    openWith: null,
  });
});
