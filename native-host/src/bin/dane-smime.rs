//! `dane-smime`: the command line, for people, scripts and administrators.

// No panic on any input; an invariant is written beside an #[expect].
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// Text for people is written by cli/, everything else goes through tracing.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![deny(missing_docs, unreachable_pub)]

fn main() -> std::process::ExitCode {
    dane_smime::keys::harden_process();
    // Not locked: other threads of this process log to standard error, too.
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    std::process::ExitCode::from(dane_smime::cli::main(std::env::args_os(), &mut out, &mut err))
}
