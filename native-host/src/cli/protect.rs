//! `dane-smime protect`: one message in, the protected message out.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Context, Output, files};
use crate::mime::EmailAddress;
use crate::service::engine::Engine;
use crate::service::outgoing::{Wish, parse_address, parse_addresses, prepare};
use crate::service::requests::bcc_needs_own_copy;
use crate::service::{Failure, recipients};

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
    /// Sign with the sender's key
    #[arg(long)]
    sign: bool,
    /// Encrypt to every recipient and to the sender
    #[arg(long)]
    encrypt: bool,
    /// The message [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where the protected message goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let engine = Engine::new(context.settings.clone());
    let from = parse_address(&arguments.from)?;
    let open = [parse_addresses(&arguments.to)?, parse_addresses(&arguments.cc)?].concat();
    let blind = parse_addresses(&arguments.bcc)?;
    let copies = match (&arguments.bcc_dir, arguments.encrypt && !blind.is_empty()) {
        (None, true) => return Err(bcc_needs_own_copy()),
        (Some(dir), true) => blind.into_iter().map(|address| (copy_file(dir, &address), address)).collect(),
        (_, false) => Vec::new(),
    };
    let message = files::read(arguments.input.as_deref())?;
    let make = |recipients: Vec<EmailAddress>| {
        let Arguments { sign, encrypt, .. } = *arguments;
        let wish = Wish { from: from.clone(), recipients, sign, encrypt };
        prepare(&engine, &wish, recipients::PATIENCE)?.message(&message)
    };
    // Everything is made before anything is written: nothing is written on any error.
    let protected = make(open)?;
    let copies = copies
        .into_iter()
        .map(|(file, address): (PathBuf, EmailAddress)| Ok((file, make(vec![address])?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    for (file, copy) in &copies {
        files::write(file, copy)?;
    }
    let json = json!({ "signed": arguments.sign, "encrypted": arguments.encrypt, "copies": copies.len() });
    match &arguments.output {
        Some(file) => {
            files::write(file, &protected)?;
            Ok(Output::good(json, ""))
        }
        // The message itself is what a pipe wants, with or without --json.
        None => Ok(Output { json: None, text: protected, status: 0 }),
    }
}

/// A file name from an address: nothing in it may lead out of the directory.
fn copy_file(dir: &Path, address: &EmailAddress) -> PathBuf {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+');
    let name: String = address.to_string().chars().map(|c| if safe(c) { c } else { '_' }).collect();
    dir.join(format!("{name}.eml"))
}
