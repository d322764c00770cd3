//! `dane-smime`, run to its end.
#![allow(dead_code, reason = "each program uses its part")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What `dane-smime --json` answered.
pub struct Answer {
    pub status: i32,
    /// Null where nothing was answered, or no JSON.
    pub json: Value,
    /// What it said besides, to a person.
    pub said: String,
}

impl Answer {
    /// Runs a command that names `--json` among its arguments.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            status: output.status.code().expect("it ended by itself"),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or("no error")
    }

    #[track_caller]
    pub fn good(self) -> Value {
        assert_eq!(self.status, 0, "{} {}", self.said, self.json);
        self.json
    }

    /// Expects this error, and returns its words.
    #[track_caller]
    pub fn fails(self, code: &str) -> String {
        assert_eq!(self.code(), code, "{} {}", self.said, self.json);
        self.json["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// The zone-file line for a certificate, as `dane-smime record` prints it; without more words, usage 3 0 0.
#[track_caller]
pub fn record(home: &Path, address: &str, certificate: &Path, how: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dane-smime"))
        .args(["record", address, "--form", "smimea", "--cert"])
        .arg(certificate)
        .args(how)
        .env("HOME", home)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().find(|l| l.contains("SMIMEA")).unwrap().to_owned()
}
