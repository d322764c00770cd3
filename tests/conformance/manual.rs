//! The examples of `--help`, run in a shell as they stand, in a DNS that publishes what they publish.

#[path = "../support/pinentry.rs"]
mod pinentry;
#[path = "../support/signed_tree.rs"]
mod signed_tree;
#[path = "../support/soft_token.rs"]
mod soft_token;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use pinentry::Pinentry;
use signed_tree::{Tree, Zone};
use soft_token::Tokens;

/// In the order in which somebody would do it; the one thing that no command does is to publish.
const BEFORE_PUBLISHING: &[&[&str]] = &[&["key", "generate"], &["key", "list"]];
const AFTER: &[&[&str]] = &[
    &["record"],
    &["lookup"],
    &["protect"],
    &["open"],
    &["key", "export"],
    &["key", "import"],
    &["key", "backup"],
    &["key", "restore"],
    &["key", "rotate"],
    &["key", "select"],
    &["key", "retire"],
    &["key", "delete"],
    &["key", "request"],
    &["key", "authority"],
    &["key", "issue"],
    &["key", "install"],
    &["key", "token", "list"],
    &["key", "token", "add"],
];

struct Shell(tempfile::TempDir);

impl Shell {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("unlock"), "0123456789abcdef0123456789abcdef").unwrap();
        let shell = Self(home);
        shell.configure("");
        shell
    }

    fn configure(&self, more: &str) {
        let dir = self.0.path().join(".config/dane-smime");
        fs::create_dir_all(&dir).unwrap();
        let unlock = self.0.path().join("unlock");
        fs::write(dir.join("config.toml"), format!("unlock-file = {unlock:?}\n{more}")).unwrap();
    }

    fn run(&self, script: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_dane-smime")).parent().unwrap();
        Command::new("sh")
            .args(["-euc", script])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("HOME", self.0.path())
            .env("LD_LIBRARY_PATH", self.0.path())
            .output()
            .unwrap()
    }

    fn must(&self, script: &str) -> String {
        let done = self.run(script);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{script}: {:?}: {said}", done.status.code());
        String::from_utf8(done.stdout).unwrap()
    }

    /// The example of a command, as `--help` shows it.
    fn example(&self, words: &[&str]) -> String {
        let help = self.must(&format!("dane-smime {} --help", words.join(" ")));
        let (_, lines) = help.split_once("Example:\n").unwrap_or_else(|| panic!("{words:?} has no example"));
        lines.replace("\n  $ ", "\n").trim_start_matches("  $ ").to_owned()
    }
}

#[test]
fn every_example_works() {
    let shell = Shell::new();
    for words in BEFORE_PUBLISHING {
        shell.must(&shell.example(words));
    }
    let line = shell.must("dane-smime record you@example.org --form smimea");
    let tree = Tree::grow(vec![
        Zone::signed("org.", Vec::new()),
        Zone::signed("example.org.", line.lines().map(str::to_owned).collect()),
    ]);
    let anchor = tree.anchor_file();
    let pinentry = Pinentry::new(shell.0.path());
    shell.configure(&format!(
        "resolver = \"{}\"\ntrust-anchor = {anchor:?}\npinentry = {:?}\n",
        tree.address,
        pinentry.program()
    ));
    // A token behind the module that the example names.
    let tokens = Tokens::new(shell.0.path());
    tokens.token("card");
    tokens.key("card", "card", "01", "-newkey rsa:2048", "dora@example.org", true);
    std::os::unix::fs::symlink(soft_token::module(), shell.0.path().join("opensc-pkcs11.so")).unwrap();
    pinentry.will_enter(&[soft_token::PIN]);
    for words in AFTER {
        shell.must(&shell.example(words));
    }
    assert!(fs::read_to_string(shell.0.path().join("opened.eml")).unwrap().contains("At four."));
    // The doctor's works, too; whether all is well here is another question.
    let done = shell.run(&shell.example(&["doctor"]).replace("dane-smime doctor\n", ""));
    assert!([Some(0), Some(1)].contains(&done.status.code()));
    assert!(
        fs::read_to_string(shell.0.path().join("report.txt")).unwrap().contains("ok key key-good sender-")
    );
}
