//! What is believed and what is not, case by case: mail as other programs make it, and as those make
//! it who want to pass for somebody else. OpenSSL makes the mail; an authority vouches for the signers.

#[path = "../support/large_mail.rs"]
mod large_mail;
#[path = "../support/peak.rs"]
mod peak;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use large_mail::Reader;
use serde_json::Value;

const TEXT: &[u8] = b"Content-Type: text/plain\r\n\r\nmeet me at noon\r\n";
const ALICE: &str = "From: alice@example.test\r\n";
const SIGN: &str = "-sign -signer alice.crt -inkey alice.key";

/// A case: what it is, the mail, the state and the code of encryption and signature.
type Case = (&'static str, Vec<u8>, [&'static str; 4]);

fn check(reader: &Reader, how: &[&str], cases: Vec<Case>) -> Vec<Value> {
    cases
        .into_iter()
        .map(|(what, mail, expected)| {
            let verdict = open(reader, &mail, how);
            let word = |half: &str, field: &str| verdict[half][field].as_str().unwrap_or("-").to_owned();
            let found = [
                word("encryption", "state"),
                word("encryption", "code"),
                word("signature", "state"),
                word("signature", "code"),
            ];
            assert_eq!(found, expected, "{what}: {verdict}");
            verdict
        })
        .collect()
}

fn open(reader: &Reader, mail: &[u8], how: &[&str]) -> Value {
    let file = reader.file("mail", mail);
    let output = reader.opening(&file).args(how).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn mail(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn change(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1).into_bytes()
}

/// `Content-*` fields and body round a bare object.
fn object(media: &str, der: &[u8]) -> Vec<u8> {
    let head = format!("Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    format!("{head}{}\r\n", STANDARD.encode(der)).into_bytes()
}

#[test]
fn who_the_sender_is() {
    let reader = Reader::new();
    let signed = reader.cms(TEXT, SIGN);
    let from = |head: &str| mail(&[head.as_bytes(), &signed]);
    let valid = ["none", "ok", "valid", "ok"];
    let nobody = ["none", "ok", "invalid", "from-not-single"];
    let other = ["none", "ok", "invalid", "names-other"];
    let claims = "display-name-names-other";
    for (head, expected, warning) in [
        (ALICE, valid, ""),
        ("From: Alice <alice@example.test>\r\n", valid, ""),
        ("FROM :\talice(comment (nested)) @ (x) EXAMPLE.Test\r\n", valid, ""),
        ("From: \"alice\"@example.test\r\n", valid, ""),
        ("From: =?utf-8?q?Alice?=\r\n <alice@example.test>\r\n", valid, ""),
        ("Sender: eve@evil.test\r\nFrom: alice@example.test\r\nReply-To: eve@evil.test\r\n", valid, ""),
        ("Resent-From: eve@evil.test\r\nFrom: alice@example.test\r\n", valid, ""),
        ("X-From: eve@evil.test\r\nFrom: alice@example.test\r\n", valid, ""),
        ("From: \"boss@corp.test\" <alice@example.test>\r\n", valid, claims),
        ("From: boss@corp.test <alice@example.test>\r\n", valid, claims),
        ("From: alice@example.test (boss@corp.test)\r\n", valid, claims),
        ("From: =?utf-8?q?boss=40corp=2Etest?= <alice@example.test>\r\n", valid, claims),
        ("From: =?utf-8?b?Ym9zc++8oGNvcnAudGVzdA==?= <alice@example.test>\r\n", valid, claims), // a wide @
        ("From: \"alice@example.test\" <eve@evil.test>\r\n", other, claims),
        ("From: eve@evil.test\r\n", other, ""),
        ("From: alice@example.test.evil.test\r\n", other, ""),
        ("From: alice@sub.example.test\r\n", other, ""),
        ("From: alice+x@example.test\r\n", other, ""),
        ("", nobody, ""),
        ("From:\r\n", nobody, ""),
        ("From: Alice\r\n", nobody, ""),
        ("From: alice@example.test, eve@evil.test\r\n", nobody, ""),
        ("From: alice@example.test,\r\n", nobody, ""),
        ("From: team: alice@example.test;\r\n", nobody, ""),
        ("From: <alice@example.test> <eve@evil.test>\r\n", nobody, ""),
        ("From: alice@example.test\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("From: alice@example.test\r\nfrom: eve@evil.test\r\n", nobody, ""),
        ("From: alice@example.test\0\r\n", nobody, ""),
        ("Subject: x\rFrom: eve@evil.test\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("Subject: x\0\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("From: alice@example.test(\r\n", nobody, ""),
    ] {
        let verdicts = check(&reader, &[], vec![("From", from(head), expected)]);
        let warned = verdicts[0]["warnings"][0]["code"].as_str().unwrap_or("");
        assert_eq!(warned, warning, "{head:?}: {}", verdicts[0]);
    }
}

#[test]
fn what_the_signature_covers() {
    let reader = Reader::new();
    let signed = mail(&[ALICE.as_bytes(), &reader.cms(TEXT, SIGN)]);
    let valid = ["none", "ok", "valid", "ok"];
    let unsigned = ["none", "ok", "none", "ok"];
    let altered = ["none", "ok", "invalid", "altered"];
    let malformed = ["none", "ok", "invalid", "malformed"];
    let text = String::from_utf8(signed.clone()).unwrap();
    let boundary = text.split_once("boundary=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let other_text = b"Content-Type: text/plain\r\n\r\nsomething else\r\n";
    let opaque = reader.cms(TEXT, &format!("{SIGN} -nodetach -outform DER"));
    let beside = |content: &[u8], der: &[u8]| {
        let head = "From: alice@example.test\r\nContent-Type: multipart/signed; boundary=b;\r\n \
                    protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n";
        let signature = object("application/pkcs7-signature", der);
        mail(&[head.as_bytes(), content, b"\r\n--b\r\n", &signature, b"--b--\r\n"])
    };
    let inside = |kind: &str| {
        let (_, entity) = text.split_once("MIME-Version: 1.0\n").unwrap();
        let head = format!("From: alice@example.test\r\nContent-Type: {kind}\r\n\r\n");
        if kind.starts_with("multipart") {
            format!(
                "{head}--m\r\nContent-Type: text/html\r\n\r\n<b>pay</b><!--\r\n--m\r\n{entity}\r\n--m--\r\n"
            )
        } else {
            format!("{head}From: alice@example.test\r\n{entity}")
        }
        .into_bytes()
    };
    let attributes = [0x31, 4, 0x30, 2, 5, 0]; // a SET, as signed attributes are
    let no_attributes = reader.cms(&attributes, &format!("{SIGN} -noattr -nodetach -outform DER"));
    let plain_opaque = reader.cms(TEXT, &format!("{SIGN} -noattr -nodetach -outform DER"));
    let streamed = reader.cms(TEXT, &format!("{SIGN} -nodetach -stream -indef -outform DER"));
    reader.openssl("crl2pkcs7 -nocrl -certfile alice.crt -outform DER -out certs");
    let certificates = std::fs::read(reader.at("certs")).unwrap();
    let pkcs7_mime = |der: &[u8]| mail(&[ALICE.as_bytes(), &object("application/pkcs7-mime", der)]);
    check(
        &reader,
        &[],
        vec![
            ("as it came", signed.clone(), valid),
            ("another micalg", change(&signed, "micalg=\"sha-256\"", "micalg=md5"), valid),
            ("no micalg", change(&signed, "micalg=\"sha-256\";", ""), valid),
            (
                "text in front and behind",
                change(&signed, "This is an S/MIME signed message", "Pay Eve"),
                valid,
            ),
            ("a letter", change(&signed, "noon", "moon"), altered),
            ("a blank at the end", change(&signed, "at noon", "at noon "), altered),
            (
                "a part more",
                change(
                    &signed,
                    &format!("--{boundary}--"),
                    &format!("--{boundary}\r\n\r\nx\r\n--{boundary}--"),
                ),
                malformed,
            ),
            ("a part less", beside(b"x\r\n--b--", &opaque), malformed),
            (
                "another protocol",
                change(&signed, "protocol=\"application/pkcs7", "protocol=\"application/pgp"),
                unsigned,
            ),
            ("Content-Type twice", mail(&[b"Content-Type: text/plain\r\n", &signed]), unsigned),
            ("boundary twice", change(&signed, "boundary=", "boundary=x; boundary="), unsigned),
            ("not at the root", inside("multipart/mixed; boundary=m"), unsigned),
            ("a forwarded mail", inside("message/rfc822"), unsigned),
            ("opaque", pkcs7_mime(&opaque), valid),
            ("opaque, in BER", pkcs7_mime(&streamed), valid),
            (
                "opaque, named by a gateway",
                mail(&[ALICE.as_bytes(), &object("application/octet-stream; name=SMIME.P7M", &opaque)]),
                valid,
            ),
            (
                "an attachment with such a name",
                mail(&[ALICE.as_bytes(), &object("application/octet-stream; name=x.p7m", b"text")]),
                unsigned,
            ),
            ("no attributes", pkcs7_mime(&plain_opaque), valid),
            ("another signature's attributes", pkcs7_mime(&no_attributes), altered),
            ("content inside and beside", beside(TEXT.strip_suffix(b"").unwrap(), &opaque), valid),
            (
                "other content beside",
                beside(other_text, &opaque),
                ["none", "ok", "invalid", "content-differs"],
            ),
            ("nobody's signature beside", beside(TEXT, &certificates), unsigned),
            ("certificates only", pkcs7_mime(&certificates), ["none", "certificates-only", "none", "ok"]),
            ("junk in the base64", change(&signed, "\nMII", "\n!MII"), malformed),
        ],
    );
}

#[test]
fn who_may_sign_and_how() {
    let reader = Reader::new();
    let named = "subjectAltName=email:alice@example.test\n";
    let ec = |curve: &str| format!("ec -pkeyopt ec_paramgen_curve:{curve}");
    for (name, key, subject, extensions) in [
        ("p256", ec("P-256"), "/CN=a", named.to_owned()),
        ("p384", ec("P-384"), "/CN=a", named.to_owned()),
        ("p521", ec("P-521"), "/CN=a", named.to_owned()),
        ("small", "rsa:1024".into(), "/CN=a", named.to_owned()),
        (
            "in-dn",
            "rsa:2048".into(),
            "/CN=a/emailAddress=Alice@example.test",
            "basicConstraints=CA:FALSE\n".into(),
        ),
        ("nameless", "rsa:2048".into(), "/CN=a", "basicConstraints=CA:FALSE\n".into()),
        ("eve", "rsa:2048".into(), "/CN=e", "subjectAltName=email:eve@evil.test\n".into()),
        ("encrypts", "rsa:2048".into(), "/CN=a", format!("{named}keyUsage=critical,keyEncipherment\n")),
        ("serves", "rsa:2048".into(), "/CN=a", format!("{named}extendedKeyUsage=serverAuth\n")),
        ("strange", "rsa:2048".into(), "/CN=a", format!("{named}1.2.3.4=critical,DER:0500\n")),
    ] {
        reader.person(name, &key, subject, &extensions);
    }
    reader.openssl("req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.crt -days 9 -subj /CN=a -addext subjectAltName=email:alice@example.test");
    let by = |name: &str, how: &str| {
        let arguments = format!("-sign -signer {name}.crt -inkey {name}.key {how}");
        mail(&[ALICE.as_bytes(), &reader.cms(TEXT, arguments.trim_end())])
    };
    let none = |state, code| ["none", "ok", state, code];
    let valid = none("valid", "ok");
    let pss = "-keyopt rsa_padding_mode:pss";
    let cases = vec![
        ("RSA, SHA-384", by("alice", "-md sha384"), valid),
        ("RSA, SHA-512", by("alice", "-md sha512"), valid),
        ("PSS", by("alice", pss), valid),
        ("PSS, SHA-512, no salt", by("alice", &format!("-md sha512 {pss} -keyopt rsa_pss_saltlen:0")), valid),
        ("PSS with another MGF", by("alice", &format!("{pss} -keyopt rsa_mgf1_md:sha512")), valid),
        ("key identifier", by("alice", "-keyid"), valid),
        ("P-256", by("p256", ""), valid),
        ("P-384", by("p384", "-md sha384"), valid),
        ("P-521", by("p521", "-md sha512"), valid),
        ("SHA-1", by("alice", "-md sha1"), none("invalid", "weak-digest")),
        ("MD5", by("alice", "-md md5"), none("invalid", "weak-digest")),
        ("PSS, SHA-1", by("alice", &format!("-md sha1 {pss}")), none("invalid", "weak-digest")),
        ("RSA of 1024 bits", by("small", ""), none("invalid", "weak-key")),
        ("address in the subject", by("in-dn", ""), valid),
        ("no address", by("nameless", ""), none("unknown", "dns-unreachable")),
        ("another's address", by("eve", ""), none("invalid", "names-other")),
        ("key usage", by("encrypts", ""), none("invalid", "not-for-signing")),
        ("extended key usage", by("serves", ""), none("invalid", "not-for-signing")),
        ("unknown critical extension", by("strange", ""), none("invalid", "not-for-signing")),
        ("nobody's certificate", by("own", ""), none("unknown", "dns-unreachable")),
        ("no certificate", by("alice", "-nocerts"), none("invalid", "certificate-missing")),
        ("Alice, then Eve", by("alice", "-signer eve.crt -inkey eve.key"), valid),
        ("Eve, then Alice", by("eve", "-signer alice.crt -inkey alice.key"), valid),
        ("Eve and Bob", by("eve", "-signer bob.crt -inkey bob.key"), none("invalid", "names-other")),
        (
            "33 signers",
            by("alice", &format!("-nocerts {}", "-signer alice.crt -inkey alice.key ".repeat(32))),
            none("invalid", "too-many-signers"),
        ),
    ];
    check(&reader, &[], cases);
    // Another text: Alice's signature of the same one within the same second is one that was proven above.
    let letter = reader.cms(b"Content-Type: text/plain\r\n\r\nmeet me never\r\n", SIGN);
    let late = mail(&[ALICE.as_bytes(), &letter]);
    let old = vec![("expired", late, none("unknown", "certificate-expired"))];
    check(&reader, &["--at", "2099-01-01T00:00:00Z"], old);

    let dated = mail(&[b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n", &by("alice", "-md sha384")]);
    let verdict = check(&reader, &[], vec![("an old date", dated, valid)]).remove(0);
    assert_eq!(verdict["warnings"][0]["code"], "date-differs", "{verdict}");
}

#[test]
fn what_is_revoked_is_not_believed() {
    let reader = Reader::new();
    reader.file("index", b"");
    reader.file("crlnumber", b"01\n");
    reader.file("ca.cnf", b"[ca]\ndefault_ca=x\n[x]\ndatabase=index\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=9\n");
    reader.openssl("ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.crt -out empty.pem");
    reader.openssl("ca -config ca.cnf -revoke alice.crt -keyfile ca.key -cert ca.crt");
    reader.openssl("ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.crt -out list.pem");
    reader.openssl("req -x509 -newkey rsa:2048 -nodes -keyout fake.key -out fake.crt -days 9 -subj /CN=ca");
    reader.openssl("ca -config ca.cnf -gencrl -keyfile fake.key -cert fake.crt -out forged.pem");
    let signed = mail(&[ALICE.as_bytes(), &reader.cms(TEXT, SIGN)]);
    let revoked = ["none", "ok", "unknown", "certificate-revoked"];
    let valid = ["none", "ok", "valid", "ok"];
    let (list, empty, forged) =
        (reader.name("list.pem"), reader.name("empty.pem"), reader.name("forged.pem"));
    check(&reader, &["--crl-file", &list], vec![("on the list", signed.clone(), revoked)]);
    check(&reader, &["--crl-file", &empty], vec![("not on it", signed.clone(), valid)]);
    check(&reader, &["--crl-file", &forged], vec![("another's list", signed.clone(), valid)]);
    let seen = ["none", "ok", "valid", "valid-when-first-seen"];
    check(&reader, &["--crl-file", &list], vec![("proven before it was revoked", signed.clone(), seen)]);
    let file = reader.file("mail", &signed);
    let wrong = reader.opening(&file).args(["--crl-file", &reader.name("ca.crt")]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stdout));
}

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

/// Fields inside the protection: which are shown, which are hidden, and under what they count.
#[test]
fn protected_header_fields() {
    let reader = Reader::new();
    let head = "From: alice@example.test\r\nSubject: [...]\r\n";
    let payload = |parameters: &str, fields: &str| {
        format!("Content-Type: text/plain; {parameters}\r\n{fields}\r\nhello\r\n").into_bytes()
    };
    let inside = "From: alice@example.test\r\nSubject: The plan\r\nKeywords: k\r\n";
    let copies = "HP-Outer: From: alice@example.test\r\nHP-Outer: Subject: [...]\r\n";
    let sign = |entity: &[u8]| reader.cms(entity, SIGN);
    let seal = |entity: &[u8]| reader.cms(entity, "-encrypt -aes-256-gcm -recip bob.crt");
    let cipher = payload("hp=\"cipher\"", &format!("{inside}{copies}"));
    let shown =
        payload("hp=cipher", &format!("{inside}HP-Outer: Subject: The plan\r\nHP-Outer: Keywords: k\r\n"));
    let clear = payload("hp=clear", inside);
    let old = payload("protected-headers=\"v1\"", inside);
    let nothing = payload("charset=utf-8", inside);
    let eve = payload("hp=cipher", &format!("From: eve@evil.test\r\n{copies}"));
    let broken = change(&sign(&clear), "hello", "hallo");
    for (what, entity, subject, hidden, warning) in [
        ("hidden", seal(&sign(&cipher)), "The plan", &["Subject", "Keywords"][..], None),
        ("hidden, not signed", seal(&cipher), "The plan", &["Subject", "Keywords"], None),
        ("not hidden", seal(&shown), "The plan", &["From"], None),
        ("only signed", sign(&clear), "The plan", &[], None),
        ("said to be hidden, and was not", sign(&cipher), "The plan", &[], None),
        ("signed, and changed", broken, "[...]", &[], None),
        ("the old kind", seal(&old), "The plan", &["Subject", "Keywords"], None),
        ("none", seal(&nothing), "[...]", &[], None),
        ("another sender inside", seal(&eve), "[...]", &["From"], Some("from-mismatch")),
    ] {
        let verdict = open(&reader, &mail(&[head.as_bytes(), &entity]), &[]);
        assert_eq!(verdict["subject"], subject, "{what}: {verdict}");
        assert_eq!(verdict["hidden_fields"], Value::from(hidden), "{what}");
        assert_eq!(verdict["subject_hidden"], hidden.contains(&"Subject"), "{what}");
        assert_eq!(verdict["warnings"][0]["code"].as_str(), warning, "{what}");
        assert_eq!(verdict["from"], "alice@example.test", "{what}");
    }
    let part = "--m\r\nContent-Type: text/plain; protected-headers=\"v1\"\r\nContent-Disposition: inline\r\n\r\n\
                Subject: The plan\r\n";
    let old = format!(
        "Content-Type: multipart/mixed; boundary=m; protected-headers=v1\r\nSubject: The plan\r\n\r\n{part}\
         --m\r\nContent-Type: text/plain\r\n\r\nhello\r\n--m--\r\n"
    );
    let verdict = open(&reader, &mail(&[head.as_bytes(), &seal(old.as_bytes())]), &[]);
    assert_eq!(verdict["subject"], "The plan");
    let opened = std::fs::read_to_string(reader.at("opened")).unwrap();
    let (_, body) = opened.split_once("\r\n\r\n").unwrap();
    assert!(!body.contains("The plan") && body.contains("hello"), "{opened}");
}

#[test]
fn a_whole_message_inside() {
    let reader = Reader::new();
    let head = "From: alice@example.test\r\nSubject: [...]\r\nMessage-ID: <1@example.test>\r\n";
    let inner = "From: Alice <alice@example.test>\r\nSubject: The plan\r\nMessage-ID: <1@example.test>\r\n\
                 MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nmeet me at noon\r\n";
    let wrapped = |inner: &str| format!("Content-Type: message/rfc822\r\n\r\n{inner}").into_bytes();
    let sign = |entity: &[u8]| reader.cms(entity, SIGN);
    let opaque = |entity: &[u8]| reader.cms(entity, &format!("{SIGN} -nodetach"));
    let seal = |entity: &[u8]| reader.cms(entity, "-encrypt -aes-256-gcm -recip bob.crt");
    let own = wrapped(inner);
    let from_carol = wrapped(&inner.replace("Alice <alice@", "Carol <carol@"));
    let travelled = wrapped(&format!("Received: from mx.evil.test by example.test; x\r\n{inner}"));
    let signed_inside = wrapped(&format!(
        "From: alice@example.test\r\nSubject: The plan\r\n{}",
        String::from_utf8(sign(TEXT)).unwrap().replace("\r\n", "\n").replace('\n', "\r\n")
    ));
    let (in_place, attached) = ("The plan", "[...]");
    for (what, entity, state, subject, hidden) in [
        ("signed", sign(&own), "valid", in_place, false),
        ("signed, opaque", opaque(&own), "valid", in_place, false),
        ("signed and encrypted", seal(&sign(&own)), "valid", in_place, true),
        ("encrypted", seal(&own), "none", in_place, true),
        ("triple wrapped", opaque(&seal(&sign(&own))), "valid", in_place, true),
        ("signed, and changed", change(&sign(&own), "noon", "moon"), "invalid", attached, false),
        // Alice hands on what others wrote, or wrote in her name.
        ("Carol's words, signed by Alice", sign(&from_carol), "valid", attached, false),
        ("a mail in Alice's name that came to her", seal(&sign(&travelled)), "valid", attached, false),
        ("a signed mail inside a signed one", sign(&signed_inside), "valid", attached, false),
        ("not protected at all", own.clone(), "none", attached, false),
    ] {
        let verdict = open(&reader, &mail(&[head.as_bytes(), &entity]), &[]);
        assert_eq!(verdict["signature"]["state"], state, "{what}: {verdict}");
        assert_eq!(verdict["subject"], subject, "{what}: {verdict}");
        assert_eq!(verdict["subject_hidden"], hidden, "{what}");
        assert_eq!(verdict["warnings"], serde_json::json!([]), "{what}");
        let opened = std::fs::read_to_string(reader.at("opened")).unwrap();
        let (outer, body) = opened.split_once("\r\n\r\n").unwrap();
        if subject == in_place {
            assert!(outer.contains("Subject: The plan") && !outer.contains("[...]"), "{what}: {opened}");
            assert!(body.starts_with("meet me at noon"), "{what}: {opened}");
        } else {
            assert!(
                outer.contains("Subject: [...]") && body.contains("Subject: The plan"),
                "{what}: {opened}"
            );
        }
    }
    // A protected sender other than the one outside is no message of the one outside.
    let mallory = head.replace("alice@", "mallory@");
    let verdict = open(&reader, &mail(&[mallory.as_bytes(), &sign(&own)]), &[]);
    assert_eq!((&verdict["signature"]["state"], &verdict["subject"]), (&"invalid".into(), &attached.into()));
}
