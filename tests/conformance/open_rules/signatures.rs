//! Who signed, what the signature covers, and whether the signer could.

use crate::large_mail::Reader;
use crate::{ALICE, SIGN, TEXT, change, check, mail, object};

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
        ("From: \"boss\"@corp.test <alice@example.test>\r\n", valid, claims),
        ("From: The Boss \"boss@\"corp.test <alice@example.test>\r\n", valid, claims),
        ("From: \"boss\\@corp.test\" <alice@example.test>\r\n", valid, claims),
        ("From: =?utf-8?q?=22boss=22=40corp=2Etest?= <alice@example.test>\r\n", valid, claims),
        ("From: alice@example.test (boss@corp.test)\r\n", valid, claims),
        ("From: =?utf-8?q?boss=40corp=2Etest?= <alice@example.test>\r\n", valid, claims),
        ("From: =?utf-8?b?Ym9zc++8oGNvcnAudGVzdA==?= <alice@example.test>\r\n", valid, claims), // a wide @
        ("From: =?utf-8?q?boss=40corp=2Etest=00?= <alice@example.test>\r\n", valid, claims),
        ("From: =?utf-8?q?boss=E2=80=8B=40corp=2Etest?= <alice@example.test>\r\n", valid, claims), // zero width
        ("From: boss\u{a0}@ corp.test <alice@example.test>\r\n", valid, claims),
        ("From: boss@co\u{61c}rp.test <alice@example.test>\r\n", valid, claims),
        ("From: =?utf-8?b?Ym9zc0Bjb++/u3JwLnRlc3Q=?= <alice@example.test>\r\n", valid, claims), // an annotation's end
        ("From: \u{201c}boss@corp.test\u{201d} <alice@example.test>\r\n", valid, claims),
        ("From: Boss / boss@corp.test. <alice@example.test>\r\n", valid, claims),
        ("From: \"Alice @ work\" <alice@example.test>\r\n", valid, ""),
        ("From: \"Alice (alice@example.test)\" <alice@example.test>\r\n", valid, ""),
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
        ("From: \u{202e}moc.elpmaxe@ecila.test\r\n", nobody, ""),
        ("From: alice\u{200b}@example.test\r\n", nobody, ""),
        ("From: al\u{61c}ice@example.test\r\n", nobody, ""),
        ("Subject: x\rFrom: eve@evil.test\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("Subject: x\0\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("From: alice@example.test(\r\n", nobody, ""),
        ("From\u{a0}: boss@corp.test\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("From: alice@example.test\r\nFrom\u{b}: boss@corp.test\r\n", nobody, ""),
        (" From: boss@corp.test\r\nFrom: alice@example.test\r\n", nobody, ""),
        ("From: alice@example.test\r\nFrom\r\n: boss@corp.test\r\n", nobody, ""),
        ("From: alice@example.test\r\nF: boss@corp.test\r\n", nobody, ""),
        ("From eve@evil.test Mon Jan 1 00:00:00 2024\r\nFrom: alice@example.test\r\n", valid, ""),
        // Thunderbird, and others, find the boss in these, and nobody else.
        ("From: \\\"Boss <boss@(x)corp.test>\" <alice@example.test>\r\n", nobody, ""),
        ("From: (\")\" ) <boss@(x)corp.test> \" <alice@example.test>\r\n", nobody, ""),
        ("From: ([)] ) \" ] ) <boss@(x)corp.test> \" <alice@example.test>\r\n", nobody, ""),
        ("From: [\"] <boss@(x)corp.test> [\" <alice@example.test>\r\n", nobody, ""),
        ("From: =?x?q?\"?= <boss@(x)corp.test> =?x?q?\" <alice@example.test> (?=)\r\n", nobody, ""),
        ("From: (=?x?q?)\" ?= ) <boss@(x)corp.test> \" <alice@example.test>\r\n", nobody, ""),
        ("From: =?utf-8?q?alice?=@example.test\r\n", nobody, ""),
        ("From: \"=?utf-8?b?YWxpY2U=?=\"@example.test\r\n", nobody, ""),
        ("From: Alice [ <alice@example.test>\r\n", nobody, ""),
        // And everybody Alice in these.
        ("From: =?utf-8?q?Corp,_Inc._(Sales):?= =?utf-8?b?w6Q=?= <alice@example.test>\r\n", valid, ""),
        ("From: [List (x)] Alice <alice@example.test>\r\n", valid, ""),
        ("From: alice@example.test (Alice \"Al\" of [List], =?utf-8?q?Inc=2E?=)\r\n", valid, ""),
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
        (
            "in-both",
            "rsa:2048".into(),
            "/CN=a/emailAddress=alice@example.test",
            "subjectAltName=email:alice@other.test\n".into(),
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
    // Valid from the 1960s on: OpenSSL reads such dates, and other readers do not agree on them.
    reader.openssl("x509 -in alice.crt -outform DER -out old.der");
    let mut old = std::fs::read(reader.at("old.der")).unwrap();
    let begins = old.windows(2).position(|window| window == [0x17, 13]).unwrap();
    old[begins + 2] = b'6';
    reader.file("old.der", &old);
    reader.openssl("x509 -inform DER -in old.der -out old.crt");
    std::fs::copy(reader.at("alice.key"), reader.at("old.key")).unwrap();
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
        ("address in the subject, beside another", by("in-both", ""), valid),
        ("no address", by("nameless", ""), none("unknown", "dns-unreachable")),
        ("another's address", by("eve", ""), none("invalid", "names-other")),
        ("key usage", by("encrypts", ""), none("invalid", "not-for-signing")),
        ("extended key usage", by("serves", ""), none("invalid", "not-for-signing")),
        ("unknown critical extension", by("strange", ""), none("invalid", "not-for-signing")),
        ("nobody's certificate", by("own", ""), none("unknown", "dns-unreachable")),
        ("no certificate", by("alice", "-nocerts"), none("invalid", "certificate-missing")),
        ("odd dates", by("old", ""), none("invalid", "certificate-unreadable")),
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

    // An old date, or a new one, in whichever form a mail program makes sense of it.
    let dated = by("alice", "-md sha384");
    let stale = "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n";
    let today = format!("Date: {}\r\n", this_moment());
    for (head, differs) in [
        (stale.to_owned(), true),
        (today.clone(), false),
        (format!("{today}{stale}"), true),
        ("Date: Mon, 1 Jan 2024 00:00 EST\r\n".to_owned(), true),
        ("Date: Mon Jan  1 00:00:00 2024\r\n".to_owned(), true),
        (format!("Received: by example.test; {}", stale.replace("Date: ", "")), true),
        (format!("Received: by example.test; {}", today.replace("Date: ", "")), false),
        (String::new(), false),
    ] {
        let verdict = check(&reader, &[], vec![("dated", mail(&[head.as_bytes(), &dated]), valid)]).remove(0);
        let code = verdict["warnings"][0]["code"].as_str();
        assert_eq!(code, differs.then_some("date-differs"), "{head}: {verdict}");
    }
}

/// As a mail says it.
fn this_moment() -> String {
    let output = std::process::Command::new("date").args(["-u", "-R"]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// An authority's certificates prove nothing where others could have made them, or where it was not asked for them.
#[test]
fn a_path_is_as_strong_as_its_weakest_certificate() {
    let reader = Reader::new();
    let named = "subjectAltName=email:alice@example.test\n";
    let authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    let issue = |name: &str, bits: u32, extensions: &str, by: &str, digest: &str| {
        reader.file("extensions", extensions.as_bytes());
        reader.openssl(&format!(
            "req -new -newkey rsa:{bits} -nodes -keyout {name}.key -out csr -subj /CN={name}"
        ));
        reader.openssl(&format!(
            "x509 -req -in csr -CA {by}.crt -CAkey {by}.key -days 300 -{digest} -extfile extensions -out {name}.crt"
        ));
    };
    let none = |state, code| ["none", "ok", state, code];
    let unproven = none("unknown", "dns-unreachable");
    let limits = |names: &str| format!("{authority}nameConstraints=critical,permitted;email:{names}\n");
    let mut cases = Vec::new();
    for (what, bits, extensions, digest, expected) in [
        ("good", 2048, authority.to_owned(), "sha256", none("valid", "ok")),
        ("1024 bits", 1024, authority.to_owned(), "sha256", unproven),
        ("SHA-1", 2048, authority.to_owned(), "sha1", unproven),
        ("MD5", 2048, authority.to_owned(), "md5", unproven),
        ("no authority", 2048, "basicConstraints=critical,CA:FALSE\n".to_owned(), "sha256", unproven),
        ("signs no certificates", 2048, authority.replace("keyCertSign", "cRLSign"), "sha256", unproven),
        ("these names", 2048, limits("example.test"), "sha256", none("valid", "ok")),
        ("other names", 2048, limits("other.test"), "sha256", unproven),
        ("for servers", 2048, format!("{authority}extendedKeyUsage=serverAuth\n"), "sha256", unproven),
        (
            "unknown critical extension",
            2048,
            format!("{authority}1.2.3.4=critical,DER:0500\n"),
            "sha256",
            unproven,
        ),
    ] {
        issue("between", bits, &extensions, "ca", digest);
        issue("leaf", 2048, named, "between", "sha256");
        let signed = reader.cms(TEXT, "-sign -signer leaf.crt -inkey leaf.key -certfile between.crt");
        cases.push((what, mail(&[ALICE.as_bytes(), &signed]), expected));
    }
    // RFC 9598 section 6: the same address in an SmtpUTF8Mailbox, its domain in A-labels, and one that has no place there.
    let umlaut = "2.5.29.17=DER:3029a02706082b06010505070809a01b0c19c3a46c69636540786e2d2d62636865722d6b76612e74657374\n";
    let ascii = "2.5.29.17=DER:3022a02006082b06010505070809a0140c12616c696365406578616d706c652e74657374\n";
    for (what, excluded, leaf, from, expected) in [
        ("good umlauts", "other.test", umlaut, "\u{e4}lice@b\u{fc}cher.test", none("valid", "ok")),
        ("excluded", "xn--bcher-kva.test", umlaut, "\u{e4}lice@b\u{fc}cher.test", unproven),
        ("excluded", "alice@example.test", ascii, "alice@example.test", none("invalid", "names-other")),
    ] {
        let excluded = format!("{authority}nameConstraints=critical,excluded;email:{excluded}\n");
        issue("between", 2048, &excluded, "ca", "sha256");
        issue("leaf", 2048, leaf, "between", "sha256");
        let signed = reader.cms(TEXT, "-sign -signer leaf.crt -inkey leaf.key -certfile between.crt");
        cases.push((what, mail(&[format!("From: {from}\r\n").as_bytes(), &signed]), expected));
    }
    for digest in ["sha1", "md5"] {
        issue("leaf", 2048, named, "ca", digest);
        let signed = reader.cms(TEXT, "-sign -signer leaf.crt -inkey leaf.key");
        cases.push((digest, mail(&[ALICE.as_bytes(), &signed]), unproven));
    }
    check(&reader, &[], cases);
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
