import assert from "node:assert/strict";
import { test } from "node:test";

import { entityFault, headerFields, isEncrypted } from "../../extension/experiments/compose/modules/entity.sys.mjs";

const octets = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, "latin1"));
const ENVELOPED =
  'Content-Type: application/pkcs7-mime; name="smime.p7m";\r\n smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n';
const AUTH_ENVELOPED = ENVELOPED.replace("enveloped-data", "authEnveloped-data");
const SIGNED = 'Content-Type: multipart/signed; boundary="b";\r\n micalg=sha-256\r\n\r\n--b\r\n';
const OPAQUE = ENVELOPED.replace("enveloped-data", "signed-data");
const PLAIN = "Content-Type: text/plain; charset=UTF-8\r\n\r\nsecret\r\n";

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
    assert.equal(entityFault(octets(entity), { encrypt }) === null, good);
  });
}

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
  ["signed alone", `From: a@b\r\n${SIGNED}`, false],
  ["opaque signed", `From: a@b\r\n${OPAQUE}`, false],
  ["plain", PLAIN, false],
  ["a type in the text", `From: a@b\r\n\r\n${ENVELOPED}`, false],
  ["two types", `Content-Type: text/plain\r\n${ENVELOPED}`, false],
  ["no end of the header", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n", false],
])) {
  test(`a mail is encrypted or not: ${name}`, () => assert.equal(isEncrypted(mail), encrypted));
}
