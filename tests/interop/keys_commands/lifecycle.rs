//! A key from the day it is made: listed, chosen, followed by the next, retired, deleted.

use serde_json::Value;

use crate::{Place, sha256};

#[test]
fn openssl_reads_what_we_generate() {
    let place = Place::new();
    for (algorithm, usage) in
        [("rsa-2048", "Key Encipherment"), ("p-256", "Key Agreement"), ("p-384", "Key Agreement")]
    {
        let row = place
            .key(&[
                "generate",
                "--address",
                "alice@example.test",
                "--name",
                "Alice",
                "--algorithm",
                algorithm,
            ])
            .good();
        assert_eq!(row["algorithm"], algorithm);
        assert_eq!([&row["can_sign"], &row["can_encrypt"], &row["retired"]], [true, true, false]);
        let file = place.certificate_of(&sha256(&row));
        let output = place.run("openssl", &["x509", "-in", &file, "-noout", "-text"]);
        let text = String::from_utf8_lossy(&output.stdout);
        for part in [
            "Version: 3",
            "Subject: CN = Alice",
            "X509v3 Basic Constraints: critical\n                CA:FALSE",
            &format!("X509v3 Key Usage: critical\n                Digital Signature, {usage}"),
            "E-mail Protection",
            "email:alice@example.test",
            "S/MIME Capabilities",
            "X509v3 Subject Key Identifier",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        place.run("openssl", &["verify", "-purpose", "smimesign", "-CAfile", &file, &file]);
    }
    let rows = place.key(&["list"]).good();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let selected = rows.as_array().unwrap().iter().filter(|row| row["selected_sign"] == true).count();
    assert_eq!(selected, 1);
}

#[test]
fn lines_of_the_list_have_the_names_of_the_contract() {
    let place = Place::new();
    assert_eq!(place.key(&["list"]).good(), serde_json::json!([]));
    place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256", "--days", "7"]).good();
    let rows = place.key(&["list"]).good();
    let mut names: Vec<&str> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "address",
            "addresses",
            "algorithm",
            "can_encrypt",
            "can_sign",
            "not_after",
            "not_before",
            "retired",
            "selected_encrypt",
            "selected_sign",
            "sha256",
            "token"
        ]
    );
}

#[test]
fn wrong_usage_is_said_with_the_codes_of_the_contract() {
    let place = Place::new();
    let nobody = "00".repeat(32);
    for (arguments, code, status) in [
        (&["generate", "--address", "nobody"][..], "invalid-address", 2),
        (&["retire", "--sha256", &nobody], "no-such-key", 1),
        (&["delete", "--sha256", &nobody], "no-such-key", 1),
        (&["select", "--address", "a@example.test", "--sign", &nobody], "no-such-key", 1),
    ] {
        let answer = place.key(arguments);
        assert_eq!((answer.code(), answer.status), (code, status), "{arguments:?}");
        assert!(!answer.said.is_empty());
    }
    for arguments in [
        &["generate"][..],
        &["retire", "--sha256", "xyz"],
        &["generate", "--address", "a@b.test", "--days", "0"],
    ] {
        assert_eq!(place.key(arguments).status, 2, "{arguments:?}");
    }
    place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]).good();
    place.write("unlock", "another secret of more than thirty-two octets\n");
    let answer = place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]);
    assert_eq!((answer.code(), answer.status), ("sealed-otherwise", 2));
    place.write("unlock", "short\n");
    let answer = place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]);
    assert_eq!((answer.code(), answer.status), ("unreadable-input", 2));
}

#[test]
fn keys_are_chosen_retired_and_deleted() {
    let place = Place::new();
    let make = || {
        sha256(&place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]).good())
    };
    let (first, second) = (make(), make());
    let row = |wanted: &str| -> Value {
        let rows = place.key(&["list"]).good();
        rows.as_array().unwrap().iter().find(|row| row["sha256"] == wanted).cloned().unwrap_or(Value::Null)
    };
    for chosen in [&first, &second] {
        place
            .key(&["select", "--address", "alice@example.test", "--sign", chosen, "--encrypt", chosen])
            .good();
        assert_eq!([&row(chosen)["selected_sign"], &row(chosen)["selected_encrypt"]], [true, true]);
    }
    assert_eq!(row(&first)["selected_sign"], false);
    place.key(&["retire", "--sha256", &second]).good();
    assert_eq!([&row(&second)["retired"], &row(&second)["selected_sign"]], [true, false]);
    assert_eq!(row(&first)["selected_sign"], true);
    place.key(&["delete", "--sha256", &second]).good();
    assert_eq!(row(&second), Value::Null);
}

#[test]
fn after_a_rotation_old_mail_still_opens_and_the_date_decides_which_key_is_used() {
    let place = Place::new();
    let at = |moment: &str, arguments: &[&str]| place.key(&[&["--at", moment], arguments].concat());
    let made = ["--address", "alice@example.test", "--algorithm", "p-256", "--days", "400"];
    let first = sha256(&at("2026-01-01T00:00:00Z", &[&["generate"][..], &made].concat()).good());
    let rotated = [&["rotate"][..], &made, &["--retire-after", "7"]].concat();
    let second = sha256(&at("2026-06-01T00:00:00Z", &rotated).good());
    let used = |moment: &str| -> Vec<String> {
        let rows = at(moment, &["list"]).good();
        let signs = rows.as_array().unwrap().iter().filter(|row| row["selected_sign"] == true);
        signs.map(sha256).collect()
    };
    assert_eq!(used("2026-06-07T00:00:00Z"), std::slice::from_ref(&first));
    assert_eq!(used("2026-06-08T00:00:01Z"), [second]);
    let rows = at("2026-06-09T00:00:00Z", &["list"]).good();
    let old = rows.as_array().unwrap().iter().find(|row| sha256(row) == first).unwrap().clone();
    assert_eq!(old["retired"], true);
    let (p12, password) = (place.path("old.p12"), place.path("password"));
    place.key(&["export", "--sha256", &first, "--p12", &p12, "--password-file", &password]).good();
}

#[test]
fn the_index_of_a_list_is_never_believed_over_the_files() {
    let place = Place::new();
    let make = |address: &str| {
        sha256(&place.key(&["generate", "--address", address, "--algorithm", "p-256"]).good())
    };
    let (first, second) = (make("alice@example.test"), make("bob@example.test"));
    let rows = place.key(&["list"]).good();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let index = place.path("data/keys/index.json");
    assert_eq!(place.key(&["list"]).good(), rows, "from the index");
    for spoiled in ["", "{}", "{\"version\":99,\"entries\":{}}"] {
        std::fs::write(&index, spoiled).unwrap();
        assert_eq!(place.key(&["list"]).good(), rows, "{spoiled}");
    }
    // What another version of this program, or of OpenSSL, thought of the keys is made anew.
    for field in ["version", "openssl"] {
        let mut other: serde_json::Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
        other[field] = serde_json::json!(1);
        let entries = other["entries"].as_object_mut().unwrap();
        entries.values_mut().for_each(|entry| entry["can_sign"] = serde_json::json!(false));
        std::fs::write(&index, other.to_string()).unwrap();
        assert_eq!(place.key(&["list"]).good(), rows, "{field}");
    }
    // Another certificate under the same name counts for nothing.
    std::fs::copy(place.certificate_of(&second), place.certificate_of(&first)).unwrap();
    let left = place.key(&["list"]).good();
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    place.key(&["delete", "--sha256", &second]).good();
    assert_eq!(place.key(&["list"]).good(), serde_json::json!([]));
}
