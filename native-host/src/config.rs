//! Settings of the host: `config.toml` and the command line's global options.
//!
//! One set of names for both. What the command line says wins over the user's file, that over
//! `/etc/dane-smime/config.toml`; the first file that exists is the one that counts.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use serde::Deserialize;

use crate::clock::UnixTime;

/// Which rules for names and records apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
pub enum Profile {
    /// RFC 8162.
    #[default]
    #[serde(rename = "rfc8162")]
    #[value(name = "rfc8162")]
    Rfc8162,
    /// The 2014 developers' guide, to the letter: SHA-224 names, a private type, only `3 x 0`.
    #[serde(rename = "guide-2014")]
    #[value(name = "guide-2014")]
    Guide2014,
}

/// One layer of settings, as a file or the command line gives it. Unknown keys are refused: a
/// misspelt `trust-anchor` must not silently leave the default in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Layer {
    /// Where keys, certificates and caches lie.
    pub data_dir: Option<PathBuf>,
    /// `127.0.0.1:5300`, `tls://1.2.3.4#name`, `https://…`.
    pub resolver: Option<String>,
    /// DNSSEC anchors in zone-file form.
    pub trust_anchor: Option<PathBuf>,
    /// PEM of local certificate trust anchors.
    pub ca_file: Option<PathBuf>,
    /// File with the secret that stands in for the OS keyring.
    pub unlock_file: Option<PathBuf>,
    /// Rules for names and records.
    pub profile: Option<Profile>,
    /// Where an address has provably no certificate, try other spellings of it.
    pub other_spellings: Option<bool>,
    /// Judge certificates as of this moment. RFC 3339.
    pub at: Option<String>,
    /// Judge DNSSEC signatures as of this moment. RFC 3339.
    pub dnssec_at: Option<String>,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where keys, certificates and caches lie.
    pub data_dir: PathBuf,
    /// The resolver's address; the system's resolvers if none.
    pub resolver: Option<String>,
    /// File of DNSSEC anchors; the root's built-in ones if none.
    pub trust_anchor: Option<PathBuf>,
    /// PEM of local certificate trust anchors. Without it only DANE makes a signature valid.
    pub ca_file: Option<PathBuf>,
    /// File with the secret that stands in for the OS keyring.
    pub unlock_file: Option<PathBuf>,
    /// Rules for names and records.
    pub profile: Profile,
    /// Where an address has provably no certificate, try it in lower case and without `+tag`. Off
    /// by default: RFC 8162 section 4 forbids guessing.
    pub other_spellings: bool,
    /// Judge certificates as of this moment instead of now.
    pub at: Option<UnixTime>,
    /// Judge DNSSEC signatures as of this moment instead of now.
    pub dnssec_at: Option<UnixTime>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file exists and cannot be read.
    #[error("the settings file {file} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is no TOML, has an unknown key or a value of the wrong kind.
    #[error("the settings file {file} is wrong: {reason}")]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The place and the cause.
        reason: toml::de::Error,
    },
    /// A time is not in RFC 3339 form.
    #[error("`{key}` is not a time such as 2026-11-22T10:00:00Z")]
    BadTime {
        /// The key.
        key: &'static str,
    },
    /// The system names no home directory, and no data directory was given.
    #[error("there is no home directory to keep keys in; give a data directory with --data-dir")]
    NoHome,
}

impl Settings {
    /// Joins the command line's layer with the file: `config_file` if given (it must then
    /// exist), else the first of the customary places that exists.
    ///
    /// # Errors
    /// [`ConfigError`] names the file or key. A wrong file is never skipped.
    pub fn load(command_line: Layer, config_file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match config_file {
            Some(path) => Some(path.to_owned()),
            None => customary_places().into_iter().find(|place| place.exists()),
        };
        let below = file.map(|path| read_layer(&path)).transpose()?.unwrap_or_default();
        Self::join(command_line, below)
    }

    fn join(over: Layer, below: Layer) -> Result<Self, ConfigError> {
        let data_dir = match over.data_dir.or(below.data_dir) {
            Some(dir) => dir,
            None => project_dirs().ok_or(ConfigError::NoHome)?.data_dir().to_owned(),
        };
        let time = |key, text: Option<String>| {
            text.map(|t| UnixTime::parse_rfc3339(&t).map_err(|_| ConfigError::BadTime { key })).transpose()
        };
        Ok(Self {
            data_dir,
            resolver: over.resolver.or(below.resolver),
            trust_anchor: over.trust_anchor.or(below.trust_anchor),
            ca_file: over.ca_file.or(below.ca_file),
            unlock_file: over.unlock_file.or(below.unlock_file),
            profile: over.profile.or(below.profile).unwrap_or_default(),
            other_spellings: over.other_spellings.or(below.other_spellings).unwrap_or_default(),
            at: time("at", over.at.or(below.at))?,
            dnssec_at: time("dnssec-at", over.dnssec_at.or(below.dnssec_at))?,
        })
    }
}

/// The user's file, then the machine's.
fn customary_places() -> Vec<PathBuf> {
    let user = project_dirs().map(|dirs| dirs.config_dir().join("config.toml"));
    user.into_iter().chain([PathBuf::from("/etc/dane-smime/config.toml")]).collect()
}

fn project_dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("org", "dane-smime", "dane-smime")
}

fn read_layer(file: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|reason| ConfigError::Unreadable { file: file.to_owned(), reason })?;
    toml::from_str(&text).map_err(|reason| ConfigError::Wrong { file: file.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file() {
        let over = Layer { resolver: Some("127.0.0.1:53".into()), ..Layer::default() };
        let below: Layer =
            toml::from_str("resolver = \"[::1]:53\"\nprofile = \"guide-2014\"\ndata-dir = \"/d\"").unwrap();
        let settings = Settings::join(over, below).unwrap();
        assert_eq!(settings.resolver.as_deref(), Some("127.0.0.1:53"));
        assert_eq!(settings.profile, Profile::Guide2014);
        assert_eq!(settings.data_dir, PathBuf::from("/d"));
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(toml::from_str::<Layer>("trust_anchor = \"/a\"").is_err());
    }

    #[test]
    fn a_wrong_time_names_its_key() {
        let over = Layer { at: Some("noon".into()), data_dir: Some("/d".into()), ..Layer::default() };
        assert!(matches!(Settings::join(over, Layer::default()), Err(ConfigError::BadTime { key: "at" })));
    }
}
