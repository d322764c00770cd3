//! The audit log: a line of JSON for every mail that was protected, where the settings name a file. Who wrote to whom under
//! which protection, and nothing of the mail itself.
//!
//! # Limitations
//! A line is written when the mail is protected. Whether it was sent after that is Thunderbird's and the server's to know.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{Code, Failure};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;

/// Adds a line. `made` is what the caller is told of the result.
///
/// # Errors
/// `audit-failed`: whoever wants every mail written down wants none to leave unwritten.
pub fn record(settings: &Settings, from: &str, recipients: &[String], made: &Value) -> Result<(), Failure> {
    let Some(file) = &settings.audit_log else { return Ok(()) };
    let line = json!({
        "time": SystemClock.now().to_string(),
        "from": from,
        "to": recipients,
        "signed": made.get("signed"),
        "encrypted": made.get("encrypted"),
        "algorithm": made.get("algorithm"),
    });
    let before = if is_cut_off(file) { "\n" } else { "" };
    let written = open(file).and_then(|mut log| {
        // One write: lines of several users do not mix.
        log.write_all(format!("{before}{line}\n").as_bytes())
    });
    written.map_err(|reason| {
        let words = format!(
            "The audit log {} cannot be written ({reason}), so the mail was not protected.",
            file.display()
        );
        Failure::new(Code::AuditFailed, words)
    })
}

/// Whether the log ends in the middle of a line, as a full disk leaves it: what follows is to be a line of its own. One that
/// its writers may not read cannot be seen to.
fn is_cut_off(file: &Path) -> bool {
    let last = || -> io::Result<u8> {
        let mut log = File::open(file)?;
        log.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        log.read_exact(&mut last)?;
        Ok(last[0])
    };
    file.is_file() && last().is_ok_and(|last| last != b'\n')
}

/// Opens the log to add to it. One that is not there yet is made for its owner alone: it says who writes to whom.
///
/// # Errors
/// What the system says.
pub(super) fn open(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_line_that_was_cut_off_takes_no_other_along() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit.log");
        let layer = crate::config::Layer { audit_log: Some(file.clone()), ..Default::default() };
        let settings = Settings::from_files(layer, None, None).unwrap();
        for cut in ["", "{\"time\":\"2026-", "{}\n"] {
            std::fs::write(&file, cut).unwrap();
            for _ in 0..2 {
                record(&settings, "alice@a.test", &[], &json!({})).unwrap();
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let good = text
                .lines()
                .filter(|line| line.contains("alice") && serde_json::from_str::<Value>(line).is_ok());
            assert_eq!(good.count(), 2, "{text}");
            assert!(!text.contains("\n\n"), "{text}");
        }
    }

    #[test]
    fn what_is_made_is_for_its_owner_and_what_is_there_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit.log");
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        drop(open(&file).unwrap());
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o662)).unwrap();
        drop(open(&file).unwrap());
        assert_eq!(mode(), 0o662);
    }
}
