//! The Thunderbirds on this computer.

use std::fs;

use super::Surroundings;

/// An installed Thunderbird.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thunderbird {
    /// The directory of its application.ini.
    pub directory: String,
    /// Its version, such as `153.7.0`; empty where it does not say.
    pub version: String,
    /// What it came in.
    pub packaging: Packaging,
}

/// What a Thunderbird came in, as far as that decides what it may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// The distribution's package, or Mozilla's own: starts whatever is registered.
    Ordinary,
    /// A Snap: only through the desktop's WebExtensions portal, which asks the user.
    Snap,
    /// A Flatpak: nothing outside itself.
    Flatpak,
}

/// Those found in the usual places, ordinary ones first.
pub fn find(around: &Surroundings) -> Vec<Thunderbird> {
    let mut found: Vec<Thunderbird> = Vec::new();
    for directory in around.thunderbirds() {
        let Ok(settings) = fs::read_to_string(around.file(&directory).join("application.ini")) else {
            continue;
        };
        let version = settings.lines().find_map(|line| line.strip_prefix("Version="));
        let packaging = if directory.starts_with("/snap/") {
            Packaging::Snap
        } else if directory.contains("/flatpak/") {
            Packaging::Flatpak
        } else {
            Packaging::Ordinary
        };
        found.push(Thunderbird {
            directory,
            version: version.unwrap_or_default().trim().to_owned(),
            packaging,
        });
    }
    found
}

/// The range of versions that the add-on beside this host names, such as `("153.0", "153.*")`.
pub fn supported() -> (String, String) {
    let manifest: serde_json::Value =
        serde_json::from_str(include_str!("../../../extension/manifest.json")).unwrap_or_default();
    let bound = |name: &str| {
        let value = manifest.pointer(&format!("/browser_specific_settings/gecko/{name}"));
        value.and_then(serde_json::Value::as_str).unwrap_or("*").to_owned()
    };
    (bound("strict_min_version"), bound("strict_max_version"))
}

/// Whether a version lies in the add-on's range. A version that does not say is taken for good: Thunderbird itself decides.
pub fn is_supported(version: &str) -> bool {
    let (least, most) = supported();
    let numbers = |text: &str| -> Vec<u64> {
        let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
        text.split('.')
            .map(|part| if part == "*" { u64::MAX } else { digits(part).parse().unwrap_or(0) })
            .collect()
    };
    version.is_empty() || (numbers(&least) <= numbers(version) && numbers(version) <= numbers(&most))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::installation::System;

    fn lay_out(root: &Path, directory: &str, version: &str) {
        let directory = root.join(directory);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("application.ini"), format!("[App]\nName=Thunderbird\nVersion={version}\n"))
            .unwrap();
    }

    #[test]
    fn each_kind_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path(), "usr/lib/thunderbird", "153.7.0");
        lay_out(dir.path(), "snap/thunderbird/current", "153.1.0");
        lay_out(
            dir.path(),
            "home/alice/.local/share/flatpak/app/org.mozilla.Thunderbird/current/active/files/lib/thunderbird",
            "140.2",
        );
        let around = Surroundings {
            system: System::Linux,
            root: dir.path().to_owned(),
            variables: [("HOME".to_owned(), "/home/alice".to_owned())].into(),
        };
        let found: Vec<_> = find(&around).into_iter().map(|tb| (tb.packaging, tb.version)).collect();
        assert_eq!(
            found,
            [
                (Packaging::Ordinary, "153.7.0".to_owned()),
                (Packaging::Snap, "153.1.0".to_owned()),
                (Packaging::Flatpak, "140.2".to_owned())
            ]
        );
    }

    #[test]
    fn versions_in_the_add_ons_range() {
        let (least, _) = supported();
        assert!(is_supported(&least));
        assert!(is_supported(""));
        for other in ["102.0", "999.0", "1.0b2"] {
            assert!(!is_supported(other), "{other}");
        }
    }
}
