/**
 * Sending, beside Thunderbird's own S/MIME (NSS): the same mail to the same recipient, signed and encrypted, sent in turn by a
 * Thunderbird with the add-on and by one that has the key in its own certificate store; and, to see what the rest costs, by
 * the latter without either. From the press of Send until the server has all of it. Read the ratios.
 *
 * And fifty recipients, pasted: until each of them is marked, beside the look-up alone as `dane-smime lookup` does it.
 *
 *     scripts/bench send [mebibytes]
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { discard, openCompose, pressSend, sent, untilFound } from "../support/composing.mjs";
import { identity } from "../support/openssl.mjs";
import { remove, sleep, temporaryDirectory, until } from "../support/process.mjs";
import { Thunderbird } from "../support/thunderbird.mjs";
import { screen } from "../support/windows.mjs";
import { World } from "../support/world.mjs";
import { computed, difference, median, pss } from "./measuring.mjs";
import { base64Of, withAddon, withoutAddon } from "./rivals.mjs";

const MEBIBYTES = Number(process.argv[2] ?? 30);
const SMALL = 9;
const LARGE = 3;
const PASTED = 5;

const directory = temporaryDirectory();
const ca = authority();
const keys = { alice: issued("alice@example.test"), bob: issued("bob@example.test") };
/** @param {import("../support/openssl.mjs").Identity} key */
const holds = (key) => (/** @type {import("../support/world.mjs").Person} */ person) =>
  person.must("key", "import", key.pkcs12, "--password-file", key.passwordFile, "--address", person.email);
const world = await World.start(directory, { alices: holds(keys.alice), bobs: holds(keys.bob) });
/** @type {Thunderbird[]} */
const running = [];
try {
  const attached = join(directory, "attached.bin");
  writeFileSync(attached, randomBytes(MEBIBYTES * 1024 * 1024));
  const own = await native();
  running.push(own);
  const ours = await withAddon(world.alice);
  running.push(ours);
  /** @type {Record<"plain" | "native" | "ours", (file?: string) => Promise<{ms: number, cpu: number}>>} */
  const rivals = {
    plain: (file) => send(own, file, { protect: false }),
    native: (file) => send(own, file, { protect: true }),
    ours: (file) => send(ours, file, {}),
  };

  console.log(`\nfifty recipients, pasted (${PASTED} times)`);
  await reportPasted(ours);
  console.log(`\nsmall mail, signed and encrypted (${SMALL} times)`);
  report(await inTurn(rivals, SMALL));
  const before = { native: pss(own.process.pid ?? 0), ours: pss(ours.process.pid ?? 0) };
  console.log(`\nwith ${MEBIBYTES} MiB attached (${LARGE} times)`);
  report(await inTurn(rivals, LARGE, attached));
  await sleep(10_000);
  const after = { native: pss(own.process.pid ?? 0), ours: pss(ours.process.pid ?? 0) };
  console.log(
    `memory (PSS) of Thunderbird, its processes and the host, before and ten seconds after: Thunderbird's own ` +
      `${before.native.toFixed(0)} and ${after.native.toFixed(0)} MiB, ours ${before.ours.toFixed(0)} and ${after.ours.toFixed(0)} MiB: ` +
      difference(after.ours, after.native, "MiB"),
  );
} finally {
  for (const thunderbird of running) await thunderbird.stop();
  await world.stop();
  remove(directory);
}

/** @param {...string} args */
function openssl(...args) {
  execFileSync("openssl", args, { stdio: "pipe" });
}

/** Who issues the certificates. */
function authority() {
  const [key, certificate] = [join(directory, "ca.key"), join(directory, "ca.pem")];
  openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Authority"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", key, "-out", certificate],
  );
  return { key, certificate };
}

/**
 * A key with a certificate of the authority's: NSS takes no certificate that could be an authority itself.
 *
 * @param {string} email
 * @returns {import("../support/openssl.mjs").Identity}
 */
function issued(email) {
  const made = identity(join(directory, email), email);
  const [request, extensions] = ["request.pem", "extensions"].map((name) => join(directory, email, name));
  writeFileSync(
    extensions,
    `basicConstraints=CA:FALSE\nsubjectAltName=email:${email}\nkeyUsage=critical,digitalSignature,keyEncipherment\n` +
      "extendedKeyUsage=emailProtection\n",
  );
  openssl("req", "-new", "-key", made.key, "-subj", `/CN=${email}`, "-out", request);
  openssl(
    ...["x509", "-req", "-in", request, "-CA", ca.certificate, "-CAkey", ca.key, "-CAcreateserial", "-days", "30"],
    ...["-extfile", extensions, "-out", made.certificate],
  );
  const password = `file:${made.passwordFile}`;
  openssl(
    ...["pkcs12", "-export", "-inkey", made.key, "-in", made.certificate, "-out", made.pkcs12, "-passout", password],
  );
  return made;
}

/** A Thunderbird without the add-on that signs with Alice's key and encrypts to Bob's certificate. */
async function native() {
  const thunderbird = await withoutAddon(world.alice, join(directory, "native"), keys.alice, ca.certificate);
  await thunderbird.chrome(
    (certificates) => {
      const store = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
      const [alice] = certificates.map((certificate) => store.addCertFromBase64(certificate, ",,"));
      const [identity] = MailServices.accounts.allIdentities;
      for (const use of ["signing", "encryption"]) {
        identity.setUnicharAttribute(`${use}_cert_name`, alice.displayName);
        identity.setCharAttribute(`${use}_cert_dbkey`, alice.dbKey);
      }
    },
    [base64Of(keys.alice.certificate), base64Of(keys.bob.certificate)],
  );
  return thunderbird;
}

/**
 * @param {Record<string, (file?: string) => Promise<{ms: number, cpu: number}>>} rivals
 * @param {number} count
 * @param {string} [file]
 */
async function inTurn(rivals, count, file) {
  /** @type {Record<string, {ms: number, cpu: number}[]>} */
  const results = {};
  for (let at = 0; at <= count; at++) {
    for (const [name, rival] of Object.entries(rivals)) {
      const result = await rival(file);
      if (at > 0) results[name] = [...(results[name] ?? []), result]; // the first is for warming up
    }
  }
  return results;
}

/**
 * @param {Thunderbird} tb
 * @param {string | undefined} file
 * @param {{protect?: boolean}} how `protect`: by Thunderbird's own S/MIME; left out: by the add-on
 */
async function send(tb, file, { protect }) {
  const { smtp } = world.mail;
  smtp.clear();
  const mail = await openCompose(tb, {
    to: "bob@example.test",
    subject: "Measured",
    body: "<p>The tarts are in the third oven.</p>",
    ...(file && { attachments: [file] }),
  });
  if (protect === undefined) {
    await untilFound(tb, mail, "bob@example.test");
  } else if (protect) {
    await tb.chrome((id) => {
      const win = windowById(id);
      win.gSelectedTechnologyIsPGP = false;
      win.gSendEncrypted = true;
      win.gSendSigned = true;
      win.gUserTouchedSendEncrypted = true;
      win.gUserTouchedSendSigned = true;
    }, mail);
  }
  await sleep(1000); // what Thunderbird does after a window has opened is not measured
  const pid = tb.process.pid ?? 0;
  const [used, start] = [computed(pid), performance.now()];
  await pressSend(tb, mail);
  const bytes = await arrival(tb, smtp);
  const ms = performance.now() - start;
  await sent(tb, mail, 180_000);
  await sleep(500);
  const type = /^Content-Type: ([^;\r\n]*)/im.exec(bytes.toString("latin1", 0, 4096))?.[1];
  if ((protect ?? true) !== (type === "application/pkcs7-mime")) throw new Error(`it went out as ${type}`);
  return { ms, cpu: computed(pid) - used };
}

/** @param {Thunderbird} tb */
async function reportPasted(tb) {
  /** @type {{ marked: number, lookedUp: number }[]} */
  const times = [];
  for (let round = 0; round < PASTED; round++) {
    // Names that nobody has asked for yet.
    const fifty = (/** @type {string} */ who) =>
      Array.from({ length: 50 }, (_, i) => `${who}${round}-${i}@${i % 2 ? "example" : "other"}.test`);
    const start = performance.now();
    await world.alice.run("lookup", ...fifty("asked"));
    const lookedUp = performance.now() - start;
    times.push({ marked: await paste(tb, fifty("pasted")), lookedUp });
  }
  const [marked, lookedUp] = [median(...times.map((one) => one.marked)), median(...times.map((one) => one.lookedUp))];
  console.log(
    `  time, median: until all are marked ${marked.toFixed(0)}, the look-up alone ${lookedUp.toFixed(0)} ms: ` +
      difference(marked, lookedUp, "ms"),
  );
}

/**
 * @param {Thunderbird} tb
 * @param {string[]} addresses
 * @returns {Promise<number>} milliseconds until the last of them is marked
 */
async function paste(tb, addresses) {
  const mail = await openCompose(tb, { subject: "Measured" });
  await sleep(1000);
  const ms = await tb.chrome(
    async (id, pasted) => {
      const { document, performance, addressRowAddRecipientsArray } = windowById(id);
      const [row] = document.querySelectorAll(".address-row[data-recipienttype=addr_to]");
      const began = performance.now();
      addressRowAddRecipientsArray(row, pasted);
      const isMarked = (pill) => /found|missing|untrusted/.test(pill.getAttribute("dane-smime-mark"));
      await until("all marks", () => {
        const pills = [...document.querySelectorAll("mail-address-pill")];
        return pills.length === pasted.length && pills.every(isMarked);
      });
      return performance.now() - began;
    },
    mail,
    addresses,
  );
  await discard(tb, mail);
  return ms;
}

/** @param {Thunderbird} tb @param {import("../support/smtp.mjs").SmtpSpool} smtp */
async function arrival(tb, smtp) {
  for (const end = performance.now() + 120_000; performance.now() < end; ) {
    const [mail] = smtp.mails();
    if (mail) return mail.bytes;
    await sleep(2);
  }
  throw new Error(`it never came; on the screen: ${JSON.stringify(await screen(tb))}`);
}

/** @param {Record<string, {ms: number, cpu: number}[]>} results */
function report(results) {
  for (const [what, key] of /** @type {const} */ ([
    ["time, median", "ms"],
    ["computed", "cpu"],
  ])) {
    const of = (/** @type {string} */ name) => median(...(results[name] ?? []).map((one) => one[key]));
    const [plain, native, ours] = [of("plain"), of("native"), of("ours")];
    console.log(
      `  ${what}: plain ${plain.toFixed(0)}, Thunderbird's own ${native.toFixed(0)}, ours ${ours.toFixed(0)} ms: ` +
        `${(ours / native).toFixed(2)} x, ${difference(ours, native, "ms")} (plain: ${(ours / plain).toFixed(2)} x)`,
    );
  }
}
