/** Choices of open windows while much happens at once: what somebody has switched is never undone by what comes late. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Choices } from "../../../extension/background/compose/choices.js";
import { parseSettings, wishesFor } from "../../../extension/background/settings.js";
import { CAROL, KEY, windowWith } from "./facts.mjs";

const TAB = 7;

/**
 * Open windows, each call to them and each look at the facts as slow as the test wants.
 *
 * @param {object} [first] the local settings at first
 */
function desk(first = {}) {
  /** @type {any} */
  const window = { ...windowWith(), choice: null };
  const now = { keys: /** @type {any} */ ([KEY]), local: first };
  /** @type {(() => void)[]} */
  const asked = [];
  const choices = new Choices(
    {
      getWindow: async () => structuredClone(window),
      setChoice: async (_tab, choice) => {
        window.choice = structuredClone(choice);
      },
    },
    async () => {
      const { keys, local } = now;
      await new Promise((resolve) => asked.push(() => resolve(undefined)));
      const settings = { managed: parseSettings({}), local: parseSettings(local) };
      return { keys, why: keys ? "" : "The program does not answer.", wishes: (from) => wishesFor(from, settings) };
    },
  );
  /** Answers the oldest look at the facts. */
  const answer = async () => {
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    asked.shift()?.();
  };
  const told = /** @type {any[]} */ ([]);
  const tell = async (/** @type {number} */ _tab, /** @type {Promise<any>} */ choice) => void told.push(await choice);
  const renew = () => choices.renew([TAB], tell);
  const freshen = () => choices.freshen([TAB], tell);
  const described = () => structuredClone(window);
  return { choices, window, now, answer, renew, freshen, told, described };
}

describe("the choices of open windows", () => {
  test("a choice that was made for what the window says now is asked for nowhere", async () => {
    const { choices, answer, described } = desk();
    const first = choices.of(TAB, described());
    await answer();
    const { choice } = await first;
    assert.equal(choice?.encrypt, true);
    assert.deepEqual(await choices.of(TAB, described()), { choice, why: "" });
    assert.deepEqual(await choices.peek(described()), { choice, why: "" });
  });

  test("looking leaves the window as it is", async () => {
    const { choices, window, answer, described } = desk();
    const look = choices.peek(described());
    await answer();
    assert.equal((await look).choice?.encrypt, true);
    assert.equal(window.choice, null);
  });

  test("where the keys are not known, the window gets none, and it is said why", async () => {
    const { choices, window, now, answer, described } = desk();
    now.keys = null;
    const look = choices.of(TAB, described());
    await answer();
    assert.deepEqual(await look, { choice: null, why: "The program does not answer." });
    const switched = choices.switch(TAB, () => ({ encrypt: true }));
    await answer();
    assert.equal(await switched, null);
    assert.equal(window.choice, null);
  });

  test("what is switched while the keys are asked for once more stays", async () => {
    const { choices, window, now, answer, renew, described } = desk({ defaults: { encrypt: "never" } });
    const first = choices.of(TAB, described());
    await answer();
    await first;
    assert.equal(window.choice.encrypt, false);
    now.local = { defaults: { encrypt: "never", sign: "never" } };
    const renewal = renew();
    await choices.switch(TAB, ({ encrypt }) => ({ encrypt: !encrypt }));
    assert.equal(window.choice.encrypt, true);
    await answer();
    await renewal;
    assert.deepEqual([window.choice.encrypt, window.choice.sign], [true, false]);
  });

  test("what is switched while a first choice is on its way stays", async () => {
    const { choices, window, answer, described } = desk({ defaults: { encrypt: "never" } });
    const opened = choices.of(TAB, described());
    const switched = choices.switch(TAB, () => ({ encrypt: true }));
    const changed = choices.of(TAB, described());
    await answer();
    await answer();
    await answer();
    await Promise.all([opened, switched, changed]);
    assert.equal(window.choice.encrypt, true);
  });

  test("of two switches at once, each counts", async () => {
    const { choices, window, answer, described } = desk();
    const first = choices.of(TAB, described());
    await answer();
    await first;
    await Promise.all([
      choices.switch(TAB, () => ({ hideSubject: false })),
      choices.switch(TAB, () => ({ sign: false })),
      choices.switch(TAB, ({ encrypt }) => ({ encrypt: !encrypt })),
      choices.switch(TAB, ({ encrypt }) => ({ encrypt: !encrypt })),
    ]);
    const { hideSubject, sign, encrypt } = window.choice;
    assert.deepEqual({ hideSubject, sign, encrypt }, { hideSubject: false, sign: false, encrypt: true });
  });

  test("of two changes of the settings, the later counts, whichever is answered first", async () => {
    const { choices, window, now, answer, renew, told, described } = desk();
    const first = choices.of(TAB, described());
    await answer();
    await first;
    now.local = { defaults: { encrypt: "never" } };
    const never = renew();
    now.local = { defaults: { encrypt: "required" } };
    const required = renew();
    await answer();
    await answer();
    await Promise.all([never, required]);
    assert.equal(window.choice.encryptLocked, true);
    assert.equal(told.length, 1, "what no longer counts is not shown");
  });

  test("the sender that counts is the one of the moment in which it is chosen", async () => {
    const { choices, window, now, answer, described } = desk();
    now.keys = [KEY, { ...KEY, address: CAROL, can_encrypt: false }];
    const first = choices.of(TAB, described());
    window.from = CAROL;
    await answer();
    const { choice } = await first;
    assert.deepEqual([choice?.from, choice?.encrypt, window.choice.from], [CAROL, false, CAROL]);
  });

  test("a window that was closed is told to who asked, and holds up no other change", async () => {
    const { choices, window, answer, described } = desk();
    const first = choices.of(TAB, described());
    await answer();
    await first;
    const failed = choices.switch(TAB, () => {
      throw new Error("tab 7 is no compose window");
    });
    const next = choices.switch(TAB, () => ({ sign: false }));
    await assert.rejects(failed, /no compose window/);
    await next;
    assert.equal(window.choice.sign, false);
  });
});

describe("keys that another program has made or ended", () => {
  /** @param {any[] | null} keys at first @param {object} [local] */
  async function opened(keys, local) {
    const desktop = desk(local);
    desktop.now.keys = keys;
    const first = desktop.choices.of(TAB, desktop.described());
    await desktop.answer();
    await first;
    return desktop;
  }

  test("a new key signs and encrypts in a window that was open before", async () => {
    const { window, now, answer, freshen, told } = await opened([]);
    assert.deepEqual([window.choice.sign, window.choice.encrypt], [false, false]);
    now.keys = [KEY];
    const looked = freshen();
    await answer();
    await looked;
    assert.deepEqual([window.choice.sign, window.choice.encrypt, window.choice.hasKey], [true, true, true]);
    assert.equal(told[0].encrypt, true);
  });

  test("what its writer has switched stays", async () => {
    const { choices, window, now, answer, freshen } = await opened([]);
    await choices.switch(TAB, () => ({ encrypt: false }));
    now.keys = [KEY];
    const looked = freshen();
    await answer();
    await looked;
    assert.deepEqual([window.choice.sign, window.choice.encrypt], [true, false]);
  });

  test("where all keys are gone, or nobody can say which there are, the window does what it has said", async () => {
    for (const keys of [[], null, [{ ...KEY, retired: true }]]) {
      const { window, now, answer, freshen, told } = await opened([KEY], { defaults: { encrypt: "required" } });
      const before = structuredClone(window.choice);
      now.keys = keys;
      const looked = freshen();
      await answer();
      await looked;
      assert.deepEqual(window.choice, before);
      assert.deepEqual(told.filter(Boolean), []);
    }
  });

  test("where nothing is new, nothing is told", async () => {
    const { answer, freshen, told } = await opened([KEY]);
    const looked = freshen();
    await answer();
    await looked;
    assert.deepEqual(told, [null]);
  });

  test("a look that began before the settings were changed does not undo what they say now", async () => {
    const { window, now, answer, freshen, renew } = await opened([KEY], { defaults: { sign: "never" } });
    const looked = freshen();
    now.local = { defaults: { sign: "always", encrypt: "never" } };
    const renewed = renew();
    await answer();
    await answer();
    await Promise.all([looked, renewed]);
    assert.deepEqual([window.choice.sign, window.choice.encrypt], [true, false]);
  });

  test("a window whose sender is another by now is left to whoever sees to that", async () => {
    const { window, now, answer, freshen, told } = await opened([]);
    window.from = CAROL;
    now.keys = [KEY];
    const looked = freshen();
    await answer();
    await looked;
    assert.deepEqual([told, window.choice.encrypt], [[null], false]);
  });
});
