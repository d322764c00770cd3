/**
 * Whether every crate that the host is built from has a licence that deny.toml allows. cargo-deny checks more, where it is
 * installed; this needs nothing but Cargo, so it always runs.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const rules = readFileSync("deny.toml", "utf8");
const [, list = ""] = /^\[licenses\][^[]*?^allow = \[([^\]]*)\]/ms.exec(rules) ?? [];
const names = (/** @type {string} */ text) => [...text.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name);
const everywhere = names(list);
const exceptions = new Map(
  [...rules.matchAll(/\{ crate = "([^"]+)", allow = \[([^\]]*)\] \}/g)].map(([, crate, more = ""]) => [
    crate,
    names(more),
  ]),
);

/**
 * Whether an SPDX expression can be kept with what is allowed: one side of each OR, both of each AND.
 *
 * @param {string} expression
 * @param {Set<string>} allowed
 */
function permits(expression, allowed) {
  const tokens = expression.replaceAll("/", " OR ").match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const single = () => {
    if (tokens[at] === "(") {
      at++;
      const inside = either();
      at++;
      return inside;
    }
    const name = tokens[at++];
    if (tokens[at] !== "WITH") return allowed.has(name);
    // An exception only ever permits more than the licence does.
    at += 2;
    return allowed.has(name);
  };
  const both = () => {
    let good = single();
    while (tokens[at] === "AND") {
      at++;
      good = single() && good;
    }
    return good;
  };
  const either = () => {
    let good = both();
    while (tokens[at] === "OR") {
      at++;
      good = both() || good;
    }
    return good;
  };
  return either();
}

const metadata = execFileSync(
  "cargo",
  ["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"],
  { maxBuffer: 1 << 28, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
);
const { packages, resolve } = JSON.parse(metadata);
const used = new Set(resolve.nodes.map((/** @type {{id: string}} */ node) => node.id));
const refused = packages.filter(
  (/** @type {{id: string, name: string, license: string | null}} */ { id, name, license }) =>
    used.has(id) && !(license && permits(license, new Set([...everywhere, ...(exceptions.get(name) ?? [])]))),
);
for (const { name, version, license } of refused) console.error(`${name} ${version}: ${license ?? "no licence"}`);
console.log(`${used.size - refused.length} crates with an allowed licence, ${refused.length} without`);
process.exitCode = refused.length ? 1 : 0;
