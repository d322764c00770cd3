//! What the add-on asks about the user's own keys, as dialogues with the host as a process. Passwords come from a
//! pinentry that is a script.
#![cfg(unix)]

#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/pinentry.rs"]
mod pinentry;
#[path = "../support/ports.rs"]
mod ports;

use std::path::PathBuf;
use std::process::Command;

use host_client::Host;
use openssl::pkcs12::Pkcs12;
use pinentry::Pinentry;
use serde_json::{Value, json};

const ALICE: &str = "alice@example.test";

struct User {
    home: tempfile::TempDir,
    pinentry: Pinentry,
    host: Host,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str| home.path().join(name);
        std::fs::write(place("unlock"), "a secret of more than thirty-two octets\n").unwrap();
        let pinentry = Pinentry::new(home.path());
        let config = format!(
            "unlock-file = {:?}\npinentry = {:?}\nresolver = \"127.0.0.1:9\"\nlog = \"trace\"\nlog-to = {:?}\n",
            place("unlock"),
            pinentry.program(),
            place("log")
        );
        let host = Host::start(home.path(), &config).greeted();
        Self { home, pinentry, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    #[track_caller]
    fn good(&mut self, request: Value) -> Value {
        self.good_with(request, b"").0
    }

    #[track_caller]
    fn good_with(&mut self, request: Value, body: &[u8]) -> (Value, Vec<u8>) {
        let (answer, body) = self.host.ask_with(request, body);
        assert_eq!(answer["type"], "result", "{answer}");
        (answer, body)
    }

    #[track_caller]
    fn code(&mut self, request: Value, body: &[u8]) -> String {
        let (answer, _) = self.host.ask_with(request, body);
        assert_eq!(answer["type"], "error", "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    fn generate(&mut self) -> String {
        let request = json!({"type": "generate", "address": ALICE, "name": "Alice", "algorithm": "p-256"});
        self.good(request)["key"]["sha256"].as_str().unwrap().to_owned()
    }

    fn keys(&mut self) -> Vec<Value> {
        self.good(json!({"type": "keys"}))["keys"].as_array().unwrap().clone()
    }

    fn account(&mut self) -> Value {
        let answer = self.good(json!({"type": "accounts", "addresses": [ALICE]}));
        answer["accounts"][0].clone()
    }
}

#[test]
fn a_key_is_made_chosen_retired_and_deleted() {
    let mut user = User::new();
    assert_eq!(user.account()["state"], "no-key");
    let first = user.generate();
    let account = user.account();
    assert_eq!([&account["state"], &account["sign"]["sha256"]], ["unchecked", first.as_str()]);
    assert_eq!(account["encrypt"]["sha256"], first.as_str());
    let second = user.generate();
    user.good(json!({"type": "select", "address": ALICE, "sign": first, "encrypt": second}));
    let account = user.account();
    assert_eq!(
        [&account["sign"]["sha256"], &account["encrypt"]["sha256"]],
        [first.as_str(), second.as_str()]
    );
    user.good(json!({"type": "retire", "sha256": second}));
    assert_eq!(user.account()["encrypt"]["sha256"], first.as_str());
    user.good(json!({"type": "delete", "sha256": second}));
    assert_eq!(user.keys().len(), 1);
    assert_eq!(user.code(json!({"type": "delete", "sha256": second}), b""), "no-such-key");
    assert_eq!(user.code(json!({"type": "delete", "sha256": "xyz"}), b""), "bad-request");
    let wrong = json!({"type": "generate", "address": ALICE, "algorithm": "rsa-512"});
    assert_eq!(user.code(wrong, b""), "bad-request");
}

#[test]
fn the_next_key_waits_until_the_present_one_is_retired() {
    let mut user = User::new();
    let present = user.generate();
    std::thread::sleep(std::time::Duration::from_millis(1100)); // certificates count in seconds
    let request = json!({
        "type": "generate", "address": ALICE, "algorithm": "p-256", "next": true, "retire_after_days": 7,
    });
    let next = user.good(request)["key"]["sha256"].as_str().unwrap().to_owned();
    let account = user.account();
    assert_eq!(account["state"], "changing");
    assert_eq!([&account["sign"]["sha256"], &account["next"]["sha256"]], [present.as_str(), next.as_str()]);
    assert!(account["retires"].is_string());
    // Both records are to be published together.
    let records = user.good(json!({"type": "record", "address": ALICE}));
    let named: Vec<&str> =
        records["records"].as_array().unwrap().iter().map(|row| row["sha256"].as_str().unwrap()).collect();
    assert_eq!(named, [present.as_str(), next.as_str()]);
}

#[test]
fn passwords_are_asked_for_in_a_window_and_cross_neither_way() {
    let mut user = User::new();
    let sha256 = user.generate();
    let prompt = json!({"description": "Für die Datei", "wrong": "Falsch."});
    user.pinentry.will_enter(&["open sesame"]);
    let request = json!({"type": "export", "sha256": sha256, "prompt": prompt});
    let (answer, pkcs12) = user.good_with(request, b"");
    assert!(!answer.to_string().contains("sesame"));
    let asked = user.pinentry.asked();
    assert!(asked.contains("SETDESC Für die Datei\n") && asked.contains("SETREPEAT"), "{asked}");
    let read = Pkcs12::from_der(&pkcs12).unwrap().parse2("open sesame").unwrap();
    assert!(read.pkey.is_some() && read.cert.is_some());

    let mut other = User::new();
    other.pinentry.will_enter(&["open barley", "open sesame"]);
    let (answer, _) = other.good_with(json!({"type": "import", "prompt": prompt}), &pkcs12);
    assert_eq!(answer["keys"][0]["sha256"], sha256.as_str());
    assert!(other.pinentry.asked().contains("SETERROR Falsch.\n"));
    assert!(!answer.to_string().contains("sesame"));

    other.pinentry.will_enter(&["wrong", "wrong", "wrong", "not asked any more"]);
    assert_eq!(other.code(json!({"type": "import"}), &pkcs12), "wrong-password");
    other.pinentry.will_enter(&[""]);
    assert_eq!(other.code(json!({"type": "import"}), &pkcs12), "cancelled");
    assert_eq!(other.code(json!({"type": "import"}), &pkcs12[..pkcs12.len() / 2]), "key-damaged");
    let nobodys = json!({"type": "import", "address": "bob@example.test"});
    other.pinentry.will_enter(&["open sesame"]);
    assert_eq!(other.code(nobodys, &pkcs12), "certificate-does-not-fit");
    // No field takes a password.
    let request = json!({"type": "import", "password": "open sesame"});
    assert_eq!(other.code(request, &pkcs12), "bad-request");
}

/// Every file below a directory.
fn files_below(dir: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn no_file_and_no_log_holds_a_key_or_a_password_and_no_core_is_dumped() {
    let mut user = User::new();
    let sha256 = user.generate();
    user.pinentry.will_enter(&["a password that nobody else has"]);
    let (_, pkcs12) = user.good_with(json!({"type": "export", "sha256": sha256}), b"");
    user.pinentry.will_enter(&["a password that nobody else has"]);
    user.good_with(json!({"type": "import"}), &pkcs12);
    user.pinentry.forget();
    let key =
        Pkcs12::from_der(&pkcs12).unwrap().parse2("a password that nobody else has").unwrap().pkey.unwrap();
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let scalar = &pkcs8[36..68];
    let secrets: Vec<Vec<u8>> = vec![
        scalar[..16].to_vec(),
        hex::encode(&scalar[..16]).into_bytes(),
        hex::encode_upper(&scalar[..16]).into_bytes(),
        b"a password that nobody else has".to_vec(),
    ];
    let files = files_below(user.home.path());
    assert!(files.iter().any(|file| file.ends_with("log")), "there is a log: {files:?}");
    for file in files {
        let content = std::fs::read(&file).unwrap();
        for secret in &secrets {
            let found = content.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} holds a secret", file.display());
        }
    }
    #[cfg(target_os = "linux")]
    {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", user.host.process.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }
}

#[test]
fn a_key_in_the_clear_is_not_taken_through_the_port() {
    let mut user = User::new();
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let pem = key.private_key_to_pem_pkcs8().unwrap();
    assert_eq!(user.code(json!({"type": "import"}), &pem), "key-in-the-clear");
    assert_eq!(user.keys().len(), 0);
}

#[test]
fn a_backup_brings_everything_back() {
    let mut user = User::new();
    let (old, new) = (user.generate(), user.generate());
    user.good(json!({"type": "retire", "sha256": old}));
    user.pinentry.will_enter(&["open sesame"]);
    let (_, backup) = user.good_with(json!({"type": "backup"}), b"");
    let mut other = User::new();
    other.pinentry.will_enter(&["wrong", "open sesame"]);
    let (answer, _) = other.good_with(json!({"type": "restore"}), &backup);
    assert_eq!(answer["keys"].as_array().unwrap().len(), 2);
    assert_eq!(other.keys(), user.keys());
    assert_eq!(other.account()["sign"]["sha256"], new.as_str());
    // What the backup holds opens there.
    other.pinentry.will_enter(&["open sesame"]);
    other.good_with(json!({"type": "export", "sha256": old}), b"");
    assert_eq!(other.code(json!({"type": "restore"}), b"-----BEGIN"), "unreadable-input");
}

#[test]
fn a_request_waits_for_its_certificate() {
    let mut user = User::new();
    let ask = json!({"type": "request", "address": ALICE, "algorithm": "p-256"});
    let answer = user.good(ask.clone());
    assert_eq!(
        user.good(ask)["request"],
        answer["request"],
        "one that waits is told again, and no second made"
    );
    assert_eq!([&user.account()["state"], &user.account()["requested"]], [&json!("requested"), &json!(true)]);
    std::fs::write(user.path("request.pem"), answer["request"].as_str().unwrap()).unwrap();
    let openssl = |arguments: &str| {
        let status = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(user.home.path())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{arguments}");
    };
    openssl("req -x509 -nodes -newkey rsa:2048 -days 30 -keyout ca.key -out ca.pem -subj /CN=Authority");
    openssl(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -copy_extensions copyall -out cert.pem",
    );
    let certificate = std::fs::read(user.path("cert.pem")).unwrap();
    let (answer, _) = user.good_with(json!({"type": "install"}), &certificate);
    assert_eq!(answer["key"]["address"], ALICE);
    let account = user.account();
    assert_eq!([&account["state"], &account["reminder"]], [&json!("expiring"), &json!(60)], "{account}");
    let foreign = std::fs::read(user.path("ca.pem")).unwrap();
    assert_eq!(user.code(json!({"type": "install"}), &foreign), "no-such-key");
}

#[test]
fn settings_are_shown_changed_and_tried_first() {
    let mut user = User::new();
    let settings = user.good(json!({"type": "settings"}))["settings"].clone();
    assert_eq!([&settings["resolver"], &settings["origin"]], ["127.0.0.1:9", "user"]);
    assert_eq!(settings["writable"], true);
    let wrong = json!({"type": "configure", "resolver": "nowhere at all"});
    assert_eq!(user.code(wrong, b""), "bad-resolver");
    user.good(json!({"type": "configure", "resolver": null, "other_spellings": true}));
    let text = std::fs::read_to_string(user.path("config/dane-smime/config.toml")).unwrap();
    assert!(text.contains("unlock-file") && text.contains("other-spellings = true"), "{text}");
    assert!(!text.contains("resolver"), "{text}");
    // A file that is kept elsewhere is changed there.
    let (file, elsewhere) = (user.path("config/dane-smime/config.toml"), user.path("dotfiles.toml"));
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    user.good(json!({"type": "configure", "other_spellings": null}));
    assert!(std::fs::symlink_metadata(&file).unwrap().is_symlink());
    assert!(!std::fs::read_to_string(&elsewhere).unwrap().contains("other-spellings"));
}

/// A knotd with one zone that takes updates signed with a TSIG key.
struct NameServer {
    process: std::process::Child,
    port: u16,
}

impl NameServer {
    fn start(dir: &std::path::Path) -> Self {
        let port = ports::free_port().port();
        std::fs::create_dir_all(dir.join("db")).unwrap(); // knotd makes none for its journal
        let secret = "ZGFuZS1zbWltZS10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI=";
        let place = |name: &str| dir.join(name).display().to_string();
        std::fs::write(
            dir.join("update.key"),
            format!("key \"update\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n"),
        )
        .unwrap();
        std::fs::write(
            dir.join("wrong.key"),
            "key \"update\" { algorithm hmac-sha256; secret \"YW5vdGhlciBzZWNyZXQgYW5vdGhlciBzZWNyZXQgYWI=\"; };\n",
        )
        .unwrap();
        std::fs::write(
            dir.join("example.test.zone"),
            "$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n",
        )
        .unwrap();
        let config = format!(
            "server:\n  rundir: {dir}\n  listen: 127.0.0.1@{port}\nlog:\n  - target: stderr\n    any: error\n\
             database:\n  storage: {db}\nkey:\n  - id: update\n    algorithm: hmac-sha256\n    secret: {secret}\n\
             acl:\n  - id: signed\n    key: update\n    action: update\n\
             zone:\n  - domain: example.test.\n    storage: {dir}\n    acl: signed\n",
            dir = dir.display(),
            db = place("db"),
        );
        std::fs::write(dir.join("knot.conf"), config).unwrap();
        let process = Command::new("knotd")
            .args(["-c", &place("knot.conf")])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port };
        for _ in 0..400 {
            if server.dig("example.test.", "SOA").contains("ns.example.test.") {
                return server;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("knotd does not answer");
    }

    fn dig(&self, name: &str, kind: &str) -> String {
        let port = self.port.to_string();
        let arguments = ["@127.0.0.1", "-p", &port, "+short", "+tcp", "+tries=1", "+time=2", name, kind];
        let output = Command::new("dig").args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_signed_update_puts_the_record_into_a_zone_and_takes_retired_ones_out() {
    let mut user = User::new();
    let server = NameServer::start(&user.path("dns"));
    let at = format!("127.0.0.1:{}", server.port);
    let first = user.generate();
    let records = user.good(json!({"type": "record", "address": ALICE}));
    let owner = records["records"][0]["owner_name"].as_str().unwrap().to_owned();
    let publish = |key: PathBuf, remove: bool| json!({"type": "publish", "address": ALICE, "server": at, "key_file": key, "remove_retired": remove});
    let (right, wrong) = (user.path("dns/update.key"), user.path("dns/wrong.key"));
    assert_eq!(user.code(publish(wrong, false), b""), "update-refused");
    assert_eq!(user.code(publish(user.path("no.key"), false), b""), "unreadable-input");
    // Of a key file that nsupdate cannot read, it says what it read.
    let damaged = user.path("damaged.key");
    std::fs::write(&damaged, "key k { algorithm hmac-sha256; secret \"c2VjcmV0!\"; };\n").unwrap();
    let answer = user.host.ask(publish(damaged, false));
    let said = answer["message"].as_str().unwrap();
    assert!(said.contains("key file") && !said.contains("c2VjcmV0"), "{said}");
    assert_eq!(server.dig(&owner, "TYPE53"), "");
    user.good(publish(right.clone(), false));
    let served = server.dig(&owner, "TYPE53");
    assert_eq!((served.lines().count(), served.starts_with("3 0 0 ")), (1, true), "{served}");
    let hex = records["records"][0]["data"].as_str().unwrap().to_ascii_uppercase();
    assert!(served.replace(' ', "").contains(&hex), "{served}");
    // The next key beside it, then the first one taken away. Certificates count their time in seconds, and the younger
    // of two is the next one.
    let second = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let before = second();
    while second() == before {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    user.generate();
    user.good(publish(right.clone(), false));
    assert_eq!(server.dig(&owner, "TYPE53").lines().count(), 2);
    user.good(json!({"type": "retire", "sha256": first}));
    user.good(publish(right, true));
    let served = server.dig(&owner, "TYPE53").replace(' ', "");
    assert!(served.lines().count() == 1 && !served.contains(&hex), "{served}");
}

#[test]
fn a_dns_that_does_not_answer_is_a_state_and_no_failure() {
    let mut user = User::new();
    user.generate();
    let request = json!({"type": "accounts", "addresses": [ALICE], "dns": true, "deadline_ms": 3000});
    let answer = user.good(request);
    assert_eq!(answer["accounts"][0]["state"], "dns-unreachable");
    // What somebody calls themselves in a newsgroup takes nothing from the others.
    for dns in [false, true] {
        let senders = ["nobody", ALICE, "me@my_news.local"];
        let request = json!({"type": "accounts", "addresses": senders, "dns": dns, "deadline_ms": 3000});
        let answer = user.good(request);
        let told = |name: &str| {
            answer["accounts"].as_array().unwrap().iter().map(|one| one[name].clone()).collect::<Vec<_>>()
        };
        assert_eq!(told("address"), senders);
        let alice = if dns { "dns-unreachable" } else { "unchecked" };
        assert_eq!(told("state"), ["invalid-address", alice, "invalid-address"]);
    }
    let refused = json!({"type": "publish", "address": ALICE, "server": "127.0.0.1:9"});
    assert_eq!(user.code(refused, b""), "update-refused");
    let order = json!({"type": "publish", "address": ALICE, "server": "ns\nupdate delete example.test"});
    assert_eq!(user.code(order, b""), "unreadable-input");
}
