//! `dane-smime protect`: one message in, the protected message out.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::files::{self, Draft, Input};
use super::{Context, Output};
use crate::message::outgoing::Source;
use crate::mime::EmailAddress;
use crate::mime::protecting::Hiding;
use crate::service::engine::Engine;
use crate::service::outgoing::{Audience, Wish, WishedLayers, parse_address, parse_addresses, prepare};
use crate::service::requests::bcc_needs_own_copy;
use crate::service::{Failure, audit, recipients};
use crate::x509::Fingerprint;

/// Arguments of `protect`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The sender's address
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// Recipients
    #[arg(long, value_name = "ADDRESS", num_args = 1.., action = clap::ArgAction::Append)]
    to: Vec<String>,
    /// Recipients
    #[arg(long, value_name = "ADDRESS", num_args = 1.., action = clap::ArgAction::Append)]
    cc: Vec<String>,
    /// Blind recipients; with --encrypt each gets a copy of their own in --bcc-dir
    #[arg(long, value_name = "ADDRESS", num_args = 1.., action = clap::ArgAction::Append)]
    bcc: Vec<String>,
    /// Where the blind recipients' own copies are put, named ADDRESS.eml
    #[arg(long, value_name = "DIR")]
    bcc_dir: Option<PathBuf>,
    /// The sender's certificate to sign with and to encrypt the own copy to [default: the selected one]
    #[arg(long, value_name = "SHA256")]
    certificate: Option<Fingerprint>,
    /// Sign with the sender's key
    #[arg(long)]
    sign: bool,
    /// Encrypt to every recipient and to the sender
    #[arg(long)]
    encrypt: bool,
    /// Put the signed text inside the signature object instead of beside it
    #[arg(long)]
    opaque: bool,
    /// Leave all certificates out of the signature: readers find them in the DNS
    #[arg(long)]
    nocerts: bool,
    /// Sign the encrypted message once more (RFC 2634)
    #[arg(long)]
    triple: bool,
    /// Put the whole message inside as an attached message, header and all
    #[arg(long)]
    wrap: bool,
    /// Leave the header outside as it is, the subject readable on the way
    #[arg(long)]
    no_header_protection: bool,
    /// Put the header inside, and leave the subject readable outside, too
    #[arg(long, conflicts_with = "no_header_protection")]
    readable_header: bool,
    /// The message [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where the protected message goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let engine = Engine::new(context.settings.clone());
    let blind = parse_addresses(&arguments.bcc)?;
    let wish = Wish {
        from: parse_address(&arguments.from)?,
        certificate: arguments.certificate,
        audience: Audience::Named {
            to: [parse_addresses(&arguments.to)?, parse_addresses(&arguments.cc)?].concat(),
            blind,
        },
        layers: WishedLayers::from_switches(arguments.sign, arguments.encrypt, arguments.triple)?,
        opaque: arguments.opaque,
        nocerts: arguments.nocerts,
        wrap: arguments.wrap,
        header_protection: match (arguments.no_header_protection, arguments.readable_header) {
            (true, _) => None,
            (false, true) => Some(Hiding::Nothing),
            (false, false) => Some(Hiding::Baseline),
        },
    };
    if arguments.encrypt && !arguments.bcc.is_empty() && arguments.bcc_dir.is_none() {
        return Err(bcc_needs_own_copy());
    }
    let prepared = prepare(&engine, &wish, recipients::PATIENCE)?;
    let mut input = Input::open(arguments.input.as_deref(), prepared.blind().is_empty())?;
    // Everything is made before anything is put in its place: nothing is written on any error.
    let mut main = Draft::beside(arguments.output.as_deref())?;
    let made = prepared.protect(&mut input, &mut main, Source::Message)?;
    let mut copies = Vec::new();
    for address in prepared.blind() {
        let copy = Wish { audience: Audience::Blind(address.clone()), ..wish.clone() };
        let dir = arguments.bcc_dir.as_deref().unwrap_or(Path::new("."));
        let mut draft = Draft::beside(Some(&copy_file(dir, address)))?;
        input.rewind()?;
        prepare(&engine, &copy, recipients::PATIENCE)?.protect(&mut input, &mut draft, Source::Message)?;
        copies.push(draft);
    }
    let mut json = prepared.describe(&made);
    let everybody = [&*arguments.to, &*arguments.cc, &*arguments.bcc].concat();
    audit::record(&context.settings, &arguments.from, &everybody, &json)?;
    if let Value::Object(fields) = &mut json {
        fields.insert("copies".into(), json!(copies.len()));
    }
    // The message itself is what a pipe wants, with or without --json.
    match files::keep_all(main, copies)? {
        Some(text) => Ok(Output { json: None, text, status: 0 }),
        None => Ok(Output::good(json, "")),
    }
}

/// A file name from an address: nothing in it may lead out of the directory.
fn copy_file(dir: &Path, address: &EmailAddress) -> PathBuf {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+');
    let name: String = address.to_string().chars().map(|c| if safe(c) { c } else { '_' }).collect();
    dir.join(format!("{name}.eml"))
}
