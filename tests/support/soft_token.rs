//! Tokens in files (SoftHSM).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const PIN: &str = "492817";

/// SoftHSM's own module.
pub fn module() -> PathBuf {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    places.iter().map(PathBuf::from).find(|place| place.exists()).expect("SoftHSM is installed")
}

/// The tokens of one user, in `DIR/tokens`.
pub struct Tokens(PathBuf);

impl Tokens {
    pub fn new(dir: &Path) -> Self {
        let tokens = Self(dir.to_owned());
        std::fs::create_dir(dir.join("tokens")).unwrap();
        tokens.configure("");
        tokens
    }

    /// Writes SoftHSM's settings, where the environment names them and where its user's home has them.
    pub fn configure(&self, more: &str) {
        let tokens = self.0.join("tokens");
        let config =
            format!("directories.tokendir = {}\nobjectstore.backend = file\n{more}", tokens.display());
        std::fs::create_dir_all(self.0.join(".config/softhsm2")).unwrap();
        for place in ["softhsm2.conf", ".config/softhsm2/softhsm2.conf"] {
            std::fs::write(self.0.join(place), &config).unwrap();
        }
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.0).env("SOFTHSM2_CONF", self.0.join("softhsm2.conf"));
        command
    }

    #[track_caller]
    pub fn run(&self, words: &str) -> Output {
        let mut words = words.split(' ');
        let output = self.command(words.next().unwrap()).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// An empty token.
    pub fn token(&self, label: &str) {
        self.run(&format!("softhsm2-util --init-token --free --label {label} --pin {PIN} --so-pin 12345678"));
    }

    /// A key made by OpenSSL, put onto a token, with its certificate where that is wanted; `NAME.pem`, `NAME.crt`.
    pub fn key(&self, token: &str, name: &str, id: &str, kind: &str, address: &str, with_certificate: bool) {
        self.run(&format!(
            "openssl req -x509 -nodes -days 30 {kind} -keyout {name}.pem -out {name}.crt -subj /CN={name} \
             -addext subjectAltName=email:{address}"
        ));
        let traditional = if kind.contains("rsa") { "rsa -traditional" } else { "ec" };
        self.run(&format!("openssl {traditional} -in {name}.pem -outform DER -out {name}.key"));
        self.put(
            token,
            &format!("{name}.key --type privkey --usage-sign --usage-decrypt --usage-derive"),
            id,
        );
        if with_certificate {
            self.run(&format!("openssl x509 -in {name}.crt -outform DER -out {name}.der"));
            self.put(token, &format!("{name}.der --type cert"), id);
        }
    }

    fn put(&self, token: &str, what: &str, id: &str) {
        let module = module();
        let tool = format!("pkcs11-tool --module {} --token-label {token}", module.display());
        self.run(&format!("{tool} --login --pin {PIN} --id {id} --write-object {what}"));
    }
}
