//! The policies.json of each Thunderbird.

use std::fs;

use super::{Check, Finding};
use crate::installation::policy::{self, PolicyFault};
use crate::installation::{Surroundings, read_text, thunderbird};

pub(super) fn look(around: &Surroundings) -> Vec<Check> {
    let mut directories: Vec<String> = thunderbird::find(around).into_iter().map(|tb| tb.directory).collect();
    if directories.is_empty() {
        directories = around.thunderbirds();
    }
    let mut files: Vec<String> = Vec::new();
    for directory in directories {
        // Thunderbird reads the first that is there. A link to nowhere was meant as one.
        let is_there = |path: &String| fs::symlink_metadata(around.file(path)).is_ok();
        let there = around.policies(&directory).into_iter().find(is_there);
        files.extend(there.filter(|path| !files.contains(path)));
    }
    let checks: Vec<Check> = files.iter().filter_map(|path| judge(around, path)).collect();
    if checks.is_empty() { vec![Check::new("policies", Finding::PoliciesNone, &[])] } else { checks }
}

/// `None`: the file says nothing of us.
fn judge(around: &Surroundings, path: &str) -> Option<Check> {
    let check = |finding, values: &[&str]| Some(Check::new("policies", finding, values));
    let text = match read_text(&around.file(path)) {
        Ok(text) => text,
        Err(error) => return check(Finding::PoliciesNotJson, &[path, &error.to_string()]),
    };
    match policy::check(&text) {
        Ok(true) => check(Finding::PoliciesGood, &[path]),
        Ok(false) => None,
        Err(PolicyFault::NotJson(why)) => check(Finding::PoliciesNotJson, &[path, &why]),
        Err(PolicyFault::Keys(keys)) => {
            // The whole has no name.
            let names: Vec<&str> = keys.iter().map(|key| if key.is_empty() { "{}" } else { key }).collect();
            check(Finding::PoliciesWrong, &[path, &names.join(", ")])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::System;

    #[test]
    fn the_file_that_thunderbird_reads_is_judged() {
        let dir = tempfile::tempdir().unwrap();
        let around = Surroundings {
            system: System::Linux,
            root: dir.path().to_owned(),
            variables: Default::default(),
        };
        let code = || look(&around).iter().map(|check| check.finding.code()).collect::<Vec<_>>();
        assert_eq!(code(), ["policies-none"]);
        let beside = dir.path().join("usr/lib/thunderbird/distribution");
        let system = dir.path().join("etc/thunderbird/policies");
        for directory in [&beside, &system] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::write(beside.join("policies.json"), "{,}").unwrap();
        assert_eq!(code(), ["policies-not-json"]);
        let sample = include_str!("../../../../manifests/policies/policies-every-option.json");
        fs::write(system.join("policies.json"), sample).unwrap();
        assert_eq!(code(), ["policies-good"], "the system's own file hides the other");
        fs::write(system.join("policies.json"), sample.replace("offer_unencrypted", "offer_unencryptd"))
            .unwrap();
        assert_eq!(code(), ["policies-wrong"]);
        fs::write(system.join("policies.json"), "{\"policies\":{}}").unwrap();
        assert_eq!(code(), ["policies-none"]);
        #[cfg(unix)]
        {
            fs::remove_file(system.join("policies.json")).unwrap();
            std::os::unix::fs::symlink("/nowhere/at/all", system.join("policies.json")).unwrap();
            assert_eq!(code(), ["policies-not-json"]);
        }
    }
}
