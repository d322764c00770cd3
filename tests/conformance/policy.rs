//! An administrator's `policy.toml`, through the real programs: each key is in force over what the user has set, cannot be
//! set otherwise, and is shown as set by the administrator; a policy with a mistake is told by everything, and nothing is
//! done until it is put right.

#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use dane_smime::config::Layer;
use host_client::Host;
use serde_json::{Value, json};
use signed_tree::{Tree, Zone};

const ALICE: &str = "alice@example.test";

/// A computer with a user and an administrator.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for directory in ["system", "config/dane-smime"] {
            fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        fs::write(home.path().join("unlock"), "0123456789abcdef0123456789abcdef").unwrap();
        Self(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What the user sets always: keys and a resolver of nobody's.
    fn user(&self, keys: &str) {
        let usual = [
            ("unlock-file", format!("{:?}", self.path("unlock"))),
            ("resolver", "\"127.0.0.1:1\"".to_owned()),
        ];
        let mut text = keys.to_owned();
        for (key, value) in usual {
            if !keys.lines().any(|line| line.starts_with(&format!("{key} "))) {
                text = format!("{key} = {value}\n{text}");
            }
        }
        fs::write(self.path("config/dane-smime/config.toml"), text).unwrap();
    }

    fn policy(&self, text: &str) {
        fs::write(self.path("system/policy.toml"), text).unwrap();
    }

    /// Exit status and all that was said.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_dane-smime"))
            .args(arguments)
            .env("HOME", self.0.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("DANE_SMIME_SYSTEM_DIR", self.path("system"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    }

    fn host(&self) -> Host {
        Host::spawn(self.0.path(), &["/nowhere/dane_smime.json", host_client::ADD_ON]).greeted()
    }
}

/// How it shows that a key is in force.
enum Shown {
    /// A command says this.
    By(&'static [&'static str], &'static str),
    /// It takes more than a command; a test of its own has it.
    ByAnotherTest,
    /// The host answers so to a request.
    ByHost(fn() -> Value, &'static str),
    /// The host, once it has done that, has left a file behind with these words in it.
    InFile(fn() -> Value, &'static str, &'static str),
}
use Shown::{By, ByAnotherTest, ByHost, InFile};

/// A key: what the policy says, what the user says, an option that contradicts, how it shows. `HOME`, `RESOLVER` and `ANCHOR`
/// stand for what is there.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>, Shown);

fn generate() -> Value {
    json!({"type": "generate", "address": ALICE, "algorithm": "p-256"})
}

fn look_up() -> Value {
    json!({"type": "lookup", "addresses": [ALICE]})
}

fn protect() -> Value {
    json!({"type": "protect", "from": ALICE, "to": ["bob@example.test"], "sign": true, "encrypt": false,
        "purpose": "send", "headers": [["Subject", "x"]]})
}

const LOOK_UP: &[&str] = &["lookup", ALICE];
const GENERATE: &[&str] = &["key", "generate", "--address", ALICE, "--algorithm", "p-256"];
const RECORD_OF: &[&str] = &["record", ALICE];
const SEE: &str = "resolver = \"RESOLVER\"\ntrust-anchor = \"ANCHOR\"";

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("data-dir", "data-dir = \"HOME/there\"", "data-dir = \"HOME/here\"", Some("--data-dir=/x"),
        By(GENERATE, "HOME/there/keys/")),
    ("resolver", SEE, "resolver = \"127.0.0.1:1\"", Some("--resolver=127.0.0.1:2"), By(LOOK_UP, "secure")),
    ("trust-anchor", SEE, "trust-anchor = \"/nowhere\"", Some("--trust-anchor=/x"), By(LOOK_UP, "secure")),
    ("ca-file", "ca-file = \"/nowhere/ca\"", "ca-file = \"/other\"", Some("--ca-file=/x"),
        By(&["open", "--input", "HOME/letter"], "/nowhere/ca cannot be read")),
    ("crl-file", "crl-file = \"/nowhere/crl\"", "ca-file = \"HOME/ca.pem\"\ncrl-file = \"/other\"", Some("--crl-file=/x"),
        By(&["open", "--input", "HOME/letter"], "/nowhere/crl cannot be read")),
    ("unlock-file", "unlock-file = \"/nowhere/unlock\"", "", Some("--unlock-file=/x"), By(GENERATE, "/nowhere/unlock")),
    ("profile", "profile = \"guide-2014\"", "profile = \"rfc8162\"", Some("--profile=rfc8162"), By(RECORD_OF, "IN TYPE65444")),
    ("guide-type", "guide-type = 65300", "profile = \"guide-2014\"\nguide-type = 65400", Some("--guide-type=65301"),
        By(RECORD_OF, "IN TYPE65300")),
    ("other-spellings", "resolver = \"RESOLVER\"\ntrust-anchor = \"ANCHOR\"\nother-spellings = true", "other-spellings = false", None,
        By(&["lookup", "Alice+list@example.test"], "secure")),
    ("sources", "sources = [\"smimea\"]", "sources = [\"smimea\", \"mail\"]", None, ByAnotherTest),
    ("pinentry", "pinentry = \"HOME/pinentry\"", "pinentry = \"/bin/false\"", None,
        InFile(|| json!({"type": "backup", "prompt": {}}), "asked", "asked")),
    ("nsupdate-server", "nsupdate-server = \"no server\"", "nsupdate-server = \"ns.test\"", None,
        ByHost(|| json!({"type": "publish", "address": ALICE}), "`no server`")),
    ("nsupdate-key", "nsupdate-key = \"/nowhere/key\"", "nsupdate-key = \"/other\"", None,
        ByHost(|| json!({"type": "publish", "address": ALICE}), "/nowhere/key cannot be read")),
    ("at", "at = \"2031-01-01T00:00:00Z\"", "at = \"2041-01-01T00:00:00Z\"", Some("--at=2051-01-01T00:00:00Z"),
        By(GENERATE, "2030-12-31T23:00:00Z to 20")),
    ("dnssec-at", "resolver = \"RESOLVER\"\ntrust-anchor = \"ANCHOR\"\ndnssec-at = \"2001-01-01T00:00:00Z\"", "dnssec-at = \"2002-01-01T00:00:00Z\"",
        Some("--dnssec-at=2003-01-01T00:00:00Z"), By(LOOK_UP, "bogus")),
    ("log", "log = \"trace\"", "log = \"error\"\nlog-to = \"HOME/log\"", None, InFile(look_up, "log", "DEBUG")),
    ("log-to", "log-to = \"HOME/there.log\"", "log = \"trace\"\nlog-to = \"HOME/log\"", None, InFile(look_up, "there.log", "DEBUG")),
    ("log-addresses", "log-addresses = true", "log = \"trace\"\nlog-to = \"HOME/log\"\nlog-addresses = false", None,
        InFile(look_up, "log", ALICE)),
    ("audit-log", "audit-log = \"HOME/audit\"", "audit-log = \"HOME/other\"", None, InFile(protect, "audit", "bob@example.test")),
    ("provision", "provision = { addresses = [\"carol@example.test\"], hand-over = { directory = \"HOME\" } }",
        "[provision]\naddresses = [\"dave@example.test\"]\nhand-over = { directory = \"HOME\" }", None,
        ByHost(|| json!({"type": "provision", "addresses": ["carol@example.test", "dave@example.test"]}), "carol@example.test")),
];

/// What is the same for all cases: Alice's certificate, in a real signed DNS.
struct World {
    desk: Desk,
    tree: Tree,
}

impl World {
    fn new() -> Self {
        let desk = Desk::new();
        desk.user("");
        assert_eq!(desk.run(GENERATE).0, Some(0));
        let (_, line) = desk.run(&["record", ALICE, "--form", "smimea"]);
        let tree = Tree::grow(vec![
            Zone::signed("test.", Vec::new()),
            Zone::signed("example.test.", vec![line.trim().to_owned()]),
        ]);
        fs::write(desk.path("letter"), "From: alice@example.test\r\n\r\nHello\r\n").unwrap();
        let keys =
            fs::read_dir(desk.path("data/dane-smime/keys")).unwrap().map(|entry| entry.unwrap().path());
        let certificate = keys.into_iter().find(|file| file.extension().is_some_and(|e| e == "pem")).unwrap();
        fs::copy(certificate, desk.path("ca.pem")).unwrap();
        let script = "#!/bin/sh\necho asked >\"$(dirname \"$0\")/asked\"\n";
        fs::write(desk.path("pinentry"), script).unwrap();
        fs::set_permissions(desk.path("pinentry"), fs::Permissions::from_mode(0o700)).unwrap();
        Self { desk, tree }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("HOME", self.desk.0.path().to_str().unwrap())
            .replace("RESOLVER", &self.tree.address.to_string())
            .replace("ANCHOR", self.tree.anchor_file().to_str().unwrap())
    }

    fn check(&self, (key, policy, user, option, shown): &Case) {
        let (policy, user) = (self.fill(policy), self.fill(user));
        self.desk.user(&user);
        self.desk.policy(&policy);
        let expect = |said: &str, wanted: &str| {
            assert!(said.contains(&self.fill(wanted)), "{key}: {wanted} in {said}");
        };
        match shown {
            By(arguments, wanted) => {
                let arguments: Vec<String> = arguments.iter().map(|text| self.fill(text)).collect();
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                expect(&self.desk.run(&arguments).1, wanted);
            }
            ByAnotherTest => {}
            ByHost(request, wanted) => expect(&self.desk.host().ask(request()).to_string(), wanted),
            InFile(request, file, wanted) => {
                let mut host = self.desk.host();
                host.ask_with(request(), BODY);
                host.hang_up();
                let text = fs::read_to_string(self.desk.path(file)).unwrap_or_default();
                expect(&text, wanted);
                fs::remove_file(self.desk.path(file)).unwrap();
            }
        }
        if let Some(option) = option {
            let (status, said) = self.desk.run(&[option, "key", "list"]);
            assert_eq!(status, Some(2), "{key}: {said}");
            expect(&said, "is set by your administrator in HOME/system/policy.toml");
        }
        let answer = self.desk.host().ask(json!({"type": "settings"}));
        let locked = answer["settings"]["locked"].as_array().unwrap_or_else(|| panic!("{key}: {answer}"));
        assert!(locked.contains(&json!(key.replace('-', "_"))), "{key}: {answer}");
    }
}

const BODY: &[u8] = b"Content-Type: text/plain\r\n\r\nHello\r\n";

#[test]
fn every_key_is_in_force_and_shown_as_the_administrators() {
    let world = World::new();
    for case in CASES {
        world.check(case);
    }
    let covered: Vec<&str> = CASES.iter().map(|case| case.0).chain(["locked"]).collect();
    assert_eq!(covered, Layer::KEYS, "every key has its case, in the order of the keys");
}

#[test]
fn what_is_locked_is_as_if_the_user_had_not_set_it() {
    let desk = Desk::new();
    desk.user("profile = \"guide-2014\"");
    assert_eq!(desk.run(GENERATE).0, Some(0));
    assert!(desk.run(RECORD_OF).1.contains("TYPE65444"));
    desk.policy("locked = [\"profile\", \"resolver\"]");
    assert!(desk.run(RECORD_OF).1.contains("IN SMIMEA 3 0 0"));
    let wish = json!({"type": "configure", "resolver": "127.0.0.1:53"});
    assert_eq!(desk.host().ask(wish)["code"], "set-by-administrator");
}

/// What mail brought is kept where mail is a source. (What it is good for, `exchange` shows.)
#[test]
fn certificates_from_mail_are_kept_only_where_mail_is_a_source() {
    let world = World::new();
    let desk = &world.desk;
    let common = world.fill(SEE);
    let open_signed = |sources: &str| {
        desk.policy(&format!("{common}\nsources = {sources}"));
        let letter = desk.path("letter").display().to_string();
        let signed = desk.path("signed").display().to_string();
        let sign =
            ["protect", "--from", ALICE, "--to", ALICE, "--sign", "--input", &letter, "--output", &signed];
        let (status, said) = desk.run(&sign);
        assert_eq!(status, Some(0), "{said}");
        let (status, said) = desk.run(&["open", "--input", &signed]);
        assert_eq!(status, Some(0), "{said}");
        desk.path("data/dane-smime/brought").exists()
    };
    assert!(!open_signed("[\"smimea\"]"));
    // Another letter: one that was seen before teaches nothing new.
    fs::write(desk.path("letter"), "From: alice@example.test\r\n\r\nHello again\r\n").unwrap();
    assert!(open_signed("[\"smimea\", \"mail\"]"));
}

#[test]
fn a_policy_with_a_mistake_is_told_by_everything_and_nothing_is_done() {
    for (policy, wanted) in [
        ("resolvr = \"127.0.0.1\"", "unknown field `resolvr`"),
        ("resolver = 53", "invalid type: integer `53`, expected a string"),
        ("resolver \"127.0.0.1\"", "line 1, column 10"),
        ("sources = [\"mail\"]", "`sources` must name \"smimea\""),
        ("sources = [\"ldap\"]", "unknown variant `ldap`"),
        ("locked = [\"resolvr\"]", "`locked` names `resolvr`, which is no key"),
        ("at = \"noon\"", "`at` is not a time"),
        ("", "cannot be read"),
    ] {
        let desk = Desk::new();
        desk.user("");
        match policy {
            // It is there and cannot be read.
            "" => fs::create_dir(desk.path("system/policy.toml")).unwrap(),
            text => desk.policy(text),
        }
        let (status, said) = desk.run(GENERATE);
        assert_eq!(status, Some(2), "{policy}: {said}");
        assert!(said.contains(wanted), "{policy}: {said}");
        assert!(!desk.path("data").exists(), "{policy}: something was done");

        let (status, said) = desk.run(&["--json", "doctor"]);
        assert_eq!(status, Some(1), "{policy}");
        let report: Value = serde_json::from_str(&said).unwrap();
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "settings");
        assert_eq!(check.unwrap()["code"], "settings-wrong");
        assert!(check.unwrap()["text"].as_str().unwrap().contains(wanted), "{policy}: {check:?}");

        let mut host = desk.host();
        for request in [generate(), look_up(), json!({"type": "settings"})] {
            let answer = host.ask(request);
            assert_eq!(answer["code"], "bad-configuration", "{answer}");
            assert!(answer["message"].as_str().unwrap().contains(wanted), "{policy}: {answer}");
        }
        let answer = host.ask(json!({"type": "doctor", "accounts": []}));
        assert!(answer.to_string().contains("settings-wrong"), "{policy}: {answer}");
    }
}
