//! The result of an examination, for people, for programs, and for a bug report.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::{Check, State};
use crate::logging::without_addresses;
use crate::mime::EmailAddress;
use crate::programs::shell_word;

/// What an examination found.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order in which things were looked at.
    pub checks: Vec<Check>,
    /// The user's home directory, which a bug report does not name.
    pub(super) home: String,
}

impl Report {
    /// Whether nothing has to be done.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.finding.state() != State::NotOk)
    }

    /// For programs and the add-on.
    pub fn to_json(&self) -> Value {
        let check = |check: &Check| {
            json!({
                "check": check.name,
                "state": check.finding.state().word(),
                "code": check.finding.code(),
                "about": check.about.as_ref().map(ToString::to_string),
                "text": fill(check.finding.text(), &check.values),
                "advice": fill(check.finding.advice(), &check.values),
                "values": check.values,
                "advice_values": as_written(check.finding.advice(), &check.values),
            })
        };
        json!({
            "ok": self.is_good(),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "report": self.without_addresses(),
        })
    }

    /// For people: a line for each check, and what to do beneath it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let found = printable(&fill(check.finding.text(), &check.values));
            line(&mut text, &format!("{:<7} {:<12} {found}", people_word(check.finding.state()), check.name));
            let advice = printable(&fill(check.finding.advice(), &check.values));
            if !advice.is_empty() {
                line(&mut text, &format!("{:<7} {:<12} -> {advice}", "", ""));
            }
        }
        let bad = self.checks.iter().filter(|check| check.finding.state() == State::NotOk).count();
        let summary = match bad {
            0 => "All is well.".to_owned(),
            1 => "One thing must be put right.".to_owned(),
            _ => format!("{bad} things must be put right."),
        };
        line(&mut text, &format!("\n{summary}"));
        text
    }

    /// To be attached to a bug: versions and findings. Whose they are, where they live and with which key is left out:
    /// senders are numbered, the home directory is `~`, and of what is about a sender only words and dates are told.
    pub fn without_addresses(&self) -> String {
        let mut text = format!(
            "dane-smime {}, {} {}, {}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            openssl::version::version(),
        );
        let mut numbers: BTreeMap<&EmailAddress, usize> = BTreeMap::new();
        for check in &self.checks {
            let mut words =
                format!("{} {} {}", check.finding.state().word(), check.name, check.finding.code());
            match &check.about {
                Some(address) => {
                    let next = numbers.len() + 1;
                    let _ = write!(words, " sender-{}", numbers.entry(address).or_insert(next));
                }
                None => {
                    for value in &check.values {
                        // Such as the line of a settings file that is wrong.
                        let _ = write!(words, " [{}]", without_addresses(&self.homeless(value)));
                    }
                }
            }
            for fact in &check.facts {
                let _ = write!(words, " {fact}");
            }
            line(&mut text, &printable(&words));
        }
        text
    }

    fn homeless(&self, value: &str) -> String {
        if self.home.is_empty() { value.to_owned() } else { value.replace(&self.home, "~") }
    }
}

/// The values as they stand in a text: in a command, as a shell takes them.
fn as_written(text: &str, values: &[String]) -> Vec<String> {
    // Behind the program's name the values are part of a command.
    let command = text.split_once("dane-smime ").map_or("", |(_, command)| command);
    let is_typed = |number: usize| command.contains(&format!("{{{number}}}"));
    let written = |(number, value): (usize, &String)| {
        if is_typed(number) { shell_word(value) } else { value.clone() }
    };
    values.iter().enumerate().map(written).collect()
}

/// Puts values into the gaps of a text.
fn fill(text: &str, values: &[String]) -> String {
    let values = as_written(text, values);
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    // In one pass: a value may itself hold what looks like a gap.
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let gap =
            after.split_once('}').and_then(|(number, tail)| Some((number.parse::<usize>().ok()?, tail)));
        rest = match gap {
            Some((number, tail)) => {
                filled += values.get(number).map_or("", String::as_str);
                tail
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    (filled + rest).trim_end().to_owned()
}

fn people_word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::NotOk => "not ok",
        State::Unknown => "?",
    }
}

/// Text from files and the DNS must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::*;

    fn report() -> Report {
        let alice = EmailAddress::parse("alice@example.test").unwrap();
        let manifest = "/home/alice/.mozilla/native-messaging-hosts/dane_smime.json";
        let file = "/home/alice/.local/share/dane-smime/keys/0123.pem";
        let checks = vec![
            Check::new("manifest", Finding::ManifestGood, &[manifest]),
            Check::new("key", Finding::KeyGood, &["alice@example.test", "2027-01-01T00:00:00Z"])
                .of(&alice)
                .fact("p-256"),
            Check::new("record", Finding::RecordMissing, &["alice@example.test", file])
                .of(&alice)
                .fact("absent"),
        ];
        Report { checks, home: "/home/alice".to_owned() }
    }

    #[test]
    fn a_bug_report_quotes_no_addresses_from_files() {
        let quoted = "/home/alice/c is wrong: 2 | addresses = \"carol@example.test\", *@example.test";
        let check = Check::new("settings", Finding::SettingsWrong, &[quoted]);
        let text = Report { checks: vec![check], home: "/home/alice".to_owned() }.without_addresses();
        assert!(text.contains("~/c is wrong: 2 | addresses = "), "{text}");
        assert!(!text.contains("carol") && !text.contains("example.test"), "{text}");
    }

    #[test]
    fn a_bug_report_says_what_and_not_whose() {
        let text = report().without_addresses();
        assert!(text.contains("ok manifest manifest-good [~/.mozilla"), "{text}");
        assert!(text.contains("not-ok record record-missing sender-1 absent"), "{text}");
        assert!(text.contains("ok key key-good sender-1 p-256"), "{text}");
        for private in ["alice", "example.test", "0123"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }

    #[test]
    fn people_are_told_what_to_do() {
        let report = report();
        assert!(!report.is_good());
        let text = report.text();
        assert!(text.contains("not ok  record"), "{text}");
        assert!(
            text.contains("-> Publish it: dane-smime record alice@example.test --cert /home/alice/"),
            "{text}"
        );
        assert!(text.ends_with("One thing must be put right.\n"), "{text}");
        assert_eq!(report.to_json()["checks"][2]["code"], "record-missing");
    }

    #[test]
    fn a_command_in_another_language_is_one_that_a_shell_takes_too() {
        let values = ["o'neil@a.test", "/home/o'neil/c.pem"];
        let check = Check::new("record", Finding::RecordMissing, &values);
        let json = Report { checks: vec![check], home: String::new() }.to_json();
        assert_eq!(json["checks"][0]["values"], json!(values));
        let typed = json!([r"'o'\''neil@a.test'", r"'/home/o'\''neil/c.pem'"]);
        assert_eq!(json["checks"][0]["advice_values"], typed);
        let advice = json["checks"][0]["advice"].as_str().unwrap();
        assert!(typed.as_array().unwrap().iter().all(|value| advice.contains(value.as_str().unwrap())));
    }

    #[test]
    fn gaps_are_filled_once() {
        let values = ["{1}".to_owned(), "b".to_owned()];
        assert_eq!(fill("{0}-{1}-{2}-{x}-{", &values), "{1}-b--{x}-{");
        let values = ["o'neil@a.test".to_owned()];
        assert_eq!(
            fill("{0}: Publish it: dane-smime record {1}", &[values.clone(), values.clone()].concat()),
            r"o'neil@a.test: Publish it: dane-smime record 'o'\''neil@a.test'"
        );
    }
}
