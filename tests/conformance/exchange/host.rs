//! The same by the host, as Thunderbird asks it.

use serde_json::json;
use tempfile::TempDir;

use crate::SECRET;
use crate::host_client::Host;
use crate::letters::{BODY, WORLD, protected, verdict};

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
