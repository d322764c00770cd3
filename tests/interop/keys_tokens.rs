//! Keys on PKCS#11 tokens: SoftHSM holds them, `openssl cms` judges what they signed and makes what they decrypt, and a
//! pinentry that is a script enters the PIN and counts how often it was asked.
#![cfg(target_os = "linux")]

#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/soft_token.rs"]
mod soft_token;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use host_client::Host;
use serde_json::{Value, json};
use soft_token::{PIN, Tokens, module};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// A user with tokens.
struct User {
    home: tempfile::TempDir,
    tokens: Tokens,
}

/// What `dane-smime --json` answered.
struct Answer {
    status: i32,
    json: Value,
    said: String,
}

impl Answer {
    #[track_caller]
    fn good(self) -> Value {
        assert_eq!(self.status, 0, "{} {}", self.said, self.json);
        self.json
    }

    #[track_caller]
    fn fails(self, code: &str) -> String {
        assert_eq!(self.json["error"]["code"], code, "{} {}", self.json, self.said);
        assert!(!self.said.contains(PIN), "the PIN is told");
        self.json["error"]["message"].as_str().unwrap().to_owned()
    }
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let user = Self { tokens: Tokens::new(home.path()), home };
        user.write("unlock", "a secret of more than thirty-two octets\n");
        user.write("config.toml", user.config());
        user
    }

    fn config(&self) -> String {
        format!(
            "unlock-file = {:?}\npinentry = {:?}\nresolver = \"127.0.0.1:9\"\nlog = \"trace\"\nlog-to = {:?}\n",
            self.path("unlock"),
            self.path("pinentry"),
            self.path("log")
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn will_enter(&self, pins: &[&str]) {
        self.write("answers", pins.iter().map(|pin| format!("{pin}\n")).collect::<String>());
        self.write("asked", "");
    }

    /// How often the PIN was asked for since.
    fn times_asked(&self) -> usize {
        self.read("asked").matches("GETPIN").count()
    }

    fn dane(&self, words: &[&str]) -> Answer {
        let output = self
            .tokens
            .command(env!("CARGO_BIN_EXE_dane-smime"))
            .args(["--json", "--config", "config.toml", "--data-dir", "keys"])
            .args(words)
            .output()
            .unwrap();
        Answer {
            status: output.status.code().expect("it ended by itself"),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn add(&self, module: &Path, more: &[&str]) -> Answer {
        self.dane(&[&["key", "token", "add", "--module", module.to_str().unwrap()], more].concat())
    }

    /// Signs a text as this address, and has OpenSSL judge it.
    #[track_caller]
    fn signs(&self, address: &str, certificate: &str) -> String {
        self.write("in.eml", format!("From: {address}\nTo: {address}\nSubject: x\n\nSigned.\n"));
        let _ = std::fs::remove_file(self.path("signed.eml"));
        let words =
            ["--from", address, "--to", address, "--sign", "--input", "in.eml", "--output", "signed.eml"];
        self.dane(&[&["protect"], &words[..]].concat()).good();
        self.tokens.run(&format!(
            "openssl cms -verify -in signed.eml -CAfile {certificate} -purpose any -signer who.pem -out text"
        ));
        assert!(self.read("text").contains("Signed."));
        let printed = self.tokens.run("openssl cms -cmsout -print -in signed.eml");
        String::from_utf8_lossy(&printed.stdout).into_owned()
    }

    /// Has OpenSSL encrypt a letter, and opens it.
    fn opens(&self, how: &str, certificate: &str) -> Answer {
        self.write("plain", "Content-Type: text/plain\r\n\r\nSecret.\r\n");
        self.tokens.run(&format!(
            "openssl cms -encrypt {how} -from {ALICE} -to {ALICE} -subject x -in plain -out letter.eml -recip \
             {certificate}"
        ));
        self.dane(&["open", "--input", "letter.eml", "--output", "opened.eml"])
    }

    /// The host that Thunderbird would start.
    fn host(&self) -> Host {
        let config = format!("{}data-dir = {:?}\n", self.config(), self.path("keys"));
        Host::start(self.home.path(), &config)
    }
}

#[test]
fn openssl_accepts_what_tokens_sign_and_tokens_open_what_openssl_encrypts() {
    let user = User::new();
    user.tokens.token("mixed");
    user.tokens.key("mixed", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.tokens.key("mixed", "ec", "02", "-newkey ec -pkeyopt ec_paramgen_curve:P-256", BOB, true);
    user.will_enter(&[PIN]);
    let added = user.add(&module(), &[]).good();
    assert_eq!(added.as_array().unwrap().len(), 2);
    assert_eq!((user.times_asked(), &added[0]["token"]["label"]), (1, &json!("mixed")));
    let listed = user.dane(&["key", "list"]).good();
    assert_eq!(listed, added);

    for (address, name, algorithm) in
        [(ALICE, "rsa", "algorithm: rsaEncryption"), (BOB, "ec", "algorithm: ecdsa-with-SHA256")]
    {
        user.will_enter(&[PIN]);
        let printed = user.signs(address, &format!("{name}.crt"));
        assert!(printed.contains(algorithm), "{printed}");
        assert!(printed.contains("signingTime") && printed.contains("S/MIME Capabilities"), "{printed}");
        assert_eq!(user.times_asked(), 1);
        // Old mail came in triple DES; for elliptic curves OpenSSL wraps its key in a way that is not done here.
        let old: &[&str] = if name == "rsa" { &["-des3"] } else { &[] };
        for cipher in ["-aes-256-cbc", "-aes-256-gcm", "-aes128"].iter().chain(old) {
            user.will_enter(&[PIN]);
            let verdict = user.opens(cipher, &format!("{name}.crt")).good();
            assert_eq!(verdict["encryption"]["state"], "decrypted", "{verdict}");
            assert!(user.read("opened.eml").contains("Secret."));
        }
    }
    user.will_enter(&[PIN]);
    let oaep = user.dane_opens_oaep();
    assert_eq!(oaep["encryption"]["state"], "decrypted", "{oaep}");

    // Signed and encrypted to oneself: what two of us exchange.
    user.write("in.eml", format!("From: {ALICE}\nTo: {ALICE}\nSubject: x\n\nBoth.\n"));
    user.will_enter(&[PIN]);
    let words =
        ["--from", ALICE, "--to", ALICE, "--sign", "--encrypt", "--input", "in.eml", "--output", "both.eml"];
    let made = user.dane(&[&["protect"], &words[..]].concat()).good();
    assert_eq!(made["encrypted_to"][0]["transport"], "rsa-pkcs1", "OAEP is not promised for a token");
    user.will_enter(&[PIN]);
    let opened = user.dane(&["open", "--input", "both.eml"]).json;
    assert_eq!(opened["encryption"]["state"], "decrypted", "{opened}");
    assert_eq!(opened["signature"]["code"], "dns-unreachable", "intact, and nobody to ask: {opened}");
    assert!(!user.read("log").contains(PIN));
}

impl User {
    /// OAEP with SHA-1, the one that SoftHSM knows.
    fn dane_opens_oaep(&self) -> Value {
        self.write("plain", "Content-Type: text/plain\r\n\r\nSecret.\r\n");
        self.tokens.run(&format!(
            "openssl cms -encrypt -aes256 -from {ALICE} -to {ALICE} -subject x -in plain -out letter.eml -recip rsa.crt \
             -keyopt rsa_padding_mode:oaep"
        ));
        self.dane(&["open", "--input", "letter.eml"]).good()
    }
}

#[test]
fn a_token_that_only_does_pss_signs_with_pss() {
    let user = User::new();
    user.tokens.token("strict");
    user.tokens.key("strict", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.tokens.configure("slots.mechanisms = CKM_RSA_PKCS_PSS,CKM_RSA_PKCS_OAEP\n");
    user.will_enter(&[PIN, PIN]);
    user.add(&module(), &[]).good();
    let printed = user.signs(ALICE, "rsa.crt");
    assert!(printed.contains("algorithm: rsassaPss"), "{printed}");
    user.will_enter(&[PIN]);
    let said = user.opens("-aes256", "rsa.crt").fails("not-supported-here");
    assert!(said.contains("token with your key cannot do"), "{said}");
}

#[test]
fn a_wrong_pin_is_entered_once_and_said() {
    let user = User::new();
    user.tokens.token("mine");
    user.tokens.key("mine", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.will_enter(&["000000"]);
    let said = user.add(&module(), &[]).fails("pin-wrong");
    assert!(said.contains("“mine”") && said.contains("Few tries are left"), "{said}");
    assert_eq!(user.times_asked(), 1, "a token counts, and locks");
    assert!(!user.path("keys/keys").exists(), "nothing is kept of it");
    user.will_enter(&[PIN]);
    user.add(&module(), &[]).good();
    assert!(
        user.read("asked").contains("SETERROR A wrong PIN was entered before."),
        "{}",
        user.read("asked")
    );

    user.will_enter(&[""]);
    user.opens("-aes256", "rsa.crt").fails("pin-needed");
    user.will_enter(&["000000"]);
    user.opens("-aes256", "rsa.crt").fails("pin-wrong");
    assert_eq!(user.times_asked(), 1);
    user.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
}

#[test]
fn a_locked_token_is_not_asked_for_and_the_last_try_is_announced() {
    let user = User::new();
    user.tokens.token("mine");
    user.tokens.key("mine", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    let odd = user.path("odd_token.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/odd_token.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&odd).arg(source).status().unwrap();
    assert!(built.success());
    let add = |flags: &str| {
        let output = user
            .tokens
            .command(env!("CARGO_BIN_EXE_dane-smime"))
            .args([
                "--json",
                "--config",
                "config.toml",
                "--data-dir",
                "keys",
                "key",
                "token",
                "add",
                "--module",
            ])
            .arg(&odd)
            .env("ODD_TOKEN_MODULE", module())
            .env("ODD_TOKEN_FLAGS", flags)
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        (json["error"]["code"].as_str().unwrap().to_owned(), user.times_asked())
    };
    user.will_enter(&[PIN]);
    assert_eq!(add("0x40000"), ("pin-locked".to_owned(), 0), "CKF_USER_PIN_LOCKED");
    assert_eq!(add("0x20000"), ("pin-locked".to_owned(), 1), "CKF_USER_PIN_FINAL_TRY, and it was wrong");
    assert!(user.read("asked").contains("SETERROR This is the last try"), "{}", user.read("asked"));
}

#[test]
fn of_several_tokens_the_one_that_was_named() {
    let user = User::new();
    for (token, address) in [("first", ALICE), ("second", BOB)] {
        user.tokens.token(token);
        user.tokens.key(token, token, "07", "-newkey rsa:2048", address, true);
    }
    let listed = user.dane(&["key", "token", "list", "--module", module().to_str().unwrap()]).good();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    user.will_enter(&[PIN]);
    let said = user.add(&module(), &[]).fails("bad-request");
    assert!(said.contains("“first”") && said.contains("“second”"), "{said}");
    assert_eq!(user.times_asked(), 0);
    user.add(&module(), &["--token", "third"]).fails("token-missing");
    let serial = listed.as_array().unwrap().iter().find(|token| token["label"] == "second").unwrap();
    let added = user.add(&module(), &["--token", serial["serial"].as_str().unwrap()]).good();
    assert_eq!(added[0]["address"], BOB);
    user.will_enter(&[PIN]);
    user.signs(BOB, "second.crt");
    assert!(user.read("asked").contains("token “second”"), "{}", user.read("asked"));
}

#[test]
fn a_certificate_from_elsewhere_finds_its_key_by_what_that_signs() {
    let user = User::new();
    user.tokens.token("bare");
    user.tokens.key("bare", "one", "01", "-newkey rsa:2048", ALICE, false);
    user.tokens.key("bare", "two", "02", "-newkey ec -pkeyopt ec_paramgen_curve:P-256", ALICE, false);
    user.tokens.key("bare", "elsewhere", "03", "-newkey rsa:2048", ALICE, false);
    user.will_enter(&[PIN, PIN, PIN]);
    user.add(&module(), &[]).fails("unreadable-input");
    let added = user.add(&module(), &["--cert", "two.crt"]).good();
    assert_eq!(added[0]["algorithm"], "p-256");
    // Made anew: the certificate is none of this token's keys'.
    user.tokens
        .run("openssl req -x509 -nodes -newkey rsa:2048 -keyout /dev/null -out none.crt -subj /CN=none");
    user.add(&module(), &["--cert", "none.crt", "--address", ALICE]).fails("no-such-key");
}

#[test]
fn a_token_that_is_gone_is_said_to_be_and_comes_back() {
    let user = User::new();
    user.tokens.token("stick");
    user.tokens.key("stick", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.will_enter(&[PIN]);
    let row = user.add(&module(), &[]).good().as_array().unwrap()[0].clone();
    std::fs::rename(user.path("tokens"), user.path("pulled")).unwrap();
    std::fs::create_dir(user.path("tokens")).unwrap();
    user.will_enter(&[PIN]);
    let said = user.opens("-aes256", "rsa.crt").fails("token-missing");
    assert!(said.contains("“stick”"), "{said}");
    assert_eq!(user.times_asked(), 0, "there is nobody to tell the PIN");
    assert_eq!(user.dane(&["key", "list"]).good(), json!([row]), "it is listed all the same");
    std::fs::remove_dir(user.path("tokens")).unwrap();
    std::fs::rename(user.path("pulled"), user.path("tokens")).unwrap();
    user.opens("-aes256", "rsa.crt").good();
    assert_eq!(user.dane(&["key", "token", "add", "--module", "/nowhere.so"]).status, 4);
}

#[test]
fn the_store_keeps_where_the_key_is_and_never_the_key() {
    let user = User::new();
    user.tokens.token("mine");
    user.tokens.key("mine", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.will_enter(&[PIN]);
    let row = user.add(&module(), &[]).good()[0].clone();
    let sha256 = row["sha256"].as_str().unwrap();
    user.write("password", "open sesame\n");
    let export = ["key", "export", "--sha256", sha256, "--p12", "out.p12", "--password-file", "password"];
    user.dane(&export).fails("key-on-token");
    user.dane(&["key", "backup", "backup", "--password-file", "password"]).good();
    user.dane(&["key", "delete", "--sha256", sha256]).good();
    assert_eq!(user.dane(&["key", "list"]).good(), json!([]));
    let restored = user.dane(&["key", "restore", "backup", "--password-file", "password"]).good();
    assert_eq!(restored, json!([row]), "a backup knows where it was");
    user.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
}

#[test]
fn the_host_asks_once_for_all_and_in_the_users_language() {
    let user = User::new();
    user.tokens.token("Karte");
    user.tokens.key("Karte", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.will_enter(&[PIN, PIN]);
    user.add(&module(), &[]).good();
    user.opens("-aes256", "rsa.crt").good();
    let letter = std::fs::read(user.path("letter.eml")).unwrap();
    let mut host = user.host();
    let hello = json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0",
        "pin": {"description": "PIN der Karte „$1“", "label": "PIN:", "later": "unknown words are passed over"}});
    assert_eq!(host.ask(hello)["type"], "hello");
    let open = json!({"type": "open", "deadline_ms": 60_000});

    // Two letters at once, and their reader does not want to: one window is closed, not two.
    user.will_enter(&[]);
    for id in [101, 102] {
        host.say(&json!({"type": "open", "id": id, "body_length": letter.len(), "deadline_ms": 60_000}));
        let data = base64_of(&letter);
        host.say(&json!({"type": "chunk", "id": id, "seq": 0, "data": data}));
    }
    wait("the question", || user.times_asked() > 0);
    std::thread::sleep(Duration::from_millis(500)); // the second waits its turn
    user.write("answers", "\n");
    let mut ends = 0;
    while ends < 2 {
        let frame = host.read().unwrap();
        if frame["type"] != "progress" {
            assert_eq!(frame["code"], "pin-needed", "{frame}");
            ends += 1;
        }
    }
    assert_eq!(user.times_asked(), 1);
    assert!(user.read("asked").contains("SETDESC PIN der Karte „Karte“"), "{}", user.read("asked"));

    // Once open, it stays open; the PIN itself crosses the port in no direction.
    user.will_enter(&[PIN]);
    for _ in 0..3 {
        let (end, body, told) = host.ask_telling(open.clone(), &letter);
        assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
        assert!(String::from_utf8(body).unwrap().contains("Secret."));
        assert!(told.iter().all(|frame| !frame.to_string().contains(PIN)));
    }
    assert_eq!(user.times_asked(), 1);
    assert!(!user.read("log").contains(PIN));
}

#[test]
fn a_pin_may_take_longer_than_the_request() {
    let user = User::new();
    user.tokens.token("Karte");
    user.tokens.key("Karte", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.will_enter(&[PIN, PIN]);
    user.add(&module(), &[]).good();
    user.opens("-aes256", "rsa.crt").good();
    let letter = std::fs::read(user.path("letter.eml")).unwrap();
    let mut host = user.host();
    let hello = |ms: u64| json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0", "password_ms": ms});
    assert_eq!(host.ask(hello(60_000))["type"], "hello");
    let deadline = Duration::from_secs(4);
    let open = |host: &mut Host, id: u64| {
        host.say(&json!({"type": "open", "id": id, "body_length": letter.len(), "deadline_ms": deadline.as_millis()}));
        host.say(&json!({"type": "chunk", "id": id, "seq": 0, "data": base64_of(&letter)}));
    };
    let told = |host: &mut Host, id: u64, stage: &str| {
        while host.read().is_some_and(|frame| frame["id"] != id || frame["stage"] != stage) {}
    };
    user.will_enter(&[]);
    // One asks, two wait for what becomes of it; one of them is given up.
    open(&mut host, 101);
    told(&mut host, 101, "password");
    for id in [102, 103] {
        open(&mut host, id);
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
    user.write("answers", format!("{PIN}\n"));
    for end in until(&mut host, &[101, 102]) {
        assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
    }
    assert_eq!(user.times_asked(), 1);
    assert_eq!(host.hang_up(), Some(0));

    // Nobody is there: the window closes, and the answer says what was missing.
    let mut host = user.host();
    assert_eq!(host.ask(hello(500))["type"], "hello");
    user.will_enter(&[]);
    let (end, _) = host.ask_with(json!({"type": "open", "deadline_ms": 2000}), &letter);
    assert_eq!(end["code"], "pin-needed", "{end}");
    user.will_enter(&[PIN]);
    let (end, _) = host.ask_with(json!({"type": "open", "deadline_ms": 60_000}), &letter);
    assert_eq!(end["verdict"]["encryption"]["state"], "decrypted", "{end}");
}

#[test]
fn the_doctor_looks_at_tokens_without_their_pin() {
    let user = User::new();
    user.tokens.token("mine");
    user.tokens.key("mine", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.tokens.key("mine", "bare", "02", "-newkey rsa:2048", BOB, false);
    user.tokens.key("mine", "other", "03", "-newkey rsa:2048", BOB, false);
    std::fs::copy(module(), user.path("module.so")).unwrap();
    let codes = || {
        let report = user.dane(&["doctor"]).json;
        let checks = report["checks"].as_array().unwrap().iter();
        let ours = checks.filter(|check| check["check"] == "token" || check["check"] == "pinentry");
        ours.map(|check| check["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(), [""; 0], "where no key is on a token");
    user.will_enter(&[PIN, PIN]);
    user.add(&user.path("module.so"), &[]).good();
    user.add(&user.path("module.so"), &["--cert", "bare.crt"]).good();
    user.will_enter(&[]);
    assert_eq!(codes(), ["token-good", "token-hidden", "pinentry-good"]);

    // Somebody else's certificate in place of Alice's.
    let tool = format!("pkcs11-tool --module {} --login --pin {PIN} --id 01", module().display());
    user.tokens.run(&format!("{tool} --delete-object --type cert"));
    user.tokens.run("openssl x509 -in other.crt -outform DER -out other.der");
    user.tokens.run(&format!("{tool} --write-object other.der --type cert"));
    assert_eq!(codes(), ["token-other-key", "token-hidden", "pinentry-good"]);

    std::fs::rename(user.path("tokens"), user.path("pulled")).unwrap();
    std::fs::create_dir(user.path("tokens")).unwrap();
    assert_eq!(codes(), ["token-missing", "token-missing", "pinentry-good"]);
    std::fs::remove_file(user.path("module.so")).unwrap();
    let config = user.read("config.toml").replace("/pinentry", "/nowhere");
    user.write("config.toml", config);
    assert_eq!(codes(), ["token-broken", "token-broken", "pinentry-missing"]);
    assert_eq!(user.times_asked(), 0);
}

fn base64_of(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
