//! `dane-smime open`: one received message in, one verdict and the plaintext out.

use std::path::PathBuf;

use super::{Context, Output, files};
use crate::message::outgoing::plain_message;
use crate::service::engine::Engine;
use crate::service::{Failure, recipients, verdict};

/// Arguments of `open`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The message [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where the plaintext message goes; without it only the verdict is printed
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let message = files::read(arguments.input.as_deref())?;
    let engine = Engine::new(context.settings.clone());
    let opened = engine.open(&message, None, recipients::PATIENCE)?;
    if let (Some(file), Some(content)) = (&arguments.output, &opened.content) {
        let plain = if opened.unwrapped { plain_message(&message, content)? } else { message };
        files::write(file, &plain)?;
    }
    Ok(Output {
        json: Some(verdict::to_json(&opened.verdict)),
        text: verdict::to_text(&opened.verdict).into_bytes(),
        status: verdict::exit_status(&opened.verdict),
    })
}
