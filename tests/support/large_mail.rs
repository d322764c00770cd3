//! Mail by OpenSSL, of any size and kind, and Bob, who opens it with the command line.
#![allow(dead_code, reason = "each program uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::peak;

pub const MIB: usize = 1024 * 1024;

/// Bob with his key; Alice's certificate, which an authority issued that he trusts.
pub struct Reader {
    pub dir: TempDir,
}

impl Reader {
    pub fn new() -> Self {
        let reader = Self { dir: TempDir::new().unwrap() };
        let new_key = "-newkey rsa:2048 -nodes";
        reader.openssl(&format!("req -x509 {new_key} -keyout ca.key -out ca.crt -days 400 -subj /CN=ca"));
        for name in ["alice", "bob"] {
            let extensions = format!("subjectAltName=email:{name}@example.test\n");
            reader.person(name, "rsa:2048", &format!("/CN={name}"), &extensions);
        }
        reader.file("password", b"");
        reader.file("unlock", &[7; 48]);
        reader.takes("bob");
        reader
    }

    /// Gives Bob this key too.
    pub fn takes(&self, name: &str) {
        let read = |end: &str| fs::read(self.at(&format!("{name}.{end}"))).unwrap();
        self.file(&format!("{name}.pem"), &[read("crt"), read("key")].concat());
        let (key, password) = (self.name(&format!("{name}.pem")), self.name("password"));
        let done =
            self.command().args(["key", "import", &key, "--password-file", &password]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn name(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    pub fn file(&self, name: &str, octets: &[u8]) -> PathBuf {
        fs::write(self.at(name), octets).unwrap();
        self.at(name)
    }

    /// Makes a key and a certificate by the authority: `NAME.key`, `NAME.crt`.
    pub fn person(&self, name: &str, key: &str, subject: &str, extensions: &str) {
        self.file("extensions", extensions.as_bytes());
        self.openssl(&format!("req -new -newkey {key} -nodes -keyout {name}.key -out csr -subj {subject}"));
        self.openssl(&format!(
            "x509 -req -in csr -CA ca.crt -CAkey ca.key -days 300 -extfile extensions -out {name}.crt"
        ));
    }

    /// What `openssl cms ARGUMENTS` makes of the octets.
    pub fn cms(&self, input: &[u8], arguments: &str) -> Vec<u8> {
        self.file("input", input);
        self.openssl(&format!("cms {arguments} -binary -in input -out output"));
        fs::read(self.at("output")).unwrap()
    }

    pub fn openssl(&self, arguments: &str) -> Output {
        let done =
            Command::new("openssl").args(arguments.split(' ')).current_dir(&self.dir).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
        done
    }

    /// An entity whose text has about so many octets.
    fn entity(&self, octets: usize) -> PathBuf {
        let line = "The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
        let text = format!("Content-Type: text/plain\r\n\r\n{}", line.repeat(octets / line.len()));
        self.file("entity", text.as_bytes())
    }

    fn with_from(&self, name: &str) -> PathBuf {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mail = fs::read(self.at(name)).unwrap();
        let name = format!("{name}-{}.eml", MADE.fetch_add(1, Ordering::Relaxed));
        self.file(&name, &[b"From: alice@example.test\r\n", &mail[..]].concat())
    }

    /// Clear-signed, about so large as a whole.
    pub fn signed(&self, size: usize) -> PathBuf {
        self.entity(size);
        self.openssl("cms -sign -binary -signer alice.crt -inkey alice.key -in entity -out signed");
        self.with_from("signed")
    }

    /// Encrypted to Bob, about so large as a whole.
    pub fn encrypted(&self, size: usize, cipher: &str) -> PathBuf {
        let entity = fs::read(self.entity(size / 4 * 3)).unwrap();
        self.encrypt(&entity, cipher)
    }

    pub fn signed_and_encrypted(&self, size: usize) -> PathBuf {
        self.entity(size / 4 * 3);
        self.openssl("cms -sign -binary -signer alice.crt -inkey alice.key -in entity -out inner");
        let inner = fs::read(self.at("inner")).unwrap();
        self.encrypt(&inner, "-aes256")
    }

    pub fn encrypt(&self, entity: &[u8], cipher: &str) -> PathBuf {
        self.file("plain", entity);
        self.openssl(&format!("cms -encrypt -binary {cipher} -recip bob.crt -in plain -out sealed"));
        self.with_from("sealed")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dane-smime"));
        command.args(["--json", "--resolver", "127.0.0.1:9", "--data-dir"]).arg(self.at("data"));
        command.arg("--ca-file").arg(self.at("ca.crt")).arg("--unlock-file").arg(self.at("unlock"));
        command.env("HOME", self.dir.path());
        command
    }

    pub fn opening(&self, mail: &Path) -> Command {
        let mut command = self.command();
        command.arg("open").arg("--input").arg(mail).arg("--output").arg(self.at("opened"));
        command
    }

    /// The verdict, and the most octets in memory.
    pub fn open(&self, mail: &Path) -> (Value, u64) {
        let (output, peak) = peak::run(&mut self.opening(mail));
        let verdict = serde_json::from_slice(&output.stdout);
        (verdict.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))), peak)
    }
}
