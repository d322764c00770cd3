//! `dane-smime open`: one received message in, one verdict and the plaintext out.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

use super::{Context, Output, files};
use crate::message::{Reading, plain_message};
use crate::service::engine::Engine;
use crate::service::{Failure, details, recipients, verdict};

/// Arguments of `open`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The message [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where the plaintext message goes; without it only the verdict is printed
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Hand out decrypted content even where it may be an attacker's own composition
    #[arg(long)]
    show_unauthentic: bool,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let message = Bytes::from(files::read(arguments.input.as_deref())?);
    let engine = Engine::new(context.settings.clone());
    let reading = Reading { show_unauthentic: arguments.show_unauthentic, ..Reading::default() };
    let opened = engine.open(engine.keys(), &message, reading, recipients::PATIENCE)?;
    if let (Some(file), Some(content)) = (&arguments.output, &opened.content) {
        if opened.unwrapped {
            let (head, body) = plain_message(&message, content, opened.protected.is_some())?;
            files::write(file, &[&head, &body])?;
        } else {
            files::write(file, &[&message])?;
        }
    }
    let mut json = verdict::to_json(&opened.verdict);
    if let Value::Object(fields) = &mut json {
        fields.insert("details".into(), details::to_json(&opened));
    }
    Ok(Output {
        json: Some(json),
        text: verdict::to_text(&opened.verdict).into_bytes(),
        status: verdict::exit_status(&opened.verdict),
    })
}
