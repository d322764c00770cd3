/** The homes that tests and `scripts/run` give to people. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { userAt } from "../support/keyring.mjs";

const directory = mkdtempSync(join(tmpdir(), "dane-homes-"));
after(() => rmSync(directory, { recursive: true }));

test("a home that was kept is entered again, though its place in memory is gone", () => {
  const home = join(directory, "alice");
  const runtime = userAt(home).env.XDG_RUNTIME_DIR ?? "";
  rmSync(runtime, { recursive: true });
  symlinkSync(join(directory, "gone"), runtime);
  userAt(home);
  assert.ok(statSync(runtime).isDirectory());
  userAt(home); // and while it is there
  assert.ok(statSync(runtime).isDirectory());
});
