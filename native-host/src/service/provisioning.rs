//! Keys that the host makes by itself, because the administrator's settings say for whom, and the DNS lines of these keys
//! handed to whoever publishes them.
//!
//! What is made and who is told stands in the settings alone: the request names addresses and can choose nothing else.

use std::fs::{self, File};
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::engine::Engine;
use super::{Code, Failure, key_list, key_requests, records};
use crate::config::{HandOver, Provision};
use crate::directory::brought::make_private_dir;
use crate::keys::{HeldKey, NewAlgorithm, Purpose};
use crate::mime::EmailAddress;

/// Makes the keys that are wanted and missing, and hands over the lines of those that were not handed over yet.
///
/// # Errors
/// Those of making a key; `hand-over-failed`: the first, once all others have had their turn. What failed is tried again next
/// time.
pub fn provision(engine: &Engine, addresses: &[EmailAddress]) -> Result<Value, Failure> {
    let (mut rows, mut failed) = (Vec::new(), None);
    if let Some(wanted) = &engine.settings().provision {
        let mut fitting = addresses.iter().filter(|address| is_wanted(wanted, address)).peekable();
        // Held to the end.
        let _turn = fitting.peek().map(|_| wait_for_turn(engine)).transpose()?;
        for address in fitting {
            match provide(engine, wanted, address) {
                Ok(Some(key)) => rows.push(key_list::row(&key)),
                Ok(None) => {}
                Err(failure) => drop(failed.get_or_insert(failure)),
            }
        }
    }
    failed.map_or_else(|| Ok(json!({ "handed_over": rows })), Err)
}

/// One after the other: of two Thunderbirds that start at once, each would find no key, and make one of its own.
fn wait_for_turn(engine: &Engine) -> Result<File, Failure> {
    let folder = marks(engine);
    let path = folder.join("lock");
    let locked = make_private_dir(&folder).and_then(|()| {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock().map(|()| file)
    });
    locked.map_err(|reason| failed(&path, &reason))
}

/// The key whose lines were handed over now, if they had not been.
fn provide(engine: &Engine, wanted: &Provision, address: &EmailAddress) -> Result<Option<HeldKey>, Failure> {
    let key = key_of(engine, wanted, address)?;
    let mark = mark_of(engine, &key);
    if mark.exists() {
        return Ok(None);
    }
    hand_over(&wanted.hand_over, engine, address, &key)?;
    fs::write(&mark, "").map_err(|reason| failed(&mark, &reason))?;
    Ok(Some(key))
}

/// For whom keys are made.
#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    /// One address. Case counts for nothing.
    One(EmailAddress),
    /// All of a domain, in A-labels.
    Domain(String),
}

impl Pattern {
    /// An address, or `*@domain`, whichever way the domain is written.
    fn parse(text: &str) -> Option<Self> {
        let address = EmailAddress::parse(text).ok()?;
        Some(if address.local() == "*" {
            Self::Domain(address.domain().to_owned())
        } else {
            Self::One(address)
        })
    }

    fn fits(&self, address: &EmailAddress) -> bool {
        match self {
            Self::One(one) => one.to_string().to_lowercase() == address.to_string().to_lowercase(),
            Self::Domain(domain) => address.domain() == domain,
        }
    }
}

fn is_wanted(wanted: &Provision, address: &EmailAddress) -> bool {
    wanted.addresses.iter().filter_map(|text| Pattern::parse(text)).any(|pattern| pattern.fits(address))
}

/// What of the settings cannot be done. Whether the directory can be written to, and what the program will say, shows when it is.
pub fn fault(wanted: &Provision) -> Option<String> {
    if let Some(text) = wanted.addresses.iter().find(|text| Pattern::parse(text).is_none()) {
        return Some(format!("`{text}` in `addresses` is neither an address nor *@domain"));
    }
    if let Some(Err(error)) = wanted.algorithm.as_deref().map(str::parse::<NewAlgorithm>) {
        return Some(format!("`algorithm`: {error}"));
    }
    if wanted.days.is_some_and(|days| !DAYS.contains(&days)) {
        return Some(format!("`days` must be {} to {}", DAYS.start(), DAYS.end()));
    }
    match &wanted.hand_over {
        HandOver::Directory(directory) if !directory.is_dir() => {
            Some(format!("there is no directory {}", directory.display()))
        }
        HandOver::Command(words) => match words.first() {
            None => Some("`hand-over.command` names no program".to_owned()),
            Some(program) => {
                let is_missing = Path::new(program).is_absolute() && !Path::new(program).is_file();
                is_missing.then(|| format!("there is no program {program}"))
            }
        },
        HandOver::Directory(_) => None,
    }
}

/// For how many days a key can be made.
const DAYS: RangeInclusive<u32> = 1..=7300;

/// The key in use, or a new one. A key that was retired or has expired is followed by a new one, too.
fn key_of(engine: &Engine, wanted: &Provision, address: &EmailAddress) -> Result<HeldKey, Failure> {
    let now = engine.now();
    if let Ok(key) = engine.keys().overview(now)?.in_use(address, Purpose::Encrypt, now) {
        return Ok(key.clone());
    }
    let days =
        wanted.days.map_or(730, |days| u16::try_from(days.clamp(*DAYS.start(), *DAYS.end())).unwrap_or(730));
    let new = key_requests::new_key(&address.to_string(), None, wanted.algorithm.as_deref(), days)?;
    Ok(engine.keys().generate(&new, now)?)
}

/// That a key's lines were handed over is remembered by an empty file of its name.
fn mark_of(engine: &Engine, key: &HeldKey) -> PathBuf {
    marks(engine).join(key.certificate.sha256().to_string())
}

fn marks(engine: &Engine) -> PathBuf {
    engine.settings().data_dir.join("handed-over")
}

fn hand_over(to: &HandOver, engine: &Engine, address: &EmailAddress, key: &HeldKey) -> Result<(), Failure> {
    let record = records::usual(address, &key.certificate, engine.settings().profile)?;
    let lines = format!("; {address}\n{}\n", record.mnemonic());
    match to {
        HandOver::Directory(directory) => {
            // Whole or not at all: somebody may be reading there.
            let file = directory.join(format!("{}.zone", key.certificate.sha256()));
            let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut draft| {
                draft.write_all(lines.as_bytes())?;
                make_readable(draft.as_file())?;
                draft.persist(&file).map_err(|error| error.error)
            });
            written.map(drop).map_err(|reason| failed(&file, &reason))
        }
        HandOver::Command(words) => run(words, &lines),
    }
}

/// Lets others read what is published anyway.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

fn run(words: &[String], lines: &str) -> Result<(), Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::new(Code::BadConfiguration, "`provision.hand-over.command` names no program."));
    };
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null()) // ours carries frames
        .stderr(Stdio::null())
        .spawn();
    let done = started.and_then(|mut child| {
        if let Some(mut input) = child.stdin.take() {
            // A program may end well without reading to the end; its status tells.
            let _ = input.write_all(lines.as_bytes());
        }
        child.wait()
    });
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(Path::new(program), &status)),
        Err(reason) => Err(failed(Path::new(program), &reason)),
    }
}

fn failed(what: &Path, reason: &dyn std::fmt::Display) -> Failure {
    let words = format!(
        "The DNS lines of a new key could not be handed to {} ({reason}). It is tried again at the next start.",
        what.display()
    );
    Failure::new(Code::HandOverFailed, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(more: &str) -> Provision {
        toml::from_str(more).unwrap()
    }

    #[test]
    fn for_whom() {
        let to = "hand-over = { directory = '/' }";
        let wanted = wanted(&format!("addresses = ['*@Bücher.example', 'Bob@a.test', '*@b.test']\n{to}"));
        for (address, is) in [
            ("anna@xn--bcher-kva.example", true),
            ("anna@bücher.example", true),
            ("anna@www.bücher.example", false),
            ("bob@A.test", true),
            ("eve@a.test", false),
            ("x@b.test", true),
            ("x@bb.test", false),
        ] {
            assert_eq!(is_wanted(&wanted, &EmailAddress::parse(address).unwrap()), is, "{address}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let here = "hand-over = { directory = '/' }";
        let fault = |text: &str| fault(&wanted(text)).unwrap_or_default();
        assert_eq!(fault(&format!("addresses = ['*@a.test']\nalgorithm = 'p-256'\ndays = 7300\n{here}")), "");
        for (text, words) in [
            (format!("addresses = ['a.test']\n{here}"), "`a.test`"),
            (format!("addresses = ['*@*.test']\n{here}"), "`*@*.test`"),
            (format!("addresses = []\nalgorithm = 'rsa-1024'\n{here}"), "algorithm"),
            (format!("addresses = []\ndays = 0\n{here}"), "days"),
            ("addresses = []\nhand-over = { directory = '/nowhere' }".to_owned(), "/nowhere"),
            ("addresses = []\nhand-over = { command = ['/nowhere'] }".to_owned(), "/nowhere"),
            ("addresses = []\nhand-over = { command = [] }".to_owned(), "no program"),
        ] {
            assert!(fault(&text).contains(words), "{text}: {}", fault(&text));
        }
    }
}
