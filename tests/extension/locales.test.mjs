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

/**
 * Names that are put together of a beginning and a word: which words there are. Those of the host are read from it; what a newer host
 * may say besides has other words in its place.
 *
 * @type {Record<string, () => string[]>}
 */
const PUT_TOGETHER = {
  "account_<state>": () => [...wordsOf("service/accounts.rs", "pub const fn word"), "expiring_very_soon"],
  "check_<result.status>": () => wordsOf("directory/finding.rs", "pub const fn word"),
  "convert_hint_<mode>": () => modes(),
  "convert_title_<mode>": () => modes(),
  "convert_<cancelling.signal.aborted>": () => ["cancelled", "stopped", "finished"],
  "details_encryption_<said.state>": () => ["decrypted", "failed"],
  "details_matching_<matching>": () => ["0", "1", "2"],
  "details_selector_<selector>": () => ["0", "1"],
  "details_signature_<said.state>": () => ["valid", "invalid", "unknown"],
  "details_summary_<opened>": () => ["none", "unopened", "good", "info", "warning", "bad"],
  "details_usage_<usage>": () => ["0", "1", "2", "3"],
  "doctor_state_<state>": () => ["ok", "not_ok", "unknown"],
  "guard_<kind>": () => ["receipt", "invitation", "queued", "other"],
  "hindrance_<code>": () => all(RUST("service/failure/hindrance.rs"), /"code": "([a-z-]+)"|=> "([a-z-]+)",/g),
  "label_<summary>": () => summaries(),
  "list_<mark>": () => listed("experiments/list/marks.mjs", /const MARKS = .*?\[(.*?)\]/s),
  "menu_<mode>_<context>": () => modes().flatMap((mode) => [`${mode}_message_list`, `${mode}_folder_pane`]),
  "options_<key>": () => ["resolver", "trust_anchor", "ca_file"],
  "options_<key>_default": () => ["resolver", "trust_anchor", "ca_file"],
  "options_<what>": () => ["sign", "encrypt", "subject", "unattended"],
  "options_<what>_<value>": () => [
    ...["sign_always", "sign_ask", "sign_never", "encrypt_required", "encrypt_possible", "encrypt_never"],
    ...["subject_hidden", "subject_readable", "unattended_refused", "unattended_allowed"],
  ],
  "options_form_<box.value>": () => forms(),
  "options_form_<box.value>_hint": () => forms(),
  "options_open_with_<who>": () => ["addon", "thunderbird"],
  "options_patience_<words>": () => ["usual", "double", "long"],
  "options_uses_<what>": () => ["sign", "encrypt"],
  "policy_<what>": () => ["unreadable", "of-the-host", "unknown-key", "wrong-value"],
  "prompt_<what>": () => ["file", "backup", "new_file", "new_backup"],
  "recipient_<key>": () => [
    ...wordsOf("directory/finding.rs", "pub const fn word").filter((word) => word !== "secure"),
    ...["ready", "unusable", "invalid-address", "unchecked", "no-such-domain"],
  ],
  "summary_<summary>": () => summaries().filter((word) => word !== "unknown"),
  "<why>_text": () => ["decrypted", "off_in_draft"],
  "<why>_title": () => ["decrypted", "off_in_draft"],
  // Below, in tests of their own, or with other words where there are none.
  "algorithm_<name>": () => [],
  "convert_left_<cause>": () => [],
  "details_cause_<cause>": () => [],
  "<key>_do": () => [],
  "lint_<code>": () => [],
  "progress_<stage>": () => ["protecting", "certificates", "password", "working"],
  "reading_encryption_<cause>": () => [],
  "<prefix>_<word>": () => [],
};

/** All that a pattern finds, which has to be something. @param {string} text @param {RegExp} pattern */
function all(text, pattern) {
  const found = [...text.matchAll(pattern)].map((groups) => groups.slice(1).find(Boolean) ?? "");
  assert.ok(found.length > 0, String(pattern));
  return found;
}
const listed = (/** @type {string} */ path, /** @type {RegExp} */ what) =>
  all(what.exec(read(path))?.[1] ?? "", /"([A-Za-z0-9-]+)"/g);
const modes = () => ["decrypt", "reencrypt"];
const forms = () => listed("background/settings.js", /const FORMS = .*?\[(.*?)\]/s);
const summaries = () => all(read("background/compose/view.js"), /^ {2}([a-z]+): "[a-z]+",$/gm);
const wordsOf = (/** @type {string} */ path, /** @type {string} */ fn) =>
  all(RUST(path).split(fn)[1].split("\n    }\n")[0], /=> "([a-z-]+)"/g);

test("every word whose name is put together exists, and each place where one is is known here", () => {
  /** A gap by the name of what fills it. */
  const plain = (/** @type {string} */ template) =>
    template.replace(/\$\{(?:String\()?([\w.]+?)(?:\.replace(?:All)?)?(?![\w.])[^}]*\}/g, "<$1>");
  const places = [...CODE.matchAll(/\b(?:text|getMessage)\(\s*`([^`]*)`/g)].map(([, template]) => plain(template));
  const accounts = "account_<state>"; // it is named before it is asked for
  assert.deepEqual([...new Set([...places, accounts])].sort(), Object.keys(PUT_TOGETHER).sort());
  for (const [template, words] of Object.entries(PUT_TOGETHER)) {
    for (const word of words()) {
      const key = template.replace(/<.*>/, word.replace(/[A-Z]/g, "_$&").toLowerCase().replaceAll("-", "_"));
      assert.ok(LOCALES.en[key], key);
    }
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
