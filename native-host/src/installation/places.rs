//! Paths and registry keys, for each system. Text in, text out, so that every system's can be tested on any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::HOST_NAME;

/// The systems that Thunderbird runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux and the BSDs.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl System {
    /// The one this program was built for.
    pub const fn this() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }

    /// Joins parts of a path as this system writes it.
    fn join(self, parts: &[&str]) -> String {
        parts.join(if self == Self::Windows { r"\" } else { "/" })
    }
}

/// What a program sees around it. Handed in, so that a test can lay out a computer in a directory.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The system.
    pub system: System,
    /// What stands before every absolute path: `/` outside tests.
    pub root: PathBuf,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
}

/// Where something may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(String),
    /// A registry key whose default value is the path of the file.
    Registry(String),
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            system: System::this(),
            root: PathBuf::from("/"),
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// The file of an absolute path, below the root.
    pub fn file(&self, path: &str) -> PathBuf {
        if self.root == Path::new("/") {
            return PathBuf::from(path);
        }
        self.root.join(path.trim_start_matches('/'))
    }

    /// Where Thunderbird looks for the host's manifest, in its order: the user's own comes first.
    pub fn manifests(&self) -> Vec<Place> {
        let file = format!("{HOST_NAME}.json");
        let home = self.home();
        match self.system {
            System::Linux => {
                let directory = "mozilla/native-messaging-hosts";
                vec![
                    Place::File(format!("{home}/.{directory}/{file}")),
                    Place::File(format!("/usr/lib/{directory}/{file}")),
                    Place::File(format!("/usr/lib64/{directory}/{file}")),
                ]
            }
            System::MacOs => {
                let directory = "Library/Application Support/Mozilla/NativeMessagingHosts";
                vec![
                    Place::File(format!("{home}/{directory}/{file}")),
                    Place::File(format!("/{directory}/{file}")),
                ]
            }
            System::Windows => {
                let key = format!(r"Software\Mozilla\NativeMessagingHosts\{HOST_NAME}");
                vec![
                    Place::Registry(format!(r"HKEY_CURRENT_USER\{key}")),
                    Place::Registry(format!(r"HKEY_LOCAL_MACHINE\{key}")),
                ]
            }
        }
    }

    /// Where a Thunderbird in `directory` looks for policies.json. Where the system's own file is there, the one beside
    /// the program is not read.
    pub fn policies(&self, directory: &str) -> Vec<String> {
        let beside = self.system.join(&[directory, "distribution", "policies.json"]);
        match self.system {
            System::Linux => vec!["/etc/thunderbird/policies/policies.json".to_owned(), beside],
            System::MacOs | System::Windows => vec![beside],
        }
    }

    /// Where Thunderbird is usually installed: the directory that holds application.ini.
    pub fn thunderbirds(&self) -> Vec<String> {
        match self.system {
            System::Linux => vec![
                "/usr/lib/thunderbird".to_owned(),
                "/usr/lib64/thunderbird".to_owned(),
                "/opt/thunderbird".to_owned(),
                "/usr/local/lib/thunderbird".to_owned(),
                "/snap/thunderbird/current/usr/lib/thunderbird".to_owned(),
                "/snap/thunderbird/current".to_owned(),
                "/var/lib/flatpak/app/org.mozilla.Thunderbird/current/active/files/lib/thunderbird"
                    .to_owned(),
                format!(
                    "{}/.local/share/flatpak/app/org.mozilla.Thunderbird/current/active/files/lib/thunderbird",
                    self.home()
                ),
            ],
            System::MacOs => {
                let bundle = "Applications/Thunderbird.app/Contents/Resources";
                vec![format!("/{bundle}"), format!("{}/{bundle}", self.home())]
            }
            System::Windows => ["ProgramFiles", "ProgramFiles(x86)"]
                .into_iter()
                .filter_map(|name| self.variable(name))
                .map(|programs| self.system.join(&[&programs, "Mozilla Thunderbird"]))
                .collect(),
        }
    }

    /// The user's home directory; empty where the system names none.
    pub fn home(&self) -> String {
        let name = if self.system == System::Windows { "USERPROFILE" } else { "HOME" };
        self.variable(name).unwrap_or_default()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(system: System, variables: &[(&str, &str)]) -> Surroundings {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings { system, root: PathBuf::from("/"), variables }
    }

    #[test]
    fn linux() {
        let around = on(System::Linux, &[("HOME", "/home/alice")]);
        assert_eq!(
            around.manifests().first(),
            Some(&Place::File("/home/alice/.mozilla/native-messaging-hosts/dane_smime.json".into()))
        );
        assert!(
            around
                .manifests()
                .contains(&Place::File("/usr/lib/mozilla/native-messaging-hosts/dane_smime.json".into()))
        );
        assert_eq!(
            around.policies("/opt/thunderbird"),
            ["/etc/thunderbird/policies/policies.json", "/opt/thunderbird/distribution/policies.json"]
        );
        let elsewhere = Surroundings { root: PathBuf::from("/tmp/x"), ..around };
        assert_eq!(elsewhere.file("/etc/a"), PathBuf::from("/tmp/x/etc/a"));
    }

    #[test]
    fn mac_os() {
        let around = on(System::MacOs, &[("HOME", "/Users/alice")]);
        let file = "Library/Application Support/Mozilla/NativeMessagingHosts/dane_smime.json";
        assert_eq!(
            around.manifests(),
            [Place::File(format!("/Users/alice/{file}")), Place::File(format!("/{file}"))]
        );
        assert_eq!(
            around.policies("/Applications/Thunderbird.app/Contents/Resources"),
            ["/Applications/Thunderbird.app/Contents/Resources/distribution/policies.json"]
        );
        assert!(
            around.thunderbirds().contains(&"/Applications/Thunderbird.app/Contents/Resources".to_owned())
        );
        let package = include_str!("../../../manifests/macos/package");
        assert!(package.contains("Library/Application Support/Mozilla/NativeMessagingHosts"));
        assert!(package.contains("/Library/Application Support/dane-smime"));
    }

    #[test]
    fn windows() {
        let around =
            on(System::Windows, &[("USERPROFILE", r"C:\Users\Alice"), ("ProgramFiles", r"C:\Program Files")]);
        let key = r"Software\Mozilla\NativeMessagingHosts\dane_smime";
        assert_eq!(
            around.manifests(),
            [
                Place::Registry(format!(r"HKEY_CURRENT_USER\{key}")),
                Place::Registry(format!(r"HKEY_LOCAL_MACHINE\{key}"))
            ]
        );
        assert_eq!(around.thunderbirds(), [r"C:\Program Files\Mozilla Thunderbird"]);
        assert_eq!(
            around.policies(r"C:\Program Files\Mozilla Thunderbird"),
            [r"C:\Program Files\Mozilla Thunderbird\distribution\policies.json"]
        );
        // The installer and the registry file say the same.
        for file in [
            include_str!("../../../manifests/windows/install.ps1"),
            include_str!("../../../manifests/windows/dane_smime.reg"),
        ] {
            assert!(file.contains(key), "{file}");
        }
    }
}
