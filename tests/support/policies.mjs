/** A Thunderbird under policies: the installed one's files in a directory of its own, beside a policies.json. */

import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { thunderbirdProgram } from "./thunderbird.mjs";

/**
 * @param {string} directory made if it is missing
 * @param {object | string} policies the file's content; text as it is
 * @returns {string} the program to start
 */
export function thunderbirdUnder(directory, policies) {
  const from = dirname(thunderbirdProgram());
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "distribution"), { recursive: true });
  for (const name of readdirSync(from)) {
    if (name === "distribution") continue;
    // Thunderbird takes the directory that its program really lies in for its own.
    if (name === "thunderbird-bin") copyFileSync(join(from, name), join(directory, name));
    else symlinkSync(join(from, name), join(directory, name));
  }
  const text = typeof policies === "string" ? policies : JSON.stringify(policies, null, 2);
  writeFileSync(join(directory, "distribution/policies.json"), text);
  return join(directory, "thunderbird-bin");
}
