//! Keys on PKCS#11 tokens: SoftHSM holds them, `openssl cms` judges what they signed and makes what they decrypt, and a
//! pinentry that is a script enters the PIN and counts how often it was asked.
#![cfg(target_os = "linux")]

#[path = "../../support/command_line.rs"]
mod command_line;
mod host;
#[path = "../../support/host_client.rs"]
mod host_client;
mod keys;
mod letters;
#[path = "../../support/pinentry.rs"]
mod pinentry;
mod pins;
#[path = "../../support/soft_token.rs"]
mod soft_token;

use std::path::{Path, PathBuf};
use std::process::Command;

use command_line::Answer;
use pinentry::Pinentry;
use serde_json::Value;
use soft_token::{PIN, Tokens, module};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// A user with tokens.
struct User {
    home: tempfile::TempDir,
    tokens: Tokens,
    pinentry: Pinentry,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (tokens, pinentry) = (Tokens::new(home.path()), Pinentry::new(home.path()));
        let user = Self { home, tokens, pinentry };
        user.write("unlock", "a secret of more than thirty-two octets\n");
        user.write("config.toml", user.config());
        user
    }

    /// A user with one token, on which Alice's RSA key lies: `rsa.crt`.
    fn with_key_on(token: &str) -> Self {
        let user = Self::new();
        user.tokens.token(token);
        user.tokens.key(token, "rsa", "01", "-newkey rsa:2048", ALICE, true);
        user
    }

    fn config(&self) -> String {
        format!(
            "unlock-file = {:?}\npinentry = {:?}\nresolver = \"127.0.0.1:9\"\nlog = \"trace\"\nlog-to = {:?}\n",
            self.path("unlock"),
            self.pinentry.program(),
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

    /// `dane-smime --json`, with what else it needs.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.tokens.command(env!("CARGO_BIN_EXE_dane-smime"));
        command.args(["--json", "--config", "config.toml", "--data-dir", "keys"]).args(words);
        command
    }

    #[track_caller]
    fn dane(&self, words: &[&str]) -> Answer {
        let answer = Answer::of(&mut self.command(words));
        assert!(!answer.said.contains(PIN), "the PIN is told");
        answer
    }

    #[track_caller]
    fn add(&self, module: &Path, more: &[&str]) -> Answer {
        self.dane(&[&["key", "token", "add", "--module", module.to_str().unwrap()], more].concat())
    }

    /// Takes the keys of the only token into use.
    #[track_caller]
    fn takes_up(&self) -> Value {
        self.pinentry.will_enter(&[PIN]);
        self.add(&module(), &[]).good()
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

    /// Has OpenSSL encrypt a letter to this recipient: a certificate, and what `openssl cms` is to know of it. Opens it.
    #[track_caller]
    fn opens(&self, how: &str, recipient: &str) -> Answer {
        self.write("plain", "Content-Type: text/plain\r\n\r\nSecret.\r\n");
        self.tokens.run(&format!(
            "openssl cms -encrypt {how} -from {ALICE} -to {ALICE} -subject x -in plain -out letter.eml -recip \
             {recipient}"
        ));
        self.dane(&["open", "--input", "letter.eml", "--output", "opened.eml"])
    }
}
