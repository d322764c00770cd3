import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { insistOnEncryption, makeChoice, stillHolds, touch } from "../../extension/background/compose/choice.js";
import { mayLeave } from "../../extension/background/compose/guard.js";
import { propose, proposeWithoutChoice } from "../../extension/background/compose/proposal.js";
import { markOf, Recipients } from "../../extension/background/compose/recipients.js";
import { viewOf } from "../../extension/background/compose/view.js";
import { HostError } from "../../extension/background/host-error.js";
import { parseSettings, wishesFor } from "../../extension/background/settings.js";
import { choiceField, parseChoiceField } from "../../extension/experiments/compose/modules/draft-choice.sys.mjs";
import { settle } from "./support.mjs";

const EN = JSON.parse(readFileSync(new URL("../../extension/_locales/en/messages.json", import.meta.url), "utf8"));

/** `browser.i18n.getMessage` of the English words. */
function text(/** @type {string} */ key, /** @type {string[]} */ substitutions = []) {
  return (EN[key]?.message ?? "").replace(
    /\$(\d)/g,
    (/** @type {string} */ _, /** @type {string} */ n) => substitutions[Number(n) - 1] ?? "",
  );
}

const ALICE = "alice@example.test";
const BOB = "bob@example.test";
const CAROL = "carol@example.test";

/** @type {import("../../extension/types/protocol").Key} */
const KEY = {
  address: ALICE,
  sha256: "00",
  algorithm: "p-256",
  not_before: "2026-01-01T00:00:00Z",
  not_after: "2036-01-01T00:00:00Z",
  can_sign: true,
  can_encrypt: true,
  selected_sign: true,
  selected_encrypt: true,
  retired: false,
};
const NO_SETTINGS = { managed: parseSettings({}), local: parseSettings({}) };
const NO_WISHES = wishesFor(ALICE, NO_SETTINGS);

/** @param {Partial<Parameters<typeof makeChoice>[0]>} facts */
const choiceOf = (facts) =>
  makeChoice({ from: ALICE, fromEncrypted: false, keys: [KEY], wishes: NO_WISHES, previous: null, ...facts });

/** @param {Partial<Parameters<typeof makeChoice>[0]>} [facts] */
function choice(facts = {}) {
  const made = choiceOf(facts);
  assert.ok(made);
  return made;
}

/** @param {object} managed @param {object} [local] */
const wishes = (managed, local = {}) =>
  wishesFor(ALICE, { managed: parseSettings(managed), local: parseSettings(local) });

/** @param {Partial<import("../../extension/types/dane-compose").WindowDescription>} [parts] */
const windowWith = (parts = {}) => ({
  from: ALICE,
  to: [BOB],
  cc: [],
  bcc: [],
  lists: /** @type {{ id: string, name: string, members: string[] }[]} */ ([]),
  newsgroups: false,
  fromEncrypted: false,
  draft: {},
  choice: null,
  removable: [BOB, CAROL],
  ...parts,
});

const READY = { address: BOB, state: /** @type {const} */ ("ready"), reason: "" };
/** @param {import("../../extension/background/compose/recipients.js").State} state */
const carol = (state) => ({ address: CAROL, state, reason: "because" });

/** What is proposed for a mail to Bob, who is ready, and Carol. */
function proposeFor(
  /** @type {import("../../extension/background/compose/recipients.js").State} */ state,
  /** @type {Partial<Parameters<typeof propose>[0]>} */ facts = {},
) {
  return propose(
    {
      choice: choice(),
      window: windowWith({ to: [BOB, CAROL] }),
      recipients: [READY, carol(state)],
      remembered: [],
      ...facts,
    },
    text,
  );
}

/** @param {ReturnType<typeof propose>} proposal */
function question(proposal) {
  assert.ok("choices" in proposal, "a question, not a plan");
  return proposal;
}

/** @param {ReturnType<typeof propose>} proposal */
const labels = (proposal) => question(proposal).choices.map(({ label }) => label);

// ---- what a mail starts with

test("out of the box: sign and encrypt with a key, nothing without one", () => {
  assert.deepEqual([choice().sign, choice().encrypt], [true, true]);
  const none = choice({ keys: [{ ...KEY, address: BOB }] });
  assert.deepEqual([none.sign, none.encrypt, none.hasKey], [false, false, false]);
  const retired = choice({ keys: [{ ...KEY, retired: true }] });
  assert.deepEqual([retired.sign, retired.encrypt], [false, false]);
  const signOnly = choice({ keys: [{ ...KEY, can_encrypt: false }] });
  assert.deepEqual([signOnly.sign, signOnly.encrypt], [true, false]);
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
    defaults: {},
    accounts: [],
    locked: ["accounts"],
    encryptTo: [],
    offerUnencrypted: true,
    patience: null,
    openWith: null,
  });
});

// ---- pressing Send

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

test("a state that a newer host made up is never sent in the clear either", () => {
  assert.deepEqual(labels(proposeFor(/** @type {any} */ ("enchanted"))), ["Send without this recipient"]);
  assert.equal(markOf(/** @type {any} */ ("enchanted")), "untrusted");
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

// ---- what leaves without being encrypted

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

// ---- what is known of recipients

/** A host that answers look-ups with states, and counts. */
function hostWith(/** @type {Record<string, string>} */ states) {
  /** @type {string[][]} */
  const asked = [];
  return {
    asked,
    states,
    async request(/** @type {string} */ _type, /** @type {{ addresses: string[] }} */ { addresses }) {
      asked.push(addresses);
      if (states.broken) {
        throw new HostError(states.broken);
      }
      return {
        body: new Uint8Array(),
        result: {
          results: addresses.map((address) => ({
            address,
            recipient: states[address] ?? "ready",
            reason: "r",
            records: [{ ttl: 300 }, { ttl: 120 }],
          })),
        },
      };
    },
  };
}

test("each address is asked once while its answer is good, and again after", async () => {
  let now = 0;
  const host = hostWith({ [CAROL]: "absent" });
  const recipients = new Recipients(/** @type {any} */ (host), text, () => now);
  const [first] = await Promise.all([recipients.lookUp([BOB, CAROL, BOB]), recipients.lookUp([BOB])]);
  assert.deepEqual(
    first.map(({ state }) => state),
    ["ready", "absent", "ready"],
  );
  assert.deepEqual(host.asked, [[BOB, CAROL]]);
  now = 61_000; // the denial is no longer good; the records are, for the smaller TTL
  await recipients.lookUp([BOB, CAROL]);
  assert.deepEqual(host.asked.slice(1), [[CAROL]]);
  now = 120_001;
  assert.equal(recipients.peek(BOB), undefined);
  await recipients.lookUp([BOB]);
  recipients.forget([BOB]);
  await recipients.lookUp([BOB]);
  assert.equal(host.asked.length, 4);
});

test("a host that fails leaves recipients unchecked, with its words, for a short while", async () => {
  let now = 0;
  const host = hostWith({ broken: "host-gone" });
  const recipients = new Recipients(/** @type {any} */ (host), text, () => now);
  const [known] = await recipients.lookUp([BOB]);
  assert.deepEqual([known.state, known.reason], ["unchecked", EN.error_host_gone.message]);
  delete host.states.broken;
  assert.equal((await recipients.lookUp([BOB]))[0].state, "unchecked");
  recipients.forgetUnchecked([BOB]);
  assert.equal((await recipients.lookUp([BOB]))[0].state, "ready", "at sending it is asked again at once");
  recipients.forget([BOB]);
  host.states.broken = "host-gone";
  await recipients.lookUp([BOB]);
  delete host.states.broken;
  now = 11_000;
  assert.equal((await recipients.lookUp([BOB]))[0].state, "ready");
});

test("an answer about somebody else is none", async () => {
  const host = { request: async () => ({ result: { results: [{ address: CAROL, recipient: "ready" }] } }) };
  const [known] = await new Recipients(/** @type {any} */ (host), text).lookUp([BOB]);
  assert.equal(known.state, "unchecked");
});

test("a long list goes in several requests", async () => {
  const host = hostWith({});
  const many = Array.from({ length: 25 }, (_, i) => `n${i}@example.org`);
  const known = await new Recipients(/** @type {any} */ (host), text).lookUp(many);
  await settle();
  assert.deepEqual(
    known.map(({ address }) => address),
    many,
  );
  assert.deepEqual(
    host.asked.map((list) => list.length),
    [10, 10, 5],
  );
});

test("a domain that does not answer holds up no other, however many there are", async () => {
  /** @type {((answer: any) => void)[]} */
  const late = [];
  let asking = 0;
  let most = 0;
  const host = {
    async request(/** @type {string} */ _type, /** @type {{ addresses: string[] }} */ { addresses }) {
      asking++;
      most = Math.max(most, asking);
      if (addresses.some((address) => address.endsWith("@slow.test"))) {
        await new Promise((resolve) => late.push(resolve));
      } else {
        await settle();
      }
      asking--;
      return { result: { results: addresses.map((address) => ({ address, recipient: "ready", records: [] })) } };
    },
  };
  const others = Array.from({ length: 49 }, (_, i) => `n@d${i}.test`);
  const recipients = new Recipients(/** @type {any} */ (host), text);
  let told = 0;
  const all = recipients.lookUp(["a@slow.test", "b@slow.test", ...others], () => told++);
  for (let turn = 0; turn < 20; turn++) {
    await settle();
  }
  assert.equal(told, 49);
  assert.ok(others.every((address) => recipients.peek(address)?.state === "ready"));
  assert.equal(recipients.peek("a@slow.test"), undefined);
  assert.ok(most <= 24, "the host is asked for other things, too");
  for (const answer of late) {
    answer(undefined);
  }
  assert.equal((await all).length, 51);
  assert.equal(told, 50);
});

// ---- what is shown

test("a mailing list says what of its members stands in the way", () => {
  const friends = { id: "list", name: "Friends", members: [BOB, CAROL] };
  const window = windowWith({ to: [BOB, CAROL], lists: [friends], removable: [BOB] });
  const listOf = (/** @type {any} */ carols, /** @type {any} */ list = friends) =>
    view({
      window: { ...window, lists: [list] },
      known: new Map([
        [BOB, READY],
        [CAROL, carols],
      ]),
    });
  const marks = [undefined, { ...READY, address: CAROL }, carol("absent"), carol("bogus")].map(
    (carols) => listOf(carols).lists[0],
  );
  assert.deepEqual(
    marks.map(({ mark }) => mark),
    ["pending", "found", "missing", "untrusted"],
  );
  assert.match(marks[0].sentence, /1 of 2 known/);
  assert.match(marks[2].sentence, /^1 of the 2 members .*\n• carol@example\.test/);
  assert.doesNotMatch(marks[2].sentence, /bob@/);
  assert.deepEqual(
    listOf(undefined).recipients.map(({ list }) => list),
    [undefined, "Friends"],
    "Bob was also typed",
  );
  assert.equal(listOf(undefined, { ...friends, members: [] }).lists[0].mark, "missing");
});

/** @param {Partial<Parameters<typeof viewOf>[0]>} facts */
function view(facts) {
  const known = new Map([[BOB, READY]]);
  return viewOf({ window: windowWith(), choice: choice(), why: "", known, remembered: [], ...facts }, text);
}

test("the button says what will happen", () => {
  assert.equal(view({}).summary, "encrypted");
  assert.equal(view({ known: new Map([[BOB, undefined]]) }).summary, "checking");
  assert.equal(view({ known: new Map([[CAROL, carol("bogus")]]) }).summary, "blocked");
  assert.equal(view({ known: new Map([[CAROL, carol("absent")]]), remembered: [CAROL] }).summary, "clear");
  assert.equal(view({ choice: touch(choice(), { encrypt: false }) }).summary, "signed");
  assert.equal(view({ choice: touch(choice(), { encrypt: false, sign: false }) }).summary, "off");
  assert.equal(view({ choice: choice({ keys: [] }) }).summary, "none");
  assert.equal(view({ window: windowWith({ bcc: [BOB] }) }).summary, "encrypted");
  assert.equal(view({ window: windowWith({ bcc: [BOB] }), blindCopies: false }).summary, "blocked");
});

test("not ready: the reason is said, nothing can be switched", () => {
  const unknown = view({ choice: null, why: "The program is gone." });
  assert.deepEqual([unknown.summary, unknown.sentence, unknown.canSwitch], ["unknown", "The program is gone.", false]);
});

test("every state has a mark and words of its own", () => {
  const known = new Map([
    [BOB, READY],
    [CAROL, carol("insecure")],
    ["d@example.test", undefined],
    ["e@example.test", { address: "e@example.test", state: /** @type {const} */ ("bogus"), reason: "" }],
  ]);
  const { recipients, notice } = view({ known });
  assert.deepEqual(
    recipients.map(({ mark }) => mark),
    ["found", "missing", "pending", "untrusted"],
  );
  assert.equal(new Set(recipients.map(({ sentence }) => sentence)).size, 4);
  assert.equal(notice, "", "nothing is said while answers are missing");
  known.delete("d@example.test");
  assert.match(view({ known }).notice, /carol@example\.test, e@example\.test/);
});
