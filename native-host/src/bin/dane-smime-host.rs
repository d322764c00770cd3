//! `dane-smime-host`: the native-messaging host that Thunderbird starts.
//!
//! Arguments: the path of the host manifest, and the id of the add-on that calls. Standard output
//! carries frames and nothing else; logs go to standard error, which Thunderbird puts into its
//! error console.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dane_smime::service::host::main(std::env::args().skip(1).collect()))
}
