//! Keys behind a real keyring: gnome-keyring over a D-Bus session of its own, each step a process.

#[path = "../support/command_line.rs"]
mod command_line;
#[path = "../support/keyring_session.rs"]
mod keyring_session;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use command_line::Answer;
use dane_smime::keys::{KekSource, KeyStore};
use keyring_session::{Secrets, Session, files_below};
use openssl::pkcs12::Pkcs12;
use serde_json::Value;

struct User {
    session: Session,
    place: tempfile::TempDir,
}

impl User {
    fn with(secrets: Secrets) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("password"), "p12 password\n").unwrap();
        Self { session: Session::start(secrets), place }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn key(&self, data: &Path, arguments: &[&str]) -> Answer {
        key_in(&self.session, data, arguments)
    }

    fn generate(&self, data: &Path) -> String {
        let make = ["generate", "--address", "alice@example.test", "--algorithm", "p-256"];
        self.key(data, &make).good()["sha256"].as_str().unwrap().to_owned()
    }

    /// Needs the private key, so the keyring.
    fn export(&self, data: &Path, sha256: &str) -> Answer {
        let (p12, password) = (self.place.path().join("out.p12"), self.place.path().join("password"));
        let (p12, password) = (p12.to_str().unwrap(), password.to_str().unwrap());
        self.key(data, &["export", "--sha256", sha256, "--p12", p12, "--password-file", password])
    }

    fn exported_pkcs8(&self) -> Vec<u8> {
        let p12 = Pkcs12::from_der(&std::fs::read(self.place.path().join("out.p12")).unwrap()).unwrap();
        p12.parse2("p12 password").unwrap().pkey.unwrap().private_key_to_pkcs8().unwrap()
    }
}

#[test]
fn everything_may_be_logged_while_the_keyring_is_asked() {
    let user = User::with(Secrets::Unlocked);
    // The connection to the keyring has threads of its own, which log as well.
    let mut command = user.session.command("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_dane-smime"), "--json", "--data-dir"]).arg(user.data("data"));
    command.args(["key", "generate", "--address", "alice@example.test", "--algorithm", "p-256"]);
    let answer = Answer::of(command.env("DANE_SMIME_LOG", "trace"));
    assert_eq!(
        (answer.status, &answer.json["address"]),
        (0, &"alice@example.test".into()),
        "{}",
        answer.said
    );
    assert!(answer.said.contains("TRACE"), "{}", answer.said);
}

fn key_in(session: &Session, data: &Path, arguments: &[&str]) -> Answer {
    let mut command = session.command(env!("CARGO_BIN_EXE_dane-smime"));
    Answer::of(command.args(["--json", "--data-dir"]).arg(data).arg("key").args(arguments))
}

fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_below(dir).into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn a_key_outlives_the_process_that_made_it_and_never_lies_in_the_clear() {
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    let sha256 = user.generate(&data);
    user.export(&data, &sha256).good();
    let pkcs8 = user.exported_pkcs8();
    let scalar = &pkcs8[36..68];
    let files = contents(&data);
    assert!(files.len() >= 4);
    for (file, content) in &files {
        for secret in scalar.windows(16) {
            let hex = hex::encode(secret).into_bytes();
            let found = content.windows(16).any(|part| part == secret) || find(content, &hex);
            assert!(!found, "{} holds the private key", file.display());
        }
    }
}

fn find(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_any_of_it() {
    use std::os::unix::fs::PermissionsExt;
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    user.generate(&data);
    for file in files_below(&data) {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "{}", file.display());
    }
    assert_eq!(std::fs::metadata(data.join("keys")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_locked_keyring_is_said_to_be_locked_and_keys_are_still_listed() {
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    let sha256 = user.generate(&data);
    assert_eq!(is_locked(&user.session, &data), "answer: Ok(false)");
    user.session.lock();
    assert_eq!(is_locked(&user.session, &data), "answer: Ok(true)", "and nobody was asked to unlock it");
    let before = contents(&data);
    for answer in [user.export(&data, &sha256), user.key(&data, &["generate", "--address", "a@example.test"])]
    {
        assert_eq!((answer.code(), answer.status), ("keyring-locked", 4), "{}", answer.said);
    }
    assert_eq!(contents(&data), before);
    assert_eq!(user.key(&data, &["list"]).good()[0]["sha256"], sha256.as_str());
}

#[test]
fn a_keyring_that_is_not_there_is_said_to_be_missing() {
    for (secrets, words) in
        [(Secrets::NoBus, "No keyring answers"), (Secrets::NoCollection, "no keyring yet")]
    {
        let user = User::with(secrets);
        let data = user.data("data");
        let answer = user.key(&data, &["generate", "--address", "alice@example.test"]);
        assert_eq!((answer.code(), answer.status), ("keyring-missing", 4), "{}", answer.said);
        assert!(answer.said.contains(words), "{}", answer.said);
        let left = files_below(&data);
        assert!(left.iter().all(|file| file.ends_with("lock")), "{left:?}");
    }
}

#[test]
fn a_keyring_without_our_entry_never_gets_a_new_one_while_sealed_files_exist() {
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    let sha256 = user.generate(&data);
    let before = contents(&data);
    // The keyring of a user who started anew, open and empty; and one where none was ever made.
    for secrets in [Secrets::Unlocked, Secrets::NoCollection] {
        let other = Session::start(secrets);
        let p12 = user.place.path().join("other.p12");
        let password = user.place.path().join("password");
        let export = [
            "export",
            "--sha256",
            &sha256,
            "--p12",
            p12.to_str().unwrap(),
            "--password-file",
            password.to_str().unwrap(),
        ];
        for arguments in [&export[..], &["generate", "--address", "alice@example.test"]] {
            let answer = key_in(&other, &data, arguments);
            assert_eq!((answer.code(), answer.status), ("keyring-entry-missing", 4), "{}", answer.said);
        }
        assert_eq!(contents(&data), before);
        assert!(!p12.exists());
    }
    user.export(&data, &sha256).good(); // the old keyring still opens it

    // What the refusal advises to whoever has lost that one.
    let (backup, password) = (user.data("keys.backup"), user.place.path().join("password"));
    let words = |action: &'static str| {
        [action, backup.to_str().unwrap(), "--password-file", password.to_str().unwrap()]
    };
    user.key(&data, &words("backup")).good();
    let other = Session::start(Secrets::Unlocked);
    let said = key_in(&other, &data, &words("restore")).fails("keyring-entry-missing");
    let folder = data.join("keys");
    assert!(said.contains(&format!("rename the folder {}", folder.display())), "{said}");
    std::fs::rename(&folder, data.join("keys.old")).unwrap();
    key_in(&other, &data, &words("restore")).good();
    assert_eq!(key_in(&other, &data, &["list"]).good()[0]["sha256"], sha256);
}

#[test]
fn an_entry_that_another_program_changed_is_noticed_before_it_seals_anything() {
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    let sha256 = user.generate(&data);
    let before = contents(&data);
    let store: Value = serde_json::from_slice(&std::fs::read(data.join("keys/store.json")).unwrap()).unwrap();
    let changer = user
        .session
        .command(std::env::current_exe().unwrap())
        .args(["--exact", "changes_the_entry"])
        .env("CHANGE_ENTRY_OF", store["id"].as_str().unwrap())
        .output()
        .unwrap();
    assert!(changer.status.success(), "{}", String::from_utf8_lossy(&changer.stdout));
    for answer in [user.export(&data, &sha256), user.key(&data, &["generate", "--address", "a@example.test"])]
    {
        assert_eq!((answer.code(), answer.status), ("sealed-otherwise", 2), "{}", answer.said);
    }
    assert_eq!(contents(&data), before);
}

/// Not a test of its own: the other program of the test above.
#[test]
fn changes_the_entry() {
    let Some(store) = std::env::var_os("CHANGE_ENTRY_OF") else { return };
    let entry = keyring::v1::Entry::new("dane-smime", store.to_str().unwrap()).unwrap();
    assert_eq!(entry.get_secret().unwrap().len(), 32);
    entry.set_secret(&[7; 32]).unwrap();
}

#[test]
fn two_data_directories_share_nothing() {
    let user = User::with(Secrets::Unlocked);
    let (one, two) = (user.data("one"), user.data("two"));
    let sha256 = user.generate(&one);
    user.generate(&two);
    for file in files_below(&one.join("keys")) {
        if file.extension().is_some_and(|extension| extension == "key" || extension == "pem") {
            std::fs::copy(&file, two.join("keys").join(file.file_name().unwrap())).unwrap();
        }
    }
    let answer = user.export(&two, &sha256);
    assert_eq!((answer.code(), answer.status), ("key-damaged", 2), "{}", answer.said);
}

#[test]
fn processes_beside_each_other_agree_on_one_secret() {
    let user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    let made: Vec<String> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4).map(|_| scope.spawn(|| user.generate(&data))).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    for sha256 in made {
        user.export(&data, &sha256).good();
    }
}

#[test]
fn a_process_that_lives_on_finds_the_keyring_again() {
    let mut user = User::with(Secrets::Unlocked);
    let data = user.data("data");
    user.generate(&data);
    // This program once more, as a process that opens a key each time it is asked to.
    let mut opener = user
        .session
        .command(std::env::current_exe().unwrap())
        .args(["--exact", "opens_a_key_for_each_line", "--nocapture"])
        .env("OPEN_KEYS_IN", &data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut orders = opener.stdin.take().unwrap();
    let mut answers = BufReader::new(opener.stdout.take().unwrap()).lines();
    let mut open = || {
        writeln!(orders, "open").unwrap();
        let answer = answers.by_ref().map(Result::unwrap).find(|line| line.starts_with("answer: "));
        answer.expect("the process answers")
    };
    assert_eq!(open(), "answer: opened");
    user.session.restart_daemon();
    assert_eq!(open(), "answer: opened");
    drop(orders);
    assert!(opener.wait().unwrap().success());
}

/// What a process of that session learns of the keyring without asking anybody.
fn is_locked(session: &Session, data: &Path) -> String {
    let output = session
        .command(std::env::current_exe().unwrap())
        .args(["tells_whether_it_is_locked", "--exact", "--nocapture"])
        .env("LOOK_AT_KEYS_IN", data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().find(|line| line.starts_with("answer: ")).expect("the process answers").to_owned()
}

/// Not a test of its own: the process of `is_locked`.
#[test]
fn tells_whether_it_is_locked() {
    let Some(data) = std::env::var_os("LOOK_AT_KEYS_IN") else { return };
    println!("\nanswer: {:?}", KeyStore::open(Path::new(&data), KekSource::Keyring).is_locked());
}

/// Not a test of its own: the process of the test above.
#[test]
fn opens_a_key_for_each_line() {
    let Some(data) = std::env::var_os("OPEN_KEYS_IN") else { return };
    let store = KeyStore::open(Path::new(&data), KekSource::Keyring);
    let (_, handle) = store.decryption_candidates().unwrap().next().unwrap();
    for _ in std::io::stdin().lines() {
        match store.unseal(handle) {
            Ok(_) => println!("answer: opened"),
            Err(error) => println!("answer: {error}"),
        }
    }
}
