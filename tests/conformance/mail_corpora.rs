//! Mail that others made, opened and held against their verdicts (`MANIFEST.tsv` beside the mail).
//!
//! The corpora lie outside the project; `DANE_SMIME_SHARED` names where, else `../shared`. Each
//! disagreement is listed with its reason, and one that ends is an error too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::PKey;
use openssl::x509::X509;
use serde_json::Value;
use tempfile::TempDir;

/// A set of mail with what its reader has: keys, authorities, and a moment to judge at.
struct Corpus {
    name: &'static str,
    keys: &'static [&'static str],
    authorities: &'static [&'static str],
    at: &'static str,
}

const CORPORA: &[Corpus] = &[
    Corpus {
        name: "thunderbird",
        keys: &["keys/tb/Bob.pem", "keys/tb/Fran.pem", "keys/tb/Fran-ec.pem"],
        authorities: &["thunderbird/mailnews/test/data/smime/TestCA.pem"],
        at: "2026-06-01T00:00:00Z",
    },
    Corpus {
        name: "rub-johnny",
        keys: &[],
        authorities: &["rub-johnny/assets/certificates/intermediate_ca.crt"],
        at: "2019-03-01T00:00:00Z",
    },
    Corpus {
        name: "rub-covert",
        keys: &["keys/covert/manager.pem"],
        authorities: &[],
        at: "2019-03-01T00:00:00Z",
    },
    Corpus {
        name: "notmuch-smime",
        keys: &["keys/notmuch/bob.pem"],
        authorities: &["notmuch-smime/test/smime/ca.crt"],
        at: "2026-01-01T00:00:00Z",
    },
    Corpus { name: "rfc9788", keys: &[], authorities: &["keys/lamps-ca.crt"], at: "2026-01-01T00:00:00Z" },
    Corpus {
        name: "bc-rfc4134",
        keys: &["bc-rfc4134/BobRSASignByCarl.cer+bc-rfc4134/BobPrivRSAEncrypt.pri"],
        authorities: &["bc-rfc4134/CarlRSASelf.cer", "bc-rfc4134/CarlDSSSelf.cer"],
        at: "2000-01-01T00:00:00Z",
    },
    Corpus {
        name: "examples-cms",
        keys: &["keys/lamps/bob.pem", "keys/lamps/dana.pem"],
        authorities: &["keys/lamps-ca.crt"],
        at: "2026-01-01T00:00:00Z",
    },
    Corpus {
        name: "openssl-cms",
        keys: &["openssl-cms/test/smime-certs/smec3.pem", "openssl-cms/test/smime-certs/smrsa3.pem"],
        authorities: &["openssl-cms/test/smime-certs/smroot.pem"],
        at: "2026-01-01T00:00:00Z",
    },
    Corpus { name: "mail-parser-eml", keys: &[], authorities: &[], at: "2026-01-01T00:00:00Z" },
];

/// Where we differ from a manifest, and why.
const DIVERGENCES: &[(&str, &str)] = &[
    ("bc-rfc4134/4.1.bin", "DSA with SHA-1: nothing signed with SHA-1 is valid"),
    ("bc-rfc4134/4.2.bin", "SHA-1"),
    ("bc-rfc4134/4.3.bin", "SHA-1"),
    ("bc-rfc4134/4.4.bin", "SHA-1"),
    ("bc-rfc4134/4.5.bin", "SHA-1"),
    ("bc-rfc4134/4.7.bin", "SHA-1"),
    ("bc-rfc4134/4.8.eml", "SHA-1"),
    ("bc-rfc4134/4.9.eml", "SHA-1"),
    ("bc-rfc4134/4.10.bin", "SHA-1"),
];

fn shared() -> PathBuf {
    let named = std::env::var_os("DANE_SMIME_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    named.unwrap_or(beside).join("corpora")
}

#[test]
#[ignore = "needs ../shared"]
fn verdicts_agree_with_those_of_the_makers() {
    let shared = shared();
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for corpus in CORPORA {
        let reader = Reader::new(&shared, corpus);
        let manifest = fs::read_to_string(shared.join(corpus.name).join("MANIFEST.tsv")).expect("a manifest");
        for row in manifest.lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let (file, expected) = (columns[0].trim_start_matches("./"), columns[1]);
            let path = format!("{}/{file}", corpus.name);
            let message = as_message(&shared, &path);
            let verdict = reader.open(&message);
            let agrees = disagreement(expected, &verdict);
            let known = DIVERGENCES.iter().find(|(name, _)| *name == path);
            let counts = table.entry(corpus.name).or_default();
            counts.1 += 1;
            match (agrees, known) {
                (None, None) => counts.0 += 1,
                (None, Some(_)) => wrong.push(format!("{path}: listed as a divergence, and agrees")),
                (Some(_), Some((_, reason))) => eprintln!("diverges: {path}: {reason}"),
                (Some(why), None) => {
                    wrong.push(format!("{path}: {why}\n    expected {expected}\n    {verdict}"))
                }
            }
        }
    }
    for (name, (agreed, all)) in &table {
        eprintln!("{name:15} {agreed} of {all} agree");
    }
    assert!(table.values().map(|(_, all)| all).sum::<usize>() >= 80, "the manifests were not read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// RFC 9216's people: their PKCS#12 files open with their first names; what OpenSSL signs with their
/// keys is theirs, and what it encrypts to them is read. OpenSSL 3.0 makes neither for the curves
/// of the other two; of those `examples-cms` has specimens.
#[test]
#[ignore = "needs ../shared"]
fn the_people_of_rfc_9216_are_known() {
    let shared = shared();
    let people = shared.join("rfc9216");
    let corpus = Corpus {
        name: "rfc9216",
        keys: &[],
        authorities: &["rfc9216/ca.rsa.crt", "rfc9216/ca.25519.crt"],
        at: "2026-01-01T00:00:00Z",
    };
    let reader = Reader::new(&shared, &corpus);
    let at = |name: &str| people.join(name).display().to_string();
    for name in ["alice", "bob", "carlos", "dana"] {
        let password = reader.dir.path().join("password");
        fs::write(&password, name).unwrap();
        let import = [
            "key",
            "import",
            &at(&format!("{name}.p12")),
            "--password-file",
            &password.display().to_string(),
        ];
        let (status, out) = reader.run(&import);
        assert_eq!(status, Some(0), "{name}: {out}");
    }
    let text = reader.dir.path().join("text");
    fs::write(&text, "Content-Type: text/plain\r\n\r\nhello\r\n").unwrap();
    let cms = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .args(["cms", "-binary", "-in", &text.display().to_string()])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    };
    for name in ["alice", "bob"] {
        let (certificate, key) = (at(&format!("{name}.sign.crt")), at(&format!("{name}.sign.key")));
        let from = format!("From: {name}@smime.example\r\n").into_bytes();
        let signed = cms(&[
            "-sign",
            "-md",
            "sha256",
            "-signer",
            &certificate,
            "-inkey",
            &key,
            "-certfile",
            &at("ca.rsa.crt"),
        ]);
        let verdict = reader.open(&[&from[..], &signed].concat());
        assert_eq!(verdict["signature"]["state"], "valid", "{name}: {verdict}");
        let sealed = cms(&["-encrypt", "-aes256", "-recip", &at(&format!("{name}.encrypt.crt"))]);
        let verdict = reader.open(&[&from[..], &sealed].concat());
        assert_eq!(verdict["encryption"]["state"], "decrypted", "{name}: {verdict}");
        assert_eq!(verdict["encryption"]["recipient"], format!("{name}@smime.example"));
    }
}

/// CMS objects of the corpora without a verdict of their makers': each gets one, and none is believed.
#[test]
#[ignore = "needs ../shared"]
fn objects_without_a_manifest_are_not_believed() {
    let shared = shared();
    let reader = Reader::new(&shared, CORPORA.iter().find(|c| c.name == "openssl-cms").unwrap());
    for file in [
        "80-test_cms_data/pkcs7-md4.pem",
        "80-test_cms_data/pkcs7-md4-encrypted.pem",
        "80-test_cmsapi_data/encDataWithTooLongIV.pem",
    ] {
        let pem = fs::read_to_string(shared.join("openssl-cms/test/recipes").join(file)).unwrap();
        let base64: String =
            pem.lines().filter(|line| !line.starts_with('-') && !line.contains(':')).collect();
        let message = format!(
            "From: somebody@example.com\r\nContent-Type: application/pkcs7-mime\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{base64}\r\n"
        );
        let verdict = reader.open(message.as_bytes());
        let state = verdict["signature"]["state"].as_str().unwrap();
        assert!(["none", "invalid"].contains(&state), "{file}: {verdict}");
        assert_ne!(verdict["encryption"]["state"], "decrypted", "{file}");
    }
}

/// A mail as it is; a bare CMS object as the body of one from whom it says it is by.
fn as_message(shared: &Path, path: &str) -> Vec<u8> {
    let octets = fs::read(shared.join(path)).expect(path);
    if [".eml", ".env"].iter().any(|end| path.ends_with(end)) {
        return octets;
    }
    if octets.starts_with(b"MIME-Version:") {
        return [b"From: somebody@example.com\r\n".to_vec(), octets].concat();
    }
    let from = match path.rsplit('/').next().unwrap() {
        name if name.starts_with("signedByAlice") => "alice@smime.example",
        name if name.starts_with("signedByCarlos") => "carlos@smime.example",
        _ => "aliceRsa@example.com",
    };
    let object = |kind: &str| {
        let head = format!("Content-Type: application/{kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        format!("{head}{}\r\n", STANDARD.encode(&octets))
    };
    let content = match path {
        "bc-rfc4134/4.3.bin" => fs::read(shared.join("bc-rfc4134/ExContent.bin")).unwrap(),
        "examples-cms/binary-files/signedByCarlosDetached.p7m" => b"This is some sample content.".to_vec(),
        _ => return format!("From: {from}\r\n{}", object("pkcs7-mime")).into_bytes(),
    };
    let head = format!(
        "From: {from}\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n\
         --b\r\n"
    );
    let signature = format!("\r\n--b\r\n{}--b--\r\n", object("pkcs7-signature"));
    [head.into_bytes(), content, signature.into_bytes()].concat()
}

/// What of the manifest's words does not hold; they are read as upper bounds where they say so.
fn disagreement(expected: &str, verdict: &Value) -> Option<String> {
    let encryption = verdict["encryption"]["state"].as_str().unwrap_or("no verdict");
    let signature = verdict["signature"]["state"].as_str().unwrap_or("no verdict");
    let wants = |word: &str| expected.contains(word);
    let is_encryption =
        |wanted: &[&str]| (!wanted.contains(&encryption)).then(|| format!("encryption {encryption}"));
    let is_signature =
        |wanted: &[&str]| (!wanted.contains(&signature)).then(|| format!("signature {signature}"));
    let all = ["none", "failed", "decrypted"];
    let encryption = if wants("must NOT decrypt") || wants("not-encrypted") || wants("parses as") {
        is_encryption(&["none", "failed"])
    } else if wants("encrypted-ok") || wants("decrypts with") || wants("AEAD") {
        is_encryption(&["decrypted"]) // ChaCha20 too: more than the manifest hopes for
    } else if ["decrypt error", "no usable recipient", "DigestedData", "EncryptedData"]
        .iter()
        .any(|w| wants(w))
    {
        is_encryption(&["failed"])
    } else if wants("not a signature") {
        is_encryption(&["none"])
    } else {
        is_encryption(&all) // at least a verdict
    };
    let signature = if wants("signed-good") || wants("good only as") || wants("detached; content") {
        is_signature(&["valid"])
    } else if wants("signed-bad") || wants("disputed") {
        is_signature(&["invalid", "unknown", "none"])
    } else if wants("unsigned") || wants("NOT signed") || wants("not a signature") || wants("parses as") {
        is_signature(&["none"])
    } else {
        is_signature(&["none", "invalid"])
    };
    encryption.or(signature)
}

/// A person with a data directory, without DNS: authorities are all there is to vouch.
struct Reader {
    dir: TempDir,
    at: &'static str,
    trusts: bool,
}

impl Reader {
    fn new(shared: &Path, corpus: &Corpus) -> Self {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("unlock"), [7; 48]).unwrap();
        fs::write(path("password"), "").unwrap();
        let authorities: Vec<u8> = corpus
            .authorities
            .iter()
            .flat_map(|file| pem(&fs::read(shared.join(file)).expect(file)))
            .collect();
        fs::write(path("ca.pem"), &authorities).unwrap();
        let reader = Self { dir, at: corpus.at, trusts: !authorities.is_empty() };
        for key in corpus.keys {
            reader.import(shared, key);
        }
        reader
    }

    /// A file of key and certificate, or two: a certificate and a bare PKCS #8, joined by `+`.
    fn import(&self, shared: &Path, key: &str) {
        let mut pem = Vec::new();
        for file in key.split('+') {
            let octets = fs::read(shared.join(file)).expect(file);
            pem.extend(match file.rsplit('.').next() {
                Some("cer") => X509::from_der(&octets).unwrap().to_pem().unwrap(),
                Some("pri") => {
                    PKey::private_key_from_pkcs8(&octets).unwrap().private_key_to_pem_pkcs8().unwrap()
                }
                _ => octets,
            });
        }
        let file = self.dir.path().join("import");
        fs::write(&file, pem).unwrap();
        let at = |name: &str| self.dir.path().join(name).display().to_string();
        let arguments = [
            "key",
            "import",
            &at("import"),
            "--password-file",
            &at("password"),
            "--address",
            "me@example.test",
        ];
        let named = self.run(&arguments[..5]);
        let (status, out) = if named.0 == Some(0) { named } else { self.run(&arguments) };
        assert_eq!(status, Some(0), "{key}: {out}");
    }

    fn open(&self, message: &[u8]) -> Value {
        let file = self.dir.path().join("message");
        fs::write(&file, message).unwrap();
        self.run(&["open", "--input", &file.display().to_string()]).1
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dane-smime"));
        command.args(["--json", "--at", self.at, "--resolver", "127.0.0.1:9", "--data-dir"]);
        command.arg(self.dir.path().join("data")).arg("--unlock-file").arg(self.dir.path().join("unlock"));
        if self.trusts {
            command.arg("--ca-file").arg(self.dir.path().join("ca.pem"));
        }
        let output = command.args(arguments).env("HOME", self.dir.path()).output().unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }
}

fn pem(octets: &[u8]) -> Vec<u8> {
    match X509::from_der(octets) {
        Ok(certificate) => certificate.to_pem().unwrap(),
        Err(_) => octets.to_vec(),
    }
}
