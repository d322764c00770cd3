//! Header fields inside the protection (RFC 9788, and older forms), and whole messages inside (RFC 8551 section 3.1).

use serde_json::Value;

use crate::large_mail::Reader;
use crate::{SIGN, TEXT, change, mail, open};

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
    let capital = payload("hp=clear", "From: Alice@example.test\r\n");
    let and_eve = payload("hp=clear", "From: alice@example.test, eve@evil.test\r\n");
    let then_eve = payload("hp=clear", "From: alice@example.test\r\nFrom: eve@evil.test\r\n");
    let lines = payload("hp=clear", "Subject: =?utf-8?q?The=0D=0ABcc:_eve=00?=\r\n");
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
        ("in other letters", sign(&capital), "[...]", &[], None),
        ("another sender beside", sign(&and_eve), "[...]", &[], Some("from-mismatch")),
        ("another sender behind", sign(&then_eve), "[...]", &[], Some("from-mismatch")),
        ("more lines than one", sign(&lines), "The  Bcc: eve ", &[], None),
    ] {
        let verdict = open(&reader, &mail(&[head.as_bytes(), &entity]), &[]);
        assert_eq!(verdict["subject"], subject, "{what}: {verdict}");
        assert_eq!(verdict["hidden_fields"], Value::from(hidden), "{what}");
        assert_eq!(verdict["subject_hidden"], hidden.contains(&"Subject"), "{what}");
        assert_eq!(verdict["warnings"][0]["code"].as_str(), warning, "{what}");
        assert_eq!(verdict["from"], "alice@example.test", "{what}");
        let opened = std::fs::read_to_string(reader.at("opened")).unwrap();
        let outer = opened.contains("Subject: [...]\r\n") && !opened.contains("Subject: The plan");
        assert_eq!(outer, subject == "[...]", "{what}: {opened}");
    }
    // Where the mail has no sender, no other can differ from it.
    let both = "From: alice@example.test, bob@example.test\r\nSender: alice@example.test\r\n";
    let verdict = open(&reader, &mail(&[both.as_bytes(), &seal(&sign(&cipher))]), &[]);
    assert_eq!(verdict["signature"]["code"], "from-not-single");
    assert_eq!(verdict["warnings"], Value::from(Vec::<Value>::new()));
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
