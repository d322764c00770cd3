/** The mails that Bob is shown, and what can be done to them. */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const SECRET = "The tarts are in the third oven.";
export const FILE = randomBytes(100_000);

/** @typedef {{ subject?: string, cc?: string }} Fields of a mail's header */

/**
 * What a person's `dane-smime protect` makes of an entity for Bob.
 *
 * @param {import("../../support/world.mjs").Person} alice
 * @param {string} entity
 * @param {string[]} how
 * @param {Fields} [fields]
 */
export async function protectBy(alice, entity, how, fields) {
  const [input, output] = ["in.eml", "out.eml"].map((name) => join(alice.world.directory, name));
  writeFileSync(input, withHeader(entity, `${alice.name} <${alice.email}>`, fields));
  await alice.must(
    ...["protect", "--from", alice.email, "--to", "bob@example.test"],
    ...[...how, "--input", input, "--output", output],
  );
  return readFileSync(output);
}

/**
 * An entity encrypted to Bob without authentication (AES-CBC), as anybody could do.
 *
 * @param {import("../../support/world.mjs").Person} bob
 * @param {string} entity
 */
export async function encryptTo(bob, entity) {
  const [input, output] = ["in.cbc", "out.cbc"].map((name) => join(bob.world.directory, name));
  writeFileSync(input, entity, "latin1");
  const der = ["-outform", "DER", "-out", output, await bob.certificate()];
  execFileSync("openssl", ["cms", "-encrypt", "-binary", "-aes256", "-in", input, ...der]);
  const type = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"';
  return withHeader(
    `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lined(readFileSync(output))}\r\n`,
    "Alice Liddell <alice@example.test>",
  );
}

/**
 * Text with an attachment.
 *
 * @param {string} image address of an image in the text
 */
export function htmlAndFile(image) {
  return [
    'Content-Type: multipart/mixed; boundary="oven"\r\n',
    "--oven\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n",
    `<html><body><p>Dear Bob, <b>${SECRET}</b></p><img src="${image}"></body></html>`,
    '--oven\r\nContent-Type: application/octet-stream; name="tarts.bin"\r\nContent-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="tarts.bin"\r\n',
    `${lined(FILE)}\r\n--oven--\r\n`,
  ].join("\r\n");
}

/**
 * @param {string} entity
 * @param {string} from
 * @param {Fields} [fields]
 */
export function withHeader(entity, from, { subject = "Tarts", cc } = {}) {
  const head = [
    `From: ${from}`,
    "To: Bob Dodgson <bob@example.test>",
    ...(cc ? [`Cc: ${cc}`] : []),
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString()}`, // the day it is signed: another one is warned of
    `Message-ID: <${randomBytes(8).toString("hex")}@example.test>`,
    "MIME-Version: 1.0",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n${entity}`);
}

/** @param {Buffer} file @returns {string} base64 in lines */
export function lined(file) {
  return file.toString("base64").replace(/.{76}/g, "$&\r\n");
}

export function plainText(text = SECRET) {
  return `Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${text}\r\n`;
}

export function openPgpSigned() {
  return withHeader(
    [
      'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="pgp"\r\n',
      "--pgp\r\nContent-Type: text/plain\r\n\r\nsigned with OpenPGP",
      '--pgp\r\nContent-Type: application/pgp-signature; name="s.asc"\r\n',
      "-----BEGIN PGP SIGNATURE-----\r\n\r\nwsB=\r\n-----END PGP SIGNATURE-----\r\n--pgp--\r\n",
    ].join("\r\n"),
    "Alice <alice@example.test>",
  );
}

/** @param {Buffer} mail */
export function withBitFlipped(mail) {
  const text = mail.toString("latin1");
  const at = text.indexOf("\r\n\r\n") + 4;
  const ciphertext = Buffer.from(text.slice(at), "base64");
  const middle = ciphertext.length >> 1;
  ciphertext[middle] = (ciphertext[middle] ?? 0) ^ 1;
  return Buffer.from(`${text.slice(0, at)}${ciphertext.toString("base64").replace(/.{76}/g, "$&\r\n")}\r\n`, "latin1");
}

/**
 * The decoded content of a mail that is base64 at its root.
 *
 * @param {Buffer} mail
 */
export function contentOf(mail) {
  const text = mail.toString("latin1");
  return Buffer.from(text.slice(text.indexOf("\r\n\r\n")), "base64");
}

/**
 * A protected mail without the header of the message.
 *
 * @param {Buffer} mail
 */
export function entityOf(mail) {
  const [head = "", ...body] = mail.toString("latin1").split("\r\n\r\n");
  const fields = head.split(/\r\n(?![ \t])/).filter((field) => /^content-/i.test(field));
  return `${fields.join("\r\n")}\r\n\r\n${body.join("\r\n\r\n")}`;
}
