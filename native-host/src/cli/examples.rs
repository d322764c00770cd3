//! An example for every command: shown by `--help`, printed in the man pages, and run by a test in this order, as they stand.

use clap::Command;

/// A command by its words, and lines for a shell.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (&["key", "generate"], &["dane-smime key generate --address you@example.org --name \"Your Name\""]),
    (&["key", "list"], &["dane-smime key list"]),
    (
        &["record"],
        &[
            "dane-smime record you@example.org",
            "dane-smime record you@example.org --form nsupdate",
            "dane-smime record check you@example.org",
        ],
    ),
    (&["lookup"], &["dane-smime lookup you@example.org"]),
    (
        &["protect"],
        &[
            "printf 'From: you@example.org\\nSubject: Tea\\n\\nAt four.\\n' >note.eml",
            "dane-smime protect --from you@example.org --to you@example.org \\\n      \
             --sign --encrypt --input note.eml --output sealed.eml",
        ],
    ),
    (&["open"], &["dane-smime open --input sealed.eml --output opened.eml"]),
    (
        &["key", "export"],
        &[
            "printf 'a password of your own' >password.txt",
            "key=$(dane-smime key list --json | grep -o '[0-9a-f]\\{64\\}' | head -n 1)",
            "dane-smime key export --sha256 $key --p12 you.p12 \\\n      --password-file password.txt",
        ],
    ),
    (&["key", "import"], &["dane-smime key import you.p12 --password-file password.txt"]),
    (&["key", "backup"], &["dane-smime key backup keys.backup --password-file password.txt"]),
    (&["key", "restore"], &["dane-smime key restore keys.backup --password-file password.txt"]),
    (&["key", "rotate"], &["dane-smime key rotate --address you@example.org --retire-after 30"]),
    (
        &["key", "select"],
        &[
            "key=$(dane-smime key list --json | grep -o '[0-9a-f]\\{64\\}' | head -n 1)",
            "dane-smime key select --address you@example.org --sign $key --encrypt $key",
        ],
    ),
    (
        &["key", "retire"],
        &[
            "key=$(dane-smime key list --json | grep -o '[0-9a-f]\\{64\\}' | tail -n 1)",
            "dane-smime key retire --sha256 $key",
        ],
    ),
    (
        &["key", "delete"],
        &[
            "key=$(dane-smime key list --json | grep -o '[0-9a-f]\\{64\\}' | tail -n 1)",
            "dane-smime key delete --sha256 $key",
        ],
    ),
    (&["key", "request"], &["dane-smime key request --address carol@example.org >carol.csr"]),
    (
        &["key", "authority"],
        &["dane-smime key authority --address hostmaster@example.org \\\n      \
             --name \"Example Mail CA\" --json >authority.json"],
    ),
    (
        &["key", "issue"],
        &[
            "key=$(grep -o '[0-9a-f]\\{64\\}' authority.json | head -n 1)",
            "dane-smime key issue carol.csr --address carol@example.org \\\n      --authority $key >carol.pem",
        ],
    ),
    (&["key", "install"], &["dane-smime key install --cert carol.pem"]),
    (&["key", "token", "list"], &["dane-smime key token list --module opensc-pkcs11.so"]),
    (&["key", "token", "add"], &["dane-smime key token add --module opensc-pkcs11.so"]),
    (&["doctor"], &["dane-smime doctor", "dane-smime doctor --report >report.txt"]),
];

/// Adds its examples to every command.
pub(super) fn add_to(command: Command) -> Command {
    add_below(command, &mut Vec::new())
}

fn add_below(command: Command, words: &mut Vec<String>) -> Command {
    let examples = EXAMPLES.iter().find(|(path, _)| path == words);
    let lines =
        examples.map(|(_, lines)| lines.iter().map(|line| format!("\n  $ {line}")).collect::<String>());
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let mut command = match lines {
        Some(lines) => command.after_long_help(format!("Example:{lines}")),
        None => command,
    };
    for name in names {
        words.push(name.clone());
        command = command.mut_subcommand(name, |inner| add_below(inner, words));
        words.pop();
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &Command, words: &[&str]) {
            let inner: Vec<_> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).collect();
            if inner.is_empty() {
                assert!(
                    EXAMPLES.iter().any(|(path, _)| *path == words),
                    "`{}` has no example",
                    words.join(" ")
                );
            }
            for inner in inner {
                look(inner, &[words, &[inner.get_name()]].concat());
            }
        }
        let command = super::super::command();
        look(&command, &[]);
        for (path, lines) in EXAMPLES {
            let last = lines.last().unwrap();
            assert!(last.contains(&format!("dane-smime {}", path.join(" "))), "{last}");
            // Wider, and the help would break them where a shell does not expect it.
            let widest = lines.iter().flat_map(|line| line.lines()).map(str::len).max();
            assert!(widest <= Some(76), "{lines:?}");
        }
    }
}
