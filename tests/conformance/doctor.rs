//! `dane-smime doctor` on a computer that is well, and with one thing after the other gone wrong: a real signed DNS, a real
//! keyring, the real host behind a real manifest.

#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/keyring_session.rs"]
mod keyring_session;
#[path = "../support/on_path.rs"]
mod on_path;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RecordType;
use host_client::Host;
use keyring_session::{Secrets, Session};
use on_path::{Reply, Truth, between};
use serde_json::{Value, json};
use signed_tree::{Tree, Zone};

/// A user with a keyring and a key that is published.
struct Desk {
    session: Session,
    tree: Tree,
}

impl Desk {
    fn new() -> Self {
        let session = Session::start(Secrets::Unlocked);
        let run = |arguments: &[&str]| {
            let done = session.command(env!("CARGO_BIN_EXE_dane-smime")).args(arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        let made =
            run(&["--json", "key", "generate", "--address", "alice@example.test", "--algorithm", "p-256"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let keys = session.home().join(".local/share/dane-smime/keys");
        let file = keys.join(format!("{}.pem", made["sha256"].as_str().unwrap()));
        let line =
            run(&["record", "alice@example.test", "--form", "smimea", "--cert", file.to_str().unwrap()]);
        let tree = Tree::grow(vec![
            Zone::signed("test.", Vec::new()),
            Zone::signed("example.test.", vec![line.trim().to_owned()]),
        ]);
        let desk = Self { session, tree };
        desk.register(Path::new(env!("CARGO_BIN_EXE_dane-smime-host")));
        desk.configure("");
        desk
    }

    fn configure(&self, more: &str) {
        let mut text = more.to_owned();
        for (key, value) in [
            ("resolver", self.tree.address.to_string()),
            ("trust-anchor", self.tree.anchor_file().display().to_string()),
        ] {
            if !more.contains(key) {
                text += &format!("\n{key} = {value:?}");
            }
        }
        let dir = self.session.home().join(".config/dane-smime");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("config.toml"), text).unwrap();
    }

    fn manifest(&self) -> std::path::PathBuf {
        self.session.home().join(".mozilla/native-messaging-hosts/dane_smime.json")
    }

    fn register(&self, program: &Path) {
        let template = include_str!("../../manifests/dane_smime.json.in");
        fs::create_dir_all(self.manifest().parent().unwrap()).unwrap();
        fs::write(self.manifest(), template.replace("@PATH@", program.to_str().unwrap())).unwrap();
    }

    fn doctor(&self) -> Value {
        let done = self
            .session
            .command(env!("CARGO_BIN_EXE_dane-smime"))
            .args(["--json", "doctor"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
        assert_eq!(done.status.code() == Some(0), report["ok"] == true);
        report
    }

    /// The codes of what was found, but of Thunderbird itself and its policies: they are the machine's.
    fn codes(&self) -> Vec<String> {
        let report = self.doctor();
        let checks = report["checks"].as_array().unwrap().iter();
        let ours =
            checks.filter(|check| !["thunderbird", "policies"].contains(&check["check"].as_str().unwrap()));
        ours.map(|check| check["code"].as_str().unwrap().to_owned()).collect()
    }
}

const WELL: [&str; 9] = [
    "manifest-good",
    "program-good",
    "settings-good",
    "resolver-good",
    "dnssec-good",
    "clock-good",
    "smimea-good",
    "keyring-good",
    "key-good",
];

/// What a home router does that knows no DNSSEC.
fn without_signatures(mut message: Message) -> Message {
    let plain = |record_type: RecordType| !record_type.is_dnssec();
    message.answers.retain(|record| plain(record.record_type()));
    message.authorities.retain(|record| plain(record.record_type()));
    message
}

#[test]
fn what_is_well_and_what_is_not() {
    let desk = Desk::new();
    assert_eq!(desk.codes(), [&WELL[..], &["record-good"]].concat());

    // The way to the DNS.
    let differs = |config: String, expected: &[&str]| {
        desk.configure(&config);
        let codes = desk.codes();
        for code in expected {
            assert!(codes.iter().any(|found| found == code), "{config}: {code} is not in {codes:?}");
        }
        codes
    };
    let truth = Truth(desk.tree.address);
    let router = between(truth, |_, _, answer| Reply::Message(without_signatures(answer)));
    let codes = differs(format!("resolver = \"{router}\""), &["dnssec-stripped", "keyring-good", "key-good"]);
    assert!(!codes.contains(&"record-good".to_owned()));
    let report = desk.doctor().to_string();
    assert!(report.contains("DoT") && report.contains("DoH"), "{report}");
    let filter = between(truth, |_, query, answer| match query.query_type() {
        RecordType::SMIMEA => Reply::Hangup,
        _ => Reply::Message(answer),
    });
    differs(format!("resolver = \"{filter}\""), &["dnssec-good", "smimea-blocked", "record-unreachable"]);
    let nobody = signed_tree::ports::free_port();
    differs(format!("resolver = \"{nobody}\""), &["resolver-silent", "dnssec-unknown", "clock-unknown"]);
    differs("resolver = \"next door\"".to_owned(), &["resolver-wrong", "key-good"]);
    let other = desk.tree.anchor_of("test.", "anchor");
    let foreign = fs::read_to_string(&other).unwrap().replace("test. IN DNSKEY", ". IN DNSKEY");
    fs::write(desk.tree.path("foreign"), foreign).unwrap();
    let foreign = desk.tree.path("foreign");
    differs(format!("trust-anchor = {foreign:?}"), &["dnssec-forged", "record-bogus"]);
    differs("dnssec-at = \"2040-01-01T00:00:00Z\"".to_owned(), &["clock-wrong"]);
    differs("at = \"2040-01-01T00:00:00Z\"".to_owned(), &["key-not-usable"]);
    differs("resolvr = \"127.0.0.1\"".to_owned(), &["settings-wrong"]);
    differs("audit-log = \"/nowhere/audit\"".to_owned(), &["audit-unwritable"]);
    differs("ca-file = \"/nowhere/authorities.pem\"".to_owned(), &["authorities-wrong", "record-good"]);
    let provision = |days| {
        format!(
            "provision = {{ addresses = [\"*@a.test\"], days = {days}, hand-over = {{ directory = \"/\" }} }}"
        )
    };
    differs(provision(10), &["provision-good"]);
    differs(provision(0), &["provision-wrong"]);
    desk.configure("");

    // Registration.
    let other_version = desk.session.home().join("other-version");
    // A host of another version: the real one, doctored.
    let script = format!(
        "#!/bin/sh\nexec node {} 9.9.9 {} \"$@\"\n",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/doctored-host.mjs"),
        env!("CARGO_BIN_EXE_dane-smime-host")
    );
    fs::write(&other_version, script).unwrap();
    fs::set_permissions(&other_version, fs::Permissions::from_mode(0o755)).unwrap();
    desk.register(&other_version);
    assert!(desk.codes().contains(&"program-other-version".to_owned()), "{:?}", desk.codes());
    fs::write(desk.manifest(), "{").unwrap();
    assert_eq!(desk.codes()[0], "manifest-not-json");
    fs::remove_file(desk.manifest()).unwrap();
    assert!(
        ["manifest-missing", "manifest-good"].contains(&desk.codes()[0].as_str()),
        "unless the machine has one"
    );

    // The keyring.
    desk.session.lock();
    assert!(desk.codes().contains(&"keyring-locked".to_owned()), "{:?}", desk.codes());
}

#[test]
fn the_host_tells_the_add_on_and_the_report_tells_no_one() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("unlock"), "0123456789abcdef0123456789abcdef").unwrap();
    let config = format!("resolver = \"127.0.0.1:1\"\nunlock-file = {:?}", home.path().join("unlock"));
    let mut host = Host::start(home.path(), &config).greeted();
    let answer = host.ask(json!({"type": "doctor", "accounts": ["alice@example.test", "no address"]}));
    assert_eq!((&answer["type"], &answer["ok"]), (&json!("result"), &json!(false)), "{answer}");
    let checks = answer["checks"].as_array().unwrap();
    let find = |code: &str| checks.iter().find(|check| check["code"] == code);
    assert_eq!(find("key-none").unwrap()["about"], "alice@example.test");
    assert_eq!(find("resolver-silent").unwrap()["state"], "not-ok");
    assert!(find("unlock-file-good").is_some(), "{answer}");
    let report = answer["report"].as_str().unwrap();
    assert!(report.contains("key-none sender-1"), "{report}");
    for private in ["alice", "example.test", home.path().to_str().unwrap()] {
        assert!(!report.contains(private), "{private} in {report}");
    }

    // Settings that cannot be read: the host lives, and says so to this and to every other question.
    let home = tempfile::tempdir().unwrap();
    let mut host = Host::start(home.path(), "resolvr = 1").greeted();
    let answer = host.ask(json!({"type": "doctor"}));
    assert!(answer.to_string().contains("settings-wrong"), "{answer}");
    assert_eq!(host.ask(json!({"type": "keys"}))["code"], "bad-configuration");
}
