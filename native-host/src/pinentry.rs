//! Asks a person for a password in a window of its own, through a pinentry program (GnuPG's
//! Assuan dialogue on its standard streams).
//!
//! Passwords of key files and PINs of tokens never stand in HTML and never cross the
//! native-messaging port: the program that uses them asks for them.
//!
//! # Limitations
//! - A pinentry that knows only terminals cannot ask for a host that Thunderbird started; it ends
//!   with an error, which is said.
//! - What the pinentry program does with the password is its own affair.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::programs::first_on_path;

/// Programs that are looked for, those with windows first.
const PROGRAMS: [&str; 7] = [
    "pinentry-gnome3",
    "pinentry-qt",
    "pinentry-qt5",
    "pinentry-gtk-2",
    "pinentry-mac",
    "pinentry",
    "pinentry-basic",
];
/// `GPG_ERR_CANCELED` and `GPG_ERR_NOT_CONFIRMED`, the low 16 bits of an error's number.
const CANCELLED: [u32; 2] = [99, 114];
/// Longest line of the dialogue (Assuan: 1000 octets), with some room.
const MAX_LINE: u64 = 4096;
/// How often it is looked whether anybody still waits for the answer.
const LOOK: Duration = Duration::from_millis(100);

/// Where passwords are asked for.
#[derive(Clone, Debug)]
pub struct Pinentry {
    program: Option<PathBuf>,
}

/// What is asked, in the person's language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// What the password is for.
    pub description: String,
    /// Stands before the field.
    pub label: String,
    /// Why it is asked again; empty the first time.
    pub error: String,
    /// For a new password: stands before the second field. `None` asks once.
    pub repeat: Option<Repeat>,
}

/// The second field of a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Stands before it.
    pub label: String,
    /// Said where the two differ.
    pub mismatch: String,
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinentryError {
    /// The person closed the window, or nobody waits for the answer any more.
    #[error("no password was entered")]
    Cancelled,
    /// The program ended, or said what is no Assuan.
    #[error("the password window failed: {reason}")]
    Failed {
        /// What happened; never what was entered.
        reason: String,
    },
    /// There is no such program.
    #[error("there is no pinentry program")]
    Missing,
}

impl Pinentry {
    /// The program that the settings name, else the first of the usual ones on `PATH`.
    pub fn new(named: Option<&Path>) -> Self {
        Self { program: named.map(Path::to_owned).or_else(|| first_on_path(&PROGRAMS)) }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.program.as_ref().is_some_and(|program| program.is_file())
    }

    /// Asks. `wanted` says whether anybody still waits; when nobody does, the window is closed.
    ///
    /// # Errors
    /// [`PinentryError`].
    pub fn ask(
        &self,
        question: &Question,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Zeroizing<String>, PinentryError> {
        let program = self.program.as_ref().ok_or(PinentryError::Missing)?;
        if !wanted() {
            return Err(PinentryError::Cancelled);
        }
        let mut dialogue = Dialogue::start(program)?;
        dialogue.ask(question, wanted)
    }
}

/// One run of the program. It is ended with this.
struct Dialogue {
    child: Child,
    to: ChildStdin,
    lines: Receiver<Zeroizing<Vec<u8>>>,
}

/// What an order was answered with.
enum Answer {
    Data(Zeroizing<Vec<u8>>),
    Ok,
}

impl Dialogue {
    fn start(program: &Path) -> Result<Self, PinentryError> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => PinentryError::Missing,
            _ => PinentryError::Failed { reason: error.to_string() },
        };
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let streams = (child.stdin.take(), child.stdout.take());
        let (Some(to), Some(from)) = streams else {
            return Err(broken("it has no standard streams"));
        };
        Ok(Self { child, to, lines: read_lines(from) })
    }

    fn ask(
        &mut self,
        question: &Question,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Zeroizing<String>, PinentryError> {
        self.answer(wanted)?; // its greeting
        self.order("SETTITLE", "DANE S/MIME", wanted)?;
        self.order("SETDESC", &question.description, wanted)?;
        self.order("SETPROMPT", &question.label, wanted)?;
        if !question.error.is_empty() {
            self.order("SETERROR", &question.error, wanted)?;
        }
        if let Some(repeat) = &question.repeat {
            self.order("SETREPEAT", &repeat.label, wanted)?;
            self.order("SETREPEATERROR", &repeat.mismatch, wanted)?;
        }
        let octets = match self.order("GETPIN", "", wanted)? {
            Answer::Data(octets) => octets,
            Answer::Ok => Zeroizing::new(Vec::new()), // an empty password has no data line
        };
        let text = std::str::from_utf8(&octets).map_err(|_| broken("the password is not UTF-8"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn order(
        &mut self,
        order: &str,
        words: &str,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Answer, PinentryError> {
        let line =
            if words.is_empty() { format!("{order}\n") } else { format!("{order} {}\n", escape(words)) };
        self.to
            .write_all(line.as_bytes())
            .and_then(|()| self.to.flush())
            .map_err(|error| PinentryError::Failed { reason: error.to_string() })?;
        self.answer(wanted)
    }

    fn answer(&mut self, wanted: &dyn Fn() -> bool) -> Result<Answer, PinentryError> {
        let mut data = None;
        loop {
            let line = match self.lines.recv_timeout(LOOK) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if wanted() => continue,
                Err(RecvTimeoutError::Timeout) => return Err(PinentryError::Cancelled),
                Err(RecvTimeoutError::Disconnected) => return Err(broken("it ended without an answer")),
            };
            let (word, rest) = match line.iter().position(|octet| *octet == b' ') {
                Some(at) => line.split_at(at),
                None => (&line[..], &b""[..]),
            };
            let rest = rest.strip_prefix(b" ").unwrap_or(rest);
            match word {
                b"OK" => return Ok(data.map_or(Answer::Ok, Answer::Data)),
                b"D" => data = Some(unescape(rest)),
                b"ERR" => return Err(refusal(&String::from_utf8_lossy(rest))),
                b"S" => {} // progress
                _ if word.starts_with(b"#") => {}
                _ => return Err(broken("it said what is no answer")),
            }
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"BYE\n"); // it may be gone
        // Ended rather than waited for: a window that nobody waits for has to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(from: ChildStdout) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        // What this reader holds is not wiped: one octet, the end of a line, is no secret.
        let mut from = BufReader::with_capacity(1, from);
        loop {
            // One allocation of the final size: a buffer that grows leaves unwiped copies behind.
            let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_LINE).unwrap_or(0)));
            let read = Read::by_ref(&mut from).take(MAX_LINE).read_until(b'\n', &mut line);
            if !matches!(read, Ok(octets) if octets > 0) || line.last() != Some(&b'\n') {
                return; // its end, or no Assuan
            }
            line.pop();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn refusal(words: &str) -> PinentryError {
    let number = words.split(' ').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or_default();
    if CANCELLED.contains(&(number & 0xffff)) {
        PinentryError::Cancelled
    } else {
        // Its own words may be of any kind; the number says enough to look it up.
        PinentryError::Failed { reason: format!("error {number}") }
    }
}

fn broken(reason: &str) -> PinentryError {
    PinentryError::Failed { reason: reason.to_owned() }
}

/// Assuan: `%`, CR and LF as `%XX`.
fn escape(words: &str) -> String {
    words.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn unescape(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut rest = data;
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digits = Zeroizing::new([*high, *low]);
                let mut octet = [0];
                hex::decode_to_slice(*digits, &mut octet).ok().map(|()| octet[0])
            }
            _ => None,
        };
        octets.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    octets
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A pinentry that is a shell script.
    fn stand_in(script: &str) -> (tempfile::TempDir, Pinentry) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("pinentry");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let pinentry = Pinentry::new(Some(&program));
        (dir, pinentry)
    }

    const POLITE: &str = r#"
        echo "OK Pleased to meet you"
        while read -r order words; do
            printf '%s %s\n' "$order" "$words" >>"$0.log"
            case $order in GETPIN) echo "S PASSWORD"; echo "D 50%25 & more%0A" ;; esac
            echo OK
        done"#;

    fn question() -> Question {
        Question {
            description: "For a file\nof 100 %".to_owned(),
            label: "Password:".to_owned(),
            error: String::new(),
            repeat: Some(Repeat { label: "Again:".to_owned(), mismatch: "They differ.".to_owned() }),
        }
    }

    #[test]
    fn asks_in_order_and_takes_every_character() {
        let (dir, pinentry) = stand_in(POLITE);
        assert_eq!(*pinentry.ask(&question(), &|| true).unwrap(), "50% & more\n");
        let log = std::fs::read_to_string(dir.path().join("pinentry.log")).unwrap();
        assert_eq!(
            log.lines().take(6).collect::<Vec<_>>(),
            [
                "SETTITLE DANE S/MIME",
                "SETDESC For a file%0Aof 100 %25",
                "SETPROMPT Password:",
                "SETREPEAT Again:",
                "SETREPEATERROR They differ.",
                "GETPIN ",
            ]
        );
    }

    #[test]
    fn an_end_without_a_password_is_told_apart() {
        let ask = |script: &str| stand_in(script).1.ask(&question(), &|| true).unwrap_err();
        let refuses = |number: u32| format!("echo OK; while read -r x; do echo 'ERR {number} no'; done");
        assert!(matches!(ask(&refuses(83_886_179)), PinentryError::Cancelled));
        assert!(matches!(ask(&refuses(83_886_340)), PinentryError::Failed { .. }));
        assert!(matches!(ask("exit 0"), PinentryError::Failed { .. }));
        assert!(matches!(ask("echo Bonjour; sleep 60"), PinentryError::Failed { .. }));
        let nowhere = Pinentry::new(Some(Path::new("/nowhere/pinentry")));
        assert!(matches!(nowhere.ask(&question(), &|| true), Err(PinentryError::Missing)));
    }

    #[test]
    fn a_window_that_nobody_waits_for_is_closed() {
        let (_dir, pinentry) = stand_in("echo OK; while read -r x; do echo '# still open'; done");
        let error = pinentry.ask(&question(), &|| false).unwrap_err();
        assert!(matches!(error, PinentryError::Cancelled));
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(b"a%2").as_slice(), b"a%2");
        assert_eq!(unescape(b"%zz%41%").as_slice(), b"%zzA%");
    }
}
