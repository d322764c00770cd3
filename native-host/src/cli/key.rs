//! `dane-smime key`.

use super::{Context, Output, not_built};
use crate::service::Failure;

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_context: &Context, _arguments: &Arguments) -> Result<Output, Failure> {
    Err(not_built("key"))
}
