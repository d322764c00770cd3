/**
 * What we send, read by a Thunderbird without the add-on: its own S/MIME (NSS), with keys from an authority that it trusts.
 * One Thunderbird, the letters of tests/interop/letters, every form and every kind of key. What came of it is left in
 * target/interop/nss.json, from which scripts/interop makes a table.
 */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { userAt } from "../support/keyring.mjs";
import { remove, temporaryDirectory } from "../support/process.mjs";
import { fileLocally, select, shows } from "../support/reading.mjs";
import { ROOT, Thunderbird } from "../support/thunderbird.mjs";
import { PROGRAMS } from "../support/world.mjs";
import { Zones } from "../support/zones.mjs";

const LETTERS = join(ROOT, "tests/interop/letters");
const RESULTS = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "interop");

/** How openssl makes each kind of key. */
const KEYS = {
  "rsa-2048": ["rsa:2048"],
  "rsa-3072": ["rsa:3072"],
  "rsa-4096": ["rsa:4096"],
  "p-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  "p-384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  "reads-gcm": ["rsa:2048"],
};

/** The extension that says that its owner reads AES-256-GCM (RFC 4262). */
const READS_GCM = "1.2.840.113549.1.9.15=DER:300d300b060960864801650304012e\n";

const directory = temporaryDirectory();
const at = (/** @type {string} */ name) => join(directory, name);
const openssl = (/** @type {string[]} */ ...args) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
/** @type {Zones} */
let zones;
/** @type {Thunderbird} */
let tb;
/** @type {{what: string, reader: "nss", outcome: string}[]} */
const rows = [];

/** @param {string} name @param {string[]} kind */
function issue(name, kind) {
  writeFileSync(
    at("extensions"),
    `subjectAltName=email:${name}@example.test\nextendedKeyUsage=emailProtection\nkeyUsage=critical,digitalSignature,${
      kind[0]?.startsWith("rsa") ? "keyEncipherment" : "keyAgreement"
    }\n${name === "reads-gcm" ? READS_GCM : ""}`,
  );
  openssl("req", "-new", "-newkey", ...kind, "-nodes", "-keyout", `${name}.key`, "-out", "csr", "-subj", `/CN=${name}`);
  const signed = ["x509", "-req", "-in", "csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
  openssl(...signed, "-extfile", "extensions", "-out", `${name}.crt`);
  openssl(
    ...["pkcs12", "-export", "-inkey", `${name}.key`, "-in", `${name}.crt`, "-certfile", "ca.crt"],
    ...["-out", `${name}.p12`, "-passout", "pass:once"],
  );
}

/** Somebody else, with a key that NSS does not have: it must find its own place among the others. */
const X25519 = "x25519";

/** A key that cannot sign a request. */
function issueX25519() {
  openssl("genpkey", "-algorithm", "X25519", "-out", "x25519.key");
  openssl("pkey", "-in", "x25519.key", "-pubout", "-out", "x25519.pub");
  writeFileSync(at("extensions"), "subjectAltName=email:x25519@example.test\nkeyUsage=critical,keyAgreement\n");
  const signed = ["x509", "-req", "-in", "csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
  openssl(...signed, "-extfile", "extensions", "-force_pubkey", "x25519.pub", "-out", "x25519.crt");
}

/** @param {...string} args */
function daneSmime(...args) {
  const fixed = ["--data-dir", at("data"), "--unlock-file", at("unlock"), "--resolver", zones.resolver];
  return execFileSync(join(PROGRAMS, "dane-smime"), [...fixed, "--trust-anchor", zones.trustAnchor, ...args], {
    env: { ...process.env, HOME: directory, XDG_CONFIG_HOME: at("config") },
    stdio: "pipe",
  });
}

/** @param {string} letter @param {string[]} how */
function protect(letter, how) {
  // Thunderbird doubts a signature that was made at another time than the mail was dated.
  const text = readFileSync(join(LETTERS, `${letter}.eml`), "latin1");
  writeFileSync(at("letter"), text.replace(/^Date: .*$/m, `Date: ${new Date().toUTCString()}`), "latin1");
  return daneSmime("protect", "--from", "alice@example.test", "--input", at("letter"), ...how);
}

before(async () => {
  openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30"],
    ...["-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE"],
    ...["-addext", "keyUsage=critical,keyCertSign"],
  );
  for (const [name, kind] of Object.entries(KEYS)) issue(name, kind);
  issue("alice", ["rsa:2048"]);
  issueX25519();
  writeFileSync(at("unlock"), "0123456789abcdef".repeat(4));
  writeFileSync(at("password"), "once");
  zones = await Zones.start(at("dns"));
  const fromAlice = ["--address", "alice@example.test", "--password-file", at("password")];
  daneSmime("key", "import", at("alice.p12"), ...fromAlice);
  for (const name of [...Object.keys(KEYS), X25519]) {
    const line = daneSmime("record", `${name}@example.test`, "--cert", at(`${name}.crt`), "--form", "smimea");
    await zones.publish(line.toString());
  }
  tb = await Thunderbird.start({
    user: userAt(at("home")),
    account: { email: "rsa-2048@example.test", name: "Bob" },
    addon: null,
    host: null,
  });
  await tb.chrome(
    async (files, authority) => {
      const store = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
      store.addCertFromBase64(authority, "C,C,C");
      for (const path of files) {
        const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        file.initWithPath(path);
        const failure = store.importPKCS12File(file, "once");
        if (failure) throw new Error(`${path} was not taken: ${failure}`);
      }
    },
    Object.keys(KEYS).map((name) => at(`${name}.p12`)),
    openssl("x509", "-in", "ca.crt", "-outform", "DER").toString("base64"),
  );
});

after(async () => {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, "nss.json"), JSON.stringify(rows, null, 2));
  await tb?.stop();
  await zones?.stop();
  remove(directory);
});

const letters = JSON.parse(readFileSync(join(LETTERS, "letters.json"), "utf8"));
const GCM = "AES-256-GCM, to whom is known to read it";
const ordinary = Object.keys(KEYS).filter((name) => name !== "reads-gcm");
const everybody = ["--to", ...[...ordinary, X25519].map((name) => `${name}@example.test`)];

/**
 * Opens a mail and holds what is shown to its letter.
 *
 * @param {string} what
 * @param {{subject: string, text: string, attachments: string[]}} letter
 * @param {Buffer} mail
 * @param {{signed?: boolean, encrypted?: boolean, hidden?: boolean}} expected `hidden`: whether the subject is; Thunderbird's
 *   own S/MIME does not look for it inside, so that its reader finds it at the top of the text
 */
async function reads(what, letter, mail, { signed = true, encrypted = true, hidden = encrypted }) {
  try {
    await select(tb, await fileLocally(tb, mail), "local");
    const shown = await shows(
      tb,
      ({ crypto }) =>
        (crypto.signed === "message-signed-ok") === signed &&
        (crypto.encrypted === "message-encrypted-ok") === encrypted,
    );
    assert.ok(shown.text.includes(letter.text), `the text is ${shown.text}`);
    assert.equal(shown.subject, hidden ? "[...]" : letter.subject);
    assert.ok(!hidden || shown.text.includes(`Subject: ${letter.subject}`), `the text is ${shown.text}`);
    for (const name of letter.attachments) {
      const inText = shown.html.includes("<img");
      assert.ok(inText || shown.attachments.some((found) => found.name === name), `${name} is missing`);
    }
  } catch (error) {
    rows.push({ what, reader: "nss", outcome: `no: ${String(error).split("\n")[0]}` });
    throw error;
  }
  rows.push({ what, reader: "nss", outcome: "yes" });
}

for (const letter of letters) {
  test(`Thunderbird's own S/MIME reads ${letter.title}`, async () => {
    await reads(letter.title, letter, protect(letter.name, [...everybody, "--sign", "--encrypt"]), {});
    const signed = protect(letter.name, [...everybody, "--sign"]);
    await reads(`${letter.title}, signed only`, letter, signed, { encrypted: false });
  });
}

test("every kind of key opens its mail", async () => {
  for (const name of ordinary.slice(1)) {
    const mail = protect("plain", ["--to", `${name}@example.test`, "--sign", "--encrypt"]);
    await reads(`a recipient with a key ${name}, others beside`, letters[0], mail, {});
  }
});

test("every form is read", async () => {
  for (const { form, what, ...expected } of [
    { form: ["--encrypt"], what: "encrypted only", signed: false },
    { form: ["--sign", "--opaque"], what: "signed, opaque", encrypted: false },
    { form: ["--sign", "--encrypt", "--opaque"], what: "signed, opaque, encrypted" },
    { form: ["--sign", "--encrypt", "--wrap"], what: "wrapped as message/rfc822" },
    { form: ["--sign", "--encrypt", "--no-header-protection"], what: "without header protection", hidden: false },
  ]) {
    await reads(what, letters[0], protect("plain", [...everybody, ...form]), expected);
  }
});

test("a mail to two hundred people is read", async () => {
  const names = Array.from({ length: 195 }, (_, n) => `crowd${n}`);
  const lines = names.map((name) =>
    daneSmime("record", `${name}@example.test`, "--cert", at("p-256.crt"), "--form", "smimea", "--force").toString(),
  );
  await zones.publish(lines.join("\n"));
  const all = [...everybody, ...names.map((name) => `${name}@example.test`)];
  const mail = protect("attachment", [...all, "--sign", "--encrypt"]);
  await reads("200 recipients, RSA and elliptic curves mixed", letters[1], mail, {});
});

test("AES-256-GCM shows nothing, which is why it is sent to nobody who has not said that they read it", async () => {
  const mail = protect("plain", ["--to", "reads-gcm@example.test", "--sign", "--encrypt"]);
  assert.match(mail.toString("latin1"), /smime-type=authEnveloped-data/);
  await select(tb, await fileLocally(tb, mail), "local");
  const shown = await shows(tb, () => true);
  assert.ok(!shown.text.includes("meet me"), "it reads GCM now: the table and the README may say so");
  rows.push({ what: GCM, reader: "nss", outcome: "no" });
});

// The last one: the outer signature counts for nothing, so Thunderbird tells the window to ignore what is said of part 1, and
// in 153 it never takes that back (gIgnoreStatusFromMimePart of about:message). The mails after it lack lock and seal.
test("a triple-wrapped mail is read", async () => {
  const mail = protect("plain", [...everybody, "--sign", "--encrypt", "--triple"]);
  await reads("triple wrapped", letters[0], mail, {});
});
