import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeClock, settle } from "./support.mjs";

const clock = new FakeClock();
/** @type {any} */ (globalThis).ChromeUtils = { importESModule: () => clock };
/** @type {any} */ (Promise).withResolvers ??= () => {
  /** @type {any} */
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};
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
