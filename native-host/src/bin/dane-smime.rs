//! `dane-smime`: the command line, for people, scripts and administrators.

fn main() -> std::process::ExitCode {
    dane_smime::keys::harden_process();
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    std::process::ExitCode::from(dane_smime::cli::main(std::env::args_os(), &mut out, &mut err))
}
