/** What the compose window shows of all that. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { touch } from "../../../extension/background/compose/choice.js";
import { viewOf } from "../../../extension/background/compose/view.js";
import { BOB, CAROL, carol, choice, READY, text, windowWith } from "./facts.mjs";

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
  assert.match(marks[2].sentence, /\(1 of 2\):\n• carol@example\.test/);
  assert.doesNotMatch(marks[2].sentence, /bob@/);
  assert.deepEqual(
    listOf(undefined).recipients.map(({ list }) => list),
    ["Friends", undefined],
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

test("the line above the text stays a line", () => {
  const many = Array.from({ length: 50 }, (_, i) => ({ address: `n${i}@example.test`, state: "absent", reason: "" }));
  const known = /** @type {any} */ (new Map(many.map((one) => [one.address, one])));
  assert.match(view({ known }).notice, /for: n0@example\.test, n1@example\.test, n2@example\.test and 47 more\. /);
  assert.match(view({ window: windowWith({ newsgroups: true }) }).notice, /newsgroup/);
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
    ["untrusted", "missing", "pending", "found"],
    "who stands in the way comes first",
  );
  assert.equal(new Set(recipients.map(({ sentence }) => sentence)).size, 4);
  assert.equal(notice, "", "nothing is said while answers are missing");
  known.delete("d@example.test");
  assert.match(view({ known }).notice, /e@example\.test, carol@example\.test\. /);
});
