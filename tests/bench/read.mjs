/**
 * Reading, beside Thunderbird's own S/MIME: the same mails, opened in turn by a Thunderbird with the add-on and by one that
 * has the key in its own certificate store. Read the ratios. And the message list of ten thousand mails.
 *
 *     scripts/bench read [mebibytes]
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fill, openTable } from "../support/list.mjs";
import { identity } from "../support/openssl.mjs";
import { remove, temporaryDirectory } from "../support/process.mjs";
import { Thunderbird } from "../support/thunderbird.mjs";
import { World } from "../support/world.mjs";
import { computed, difference, median, pss } from "./measuring.mjs";
import { withAddon, withoutAddon } from "./rivals.mjs";

const MEBIBYTES = Number(process.argv[2] ?? 30);
const SMALL = 15;
const LARGE = 3;
const LISTED = 10_000;

const directory = temporaryDirectory();
const bobsKey = identity(join(directory, "bobs-key"), "bob@example.test");
const world = await World.start(directory, {
  bobs: (bob) =>
    bob.must("key", "import", bobsKey.pkcs12, "--password-file", bobsKey.passwordFile, "--address", bob.email),
});
/** @type {Thunderbird[]} */
const running = [];
try {
  const native = await withoutAddon(world.bob, join(directory, "native"), bobsKey, await world.alice.certificate());
  running.push(native);
  const ours = await withAddon(world.bob);
  running.push(ours);
  const rivals = { native, ours };

  const small = await times(SMALL + 1, () => mail("The tarts are in the third oven.", 0));
  const large = [await mail("A large one, please.", MEBIBYTES), await mail("And another large one.", MEBIBYTES)];

  console.log(`\nclick to plaintext, small signed and encrypted mail, each seen for the first time (${SMALL} times)`);
  const clicks = await inTurn(rivals, small, SMALL);
  report(clicks, "ms");

  console.log(`\nopen a mail with ${MEBIBYTES} MiB attached, first time, then ${LARGE} times again`);
  const first = await inTurn(rivals, large.slice(0, 1), 1, false);
  report(first, "ms");
  const again = await inTurn(rivals, Array(LARGE).fill(large[0]), LARGE, false);
  report(again, "ms");
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  console.log("memory (PSS), ten seconds later, of Thunderbird, its processes and the host, MiB");
  const memory = Object.fromEntries(Object.entries(rivals).map(([name, tb]) => [name, [pss(tb.process.pid ?? 0)]]));
  line("", memory, "MiB");

  console.log(`\nmessage list, ${LISTED} mails of 1.3 KB, never looked into`);
  await list(rivals.ours);
} finally {
  for (const thunderbird of running) await thunderbird.stop();
  await world.stop();
  remove(directory);
}

/**
 * A mail signed by Alice and encrypted to Bob with AES-CBC, which both can open.
 *
 * @param {string} text
 * @param {number} mebibytes of attachment
 */
async function mail(text, mebibytes) {
  const [plain, signed, sealed] = ["plain.eml", "signed.eml", "sealed.der"].map((name) => join(directory, name));
  const head = [
    "From: Alice Liddell <alice@example.test>\r\nTo: bob@example.test\r\nSubject: Measured",
    `Date: Sun, 22 Nov 2026 06:00:00 +0000\r\nMessage-ID: <${randomBytes(8).toString("hex")}@example.test>`,
    "MIME-Version: 1.0\r\n",
  ].join("\r\n");
  const file = randomBytes(mebibytes * 1024 * 1024)
    .toString("base64")
    .replace(/.{76}/g, "$&\r\n");
  const body = `Content-Type: text/plain; charset=us-ascii\r\n\r\n${text} ${randomBytes(8).toString("hex")}\r\n`;
  const entity = mebibytes
    ? [
        'Content-Type: multipart/mixed; boundary="measured"\r\n\r\n--measured',
        `${body}\r\n--measured`,
        'Content-Type: application/octet-stream; name="file.bin"\r\nContent-Transfer-Encoding: base64',
        `Content-Disposition: attachment; filename="file.bin"\r\n\r\n${file}\r\n--measured--\r\n`,
      ].join("\r\n")
    : body;
  writeFileSync(plain, head + entity, "latin1");
  const who = ["--from", "alice@example.test", "--to", "bob@example.test"];
  await world.alice.must("protect", ...who, "--sign", "--input", plain, "--output", signed);
  const [fields = "", ...rest] = readFileSync(signed, "latin1").split("\r\n\r\n");
  const content = fields.split(/\r\n(?![ \t])/).filter((field) => /^content-/i.test(field));
  writeFileSync(signed, `${content.join("\r\n")}\r\n\r\n${rest.join("\r\n\r\n")}`, "latin1");
  execFileSync("openssl", [
    ...["cms", "-encrypt", "-binary", "-stream", "-aes256", "-in", signed, "-outform", "DER", "-out", sealed],
    bobsKey.certificate,
  ]);
  const lines = readFileSync(sealed).toString("base64").replace(/.{76}/g, "$&\r\n");
  const type = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"';
  return `${head}Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`;
}

/**
 * @template T
 * @param {number} count
 * @param {() => Promise<T>} make
 */
async function times(count, make) {
  const made = [];
  for (let at = 0; at < count; at++) made.push(await make());
  return made;
}

/**
 * Opens the mails in one Thunderbird and then in the other, by turns.
 *
 * @param {Record<string, Thunderbird>} rivals
 * @param {string[]} mails
 * @param {number} count
 * @param {boolean} [warm] whether a first one is opened that does not count
 */
async function inTurn(rivals, mails, count, warm = true) {
  /** @type {Record<string, {ms: number, gap: number, cpu: number}[]>} */
  const results = {};
  /** @type {Record<string, number[]>} */
  const keys = {};
  for (const [name, tb] of Object.entries(rivals)) {
    results[name] = [];
    const distinct = [...new Set(mails)];
    const made = await place(tb, distinct);
    keys[name] = mails.map((each) => made[distinct.indexOf(each)] ?? 0);
  }
  for (let at = 0; at < count + (warm ? 1 : 0); at++) {
    for (const [name, tb] of Object.entries(rivals)) {
      const before = computed(tb.process.pid ?? 0);
      const clicked = await click(tb, keys[name]?.[at] ?? 0);
      const result = { ...clicked, cpu: computed(tb.process.pid ?? 0) - before };
      if (!warm || at > 0) results[name]?.push(result);
    }
  }
  return results;
}

/**
 * @param {Thunderbird} tb
 * @param {string[]} mails
 * @returns {Promise<number[]>} their keys
 */
async function place(tb, mails) {
  const keys = [];
  for (const each of mails) {
    const file = join(directory, "placed.eml");
    writeFileSync(file, each, "latin1");
    keys.push(
      await tb.chrome(async (path) => {
        const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
        const folder = root.containsChildNamed("Measured")
          ? root.getChildNamed("Measured")
          : root.createLocalSubfolder("Measured");
        const octets = await IOUtils.read(path);
        const stream = Cc["@mozilla.org/io/arraybuffer-input-stream;1"].createInstance(Ci.nsIArrayBufferInputStream);
        stream.setData(octets.buffer, 0, octets.byteLength);
        const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        reader.setInputStream(stream);
        return folder.QueryInterface(Ci.nsIMsgLocalMailFolder).addMessage(reader.readBytes(octets.byteLength))
          .messageKey;
      }, file),
    );
  }
  return keys;
}

/**
 * Opens one mail and waits until its text is there.
 *
 * @param {Thunderbird} tb
 * @param {number} key
 * @returns {Promise<{ms: number, gap: number}>} `gap`: the longest time in which Thunderbird did nothing else
 */
function click(tb, key) {
  return tb.chrome(async (messageKey) => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Measured");
    about3Pane.displayFolder(folder.URI);
    await until("the folder", () => about3Pane.gFolder === folder && about3Pane.gDBView);
    about3Pane.threadTree.selectedIndex = -1;
    await sleep(500);
    const { performance, setTimeout } = mainWindow();
    let gap = 0;
    let last = performance.now();
    let over = false;
    const tick = () => {
      const now = performance.now();
      gap = Math.max(gap, now - last);
      last = now;
      if (!over) setTimeout(tick, 0);
    };
    tick();
    const start = performance.now();
    about3Pane.selectMessage(folder.GetMessageHeader(messageKey));
    const view = about3Pane.messageBrowser.contentWindow;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const text = view.getMessagePaneBrowser?.()?.contentDocument?.body?.textContent ?? "";
      if (view.gMessage?.messageKey === messageKey && /third oven|large one/.test(text) && view.msgLoaded) break;
      if (performance.now() - start > 120_000) throw new Error("it never came");
    }
    const ms = performance.now() - start;
    await sleep(300);
    over = true;
    return { ms, gap };
  }, key);
}

/** @param {Record<string, {ms: number, gap: number, cpu: number}[]>} results @param {string} unit */
function report(results, unit) {
  const pick = (/** @type {"ms" | "gap" | "cpu"} */ what) =>
    Object.fromEntries(Object.entries(results).map(([name, all]) => [name, all.map((one) => one[what])]));
  line("  time, median ", pick("ms"), unit);
  line("  longest gap  ", pick("gap"), unit, Math.max);
  line("  computed     ", pick("cpu"), unit); // on a busy machine the one number that means something
}

/**
 * @param {string} what
 * @param {Record<string, number[]>} values
 * @param {string} unit
 * @param {(...all: number[]) => number} [of]
 */
function line(what, values, unit, of = median) {
  const [native = 0, ours = 0] = [of(...(values.native ?? [])), of(...(values.ours ?? []))];
  const numbers = `Thunderbird's own ${native.toFixed(0)} ${unit}, ours ${ours.toFixed(0)} ${unit}`;
  console.log(`${what}${numbers}: ${(ours / native).toFixed(2)} x, ${difference(ours, native, unit)}`);
}

/** @param {Thunderbird} tb */
async function list(tb) {
  const types = [
    "text/plain",
    'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"',
    "application/pkcs7-mime; smime-type=enveloped-data",
  ];
  const mails = Array.from({ length: LISTED }, (_, at) =>
    [
      `From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: Listed ${at}`,
      `Date: ${new Date(1.79e12 + at * 60_000).toUTCString()}\r\nMessage-ID: <${at}.listed@example.test>`,
      `MIME-Version: 1.0\r\nContent-Type: ${types[at % types.length]}\r\n\r\n${"Nothing much.\r\n".repeat(70)}\r\n`,
    ].join("\r\n"),
  );
  for (let at = 0; at < LISTED; at += 2000) await fill(tb, "Listed", mails.slice(at, at + 2000));
  await openTable(tb, "Measured");
  const { ms, gap, opening } = await tb.chrome(async () => {
    const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Listed");
    const { performance, setTimeout } = mainWindow();
    const headers = [...folder.messages];
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    about3Pane.displayFolder(folder.URI);
    const start = performance.now();
    let [longest, last, next, opened] = [0, 0, 0, 0];
    // Asked of one header after the other, so that the question costs nothing.
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const now = performance.now();
      // To build a list of ten thousand rows costs Thunderbird a moment before the first message is looked into.
      if (opened === 0 && about3Pane.gFolder === folder && about3Pane.gDBView?.rowCount === headers.length)
        opened = now;
      if (last && opened) longest = Math.max(longest, now - last);
      last = opened && now;
      while (next < headers.length && headers[next].getStringProperty("dane-smime-mark")) next++;
      if (next === headers.length) return { ms: now - opened, gap: longest, opening: opened - start };
      if (now - start > 60_000) throw new Error(`only ${next} were looked into`);
    }
  });
  console.log(
    `  opened in ${opening.toFixed(0)} ms; looked into in ${ms.toFixed(0)} ms, longest gap meanwhile ${gap.toFixed(0)} ms`,
  );
}
