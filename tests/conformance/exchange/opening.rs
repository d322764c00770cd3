//! What is shown of a letter that was changed on its way, and what the verdict rests on.

use serde_json::json;

use crate::letters::{WORLD, change, change_all, message, open, openssl, protected, split_outer, verdict};

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

/// Somebody put a text of their own round the sender's signature and encrypted the whole in CBC.
fn forged_and_encrypted(cipher: &str) -> Vec<u8> {
    let signed = protected(&["--sign"]);
    let (outer, entity) = split_outer(&change(&signed, "noon", "moon"));
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
