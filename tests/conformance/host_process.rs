//! The host as a process: greeting, refusals, its end. What it does with mail is in `exchange`.

#[path = "../support/host_client.rs"]
mod host_client;

use std::path::Path;

use host_client::{Host, put_private, runtime_in_memory};
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

#[cfg(target_os = "linux")]
#[test]
fn its_manifest_may_lie_in_a_folder_whose_name_is_no_unicode() {
    use std::os::unix::ffi::OsStrExt;
    let home = tempfile::tempdir().unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_dane-smime-host"))
        .arg(std::ffi::OsStr::from_bytes(b"/home/j\xfcrgen/dane_smime.json"))
        .arg(host_client::ADD_ON)
        .env("HOME", home.path())
        .env("DANE_SMIME_SYSTEM_DIR", home.path())
        .stdin(std::process::Stdio::null())
        .status();
    assert_eq!(ended.unwrap().code(), Some(0), "it serves until its input ends");
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

/// A window is a process of its own, which would wait for a password that nobody wants any more.
#[cfg(unix)]
#[test]
fn when_it_ends_no_window_that_asks_for_a_password_stays() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("pinentry");
    let script = "#!/bin/sh\necho $$ >\"$0.id\"\necho OK\nwhile read -r order x; do\n\
                  case $order in GETPIN) exec sleep 60 ;; esac; echo OK; done\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut host = Host::start(home.path(), &format!("pinentry = {program:?}\n")).greeted();
    host.say(&json!({"type": "backup", "id": 7}));
    let asked = host.read().unwrap();
    assert_eq!(asked["stage"], "password", "{asked}");
    let id = || std::fs::read_to_string(home.path().join("pinentry.id")).unwrap_or_default();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !id().ends_with('\n') {
        assert!(std::time::Instant::now() < until, "it is not asked");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(host.hang_up(), Some(0));
    let window = Path::new("/proc").join(id().trim());
    assert!(!window.exists(), "it stays open");
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

const LARGE: usize = 1024 * 1024;

/// A mail without any protection, which is given back as it is.
fn plain_mail() -> Vec<u8> {
    let head = b"From: a@example.test\r\nContent-Type: text/plain\r\n\r\n";
    [&head[..], &b"meet me at noon\r\n".repeat(LARGE / 17 + 1)].concat()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map(|entries| entries.count()).unwrap_or_default()
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_mail_goes_by_file_and_nothing_of_it_stays() {
    let home = tempfile::tempdir().unwrap();
    let runtime = runtime_in_memory(home.path());
    let mut host = Host::start(home.path(), "").greeted();
    let folder = host.bodies.clone().unwrap();
    assert!(folder.starts_with(home.path().join("run")));
    let mail = plain_mail();
    let (end, got, _) = host.ask_by_file(json!({"type": "open"}), &mail);
    assert!(end["body_file"].is_string(), "{end}");
    assert!(got == mail);
    assert_eq!(entries(&folder), 0);
    // The same in chunks gives the same.
    assert!(host.ask_with(json!({"type": "open"}), &mail).1 == mail);

    put_private(&folder.join("body-x"), &mail);
    let refused = |host: &mut Host, name: &str, length: usize| {
        host.ask(json!({"type": "open", "body_file": name, "body_length": length}))["code"].clone()
    };
    assert_eq!(refused(&mut host, "body-x", mail.len() - 1), "body-file-refused");
    assert_eq!(refused(&mut host, "body-y", mail.len()), "body-file-refused");
    assert_eq!(refused(&mut host, "../body-x", mail.len()), "bad-request");
    std::os::unix::fs::symlink(folder.join("body-x"), folder.join("body-z")).unwrap();
    assert_eq!(refused(&mut host, "body-z", mail.len()), "body-file-refused");
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(folder.join("body-x"), readable).unwrap();
    assert_eq!(refused(&mut host, "body-x", mail.len()), "body-file-refused");

    assert_eq!(host.hang_up(), Some(0));
    assert!(!folder.exists(), "with all that was in it");
    assert_eq!(entries(&runtime.path().join("dane-smime-bodies")), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_host_leaves_goes_when_the_next_one_starts() {
    let home = tempfile::tempdir().unwrap();
    let _runtime = runtime_in_memory(home.path());
    let mut living = Host::start(home.path(), "").greeted();
    let mut killed = Host::start(home.path(), "").greeted();
    let (of_living, of_killed) = (living.bodies.clone().unwrap(), killed.bodies.clone().unwrap());
    for folder in [&of_living, &of_killed] {
        put_private(&folder.join("body-1"), b"meet me at noon");
    }
    killed.process.kill().unwrap();
    killed.process.wait().unwrap();
    assert!(of_killed.join("body-1").exists());
    let next = Host::start(home.path(), "").greeted();
    assert!(!of_killed.exists() && of_living.join("body-1").exists());
    assert_ne!(next.bodies, living.bodies);
    assert_eq!(living.hang_up(), Some(0));
}

#[test]
fn without_a_place_in_memory_there_is_no_folder_for_bodies() {
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "").greeted();
    assert_eq!(host.bodies, None);
    let mail = plain_mail();
    let (end, got) = host.ask_with(json!({"type": "open", "answer_file": true}), &mail);
    assert!(end["type"] == "result" && got == mail, "{end}");
}
