//! A DNS of its own: a private root, `test.` and zones beneath it, signed by BIND's tools as real
//! zones are, and served by a real knotd on a free port.
//!
//! Needs `knotd`, `dnssec-keygen` and `dnssec-signzone` (Debian: knot, bind9-utils), which
//! `scripts/test` installs. Without them the tests fail and say so.
#![allow(dead_code, reason = "each program uses its part")]

#[path = "ports.rs"]
pub mod ports;

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use ports::free_port;

/// A zone to make.
pub struct Zone {
    /// Its apex, absolute.
    pub name: String,
    /// As dnssec-keygen spells it.
    pub algorithm: &'static str,
    /// How it denies.
    pub denial: Denial,
    /// What becomes of it.
    pub fate: Fate,
    /// Zone-file lines beside SOA, NS and delegations.
    pub lines: Vec<String>,
    /// Changes the signed zone file before it is served.
    pub tamper: Option<fn(String) -> String>,
}

/// How a zone denies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    Nsec,
    Nsec3 { opt_out: bool, iterations: u16 },
}

/// What becomes of a zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Signed,
    /// Not signed, and its parent has no DS record for it.
    Unsigned,
    /// All its signatures have ended.
    Expired,
    /// None of its signatures has begun.
    NotYetValid,
    /// Signed, and its parent has no DS record for it.
    Island,
}

impl Zone {
    pub fn signed(name: &str, lines: Vec<String>) -> Self {
        Self {
            name: name.into(),
            algorithm: "ECDSAP256SHA256",
            denial: Denial::Nsec,
            fate: Fate::Signed,
            lines,
            tamper: None,
        }
    }

    pub fn algorithm(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self
    }

    pub fn nsec3(mut self, opt_out: bool, iterations: u16) -> Self {
        self.denial = Denial::Nsec3 { opt_out, iterations };
        self
    }

    pub fn fate(mut self, fate: Fate) -> Self {
        self.fate = fate;
        self
    }

    pub fn tampered(mut self, tamper: fn(String) -> String) -> Self {
        self.tamper = Some(tamper);
        self
    }
}

/// The running tree; ends with the value.
pub struct Tree {
    dir: TempDir,
    server: Child,
    /// Where knotd listens, UDP and TCP.
    pub address: SocketAddr,
}

impl Tree {
    /// Makes, signs and serves the zones. The root is added; every other zone must be given, and
    /// is delegated by the closest one above it.
    pub fn grow(zones: Vec<Zone>) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let mut zones = zones;
        zones.push(Zone::signed(".", Vec::new()));
        // Children first: their DS records go into the parents.
        zones.sort_by_key(|zone| std::cmp::Reverse(depth(&zone.name)));
        for index in 0..zones.len() {
            let zone = &zones[index];
            let delegations =
                zones.iter().filter(|child| parent(&zones, &child.name) == Some(zone.name.as_str()));
            let mut text = format!(
                "$TTL 300\n{0} SOA ns.test. hostmaster.test. 1 3600 600 86400 60\n{0} NS ns.test.\n",
                zone.name
            );
            for child in delegations {
                writeln!(text, "{} NS ns.test.", child.name).unwrap();
                if !matches!(child.fate, Fate::Unsigned | Fate::Island) {
                    text += &fs::read_to_string(dir.path().join(format!("dsset-{}", child.name)))
                        .expect("the child's DS records");
                }
            }
            if zone.name == "." || zone.name == "test." {
                text += "ns.test. A 127.0.0.1\n";
            }
            for line in &zone.lines {
                writeln!(text, "{line}").unwrap();
            }
            sign(dir.path(), zone, &text);
        }
        let (server, address) = serve(dir.path(), &zones);
        Self { dir, server, address }
    }

    /// The file of the root's key-signing key.
    pub fn anchor_file(&self) -> PathBuf {
        self.anchor_of(".", "anchor")
    }

    /// A file with one key of a zone as anchor: its key-signing key (`DNSKEY`) as `kind` says:
    /// `anchor` for the key, `ds` for its digest.
    pub fn anchor_of(&self, zone: &str, kind: &str) -> PathBuf {
        let file = match kind {
            "ds" => format!("dsset-{zone}"),
            _ => format!("ksk-{zone}"),
        };
        self.dir.path().join(file)
    }

    /// A path in the tree's directory, for what a test wants to put there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn depth(name: &str) -> usize {
    name.split('.').filter(|label| !label.is_empty()).count()
}

fn parent<'a>(zones: &'a [Zone], name: &str) -> Option<&'a str> {
    let above =
        |zone: &&Zone| zone.name != name && (zone.name == "." || name.ends_with(&format!(".{}", zone.name)));
    zones.iter().filter(above).max_by_key(|zone| depth(&zone.name)).map(|zone| zone.name.as_str())
}

fn run(dir: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(dir).output().unwrap_or_else(|error| {
        panic!("{program} cannot be started ({error}); install knot and bind9-utils, or run scripts/test")
    });
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn sign(dir: &Path, zone: &Zone, text: &str) {
    let file = file_of(&zone.name);
    if zone.fate == Fate::Unsigned {
        fs::write(dir.join(&file), text).unwrap();
        return;
    }
    let mut make = vec!["-q", "-a", zone.algorithm];
    if zone.algorithm.starts_with("RSA") {
        make.extend(["-b", "2048"]);
    }
    let ksk = run(dir, "dnssec-keygen", &[&make[..], &["-f", "KSK", &zone.name]].concat()).trim().to_owned();
    let zsk = run(dir, "dnssec-keygen", &[&make[..], &[&zone.name]].concat()).trim().to_owned();
    let key = |name: &str| fs::read_to_string(dir.join(format!("{name}.key"))).unwrap();
    fs::write(dir.join(format!("ksk-{}", zone.name)), key(&ksk)).unwrap();
    fs::write(dir.join("unsigned"), format!("{text}{}{}", key(&ksk), key(&zsk))).unwrap();
    let iterations;
    let mut arguments = vec!["-q", "-P", "-x", "-o", &zone.name];
    if let Denial::Nsec3 { opt_out, iterations: count } = zone.denial {
        iterations = count.to_string();
        arguments.extend(["-3", "-", "-H", &iterations]);
        if opt_out {
            arguments.push("-A");
        }
    }
    match zone.fate {
        Fate::Expired => arguments.extend(["-s", "20200101000000", "-e", "20200201000000"]),
        Fate::NotYetValid => arguments.extend(["-s", "20900101000000", "-e", "20910101000000"]),
        _ => {}
    }
    arguments.extend(["-f", &file, "unsigned", &ksk, &zsk]);
    run(dir, "dnssec-signzone", &arguments);
    if let Some(tamper) = zone.tamper {
        let signed = fs::read_to_string(dir.join(&file)).unwrap();
        fs::write(dir.join(&file), tamper(signed)).unwrap();
    }
}

fn file_of(zone: &str) -> String {
    format!("zone-{}", if zone == "." { "root" } else { zone.trim_end_matches('.') })
}

fn serve(dir: &Path, zones: &[Zone]) -> (Child, SocketAddr) {
    let address = free_port();
    let at = dir.display();
    let mut config = format!(
        "server:\n    rundir: \"{at}/run\"\n    listen: 127.0.0.1@{}\n    udp-max-payload: 1232\n    tcp-workers: 1\n    \
         udp-workers: 1\n    background-workers: 1\ndatabase:\n    storage: \"{at}/db\"\nlog:\n  - target: stderr\n    any: error\n\
         template:\n  - id: default\n    storage: \"{at}\"\n    zonefile-load: whole\n    zonefile-sync: -1\n    \
         journal-content: none\n    semantic-checks: off\nzone:\n",
        address.port()
    );
    for zone in zones {
        writeln!(config, "  - domain: \"{}\"\n    file: \"{}\"", zone.name, file_of(&zone.name)).unwrap();
    }
    fs::create_dir_all(dir.join("run")).unwrap();
    fs::write(dir.join("knot.conf"), config).unwrap();
    let log = fs::File::create(dir.join("knot.log")).unwrap();
    let knotd = ["/usr/sbin/knotd", "knotd"]
        .into_iter()
        .find(|path| !path.starts_with('/') || Path::new(path).exists());
    // The shell ends knotd and clears up when its input ends: also when the test program is killed,
    // or holds the tree in a static, which is never dropped.
    let server = Command::new("sh")
        .args([
            "-c",
            "\"$1\" -c \"$2\" </dev/null & pid=$!; cat >/dev/null; kill $pid; wait $pid; rm -rf \"$3\"",
            "sh",
        ])
        .args([Path::new(knotd.unwrap()), &dir.join("knot.conf"), dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("knotd cannot be started ({error}); install knot, or run scripts/test")
        });
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        let log = || fs::read_to_string(dir.join("knot.log")).unwrap_or_default();
        let patient = begun.elapsed() < Duration::from_secs(20);
        assert!(
            patient && !log().contains("not found"),
            "knotd does not serve; is knot installed? {}",
            log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    (server, address)
}
