//! Who is believed: what the domain says, an authority, or what was proven before.

use std::fs;

use crate::letters::{
    WORLD, change, command, line, message, open, protect, protect_text, protected, verdict,
};
use crate::signed_tree::{Tree, Zone};

#[test]
fn the_domain_decides_who_is_believed() {
    for (owner, from, how, state, code, exit) in [
        ("mallory", "alice@example.test", &[][..], "invalid", "no-record-fits", 1),
        ("alice", "alice@unsigned.test", &[], "unknown", "dns-insecure", 3),
        ("alice", "alice@late.test", &[], "unknown", "dns-bogus", 3),
        ("alice", "alice@example.onion", &[], "unknown", "no-record", 3),
        (
            "alice",
            "alice@example.test",
            &["--at", "2099-01-01T00:00:00Z"],
            "unknown",
            "certificate-expired",
            3,
        ),
        (
            "alice",
            "alice@example.test",
            &["--at", "1999-01-01T00:00:00Z"],
            "unknown",
            "certificate-not-yet-valid",
            3,
        ),
        ("alice", "alice@example.test", &["--resolver", "127.0.0.1:9"], "unknown", "dns-unreachable", 3),
    ] {
        let mail = protect(owner, from, &["--sign"]).message.unwrap();
        // A reader who remembers nothing: the same letter signed within the same second is the same
        // mail, and another test may have shown it to Bob.
        let opened = open("newcomer", &mail, how);
        assert_eq!(verdict(&opened.answer)[2..], [state, code], "{from}: {}", opened.answer);
        assert_eq!(opened.exit, exit, "{from}");
        assert_eq!(opened.answer["signature"]["binding"], "none");
    }
}

#[test]
fn authorities_vouch_where_the_record_or_the_user_names_them() {
    let ca_file = WORLD.dir.path().join("ca.crt").display().to_string();
    let trusting: &[&str] = &["--ca-file", &ca_file];
    for (local, how, state, code, binding) in [
        ("ee-whole", &[][..], "valid", "ok", "dane-ee"),
        ("ee-digest", &[], "valid", "ok", "dane-ee"),
        ("ta-whole", &[], "valid", "ok", "dane-ta"),
        ("ta-digest", &[], "valid", "ok", "dane-ta"),
        ("pkix-ee", &[], "invalid", "no-record-fits", "none"),
        ("pkix-ta", &[], "invalid", "no-record-fits", "none"),
        ("other-ta", &[], "invalid", "no-record-fits", "none"),
        ("pkix-ee", trusting, "valid", "ok", "pkix-ee"),
        ("pkix-ta", trusting, "valid", "ok", "pkix-ta"),
        ("other-ta", trusting, "invalid", "no-record-fits", "none"),
    ] {
        let mail = protect("alice", &format!("{local}@example.test"), &["--sign"]).message.unwrap();
        let opened = open("bob", &mail, how);
        let found = &opened.answer["signature"];
        assert_eq!(verdict(&opened.answer)[2..], [state, code], "{local} {how:?}: {found}");
        assert_eq!(found["binding"], binding, "{local} {how:?}");
    }
}

/// RFC 8162 section 2: a record that is a digest, a key or an authority says which certificate to
/// encrypt to, where mail has brought it.
#[test]
fn certificates_that_records_only_name_are_found_among_what_valid_mail_brought() {
    let dir = WORLD.dir.path();
    let address = "reader@example.test";
    let make = ["key", "generate", "--address", address, "--algorithm", "p-256"];
    command(dir, "reader", &make).good();
    let ca_file = dir.join("ca.crt").display().to_string();
    let trusting: &[&str] = &["--ca-file", &ca_file];
    let write =
        |to: &str, how: &[&str]| protect("reader", address, &[&["--to", to, "--encrypt"], how].concat());
    for (local, how, is_named) in [
        ("ee-digest", &[][..], true),
        ("ta-whole", &[], true),
        ("ta-digest", &[], true),
        ("pkix-ee", &[], false),
        ("pkix-ee", trusting, true),
        ("pkix-ta", trusting, true),
        ("other-ta", trusting, false),
    ] {
        let to = format!("{local}@example.test");
        let before = write(&to, how);
        assert_eq!(before.answer["error"]["recipients"][0]["status"], "secure", "{local}: {}", before.answer);
        assert_eq!((before.exit, before.message), (3, None), "{local}");
        let brings = protect("alice", &to, &["--sign"]).message.unwrap();
        open("reader", &brings, how);
        let after = write(&to, how);
        assert_eq!(after.exit, if is_named { 0 } else { 3 }, "{local} {how:?}: {}", after.answer);
        if let Some(mail) = after.message {
            let arrived = open("alice", &mail, &[]);
            assert_eq!(verdict(&arrived.answer)[..2], ["decrypted", "ok"], "{local}: {}", arrived.answer);
        }
    }
    // Nor where the settings do not have mail as a source.
    let without = dir.join("without-mail.toml");
    fs::write(&without, "sources = [\"smimea\"]").unwrap();
    assert_eq!(write("ee-digest@example.test", &["--config", without.to_str().unwrap()]).exit, 3);
    assert_eq!(write("ee-digest@example.test", &[]).exit, 0);
    // What was learnt from one counts nothing without a record that names it.
    assert_eq!(write("pkix-ee@example.test", &[]).exit, 3);
}

#[test]
fn what_was_proven_once_keeps_its_seal_and_other_mail_does_not_get_one() {
    let mail = protected(&["--sign"]);
    assert_eq!(verdict(&open("bob", &mail, &[]).answer)[2..], ["valid", "ok"]);
    let other = change(&mail, "Subject: ", "X-Subject: ");
    let another = message("alice@example.test").replace("noon", "midnight");
    let never_opened = protect_text("alice", "alice@example.test", &another, &["--sign"]).message.unwrap();
    // Another DNS, where the domain names Mallory's certificate for Alice.
    let dir = WORLD.dir.path();
    let keys = fs::read_dir(dir.join("mallory/keys")).unwrap().map(|entry| entry.unwrap().path());
    let certificate = keys.into_iter().find(|file| file.extension().is_some_and(|e| e == "pem")).unwrap();
    let later = Tree::grow(vec![
        Zone::signed("test.", Vec::new()),
        Zone::signed("example.test.", vec![line(dir, "alice@example.test", &certificate)]),
    ]);
    let anchor = later.anchor_file().display().to_string();
    let resolver = later.address.to_string();
    let replaced: &[&str] = &["--resolver", &resolver, "--trust-anchor", &anchor];
    let offline: &[&str] = &["--resolver", "127.0.0.1:9"];
    for (what, mail, how, state, code) in [
        ("the very mail", &mail, replaced, "valid", "valid-when-first-seen"),
        ("the very mail, offline", &mail, offline, "valid", "valid-when-first-seen-unchecked"),
        (
            "the very mail, certificate expired",
            &mail,
            &["--at", "2099-01-01T00:00:00Z"],
            "valid",
            "valid-when-first-seen",
        ),
        ("unsigned fields changed", &other, replaced, "valid", "valid-when-first-seen"),
        ("a letter changed", &change(&mail, "noon", "moon"), replaced, "invalid", "altered"),
        ("under another From", &change(&mail, "alice@", "bob@"), replaced, "invalid", "names-other"),
        ("another mail by the same key", &never_opened, replaced, "unknown", "certificate-replaced"),
    ] {
        let opened = open("bob", mail, how);
        assert_eq!(verdict(&opened.answer)[2..], [state, code], "{what}: {}", opened.answer);
    }
    assert_eq!(
        verdict(&open("mallory", &mail, replaced).answer)[2..],
        ["invalid", "no-record-fits"],
        "no memory"
    );
}
