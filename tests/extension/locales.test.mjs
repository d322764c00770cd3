import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const EXTENSION = fileURLToPath(new URL("../../extension", import.meta.url));
const read = (/** @type {string} */ path) => readFileSync(join(EXTENSION, path), "utf8");
/** @type {Record<string, Record<string, { message: string }>>} */
const LOCALES = Object.fromEntries(
  readdirSync(join(EXTENSION, "_locales")).map((locale) => [
    locale,
    JSON.parse(read(`_locales/${locale}/messages.json`)),
  ]),
);

const CODE = readdirSync(EXTENSION, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(m?js|html|json)$/.test(path) && !path.startsWith("_locales"))
  .map(read)
  .join("\n");

test("every language says the same things, with the same gaps to fill", () => {
  const gaps = (/** @type {string} */ message) => [...new Set(message.match(/\$\d/g) ?? [])].sort();
  for (const [locale, messages] of Object.entries(LOCALES)) {
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(LOCALES.en).sort(), locale);
    for (const [key, { message }] of Object.entries(messages)) {
      assert.deepEqual(gaps(message), gaps(LOCALES.en[key].message), `${locale}: ${key}`);
      assert.notEqual(message.trim(), "", `${locale}: ${key}`);
    }
  }
});

test("every word that is asked for by name exists", () => {
  const names = [
    ...CODE.matchAll(/\btext\(\s*"([a-z_]+)"/g),
    ...CODE.matchAll(/data-text="([a-z_]+)"/g),
    ...CODE.matchAll(/__MSG_([a-z_]+)__/g),
  ].map(([, name]) => name);
  assert.ok(names.length > 30);
  for (const name of names) {
    assert.ok(LOCALES.en[name], name);
  }
});

test("every code that the add-on itself gives has words", () => {
  const codes = [
    ...CODE.matchAll(/new HostError\(\s*"([a-z-]+)"/g),
    ...CODE.matchAll(/missing \? "([a-z-]+)" : "([a-z-]+)"/g),
  ];
  for (const code of codes.flatMap(([, ...found]) => found)) {
    assert.ok(LOCALES.en[`error_${code.replaceAll("-", "_")}`], code);
  }
});
