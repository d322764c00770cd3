/**
 * Alice's and Bob's Thunderbirds, ready to write: what scripts/run starts when everything is installed and built.
 * With a display it opens them and stays until both are closed; without one it plays the exchange and takes pictures.
 */

import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { marks, openCompose, pressSend, sent } from "../../tests/support/composing.mjs";
import { Display } from "../../tests/support/display.mjs";
import { Background, sleep, until } from "../../tests/support/process.mjs";
import { writeProfile } from "../../tests/support/profile.mjs";
import { arrived, securityPanel, select, shows } from "../../tests/support/reading.mjs";
import { installPermanently, profileOf, thunderbirdProgram } from "../../tests/support/thunderbird.mjs";
import { World } from "../../tests/support/world.mjs";

/** @typedef {import("../../tests/support/world.mjs").Person} Person */

const DIRECTORY = process.env.DANE_SMIME_WORLD ?? "";
const PICTURES = join(DIRECTORY, "pictures");
const LOCK = join(DIRECTORY, "pid");
const LETTER = {
  to: "Bob Dodgson <bob@example.test>",
  subject: "Tea on Thursday",
  body:
    "<p>Dear Bob,</p><p>tea is at <b>four</b>, as always under the tree. The map is attached; keep it to yourself.</p>" +
    "<p>Yours,<br>Alice</p>",
};

const started = Date.now();
const say = (/** @type {string} */ what) =>
  console.error(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${what}`);

/** Refuses a directory that is somebody else's, and a world that runs already. */
function takeDirectory() {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  const { uid } = lstatSync(DIRECTORY);
  if (!lstatSync(DIRECTORY).isDirectory() || uid !== process.getuid?.()) {
    throw new Error(`${DIRECTORY} belongs to somebody else. DANE_SMIME_WORLD may name another directory.`);
  }
  const other = existsSync(LOCK) ? readFileSync(LOCK, "utf8") : "";
  if (other && existsSync(`/proc/${other}`) && readFileSync(`/proc/${other}/cmdline`, "utf8").includes("demo.mjs")) {
    throw new Error(`This world runs already (process ${other}). Close its two Thunderbirds first.`);
  }
  writeFileSync(LOCK, String(process.pid));
}

/**
 * Installs the add-on for good, and lets Thunderbird learn the mail password, which it keeps in a form only it can write.
 *
 * @param {Person} person
 */
async function prepare(person) {
  const profile = profileOf(person.user);
  mkdirSync(profile, { recursive: true });
  installPermanently(profile);
  if (existsSync(join(profile, "logins.json"))) return;
  say(`setting up ${person.name}'s Thunderbird`);
  const thunderbird = await person.thunderbird({ addon: null });
  await thunderbird.stop();
}

/** A mail that comes in is shown without being asked for. */
const EAGER = { "mail.server.server1.login_at_startup": true, "mail.server.server1.check_new_mail": true };

/**
 * Opens a person's Thunderbird on the caller's display, without any remote control.
 *
 * @param {Person} person
 * @param {string[]} args
 */
function openForPeople(person, args) {
  writeProfile(profileOf(person.user), person.account, EAGER);
  const { DISPLAY = "", XAUTHORITY = join(homedir(), ".Xauthority") } = process.env;
  return new Background(
    thunderbirdProgram(),
    ["--no-remote", "--profile", profileOf(person.user), "-purgecaches", ...args],
    {
      env: { ...person.user.env, DISPLAY, XAUTHORITY, GDK_BACKEND: "x11", MOZ_CRASHREPORTER_DISABLE: "1" },
      log: join(person.user.home, "log/thunderbird.log"),
    },
  );
}

/** Something to attach. */
function map() {
  const file = join(DIRECTORY, "map.txt");
  writeFileSync(file, "Third tree on the left.\n");
  return file;
}

/** @param {World} world */
async function forPeople(world) {
  const { to, subject, body } = LETTER;
  const letter = `to='${to}',subject='${subject}',body='${body}',attachment='file://${map()}',format=html`;
  say("opening Alice's Thunderbird, with a letter begun, and Bob's");
  const both = [openForPeople(world.alice, ["-compose", letter]), openForPeople(world.bob, ["-mail"])];
  say(
    "Ready in a moment. Press Send in Alice's window, and read the mail in Bob's. Closing both Thunderbirds ends this.",
  );
  await Promise.all(both.map(({ ended }) => ended));
}

/** @param {World} world */
async function alone(world) {
  const displays = {
    alice: await Display.start({ log: join(DIRECTORY, "alice-display.log") }),
    bob: await Display.start({ log: join(DIRECTORY, "bob-display.log") }),
  };
  rmSync(PICTURES, { recursive: true, force: true });
  const photograph = async (
    /** @type {"alice" | "bob"} */ who,
    /** @type {string} */ name,
    /** @type {string} */ what,
  ) => {
    await sleep(600);
    displays[who].picture(join(PICTURES, `${name}.png`));
    say(`${join(PICTURES, `${name}.png`)}: ${what}`);
  };
  say("no display: playing the exchange on two displays in memory");
  const before = world.mail.smtp.mails().length;

  const [alice, bob] = await Promise.all([
    world.alice.thunderbird({ addon: null, display: displays.alice.name }),
    world.bob.thunderbird({ addon: null, display: displays.bob.name }),
  ]);
  try {
    await Promise.all([alice.addonActive(), bob.addonActive()]);
    say("Alice writes to Bob");
    const mail = await openCompose(alice, { ...LETTER, attachments: [map()] });
    await until("Bob's certificate", async () => (await marks(alice, mail))["bob@example.test"] === "found");
    await photograph("alice", "1-alice-writes", "Alice's mail; Bob's certificate was found in his domain's DNS");
    await pressSend(alice, mail);
    await sent(alice, mail);
    const { bytes } = await world.mail.smtp.next(before);
    writeFileSync(join(DIRECTORY, "on-the-wire.eml"), bytes);
    say(`${join(DIRECTORY, "on-the-wire.eml")}: what went over the wire`);

    const id = /^Message-ID:\s*<([^>]*)>/im.exec(bytes.toString("latin1"))?.[1];
    await select(bob, await arrived(bob, ({ messageId }) => messageId === id));
    await shows(
      bob,
      ({ text, crypto }) => text.includes("under the tree") && crypto.encrypted !== null && crypto.signed !== null,
    );
    await photograph("bob", "2-bob-reads", "Bob's mail; who signed it, and which domain vouches for that");
    await securityPanel(bob);
    await photograph("bob", "3-security-panel", "Thunderbird's own security panel");
  } finally {
    await Promise.all([alice.stop(), bob.stop()]);
    await Promise.all([displays.alice.stop(), displays.bob.stop()]);
  }
  say("Done.");
}

async function main() {
  takeDirectory();
  say(`the world is in ${DIRECTORY}`);
  const world = await World.start(DIRECTORY, { say });
  chmodSync(DIRECTORY, process.getuid?.() === 0 ? 0o711 : 0o700);
  try {
    await Promise.all([prepare(world.alice), prepare(world.bob)]);
    await (process.env.DISPLAY ? forPeople(world) : alone(world));
  } finally {
    await world.stop();
    rmSync(LOCK, { force: true });
  }
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => process.exit(130));
}
process.on("exit", () => {
  if (existsSync(LOCK) && readFileSync(LOCK, "utf8") === String(process.pid)) rmSync(LOCK, { force: true });
});

main().catch((error) => {
  console.error(`scripts/run: ${error.message}`);
  process.exit(1); // and what was started goes with it
});
