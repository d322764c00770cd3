//! `dane-smime manual DIR`: man pages and shell completions, for packages. Made from the same words as `--help`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use serde_json::json;

use super::Output;
use crate::service::{Code, Failure};

/// Arguments of `manual`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to: `man/` and `completions/` are made in it
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Output, Failure> {
    let written = write(&arguments.directory).map_err(|reason| {
        let directory = arguments.directory.display();
        Failure::new(Code::UnwritableOutput, format!("{directory} cannot be written: {reason}."))
    })?;
    let text: String = written.iter().map(|file| format!("{}\n", file.display())).collect();
    Ok(Output::good(json!({ "files": written }), text))
}

fn write(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    let mut written = Vec::new();
    let mut command = super::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        written.push(generate_to(shell, &mut command, "dane-smime", &completions)?);
    }
    command.build();
    write_pages(&command, "dane-smime", &man, &mut written)?;
    Ok(written)
}

/// A page for a command and one for each below it, as `git` has them.
fn write_pages(command: &Command, name: &str, man: &Path, written: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let file = man.join(format!("{name}.1"));
    let mut page = Vec::new();
    // The default date is that of the run.
    Man::new(command.clone()).date("").render(&mut page)?;
    fs::write(&file, page)?;
    written.push(file);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        write_pages(inner, &format!("{name}-{}", inner.get_name()), man, written)?;
    }
    Ok(())
}
