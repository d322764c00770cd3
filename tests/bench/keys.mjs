/**
 * Two hundred accounts and a thousand keys: `dane-smime key list` beside `gpgsm --list-keys` and `openssl` over the very same
 * certificates; and the settings page in a real Thunderbird beside the same page with one account and one key. Read the ratios;
 * what is aimed at stands beside them.
 *
 *     scripts/bench keys [keys]
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openPage, pageShows } from "../support/pages.mjs";
import { remove, temporaryDirectory } from "../support/process.mjs";
import { PROGRAMS, World } from "../support/world.mjs";
import { median } from "./measuring.mjs";
import { withAddon } from "./rivals.mjs";

const KEYS = Number(process.argv[2] ?? 1000);
const ACCOUNTS = Math.max(1, Math.round(KEYS / 5));
const TIMES = 9;
const OPTIONS = "ui/options/options.html";
const AIMS = { list: 100, page: 1000 };

const directory = temporaryDirectory();
const world = await World.start(directory);
/** @type {import("../support/thunderbird.mjs").Thunderbird | undefined} */
let thunderbird;
try {
  const { alice } = world;
  thunderbird = await withAddon(alice);
  const one = await opening(thunderbird);

  const addresses = Array.from({ length: ACCOUNTS }, (_, at) => `user${at}@example.test`);
  await makeKeys(alice, addresses);
  const { stdout } = await alice.run("key", "list", "--json");
  const held = JSON.parse(stdout).length;
  const folder = join(alice.dataDirectory, "keys");
  const rivals = certificates(folder);
  console.log(`\n${held} keys (${TIMES} times, medians)`);
  /** @type {number[]} */
  const ours = [];
  /** @type {Record<string, number[]>} */
  const theirs = { gpgsm: [], openssl: [] };
  for (let at = 0; at <= TIMES; at++) {
    ours.push(time(join(PROGRAMS, "dane-smime"), ["key", "list", "--json"], alice.user.env));
    theirs.gpgsm?.push(time("gpgsm", ["--list-keys", "--with-colons"], rivals.gpgsm));
    theirs.openssl?.push(time("sh", ["-c", rivals.openssl], process.env));
  }
  const list = median(...ours.slice(1));
  for (const [name, all] of Object.entries(theirs)) {
    const their = median(...all.slice(1));
    console.log(`  key list ${list.toFixed(0)} ms, ${name} ${their.toFixed(0)} ms: ${(list / their).toFixed(2)} x`);
  }
  said("key list", list, AIMS.list);

  await addAccounts(thunderbird, addresses);
  const many = await opening(thunderbird);
  console.log(
    `\nthe settings page with ${ACCOUNTS} accounts and ${held} keys, beside one account and one key (${TIMES} times, medians)`,
  );
  console.log(`  ${many.toFixed(0)} ms and ${one.toFixed(0)} ms: ${(many / one).toFixed(2)} x`);
  said("the settings page", many, AIMS.page);
} finally {
  await thunderbird?.stop();
  await world.stop();
  remove(directory);
}

/** @param {string} what @param {number} ms @param {number} aim */
function said(what, ms, aim) {
  console.log(`  ${what}: aimed at ${aim} ms, ${ms < aim ? "held" : "NOT HELD"}`);
}

/** From the start of the page's loading until accounts and keys stand there, in ms. @param {NonNullable<typeof thunderbird>} tb */
async function opening(tb) {
  const all = [];
  for (let at = 0; at <= TIMES; at++) {
    await openPage(tb, OPTIONS);
    await pageShows(tb, OPTIONS, "[data-shown=keys], [data-shown=all]");
    all.push(await shownAfter(tb));
    await tb.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.closeTab(tabmail.tabInfo[tabmail.tabInfo.length - 1]);
    });
  }
  return median(...all.slice(1));
}

/** What the page itself has measured. @param {NonNullable<typeof thunderbird>} tb @returns {Promise<number>} */
function shownAfter(tb) {
  return tb.chrome(async () => {
    const tabmail = mainWindow().document.getElementById("tabmail");
    const { browser } = tabmail.tabInfo[tabmail.tabInfo.length - 1];
    return new Promise((resolve) => {
      const { messageManager } = browser;
      const listener = ({ data }) => {
        messageManager.removeMessageListener("dane-bench:shown", listener);
        resolve(data);
      };
      messageManager.addMessageListener("dane-bench:shown", listener);
      const look = 'sendAsyncMessage("dane-bench:shown", content.performance.getEntriesByName("shown")[0].startTime)';
      messageManager.loadFrameScript(`data:,${encodeURIComponent(look)}`, false);
    });
  });
}

/**
 * Keys for all addresses in turn, made by one host, until there are enough.
 *
 * @param {import("../support/world.mjs").Person} person
 * @param {string[]} addresses
 */
async function makeKeys(person, addresses) {
  const host = spawn(person.host, ["/nowhere/dane_smime.json", "dane-smime@dane-smime.org"], {
    env: person.user.env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let waiting = Buffer.alloc(0);
  /** @type {(frame: any) => void} */
  let hear = () => {};
  host.stdout.on("data", (octets) => {
    waiting = Buffer.concat([waiting, octets]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32LE(0)) {
      const end = 4 + waiting.readUInt32LE(0);
      const frame = JSON.parse(waiting.toString("utf8", 4, end));
      waiting = waiting.subarray(end);
      hear(frame);
    }
  });
  const ask = (/** @type {object} */ request) =>
    new Promise((resolve, reject) => {
      hear = (frame) => {
        if (frame.type === "error") reject(new Error(frame.message));
        else if (frame.type !== "progress") resolve(frame);
      };
      const octets = Buffer.from(JSON.stringify(request));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(octets.length);
      host.stdin.write(Buffer.concat([length, octets]));
    });
  await ask({ type: "hello", id: 1, protocol: { min: 1, max: 1 }, addon: "0" });
  for (let at = 0; at < KEYS - 1; at++) {
    await ask({ type: "generate", id: at + 2, address: addresses[at % addresses.length], algorithm: "p-256" });
  }
  host.stdin.end();
}

/** The same certificates for the rivals. @param {string} folder */
function certificates(folder) {
  const all = join(directory, "all.pem");
  const files = readdirSync(folder).filter((name) => name.endsWith(".pem"));
  writeFileSync(all, files.map((name) => readFileSync(join(folder, name), "utf8")).join(""));
  const home = join(directory, "gnupg");
  mkdirSync(home, { mode: 0o700 });
  const gpgsm = { ...process.env, GNUPGHOME: home };
  execFileSync("gpgsm", ["--import", all], { env: gpgsm, stdio: "ignore" });
  const openssl = `openssl crl2pkcs7 -nocrl -certfile ${all} | openssl pkcs7 -print_certs -noout`;
  return { gpgsm, openssl };
}

/** @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env */
function time(program, args, env) {
  const start = performance.now();
  execFileSync(program, args, { env, stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 28 });
  return performance.now() - start;
}

/** An account for each address, which fetches no mail. @param {NonNullable<typeof thunderbird>} tb @param {string[]} addresses */
function addAccounts(tb, addresses) {
  return tb.chrome((all) => {
    for (const address of all) {
      const [user] = address.split("@");
      const account = MailServices.accounts.createAccount();
      account.incomingServer = MailServices.accounts.createIncomingServer(user, "mail.example.test", "none");
      const identity = MailServices.accounts.createIdentity();
      identity.email = address;
      identity.fullName = user;
      account.addIdentity(identity);
    }
  }, addresses);
}
