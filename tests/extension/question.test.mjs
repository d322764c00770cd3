import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeClock, settle } from "./support.mjs";

const clock = new FakeClock();
/** @type {any} */ (globalThis).ChromeUtils = { importESModule: () => clock };
const { Deadline } = await import("../../extension/experiments/shared/deadline.mjs");
const { NoAnswer, Question } = await import("../../extension/experiments/compose/modules/question.sys.mjs");

const answering = (/** @type {string} */ answer) => ({
  async: async (/** @type {unknown[]} */ ...args) => [answer, ...args],
});
const silent = { async: () => new Promise(() => {}) };

test("asked before the event page listens: waits for it", async () => {
  const question = new Question();
  const asked = question.ask(1000, 1, 2);
  await settle();
  question.register(answering("yes"));
  assert.deepEqual(await asked, ["yes", 1, 2]);
});

test("nobody listens, or nobody answers: an error when the time is up", async () => {
  for (const fire of [null, silent]) {
    const question = new Question();
    if (fire) question.register(fire);
    const asked = question.ask(1000);
    asked.catch(() => {});
    await settle();
    clock.tick(1000);
    await assert.rejects(asked, NoAnswer);
  }
});

test("a deadline that is put off begins anew", async () => {
  const question = new Question();
  question.register(silent);
  const deadline = new Deadline(1000);
  const asked = question.ask(deadline);
  let ended = false;
  asked.catch(() => {}).finally(() => (ended = true));
  await settle();
  clock.tick(900);
  deadline.putOff(500);
  clock.tick(1400);
  await settle();
  assert.equal(ended, false);
  clock.tick(100);
  await assert.rejects(asked, NoAnswer);
});

test("an event page that crashes is an error at once", async () => {
  const question = new Question();
  question.register({ async: () => Promise.reject(new Error("Actor destroyed")) });
  await assert.rejects(question.ask(1000), NoAnswer);
});

test("after a stop the next listener is asked, woken or new", async () => {
  const question = new Question();
  const first = question.register(answering("first"));
  first.convert(answering("converted"));
  assert.deepEqual(await question.ask(1000), ["converted"]);
  first.unregister();
  const asked = question.ask(1000);
  question.register(answering("second"));
  assert.deepEqual(await asked, ["second"]);
  first.unregister(); // late: harms nobody
  assert.deepEqual(await question.ask(1000), ["second"]);
});

test("when the add-on ends, who waits is told at once, and who asks later", async () => {
  const question = new Question();
  question.register(silent);
  const asked = question.ask(1000);
  question.close();
  await assert.rejects(asked, NoAnswer);
  await assert.rejects(question.ask(1000), NoAnswer);
});
