/** A pinentry that is a script: enters what it was told to, and notes what it was asked. */

import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = `#!/bin/sh
dir=$(dirname "$0"); echo OK
while read -r order words; do
  echo "$order $words" >>"$dir/pinentry.asked"
  if [ "$order" = GETPIN ]; then
    while [ -e "$dir/pinentry.held" ]; do sleep 0.1; done
    answer=$(head -n 1 "$dir/pinentry.answers"); sed -i 1d "$dir/pinentry.answers"
    if [ -z "$answer" ]; then echo "ERR 83886179 Operation cancelled"; continue; fi
    echo "D $answer"
  fi
  echo OK
done
`;

/** The script, in a directory of its user's. */
export class PinentryScript {
  /** @param {string} directory */
  constructor(directory) {
    this.directory = directory;
    this.program = join(directory, "pinentry");
    writeFileSync(this.program, SCRIPT);
    chmodSync(this.program, 0o700);
    this.willEnter();
  }

  /** What is entered from now on, one password after the other; then it is cancelled. @param {...string} passwords */
  willEnter(...passwords) {
    writeFileSync(join(this.directory, "pinentry.answers"), passwords.map((password) => `${password}\n`).join(""));
    writeFileSync(join(this.directory, "pinentry.asked"), "");
    rmSync(join(this.directory, "pinentry.held"), { force: true });
  }

  /** From now on windows stay open, until `willEnter` is called; what was asked is kept. */
  hold() {
    writeFileSync(join(this.directory, "pinentry.asked"), "");
    writeFileSync(join(this.directory, "pinentry.held"), "");
  }

  /** The orders since then. */
  asked() {
    return readFileSync(join(this.directory, "pinentry.asked"), "utf8");
  }
}
