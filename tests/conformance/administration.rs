//! What administrators ask of the host: keys made unasked and their lines handed over, every protected mail written down,
//! and logs that tell nothing about anybody.

#[path = "../support/host_client.rs"]
mod host_client;

use std::fs;
use std::path::Path;

use host_client::Host;
use serde_json::{Value, json};

const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nThe words of the mail\r\n";

fn config(home: &Path, more: &str) -> String {
    let unlock = home.join("unlock");
    fs::write(&unlock, "0123456789abcdef0123456789abcdef").unwrap();
    format!("unlock-file = {unlock:?}\nresolver = \"127.0.0.1:1\"\n{more}\n")
}

fn provision(host: &mut Host, addresses: &[&str]) -> Value {
    host.ask(json!({"type": "provision", "addresses": addresses}))
}

#[test]
fn keys_are_made_for_whom_the_settings_say_and_handed_over_once() {
    let home = tempfile::tempdir().unwrap();
    let spool = home.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let table = format!(
        "[provision]\naddresses = [\"*@example.org\"]\nalgorithm = \"p-256\"\nhand-over = {{ directory = {spool:?} }}"
    );
    let mut host = Host::start(home.path(), &config(home.path(), &table)).greeted();
    let addresses = ["Alice@example.org", "bob@elsewhere.test", "no address"];
    let answer = provision(&mut host, &addresses);
    assert_eq!(answer["handed_over"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["handed_over"][0]["address"], "Alice@example.org");
    let keys = host.ask(json!({"type": "keys"}));
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    let files: Vec<_> = fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().path()).collect();
    let lines = fs::read_to_string(&files[0]).unwrap();
    assert!(lines.contains("._smimecert.example.org. IN SMIMEA 3 0 0 30"), "{lines}");
    // Again, at the next start: nothing is made, nothing is handed over.
    assert_eq!(provision(&mut host, &addresses)["handed_over"], json!([]));
    assert_eq!(files.len(), 1);
}

#[test]
fn a_command_gets_the_lines_and_is_asked_again_until_it_takes_them() {
    let home = tempfile::tempdir().unwrap();
    let taken = home.path().join("taken");
    let closed = home.path().join("closed");
    let script = format!("test ! -e '{}' && cat >'{}'", closed.display(), taken.display());
    fs::write(&closed, "").unwrap();
    let table = format!(
        "[provision]\naddresses = [\"alice@example.org\"]\nalgorithm = \"p-256\"\nhand-over = {{ command = [\"sh\", \"-c\", {script:?}] }}"
    );
    let mut host = Host::start(home.path(), &config(home.path(), &table)).greeted();
    assert_eq!(provision(&mut host, &["alice@example.org"])["code"], "hand-over-failed");
    fs::remove_file(&closed).unwrap();
    let answer = provision(&mut host, &["alice@example.org"]);
    assert_eq!(answer["handed_over"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(fs::read_to_string(&taken).unwrap().contains("IN SMIMEA 3 0 0"));
    let keys = host.ask(json!({"type": "keys"}));
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "no second key: {keys}");
}

#[test]
fn of_two_that_start_at_once_one_makes_the_key() {
    let home = tempfile::tempdir().unwrap();
    let spool = home.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let table = format!(
        "[provision]\naddresses = [\"*@example.org\"]\nalgorithm = \"rsa-4096\"\nhand-over = {{ directory = {spool:?} }}"
    );
    let config = config(home.path(), &table);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let mut host = Host::start(home.path(), &config).greeted();
                assert_eq!(provision(&mut host, &["alice@example.org"])["type"], "result");
            });
        }
    });
    assert_eq!(fs::read_dir(&spool).unwrap().count(), 1);
}

#[test]
fn what_fails_for_one_is_done_for_the_others() {
    let home = tempfile::tempdir().unwrap();
    let taken = home.path().join("taken");
    let script = format!("read -r whom; case $whom in *alice*) exit 1;; esac; cat >'{}'", taken.display());
    let table = format!(
        "[provision]\naddresses = [\"*@example.org\"]\nalgorithm = \"p-256\"\nhand-over = {{ command = [\"sh\", \"-c\", {script:?}] }}"
    );
    let mut host = Host::start(home.path(), &config(home.path(), &table)).greeted();
    assert_eq!(provision(&mut host, &["alice@example.org", "bob@example.org"])["code"], "hand-over-failed");
    assert!(fs::read_to_string(&taken).unwrap().contains("IN SMIMEA 3 0 0"));
    let keys = host.ask(json!({"type": "keys"}));
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2), "{keys}");
}

#[test]
fn every_protected_mail_is_written_down_or_not_protected() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("audit/log");
    let table = format!("audit-log = {log:?}");
    let mut host = Host::start(home.path(), &config(home.path(), &table)).greeted();
    let made = host.ask(json!({"type": "generate", "address": "alice@example.org", "algorithm": "p-256"}));
    assert_eq!(made["type"], "result", "{made}");
    let mut protect = |purpose: &str| {
        let request = json!({"type": "protect", "from": "alice@example.org", "to": ["bob@example.org"],
            "sign": true, "encrypt": purpose == "draft", "purpose": purpose,
            "headers": [["Subject", "Not for the log"]]});
        host.ask_with(request, ENTITY).0
    };
    assert_eq!(protect("send")["code"], "audit-failed");
    fs::create_dir(log.parent().unwrap()).unwrap();
    assert_eq!(protect("send")["signed"], true);
    assert_eq!(protect("draft")["type"], "result");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!(lines[0]["to"], json!(["bob@example.org"]));
    assert_eq!((&lines[0]["signed"], &lines[0]["encrypted"]), (&json!(true), &json!(false)));
    assert!(!text.contains("Not for the log") && !text.contains("words"), "{text}");
}

#[test]
fn a_log_tells_what_goes_on_and_of_nobody() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    let settings = format!("log = \"trace\"\nlog-to = {log:?}");
    let mut host = Host::start(home.path(), &config(home.path(), &settings)).greeted();
    host.ask(json!({"type": "generate", "address": "alice@example.org", "algorithm": "p-256"}));
    host.ask(json!({"type": "lookup", "addresses": ["bob@example.org"]}));
    let request = json!({"type": "protect", "from": "alice@example.org", "to": ["bob@example.org"], "sign": true,
        "encrypt": true, "purpose": "send", "headers": [["Subject", "Not for the log"]]});
    host.ask_with(request, ENTITY);
    host.hang_up();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("address=<address "), "whom it is about, as a hash: {text}");
    for private in ["alice@", "bob@", "Not for the log", "The words of the mail"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}
