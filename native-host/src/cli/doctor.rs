//! `dane-smime doctor`: looks whether all is well, and says what to do.

use std::time::Duration;

use super::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::installation::Surroundings;
use crate::service::Failure;
use crate::service::doctor::Examination;

/// What all questions to the DNS together may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print what can be attached to a bug report instead: no addresses, no names, no keys
    #[arg(long)]
    report: bool,
}

/// Never fails: that the settings cannot be read is one of the things it tells.
pub(super) fn run(settings: Result<&Settings, &Failure>, arguments: &Arguments) -> Output {
    let examination = Examination {
        around: &Surroundings::of_this_process(),
        settings,
        accounts: &[],
        now: SystemClock.now(),
        patience: PATIENCE,
    };
    let report = examination.run();
    let text = if arguments.report { report.without_addresses() } else { report.text() };
    Output { json: Some(report.to_json()), text: text.into_bytes(), status: u8::from(!report.is_good()) }
}
