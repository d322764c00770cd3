//! Validators of others, asked the same questions of the same servers: `delv` (BIND) and
//! `unbound-host` (libunbound). Where they say "bogus" or "insecure", we must not say more.
//!
//! One that is not installed judges nothing, and says so aloud; `scripts/test` installs both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a referee says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Proven, be it records or their absence.
    Secure,
    /// Proven to be unsigned.
    Insecure,
    /// Neither; time-outs and broken servers too.
    Nothing,
}

impl Ruling {
    /// Whether a verdict of ours says no more than this.
    pub fn allows(self, verdict: &str) -> bool {
        match verdict {
            "secure" | "absent" => self == Self::Secure,
            "insecure" => self != Self::Nothing,
            _ => true,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Insecure => "insecure",
            Self::Nothing => "nothing",
        }
    }
}

/// A validator of others.
#[derive(Clone)]
pub struct Referee {
    pub name: &'static str,
    /// Its settings, written for this program.
    settings: PathBuf,
    anchor: PathBuf,
}

/// Those that are installed, with these zone-file lines of DNSKEY records as their anchors. Of them delv
/// knows the root's alone.
pub fn referees(dir: &Path, anchors: &str) -> Vec<Referee> {
    let (mut bind, mut lines) = (String::new(), String::new());
    for line in anchors.lines() {
        let zone = line.split_whitespace().next().unwrap();
        let fields: Vec<&str> =
            line.split_whitespace().skip_while(|word| *word != "DNSKEY").skip(1).collect();
        let (numbers, key) = (fields[..3].join(" "), fields[3..].concat());
        bind += &format!("{zone} static-key {numbers} \"{key}\"; ");
        lines += &format!("{zone} IN DNSKEY {numbers} {key}\n");
    }
    let bind = format!("trust-anchors {{ {bind}}};\n");
    std::fs::create_dir_all(dir).unwrap();
    let plain = dir.join("anchor.key");
    std::fs::write(&plain, lines).unwrap();
    let mut found = Vec::new();
    for (name, settings) in [("delv", bind), ("unbound-host", String::new())] {
        let started = Command::new(name).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if started.is_err() {
            println!(
                "SKIPPED: {name} is not installed and referees nothing (Debian: bind9-dnsutils, unbound-host)"
            );
            continue;
        }
        let file = dir.join(format!("{name}.conf"));
        std::fs::write(&file, settings).unwrap();
        found.push(Referee { name, settings: file, anchor: plain.clone() });
    }
    found
}

impl Referee {
    /// Asks the server for a name and a type, by TCP.
    pub fn rule(&self, server: SocketAddr, name: &str, record_type: &str) -> Ruling {
        if self.name == "delv" {
            self.delv(server, name, record_type)
        } else {
            self.unbound(server, name, record_type)
        }
    }

    fn delv(&self, server: SocketAddr, name: &str, record_type: &str) -> Ruling {
        let output = Command::new("delv")
            .args([&format!("@{}", server.ip()), "-p", &server.port().to_string()])
            .args(["+tcp", "+root=.", "-a"])
            .arg(&self.settings)
            .args([name, record_type])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if std::env::var("REFEREES_SPEAK").is_ok() {
            println!("{said}{}", String::from_utf8_lossy(&output.stderr));
        }
        // One line for each set: an answer is as good as the worst of them.
        match said {
            _ if said.contains("; unsigned answer") || said.contains("response, unsigned") => {
                Ruling::Insecure
            }
            _ if said.contains("fully validated") => Ruling::Secure,
            _ => Ruling::Nothing,
        }
    }

    fn unbound(&self, server: SocketAddr, name: &str, record_type: &str) -> Ruling {
        let file = self.settings.with_file_name(format!("unbound-{}.conf", server.port()));
        if !file.exists() {
            std::fs::write(&file, unbound_settings(server)).unwrap();
        }
        let output = Command::new("unbound-host")
            .arg("-C")
            .arg(&file)
            .arg("-f")
            .arg(&self.anchor)
            .args(["-v", "-t", record_type, name])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match said {
            _ if said.contains("(BOGUS") || said.contains("(error)") => Ruling::Nothing,
            _ if said.contains("(insecure)") => Ruling::Insecure,
            _ if said.contains("(secure)") => Ruling::Secure,
            _ => Ruling::Nothing,
        }
    }
}

/// No allowance for clocks that are wrong, and `test.` is a zone like any other.
fn unbound_settings(server: SocketAddr) -> String {
    format!(
        "server:\n  do-not-query-localhost: no\n  local-zone: \"test.\" nodefault\n  val-sig-skew-min: 0\n  \
         val-sig-skew-max: 0\n  qname-minimisation: no\n  tcp-upstream: yes\n  do-ip6: no\n  prefer-ip4: yes\n\
         forward-zone:\n  name: \".\"\n  forward-addr: {}@{}\n",
        server.ip(),
        server.port()
    )
}
