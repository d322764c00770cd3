//! Letters that arrive, in the form that their recipients can read, and those that must not leave.

use std::fs;

use tempfile::TempDir;

use crate::letters::{WORLD, open, openssl, protect, protect_text, protected, verdict};
use crate::{SECRET, SECRET_LINE};

#[test]
fn a_signed_and_encrypted_letter_arrives_and_openssl_agrees() {
    let mail = protected(&["--to", "bob@example.test", "--sign", "--encrypt"]);
    let text = String::from_utf8_lossy(&mail);
    assert!(!text.contains(SECRET), "in the clear");
    assert!(text.contains("smime-type=enveloped-data"), "Bob never said that he reads GCM");
    let opened = open("bob", &mail, &[]);
    assert_eq!(verdict(&opened.answer), ["decrypted", "ok", "valid", "ok"], "{}", opened.answer);
    assert_eq!(opened.exit, 0);
    let answer = opened.answer;
    assert_eq!(answer["from"], "alice@example.test");
    assert_eq!(answer["subject"], "Grün");
    assert_eq!(answer["encryption"]["recipient"], "bob@example.test");
    assert_eq!(answer["encryption"]["algorithm"], "aes-256-cbc");
    assert_eq!(answer["signature"]["signer"], "alice@example.test");
    assert_eq!(answer["signature"]["binding"], "dane-ee");
    let plain = String::from_utf8(opened.message.unwrap()).unwrap();
    assert!(plain.ends_with(SECRET_LINE), "{plain}");
    assert!(plain.starts_with("From: Alice"), "{plain}");

    let bob = WORLD.dir.path().join("bob.pem").display().to_string();
    let inner = openssl(&["cms", "-decrypt", "-recip", &bob], &mail).expect("openssl decrypts");
    let verified = openssl(&["cms", "-verify", "-noverify"], &inner).expect("openssl verifies");
    let seen = String::from_utf8(verified).unwrap();
    assert!(seen.starts_with("Content-Type: text/plain") && seen.ends_with(SECRET_LINE), "{seen}");
}

#[test]
fn who_is_known_to_read_gcm_gets_it_and_the_sender_reads_the_own_copy() {
    let mail = protected(&["--to", "alice@example.test", "--encrypt"]);
    assert!(String::from_utf8_lossy(&mail).contains("smime-type=authEnveloped-data"));
    let opened = open("alice", &mail, &[]);
    assert_eq!(verdict(&opened.answer), ["decrypted", "ok", "none", "ok"]);
    assert_eq!(opened.answer["encryption"]["algorithm"], "aes-256-gcm");
    let to_bob = protected(&["--to", "bob@example.test", "--sign", "--encrypt"]);
    assert_eq!(verdict(&open("alice", &to_bob, &[]).answer), ["decrypted", "ok", "valid", "ok"]);
    assert_eq!(verdict(&open("mallory", &to_bob, &[]).answer), ["failed", "not-for-us", "none", "ok"]);
}

#[test]
fn what_relays_would_change_is_signed_so_that_they_cannot() {
    let head = "From: alice@example.test\r\nSubject: x\r\n";
    let inner = "From: c@d.test\r\n\r\nblanks at the end  \r\nFrom the start gr\u{fc}n\r\n";
    let forwarded = format!(
        "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
         {inner}\r\n--b--\r\n"
    );
    for (what, text, kind) in [
        ("plain", format!("{head}Content-Type: text/plain\r\n\r\nhello\r\n"), "multipart/signed"),
        (
            "8-bit text",
            format!("{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{inner}"),
            "multipart/signed",
        ),
        ("a forwarded message", forwarded, "smime-type=signed-data"),
    ] {
        let mail = protect_text("alice", "alice@example.test", &text, &["--sign"]).message.unwrap();
        let sent = String::from_utf8(mail.clone()).unwrap();
        assert!(sent.contains(kind), "{what}: {sent}");
        assert!(sent.is_ascii() && sent.lines().all(|line| line.trim_end() == line), "{what}: {sent}");
        let opened = open("bob", &mail, &[]);
        assert_eq!(verdict(&opened.answer)[2..], ["valid", "ok"], "{what}");
        let shown = String::from_utf8(opened.message.unwrap()).unwrap();
        assert!(what != "a forwarded message" || shown.contains(inner), "{shown}");
    }
}

#[test]
fn who_stands_in_the_way_is_named_and_nothing_is_written() {
    let everybody = [
        "--to",
        "bob@example.test",
        "nobody@example.test",
        "old@example.test",
        "x@unsigned.test",
        "x@late.test",
        "--sign",
        "--encrypt",
    ];
    let attempt = protect("alice", "alice@example.test", &everybody);
    assert_eq!((attempt.exit, attempt.message), (3, None));
    let error = &attempt.answer["error"];
    assert_eq!(error["code"], "recipient-without-certificate");
    let mut found: Vec<_> = error["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["address"].as_str().unwrap(), r["status"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    let expected = [
        ("nobody@example.test", "absent"),
        ("old@example.test", "secure"),
        ("x@late.test", "bogus"),
        ("x@unsigned.test", "insecure"),
    ];
    assert_eq!(found, expected);
    assert!(
        error["recipients"].as_array().unwrap().iter().all(|r| !r["reason"].as_str().unwrap().is_empty())
    );
}

#[test]
fn what_cannot_be_done_has_a_code_and_leaves_nothing() {
    for (owner, from, how, code, exit) in [
        ("bob", "alice@example.test", &["--sign"][..], "no-signing-key", 1),
        ("bob", "alice@example.test", &["--to", "bob@example.test", "--encrypt"], "no-own-certificate", 1),
        ("alice", "alice@example.test", &["--to", "not an address", "--encrypt"], "invalid-address", 2),
        ("alice", "alice@example.test", &["--to", "bob@example.test"], "bad-request", 2),
        ("alice", "alice@example.test", &["--bcc", "bob@example.test", "--encrypt"], "bcc-needs-own-copy", 2),
    ] {
        let attempt = protect(owner, from, how);
        assert_eq!(attempt.answer["error"]["code"], code, "{}", attempt.answer);
        assert_eq!((attempt.exit, attempt.message), (exit, None), "{code}");
    }
}

#[test]
fn blind_recipients_get_copies_that_name_nobody_else() {
    let copies = TempDir::new().unwrap();
    let dir = copies.path().display().to_string();
    let how = ["--to", "alice@example.test", "--bcc", "bob@example.test", "--encrypt", "--bcc-dir", &dir];
    let open_copy = protected(&how);
    assert_eq!(verdict(&open("bob", &open_copy, &[]).answer)[..2], ["failed", "not-for-us"]);
    let blind = fs::read(copies.path().join("bob@example.test.eml")).unwrap();
    assert_eq!(verdict(&open("bob", &blind, &[]).answer)[..2], ["decrypted", "ok"]);
}
