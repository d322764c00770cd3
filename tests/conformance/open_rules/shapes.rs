//! Mail as others shape it: programs that leave things out, gateways that rewrite, lists that append. What is
//! still whole is read, what is not is shown and not believed, and no word is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::large_mail::Reader;
use super::{ALICE, SIGN, TEXT, change, check, mail, object};

const SEAL: &str = "-encrypt -aes-256-gcm -recip bob.crt";

const VALID: [&str; 4] = ["none", "ok", "valid", "ok"];
const UNSIGNED: [&str; 4] = ["none", "ok", "none", "ok"];
const SEALED: [&str; 4] = ["decrypted", "ok", "none", "ok"];
const SEALED_VALID: [&str; 4] = ["decrypted", "ok", "valid", "ok"];
const MALFORMED: [&str; 4] = ["none", "ok", "invalid", "malformed"];
const ALTERED: [&str; 4] = ["none", "ok", "invalid", "altered"];

/// The verdict, and every one of these words in what is shown.
fn shows(reader: &Reader, what: &'static str, mail: Vec<u8>, verdict: [&'static str; 4], words: &[&str]) {
    let _ = std::fs::remove_file(reader.at("opened"));
    check(reader, &[], vec![(what, mail, verdict)]);
    let opened = std::fs::read(reader.at("opened")).unwrap_or_default();
    let (_, body) = String::from_utf8_lossy(&opened)
        .split_once("\r\n\r\n")
        .map(|(head, body)| (head.to_owned(), body.to_owned()))
        .unwrap_or_default();
    for word in words {
        assert!(body.contains(word), "{what}: {word} is not in {body:?}");
    }
}

#[test]
fn text_that_was_signed_or_encrypted_without_a_header() {
    let reader = Reader::new();
    let from = |entity: &[u8]| mail(&[ALICE.as_bytes(), entity]);
    for (text, words) in [
        ("meet me at noon\r\n", &["meet me at noon"][..]),
        ("meet me\r\n\r\nat noon\r\n", &["meet me\r\n\r\nat noon"]),
        ("Note: meet me at noon", &["Note: meet me at noon"]),
        ("http://example.test/\r\nmeet me at noon\r\n", &["http:", "at noon"]),
    ] {
        let octets = text.as_bytes();
        shows(&reader, "clear-signed", from(&reader.cms(octets, SIGN)), VALID, words);
        let opaque = reader.cms(octets, &format!("{SIGN} -nodetach"));
        shows(&reader, "opaque", from(&opaque), VALID, words);
        shows(&reader, "encrypted", from(&reader.cms(octets, SEAL)), SEALED, words);
        shows(&reader, "both", from(&reader.cms(&opaque, SEAL)), SEALED_VALID, words);
    }
    let with_fields = b"Subject: inside\r\n\r\nmeet me at noon\r\n";
    shows(&reader, "a header", from(&reader.cms(with_fields, SEAL)), SEALED, &["meet me at noon"]);
}

#[test]
fn what_lists_and_gateways_add_and_change() {
    let reader = Reader::new();
    let clear = mail(&[ALICE.as_bytes(), &reader.cms(TEXT, SIGN)]);
    let text = String::from_utf8(clear.clone()).unwrap();
    let boundary = text.split_once("boundary=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let close = format!("--{boundary}--");
    let part = format!("--{boundary}\r\nContent-Type: text/plain\r\n\r\nSent to the list.\r\n{close}");
    let both = &["meet me at noon", "Sent to the list."][..];
    let alone = &["meet me at noon"][..];
    let with_part = change(&clear, &close, &part);
    shows(&reader, "a list's part", with_part.clone(), MALFORMED, both);
    let inside = reader.cms(&with_part, SEAL);
    let in_envelope = ["decrypted", "ok", "invalid", "malformed"];
    shows(&reader, "in an envelope", mail(&[ALICE.as_bytes(), &inside]), in_envelope, both);
    shows(&reader, "behind the end", mail(&[&clear, b"Sent to the list.\r\n"]), VALID, alone);
    shows(&reader, "cut off", change(&clear, &close, ""), MALFORMED, alone);
    let nameless = text.replacen(&format!("boundary=\"{boundary}\""), "boundary=\"\"", 1);
    shows(&reader, "no boundary", nameless.into_bytes(), MALFORMED, alone);
    let html = change(&clear, "text/plain\r\n\r\nmeet", "text/html\r\n\r\n<p>meet");
    shows(&reader, "made HTML", html, ALTERED, alone);
    let printable =
        change(&clear, "text/plain\r\n", "text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n");
    shows(&reader, "encoded anew", printable, ALTERED, alone);
    shows(&reader, "escaped", change(&clear, "meet me", ">From meet me"), ALTERED, &[">From meet me"]);

    let wrapped = |entity: &[u8]| {
        let head = format!("{ALICE}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n");
        let footer = b"\r\n--m\r\nContent-Type: text/plain\r\n\r\nSent to the list.\r\n--m--\r\n";
        mail(&[head.as_bytes(), entity, footer])
    };
    shows(&reader, "wrapped", wrapped(&reader.cms(TEXT, SIGN)), UNSIGNED, both);
    let sealed = wrapped(&reader.cms(TEXT, SEAL));
    shows(&reader, "wrapped and encrypted", sealed, UNSIGNED, &["Sent to the list."]);
}

/// How programs and gateways name and carry a CMS object. It says itself what it is and where it ends.
#[test]
fn a_cms_object_under_many_names() {
    let reader = Reader::new();
    let signed = reader.cms(TEXT, &format!("{SIGN} -nodetach -outform DER"));
    let sealed = reader.cms(TEXT, &format!("{SEAL} -outform DER"));
    let words = &["meet me at noon"][..];
    for (der, verdict) in [(signed, VALID), (sealed, SEALED)] {
        let base64: String = STANDARD
            .encode(&der)
            .as_bytes()
            .chunks(64)
            .flat_map(|line| [std::str::from_utf8(line).unwrap(), "\r\n"])
            .collect();
        let object = |head: &str, body: &str| format!("{ALICE}{head}\r\n\r\n{body}").into_bytes();
        let encoded = "Content-Transfer-Encoding: base64";
        for named in [
            "application/pkcs7-mime",
            "application/x-pkcs7-mime; name=smime.p7m",
            "APPLICATION/PKCS7-MIME;\r\n\tsmime-type=signed-data;\r\n\tname=\"smime.p7m\"",
            "application/pkcs7-mime; smime-type=enveloped-data; protocol=x; micalg=sha1; charset=utf-8",
            "application/pkcs7-mime; name=smime p7m",
            "application/pkcs7-mime; name=\"smime.p7m",
            "application/pkcs7-mime; name=smime.p7m; name=smime.p7m",
            "application/octet-stream; name=\"SMIME.P7M\"",
            "application/octet-stream\r\nContent-Disposition: attachment;\r\n filename=smime.p7m",
            "application/octet-stream\r\nContent-Disposition: attachment; filename*=utf-8''smime.p7m",
        ] {
            let head = format!("Content-Type: {named}\r\n{encoded}");
            shows(&reader, named, object(&head, &base64), verdict, words);
        }
        let plain = "Content-Type: application/pkcs7-mime";
        let with = |field: &str| format!("{plain}\r\nContent-Transfer-Encoding: {field}");
        for (what, head, body) in [
            ("a comment", with("base64 (RFC 2045)"), base64.clone()),
            ("a parameter", with("base64;"), base64.clone()),
            ("no encoding named", plain.to_owned(), base64.clone()),
            ("another encoding named", with("7bit"), base64.clone()),
            ("one line", with("base64"), STANDARD.encode(&der)),
            ("blank lines", with("base64"), format!("\r\n{}\r\n", base64.replace("\r\n", "\r\n\r\n"))),
            ("white space", with("base64"), base64.replace("\r\n", " \t\r\n")),
            ("a footer", with("base64"), format!("{base64}\r\n-- \r\nSent to the list.\r\n")),
            ("a footer of one word", with("base64"), format!("{base64}\r\nfooter\r\n")),
            ("a NUL", with("base64"), format!("{base64}\0")),
        ] {
            shows(&reader, what, object(&head, &body), verdict, words);
        }
        let binary = [object(&with("binary"), "").as_slice(), &der].concat();
        shows(&reader, "binary", binary.clone(), verdict, words);
        shows(&reader, "binary and a line end", [&binary[..], b"\r\n"].concat(), verdict, words);
        let damaged = base64.replacen("MII", "MI!I", 1);
        let failed = ["failed", "malformed", "none", "ok"];
        shows(&reader, "junk within", object(&with("base64"), &damaged), failed, &[]);
        shows(&reader, "cut off", object(&with("base64"), &base64[..base64.len() / 2]), failed, &[]);
    }
}

#[test]
fn objects_that_other_programs_make() {
    let reader = Reader::new();
    reader.person(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        "/CN=a",
        "subjectAltName=email:alice@example.test\n",
    );
    let from = |entity: &[u8]| mail(&[ALICE.as_bytes(), entity]);
    let unknown = ["none", "ok", "invalid", "not-supported-here"];
    let curve = reader.cms(TEXT, "-sign -signer curve.crt -inkey curve.key");
    shows(&reader, "a curve without a profile", from(&curve), unknown, &["meet me at noon"]);
    let written_out = "ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit";
    reader.person("curve", written_out, "/CN=a", "subjectAltName=email:alice@example.test\n");
    let curve = reader.cms(TEXT, "-sign -signer curve.crt -inkey curve.key");
    let verdict = check(&reader, &[], vec![("a curve written out", from(&curve), unknown)]).remove(0);
    let reason = verdict["signature"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("a curve without a name"), "{reason}");
    let strong = reader.cms(TEXT, &format!("{SIGN} -md sha512-256"));
    shows(&reader, "SHA-512/256", from(&strong), VALID, &["meet me at noon"]);
    let cades =
        reader.cms(TEXT, &format!("{SIGN} -cades -receipt_request_all -receipt_request_to b@example.test"));
    shows(&reader, "CAdES, and a receipt asked for", from(&cades), VALID, &["meet me at noon"]);
    // SignedData { 1, {}, { id-data, OCTET STRING "" }, {} }: certificates only, as some write it.
    let empty = b"\x30\x27\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x1a\x30\x18\x02\x01\x01\x31\x00\
                  \x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x02\x04\x00\x31\x00";
    let certificates = ["none", "certificates-only", "none", "ok"];
    shows(&reader, "nothing", from(&object("application/pkcs7-mime", empty)), certificates, &[]);
}
