//! A pinentry that is a script: it enters what it is told to, and notes what it was asked.
#![allow(dead_code, reason = "each program uses its part")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Waits where there is nothing left to enter, as a window does that nobody looks at.
const SCRIPT: &str = r#"#!/bin/sh
dir=$(dirname "$0"); echo OK
while read -r order words; do
    echo "$order $words" >>"$dir/asked"
    if [ "$order" = GETPIN ]; then
        until [ -s "$dir/answers" ]; do sleep 0.05; done
        answer=$(head -n 1 "$dir/answers"); sed -i 1d "$dir/answers"
        if [ -z "$answer" ]; then echo "ERR 83886179 Operation cancelled"; continue; fi
        echo "D $answer"
    fi
    echo OK
done
"#;

/// The script, in a directory of its user's.
pub struct Pinentry(PathBuf);

impl Pinentry {
    pub fn new(dir: &Path) -> Self {
        let pinentry = Self(dir.to_owned());
        std::fs::write(pinentry.program(), SCRIPT).unwrap();
        std::fs::set_permissions(pinentry.program(), std::fs::Permissions::from_mode(0o700)).unwrap();
        pinentry.will_enter(&[]);
        pinentry
    }

    pub fn program(&self) -> PathBuf {
        self.0.join("pinentry")
    }

    /// What is entered from now on, one after the other; an empty one is Cancel. What was asked before is forgotten.
    pub fn will_enter(&self, answers: &[&str]) {
        self.enter(answers);
        std::fs::write(self.0.join("asked"), "").unwrap();
    }

    /// As [`Pinentry::will_enter`], into a window that is open already: what was asked is not forgotten.
    pub fn enter(&self, answers: &[&str]) {
        let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        std::fs::write(self.0.join("answers"), lines).unwrap();
    }

    /// Throws away what it was told to enter.
    pub fn forget(&self) {
        std::fs::remove_file(self.0.join("answers")).unwrap();
    }

    /// The orders since.
    pub fn asked(&self) -> String {
        std::fs::read_to_string(self.0.join("asked")).unwrap()
    }

    /// How often something was to be entered since.
    pub fn times_asked(&self) -> usize {
        self.asked().matches("GETPIN").count()
    }
}
