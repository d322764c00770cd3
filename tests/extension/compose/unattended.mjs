/** What leaves without being encrypted. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { mayLeave } from "../../../extension/background/compose/guard.js";
import { parseSettings } from "../../../extension/background/settings.js";
import { ALICE, BOB, CAROL, text } from "./facts.mjs";

/** @param {object} managed @param {object} local @param {string[]} [senders] */
const leaves = (managed, local, senders = [ALICE]) =>
  mayLeave(
    { senders, recipients: [BOB], kind: "receipt" },
    { managed: parseSettings(managed), local: parseSettings(local) },
    text,
  );

test("unencrypted mail leaves, unless one of its senders must encrypt", () => {
  assert.deepEqual(leaves({}, {}), { allowed: true });
  assert.deepEqual(leaves({}, { defaults: { encrypt: "possible" } }), { allowed: true });
  const own = { accounts: [{ match: ALICE, encrypt: "required" }] };
  assert.equal(leaves({}, own).allowed, false);
  assert.equal(leaves({}, own, [CAROL, ALICE]).allowed, false, "the identity counts as much as From");
  assert.equal(leaves({}, own, [CAROL]).allowed, true);
});

test("to whom policy lets nothing go unencrypted, nothing goes", () => {
  assert.equal(leaves({ encrypt_to: ["*@example.test"] }, {}).allowed, false);
  assert.equal(leaves({ encrypt_to: ["*@example.org"] }, {}).allowed, true);
});

test("no other spelling of an address gets past a rule", () => {
  const bank = { encrypt_to: ["*@bücher.example", "bob@bank.example"] };
  const to = (/** @type {string} */ recipient) =>
    mayLeave(
      { senders: [ALICE], recipients: [recipient], kind: "other" },
      { managed: parseSettings(bank), local: parseSettings({}) },
      text,
    ).allowed;
  for (const recipient of [
    "x@bücher.example",
    "x@xn--bcher-kva.example",
    "x@XN--BCHER-KVA.EXAMPLE.",
    '"x@y"@Bücher.example',
    "Bob@bank.example.",
    '"bob"@bank.example',
    '"b\\ob"@bank.example',
  ]) {
    assert.equal(to(recipient), false, recipient);
  }
  for (const recipient of [
    "x@bucher.example",
    "bob@bank.example.org",
    "bob@mybank.example",
    '"bo b"@bank.example',
    "bob",
  ]) {
    assert.equal(to(recipient), true, recipient);
  }
});

test("who required it can allow it; what policy requires only policy allows", () => {
  const own = { accounts: [{ match: ALICE, encrypt: "required" }] };
  const refused = /** @type {any} */ (leaves({}, own)).refusal;
  assert.match(refused.text, /receipt to bob@example\.test was not sent/);
  assert.deepEqual(refused.allow, { label: "Allow such mail from now on", from: ALICE });
  const allowing = { accounts: [{ match: ALICE, encrypt: "required", unattended: "allowed" }] };
  assert.equal(leaves({}, allowing).allowed, true);
  const byPolicy = /** @type {any} */ (leaves({ defaults: { encrypt: "required" } }, allowing));
  assert.deepEqual([byPolicy.allowed, byPolicy.refusal.allow], [false, undefined]);
  assert.equal(leaves({ defaults: { encrypt: "required", unattended: "allowed" } }, {}).allowed, true);
  assert.equal(leaves({}, { defaults: { encrypt: "required", unattended: "alowed" } }).allowed, false);
});

test("of a thousand recipients few are named", () => {
  const recipients = Array.from({ length: 1000 }, (_, i) => `r${i}@example.test`);
  const settings = { managed: parseSettings({}), local: parseSettings({ defaults: { encrypt: "required" } }) };
  const answer = mayLeave({ senders: [ALICE], recipients, kind: "other" }, settings, text);
  const words = answer.allowed ? "" : answer.refusal.text;
  assert.match(words, /r2@example\.test/);
  assert.doesNotMatch(words, /r3@example\.test/);
});
