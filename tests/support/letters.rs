//! People who write to each other in a signed DNS, by the command line: their keys, their records,
//! their letters, and OpenSSL as referee.
#![allow(dead_code, reason = "each program uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::certificate;
use crate::command_line::{Answer, record};
use crate::signed_tree::{Fate, Tree, Zone};

pub const BODY: &str = "Content-Type: text/plain; charset=utf-8\r\n\r\nDear Bob,\r\nmeet me at noon.\r\n";

/// Alice's key was made here and says that she reads GCM; Bob's came from elsewhere and says
/// nothing. Mallory made a key for Alice's address, and nobody publishes it.
pub struct World {
    pub dir: TempDir,
    pub tree: Tree,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("unlock"), "0123456789abcdef0123456789abcdef0123456789abcdef\n").unwrap();
    let make = |owner: &str, address: &str| {
        let arguments = ["key", "generate", "--address", address, "--algorithm", "rsa-2048"];
        let made = command(dir.path(), owner, &arguments).good();
        line(dir.path(), address, &certificate_file(dir.path(), owner, made["sha256"].as_str().unwrap()))
    };
    let alice = make("alice", "alice@example.test");
    make("mallory", "alice@example.test");
    let unsigned = make("alice", "alice@unsigned.test");
    let late = make("alice", "alice@late.test");
    make("alice", "alice@example.onion"); // there is no DNS to publish it in
    let bob = certificate("bob@example.test", -1, 400);
    let old = certificate("old@example.test", -400, -1);
    for (name, made) in [("bob", &bob), ("old", &old)] {
        let pem = [made.pem.clone(), made.key.private_key_to_pem_pkcs8().unwrap()].concat();
        fs::write(dir.path().join(format!("{name}.pem")), pem).unwrap();
        fs::write(dir.path().join(format!("{name}.crt")), &made.pem).unwrap();
    }
    fs::write(dir.path().join("password"), "").unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let import = [
        "key",
        "import",
        &at("bob.pem"),
        "--address",
        "bob@example.test",
        "--password-file",
        &at("password"),
    ];
    command(dir.path(), "bob", &import).good();
    let published = vec![
        alice,
        line(dir.path(), "bob@example.test", &dir.path().join("bob.crt")),
        line(dir.path(), "old@example.test", &dir.path().join("old.crt")),
    ];
    let issued = authority(dir.path());
    let tree = Tree::grow(vec![
        Zone::signed("test.", Vec::new()),
        Zone::signed("example.test.", [published, issued].concat()),
        Zone::signed("unsigned.test.", vec![unsigned]).fate(Fate::Unsigned),
        Zone::signed("late.test.", vec![late]).fate(Fate::Expired),
    ]);
    World { dir, tree }
});

/// People whose certificates a small authority issued: local part, which certificate the record
/// names, and how.
pub const ISSUED: [(&str, &str, [&str; 3]); 7] = [
    ("ee-whole", "own", ["3", "0", "0"]),
    ("ee-digest", "own", ["3", "1", "1"]),
    ("ta-whole", "ca", ["2", "0", "0"]),
    ("ta-digest", "ca", ["2", "1", "2"]),
    ("pkix-ee", "own", ["1", "0", "1"]),
    ("pkix-ta", "ca", ["0", "0", "1"]),
    ("other-ta", "other", ["2", "0", "0"]),
];

/// Makes the authority and a key for each, imports the keys as Alice's, and returns the records.
pub fn authority(dir: &Path) -> Vec<String> {
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {new_key} -keyout {ca}.key -out {ca}.crt -days 400 -subj /CN={ca} -addext \
             basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ));
    }
    ISSUED
        .iter()
        .map(|(local, named, [usage, selector, matching])| {
            let address = format!("{local}@example.test");
            let extensions = format!("subjectAltName=email:{address}\nextendedKeyUsage=emailProtection\n");
            fs::write(dir.join("extensions"), extensions).unwrap();
            openssl(&format!("req -new {new_key} -keyout {local}.key -out csr -subj /CN={local}"));
            openssl(&format!(
                "x509 -req -in csr -CA ca.crt -CAkey ca.key -days 300 -extfile extensions -out {local}.crt"
            ));
            let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
            let pem = [read(&format!("{local}.crt")), read("ca.crt"), read(&format!("{local}.key"))].concat();
            fs::write(dir.join("import.pem"), pem).unwrap();
            let at = |name: &str| dir.join(name).display().to_string();
            let import = [
                "key",
                "import",
                &at("import.pem"),
                "--address",
                &address,
                "--password-file",
                &at("password"),
            ];
            command(dir, "alice", &import).good();
            let certificate = if *named == "own" { format!("{local}.crt") } else { format!("{named}.crt") };
            let how = ["--usage", usage, "--selector", selector, "--matching", matching];
            record(dir, &address, &dir.join(certificate), &how)
        })
        .collect()
}

/// The public half of a key lies in the clear beside it.
pub fn certificate_file(dir: &Path, owner: &str, sha256: &str) -> PathBuf {
    dir.join(owner).join("keys").join(format!("{sha256}.pem"))
}

/// The zone-file line for a certificate, usage 3 0 0.
pub fn line(dir: &Path, address: &str, certificate: &Path) -> String {
    record(dir, address, certificate, &[])
}

/// Runs the command line without DNS.
pub fn command(dir: &Path, owner: &str, arguments: &[&str]) -> Answer {
    run(dir, owner, &[], arguments)
}

pub fn run(dir: &Path, owner: &str, dns: &[String], arguments: &[&str]) -> Answer {
    Answer::of(
        Command::new(env!("CARGO_BIN_EXE_dane-smime"))
            .args(["--json", "--data-dir"])
            .arg(dir.join(owner))
            .arg("--unlock-file")
            .arg(dir.join("unlock"))
            .args(dns.iter().filter(|_| !arguments.contains(&"--resolver")))
            .args(arguments)
            .env("HOME", dir.join("home")),
    )
}

/// Runs the command line as `owner` in the signed DNS.
pub fn as_owner(owner: &str, arguments: &[&str]) -> Answer {
    let world = &*WORLD;
    let dns = [
        "--resolver".to_owned(),
        world.tree.address.to_string(),
        "--trust-anchor".to_owned(),
        world.tree.anchor_file().display().to_string(),
    ];
    run(world.dir.path(), owner, &dns, arguments)
}

pub fn message(from: &str) -> String {
    format!("From: Alice <{from}>\r\nTo: bob@example.test\r\nSubject: =?utf-8?Q?Gr=C3=BCn?=\r\n{BODY}")
}

pub struct Attempt {
    pub exit: i32,
    pub answer: Value,
    pub message: Option<Vec<u8>>,
}

/// `dane-smime protect` of Alice's letter.
pub fn protect(owner: &str, from: &str, how: &[&str]) -> Attempt {
    protect_text(owner, from, &message(from), how)
}

pub fn protect_text(owner: &str, from: &str, text: &str, how: &[&str]) -> Attempt {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("in"), text).unwrap();
    let (input, output) = (at("in"), at("out"));
    let all = [&["protect", "--from", from, "--input", &input, "--output", &output], how].concat();
    let Answer { status, json, .. } = as_owner(owner, &all);
    Attempt { exit: status, answer: json, message: fs::read(at("out")).ok() }
}

pub fn protected(how: &[&str]) -> Vec<u8> {
    let attempt = protect("alice", "alice@example.test", how);
    assert_eq!(attempt.exit, 0, "{}", attempt.answer);
    attempt.message.unwrap()
}

/// `dane-smime open`.
pub fn open(owner: &str, message: &[u8], how: &[&str]) -> Attempt {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("in"), message).unwrap();
    let (input, output) = (at("in"), at("out"));
    let all = [&["open", "--input", &input, "--output", &output], how].concat();
    let Answer { status, json, .. } = as_owner(owner, &all);
    Attempt { exit: status, answer: json, message: fs::read(at("out")).ok() }
}

/// Encryption state and code, signature state and code.
pub fn verdict(answer: &Value) -> [&str; 4] {
    let word = |half: &str, field: &str| answer[half][field].as_str().unwrap_or("-");
    [
        word("encryption", "state"),
        word("encryption", "code"),
        word("signature", "state"),
        word("signature", "code"),
    ]
}

pub fn change(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in the message");
    text.replacen(from, to, 1).into_bytes()
}

pub fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let dir = TempDir::new().unwrap();
    let (source, target) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&source, input).unwrap();
    let done = Command::new("openssl")
        .args(arguments)
        .arg("-in")
        .arg(&source)
        .arg("-out")
        .arg(&target)
        .output()
        .unwrap();
    done.status.success().then(|| fs::read(target).unwrap())
}

pub fn change_all(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(message.to_vec()).unwrap().replace(from, to).into_bytes()
}

/// The fields that stay outside, and the MIME entity: `Content-*` fields, a blank line, body.
pub fn split_outer(mail: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    let (outer, entity) = text.split_once("MIME-Version: 1.0\r\n").unwrap();
    (outer.as_bytes().to_vec(), entity.as_bytes().to_vec())
}
