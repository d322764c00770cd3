/** A subject that was hidden on its way here, in an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fillIn, hideAgain } from "../../extension/experiments/compose/modules/hidden-subject.sys.mjs";

/** @param {string} subject what stands in the window */
const windowWith = (subject) => {
  const input = { value: subject };
  return { input, document: { getElementById: () => input }, SetComposeWindowTitle() {}, GetComposeDetails() {} };
};

/** @param {string} typed @param {string} hidden */
const sentReadable = (typed, hidden) => {
  const window = windowWith(typed);
  hideAgain(window, hidden, false);
  return window.input.value;
};

test("what was hidden goes back into hiding in an answer that is not encrypted, however it was written on", () => {
  assert.equal(sentReadable("Re: Tarts (stolen?)", "Tarts (stolen?)"), "Re: [...]");
  assert.equal(sentReadable("Re: Tarts, and Tarts again", "Re: Tarts"), "Re: [...], and [...] again");
  assert.equal(sentReadable("Re: Vertragsentwurf", "Vertrag"), "Re: [...]sentwurf");
  assert.equal(sentReadable("Something else", "Tarts"), "Something else");
});

test("a subject of two letters takes nothing out of other words", () => {
  assert.equal(sentReadable("Re: Hi", "Hi"), "Re: [...]");
  assert.equal(sentReadable("Hiking in Hi-Hat, Hi!", "Hi"), "Hiking in [...]-Hat, [...]!");
  assert.equal(sentReadable("Übergröße", "gr"), "Übergröße");
});

test("in an encrypted one it stays, and is to be hidden outside", () => {
  const window = windowWith("Re: Tarts");
  assert.equal(hideAgain(window, "Tarts", true), true);
  assert.equal(window.input.value, "Re: Tarts");
  assert.equal(hideAgain(windowWith("Tea"), "Tarts", true), false);
  assert.equal(hideAgain(windowWith("Tea"), "", true), false);
});

test("it takes the place of what stood outside", () => {
  for (const [outside, hidden, shown] of [
    ["Re: [...]", "Re: $& Tarts", "Re: $& Tarts"],
    ["Fwd: [...]", "Re: Tarts", "Fwd: Re: Tarts"],
    ["Re: Other", "Tarts", "Re: Other"],
  ]) {
    const window = windowWith(outside);
    fillIn(window, hidden);
    assert.equal(window.input.value, shown);
  }
});
