/**
 * Prints what the interoperability tests left as a table in Markdown.
 *
 * Argument: the directory that holds programs.json and nss.json.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { thunderbirdProgram } from "../../tests/support/thunderbird.mjs";

const directory = process.argv[2] ?? "target/interop";

/** @type {{what: string, reader: string, outcome: string}[]} */
const rows = ["programs.json", "nss.json"].flatMap((name) => JSON.parse(readFileSync(join(directory, name), "utf8")));

/** @param {string} program @param {string[]} args */
const version = (program, args) => /\d+\.\d+[\w.]*/.exec(execFileSync(program, args, { encoding: "utf8" }))?.[0] ?? "";

const readers = [
  ["openssl", `openssl cms ${version("openssl", ["version"])}`],
  ["gpgsm", `gpgsm ${version("gpgsm", ["--version"])}`],
  ["nss", `Thunderbird ${version(thunderbirdProgram(), ["--version"])}, its own S/MIME`],
  ["ours", "DANE S/MIME"],
];

const print = (/** @type {string[]} */ cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
print(["what we send", ...readers.map(([, title]) => title ?? "")]);
print(["---", ...readers.map(() => "---")]);
for (const what of new Set(rows.map((row) => row.what))) {
  const outcome = (/** @type {string} */ reader) =>
    rows.find((row) => row.what === what && row.reader === reader)?.outcome ?? "not tried";
  print([what, ...readers.map(([reader]) => outcome(reader ?? ""))]);
}
