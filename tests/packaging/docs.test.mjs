/** The manuals: every link leads somewhere, every command is one, every sample is read by what it is for. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/thunderbird.mjs";
import { PROGRAMS } from "../support/world.mjs";

const DOCS = join(ROOT, "manifests/docs");
const PAGES = [
  ...readdirSync(DOCS)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(DOCS, name)),
  join(ROOT, "README.md"),
  join(ROOT, "native-host/PROTOCOL.md"),
  join(ROOT, "extension/README.md"),
];

/** A heading as an anchor. @param {string} heading */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, "")
    .replaceAll(" ", "-");

for (const page of PAGES) {
  const name = page.slice(ROOT.length + 1);
  const text = readFileSync(page, "utf8");
  const blocks = [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language = "", body = ""]) => ({ language, body }));

  test(`${name}: every link leads somewhere`, () => {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = "", fragment] = target.split("#");
      const file = path ? join(dirname(page), path) : page;
      assert.ok(existsSync(file), `${target} is not there`);
      if (fragment) {
        const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
          anchor(heading),
        );
        assert.ok(headings.includes(fragment), `${target}: there is no such heading`);
      }
    }
  });

  test(`${name}: every command is one`, () => {
    for (const { body } of blocks.filter(({ language }) => language === "sh")) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: body, encoding: "utf8" });
      assert.equal(status, 0, `${stderr}\n${body}`);
      for (const [line = ""] of body.matchAll(/^dane-smime [^|>#\n]*/gm)) {
        // Arguments are checked, nothing is done: --help wins over everything but wrong usage.
        const words = [...line.trim().matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
        const options = words.filter((word) => word.startsWith("--"));
        const commands = words.slice(1).filter((word) => !word.startsWith("-"));
        const depth = commands[0] === "key" ? (commands[1] === "token" ? 3 : 2) : 1;
        const path = commands.slice(0, depth);
        const done = spawnSync(join(PROGRAMS, "dane-smime"), [...path, "--help"], { encoding: "utf8" });
        assert.equal(done.status, 0, `${line}: ${done.stderr}`);
        for (const option of options) assert.ok(done.stdout.includes(option), `${line}: ${option} is not known`);
      }
    }
  });
}
