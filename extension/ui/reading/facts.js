/** The facts behind a verdict as titled lists, in the reader's language. Pure: what the host said in, rows out. */

/**
 * @typedef {{ label: string, value: string, octets?: boolean }} Row `octets`: digits that nobody reads but compares
 * @typedef {{ title: string, rows: Row[] }} Section
 * @typedef {object} Words
 * @property {(key: string, substitutions?: string[]) => string} text a message of `_locales`; empty for an unknown key
 * @property {(rfc3339: string) => string} date as the reader writes it
 */

/** IANA "DNS Security Algorithm Numbers": the names people know. */
const DNSSEC_ALGORITHMS = /** @type {Record<number, string>} */ ({
  5: "RSA/SHA-1",
  7: "RSA/SHA-1 (NSEC3)",
  8: "RSA/SHA-256",
  10: "RSA/SHA-512",
  13: "ECDSA P-256",
  14: "ECDSA P-384",
  15: "Ed25519",
  16: "Ed448",
});

/**
 * Only what is known gets a row, only what has rows a section.
 *
 * @param {NonNullable<import("../../types/dane-reading").Description["opened"]>} opened
 * @param {Words} words
 * @returns {Section[]}
 */
export function sectionsOf({ verdict, details, domain }, words) {
  const { text } = words;
  const sections = [
    { title: text("details_signature"), rows: signature(verdict, domain, words) },
    { title: text("details_certificate"), rows: certificate(details?.certificate, words) },
    { title: text("details_record"), rows: record(details, words) },
    { title: text("details_dnssec"), rows: dnssec(details?.dnssec, words) },
    { title: text("details_history"), rows: history(details?.history, words) },
    { title: text("details_encryption"), rows: encryption(verdict, words) },
    { title: text("details_layers"), rows: layers(details?.layers, words) },
    { title: text("details_headers"), rows: headers(verdict, details?.headers, words) },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

/**
 * @param {string} label key of `_locales`
 * @param {unknown} value nothing of it is shown where there is none
 * @param {Words} words
 * @param {boolean} [octets]
 * @returns {Row[]}
 */
function row(label, value, { text }, octets = false) {
  return value === undefined || value === null || value === ""
    ? []
    : [{ label: text(label), value: String(value), octets }];
}

/**
 * @param {string} prefix
 * @param {string | undefined} word of the host
 * @param {Words} words
 * @returns {string | undefined} in the reader's language, or the word itself
 */
function translated(prefix, word, { text }) {
  return word && (text(`${prefix}_${word.replaceAll("-", "_")}`) || word);
}

/**
 * @param {import("../../types/protocol").Verdict} verdict
 * @param {string | null} domain
 * @param {Words} words
 */
function signature({ signature: said }, domain, words) {
  if (said.state === "none") {
    return [];
  }
  return [
    ...row("details_state", words.text(`details_signature_${said.state}`), words),
    ...row("details_signer", said.signer, words),
    ...row("details_vouched_by", domain, words),
    ...row(
      "details_binding",
      said.binding === "none" ? null : translated("details_binding", said.binding, words),
      words,
    ),
    ...row("details_signed_at", said.signing_time && words.date(said.signing_time), words),
    ...row("details_algorithm", said.algorithm, words),
  ];
}

/** @param {import("../../types/protocol").OpenDetails["certificate"]} found @param {Words} words */
function certificate(found, words) {
  return found
    ? [
        ...row("details_subject", found.subject, words),
        ...row("details_addresses", found.addresses?.join(", "), words),
        ...row("details_issuer", found.issuer, words),
        ...row("details_not_before", found.not_before && words.date(found.not_before), words),
        ...row("details_not_after", found.not_after && words.date(found.not_after), words),
        ...row("details_key", found.key, words),
        ...row("details_serial", found.serial, words, true),
        ...row("details_sha256", found.sha256, words, true),
      ]
    : [];
}

/** @param {import("../../types/protocol").OpenDetails | null | undefined} details @param {Words} words */
function record(details, words) {
  const found = details?.record;
  const answer = [
    ...row("details_dns_status", translated("details_dns", details?.dns?.status, words), words),
    ...row("details_reason", details?.dns?.status === "secure" ? null : details?.dns?.reason, words),
  ];
  if (!found) {
    return [...row("details_owner_name", details?.dns?.owner_name, words, true), ...answer];
  }
  const { usage, selector, matching, ttl } = found;
  const meanings = [
    words.text(`details_usage_${usage}`),
    words.text(`details_selector_${selector}`),
    words.text(`details_matching_${matching}`),
  ].filter(Boolean);
  return [
    ...row("details_owner_name", found.owner_name, words, true),
    ...row("details_fields", `SMIMEA ${usage} ${selector} ${matching}`, words),
    ...row("details_meaning", meanings.join(" · "), words),
    ...row("details_ttl", words.text("details_seconds", [String(ttl)]), words),
    ...answer,
  ];
}

/** @param {import("../../types/protocol").OpenDetails["dnssec"]} found @param {Words} words */
function dnssec(found, words) {
  if (!found) {
    return [];
  }
  const chain = (found.chain ?? []).map(({ zone, key_tag, algorithm }) => {
    const name = zone === "." ? words.text("details_root") : zone.replace(/\.$/, "");
    const by = DNSSEC_ALGORITHMS[algorithm] ?? words.text("details_algorithm_number", [String(algorithm)]);
    return { label: name, value: words.text("details_zone_key", [String(key_tag), by]) };
  });
  const cause = String(found.cause ?? found.defect ?? "");
  return [
    ...chain,
    ...row("details_proof_until", found.valid_until && words.date(found.valid_until), words),
    ...row("details_cause", cause && (words.text(`details_cause_${cause.replaceAll("-", "_")}`) || cause), words),
    ...row("details_zone", found.chain ? null : found.zone, words),
  ];
}

/** @param {import("../../types/protocol").OpenDetails["history"]} found @param {Words} words */
function history(found, words) {
  return found
    ? [
        ...row("details_first_seen", found.first_seen && words.date(found.first_seen), words),
        ...row("details_certificate_seen", found.certificate_seen && words.date(found.certificate_seen), words),
        ...row("details_replaced", found.replaced ? words.text("details_replaced_since") : null, words),
      ]
    : [];
}

/** @param {import("../../types/protocol").Verdict} verdict @param {Words} words */
function encryption({ encryption: said }, words) {
  return said.state === "none"
    ? []
    : [
        ...row("details_state", words.text(`details_encryption_${said.state}`), words),
        ...row("details_recipient", said.recipient, words),
        ...row("details_algorithm", said.algorithm, words),
      ];
}

/** @param {import("../../types/protocol").OpenDetails["layers"]} found @param {Words} words */
function layers(found, words) {
  return (found ?? []).map((layer, index) => ({
    label: words.text("details_layer", [String(index + 1)]),
    value: [translated("details_layer", layer.type, words), layer.algorithm].filter(Boolean).join(", "),
  }));
}

/**
 * @param {import("../../types/protocol").Verdict} verdict
 * @param {import("../../types/protocol").OpenDetails["headers"]} found
 * @param {Words} words
 */
function headers(verdict, found, words) {
  return [
    ...row("details_hidden_subject", verdict.subject_hidden ? verdict.subject : null, words),
    ...row("details_hidden_fields", found?.hidden.join(", "), words),
    ...(found?.protected ?? []).map(([name, value]) => ({ label: name, value })),
  ];
}
