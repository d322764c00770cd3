import assert from "node:assert/strict";
import { test } from "node:test";
import { asMark, claimed, found, isHeaderWhole } from "../../extension/experiments/list/marks.mjs";

const CLAIMS = [
  ["text/plain", "plain"],
  ["application/pkcs7-mime; smime-type=enveloped-data", "encrypted"],
  ['application/x-pkcs7-mime; name="a"; smime-type="authEnveloped-data"', "encrypted"],
  ["application/pkcs7-mime;\r\n\tsmime-type=signed-data", "signed"],
  ["application/pkcs7-mime; smime-type=certs-only", "sealed"],
  ["APPLICATION/PKCS7-MIME", "sealed"],
  ['multipart/signed; micalg=sha-256; protocol="application/pkcs7-signature"; boundary=b', "signed"],
  ['multipart/signed; protocol="application/pgp-signature"; boundary=b', "plain"],
  ['multipart/mixed; boundary="application/pkcs7-mime; smime-type=enveloped-data"', "plain"],
];

for (const [type, mark] of CLAIMS) {
  test(`the header says ${type}`, () => {
    assert.equal(claimed(`From: a@b.c\r\nContent-Type: ${type}\r\nTo: x\r\n\r\nText`), mark);
    assert.equal(claimed(`content-type : ${type}`.replaceAll("\r\n", "\n")), mark, "cut off, with LF");
  });
}

test("only the header counts, and the first of two fields", () => {
  const sealed = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data";
  assert.equal(claimed(`From: a@b.c\r\n\r\n${sealed}\r\n`), "plain");
  assert.equal(claimed(`Subject: x\r\n ${sealed}\r\n\r\n`), "plain", "a folded line is no field");
  assert.equal(claimed(`Content-Type: text/plain\r\n${sealed}\r\n\r\n`), "plain");
  assert.equal(claimed(""), "plain");
});

test("a header is whole where a blank line ends it", () => {
  assert.ok(isHeaderWhole("A: b\r\n\r\nText"));
  assert.ok(isHeaderWhole("A: b\n\n"));
  assert.ok(!isHeaderWhole("A: b\r\nC: d\r\n"));
});

test("what was found when it was opened", () => {
  assert.equal(found(""), "plain");
  assert.equal(found("encrypted"), "encrypted");
  assert.equal(found("encrypted verified"), "encryptedVerified");
  assert.equal(found("verified"), "verified");
  assert.equal(found("encrypted signed"), "encryptedSigned");
  assert.equal(found("encrypted bad"), "bad");
});

test("what somebody else wrote into the index is no mark", () => {
  assert.equal(asMark("verified"), "verified");
  assert.equal(asMark("toString"), null);
  assert.equal(asMark(""), null);
});
