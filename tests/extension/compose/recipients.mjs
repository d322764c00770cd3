/** What is known of recipients, and what of it is asked again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Recipients } from "../../../extension/background/compose/recipients.js";
import { recipientLines, stateSentence } from "../../../extension/background/compose/words.js";
import { HostError } from "../../../extension/background/host-error.js";
import { settle } from "../support.mjs";
import { BOB, CAROL, text } from "./facts.mjs";

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

test("a domain that does not exist is told from one that publishes nothing", async () => {
  const host = {
    request: async (/** @type {string} */ _type, /** @type {{ addresses: string[] }} */ { addresses }) => ({
      result: {
        results: addresses.map((address) => ({
          address,
          recipient: "absent",
          reason: "r",
          records: [],
          dnssec: { no_such_domain: address === CAROL },
        })),
      },
    }),
  };
  const known = await new Recipients(/** @type {any} */ (host), text).lookUp([BOB, CAROL]);
  assert.deepEqual(
    known.map(({ state, noSuchDomain }) => [state, noSuchDomain]),
    [
      ["absent", undefined],
      ["absent", true],
    ],
  );
  assert.match(recipientLines(known, text), /has published no certificate[\s\S]*no domain example\.test.*spelled/);
  assert.match(stateSentence(/** @type {any} */ (known[1]), text), /^There is no domain example\.test\./);
});

test("capitals before the @ are pointed out where no certificate is published, and only there", () => {
  const said = (/** @type {object} */ known) => stateSentence(/** @type {any} */ (known), text);
  assert.match(said({ address: "Bob@Example.test", state: "absent" }), /perhaps bob@Example\.test\?$/);
  for (const known of [
    { address: "bob@Example.test", state: "absent" },
    { address: "Bob@example.test", state: "unreachable" },
    { address: "Bob@example.test", state: "absent", noSuchDomain: true },
  ]) {
    assert.doesNotMatch(said(known), /perhaps/);
  }
});

test("a host that fails leaves recipients unchecked, with its words, for a short while", async () => {
  let now = 0;
  const host = hostWith({ broken: "host-gone" });
  const recipients = new Recipients(/** @type {any} */ (host), text, () => now);
  const [known] = await recipients.lookUp([BOB]);
  assert.deepEqual([known.state, known.reason], ["unchecked", text("error_host_gone")]);
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

test("the host's spelling of an address is another spelling of the same", async () => {
  for (const [written, said] of [
    ["Bob@EXAMPLE.Org", "Bob@example.org"],
    ["bob@example.org.", "bob@example.org"],
    ['"bob"@example.org', "bob@example.org"],
    ["bob@b\u00fccher.example", "bob@xn--bcher-kva.example"],
    ["a\u0301@example.org", "\u00e1@example.org"],
    ["b\ud83d@example.org", "b\ufffd@example.org"],
  ]) {
    const host = { request: async () => ({ result: { results: [{ address: said, recipient: "ready" }] } }) };
    const [known] = await new Recipients(/** @type {any} */ (host), text).lookUp([written]);
    assert.deepEqual([known.address, known.state], [written, "ready"]);
  }
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

test("why there is nothing to encrypt to is said in the reader's language; an older host's word where it gives no other", async () => {
  const answers = [
    { hindrance: { code: "expired", at: "2026-01-02T12:00:00Z" }, reason: "its certificate expired" },
    { hindrance: { code: "only-named" }, reason: "it only names" },
    { hindrance: { code: "new-here" }, reason: "for a new reason" },
    { hindrance: "nonsense", reason: "for an old reason" },
  ];
  const host = {
    request: async () => ({
      result: { results: answers.map((answer, n) => ({ address: `${n}@a.test`, recipient: "unusable", ...answer })) },
    }),
  };
  const known = await new Recipients(/** @type {any} */ (host), text).lookUp(answers.map((_, n) => `${n}@a.test`));
  const lines = known.map((one) => recipientLines([one], text).split("\n")[1]?.trim());
  assert.deepEqual(lines, [
    "The certificate has expired (January 2, 2026). Ask for a new one to be published.",
    "The DNS only names the certificate, and no signed mail has brought it yet. Ask for a signed mail, open it, and try again.",
    "There is a certificate, but it cannot be used to encrypt. for a new reason",
    "There is a certificate, but it cannot be used to encrypt. for an old reason",
  ]);
});
