//! What `protect` makes of a mail, asked for by the wire and by the command line: its header, its
//! blind recipients, the forms it can take, and that nothing comes out where anything is wrong.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/command_line.rs"]
mod command_line;
#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/letters.rs"]
mod letters;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;

use host_client::Host;
use letters::{BODY, WORLD, command, open, openssl, protect, protect_text, verdict};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Words of the letter. Base64 has no blanks, so that a ciphertext cannot hold them by chance.
const SECRET: &str = "meet me at noon";
const SUBJECT: &str = "The plan for Thursday";

fn host_of(owner: &str, home: &TempDir) -> Host {
    let world = &*WORLD;
    let at = |name: &str| world.dir.path().join(name).display().to_string();
    let settings = format!(
        "resolver = \"{}\"\ntrust-anchor = \"{}\"\ndata-dir = \"{}\"\nunlock-file = \"{}\"\n",
        world.tree.address,
        world.tree.anchor_file().display(),
        at(owner),
        at("unlock")
    );
    Host::start(home.path(), &settings).greeted()
}

/// A request from Alice to Bob, with further fields.
fn request(more: Value) -> Value {
    let mut request = json!({
        "type": "protect", "from": "alice@example.test", "to": ["bob@example.test"], "sign": true,
        "encrypt": true, "purpose": "send", "deadline_ms": 20000,
        "headers": [["From", "Alice <alice@example.test>"], ["To", "bob@example.test"],
                    ["Subject", SUBJECT], ["Keywords", "urgent"], ["Message-ID", "<1@example.test>"]],
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut request, more) else { panic!("objects") };
    fields.extend(more);
    request
}

/// The message as it would travel: the outer header with what the host wants changed, then the entity.
fn message(end: &Value, entity: &[u8]) -> Vec<u8> {
    let mut head = vec![
        ("From", "Alice <alice@example.test>"),
        ("To", "bob@example.test"),
        ("Subject", SUBJECT),
        ("Keywords", "urgent"),
    ];
    for change in end["outer_headers"].as_array().unwrap() {
        let name = change[0].as_str().unwrap();
        head.retain_mut(|field| {
            if !field.0.eq_ignore_ascii_case(name) {
                return true;
            }
            field.1 = change[1].as_str().map_or("", |_| "[...]");
            change[1].is_string()
        });
    }
    let head: String = head.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    [head.as_bytes(), b"MIME-Version: 1.0\r\n", entity].concat()
}

#[test]
fn the_subject_is_hidden_outside_and_read_inside() {
    let home = TempDir::new().unwrap();
    let mut alice = host_of("alice", &home);
    let (end, entity) = alice.ask_with(request(json!({})), BODY.as_bytes());
    assert_eq!(end["outer_headers"], json!([["Subject", "[...]"], ["Keywords", null]]), "{end}");
    let mail = message(&end, &entity);
    assert!(!String::from_utf8_lossy(&mail).contains("Thursday"));
    let opened = open("bob", &mail, &[]);
    assert_eq!(verdict(&opened.answer), ["decrypted", "ok", "valid", "ok"], "{}", opened.answer);
    assert_eq!(
        (&opened.answer["subject"], &opened.answer["subject_hidden"]),
        (&json!(SUBJECT), &json!(true))
    );
    let shown = String::from_utf8(opened.message.unwrap()).unwrap();
    let text = shown.split_once("\r\n\r\n").unwrap().1;
    assert!(text.starts_with("Dear Bob"), "the subject stands in the header, not in the text: {text}");

    // Who knows nothing of protected headers finds it in the text.
    let bob = WORLD.dir.path().join("bob.pem").display().to_string();
    let inner = openssl(&["cms", "-decrypt", "-recip", &bob], &mail).unwrap();
    let inner = openssl(&["cms", "-verify", "-noverify"], &inner).unwrap();
    let inner = String::from_utf8(inner).unwrap();
    let text = inner.split_once("\r\n\r\n").unwrap().1;
    assert!(text.starts_with(&format!("Subject: {SUBJECT}\r\nKeywords: urgent\r\n\r\nDear Bob")), "{inner}");
    for parameter in ["hp=\"cipher\"", "protected-headers=\"v1\"", "hp-legacy-display=\"1\""] {
        assert!(inner.contains(parameter), "{parameter}: {inner}");
    }
    assert!(inner.contains("HP-Outer: Subject: [...]\r\n"), "{inner}");

    // Signed only: nothing is hidden, everything is signed, whatever addresses it goes to.
    let odd = json!({"encrypt": false, "to": ["old..name.@example.test", "printer@my_office"]});
    let (end, entity) = alice.ask_with(request(odd), BODY.as_bytes());
    assert_eq!(end["outer_headers"], json!([]));
    let text = String::from_utf8(entity.clone()).unwrap();
    assert!(text.contains("hp=\"clear\"") && !text.contains("HP-Outer") && !text.contains("legacy-display"));
    let opened = open("bob", &message(&end, &entity), &[]);
    assert_eq!(
        (&opened.answer["subject"], &opened.answer["subject_hidden"]),
        (&json!(SUBJECT), &json!(false))
    );

    // A draft is for oneself: protected, and its text as it was written.
    let (end, entity) = alice.ask_with(request(json!({"purpose": "draft"})), BODY.as_bytes());
    assert_eq!(end["outer_headers"][0], json!(["Subject", "[...]"]));
    let alone = open("alice", &message(&end, &entity), &[]);
    assert_eq!(alone.answer["subject"], SUBJECT);

    let (end, entity) = alice.ask_with(request(json!({"header_protection": false})), BODY.as_bytes());
    assert_eq!(end["outer_headers"], json!([]));
    let opened = open("bob", &message(&end, &entity), &[]);
    assert_eq!(opened.answer["subject_hidden"], false);

    // Inside, and readable outside as well: what a server changes is still seen.
    let (end, entity) = alice.ask_with(request(json!({"hide_header": false})), BODY.as_bytes());
    assert_eq!(end["outer_headers"], json!([]));
    let sent = message(&end, &entity);
    let opened = open("bob", &sent, &[]);
    assert_eq!(
        (&opened.answer["subject"], &opened.answer["subject_hidden"]),
        (&json!(SUBJECT), &json!(false))
    );
    assert_eq!(opened.answer["details"]["headers"]["protection"], "cipher");
    assert_eq!(opened.answer["details"]["headers"]["hidden"], json!([]));
    let changed =
        String::from_utf8(sent).unwrap().replacen(&format!("Subject: {SUBJECT}"), "Subject: Urgent", 1);
    assert_eq!(open("bob", changed.as_bytes(), &[]).answer["subject"], SUBJECT);
}

#[test]
fn blind_recipients_are_seen_by_nobody() {
    let home = TempDir::new().unwrap();
    let mut alice = host_of("alice", &home);
    // Bob is blind; the mail is to Alice's other self.
    let blind = |more: Value| {
        let mut request =
            request(json!({"to": [], "cc": ["ee-whole@example.test"], "bcc": ["bob@example.test"]}));
        let (Value::Object(fields), Value::Object(more)) = (&mut request, more) else { panic!("objects") };
        fields.extend(more);
        request
    };
    let (end, body) = alice.ask_with(blind(json!({})), BODY.as_bytes());
    assert_eq!((&end["code"], body.len()), (&json!("bcc-needs-own-copy"), 0));

    let (end, named) = alice.ask_with(blind(json!({"bcc_copies": true})), BODY.as_bytes());
    assert_eq!(end["recipients"], json!(["alice@example.test", "ee-whole@example.test"]), "{end}");
    assert_eq!(end["blind_copies"], json!(["bob@example.test"]));
    let (copy_end, copy) =
        alice.ask_with(blind(json!({"blind_copy_for": "bob@example.test"})), BODY.as_bytes());
    assert_eq!(
        (&copy_end["recipients"], &copy_end["blind_copies"]),
        (&json!(["bob@example.test"]), &json!([]))
    );
    assert_eq!(copy_end["outer_headers"], end["outer_headers"]);
    for (mail, reader, state) in [
        (&named, "alice", "decrypted"),
        (&named, "bob", "failed"),
        (&copy, "bob", "decrypted"),
        (&copy, "alice", "failed"),
    ] {
        let opened = open(reader, &message(&end, mail), &[]);
        assert_eq!(opened.answer["encryption"]["state"], state, "{reader}: {}", opened.answer);
    }

    let missing = blind(json!({"bcc": ["nobody@example.test", "bob@example.test"], "bcc_copies": true}));
    let (end, body) = alice.ask_with(missing, BODY.as_bytes());
    assert_eq!((&end["code"], body.len()), (&json!("recipient-without-certificate"), 0));
    assert_eq!(end["recipients"][0]["address"], "nobody@example.test");
    for senseless in [
        json!({"blind_copy_for": "bob@example.test", "encrypt": false}),
        json!({"blind_copy_for": "bob@example.test", "purpose": "draft"}),
        json!({"bcc_copies": true, "triple": true, "sign": false}),
    ] {
        let (end, body) = alice.ask_with(blind(senseless), BODY.as_bytes());
        assert_eq!((&end["code"], body.len()), (&json!("bad-request"), 0), "{end}");
    }
}

#[test]
fn a_certificate_that_is_named_is_used_or_nothing_is_made() {
    let home = TempDir::new().unwrap();
    // Two keys of hers, and one of somebody else's in the same store.
    let new = |address: &str| {
        let arguments = ["key", "generate", "--address", address, "--algorithm", "p-256"];
        let made = command(WORLD.dir.path(), "carroll", &arguments).good();
        made["sha256"].as_str().unwrap().to_owned()
    };
    let (first, second) = (new("alice@example.test"), new("alice@example.test"));
    let foreign = new("dodgson@example.test");
    let mut alice = host_of("carroll", &home);
    let used = |end: &Value| {
        let own = end["encrypted_to"]
            .as_array()
            .and_then(|all| all.iter().find(|to| to["address"] == "alice@example.test"));
        (end["signed_with"].clone(), own.map_or(Value::Null, |own| own["sha256"].clone()))
    };
    for named in [&first, &second] {
        let (end, entity) = alice.ask_with(request(json!({"certificate": named})), BODY.as_bytes());
        assert_eq!(used(&end), (json!(named), json!(named)), "{end}");
        let opened = open("carroll", &message(&end, &entity), &[]);
        assert_eq!(opened.answer["signature"]["certificate_sha256"], json!(named), "{}", opened.answer);
        let draft = request(json!({"certificate": named.to_uppercase(), "purpose": "draft"}));
        let (end, _) = alice.ask_with(draft, BODY.as_bytes());
        assert_eq!(used(&end), (Value::Null, json!(named)), "{end}");
    }
    command(WORLD.dir.path(), "carroll", &["key", "retire", "--sha256", &first]).good();
    for (named, code) in [
        (first.as_str(), "chosen-certificate-unusable"),
        (&foreign, "chosen-certificate-unusable"),
        (&"00".repeat(32), "chosen-certificate-unusable"),
        ("that one", "bad-request"),
    ] {
        let (end, body) = alice.ask_with(request(json!({"certificate": named})), BODY.as_bytes());
        assert_eq!((&end["code"], body.len()), (&json!(code), 0), "{named}: {end}");
    }
    let (end, _) = alice.ask_with(request(json!({})), BODY.as_bytes());
    assert_eq!(end["signed_with"], json!(second), "without a name: the one in use");
}

#[test]
fn the_command_line_hides_subject_and_blind_recipients_too() {
    let dir = TempDir::new().unwrap();
    let copies = dir.path().display().to_string();
    let letter = format!(
        "From: Alice <alice@example.test>\r\nTo: ee-whole@example.test\r\nBcc: bob@example.test\r\n\
         Subject: {SUBJECT}\r\n{BODY}"
    );
    let how = [
        "--to",
        "ee-whole@example.test",
        "--bcc",
        "bob@example.test",
        "--bcc-dir",
        &copies,
        "--sign",
        "--encrypt",
    ];
    let made = protect_text("alice", "alice@example.test", &letter, &how);
    assert_eq!((made.exit, &made.answer["copies"]), (0, &json!(1)), "{}", made.answer);
    let copy = fs::read(dir.path().join("bob@example.test.eml")).unwrap();
    for mail in [made.message.unwrap(), copy.clone()] {
        let text = String::from_utf8(mail).unwrap();
        assert!(text.contains("\r\nSubject: [...]\r\n"), "{text}");
        assert!(!text.contains("Thursday") && !text.contains("bob@example.test"), "{text}");
    }
    let opened = open("bob", &copy, &[]);
    assert_eq!(verdict(&opened.answer), ["decrypted", "ok", "valid", "ok"]);
    assert_eq!(opened.answer["subject"], SUBJECT);
    let shown = String::from_utf8(opened.message.unwrap()).unwrap();
    assert!(!shown.contains("bob@example.test"), "{shown}");

    let open_header = [&how[..], &["--no-header-protection"]].concat();
    let made = protect_text("alice", "alice@example.test", &letter, &open_header);
    assert!(String::from_utf8(made.message.unwrap()).unwrap().contains("Thursday"));
}

#[test]
fn every_form_opens_for_us_and_for_openssl() {
    let bob = WORLD.dir.path().join("bob.pem").display().to_string();
    let alice = WORLD.dir.path().join("alice.crt").display().to_string();
    let keys = fs::read_dir(WORLD.dir.path().join("alice/keys")).unwrap().map(|entry| entry.unwrap().path());
    let certificates: Vec<u8> = keys
        .filter(|file| file.extension().is_some_and(|e| e == "pem"))
        .flat_map(|file| fs::read(file).unwrap())
        .collect();
    fs::write(&alice, certificates).unwrap();
    let verify = ["cms", "-verify", "-noverify", "-certfile", &alice];
    let decrypt = ["cms", "-decrypt", "-recip", &bob];
    let to = ["--to", "bob@example.test"];
    for (form, root, steps) in [
        (&["--sign"][..], "multipart/signed", vec![&verify[..]]),
        (&["--sign", "--opaque"], "smime-type=signed-data", vec![&verify]),
        (&["--sign", "--nocerts"], "multipart/signed", vec![&verify]),
        (&["--encrypt"], "smime-type=enveloped-data", vec![&decrypt]),
        (&["--sign", "--encrypt", "--opaque"], "smime-type=enveloped-data", vec![&decrypt, &verify]),
        (&["--sign", "--encrypt", "--triple"], "multipart/signed", vec![&verify, &decrypt, &verify]),
        (
            &["--sign", "--encrypt", "--triple", "--opaque"],
            "smime-type=signed-data",
            vec![&verify, &decrypt, &verify],
        ),
        (&["--sign", "--encrypt", "--wrap"], "smime-type=enveloped-data", vec![&decrypt, &verify]),
        (&["--sign", "--encrypt", "--nocerts"], "smime-type=enveloped-data", vec![&decrypt, &verify]),
    ] {
        let made = protect("alice", "alice@example.test", &[&to[..], form].concat());
        assert_eq!(made.exit, 0, "{form:?}: {}", made.answer);
        let mail = made.message.unwrap();
        let head = String::from_utf8_lossy(&mail).split_once("\r\n\r\n").unwrap().0.to_owned();
        assert!(head.contains(root), "{form:?}: {head}");
        let opened = open("bob", &mail, &[]);
        let signed = if form.contains(&"--sign") { ["valid", "ok"] } else { ["none", "ok"] };
        assert_eq!(verdict(&opened.answer)[2..], signed, "{form:?}: {}", opened.answer);
        assert_eq!(opened.answer["subject"], "Grün", "{form:?}");
        let mut octets = mail;
        for step in steps {
            octets = openssl(step, &octets).unwrap_or_else(|| panic!("openssl {step:?} of {form:?}"));
        }
        let text = String::from_utf8(octets).unwrap();
        assert!(text.contains(SECRET), "{form:?}: {text}");
        assert_eq!(text.starts_with("Content-Type: message/rfc822"), form.contains(&"--wrap"), "{text}");
    }
    for form in [&["--sign", "--triple"][..], &["--encrypt", "--triple"], &[]] {
        let made = protect("alice", "alice@example.test", &[&to[..], form].concat());
        assert_eq!((&made.answer["error"]["code"], made.message), (&json!("bad-request"), None), "{form:?}");
    }
}

#[test]
fn gcm_is_for_those_whose_own_valid_mail_said_that_they_read_it() {
    let to_bob = || protect("mallory", "alice@example.test", &["--to", "bob@example.test", "--encrypt"]);
    let cipher = || to_bob().answer["algorithm"].as_str().unwrap().to_owned();
    let from_bob = protect("bob", "bob@example.test", &["--sign"]).message.unwrap();
    assert_eq!(cipher(), "aes-256-cbc", "nothing is known yet");
    let altered = letters::change(&from_bob, "noon", "moon");
    assert_eq!(verdict(&open("mallory", &altered, &[]).answer)[2], "invalid");
    assert_eq!(verdict(&open("mallory", &from_bob, &["--resolver", "127.0.0.1:9"]).answer)[2], "unknown");
    assert_eq!(cipher(), "aes-256-cbc", "who is not vouched for teaches nothing");
    assert_eq!(verdict(&open("mallory", &from_bob, &[]).answer)[2], "valid");
    let attempt = to_bob();
    assert_eq!(attempt.answer["algorithm"], "aes-256-gcm", "{}", attempt.answer);
    let keys: Vec<_> = attempt.answer["encrypted_to"]
        .as_array()
        .unwrap()
        .iter()
        .map(|to| [&to["address"], &to["key"], &to["transport"], &to["reads_gcm"]].map(Value::clone))
        .collect();
    let expected = [
        [json!("alice@example.test"), json!("rsa-2048"), json!("rsa-oaep"), json!(true)],
        [json!("bob@example.test"), json!("p-256"), json!("ecdh"), json!(true)],
    ];
    assert_eq!(keys, expected);
    assert_eq!(verdict(&open("bob", &attempt.message.unwrap(), &[]).answer)[..2], ["decrypted", "ok"]);
}
