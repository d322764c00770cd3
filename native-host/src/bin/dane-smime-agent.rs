//! `dane-smime-agent`: the domain agent. Not built yet; it says so and changes nothing.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(dane_smime::cli::agent(&mut std::io::stderr().lock()))
}
