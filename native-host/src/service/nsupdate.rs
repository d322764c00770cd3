//! Records into the DNS by dynamic update (RFC 2136), signed with TSIG (RFC 8945): through
//! BIND's `nsupdate` or Knot's `knsupdate`, which take the same orders.
//!
//! The key stays in its file; its name is all that is handed on.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Code, Failure};
use crate::programs::first_on_path;

const PROGRAMS: [&str; 2] = ["nsupdate", "knsupdate"];
/// What of the program's words is told.
const MOST_WORDS: usize = 300;
const LOOK: Duration = Duration::from_millis(50);

/// Where an update goes.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The name server, with a port if it is not 53; the zone's own primary if none.
    pub server: Option<String>,
    /// The file of the TSIG key.
    pub key_file: Option<PathBuf>,
}

/// The program, if there is one.
pub fn program() -> Option<PathBuf> {
    first_on_path(&PROGRAMS)
}

/// The orders for the program: where to, what, and go.
///
/// # Errors
/// `unreadable-input` for a server that is no host name or address.
pub fn script(target: &Target, orders: &[String]) -> Result<String, Failure> {
    let mut lines = Vec::new();
    if let Some(server) = &target.server {
        lines.push(server_order(server)?);
    }
    lines.extend(orders.iter().cloned());
    lines.push("send".to_owned());
    Ok(lines.join("\n") + "\n")
}

/// Sends an update and waits for the name server's answer.
///
/// # Errors
/// `update-refused` with the program's words; `not-supported-here` if there is no program;
/// `dns-unreachable`.
pub fn send(target: &Target, orders: &[String], patience: Duration) -> Result<(), Failure> {
    let program = program().ok_or_else(|| {
        let words = "The program nsupdate is not installed on this computer. Install it (Debian: bind9-dnsutils), or \
                     publish the lines in another way.";
        Failure::new(Code::NotSupportedHere, words)
    })?;
    let script = script(target, orders)?;
    if let Some(file) = &target.key_file {
        std::fs::File::open(file).map_err(|reason| {
            let words = format!("The key file {} cannot be read: {reason}.", file.display());
            Failure::new(Code::UnreadableInput, words)
        })?;
    }
    let failed = |error: std::io::Error| {
        Failure::new(Code::UpdateRefused, format!("nsupdate could not be run: {error}."))
    };
    let mut child = command(&program, target).spawn().map_err(failed)?;
    let said = run(&mut child, &script, patience).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    match said {
        None => Err(Failure::new(
            Code::DnsUnreachable,
            "The name server did not answer in time. Try again later.",
        )),
        Some(_) if status.success() => Ok(()),
        Some(said) if stumbled_over_key(&said) => {
            let words = "The key file for the update is not one that nsupdate reads: its format or the secret in it is \
                         damaged.";
            Err(Failure::new(Code::UpdateRefused, words))
        }
        Some(said) => {
            let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let line: String = line.trim().chars().take(MOST_WORDS).collect();
            Err(Failure::new(Code::UpdateRefused, format!("The name server did not take the change: {line}")))
        }
    }
}

/// Whether the program could not use the key. It then quotes from the key file, so none of its words are told, and
/// sends the update unsigned, whose refusal would tell the wrong reason.
fn stumbled_over_key(said: &str) -> bool {
    said.lines()
        .any(|line| ["could not read key", "could not create key"].iter().any(|sign| line.contains(sign)))
}

fn command(program: &Path, target: &Target) -> Command {
    let mut command = Command::new(program);
    // TCP from the start: a certificate does not fit into a datagram.
    command.arg("-v");
    if let Some(file) = &target.key_file {
        command.arg("-k").arg(file);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the program said; `None` where it took too long and was ended.
fn run(child: &mut Child, script: &str, patience: Duration) -> std::io::Result<Option<String>> {
    let (to, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let listen = |from: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(from) = from {
                let _ = from.take(64 * 1024).read_to_end(&mut said); // what came is what there is
            }
            String::from_utf8_lossy(&said).into_owned()
        })
    };
    let out = listen(out.map(|from| -> Box<dyn Read + Send> { Box::new(from) }));
    let err = listen(err.map(|from| -> Box<dyn Read + Send> { Box::new(from) }));
    if let Some(mut to) = to {
        // A program that ended at once has said why.
        let _ = to.write_all(script.as_bytes());
    }
    let end = Instant::now() + patience;
    while child.try_wait()?.is_none() {
        if Instant::now() >= end {
            child.kill()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
    Ok(Some(out.join().unwrap_or_default() + &err.join().unwrap_or_default()))
}

/// `server HOST PORT`. Only what a host name or an address can have passes: a line end would be
/// an order of its own.
fn server_order(server: &str) -> Result<String, Failure> {
    let bad = || {
        let words = format!("`{}` is not the name or address of a name server.", server.escape_debug());
        Failure::new(Code::UnreadableInput, words)
    };
    let (host, port) = match server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, "53"),
        Some((host, port)) => (host, port.strip_prefix(':').ok_or_else(bad)?),
        None if server.matches(':').count() == 1 => server.split_once(':').ok_or_else(bad)?,
        None => (server, "53"),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(plain) || host.starts_with('-') || port.parse::<u16>().is_err() {
        return Err(bad());
    }
    Ok(format!("server {host} {port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_used_is_told_apart_and_not_quoted() {
        // BIND 9.18's own words.
        for said in [
            "28-Nov-2026 23:04:10.047 k:1: unknown option 'hmac-sha256:name:c2Vjc...'\n\
             could not read key from k.{private,key}: unexpected token\nupdate failed: REFUSED\n",
            "could not create key from hmac-sha256:k:c2VjcmV0!: bad base64 encoding\n",
        ] {
            assert!(stumbled_over_key(said));
        }
        assert!(!stumbled_over_key("update failed: REFUSED\n"));
    }

    #[test]
    fn servers() {
        for (text, order) in [
            ("ns.example.org", "server ns.example.org 53"),
            ("127.0.0.1:5300", "server 127.0.0.1 5300"),
            ("[::1]:5300", "server ::1 5300"),
            ("2001:db8::1", "server 2001:db8::1 53"),
        ] {
            assert_eq!(server_order(text).unwrap(), order);
        }
        for text in ["", "a b", "ns\nupdate delete example.org", "ns:x", "-k", "[::1]x"] {
            assert_eq!(server_order(text).unwrap_err().code, Code::UnreadableInput, "{text:?}");
        }
    }
}
