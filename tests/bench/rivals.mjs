/** The two Thunderbirds that are measured beside each other. */

import { readFileSync } from "node:fs";
import { userAt } from "../support/keyring.mjs";
import { installPermanently, profileOf, Thunderbird } from "../support/thunderbird.mjs";

/** @typedef {import("../support/world.mjs").Person} Person */

/** A person's Thunderbird as they have it. @param {Person} person */
export async function withAddon(person) {
  installPermanently(profileOf(person.user));
  const thunderbird = await person.thunderbird({ addon: null });
  await thunderbird.addonActive();
  return thunderbird;
}

/**
 * A Thunderbird without the add-on, with a person's key and trust in a certificate in its own store.
 *
 * @param {Person} person
 * @param {string} home
 * @param {import("../support/openssl.mjs").Identity} key
 * @param {string} trusted a certificate's file, PEM
 */
export async function withoutAddon(person, home, key, trusted) {
  const thunderbird = await Thunderbird.start({
    user: userAt(home),
    account: person.account,
    addon: null,
    host: null,
  });
  await thunderbird.chrome(
    (file, password, certificate) => {
      const store = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
      const pkcs12 = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      pkcs12.initWithPath(file);
      const result = store.importPKCS12File(pkcs12, password);
      if (result !== 0) throw new Error(`the key was not imported: ${result}`);
      store.addCertFromBase64(certificate, "C,C,C");
    },
    key.pkcs12,
    readFileSync(key.passwordFile, "utf8"),
    base64Of(trusted),
  );
  return thunderbird;
}

/** The inside of a PEM file. @param {string} file */
export const base64Of = (file) => readFileSync(file, "utf8").replace(/-----[^-]*-----|\s/g, "");
