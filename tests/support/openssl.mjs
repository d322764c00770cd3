/** The openssl program as a second opinion: it shares no line with our own use of the library. */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Identity
 * @property {string} key PEM file of the private key
 * @property {string} certificate PEM file
 * @property {string} pkcs12 both, as a PKCS#12 file
 * @property {string} passwordFile what opens it
 */

/** @param {string[]} args @param {Buffer | string} [input] */
function openssl(args, input) {
  return execFileSync("openssl", args, { input, maxBuffer: 1 << 29, stdio: ["pipe", "pipe", "pipe"] });
}

/**
 * Makes an RSA key and a self-signed certificate for an address.
 *
 * @param {string} directory
 * @param {string} email
 * @param {number} [days] for which it is valid
 * @returns {Identity}
 */
export function identity(directory, email, days = 30) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [key, certificate, pkcs12, passwordFile] = ["key.pem", "certificate.pem", "identity.p12", "password"].map(
    (name) => join(directory, name),
  );
  openssl([
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", String(days), "-keyout", key, "-out", certificate],
    ...["-subj", `/CN=${email}`, "-addext", `subjectAltName=email:${email}`],
    ...["-addext", "keyUsage=critical,digitalSignature,keyEncipherment", "-addext", "extendedKeyUsage=emailProtection"],
  ]);
  writeFileSync(passwordFile, "only for this test", { mode: 0o600 });
  openssl(["pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", pkcs12, "-passout", `file:${passwordFile}`]);
  return { key, certificate, pkcs12, passwordFile };
}

/**
 * Decrypts a message (with its header) by a recipient's key. Throws where the key does not open it.
 *
 * @param {Buffer} message
 * @param {Identity} recipient
 * @returns {Buffer} the entity inside
 */
export function decrypt(message, recipient) {
  return openssl(
    ["cms", "-decrypt", "-inform", "SMIME", "-inkey", recipient.key, "-recip", recipient.certificate],
    message,
  );
}

/**
 * Verifies a multipart/signed entity, or an opaque one, by this certificate alone, whatever else comes with it.
 *
 * @param {Buffer} entity
 * @param {string} certificate PEM file
 * @returns {Buffer} what was signed
 */
export function verify(entity, certificate) {
  // The path is not openssl's business here: DANE vouches for the certificate.
  return openssl(["cms", "-verify", "-inform", "SMIME", "-noverify", "-nointern", "-certfile", certificate], entity);
}
