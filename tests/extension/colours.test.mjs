/** Colours that can be told apart from what is behind them, in light and dark (WCAG 2.2, 1.4.3: text 4.5; 1.4.11: signs 3). */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const EXTENSION = fileURLToPath(new URL("../../extension", import.meta.url));
const read = (/** @type {string} */ path) => readFileSync(join(EXTENSION, path), "utf8");

const [TEXT, SIGN] = [4.5, 3];
const THEMES = /** @type {const} */ (["light", "dark"]);
/** Of Thunderbird: its words, its lists, its toolbars. */
const WORDS = { light: "#15141a", dark: "#fbfbfe" };
const BEHIND_SIGNS = { light: ["#ffffff", "#f0f0f4"], dark: ["#18181b", "#27272a", "#2b2a33"] };

/** @param {string} colour `#rrggbb` */
function luminance(colour) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

/** @param {string} one @param {string} other @param {number} least @param {string} what */
function tellsApart(one, other, least, what) {
  const found = contrast(one, other);
  assert.ok(found >= least, `${what}: ${one} on ${other} is ${found.toFixed(2)}, not ${least}`);
}

/** @param {string} css @param {string} property @returns {{ light: string, dark: string }} */
function pair(css, property) {
  const found = new RegExp(`(?<![\\w-])${property}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
  assert.ok(found, property);
  return { light: found[1], dark: found[2] };
}

test("the contrast is computed as WCAG does", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#777777", "#ffffff").toFixed(2), "4.48");
});

test("the words of the pages", () => {
  const css = read("ui/shared/base.css");
  for (const theme of THEMES) {
    for (const name of ["accent", "good", "warn", "bad"]) {
      for (const ground of ["raised", "ground"]) {
        tellsApart(pair(css, `--${name}`)[theme], pair(css, `--${ground}`)[theme], TEXT, `${name} on ${ground}`);
      }
    }
    tellsApart(pair(css, "--on-accent")[theme], pair(css, "--accent")[theme], TEXT, "the main button");
  }
});

test("recipients in the compose window", () => {
  const rules = [
    ...read("experiments/compose/pills.css").matchAll(/mark="(\w+)"[^{]*\{([^}]*background-color[^}]*)\}/g),
  ];
  assert.equal(rules.length, 3);
  for (const [, mark, rule] of rules) {
    for (const theme of THEMES) {
      const ground = pair(rule, "background-color")[theme];
      tellsApart(WORDS[theme], ground, TEXT, `the address, ${mark}`);
      tellsApart(pair(rule, "fill")[theme], ground, SIGN, `the sign, ${mark}`);
    }
  }
});

test("the bar above a mail that is verified", () => {
  const [, green] = /READABLE_GREEN = "(#[0-9a-f]{6})"/.exec(read("experiments/reading/verdict-display.mjs")) ?? [];
  tellsApart("#ffffff", green, TEXT, "the bar");
});

test("signs in the message list and on the button of the compose window, each seen on either theme", () => {
  for (const folder of ["icons", "experiments/list/icons"]) {
    for (const name of readdirSync(join(EXTENSION, folder)).filter((file) => file !== "dane-smime.svg")) {
      const svg = read(`${folder}/${name}`);
      const colours = new Set([...svg.matchAll(/(?:fill|stroke)="(#[0-9a-f]{6})"/g)].map(([, colour]) => colour));
      assert.ok(colours.size > 0, name);
      for (const colour of colours) {
        for (const ground of THEMES.flatMap((theme) => BEHIND_SIGNS[theme])) {
          tellsApart(colour, ground, SIGN, `${folder}/${name}`);
        }
      }
    }
  }
});
