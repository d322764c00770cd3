//! What large and monstrous mail costs: memory, and no crash.

#[path = "../support/large_mail.rs"]
mod large_mail;
#[path = "../support/peak.rs"]
mod peak;

use std::fs;

use large_mail::{MIB, Reader};

/// What the program takes before it reads anything, in octets, and a little more.
const BASE: u64 = 6 * 1024 * 1024;

#[test]
fn a_large_mail_takes_less_than_three_times_its_size() {
    let reader = Reader::new();
    for (what, mail, encryption, signature) in [
        ("clear-signed", reader.signed(20 * MIB), "none", "valid"),
        ("CBC", reader.encrypted(20 * MIB, "-aes256"), "decrypted", "none"),
        ("GCM", reader.encrypted(20 * MIB, "-aes-256-gcm"), "decrypted", "none"),
        ("signed, then encrypted", reader.signed_and_encrypted(20 * MIB), "decrypted", "valid"),
    ] {
        let (verdict, peak) = reader.open(&mail);
        assert_eq!(verdict["encryption"]["state"], encryption, "{what}: {verdict}");
        assert_eq!(verdict["signature"]["state"], signature, "{what}: {verdict}");
        let size = fs::metadata(&mail).unwrap().len();
        eprintln!("{what}: {} MiB, peak {} MiB", size >> 20, peak >> 20);
        assert!(peak < size * 3 + BASE, "{what}: {peak} octets for {size}");
    }
}

/// Where a tree of parts would be built, these would take gigabytes or the stack.
#[test]
fn monstrous_structures_take_no_more_than_their_size() {
    let reader = Reader::new();
    let nested = |count: usize| {
        let mut mail = "From: alice@example.test\r\n".to_owned();
        for level in 0..count {
            mail += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
        }
        mail
    };
    let messages =
        format!("From: alice@example.test\r\n{}", "Content-Type: message/rfc822\r\n\r\n".repeat(50_000));
    let empty_parts = |kind: &str| {
        let head = format!("From: alice@example.test\r\nContent-Type: {kind}; boundary=b\r\n\r\n");
        head + &"--b\r\n\r\n".repeat(3_000_000) + "--b--\r\n"
    };
    let signed = "multipart/signed; protocol=\"application/pkcs7-signature\"";
    for (what, mail, state, code) in [
        ("nested parts", nested(50_000), "none", "ok"),
        ("nested messages", messages, "none", "ok"),
        ("empty parts", empty_parts("multipart/mixed"), "none", "ok"),
        ("empty parts, signed", empty_parts(signed), "invalid", "too-many-parts"),
    ] {
        let file = reader.file("monster", mail.as_bytes());
        let (verdict, peak) = reader.open(&file);
        let signature = &verdict["signature"];
        assert_eq!(
            (&signature["state"], &signature["code"]),
            (&state.into(), &code.into()),
            "{what}: {verdict}"
        );
        let most = u64::try_from(mail.len()).unwrap() * 2 + BASE;
        assert!(peak < most, "{what}: {peak} octets for {}", mail.len());
        // The same, encrypted: what comes out is looked at in the same way.
        let inside = mail.split_once("\r\n").unwrap().1;
        let (verdict, peak) = reader.open(&reader.encrypt(inside.as_bytes(), "-aes256"));
        let opened = &verdict["encryption"];
        let expected = if state == "none" { "ok" } else { "withheld-unauthentic" };
        assert_eq!((&opened["state"], &opened["code"]), (&"decrypted".into(), &expected.into()), "{what}");
        assert!(peak < most * 2, "{what}, encrypted: {peak} octets for {}", mail.len());
    }
}
