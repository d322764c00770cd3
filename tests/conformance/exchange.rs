//! Mail between people whose domain publishes their certificates in a real signed DNS: protected
//! and opened by the command line and by the host, with OpenSSL as referee, and what must not pass.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/letters.rs"]
mod letters;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;

use host_client::Host;
use letters::{
    BODY, WORLD, change, change_all, command, line, message, open, openssl, protect, protect_text, protected,
    verdict,
};
use serde_json::json;
use signed_tree::{Tree, Zone};
use tempfile::TempDir;

/// Words of [`BODY`]. Base64 has no blanks, so that a ciphertext cannot hold them by chance.
const SECRET: &str = "meet me at noon";
const SECRET_LINE: &str = "Dear Bob,\r\nmeet me at noon.\r\n";

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
fn a_signature_is_valid_only_for_what_was_signed_by_the_one_in_from() {
    let mail = protected(&["--sign"]);
    let as_lf = change_all(&mail, "\r\n", "\n");
    let footer = format!(
        "From: alice@example.test\r\nContent-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\n{}\r\n\
         --list\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--list--\r\n",
        String::from_utf8_lossy(&mail).split_once("MIME-Version: 1.0\r\n").unwrap().1
    );
    let boundary = String::from_utf8_lossy(&mail).split_once("boundary=\"").unwrap().1[..39].to_owned();
    let appended =
        change(&mail, &format!("--{boundary}--"), &format!("--{boundary}\r\n\r\nmore\r\n--{boundary}--"));
    let cases: Vec<(&str, Vec<u8>, &str, &str, i32)> = vec![
        ("untouched", mail.clone(), "valid", "ok", 0),
        ("stored with LF alone", as_lf, "valid", "ok", 0),
        ("another display name", change(&mail, "Alice <", "Bob <"), "valid", "ok", 0),
        ("a letter changed", change(&mail, "noon", "moon"), "invalid", "altered", 1),
        ("a line added", change(&mail, "Dear Bob", "Dear\r\nBob"), "invalid", "altered", 1),
        ("another From", change(&mail, "alice@", "bob@"), "invalid", "names-other", 1),
        (
            "two addresses",
            change(&mail, "<alice@example.test>", "<alice@example.test>, bob@example.test"),
            "invalid",
            "from-not-single",
            1,
        ),
        (
            "two From fields",
            [b"From: bob@example.test\r\n", &mail[..]].concat(),
            "invalid",
            "from-not-single",
            1,
        ),
        ("no From field", change(&mail, "From: ", "X-From: "), "invalid", "from-not-single", 1),
        ("a third part", appended, "invalid", "malformed", 1),
        ("cut off", mail[..mail.len() - 60].to_vec(), "invalid", "malformed", 1),
        ("a list's footer beside it", footer.into_bytes(), "none", "ok", 0),
        (
            "another Content-Type before it",
            [b"Content-Type: text/plain\r\n", &mail[..]].concat(),
            "none",
            "ok",
            0,
        ),
    ];
    for (what, mail, state, code, exit) in cases {
        let opened = open("bob", &mail, &[]);
        assert_eq!(verdict(&opened.answer)[2..], [state, code], "{what}: {}", opened.answer);
        assert_eq!(opened.exit, exit, "{what}");
    }
}

#[test]
fn the_domain_decides_who_is_believed() {
    for (owner, from, how, state, code, exit) in [
        ("mallory", "alice@example.test", &[][..], "invalid", "no-record-fits", 1),
        ("alice", "alice@unsigned.test", &[], "unknown", "dns-insecure", 3),
        ("alice", "alice@late.test", &[], "unknown", "dns-bogus", 3),
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
    assert_eq!(command(dir, "reader", &make).0, 0);
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
        ("the very mail, offline", &mail, offline, "valid", "valid-when-first-seen"),
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

#[test]
fn a_changed_ciphertext_shows_nothing() {
    for recipient in ["alice@example.test", "bob@example.test"] {
        let mail = protected(&["--to", recipient, "--sign", "--encrypt"]);
        let head = mail.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        for from_end in [8, 200, 900, 1600] {
            let mut changed = mail.clone();
            let at = changed.len() - from_end;
            assert!(at > head + 1500, "in the ciphertext");
            let at = (at..).find(|at| changed[*at].is_ascii_alphanumeric()).unwrap();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let opened = open("alice", &changed, &[]);
            let code = opened.answer["encryption"]["code"].as_str().unwrap();
            let told = ["cannot-decrypt", "withheld-unauthentic", "malformed"].contains(&code);
            assert!(told, "{recipient} {from_end}: {}", opened.answer);
            assert_ne!(opened.answer["signature"]["state"], "valid");
            assert_eq!((opened.exit, opened.message), (1, None), "{recipient} {from_end}");
        }
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

#[test]
fn the_host_looks_up_protects_and_opens() {
    let world = &*WORLD;
    let home = TempDir::new().unwrap();
    let settings = |owner: &str| {
        let at = |name: &str| world.dir.path().join(name).display().to_string();
        format!(
            "resolver = \"{}\"\ntrust-anchor = \"{}\"\ndata-dir = \"{}\"\nunlock-file = \"{}\"\n",
            world.tree.address,
            world.tree.anchor_file().display(),
            at(owner),
            at("unlock")
        )
    };
    let mut alice = Host::start(home.path(), &settings("alice")).greeted();
    let keys = alice.ask(json!({"type": "keys"}));
    assert!(keys["keys"].as_array().unwrap().iter().any(|k| k["address"] == "alice@example.test"));
    let who = ["bob@example.test", "nobody@example.test", "old@example.test", "x@late.test", "?"];
    let found = alice.ask(json!({"type": "lookup", "addresses": who}));
    let states: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|r| r["recipient"].as_str().unwrap()).collect();
    assert_eq!(states, ["ready", "absent", "unusable", "bogus", "invalid-address"]);

    let attachment = "x".repeat(1_200_000); // several chunks each way
    let entity = format!("{BODY}{attachment}\r\n");
    let request = |to: &str, purpose: &str| {
        json!({"type": "protect", "from": "alice@example.test", "to": [to], "sign": true, "encrypt": true,
               "purpose": purpose, "header_protection": false, "deadline_ms": 20000})
    };
    let (end, sealed) = alice.ask_with(request("bob@example.test", "send"), entity.as_bytes());
    assert_eq!((&end["signed"], &end["encrypted"]), (&json!(true), &json!(true)), "{end}");
    assert_eq!(end["recipients"], json!(["alice@example.test", "bob@example.test"]));
    let (end, none) = alice.ask_with(request("nobody@example.test", "send"), entity.as_bytes());
    assert_eq!((&end["code"], none.len()), (&json!("recipient-without-certificate"), 0));
    let (end, draft) = alice.ask_with(request("nobody@example.test", "draft"), entity.as_bytes());
    assert_eq!((&end["signed"], &end["recipients"]), (&json!(false), &json!(["alice@example.test"])));
    assert!(!String::from_utf8_lossy(&draft).contains(SECRET));
    assert_eq!(alice.hang_up(), Some(0));

    let mut bob = Host::start(home.path(), &settings("bob")).greeted();
    let head = b"From: alice@example.test\r\nSubject: x\r\n".as_slice();
    let (end, content) = bob.ask_with(json!({"type": "open"}), &[head, &sealed].concat());
    assert_eq!(verdict(&end["verdict"]), ["decrypted", "ok", "valid", "ok"], "{end}");
    assert_eq!(end["domain"], "example.test");
    assert_eq!(end["details"]["layers"][1]["type"], "multipart-signed");
    assert!(end["certificate_pem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(content == entity.as_bytes());
}

/// Somebody put a text of their own round the sender's signature and encrypted the whole in CBC.
fn forged_and_encrypted(cipher: &str) -> Vec<u8> {
    let signed = protected(&["--sign"]);
    let (outer, entity) = letters::split_outer(&change(&signed, "noon", "moon"));
    let bob = WORLD.dir.path().join("bob.crt").display().to_string();
    let sealed =
        openssl(&["cms", "-encrypt", cipher, "-binary", "-outform", "SMIME", "-recip", &bob], &entity);
    [outer, sealed.expect("openssl encrypts")].concat()
}

#[test]
fn a_text_that_may_be_an_attackers_is_shown_only_on_request() {
    let mail = forged_and_encrypted("-aes256");
    let kept = open("bob", &mail, &[]);
    assert_eq!(verdict(&kept.answer), ["decrypted", "withheld-unauthentic", "invalid", "altered"]);
    assert_eq!((kept.exit, kept.message), (1, None));
    let asked = open("bob", &mail, &["--show-unauthentic"]);
    assert_eq!(verdict(&asked.answer), ["decrypted", "ok", "invalid", "altered"]);
    assert_eq!(asked.answer["warnings"][0]["code"], "withheld-unauthentic", "{}", asked.answer);
    assert!(String::from_utf8(asked.message.unwrap()).unwrap().contains("at moon"));
    assert_eq!(asked.exit, 1);
    // Authenticated, it is what its sender encrypted, and is shown like a clear-signed mail.
    let whole = open("bob", &forged_and_encrypted("-aes-256-gcm"), &[]);
    assert_eq!(verdict(&whole.answer), ["decrypted", "ok", "invalid", "altered"]);
    assert_eq!(whole.answer["warnings"], json!([]));
}

#[test]
fn the_details_say_what_the_verdict_rests_on() {
    let mail = protected(&["--to", "bob@example.test", "--sign", "--encrypt"]);
    let details = open("newcomer-with-details", &mail, &[]).answer["details"].take();
    assert_eq!(details["layers"][0]["type"], "enveloped-data", "{details}");
    let signed = protected(&["--sign"]);
    let opened = open("bob", &signed, &[]).answer;
    let details = &opened["details"];
    let layer = &details["layers"][0];
    assert_eq!((&layer["type"], &layer["intact"]), (&json!("multipart-signed"), &json!(true)));
    let record = &details["record"];
    assert_eq!([&record["usage"], &record["selector"], &record["matching"]], [3, 0, 0], "{details}");
    assert!(record["owner_name"].as_str().unwrap().contains("._smimecert.example.test."));
    assert!(record["ttl"].as_u64().unwrap() > 0);
    assert_eq!(details["dns"]["status"], "secure");
    assert!(details["dnssec"]["chain"].as_array().unwrap().len() >= 3, "{details}");
    assert_eq!(details["certificate"]["sha256"], opened["signature"]["certificate_sha256"]);
    assert_eq!(details["certificate"]["key"], "rsa-2048");
    assert!(details["history"]["first_seen"].is_string() && details["history"]["replaced"] == false);
    let unsigned = open("bob", message("alice@example.test").as_bytes(), &[]).answer;
    let details = &unsigned["details"];
    assert_eq!(details["layers"], json!([]));
    for nothing in ["record", "dnssec", "dns", "certificate", "history"] {
        assert_eq!(details[nothing], json!(null), "{nothing}: the DNS is asked about no unsigned mail");
    }
}

#[test]
fn a_clear_signature_is_held_to_the_octets_that_are_shown() {
    let world = &*WORLD;
    let home = TempDir::new().unwrap();
    let settings = format!(
        "resolver = \"{}\"\ntrust-anchor = \"{}\"\n",
        world.tree.address,
        world.tree.anchor_file().display()
    );
    let mut host = Host::start(home.path(), &settings).greeted();
    let mail = protected(&["--sign", "--no-header-protection"]);
    let digest = |text: &str| hex::encode(openssl::sha::sha256(text.as_bytes()));
    for (shown, state, code) in [(BODY, "valid", "ok"), ("something else", "invalid", "shown-differs")] {
        let (end, _) = host.ask_with(json!({"type": "open", "shown_sha256": digest(shown)}), &mail);
        assert_eq!(verdict(&end["verdict"])[2..], [state, code], "{end}");
    }
}
