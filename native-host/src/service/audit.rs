//! The audit log: a line of JSON for every mail that was protected, where the settings name a file. Who wrote to whom under
//! which protection, and nothing of the mail itself.
//!
//! # Limitations
//! A line is written when the mail is protected. Whether it was sent after that is Thunderbird's and the server's to know.

use std::fs::OpenOptions;
use std::io::Write;

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
    let written = OpenOptions::new().append(true).create(true).open(file).and_then(|mut log| {
        // One write: lines of several users do not mix.
        log.write_all(format!("{line}\n").as_bytes())
    });
    written.map_err(|reason| {
        let words = format!(
            "The audit log {} cannot be written ({reason}), so the mail was not protected.",
            file.display()
        );
        Failure::new(Code::AuditFailed, words)
    })
}
