//! What we send, read by others: `openssl cms`, gpgsm, and our own `open`. Letters of every kind
//! (`letters/`), every form, every kind of key, two hundred recipients. (Thunderbird's own S/MIME is
//! asked by `tests/e2e/nss.test.mjs`.) What came of it is left in `target/interop/programs.json`, from
//! which `scripts/interop` makes a table.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/command_line.rs"]
mod command_line;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certificates::{Authority, ec, rsa};
use command_line::{Answer, record};
use dane_smime::mime::split::signed_parts;
use dane_smime::mime::{Entity, transfer};
use mail_parser::{Message, MessageParser, MimeHeaders};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use serde_json::{Value, json};
use signed_tree::{Tree, Zone};
use tempfile::TempDir;

const KEYS: [&str; 5] = ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"];
const CROWD: usize = 200;
const BARE: &str = "without header protection";
const GCM: &str = "AES-256-GCM, to whom is known to read it";
/// gpgsm 2.2 crashes when it imports a key on an elliptic curve, so it has none to decrypt with.
const GPGSM_KEYS: [&str; 3] = ["rsa-2048", "rsa-3072", "rsa-4096"];

struct World {
    dir: TempDir,
    tree: Tree,
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mut authority = Authority::new("Test authority");
        fs::write(at("ca.pem"), authority.certificate.to_pem().unwrap()).unwrap();
        fs::write(at("unlock"), "0123456789abcdef0123456789abcdef0123456789abcdef\n").unwrap();
        fs::write(at("password"), "").unwrap();
        let keys = [rsa(2048), rsa(3072), rsa(4096), ec(Nid::X9_62_PRIME256V1), ec(Nid::SECP384R1)];
        let modern = PKey::generate_x25519().unwrap();
        let mut lines = Vec::new();
        for (name, key) in KEYS.iter().zip(&keys) {
            let certificate = authority.issue(&format!("{name}@example.test"), key);
            keep(&at(name), &certificate, key, &authority.certificate);
            let address = format!("{name}@example.test");
            lines.push(record(dir.path(), &address, &at(name).with_extension("crt"), &[]));
        }
        for number in 0..CROWD {
            let address = format!("crowd{number}@example.test");
            // Some have keys that the other programs do not know: everybody must find their own place.
            let key = if number % 7 == 0 { &modern } else { &keys[number % keys.len()] };
            let certificate = authority.issue(&address, key);
            fs::write(at("one.crt"), certificate.to_pem().unwrap()).unwrap();
            lines.push(record(dir.path(), &address, &at("one.crt"), &[]));
        }
        let key = rsa(2048);
        let certificate = authority.issue("alice@example.test", &key);
        keep(&at("alice"), &certificate, &key, &authority.certificate);
        lines.push(record(dir.path(), "alice@example.test", &at("alice.crt"), &[]));
        let tree = Tree::grow(vec![Zone::signed("test.", Vec::new()), Zone::signed("example.test.", lines)]);
        let world = Self { dir, tree };
        for who in KEYS.iter().chain(&["alice"]) {
            let (pem, password) = (world.at(&format!("{who}.pem")), world.at("password"));
            let address = format!("{who}@example.test");
            let import = ["key", "import", &pem, "--address", &address, "--password-file", &password];
            world.run(who, &import).good();
        }
        world
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn run(&self, owner: &str, arguments: &[&str]) -> Answer {
        let (data, unlock) = (self.at(&format!("{owner}.d")), self.at("unlock"));
        Answer::of(
            Command::new(env!("CARGO_BIN_EXE_dane-smime"))
                .args(["--json", "--data-dir", &data, "--unlock-file", &unlock])
                .args(["--resolver", &self.tree.address.to_string(), "--trust-anchor"])
                .arg(self.tree.anchor_file())
                .args(arguments)
                .env("HOME", self.dir.path()),
        )
    }

    #[track_caller]
    fn protect(&self, letter: &Path, how: &[&str]) -> Vec<u8> {
        let (input, output) = (letter.display().to_string(), self.at("out.eml"));
        let fixed = ["protect", "--from", "alice@example.test", "--input", &input, "--output", &output];
        self.run("alice", &[&fixed[..], how].concat()).good();
        fs::read(&output).unwrap()
    }

    /// The entity under all layers, as `openssl cms` reads it with this recipient's key.
    fn openssl(&self, mail: &[u8], key: &str) -> Result<Vec<u8>, String> {
        let mut octets = mail.to_vec();
        loop {
            let arguments = match kind(&octets) {
                Kind::Encrypted => vec!["-decrypt".into(), "-recip".into(), self.at(&format!("{key}.pem"))],
                Kind::Signed => vec![
                    "-verify".into(),
                    "-CAfile".into(),
                    self.at("ca.pem"),
                    "-certfile".into(),
                    self.at("alice.crt"),
                ],
                Kind::Plain => return Ok(octets),
            };
            fs::write(self.at("step.in"), &octets).unwrap();
            let done = Command::new("openssl")
                .arg("cms")
                .args(arguments)
                .args(["-in", &self.at("step.in"), "-out", &self.at("step.out")])
                .output()
                .unwrap();
            told(&done)?;
            octets = fs::read(self.at("step.out")).unwrap();
        }
    }
}

/// The certificate, and everything together.
fn keep(path: &Path, certificate: &X509, key: &PKey<Private>, authority: &X509) {
    let pem = certificate.to_pem().unwrap();
    fs::write(path.with_extension("crt"), &pem).unwrap();
    let all = [&*pem, &*authority.to_pem().unwrap(), &*key.private_key_to_pem_pkcs8().unwrap()].concat();
    fs::write(path.with_extension("pem"), all).unwrap();
}

fn told(done: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.success() {
        Ok(())
    } else {
        Err(said.lines().next().unwrap_or("it ended badly").to_owned())
    }
}

enum Kind {
    Encrypted,
    Signed,
    Plain,
}

fn kind(message: &[u8]) -> Kind {
    let head = String::from_utf8_lossy(message).split("\r\n\r\n").next().unwrap().to_lowercase();
    let root = head.replace("\r\n ", " ");
    let root = root.lines().find(|line| line.starts_with("content-type:")).unwrap_or_default().to_owned();
    match &root {
        root if root.contains("enveloped-data") => Kind::Encrypted,
        root if root.contains("multipart/signed") || root.contains("smime-type=signed-data") => Kind::Signed,
        _ => Kind::Plain,
    }
}

/// gpgsm with the RSA keys, in a home of its own. Ends its agent when dropped.
struct Gpgsm {
    home: PathBuf,
}

impl Gpgsm {
    fn with_keys(world: &World) -> Self {
        let home = world.dir.path().join("gnupg");
        fs::create_dir(&home).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
        fs::write(home.join("gpgsm.conf"), "disable-crl-checks\ndisable-dirmngr\n").unwrap();
        let gpgsm = Self { home };
        for key in GPGSM_KEYS {
            let p12 = world.at("old.p12");
            // gpgsm 2.2 reads the old encryption alone.
            let export = [
                "pkcs12",
                "-export",
                "-in",
                &world.at(&format!("{key}.pem")),
                "-out",
                &p12,
                "-passout",
                "pass:",
                "-keypbe",
                "PBE-SHA1-3DES",
                // gpgsm 2.2 guesses from the decrypted octets whether the password was right, and of encrypted
                // certificates one in a hundred looks wrong to it.
                "-certpbe",
                "NONE",
                "-macalg",
                "sha1",
            ];
            told(&Command::new("openssl").args(export).output().unwrap()).unwrap();
            gpgsm.run(&["--import", &p12]).unwrap();
        }
        gpgsm.run(&["--import", &world.at("ca.pem")]).unwrap();
        let pem = fs::read(world.at("ca.pem")).unwrap();
        let print = X509::from_pem(&pem).unwrap().digest(openssl::hash::MessageDigest::sha1()).unwrap();
        fs::write(gpgsm.home.join("trustlist.txt"), format!("{} S relax\n", hex::encode_upper(print)))
            .unwrap();
        gpgsm
    }

    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let options = ["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"];
        let done = Command::new("gpgsm")
            .env("GNUPGHOME", &self.home)
            .args(options)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let reason = said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        if done.status.success() { Ok(()) } else { Err(format!("{}: {reason}", done.status)) }
    }

    /// The entity under all layers.
    fn open(&self, mail: &[u8]) -> Result<Vec<u8>, String> {
        let at = |name: &str| self.home.join(name).display().to_string();
        let mut octets = mail.to_vec();
        loop {
            let entity = Entity::parse(&octets).unwrap();
            let content_type = entity.headers.content_type().unwrap();
            let next = match kind(&octets) {
                Kind::Plain => return Ok(octets),
                Kind::Signed if content_type.media() == "multipart/signed" => {
                    let boundary = content_type.parameter("boundary").unwrap();
                    let (signed, signature) = signed_parts(entity.body, &boundary).unwrap();
                    let signature = Entity::parse(signature).unwrap();
                    fs::write(at("sig"), transfer::decode(&signature.headers, signature.body).unwrap())
                        .unwrap();
                    fs::write(at("text"), signed).unwrap();
                    self.run(&["--verify", &at("sig"), &at("text")])?;
                    signed.to_vec()
                }
                kind => {
                    fs::write(at("in"), transfer::decode(&entity.headers, entity.body).unwrap()).unwrap();
                    let what = if matches!(kind, Kind::Signed) { "--verify" } else { "--decrypt" };
                    self.run(&["--output", &at("out"), what, &at("in")])?;
                    fs::read(at("out")).unwrap()
                }
            };
            octets = next;
        }
    }
}

impl Drop for Gpgsm {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", &self.home).args(["--kill", "gpg-agent"]).output();
    }
}

/// A letter, and what its reader must find.
struct Letter {
    file: PathBuf,
    facts: Value,
}

fn letters() -> Vec<Letter> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/letters");
    let facts: Vec<Value> = serde_json::from_slice(&fs::read(dir.join("letters.json")).unwrap()).unwrap();
    facts
        .into_iter()
        .map(|facts| Letter { file: dir.join(format!("{}.eml", facts["name"].as_str().unwrap())), facts })
        .collect()
}

impl Letter {
    /// Whether an opened entity is this letter: subject (where it is `protected`), text, and every
    /// attachment octet for octet.
    fn is(&self, entity: &[u8], protected: bool) -> Result<(), String> {
        let original = fs::read(&self.file).unwrap();
        let parse = |octets| MessageParser::default().parse(octets).ok_or("no message");
        let (before, after) = (parse(&*original)?, parse(entity)?);
        // A wrapped message is looked into.
        let nested =
            after.attachment(0).and_then(|part| part.message()).filter(|_| after.body_text(0).is_none());
        let after = nested.unwrap_or(&after);
        let subject = self.facts["subject"].as_str().unwrap();
        if after.subject().is_some_and(|found| found != subject) || (protected && after.subject().is_none()) {
            return Err(format!("the subject is {:?}", after.subject()));
        }
        let text = |message: &Message<'_>| message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
        if !text(after).trim_end().ends_with(text(&before).trim_end()) {
            return Err(format!("the text is {:?}", text(after)));
        }
        let attached = |message: &Message<'_>| -> Vec<(Option<String>, Vec<u8>)> {
            let parts = message.attachments();
            parts.map(|part| (part.attachment_name().map(str::to_owned), part.contents().to_vec())).collect()
        };
        if attached(after) == attached(&before) { Ok(()) } else { Err("an attachment differs".into()) }
    }
}

#[test]
fn what_we_send_is_read_by_others() {
    let world = World::new();
    let gpgsm = Gpgsm::with_keys(&world);
    let letters = letters();
    let mut rows: Vec<Value> = Vec::new();
    let mut failures = Vec::new();
    let everybody: Vec<String> = KEYS.iter().map(|key| format!("{key}@example.test")).collect();
    let to: Vec<&str> = std::iter::once("--to").chain(everybody.iter().map(String::as_str)).collect();
    let mut check = |what: &str, letter: &Letter, mail: &[u8], key: &str| {
        let ours = || {
            fs::write(world.at("in.eml"), mail).unwrap();
            let arguments = ["open", "--input", &world.at("in.eml"), "--output", &world.at("opened.eml")];
            let Answer { status, json, .. } = world.run(key, &arguments);
            let opened = json["signature"]["state"] != "none" || json["encryption"]["state"] == "decrypted";
            let good = status == 0 && opened;
            if good { Ok(fs::read(world.at("opened.eml")).unwrap()) } else { Err(json.to_string()) }
        };
        let verdict =
            |entity: Result<Vec<u8>, String>| entity.and_then(|entity| letter.is(&entity, what != BARE));
        let found = [
            ("openssl", Some(verdict(world.openssl(mail, key)))),
            ("gpgsm", GPGSM_KEYS.contains(&key).then(|| verdict(gpgsm.open(mail)))),
            ("ours", Some(verdict(ours()))),
        ];
        for (reader, outcome) in found {
            let word = match &outcome {
                None => "not tried".to_owned(),
                // The reason why it is sent to nobody who has not said that they read it.
                Some(Err(_)) if (what, reader) == (GCM, "gpgsm") => "no".to_owned(),
                Some(Ok(())) if (what, reader) == (GCM, "gpgsm") => {
                    failures.push("gpgsm reads GCM now: the table and the README may say so".into());
                    "yes".to_owned()
                }
                Some(Ok(())) => "yes".to_owned(),
                Some(Err(reason)) => {
                    failures.push(format!("{what}, {reader}: {reason}"));
                    format!("no: {reason}")
                }
            };
            rows.push(json!({ "what": what, "reader": reader, "outcome": word }));
        }
    };
    for letter in &letters {
        let title = letter.facts["title"].as_str().unwrap();
        let mail = world.protect(&letter.file, &[&to[..], &["--sign", "--encrypt"]].concat());
        check(title, letter, &mail, "rsa-2048");
        let mail = world.protect(&letter.file, &[&to[..], &["--sign"]].concat());
        check(&format!("{title}, signed only"), letter, &mail, "rsa-2048");
    }
    let plain = &letters[0];
    for key in &KEYS[1..] {
        let mail = world.protect(&plain.file, &[&to[..], &["--sign", "--encrypt"]].concat());
        check(&format!("a recipient with a key {key}, others beside"), plain, &mail, key);
    }
    for (form, title) in [
        (&["--encrypt"][..], "encrypted only"),
        (&["--sign", "--opaque"], "signed, opaque"),
        (&["--sign", "--encrypt", "--opaque"], "signed, opaque, encrypted"),
        (&["--sign", "--encrypt", "--triple"], "triple wrapped"),
        (&["--sign", "--encrypt", "--wrap"], "wrapped as message/rfc822"),
        (&["--sign", "--encrypt", "--no-header-protection"], BARE),
    ] {
        check(title, plain, &world.protect(&plain.file, &[&to[..], form].concat()), "rsa-2048");
    }
    let crowd: Vec<String> = (0..CROWD - KEYS.len()).map(|n| format!("crowd{n}@example.test")).collect();
    let crowd: Vec<&str> = to.iter().copied().chain(crowd.iter().map(String::as_str)).collect();
    let mail = world.protect(&letters[1].file, &[&crowd[..], &["--sign", "--encrypt"]].concat());
    check("200 recipients, RSA and elliptic curves mixed", &letters[1], &mail, "rsa-2048");

    // From Bob's own mail Alice's program learns that his reads GCM.
    let from_bob = ["--from", "rsa-2048@example.test", "--sign", "--output", &world.at("bob.eml")];
    let letter = plain.file.display().to_string();
    let bobs = fs::read_to_string(&letter).unwrap().replace("<alice@", "<rsa-2048@");
    fs::write(world.at("bobs.eml"), bobs).unwrap();
    let input = world.at("bobs.eml");
    world.run("rsa-2048", &[&["protect", "--input", &input], &from_bob[..]].concat()).good();
    world.run("alice", &["open", "--input", &world.at("bob.eml")]).good();
    let mail = world.protect(&plain.file, &["--to", "rsa-2048@example.test", "--sign", "--encrypt"]);
    assert!(String::from_utf8_lossy(&mail).contains("authEnveloped-data"));
    check(GCM, plain, &mail, "rsa-2048");

    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../interop");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("programs.json"), serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    assert!(failures.is_empty(), "{failures:#?}");
}
