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

// ---- what the host says, in the reader's language

const RUST = (/** @type {string} */ path) => readFileSync(join(EXTENSION, "../native-host/src", path), "utf8");

test("everything that the doctor can find is said in every language, in English as the host says it", () => {
  const table = RUST("service/doctor/findings.rs").split("\nfindings! {")[1].split("#[cfg(test)]")[0];
  const rows = [...table.matchAll(/\w+ = "([a-z-]+)", (\w+), ("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*");/g)];
  assert.equal(rows.length, table.match(/;\n/g)?.length, "every row is read");
  const asked = rows.flatMap(([, code, , found, advice]) => {
    const key = `doctor_${code.replaceAll("-", "_")}`;
    return [
      [key, found],
      [`${key}_do`, advice],
    ];
  });
  for (const [key, literal] of asked) {
    const words = JSON.parse(literal).replace(
      /\{(\d)\}/g,
      (/** @type {string} */ _, /** @type {string} */ n) => `$${Number(n) + 1}`,
    );
    assert.equal(LOCALES.en[key]?.message ?? "", words, key);
  }
  const known = new Set(asked.map(([key]) => key));
  const stale = Object.keys(LOCALES.en).filter((key) => /^doctor_/.test(key) && !known.has(key) && !CODE.includes(key));
  assert.deepEqual(
    stale.filter((key) => !key.startsWith("doctor_state_")),
    [],
  );
});

test("everything that can be wrong with a record is said in every language", () => {
  const table = RUST("service/failure/record.rs").split("const fn word")[1].split("\n}\n")[0];
  const codes = [...table.matchAll(/=> "([a-z-]+)"/g)].map(([, code]) => code);
  assert.equal(codes.length, table.match(/=> "/g)?.length, "every row is read");
  assert.deepEqual(
    codes.map((code) => `lint_${code.replaceAll("-", "_")}`),
    Object.keys(LOCALES.en).filter((key) => key.startsWith("lint_")),
  );
});

const failures = () =>
  [...RUST("service/failure/mod.rs").matchAll(/^\s+\w+ = "([a-z-]+)", \d;/gm)].map(([, code]) => code);

test("the protocol lists every code of the host, and none that it has not", () => {
  const table = RUST("../PROTOCOL.md").split("\n## Codes\n")[1] ?? "";
  const listed = [...table.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code);
  assert.deepEqual(listed.sort(), failures().sort());
});

test("no word is kept that nobody asks for", () => {
  const beginnings = [...CODE.matchAll(/["`]([a-z]+(?:_[a-z0-9]+)*)(?:"|_?\$\{)/g)].map(([, word]) => `${word}_`);
  const asked = new Set(CODE.match(/[a-z]\w*/g));
  const stale = Object.keys(LOCALES.en).filter(
    (key) =>
      !asked.has(key) && !CODE.includes(`__MSG_${key}__`) && !beginnings.some((beginning) => key.startsWith(beginning)),
  );
  assert.deepEqual(stale, []);
});

test("everything that a verdict can say is said in every language", () => {
  const codes = [
    ...RUST("service/verdict.rs").matchAll(/^\s+"([a-z]+(?:-[a-z]+)+)",$|=> \("([a-z-]+)", "|"code": "([a-z-]+)"/gm),
  ]
    .map((found) => found.slice(1).find(Boolean) ?? "")
    .filter((code) => code !== "ok" && code !== "none");
  assert.ok(codes.length > 30, String(codes.length));
  const kinds = ["signature", "encryption", "warning"];
  const silent = codes.filter(
    (code) => !kinds.some((kind) => LOCALES.en[`reading_${kind}_${code.replaceAll("-", "_")}`]),
  );
  assert.deepEqual(silent, []);
});

test("every reason why an answer of the DNS proves nothing is said in every language", () => {
  const code = RUST("service/failure/dns.rs");
  const words = ["cause", "defect", "outage"].flatMap((kind) => {
    const table = code.split(`fn ${kind}_word(`)[1].split("\n}\n")[0];
    return [...table.matchAll(/=> "([a-z-]+)"/g)].map(([, word]) => `details_cause_${word.replaceAll("-", "_")}`);
  });
  const said = Object.keys(LOCALES.en).filter((key) => key.startsWith("details_cause_"));
  assert.deepEqual(said.sort(), words.sort());
});

test("of a file that would not do it is said in every language in what way", () => {
  const ways = [...RUST("service/failure/keys.rs").matchAll(/unfit\(\s*"([a-z-]+)"/g)].map(([, way]) => way);
  assert.ok(ways.length > 4);
  const said = Object.keys(LOCALES.en).filter((key) => key.startsWith("error_unreadable_input_"));
  assert.deepEqual(said.sort(), ways.map((way) => `error_unreadable_input_${way.replaceAll("-", "_")}`).sort());
});

/** Codes that never reach a reader of mail: they belong to commands, or the request that they answer is never sent. */
const OF_COMMANDS = new Set(["not-built", "unreadable-input", "unwritable-output", "wrong-password", "no-such-key"]);

test("every code of the host has words in every language, unless it is for the command line alone", () => {
  const codes = failures();
  assert.ok(codes.length > 30);
  const silent = codes.filter((code) => !LOCALES.en[`error_${code.replaceAll("-", "_")}`]);
  assert.deepEqual(
    silent.filter((code) => !OF_COMMANDS.has(code)),
    [],
  );
});
