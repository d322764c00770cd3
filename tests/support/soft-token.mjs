/** A token in files (SoftHSM) that holds one RSA key with its certificate. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identity } from "./openssl.mjs";

export const PIN = "492817";

/** SoftHSM's module. */
export const MODULE = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"].find(existsSync) ?? "";

/**
 * Makes it. Programs find it where `SOFTHSM2_CONF` is what this hands back.
 *
 * @param {string} directory
 * @param {string} label
 * @param {string} email whom the certificate names
 */
export function softToken(directory, label, email) {
  const tokens = join(directory, "tokens");
  mkdirSync(tokens, { recursive: true });
  const SOFTHSM2_CONF = join(directory, "softhsm2.conf");
  writeFileSync(SOFTHSM2_CONF, `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`);
  const run = (/** @type {string} */ program, /** @type {string[]} */ ...args) =>
    execFileSync(program, args, { env: { ...process.env, SOFTHSM2_CONF }, stdio: "pipe" });
  run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678");
  const { key, certificate } = identity(join(directory, "on-token"), email, 300);
  const der = (/** @type {string} */ name) => join(directory, "on-token", name);
  run("openssl", "rsa", "-traditional", "-in", key, "-outform", "DER", "-out", der("key.der"));
  run("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der("certificate.der"));
  const tool = ["--module", MODULE, "--token-label", label, "--login", "--pin", PIN, "--id", "01", "--write-object"];
  run("pkcs11-tool", ...tool, der("key.der"), "--type", "privkey", "--usage-sign", "--usage-decrypt");
  run("pkcs11-tool", ...tool, der("certificate.der"), "--type", "cert");
  return SOFTHSM2_CONF;
}
