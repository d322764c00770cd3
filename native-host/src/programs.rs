//! Programs of others that this one starts, and commands that people are told to type.

use std::path::PathBuf;

/// The first of these programs that is there, in whichever folder of `PATH`; names without `.exe`.
pub(crate) fn first_on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut candidates =
        names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(format!("{name}{suffix}"))));
    candidates.find(|candidate| candidate.is_file())
}

/// A word as a shell takes it, for a command that somebody is told to type: addresses may hold an apostrophe, or `` `id` ``.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        for plain in ["you+x@example.org", "/home/j\u{fc}rgen/a.pem"] {
            assert_eq!(shell_word(plain), plain);
        }
        #[cfg(unix)]
        for odd in
            ["", "`id`@a.test", "$HOME", "o'neil@a.test", "\"a b\"@a.test", "a;b|c&d", "#", "~x", "a\nb"]
        {
            let echo = format!("printf %s {}", shell_word(odd));
            let said = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&said.stdout), odd);
        }
    }
}
