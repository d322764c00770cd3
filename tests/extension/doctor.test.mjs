/** What the doctor found, in the reader's language. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const GERMAN = JSON.parse(readFileSync(new URL("../../extension/_locales/de/messages.json", import.meta.url), "utf8"));
/** @type {any} */ (globalThis).browser = {
  i18n: {
    /** @type {(key: string, values?: string[]) => string} */
    getMessage: (key, values = []) =>
      (GERMAN[key]?.message ?? "").replaceAll(
        /\$(\d)/g,
        (/** @type {string} */ _, /** @type {number} */ at) => values[at - 1] ?? "",
      ),
  },
};
const { inReadersLanguage } = await import("../../extension/background/doctor.js");

/** @type {import("../../extension/types/protocol").DoctorCheck} */
const FOUND = {
  check: "record",
  state: "not-ok",
  code: "record-missing",
  about: "o'neil@a.test",
  text: "o'neil@a.test is not published",
  advice: "Publish it",
  values: ["o'neil@a.test", "/c.pem"],
  advice_values: [String.raw`'o'\''neil@a.test'`, "/c.pem"],
};

test("an address is told as it is, and in a command as a shell takes it", () => {
  const { text, advice } = inReadersLanguage(FOUND);
  assert.match(text, /(?<!')o'neil@a\.test/);
  assert.ok(advice.includes(String.raw`dane-smime record 'o'\''neil@a.test' --cert /c.pem`), advice);
});

test("what this add-on has no words for is told in English", () => {
  const { text, advice } = inReadersLanguage({ ...FOUND, code: "of-tomorrow" });
  assert.deepEqual([text, advice], [FOUND.text, FOUND.advice]);
});
