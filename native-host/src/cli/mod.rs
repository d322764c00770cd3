//! The command line: one file a subcommand, arguments in, text or JSON out.
//!
//! Results go to standard output, people's errors to standard error, nothing else anywhere. The
//! shapes and exit statuses are a contract with scripts.

mod doctor;
mod examples;
mod files;
mod key;
mod manual;
mod lookup;
mod open;
mod protect;
mod record;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::{Layer, ProfileName, Settings};
use crate::service::{Code, Failure};

/// S/MIME with certificates from DNSSEC-secured DNS.
#[derive(Debug, Parser)]
#[command(name = "dane-smime", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand; each has a key of the same name in config.toml.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Globals {
    /// Settings file [default: the user's config dir, then /etc/dane-smime/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where keys, certificates and caches lie [default: the user's data dir]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// 127.0.0.1:5300, [::1]:53, tls://1.2.3.4#name or https://… [default: the system's]
    #[arg(long, global = true, value_name = "URI")]
    resolver: Option<String>,
    /// DNSSEC trust anchors in zone-file form [default: the root's, built in]
    ///
    /// The root's keys are replaced every few years, and announced long before. To take a new one
    /// without a new version of this program, write its DNSKEY or DS line to a file (IANA publishes
    /// it at https://data.iana.org/root-anchors/) and name the file here, or as `trust-anchor` in
    /// config.toml.
    #[arg(long, global = true, value_name = "FILE")]
    trust_anchor: Option<PathBuf>,
    /// PEM file of certificate authorities to trust beside DANE
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Revocation lists of those authorities (PEM or DER)
    #[arg(long, global = true, value_name = "FILE")]
    crl_file: Option<PathBuf>,
    /// File with a secret that unlocks the keys instead of the OS keyring
    #[arg(long, global = true, value_name = "FILE")]
    unlock_file: Option<PathBuf>,
    /// Judge certificates as of this time (RFC 3339)
    #[arg(long, global = true, value_name = "TIME")]
    at: Option<String>,
    /// Judge DNSSEC signatures as of this time (RFC 3339)
    #[arg(long, global = true, value_name = "TIME")]
    dnssec_at: Option<String>,
    /// Rules for names and records
    #[arg(long, global = true, value_enum, value_name = "NAME")]
    profile: Option<ProfileName>,
    /// The private type of the records, with `--profile guide-2014` [default: 65444]
    #[arg(long, global = true, value_name = "NUMBER")]
    guide_type: Option<u16>,
    /// Where an address provably has no certificate, try lower case and no `+tag`
    #[arg(long, global = true)]
    other_spellings: bool,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find the certificates that a domain publishes for its users
    Lookup(lookup::Arguments),
    /// Print the DNS lines that publish a certificate
    Record(record::Arguments),
    /// Sign and encrypt a message
    Protect(protect::Arguments),
    /// Decrypt and verify a message
    Open(open::Arguments),
    /// Make, import and list keys
    Key(key::Arguments),
    /// Check everything that must be right for mail to work
    Doctor(doctor::Arguments),
    /// Write man pages and shell completions
    #[command(hide = true)]
    Manual(manual::Arguments),
}

/// The command line with all its words.
fn command() -> clap::Command {
    examples::add_to(Arguments::command())
}

/// What a subcommand gets: the settings in force.
struct Context {
    settings: Settings,
    /// Whether JSON is printed, and nobody reads the text.
    json: bool,
}

/// What a subcommand gives back; printing is done in one place.
struct Output {
    /// What `--json` prints. `None` prints nothing.
    json: Option<Value>,
    /// What is printed otherwise, as it is.
    text: Vec<u8>,
    /// The exit status.
    status: u8,
}

impl Output {
    /// A good end.
    fn good(json: Value, text: impl Into<Vec<u8>>) -> Self {
        Self { json: Some(json), text: text.into(), status: 0 }
    }
}

/// Runs the command line. The exit status is the contract's: 0 good, 1 a clean negative, 2 wrong
/// usage or unreadable input, 3 not trustworthy or not provable, 4 try again later.
pub fn main<I, T>(arguments: I, out: &mut dyn Write, err: &mut dyn Write) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let parsed =
        command().try_get_matches_from(&arguments).and_then(|found| Arguments::from_arg_matches(&found));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(help) => {
            let as_json = arguments.iter().any(|argument| argument == "--json");
            return print_clap(&help, as_json, out, err);
        }
    };
    let as_json = arguments.globals.json;
    let (status, printed) = match run(arguments) {
        Ok(output) => {
            let bytes = match output.json {
                Some(value) if as_json => line(&value),
                _ if as_json => Vec::new(),
                _ => output.text,
            };
            (output.status, out.write_all(&bytes).and_then(|()| out.flush()))
        }
        Err(failure) => {
            // With --json the error object is what a program reads; people's text goes to
            // standard error in either case.
            let printed =
                if as_json { out.write_all(&line(&json!({"error": failure.to_json()}))) } else { Ok(()) };
            let told = writeln!(err, "dane-smime: {} ({})", failure.message, failure.code.word());
            (failure.code.exit_status(), printed.and(told))
        }
    };
    if printed.is_err() { Code::UnwritableOutput.exit_status() } else { status }
}

fn run(arguments: Arguments) -> Result<Output, Failure> {
    let globals = arguments.globals;
    let layer = Layer {
        data_dir: globals.data_dir,
        resolver: globals.resolver,
        trust_anchor: globals.trust_anchor,
        ca_file: globals.ca_file,
        crl_file: globals.crl_file,
        unlock_file: globals.unlock_file,
        profile: globals.profile,
        guide_type: globals.guide_type,
        pinentry: None,
        nsupdate_server: None,
        nsupdate_key: None,
        other_spellings: globals.other_spellings.then_some(true),
        at: globals.at,
        dnssec_at: globals.dnssec_at,
        ..Layer::default()
    };
    let settings = Settings::load(layer, globals.config.as_deref())
        .map_err(|error| Failure::new(Code::BadConfiguration, format!("{error}.")));
    let settings = match (settings, &arguments.command) {
        (Err(failure), Command::Doctor(arguments)) => return Ok(doctor::run(Err(&failure), arguments)),
        (_, Command::Manual(arguments)) => return manual::run(arguments),
        (settings, _) => settings?,
    };
    // Only where it was asked for: what a command has to say, it says itself.
    crate::logging::start("dane-smime", &settings.log, "off");
    let context = Context { settings, json: globals.json };
    match arguments.command {
        Command::Lookup(arguments) => lookup::run(&context, &arguments),
        Command::Record(arguments) => record::run(&context, &arguments),
        Command::Protect(arguments) => protect::run(&context, &arguments),
        Command::Open(arguments) => open::run(&context, &arguments),
        Command::Key(arguments) => key::run(&context, &arguments),
        Command::Manual(arguments) => manual::run(&arguments),
        Command::Doctor(arguments) => Ok(doctor::run(Ok(&context.settings), &arguments)),
    }
}

/// The domain agent's command line. Refuses everything: a filter that passed mail on untouched
/// would look like one that works.
pub fn agent(err: &mut dyn Write) -> u8 {
    let failure = not_built("dane-smime-agent");
    let _ = writeln!(err, "{} ({})", failure.message, failure.code.word()); // nobody else to tell
    failure.code.exit_status()
}

/// The answer for what the contract names and this version cannot do.
fn not_built(what: &str) -> Failure {
    Failure::new(Code::NotBuilt, format!("This version of dane-smime cannot do `{what}` yet."))
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default(); // a `Value` has nothing that JSON has not
    bytes.push(b'\n');
    bytes
}

/// Help and version are good ends on standard output; wrong usage is not.
fn print_clap(help: &clap::Error, as_json: bool, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let text = help.render().to_string();
    if !help.use_stderr() {
        let told = out.write_all(text.as_bytes());
        return if told.is_ok() { 0 } else { Code::UnwritableOutput.exit_status() };
    }
    let mut told = err.write_all(text.as_bytes());
    if as_json {
        let first = text.lines().next().unwrap_or_default();
        let failure = Failure::new(Code::BadRequest, first.strip_prefix("error: ").unwrap_or(first));
        told = told.and_then(|()| out.write_all(&line(&json!({"error": failure.to_json()}))));
    }
    if told.is_ok() { Code::BadRequest.exit_status() } else { Code::UnwritableOutput.exit_status() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let all = std::iter::once(&"dane-smime").chain(arguments);
        let status = main(all, &mut out, &mut err);
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn help_is_an_answer_and_wrong_usage_an_error() {
        let (status, out, err) = run(&["--help"]);
        assert_eq!((status, out.contains("lookup"), err.as_str()), (0, true, ""));
        let (status, out, err) = run(&["loookup"]);
        assert_eq!((status, out.as_str(), err.contains("loookup")), (2, "", true));
        let (status, out, _) = run(&["--json", "protect"]);
        let error: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((status, &error["error"]["code"]), (2, &json!("bad-request")));
    }

    #[test]
    fn what_is_not_built_says_so_with_a_code() {
        let mut err = Vec::new();
        assert_eq!(agent(&mut err), 2);
        assert!(String::from_utf8(err).unwrap().contains("not-built"));
    }

    #[test]
    fn settings_that_cannot_be_read_are_what_the_doctor_tells_of() {
        let (status, out, _) = run(&["--config", "/nowhere/config.toml", "--json", "doctor"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((status, &report["ok"]), (1, &json!(false)));
        assert!(report["checks"].as_array().unwrap().iter().any(|check| check["code"] == "settings-wrong"));
    }
}
