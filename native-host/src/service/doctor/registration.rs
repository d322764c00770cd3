//! Thunderbird, the manifest, and the program that it names.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, Finding};
use crate::installation::{
    ADD_ON, Manifest, ManifestFault, Packaging, Place, Surroundings, read_text, thunderbird,
};
use crate::wire::{PROTOCOL_MAX, PROTOCOL_MIN, frame};

/// How long the program may take to greet.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn look(around: &Surroundings) -> Vec<Check> {
    let mut checks = look_at_thunderbirds(around);
    checks.extend(look_at_manifest(around));
    checks
}

fn look_at_thunderbirds(around: &Surroundings) -> Vec<Check> {
    let found = thunderbird::find(around);
    let (least, most) = thunderbird::supported();
    let range = format!("{} to {}", least.trim_end_matches(".0"), most.trim_end_matches(".*"));
    let range = range.split_once(" to ").filter(|(a, b)| a == b).map_or(range.clone(), |(a, _)| a.to_owned());
    if found.is_empty() {
        return vec![Check::new("thunderbird", Finding::ThunderbirdMissing, &[&range])];
    }
    let check = |tb: &thunderbird::Thunderbird| match tb.packaging {
        Packaging::Snap => Check::new("thunderbird", Finding::ThunderbirdSnap, &[&tb.directory]),
        Packaging::Flatpak => Check::new("thunderbird", Finding::ThunderbirdFlatpak, &[&tb.directory]),
        Packaging::Ordinary if !thunderbird::is_supported(&tb.version) => {
            Check::new("thunderbird", Finding::ThunderbirdOtherVersion, &[&tb.version, &tb.directory, &range])
        }
        Packaging::Ordinary => {
            Check::new("thunderbird", Finding::ThunderbirdGood, &[&tb.version, &tb.directory])
        }
    };
    found.iter().map(check).collect()
}

/// Thunderbird takes the first manifest that is there and looks at no other, so neither do we.
fn look_at_manifest(around: &Surroundings) -> Vec<Check> {
    let places = around.manifests();
    let files = places.iter().filter_map(|place| match place {
        Place::File(path) => Some(path),
        Place::Registry(_) => None,
    });
    let mut first = None;
    for path in files {
        first.get_or_insert(path);
        match read_text(&around.file(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return vec![Check::new("manifest", Finding::ManifestNotJson, &[path, &error.to_string()])];
            }
            Ok(text) => return judge(path, &text),
        }
    }
    match (first, places.first()) {
        (Some(path), _) => vec![Check::new("manifest", Finding::ManifestMissing, &[path])],
        (None, Some(Place::Registry(key))) => vec![Check::new("manifest", Finding::ManifestNotRead, &[key])],
        _ => Vec::new(),
    }
}

fn judge(path: &str, text: &str) -> Vec<Check> {
    let check = |finding, values: &[&str]| vec![Check::new("manifest", finding, values)];
    let manifest = match Manifest::parse(text) {
        Ok(manifest) => manifest,
        Err(ManifestFault::NotJson(why)) => return check(Finding::ManifestNotJson, &[path, &why]),
        Err(ManifestFault::AddOnNotAllowed) => return check(Finding::ManifestForOthers, &[path, ADD_ON]),
        Err(ManifestFault::Field(field)) => return check(Finding::ManifestField, &[path, field]),
    };
    let mut checks = check(Finding::ManifestGood, &[path]);
    checks.push(look_at_program(path, &manifest.program));
    checks
}

/// Starts the program as Thunderbird does, and lets it greet.
fn look_at_program(manifest: &str, program: &str) -> Check {
    let started = Command::new(program)
        .args([manifest, ADD_ON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = match started {
        Ok(process) => process,
        Err(error) => {
            let values = [manifest, &format!("{program} ({error})")];
            return Check::new("program", Finding::ProgramMissing, &values);
        }
    };
    let version = greeting(&mut process);
    drop(process.stdin.take()); // which ends it
    let _ = process.kill(); // and this, where it is no host of ours
    let _ = process.wait();
    let ours = env!("CARGO_PKG_VERSION");
    match version {
        Some(version) if version == ours => Check::new("program", Finding::ProgramGood, &[&version, program]),
        Some(version) => Check::new("program", Finding::ProgramOtherVersion, &[&version, program, ours]),
        None => Check::new("program", Finding::ProgramSilent, &[program]),
    }
}

/// The version that the program says it is of.
fn greeting(process: &mut Child) -> Option<String> {
    let mut input = process.stdin.take()?;
    let mut output = process.stdout.take()?;
    let versions = json!({"min": PROTOCOL_MIN, "max": PROTOCOL_MAX});
    let hello = json!({"type": "hello", "id": 1, "protocol": versions, "addon": env!("CARGO_PKG_VERSION")});
    frame::write(&mut input, hello.to_string().as_bytes()).ok()?;
    let (sender, receiver) = mpsc::channel();
    // The reading ends with the process at the latest.
    thread::spawn(move || sender.send(frame::read(&mut output)));
    let answer = receiver.recv_timeout(PATIENCE).ok()?.ok()??;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    Some(answer.get("host")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::installation::System;

    fn around(root: &Path) -> Surroundings {
        let variables = [("HOME".to_owned(), "/home/alice".to_owned())].into();
        Surroundings { system: System::Linux, root: root.to_owned(), variables }
    }

    fn codes(checks: &[Check]) -> Vec<&'static str> {
        checks.iter().map(|check| check.finding.code()).collect()
    }

    #[test]
    fn each_thing_that_can_be_wrong_with_a_manifest_has_its_own_words() {
        let dir = tempfile::tempdir().unwrap();
        let around = around(dir.path());
        let user = dir.path().join("home/alice/.mozilla/native-messaging-hosts");
        let system = dir.path().join("usr/lib/mozilla/native-messaging-hosts");
        for directory in [&user, &system] {
            fs::create_dir_all(directory).unwrap();
        }
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-missing"]);
        let template = include_str!("../../../../manifests/dane_smime.json.in");
        let put = |directory: &Path, text: &str| fs::write(directory.join("dane_smime.json"), text).unwrap();
        put(&system, &template.replace("@PATH@", "/nowhere/dane-smime-host"));
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-good", "program-missing"]);
        // The user's own comes first, also where it is wrong.
        put(&user, "{");
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-not-json"]);
        put(&user, &template.replace("stdio", "pipe"));
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-field"]);
        put(&user, &template.replace(ADD_ON, "other@example.org"));
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-for-others"]);
        // Nobody waits for what may never come.
        #[cfg(unix)]
        {
            fs::remove_file(user.join("dane_smime.json")).unwrap();
            let made = Command::new("mkfifo").arg(user.join("dane_smime.json")).status().unwrap();
            assert!(made.success());
            assert_eq!(codes(&look_at_manifest(&around)), ["manifest-not-json"]);
            fs::remove_file(user.join("dane_smime.json")).unwrap();
        }
        // A program that is no host.
        put(&user, &template.replace("@PATH@", "/bin/cat"));
        assert_eq!(codes(&look_at_manifest(&around)), ["manifest-good", "program-silent"]);
    }

    #[test]
    fn snap_and_flatpak_are_told_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let around = around(dir.path());
        assert_eq!(codes(&look_at_thunderbirds(&around)), ["thunderbird-missing"]);
        for (directory, version) in [
            ("usr/lib/thunderbird", "102.0"),
            ("snap/thunderbird/current", "153.0"),
            ("var/lib/flatpak/app/org.mozilla.Thunderbird/current/active/files/lib/thunderbird", "153.0"),
        ] {
            fs::create_dir_all(dir.path().join(directory)).unwrap();
            fs::write(dir.path().join(directory).join("application.ini"), format!("Version={version}\n"))
                .unwrap();
        }
        let expected = ["thunderbird-other-version", "thunderbird-snap", "thunderbird-flatpak"];
        assert_eq!(codes(&look_at_thunderbirds(&around)), expected);
    }
}
