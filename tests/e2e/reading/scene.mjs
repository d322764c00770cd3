/**
 * One world for all the rooms of reading: Alice and Bob, Bob's Thunderbird with a host that fails on demand, and Alice's mails
 * as they left her. What is exported with `let` is there once {@link open} is through.
 */

import { createServer } from "node:http";
import { join } from "node:path";
import { Display } from "../../support/display.mjs";
import { giveOrders, requestsSeen } from "../../support/orders.mjs";
import { remove, temporaryDirectory } from "../../support/process.mjs";
import { arrived, fileLocally, select } from "../../support/reading.mjs";
import { installPermanently, profileOf, ROOT } from "../../support/thunderbird.mjs";
import { World } from "../../support/world.mjs";
import { encryptTo, htmlAndFile, plainText, protectBy } from "./mails.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");
export const LOCK_AND_SEAL = {
  technology: "S/MIME",
  encrypted: "message-encrypted-ok",
  signed: "message-signed-verified",
};

/** @typedef {import("../../support/reading.mjs").Displayed} Displayed */

/** @type {World} */
export let world;
/** Bob's Thunderbird. @type {import("../../support/thunderbird.mjs").Thunderbird} */
export let bob;
/** @type {{sealed: Buffer, leaf: Buffer, clear: Buffer}} */
export let mails;
/** @type {Display} */
let display;
/** Serves an image and counts who asks for it. @type {import("node:http").Server} */
let tracker;
let asked = 0;
let directory = "";

export async function open() {
  directory = temporaryDirectory();
  tracker = createServer((_request, response) => {
    asked++;
    response.end();
  });
  await new Promise((resolve) => tracker.listen(0, "127.0.0.1", () => resolve(undefined)));
  world = await World.start(directory);
  display = await Display.start({ log: join(directory, "display.log") });
  faults({});
  installPermanently(profileOf(world.bob.user));
  bob = await startBob();
  mails = {
    sealed: await protectedMail(htmlWithFile(), "--sign", "--encrypt"),
    leaf: await protectedMail(plainText(), "--encrypt"),
    clear: await protectedMail(plainText(), "--sign"),
  };
}

export async function close() {
  await bob?.stop();
  await display?.stop();
  await world?.stop();
  tracker?.close();
  if (directory) remove(directory);
}

/** Stops Bob's Thunderbird and starts it again. */
export async function restartBob() {
  await bob.stop();
  bob = await startBob();
}

/** Bob's Thunderbird with the add-on installed for good, and a host that fails on demand before the real one. */
function startBob() {
  return world.bob.thunderbird({
    addon: null,
    host: join(ROOT, "tests/support/faulty-host.mjs"),
    display: display.name,
    // On a display without a window manager, a popup that takes the focus takes it from its own window, and closes.
    preferences: { "ui.popup.disable_autohide": true },
  });
}

/** How often the image in {@link htmlWithFile} was asked for. */
export function tracked() {
  return asked;
}

export function forgetTracked() {
  asked = 0;
}

/**
 * What Alice's `dane-smime protect` makes of an entity.
 *
 * @param {string} entity
 * @param {...string} how
 */
export function protectedMail(entity, ...how) {
  return protectBy(world.alice, entity, how);
}

/**
 * The same, with a header of its own.
 *
 * @param {import("./mails.mjs").Fields} fields
 * @param {string} entity
 * @param {...string} how
 */
export function protectedLetter(fields, entity, ...how) {
  return protectBy(world.alice, entity, how, fields);
}

/** An entity encrypted to Bob without authentication. @param {string} entity */
export function encryptedByOpenssl(entity) {
  return encryptTo(world.bob, entity);
}

/** Text with an image from elsewhere, and an attachment. */
export function htmlWithFile() {
  const { port } = /** @type {import("node:net").AddressInfo} */ (tracker.address());
  return htmlAndFile(`http://127.0.0.1:${port}/pixel.png`);
}

/** @param {Record<string, unknown>} wrong by request type */
export function faults(wrong) {
  giveOrders(world.bob.user.home, { pass: world.bob.host, faults: wrong });
}

/**
 * Has a mail come into Bob's inbox on the server.
 *
 * @param {Buffer} mail
 * @returns {Promise<{key: number}>} to be opened with `select`
 */
export async function deliver(mail) {
  const id = /^Message-ID:\s*<(.*)>/im.exec(mail.toString("latin1"))?.[1];
  await world.mail.deliver("bob@example.test", mail);
  return arrived(bob, ({ messageId }) => messageId === id);
}

/** Clicks on a mail and does not wait for it. @param {Buffer} mail */
export async function begin(mail) {
  const { key } = await fileLocally(bob, mail);
  await bob.chrome((messageKey) => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    mainWindow().setTimeout(() => about3Pane.selectMessage(about3Pane.gFolder.GetMessageHeader(messageKey)), 0);
  }, key);
}

/** The words of all bars, while the message may still be on its way. @returns {Promise<string[]>} */
export function bars() {
  return bob.chrome(() => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    return [...document.querySelectorAll("notification-message")].map(
      (bar) => bar.messageText?.textContent.trim() ?? "",
    );
  });
}

/** What Bob's host was asked for, in order. @returns {string[]} types of requests */
export const requests = () => requestsSeen(world.bob.user.home).map(({ type }) => type);

/** @param {Buffer} mail */
export async function show(mail) {
  await select(bob, await fileLocally(bob, mail), "local");
}

/** @param {Displayed} shown */
export function hasVerdict({ bars }) {
  return bars.some(({ value, text }) => value === "dane-smime-verdict" && !/…$/.test(text));
}

/** @param {Displayed} shown */
export function verdict({ bars }) {
  return bars.find(({ value }) => value === "dane-smime-verdict")?.text ?? "";
}

/** @param {string} name */
export function photograph(name) {
  display.picture(join(PICTURES, `${name}.png`));
}

export function pressTryAgain() {
  return bob.chrome(() => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    document.querySelector('[value="dane-smime-verdict"]').buttonContainer.querySelector("button").click();
  });
}

/** The words of a dialogue of the main window, which is the one that is driven, so it is WebDriver's to answer; empty while there is none. */
export async function alertText() {
  try {
    return (await bob.marionette.command("WebDriver:GetAlertText")).value;
  } catch {
    return "";
  }
}
