//! The host as a process: greeting, refusals, its end. What it does with mail is in `exchange`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test program"
)]
#![allow(missing_docs, dead_code, unreachable_pub, reason = "a test program")]

#[path = "../support/host_client.rs"]
mod host_client;

use host_client::Host;
use serde_json::json;

#[test]
fn it_greets_answers_and_ends_with_its_input() {
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "").greeted();
    let answer = host.ask(json!({"type": "sing"}));
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("unknown-request")));
    let answer = host.ask(json!({"type": "keys"}));
    assert_eq!((&answer["type"], &answer["keys"]), (&json!("result"), &json!([])), "{answer}");
    assert_eq!(host.hang_up(), Some(0));
}

#[test]
fn only_our_add_on_may_call() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["/m.json"], &["/m.json", "evil@example.test"]] {
        let mut host = Host::spawn(home.path(), arguments);
        assert_eq!(host.read(), None, "not a word to strangers");
        assert_eq!(host.hang_up(), Some(2));
    }
}

#[test]
fn a_frame_that_is_too_large_or_no_request_ends_it() {
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "").greeted();
    host.write(&vec![b' '; 1024 * 1024]); // the largest frame that is read, and no JSON
    assert_eq!(host.read(), None);
    assert_eq!(host.hang_up(), Some(0));
    let mut host = Host::start(home.path(), "").greeted();
    host.write(b"{}");
    assert_eq!(host.read(), None);
}

#[test]
fn wrong_settings_are_told_and_not_ignored() {
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "trust_anchor = \"/a\"\n").greeted();
    let answer = host.ask(json!({"type": "lookup", "addresses": ["a@example.test"]}));
    assert_eq!(answer["code"], "bad-configuration");
    assert!(answer["message"].as_str().unwrap().contains("trust_anchor"), "{answer}");
}

#[test]
fn blind_recipients_of_encrypted_mail_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "").greeted();
    let request = json!({
        "type": "protect", "from": "a@example.test", "to": [], "bcc": ["b@example.test"],
        "sign": false, "encrypt": true, "purpose": "send",
    });
    let (answer, body) = host.ask_with(request, b"Content-Type: text/plain\r\n\r\nx");
    assert_eq!((&answer["code"], body.len()), (&json!("bcc-needs-own-copy"), 0));
}

#[test]
fn versions_that_meet_in_any_order_go_on_or_say_who_is_to_be_updated() {
    let hello = |min: u32, max: u32| {
        let home = tempfile::tempdir().unwrap();
        let mut host = Host::start(home.path(), "");
        let versions = json!({"min": min, "max": max});
        let words = json!({"type": "hello", "protocol": versions, "addon": "9.9.9", "of_tomorrow": [1]});
        let answer = host.ask(words);
        let then = (answer["type"] == "hello").then(|| host.ask(json!({"type": "keys"})));
        (answer, then)
    };
    // A newer add-on that still speaks the old protocol.
    let (answer, then) = hello(1, 9);
    assert_eq!((&answer["type"], &answer["protocol"]), (&json!("hello"), &json!(1)), "{answer}");
    assert_eq!(then.unwrap()["type"], "result");
    assert!(answer["features"].as_array().unwrap().contains(&json!("protect")));
    // One that does not, and one that is too old.
    for ((min, max), update) in [((2, 9), "host"), ((0, 0), "add-on")] {
        let (answer, _) = hello(min, max);
        assert_eq!(
            (&answer["code"], &answer["update"]),
            (&json!("protocol-mismatch"), &json!(update)),
            "{answer}"
        );
    }
}
