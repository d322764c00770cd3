/** What the rooms of composing share: people, a key, a window, and the English words. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { makeChoice } from "../../../extension/background/compose/choice.js";
import { propose } from "../../../extension/background/compose/proposal.js";
import { parseSettings, wishesFor } from "../../../extension/background/settings.js";

const EN = JSON.parse(readFileSync(new URL("../../../extension/_locales/en/messages.json", import.meta.url), "utf8"));

/** `browser.i18n.getMessage` of the English words. */
export function text(/** @type {string} */ key, /** @type {string[]} */ substitutions = []) {
  return (EN[key]?.message ?? "").replace(
    /\$(\d)/g,
    (/** @type {string} */ _, /** @type {string} */ n) => substitutions[Number(n) - 1] ?? "",
  );
}

export const ALICE = "alice@example.test";
export const BOB = "bob@example.test";
export const CAROL = "carol@example.test";

/** @type {import("../../../extension/types/protocol").Key} */
export const KEY = {
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
export const NO_SETTINGS = { managed: parseSettings({}), local: parseSettings({}) };
export const NO_WISHES = wishesFor(ALICE, NO_SETTINGS);

/** @param {Partial<Parameters<typeof makeChoice>[0]>} facts */
export const choiceOf = (facts) =>
  makeChoice({ from: ALICE, fromEncrypted: false, keys: [KEY], wishes: NO_WISHES, previous: null, ...facts });

/** @param {Partial<Parameters<typeof makeChoice>[0]>} [facts] */
export function choice(facts = {}) {
  const made = choiceOf(facts);
  assert.ok(made);
  return made;
}

/** @param {object} managed @param {object} [local] */
export const wishes = (managed, local = {}) =>
  wishesFor(ALICE, { managed: parseSettings(managed), local: parseSettings(local) });

/** @param {Partial<import("../../../extension/types/dane-compose").WindowDescription>} [parts] */
export const windowWith = (parts = {}) => ({
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
  links: /** @type {string[]} */ ([]),
  ...parts,
});

export const READY = { address: BOB, state: /** @type {const} */ ("ready"), reason: "" };
/** @param {import("../../../extension/background/compose/recipients.js").State} state */
export const carol = (state) => ({ address: CAROL, state, reason: "because" });

/** What is proposed for a mail to Bob, who is ready, and Carol. */
export function proposeFor(
  /** @type {import("../../../extension/background/compose/recipients.js").State} */ state,
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
export function question(proposal) {
  assert.ok("choices" in proposal, "a question, not a plan");
  return proposal;
}

/** @param {ReturnType<typeof propose>} proposal */
export const labels = (proposal) => question(proposal).choices.map(({ label }) => label);
