//! Mail that others made, opened and held against their verdicts (`MANIFEST.tsv` beside the mail).
//!
//! The corpora lie outside the project; `DANE_SMIME_SHARED` names where, else `../shared`. Each
//! disagreement is listed with its reason, and one that ends is an error too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test program"
)]
#![allow(missing_docs, dead_code, unreachable_pub, reason = "a test program")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    Corpus { name: "bc-rfc4134", keys: &[], authorities: &[], at: "2000-01-01T00:00:00Z" },
];

/// Where we differ from a manifest, and why.
const DIVERGENCES: &[(&str, &str)] = &[
    ("4.8.eml", "DSA with SHA-1: nothing signed with SHA-1 is valid"),
    ("4.9.eml", "DSA with SHA-1: nothing signed with SHA-1 is valid"),
    ("5.3.eml", "encrypted to a key of 1024 bits that is given only as bare PKCS #8"),
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
            let (file, expected) = (columns[0], columns[1]);
            let path = shared.join(corpus.name).join(file);
            if ![".eml", ".env"].iter().any(|end| file.ends_with(end)) {
                continue; // bare CMS objects and keys are other tests' data
            }
            let verdict = reader.open(&path);
            let agrees = disagreement(expected, &verdict);
            let known = DIVERGENCES.iter().find(|(name, _)| file.ends_with(name));
            let counts = table.entry(corpus.name).or_default();
            counts.1 += 1;
            match (agrees, known) {
                (None, None) => counts.0 += 1,
                (None, Some(_)) => wrong.push(format!("{file}: listed as a divergence, and agrees")),
                (Some(_), Some((_, reason))) => eprintln!("diverges: {file}: {reason}"),
                (Some(why), None) => {
                    wrong.push(format!("{file}: {why}\n    expected {expected}\n    {verdict}"))
                }
            }
        }
    }
    for (name, (agreed, all)) in &table {
        eprintln!("{name:15} {agreed} of {all} agree");
    }
    assert!(table.values().map(|(_, all)| all).sum::<usize>() > 40, "the manifests were not read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    let encryption = if wants("must NOT decrypt") || wants("not-encrypted") {
        is_encryption(&["none", "failed"])
    } else if wants("encrypted-ok") || wants("decrypts with") {
        is_encryption(&["decrypted"])
    } else {
        None
    };
    let signature = if wants("signed-good") || wants("good only as") {
        is_signature(&["valid"])
    } else if wants("signed-bad") {
        is_signature(&["invalid", "unknown", "none"])
    } else if wants("unsigned") || wants("NOT signed") {
        is_signature(&["none"])
    } else {
        None
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
        let authorities: Vec<u8> =
            corpus.authorities.iter().flat_map(|file| fs::read(shared.join(file)).expect(file)).collect();
        fs::write(path("ca.pem"), &authorities).unwrap();
        let reader = Self { dir, at: corpus.at, trusts: !authorities.is_empty() };
        for key in corpus.keys {
            let file = shared.join(key).display().to_string();
            let password = reader.dir.path().join("password").display().to_string();
            let (status, out) = reader.run(&["key", "import", &file, "--password-file", &password]);
            assert_eq!(status, Some(0), "{key}: {out}");
        }
        reader
    }

    fn open(&self, message: &Path) -> Value {
        self.run(&["open", "--input", &message.display().to_string()]).1
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
