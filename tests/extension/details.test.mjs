import assert from "node:assert/strict";
import { test } from "node:test";
import { sectionsOf } from "../../extension/ui/reading/facts.js";

const words = {
  text: (/** @type {string} */ key, /** @type {string[]} */ args = []) => [key, ...args].join(" "),
  date: (/** @type {string} */ date) => date.slice(0, 10),
};

/** @type {any} */
const VERDICT = {
  from: "alice@example.test",
  encryption: { state: "decrypted", algorithm: "aes-256-cbc", recipient: "bob@example.test", code: "ok", reason: "" },
  signature: {
    state: "valid",
    signer: "alice@example.test",
    binding: "dane-ee",
    signing_time: "2026-11-22T08:00:00Z",
    algorithm: "sha256 with rsaEncryption",
    code: "ok",
    reason: "",
  },
  subject: "Tarts",
  subject_hidden: true,
};

test("all facts that the host gives are shown, grouped", () => {
  const sections = sectionsOf(
    {
      verdict: VERDICT,
      domain: "example.test",
      certificate: null,
      details: {
        layers: [{ type: "enveloped-data", algorithm: "aes-256-cbc" }, { type: "multipart-signed" }],
        record: { owner_name: "aa._smimecert.example.test.", usage: 3, selector: 0, matching: 0, ttl: 300 },
        dnssec: {
          chain: [
            { zone: ".", key_tag: 20326, algorithm: 8 },
            { zone: "example.test.", key_tag: 7, algorithm: 99 },
          ],
          valid_until: "2026-12-01T00:00:00Z",
        },
        dns: { owner_name: "aa._smimecert.example.test.", status: "secure", reason: "fine" },
        certificate: {
          subject: "CN=Alice",
          issuer: "CN=Alice",
          serial: "01",
          addresses: ["alice@example.test"],
          not_before: "2026-01-01T00:00:00Z",
          not_after: "2027-01-01T00:00:00Z",
          key: "rsa-3072",
          sha256: "ab",
        },
        history: { first_seen: "2026-11-22T09:00:00Z", certificate_seen: null, replaced: true },
        headers: { protection: "cipher", protected: [["From", "Alice"]], hidden: ["Subject"] },
      },
    },
    words,
  );
  const shown = Object.fromEntries(
    sections.map(({ title, rows }) => [title, Object.fromEntries(rows.map(({ label, value }) => [label, value]))]),
  );
  assert.equal(shown.details_signature?.details_vouched_by, "example.test");
  assert.equal(shown.details_certificate?.details_not_after, "2027-01-01");
  assert.equal(shown.details_record?.details_fields, "SMIMEA 3 0 0");
  assert.equal(shown.details_record?.details_reason, undefined, "a good answer needs no reason");
  assert.equal(shown.details_dnssec?.details_root, "details_zone_key 20326 RSA/SHA-256");
  assert.equal(shown.details_dnssec?.["example.test"], "details_zone_key 7 details_algorithm_number 99");
  assert.equal(shown.details_history?.details_first_seen, "2026-11-22");
  assert.equal(shown.details_history?.details_certificate_seen, undefined);
  assert.equal(shown.details_history?.details_replaced, "details_replaced_since");
  assert.equal(shown.details_layers?.["details_layer 1"], "details_layer_enveloped_data, aes-256-cbc");
  assert.equal(shown.details_headers?.details_hidden_subject, "Tarts");
});

test("an older host gives no details: the verdict alone, and no empty sections", () => {
  const titles = sectionsOf({ verdict: VERDICT, domain: null, certificate: null }, words).map(({ title }) => title);
  assert.deepEqual(titles, ["details_signature", "details_encryption", "details_headers"]);
  const plain = {
    ...VERDICT,
    encryption: { state: "none", code: "ok", reason: "" },
    signature: { state: "none", code: "ok", reason: "" },
    subject_hidden: false,
  };
  assert.deepEqual(sectionsOf({ verdict: plain, domain: null, certificate: null, details: null }, words), []);
});

test("an untrustworthy answer of the DNS is told with its reason", () => {
  const sections = sectionsOf(
    {
      verdict: VERDICT,
      domain: null,
      certificate: null,
      details: {
        record: null,
        dns: { owner_name: "aa._smimecert.example.test.", status: "bogus", reason: "The signature is wrong." },
        dnssec: { zone: "example.test.", defect: "signature-wrong" },
      },
    },
    words,
  );
  const rows = sections.find(({ title }) => title === "details_record")?.rows.map(({ value }) => value);
  assert.deepEqual(rows, ["aa._smimecert.example.test.", "details_dns_bogus", "The signature is wrong."]);
  assert.deepEqual(
    sections.find(({ title }) => title === "details_dnssec")?.rows.map(({ value }) => value),
    ["details_cause_signature_wrong", "example.test."],
  );
});
