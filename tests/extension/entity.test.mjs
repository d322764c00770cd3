import assert from "node:assert/strict";
import { test } from "node:test";

import { entityFault, headerFields } from "../../extension/experiments/compose/modules/entity.sys.mjs";
import { encryptionOf, isEncrypted } from "../../extension/experiments/compose/modules/kind.sys.mjs";

const ENVELOPED =
  'Content-Type: application/pkcs7-mime; name="smime.p7m";\r\n smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n';
const AUTH_ENVELOPED = ENVELOPED.replace("enveloped-data", "authEnveloped-data");
const SIGNED = 'Content-Type: multipart/signed; boundary="b";\r\n micalg=sha-256\r\n\r\n--b\r\n';
const OPAQUE = ENVELOPED.replace("enveloped-data", "signed-data");
const PLAIN = "Content-Type: text/plain; charset=UTF-8\r\n\r\nsecret\r\n";

/** A clear signature around an entity. @param {string} entity */
const signedAround = (entity) =>
  `Content-Type: multipart/signed; boundary="=_B";\r\n micalg=sha-256\r\n\r\nSigned.\r\n\r\n--=_B\r\n${entity}\r\n--=_B\r\n`;

/** An element in DER. @param {number} tag @param {...(string | Buffer)} parts */
const der = (tag, ...parts) => {
  const content = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  return Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
};
const SIGNED_DATA = Buffer.from("06092a864886f70d010702", "hex");
const DATA = Buffer.from("06092a864886f70d010701", "hex");

/** An opaque signature around an entity. @param {string} entity @param {(content: Buffer) => Buffer} [put] */
const opaqueAround = (entity, put = (content) => content) => {
  const content = put(der(0x04, entity));
  const digests = Buffer.from("310d300b0609608648016503040201", "hex");
  const signed = der(0x30, Buffer.from("020101", "hex"), digests, der(0x30, DATA, der(0xa0, content)));
  const object = der(0x30, SIGNED_DATA, der(0xa0, signed));
  return OPAQUE.replace("MAA=", object.toString("base64").replace(/.{64}/g, "$&\r\n"));
};
/** As OpenSSL writes what it does not know the length of. @param {Buffer} content */
const inPieces = (content) => Buffer.concat([Buffer.from("2480", "hex"), content, Buffer.from("0000", "hex")]);

for (const [name, entity, encrypt, good] of /** @type {[string, string, boolean, boolean][]} */ ([
  ["enveloped where encryption was asked for", ENVELOPED, true, true],
  ["authenticated enveloped where encryption was asked for", AUTH_ENVELOPED, true, true],
  ["clear-signed where a signature was asked for", SIGNED, false, true],
  ["opaque-signed where a signature was asked for", OPAQUE, false, true],
  ["plain where encryption was asked for", PLAIN, true, false],
  ["plain where a signature was asked for", PLAIN, false, false],
  ["signed where encryption was asked for", SIGNED, true, false],
  ["opaque-signed where encryption was asked for", OPAQUE, true, false],
  ["encrypted where only a signature was asked for", ENVELOPED, false, false],
  ["nothing", "", true, false],
  ["a header with nothing behind it", `${ENVELOPED.split("\r\n\r\n")[0]}\r\n\r\n`, true, false],
  ["bare line feeds", ENVELOPED.replaceAll("\r\n", "\n"), true, false],
  ["a smuggled Bcc", `Bcc: eve@example.test\r\n${ENVELOPED}`, true, false],
  ["two content types", `Content-Type: text/plain\r\n${ENVELOPED}`, true, false],
  [
    "the word in another field",
    `Content-Description: application/pkcs7-mime; smime-type=enveloped-data\r\n${PLAIN}`,
    true,
    false,
  ],
  ["no field before the text", "\r\n\r\nsecret", true, false],
])) {
  test(`${good ? "taken" : "refused"}: ${name}`, () => {
    assert.equal(entityFault(entity, { encrypt }) === null, good);
  });
}

for (const [name, entity, form, good] of /** @type {[string, string, object, boolean][]} */ ([
  ["signed around encrypted, asked for", signedAround(ENVELOPED), { triple: true }, true],
  ["authenticated, too", signedAround(AUTH_ENVELOPED), { triple: true }, true],
  ["signed around encrypted, not asked for", signedAround(ENVELOPED), {}, false],
  ["signed around plain", signedAround(PLAIN), { triple: true }, false],
  ["signed around signed", signedAround(opaqueAround(ENVELOPED)), { triple: true }, false],
  ["encrypted alone where both were asked for", ENVELOPED, { triple: true }, false],
  [
    "the type in the text before the first part",
    signedAround(PLAIN).replace("Signed.", ENVELOPED),
    { triple: true },
    false,
  ],
  ["opaque around encrypted", opaqueAround(ENVELOPED), { triple: true, opaque: true }, true],
  ["opaque around encrypted, in pieces", opaqueAround(ENVELOPED, inPieces), { triple: true, opaque: true }, true],
  ["opaque around plain", opaqueAround(PLAIN), { triple: true, opaque: true }, false],
  ["opaque around nothing that can be read", OPAQUE, { triple: true, opaque: true }, false],
  ["beside the text where inside was asked for", signedAround(ENVELOPED), { triple: true, opaque: true }, false],
  ["wrapped, encrypted", ENVELOPED, { wrap: true }, true],
  ["opaque inside", ENVELOPED, { opaque: true }, true],
])) {
  test(`asked to encrypt, ${good ? "taken" : "refused"}: ${name}`, () => {
    assert.equal(entityFault(entity, { encrypt: true, ...form }) === null, good);
  });
}

test("asked to sign inside: beside the text is refused", () => {
  assert.equal(entityFault(OPAQUE, { encrypt: false, opaque: true }), null);
  assert.notEqual(entityFault(SIGNED, { encrypt: false, opaque: true }), null);
});

test("the outer header is handed on unfolded, without what stays here", () => {
  const header =
    "Message-ID: <1@example.test>\r\nX-Mozilla-Draft-Info: internal/draft\r\nX-Identity-Key: id1\r\nFcc: mailbox://x\r\n" +
    "Bcc: eve@example.test\r\nMIME-Version: 1.0\r\nTo: Bob\r\n <bob@example.test>,\r\n\tCarol <carol@example.test>\r\nContent-Language: en\r\n" +
    "Subject: a: b\r\n";
  assert.deepEqual(headerFields(header), [
    ["Message-ID", "<1@example.test>"],
    ["To", "Bob <bob@example.test>,\tCarol <carol@example.test>"],
    ["Subject", "a: b"],
  ]);
});

for (const [name, mail, encrypted] of /** @type {[string, string, boolean][]} */ ([
  ["enveloped", `From: a@b\r\n${ENVELOPED}`, true],
  ["enveloped, with the line ends of a file", `From: a@b\r\n${ENVELOPED}`.replaceAll("\r\n", "\n"), true],
  ["OpenPGP", 'Content-Type: multipart/encrypted;\r\n protocol="application/pgp-encrypted"\r\n\r\n', true],
  ["signed around encrypted", `From: a@b\r\n${signedAround(ENVELOPED)}`, true],
  [
    "signed around encrypted, inside, with the line ends of a file",
    opaqueAround(ENVELOPED).replaceAll("\r\n", "\n"),
    true,
  ],
  ["signed around plain", signedAround(PLAIN), false],
  ["signed alone", `From: a@b\r\n${SIGNED}`, false],
  ["opaque signed", `From: a@b\r\n${OPAQUE}`, false],
  ["plain", PLAIN, false],
  ["a type in the text", `From: a@b\r\n\r\n${ENVELOPED}`, false],
  ["a type in the text of a signed part without a header", signedAround(`\r\n${ENVELOPED}`), false],
  ["two types", `Content-Type: text/plain\r\n${ENVELOPED}`, false],
  ["no end of the header", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n", false],
])) {
  test(`a mail is encrypted or not: ${name}`, () => assert.equal(isEncrypted(mail), encrypted));
}

/** A CMS object of a kind, in base64, with nothing in it. @param {string} oid in hexadecimal */
const objectOf = (oid) => der(0x30, Buffer.from(oid, "hex"), der(0xa0, "")).toString("base64");
const [SIGNED_OID, ENVELOPED_OID] = ["02", "03"].map((kind) => `06092a864886f70d0107${kind}`);
const AUTH_ENVELOPED_OID = "060b2a864886f70d0109100117";
/** @param {string} type @param {string} oid */
const called = (type, oid) => `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${objectOf(oid)}\r\n`;
const NO_KIND = 'application/x-pkcs7-mime; name="smime.p7m"';
const NO_TYPE = 'application/octet-stream;\r\n name="smime.p7m"';

/** Parts in one another. @param {string[]} parts */
const mixed = (...parts) => {
  const each = parts.map((part) => `--M(1)\r\n${part}\r\n`).join("");
  return `Content-Type: multipart/mixed; boundary="M(1)"\r\n\r\nIn parts.\r\n${each}--M(1)--\r\n`;
};
const attached = (/** @type {string} */ mail) => `Content-Type: message/rfc822\r\n\r\n${mail}`;

for (const [name, mail, found] of /** @type {[string, string, "whole" | "part" | "none"][]} */ ([
  ["enveloped", `From: a@b\r\n${ENVELOPED}`, "whole"],
  [
    "authenticated enveloped, out of a mailbox file",
    `From - today\nFrom: a@b\n${AUTH_ENVELOPED}`.replaceAll("\r", ""),
    "whole",
  ],
  ["OpenPGP", 'Content-Type: multipart/encrypted;\r\n protocol="application/pgp-encrypted"\r\n\r\n', "whole"],
  ["signed around encrypted", signedAround(ENVELOPED), "whole"],
  ["enveloped, by its octets alone", called(NO_KIND, ENVELOPED_OID), "whole"],
  ["authenticated enveloped, by the name of the file and its octets", called(NO_TYPE, AUTH_ENVELOPED_OID), "whole"],
  ["signed, by its octets alone", called(NO_KIND, SIGNED_OID), "none"],
  ["some other file of that name", called(NO_TYPE, "0603550403"), "none"],
  ["enveloped behind a list's words", mixed(PLAIN, ENVELOPED), "part"],
  ["attached to an open mail", mixed(PLAIN, attached(`From: a@b\r\n${ENVELOPED}`)), "part"],
  ["in a part of a part", mixed(mixed(PLAIN, called(NO_KIND, ENVELOPED_OID)).replaceAll("M(1)", "M(2)")), "part"],
  ["beneath a signature", signedAround(mixed(PLAIN, ENVELOPED)), "part"],
  ["plain", `From: a@b\r\n${PLAIN}`, "none"],
  ["plain parts", mixed(PLAIN, PLAIN), "none"],
  ["signed", signedAround(PLAIN), "none"],
  ["opaque signed", opaqueAround(PLAIN), "none"],
  ["a type in the text", `From: a@b\r\n\r\n${ENVELOPED}`, "none"],
  ["a type in the text of a part", mixed(`\r\n${ENVELOPED}`), "none"],
  [
    "a type before the first part and behind the last",
    mixed(PLAIN).replace("In parts.", ENVELOPED) + ENVELOPED,
    "none",
  ],
  ["parts without a boundary", mixed(PLAIN, ENVELOPED).replace(' boundary="M(1)"', ""), "none"],
  ["nothing", "", "none"],
])) {
  test(`what is encrypted of an attached mail: ${name}`, () => assert.equal(encryptionOf(mail), found));
}

test("parts within parts without end are left", () => {
  let mail = ENVELOPED;
  for (let layer = 0; layer < 2_000; layer++) {
    mail = attached(mail);
  }
  assert.equal(encryptionOf(mail), "none");
});
