//! `dane-smime-agent`: a thin main over the library.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
