/** Send was pressed: what is proposed, and what is asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { insistOnEncryption, touch } from "../../../extension/background/compose/choice.js";
import { proposeWithoutChoice } from "../../../extension/background/compose/proposal.js";
import { markOf } from "../../../extension/background/compose/recipients.js";
import { BOB, CAROL, carol, choice, labels, proposeFor, question, READY, text, windowWith, wishes } from "./facts.mjs";

test("everybody ready: the mail goes, encrypted", () => {
  assert.deepEqual(proposeFor("ready"), { plan: { sign: true, encrypt: true, hideSubject: true } });
});

test("encryption off: nobody is asked", () => {
  const off = touch(choice(), { encrypt: false });
  assert.deepEqual(proposeFor("bogus", { choice: off, recipients: [] }), { plan: { sign: true, encrypt: false } });
});

test("a text that was encrypted does not leave in the clear unasked, also after a change of the sender", () => {
  const window = windowWith({ to: [BOB], fromEncrypted: true });
  const off = touch(choice({ fromEncrypted: true }), { encrypt: false });
  const asked = question(proposeFor("ready", { choice: off, window }));
  assert.deepEqual(labels(asked), ["Encrypt", "Send unencrypted"]);
  assert.deepEqual([asked.choices[0].encrypt, asked.choices[1].plan], [true, { sign: true, encrypt: false }]);
  const keyless = choice({ from: CAROL, fromEncrypted: true, previous: choice({ fromEncrypted: true }) });
  assert.equal(keyless.encrypt, false);
  assert.deepEqual(labels(proposeFor("ready", { choice: keyless, window })), ["Send unencrypted"]);
  assert.deepEqual(labels(proposeFor("ready", { choice: keyless, window, offerUnencrypted: false })), []);
});

for (const state of /** @type {const} */ (["absent", "insecure", "unusable", "invalid-address"])) {
  test(`somebody ${state}: named with the reason; leave out, or send in the clear`, () => {
    const asked = question(proposeFor(state));
    assert.match(asked.text, /carol@example\.test/);
    assert.doesNotMatch(asked.text, /bob@example\.test/);
    assert.match(asked.text, /Nothing has been sent/);
    assert.deepEqual(labels(asked), ["Send without this recipient", "Send unencrypted"]);
    assert.deepEqual(asked.choices[0].remove, [CAROL]);
    assert.equal(asked.choices[0].plan, undefined, "asked again after removing");
    assert.deepEqual(asked.choices[1].plan, { sign: true, encrypt: false });
    assert.equal(asked.back, "Go back");
  });
}

for (const state of /** @type {const} */ (["bogus", "unreachable", "unchecked"])) {
  test(`somebody ${state}: never in the clear`, () => {
    assert.deepEqual(labels(proposeFor(state)), ["Send without this recipient"]);
    const alone = proposeFor(state, { window: windowWith({ to: [CAROL] }), recipients: [carol(state)] });
    assert.deepEqual(labels(alone), []);
    assert.match(question(alone).text, /try again later/);
  });
}

test("somebody whose address is not in the DNS: nobody keeps an answer away", () => {
  assert.equal(markOf("not-in-dns"), "missing");
  assert.deepEqual(labels(proposeFor("not-in-dns")), labels(proposeFor("absent")));
  assert.match(question(proposeFor("not-in-dns")).text, /found in the DNS, and example\.test is not in it/);
});

test("a state that a newer host made up is never sent in the clear either", () => {
  assert.deepEqual(labels(proposeFor(/** @type {any} */ ("enchanted"))), ["Send without this recipient"]);
  assert.equal(markOf(/** @type {any} */ ("enchanted")), "untrusted");
});

test("attachments that are links: asked whether they may stay so, never where encryption is required", () => {
  const window = windowWith({ links: ["map.pdf"] });
  const asked = question(proposeFor("ready", { window }));
  assert.match(asked.text, /links to an online storage.*\n\n• map\.pdf\n\nTo encrypt them too/s);
  assert.deepEqual(asked.choices, [{ label: "Send with links", links: true }]);
  const answered = proposeFor("ready", { window: { ...window, answers: { links: true } } });
  assert.deepEqual(answered, proposeFor("ready"), "then it goes, encrypted");
  const required = choice({ wishes: wishes({ defaults: { encrypt: "required" } }) });
  for (const facts of [{ choice: required }, { offerUnencrypted: false }]) {
    const refused = question(proposeFor("ready", { window, ...facts }));
    assert.deepEqual(refused.choices, []);
    assert.match(refused.text, /Encryption is required here/);
  }
  assert.ok(
    "plan" in proposeFor("ready", { window, choice: touch(choice(), { encrypt: false }) }),
    "nothing is promised",
  );
  assert.match(question(proposeFor("absent", { window })).text, /carol@/, "who stands in the way comes first");
});

test("required by policy: never in the clear", () => {
  const required = choice({ wishes: wishes({ defaults: { encrypt: "required" } }) });
  assert.deepEqual(labels(proposeFor("absent", { choice: required })), ["Send without this recipient"]);
});

test("recipients that the policy wants encrypted: the writer's own choice counts for nothing", () => {
  const off = touch(choice(), { encrypt: false });
  const bound = insistOnEncryption(off);
  assert.deepEqual(proposeFor("ready", { choice: bound }), { plan: { sign: true, encrypt: true, hideSubject: true } });
  assert.deepEqual(labels(proposeFor("absent", { choice: bound })), ["Send without this recipient"]);
  const alone = { window: windowWith({ to: [CAROL] }), recipients: [carol("absent")], remembered: [CAROL] };
  assert.match(question(proposeFor("absent", { choice: bound, ...alone })).text, /Encryption is required/);
});

test("a policy that offers nothing unencrypted: not asked, not remembered, not when the host is gone", () => {
  const facts = { offerUnencrypted: false, remembered: [CAROL] };
  assert.deepEqual(labels(proposeFor("absent", facts)), ["Send without this recipient"]);
  assert.equal(question(proposeFor("absent", facts)).checkbox, undefined);
  const blind = { window: windowWith({ to: [BOB], bcc: [CAROL] }), blindCopies: false };
  assert.deepEqual(labels(proposeFor("ready", { ...facts, ...blind })), ["Send without the blind copies"]);
  assert.deepEqual(labels(proposeWithoutChoice("gone", text, false)), []);
});

test("members of a mailing list cannot be taken out of the window", () => {
  const window = windowWith({ to: [BOB, CAROL], removable: [] });
  assert.deepEqual(labels(proposeFor("absent", { window })), ["Send unencrypted"]);
});

test("blind copies, with a program that cannot make them: refused with the way out, and no way round a bogus answer", () => {
  const window = windowWith({ to: [BOB], bcc: [CAROL] });
  assert.ok("plan" in proposeFor("ready", { window }), "each gets a copy of their own");
  const asked = question(proposeFor("ready", { window, blindCopies: false }));
  assert.deepEqual(labels(asked), ["Send without the blind copies", "Send unencrypted"]);
  assert.match(asked.text, /To or Cc/);
  assert.deepEqual(labels(proposeFor("bogus", { window, blindCopies: false })), ["Send without the blind copies"]);
  const off = touch(choice(), { encrypt: false });
  assert.deepEqual(proposeFor("ready", { window, choice: off }), { plan: { sign: true, encrypt: false } });
});

test("remembered: only who is proven to have nothing, and only where nobody insists", () => {
  const remembered = [CAROL];
  assert.deepEqual(proposeFor("absent", { remembered }), { plan: { sign: true, encrypt: false } });
  for (const state of /** @type {const} */ (["bogus", "unreachable", "unchecked", "unusable"])) {
    assert.ok("choices" in proposeFor(state, { remembered }), state);
  }
  for (const insisting of [touch(choice(), { encrypt: true }), choice({ fromEncrypted: true })]) {
    const proposal = question(proposeFor("absent", { remembered, choice: insisting }));
    assert.equal(proposal.checkbox, undefined);
  }
  assert.ok(question(proposeFor("absent")).checkbox);
  assert.deepEqual(question(proposeFor("absent")).addresses, [CAROL]);
});

test("the subject is hidden, unless somebody wants it readable", () => {
  assert.equal(choice().hideSubject, true);
  assert.equal(choice({ wishes: wishes({}, { defaults: { subject: "readable" } }) }).hideSubject, false);
  assert.equal(choice({ wishes: wishes({}, { defaults: { subject: "hiden" } }) }).hideSubject, true);
  const readable = touch(choice(), { hideSubject: false });
  assert.deepEqual(proposeFor("ready", { choice: readable }), {
    plan: { sign: true, encrypt: true, hideSubject: false },
  });
  assert.equal(choice({ previous: readable }).hideSubject, false, "what the writer switched stays");
});

test("asking whether to sign comes first, then all the rest", () => {
  const ask = choice({ wishes: wishes({ defaults: { sign: "ask" } }) });
  const asked = question(proposeFor("absent", { choice: ask }));
  assert.deepEqual(
    asked.choices.map(({ sign, plan }) => [sign, plan]),
    [
      [true, undefined],
      [false, undefined],
    ],
  );
  const unencrypted = touch(ask, { sign: false });
  assert.deepEqual(question(proposeFor("absent", { choice: unencrypted })).choices[1].plan, {
    sign: false,
    encrypt: false,
  });
});

test("a long list is counted, not shown whole", () => {
  const many = Array.from({ length: 200 }, (_, i) => ({
    address: `n${i}@example.org`,
    state: /** @type {const} */ ("absent"),
    reason: "",
  }));
  const { text: words } = question(proposeFor("absent", { recipients: [READY, ...many] }));
  assert.match(words, /and 192 more/);
  assert.ok(words.split("\n").length < 30);
});

test("not known what is wanted: nothing goes without a decision", () => {
  const asked = proposeWithoutChoice("The program is gone.", text);
  assert.match(asked.text, /^The program is gone\./);
  assert.equal(asked.choices.length, 1);
});
