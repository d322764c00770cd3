//! The host that Thunderbird starts: it asks for a PIN while requests wait.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::host_client::Host;
use crate::soft_token::PIN;
use crate::{ALICE, User};

/// A user who holds a key, and a letter to it.
fn with_a_letter() -> (User, Vec<u8>) {
    let user = User::with_key_on("Karte");
    user.takes_up();
    user.pinentry.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
    let letter = std::fs::read(user.path("letter.eml")).unwrap();
    (user, letter)
}

fn start(user: &User) -> Host {
    let config = format!("{}data-dir = {:?}\n", user.config(), user.path("keys"));
    Host::start(user.home.path(), &config)
}

/// Hands a letter over to be opened, and waits for nothing.
fn begin_to_open(host: &mut Host, id: u64, letter: &[u8], deadline: Duration) {
    let deadline_ms = deadline.as_millis();
    host.say(&json!({"type": "open", "id": id, "body_length": letter.len(), "deadline_ms": deadline_ms}));
    host.say(&json!({"type": "chunk", "id": id, "seq": 0, "data": STANDARD.encode(letter)}));
}

#[test]
fn the_host_asks_once_for_all_and_in_the_users_language() {
    let (user, letter) = with_a_letter();
    let mut host = start(&user);
    let hello = json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0",
        "pin": {"description": "PIN der Karte „$1“", "label": "PIN:", "later": "unknown words are passed over"}});
    assert_eq!(host.ask(hello)["type"], "hello");
    let open = json!({"type": "open", "deadline_ms": 60_000});

    // Two letters at once, and their reader does not want to: one window is closed, not two.
    user.pinentry.will_enter(&[]);
    for id in [101, 102] {
        begin_to_open(&mut host, id, &letter, Duration::from_secs(60));
    }
    wait("the question", || user.pinentry.times_asked() > 0);
    std::thread::sleep(Duration::from_millis(500)); // the second waits its turn
    user.pinentry.enter(&[""]);
    let mut ends = 0;
    while ends < 2 {
        let frame = host.read().unwrap();
        if frame["type"] != "progress" {
            assert_eq!(frame["code"], "pin-needed", "{frame}");
            ends += 1;
        }
    }
    assert_eq!(user.pinentry.times_asked(), 1);
    assert!(user.pinentry.asked().contains("SETDESC PIN der Karte „Karte“"), "{}", user.pinentry.asked());

    // Once open, it stays open; the PIN itself crosses the port in no direction.
    user.pinentry.will_enter(&[PIN]);
    for _ in 0..3 {
        let (end, body, told) = host.ask_telling(open.clone(), &letter);
        assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
        assert!(String::from_utf8(body).unwrap().contains("Secret."));
        assert!(told.iter().all(|frame| !frame.to_string().contains(PIN)));
    }
    assert_eq!(user.pinentry.times_asked(), 1);
    assert!(!user.read("log").contains(PIN));
}

#[test]
fn a_pin_may_take_longer_than_the_request() {
    let (user, letter) = with_a_letter();
    let mut host = start(&user);
    let hello = |ms: u64| json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0", "password_ms": ms});
    assert_eq!(host.ask(hello(60_000))["type"], "hello");
    let deadline = Duration::from_secs(4);
    let told = |host: &mut Host, id: u64, stage: &str| {
        while host.read().is_some_and(|frame| frame["id"] != id || frame["stage"] != stage) {}
    };
    user.pinentry.will_enter(&[]);
    // One asks, two wait for what becomes of it; one of them is given up.
    begin_to_open(&mut host, 101, &letter, deadline);
    told(&mut host, 101, "password");
    for id in [102, 103] {
        begin_to_open(&mut host, id, &letter, deadline);
        told(&mut host, id, "password");
    }
    host.say(&json!({"type": "cancel", "id": 103}));
    host.say(&json!({"type": "keys", "id": 104}));
    let mut ended: Vec<Value> = Vec::new();
    let mut until = |host: &mut Host, ids: &[u64]| {
        while !ids.iter().all(|id| ended.iter().any(|frame| frame["id"] == *id)) {
            let frame = host.read().expect("the host ended");
            if ["result", "error"].contains(&frame["type"].as_str().unwrap()) {
                ended.push(frame);
            }
        }
        ids.iter()
            .map(|id| ended.iter().find(|frame| frame["id"] == *id).unwrap().clone())
            .collect::<Vec<_>>()
    };
    let [cancelled, keys] = &until(&mut host, &[103, 104])[..] else { unreachable!() };
    assert_eq!((&cancelled["code"], &keys["type"]), (&json!("cancelled"), &json!("result")));
    std::thread::sleep(deadline + Duration::from_millis(500));
    user.pinentry.enter(&[PIN]);
    for end in until(&mut host, &[101, 102]) {
        assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
    }
    assert_eq!(user.pinentry.times_asked(), 1);
    assert_eq!(host.hang_up(), Some(0));

    // Nobody is there: the window closes, and the answer says what was missing.
    let mut host = start(&user);
    assert_eq!(host.ask(hello(500))["type"], "hello");
    user.pinentry.will_enter(&[]);
    let (end, _) = host.ask_with(json!({"type": "open", "deadline_ms": 2000}), &letter);
    assert_eq!(end["code"], "pin-needed", "{end}");
    user.pinentry.will_enter(&[PIN]);
    let (end, _) = host.ask_with(json!({"type": "open", "deadline_ms": 60_000}), &letter);
    assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
}

#[test]
fn who_asks_about_the_keyring_does_not_wait_for_a_pin() {
    let (user, letter) = with_a_letter();
    // A key that is sealed, so that there is something to be locked; the host finds no keyring for it.
    user.dane(&["key", "generate", "--address", ALICE, "--algorithm", "p-256"]).good();
    let config = user.config().replace("unlock-file", "# unlock-file");
    let config = format!("{config}data-dir = {:?}\n", user.path("keys"));
    let mut host = Host::start(user.home.path(), &config).greeted();
    user.pinentry.will_enter(&[]);
    begin_to_open(&mut host, 101, &letter, Duration::from_secs(60));
    wait("the question", || user.pinentry.times_asked() > 0);
    host.say(&json!({"type": "keyring", "id": 102, "deadline_ms": 20_000}));
    loop {
        let frame = host.read().unwrap();
        assert!(frame["id"] != 101 || frame["type"] == "progress", "{frame}");
        if frame["id"] == 102 {
            assert_eq!(frame["code"], "keyring-missing", "{frame}");
            break;
        }
    }
}

/// A keyring that asks its user for a password says nothing meanwhile. What answers as slowly here is a pipe in place of
/// the unlock file.
#[test]
fn a_keyring_may_take_longer_than_the_request() {
    let user = User::new();
    let secret = user.read("unlock");
    user.tokens.run(&format!(
        "openssl req -x509 -nodes -days 30 -newkey rsa:2048 -keyout key.pem -out rsa.crt -subj /CN=a -addext \
         subjectAltName=email:{ALICE}"
    ));
    user.write("both.pem", user.read("key.pem") + &user.read("rsa.crt"));
    user.dane(&["key", "import", "both.pem"]).good();
    user.opens("-aes256", "rsa.crt").good();
    let letter = std::fs::read(user.path("letter.eml")).unwrap();
    std::fs::remove_file(user.path("unlock")).unwrap();
    user.tokens.run("mkfifo unlock");

    let mut host = start(&user);
    let hello =
        json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0", "password_ms": 60_000});
    assert_eq!(host.ask(hello)["type"], "hello");
    let deadline = Duration::from_secs(2);
    begin_to_open(&mut host, 101, &letter, deadline);
    while host.read().unwrap()["stage"] != "password" {}
    std::thread::sleep(deadline);
    user.write("unlock", secret);
    loop {
        let frame = host.read().unwrap();
        if frame["type"] == "result" || frame["type"] == "error" {
            assert_eq!(frame["verdict"]["encryption"]["state"], "decrypted", "{frame}");
            break;
        }
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
