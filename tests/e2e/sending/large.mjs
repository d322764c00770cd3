/** Large mails: handed to the host by file where it takes files, in chunks elsewhere, and given up on the way. */

import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { pressSend, sent } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import {
  assertKept,
  assertSendsEncrypted,
  attachmentsOf,
  count,
  home,
  order,
  outcome,
  pressCancel,
  requests,
  smtp,
  tb,
  temporaryFiles,
  write,
} from "./scene.mjs";

const MIB = 1024 * 1024;
const FEATURES = ["blind-copies", "header-protection", "protect-certificate", "protect-forms", "readable-header"];

/** An attachment of that size. @param {number} octets */
function fileOf(octets) {
  const path = join(home, `of-${octets}.bin`);
  writeFileSync(path, randomBytes(octets));
  return path;
}

/** Orders to a host that takes large bodies from a folder. @param {object} [faults] */
function orderWithFolder(faults = {}) {
  const bodies_folder = join(home, "bodies");
  mkdirSync(bodies_folder, { recursive: true, mode: 0o700 });
  const hello = { type: "hello", protocol: 1, host: "0.1.0", features: [...FEATURES, "bodies-by-file"], bodies_folder };
  order({ answers: { hello }, faults });
}

const leftInFolder = () => readdirSync(join(home, "bodies"));

/** The requests to protect since then. @param {number} seen */
const protects = (seen) =>
  requests()
    .filter(({ type }) => type === "protect")
    .slice(seen);

describe("a large mail, with a host that takes files", () => {
  // A host that has refused a file once is not asked to take another.
  beforeEach(async () => {
    orderWithFolder();
    await stopEventPage(tb);
  });
  after(async () => {
    order({});
    await stopEventPage(tb);
  });

  test("a file that it does not take all the same: the mail goes in chunks", async () => {
    orderWithFolder({
      protect: {
        when: { body_file: "any" },
        error: { code: "body-file-refused", message: "The file is not its user's." },
      },
    });
    const seen = count("protect");
    const mail = await write({ attachments: [fileOf(MIB)] });
    await pressSend(tb, mail);
    await sent(tb, mail);
    const [byFile, inChunks, ...more] = protects(seen);
    assert.deepEqual([typeof byFile.body_file, inChunks.body_file, more], ["string", undefined, []]);
    assert.equal(inChunks.body_length, byFile.body_length);
    assert.deepEqual(outcome(), ["enveloped"]);
    assert.ok((smtp.mails()[0]?.bytes.length ?? 0) > MIB);
    await until("nothing to lie about", () => leftInFolder().length + temporaryFiles().length === 0);
  });

  test("of 30 MiB, given up while it is being encrypted: nothing leaves, nothing lies about, the next one is not held up", async () => {
    orderWithFolder({ protect: { slow: 100_000 } }); // longer than anything here waits
    const seen = count("protect");
    const mail = await write({ attachments: [fileOf(30 * MIB)] });
    await pressSend(tb, mail);
    await until("the host to be at work", () => count("protect") > seen, 60_000);
    assert.equal(typeof protects(seen)[0].body_file, "string");
    await pressCancel("Encrypting");
    await assertKept(mail);
    assert.deepEqual(await attachmentsOf(mail), [`of-${30 * MIB}.bin`]);
    await until("nothing to lie about", () => leftInFolder().length + temporaryFiles().length === 0);
    orderWithFolder();
    await assertSendsEncrypted(await write());
  });
});

describe("a large mail, with a host that takes chunks", () => {
  test("of 30 MiB, given up while it is being handed over: nothing leaves, the next one is not held up", async () => {
    const seen = count("protect");
    const mail = await write({ attachments: [fileOf(30 * MIB)] });
    await pressSend(tb, mail);
    await pressCancel("Encrypting");
    await assertKept(mail);
    assert.deepEqual(await attachmentsOf(mail), [`of-${30 * MIB}.bin`]);
    await until("nothing to lie about", () => temporaryFiles().length === 0);
    const next = await write();
    await assertSendsEncrypted(next);
    assert.ok(protects(seen).length <= 2, "given up is not asked again");
  });
});
