//! Logs: where they go, and what never gets into them.
//!
//! Every line passes one door, [`Line`], whoever wrote it: there mail addresses become hashes, unless the settings ask
//! for them. Contents, subjects and keys are never handed to a log in the first place. The hash is keyed anew in each
//! process, so that a log tells "the same address again" and nothing to who wants to try addresses out.
//!
//! # Limitations
//! - Domains alone stand as they are: look-ups cannot be followed without them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogSettings, LogTarget};

/// A log file is put aside as `….1` before it grows beyond this, and the one put aside before is dropped.
pub const MOST_OCTETS: u64 = 1024 * 1024;

/// The name that the level has in the environment, over the settings unless an administrator made them.
const ENVIRONMENT: &str = "DANE_SMIME_LOG";

/// Starts logging for this process. `default` is the filter where neither environment nor settings name one.
///
/// A log that cannot be opened is no reason to lose mail: standard error is used and told.
pub fn start(program: &'static str, settings: &LogSettings, default: &str) {
    let asked = std::env::var(ENVIRONMENT).ok();
    let filter = filter(asked.as_deref(), settings, default);
    let (sink, failed) = match Sink::open(&settings.to) {
        Ok(sink) => (sink, None),
        Err(error) => (Sink::StandardError, Some(error)),
    };
    let log = Log {
        program,
        sink: Arc::new(Mutex::new(sink)),
        mask: (!settings.addresses).then(|| Arc::new(Mask::new())),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log);
    // The journal has times and levels of its own.
    let started = match settings.to {
        LogTarget::Journal => builder.without_time().with_level(false).try_init(),
        _ => builder.try_init(),
    };
    if let (Ok(()), Some(error)) = (started, failed) {
        tracing::warn!(%error, to = ?settings.to, "the log cannot be opened; standard error is used");
    }
}

/// What is logged. `asked` is what the environment says.
fn filter(asked: Option<&str>, settings: &LogSettings, default: &str) -> EnvFilter {
    let asked = asked.filter(|_| !settings.filter_fixed);
    let wishes = [asked, settings.filter.as_deref()];
    let mut understood = wishes.into_iter().flatten().filter_map(|wish| EnvFilter::try_new(wish).ok());
    understood.next().unwrap_or_else(|| EnvFilter::new(default))
}

/// Where lines go.
enum Sink {
    StandardError,
    #[cfg(unix)]
    Journal(std::os::unix::net::UnixDatagram),
    File(BoundedFile),
}

impl Sink {
    fn open(target: &LogTarget) -> io::Result<Self> {
        match target {
            LogTarget::StandardError => Ok(Self::StandardError),
            LogTarget::Journal => open_journal(),
            LogTarget::File(path) => BoundedFile::open(path, MOST_OCTETS).map(Self::File),
        }
    }

    fn write(&mut self, program: &str, level: Level, line: &str) -> io::Result<()> {
        match self {
            Self::StandardError => writeln!(io::stderr(), "{program}: {line}"),
            #[cfg(unix)]
            Self::Journal(socket) => {
                // https://systemd.io/JOURNAL_NATIVE_PROTOCOL: fields as lines; ours hold no line break.
                let priority = priority(level);
                let entry = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER={program}\nMESSAGE={line}\n");
                socket.send(entry.as_bytes()).map(|_| ())
            }
            Self::File(file) => file.write_line(&format!("{program}[{}]: {line}", std::process::id())),
        }
    }
}

#[cfg(unix)]
fn open_journal() -> io::Result<Sink> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.connect("/run/systemd/journal/socket")?;
    Ok(Sink::Journal(socket))
}

#[cfg(not(unix))]
fn open_journal() -> io::Result<Sink> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there is no journal on this system"))
}

/// syslog's numbers.
#[cfg(unix)]
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// A file, and the one before it.
struct BoundedFile {
    path: PathBuf,
    file: File,
    most: u64,
}

impl BoundedFile {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: append_to(path)?, most })
    }

    fn write_line(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        let added = u64::try_from(line.len()).unwrap_or(u64::MAX);
        // The size is asked each time: several hosts of one user may write here.
        if self.file.metadata()?.len().saturating_add(added) > self.most {
            // Another host may have put it aside already: then a new one is there, and not to be dropped.
            let there = append_to(&self.path)?;
            if there.metadata()?.len().saturating_add(added) > self.most {
                let mut aside = self.path.clone().into_os_string();
                aside.push(".1");
                fs::rename(&self.path, aside)?;
                self.file = append_to(&self.path)?;
            } else {
                self.file = there;
            }
        }
        self.file.write_all(line.as_bytes())
    }
}

/// Opens a file that its owner alone may read.
fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a [`Line`] for each event.
#[derive(Clone)]
struct Log {
    program: &'static str,
    sink: Arc<Mutex<Sink>>,
    mask: Option<Arc<Mask>>,
}

impl Log {
    fn line(&self, level: Level) -> Line {
        Line { log: self.clone(), level, octets: Vec::new() }
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        self.line(Level::ERROR)
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> Line {
        self.line(*metadata.level())
    }
}

/// One event on its way out; written when dropped, because the formatter writes in pieces.
struct Line {
    log: Log,
    level: Level,
    octets: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.octets.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.octets);
        // One event is one line, whatever stands in it.
        let text = text.trim_end().replace(|c: char| c.is_control(), " ");
        let text = match &self.log.mask {
            Some(mask) => mask.apply(&text),
            None => text,
        };
        let mut sink = self.log.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = sink.write(self.log.program, self.level, &text); // nobody is left to be told
    }
}

/// The text with nothing in the place of each mail address: for what is shown to others.
pub fn without_addresses(text: &str) -> String {
    Mask { secret: NO_SECRET }.apply(text)
}

/// With it nothing of an address is shown at all.
const NO_SECRET: [u8; 32] = [0; 32];

/// Turns mail addresses into hashes.
struct Mask {
    secret: [u8; 32],
}

impl Mask {
    fn new() -> Self {
        let mut secret = NO_SECRET;
        // Without chance the hashes could be tried out.
        if openssl::rand::rand_bytes(&mut secret).is_err() {
            secret = NO_SECRET;
        }
        Self { secret }
    }

    /// Replaces everything around an `@` that could belong to an address: better too much than too little.
    fn apply(&self, text: &str) -> String {
        if !text.contains('@') {
            return text.to_owned();
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('@') {
            let (before, after) = rest.split_at(at);
            let start = local_part_start(before);
            let after = after.get(1..).unwrap_or_default();
            let end = after.find(ends_domain).unwrap_or(after.len());
            let (kept, local) = before.split_at(start);
            let (domain, tail) = after.split_at(end);
            masked += kept;
            masked += &self.hash(&format!("{local}@{domain}"));
            rest = tail;
        }
        masked + rest
    }

    fn hash(&self, address: &str) -> String {
        let digest = || -> Result<Vec<u8>, openssl::error::ErrorStack> {
            let key = PKey::hmac(&self.secret)?;
            let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
            signer.update(address.to_lowercase().as_bytes())?;
            signer.sign_to_vec()
        };
        match digest() {
            Ok(digest) if self.secret != NO_SECRET => {
                format!("<address {}>", hex::encode(digest.get(..4).unwrap_or_default()))
            }
            _ => "<address>".to_owned(),
        }
    }
}

/// Where the local part that ends `text` begins: behind a blank or a bracket, or at the quotation mark that opens it.
fn local_part_start(text: &str) -> usize {
    if let Some(quoted) = text.strip_suffix('"') {
        return quoted.rfind('"').unwrap_or(0);
    }
    let begins = |c: char| c.is_whitespace() || "<>()[]{},;:=\"'`".contains(c);
    text.char_indices().rev().find(|(_, c)| begins(*c)).map_or(0, |(index, c)| index + c.len_utf8())
}

fn ends_domain(c: char) -> bool {
    c.is_whitespace() || "<>()[]{},;=\"'`/\\".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_hashes_that_tell_the_same_one_again() {
        let mask = Mask::new();
        let masked = mask.apply(
            "no key of Alice@Example.test will do for <bob+x@a.test>, \"a b\"@c.test, file=/x/carol@d.test: dave",
        );
        for word in ["Alice", "Example.test", "bob", "a b", "carol", "d.test"] {
            assert!(!masked.contains(word), "{word} in {masked}");
        }
        assert!(
            masked.starts_with("no key of <address ") && masked.ends_with(": dave")
                || masked.ends_with(" dave")
        );
        assert_eq!(mask.apply("alice@example.test"), mask.apply("ALICE@example.test"));
        assert_ne!(mask.apply("alice@example.test"), mask.apply("bob@example.test"));
        assert_ne!(mask.apply("alice@example.test"), Mask::new().apply("alice@example.test"));
        assert_eq!(mask.apply("nothing to hide in example.test"), "nothing to hide in example.test");
        for odd in ["@", "a@", "@b", "@@", "ü@ü@ü", "\"@"] {
            assert!(!mask.apply(odd).contains('@'), "{odd}");
        }
    }

    #[test]
    fn a_log_file_stays_small_and_is_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = BoundedFile::open(&path, 1000).unwrap();
        for number in 0..200 {
            file.write_line(&format!("line {number}")).unwrap();
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        let aside = dir.path().join("log.1");
        assert!(size(&path) <= 1000 && size(&aside) <= 1000);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 199\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn nothing_is_lost_where_two_write_and_one_puts_the_file_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let [mut one, mut other] = [(); 2].map(|()| BoundedFile::open(&path, 100).unwrap());
        one.write_line(&"a".repeat(98)).unwrap();
        one.write_line("b").unwrap();
        other.write_line("c").unwrap();
        for number in 0..5 {
            one.write_line(&format!("d{number}")).unwrap();
            other.write_line(&format!("e{number}")).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("log"), "b\nc\nd0\ne0\nd1\ne1\nd2\ne2\nd3\ne3\nd4\ne4\n");
        assert_eq!(read("log.1"), "a".repeat(98) + "\n");
    }

    #[test]
    fn a_policy_says_what_is_logged_and_no_variable_takes_it_back() {
        let settings = |filter_fixed| LogSettings {
            filter: Some("info".to_owned()),
            filter_fixed,
            ..LogSettings::default()
        };
        let filter = |asked, fixed| filter(asked, &settings(fixed), "warn").to_string();
        assert_eq!(filter(Some("off"), false), "off");
        assert_eq!(filter(Some("off"), true), "info");
        assert_eq!(filter(None, false), "info");
        assert_eq!(filter(Some("x=y=z"), false), "info");
        let locked = LogSettings { filter_fixed: true, ..LogSettings::default() };
        assert_eq!(super::filter(Some("trace"), &locked, "warn").to_string(), "warn");
    }

    #[test]
    fn an_event_is_one_line_without_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let sink = Arc::new(Mutex::new(Sink::File(BoundedFile::open(&path, 10_000).unwrap())));
        let log = Log { program: "test", sink, mask: Some(Arc::new(Mask::new())) };
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(who = "alice@example.test", "two\nlines");
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("WARN") && text.contains("<address "), "{text}");
        assert!(!text.contains("alice"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_at_sign_is_left(text: String) {
            proptest::prop_assert!(!Mask::new().apply(&text).contains('@'));
        }
    }
}
