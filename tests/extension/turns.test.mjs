/** One thing at a time in a compose window, without a Thunderbird: what is pressed when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./support.mjs";

const { Now, SaveAsDraft, AutoSaveAsDraft, SaveAsTemplate } = {
  Now: 0,
  SaveAsDraft: 4,
  AutoSaveAsDraft: 9,
  SaveAsTemplate: 5,
};
const FAILED = 0x80004005;
Object.assign(globalThis, {
  Ci: { nsIMsgCompDeliverMode: { SaveAsDraft, AutoSaveAsDraft, SaveAsTemplate } },
  Components: { isSuccessCode: (/** @type {number} */ code) => code === 0 },
  ChromeUtils: { generateQI: () => () => {} },
});
const { Turns } = await import("../../extension/experiments/compose/modules/turns.sys.mjs");

/** A compose window whose sendings the test ends. */
function desk() {
  /** @type {{ mode: number, end: () => void }[]} */
  const under = [];
  /** @type {any[]} */
  const listeners = [];
  const window = {
    closed: false,
    gWindowLocked: false,
    gSendOperationInProgress: false,
    setTimeout,
    gMsgCompose: {
      RegisterStateListener: (/** @type {any} */ one) => void listeners.push(one),
      UnregisterStateListener: (/** @type {any} */ one) => void listeners.splice(listeners.indexOf(one), 1),
    },
    GenericSendMessage: (/** @type {number} */ mode) =>
      new Promise((resolve) => under.push({ mode, end: () => resolve(undefined) })),
  };
  const turns = new Turns(window, { draft: () => {}, mail: () => {} });
  const press = async () => {
    window.GenericSendMessage(Now);
    await settle();
  };
  const begin = () => {
    turns.begun();
    window.gWindowLocked = true;
    window.gSendOperationInProgress = true;
  };
  /** Thunderbird frees the window, and says how it went. @param {number} result */
  const free = (result) => {
    window.gWindowLocked = false;
    window.gSendOperationInProgress = false;
    for (const listener of [...listeners]) listener.ComposeProcessDone(result);
  };
  return { window, under, listeners, press, begin, free };
}

test("Send pressed again while a mail is looked at, or sent, is one Send", async () => {
  const { under, press, begin } = desk();
  await press();
  await press();
  begin();
  await press();
  assert.equal(under.length, 1);
});

test("Send pressed in the moment in which a mail has come back is not lost", async () => {
  const { under, listeners, press, begin, free } = desk();
  await press();
  begin();
  free(FAILED);
  await press();
  await press();
  assert.equal(under.length, 1, "the first is not through");
  under[0]?.end();
  await settle();
  assert.equal(under.length, 2, "and two presses are one");
  assert.equal(listeners.length, 0);
  await press();
  assert.equal(under.length, 2, "that the first came back says nothing of the second");
});

test("Send pressed in the moment in which a mail has left does not send it again", async () => {
  const { window, under, press, begin, free } = desk();
  await press();
  begin();
  free(0);
  await press();
  under[0]?.end();
  await settle();
  assert.equal(under.length, 1);
  window.closed = true;
});

test("a window that closes meanwhile sends nothing more", async () => {
  const { window, under, press, begin, free } = desk();
  await press();
  begin();
  free(FAILED);
  await press();
  window.closed = true;
  under[0]?.end();
  await settle();
  assert.equal(under.length, 1);
});
