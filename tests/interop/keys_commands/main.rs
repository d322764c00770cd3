//! `dane-smime key`, against OpenSSL's own tools and gpgsm.

mod authorities;
#[path = "../../support/command_line.rs"]
mod command_line;
mod files;
mod lifecycle;

use std::process::{Command, Output};

use command_line::Answer;
use serde_json::Value;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.write("unlock", "a secret of more than thirty-two octets\n");
        place.write("password", "open sesame\n");
        place.write("wrong", "open barley\n");
        place
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn key(&self, arguments: &[&str]) -> Answer {
        Answer::of(
            Command::new(env!("CARGO_BIN_EXE_dane-smime"))
                .args([
                    "--json",
                    "--data-dir",
                    &self.path("data"),
                    "--unlock-file",
                    &self.path("unlock"),
                    "key",
                ])
                .args(arguments),
        )
    }

    fn import(&self, file: &str, password: &str) -> Answer {
        self.key(&["import", &self.path(file), "--password-file", &self.path(password)])
    }

    /// `openssl`, run in the place, the password on its standard input.
    #[track_caller]
    fn openssl(&self, arguments: &str) -> Output {
        self.run("openssl", &arguments.split(' ').collect::<Vec<_>>())
    }

    #[track_caller]
    fn try_run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(self.dir.path())
            .env("GNUPGHOME", self.dir.path().join("gnupg"))
            .stdin(std::fs::File::open(self.path("password")).unwrap())
            .output()
            .unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let output = self.try_run(program, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        output
    }

    fn certificate_of(&self, sha256: &str) -> String {
        self.path(&format!("data/keys/{sha256}.pem"))
    }

    /// A key with a certificate for carol@example.test, made by OpenSSL: `key.pem`, `cert.pem`.
    fn carol(&self, new_key: &str) {
        let request =
            format!("req -x509 -nodes -days 30 -keyout key.pem -out cert.pem -subj /CN=Carol {new_key}");
        self.openssl(&format!("{request} -addext subjectAltName=email:carol@example.test"));
    }
}

fn sha256(row: &Value) -> String {
    row["sha256"].as_str().unwrap().to_owned()
}
