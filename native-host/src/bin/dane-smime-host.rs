//! `dane-smime-host`: the native-messaging host that Thunderbird starts.
//!
//! Arguments: the path of the host manifest, and the id of the add-on that calls. Standard output
//! carries frames and nothing else; logs go to standard error, which Thunderbird puts into its
//! error console.

// No panic on any input; an invariant is written beside an #[expect].
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// Text for people is written by cli/, everything else goes through tracing.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![deny(missing_docs, unreachable_pub)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // The manifest may lie in a folder whose name is no Unicode.
    let arguments: Vec<_> =
        std::env::args_os().skip(1).map(|one| one.to_string_lossy().into_owned()).collect();
    ExitCode::from(dane_smime::service::host::main(&arguments))
}
