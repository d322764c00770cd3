//! `dane-smime-agent`: the domain agent. Not built yet; it says so and changes nothing.

// No panic on any input; an invariant is written beside an #[expect].
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// Text for people is written by cli/, everything else goes through tracing.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![deny(missing_docs, unreachable_pub)]

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(dane_smime::cli::agent(&mut std::io::stderr().lock()))
}
