//! Settings of the host: `config.toml` and the command line's global options.
//!
//! One set of names for both. What the command line says wins over the user's file, that over
//! `/etc/dane-smime/config.toml`; the first file that exists is the one that counts.
//!
//! Over all of them stands `policy.toml`, of the same shape, which only an administrator can write. Why not the add-on's
//! managed storage: what the host believes (resolver, trust anchors) and what it runs (`provision`) must not be told
//! to it by the program that asks it. Nobody who takes over the add-on can give the host another root to believe in,
//! or a program to start. The policy's `locked` names keys that count only as the policy sets them, be it not at all.

mod places;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::clock::UnixTime;

use places::{customary_places, is_there, project_dirs};
pub use places::{system_dir, user_file};

/// Which rules for names and records apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// RFC 8162.
    #[default]
    Rfc8162,
    /// The 2014 developers' guide, to the letter: SHA-224 names, a private type, `3 0 0` alone.
    Guide2014 {
        /// The private type; the guide fixes none.
        record_type: u16,
    },
}

impl Profile {
    /// The guide with the type of its examples.
    pub const GUIDE: Self = Self::Guide2014 { record_type: 65444 };

    /// Whether it is the guide, whatever the type.
    pub const fn is_guide(self) -> bool {
        matches!(self, Self::Guide2014 { .. })
    }
}

/// A profile as it is named in settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
pub enum ProfileName {
    /// RFC 8162.
    #[serde(rename = "rfc8162")]
    #[value(name = "rfc8162")]
    Rfc8162,
    /// The 2014 developers' guide.
    #[serde(rename = "guide-2014")]
    #[value(name = "guide-2014")]
    Guide2014,
}

/// Where certificates to encrypt to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Mail with valid signatures: what it brought is kept, as candidates for what records only name.
    Mail,
    /// SMIMEA records.
    Smimea,
}

/// Declares the keys once, with all that is done to every key alike.
macro_rules! keys {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $key:literal;)*) => {
        /// One layer of settings, as a file or the command line gives it. Unknown keys are refused: a
        /// misspelt `trust-anchor` must not silently leave the default in force.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Layer {
            $($(#[$doc])* #[serde(rename = $key)] pub $field: Option<$type>,)*
        }

        impl Layer {
            /// Every key there is.
            pub const KEYS: &[&str] = &[$($key,)*];

            /// This layer, and what it leaves open from the one below.
            fn over(self, below: Self) -> Self {
                Self { $($field: self.$field.or(below.$field),)* }
            }

            /// The keys that are set here.
            fn set(&self) -> Vec<&'static str> {
                let set = [$(self.$field.is_some().then_some($key),)*];
                set.into_iter().flatten().collect()
            }

            /// The first of `keys` that `other` sets otherwise than this layer does.
            fn contradicted(&self, other: &Self, keys: &[&str]) -> Option<&'static str> {
                $(if keys.contains(&$key) && other.$field.is_some() && self.$field != other.$field {
                    return Some($key);
                })*
                None
            }

            /// This layer but for some keys.
            fn without(self, keys: &[&str]) -> Self {
                Self { $($field: self.$field.filter(|_| !keys.contains(&$key)),)* }
            }
        }
    };
}

keys! {
    /// Where keys, certificates and caches lie.
    data_dir: PathBuf = "data-dir";
    /// `127.0.0.1:5300`, `tls://1.2.3.4#name`, `https://…`.
    resolver: String = "resolver";
    /// DNSSEC anchors in zone-file form.
    trust_anchor: PathBuf = "trust-anchor";
    /// PEM of local certificate trust anchors.
    ca_file: PathBuf = "ca-file";
    /// Revocation lists of those authorities, PEM or DER.
    crl_file: PathBuf = "crl-file";
    /// File with the secret that stands in for the OS keyring.
    unlock_file: PathBuf = "unlock-file";
    /// Rules for names and records.
    profile: ProfileName = "profile";
    /// The private type of the 2014 guide's records.
    guide_type: u16 = "guide-type";
    /// Where an address has provably no certificate, try other spellings of it.
    other_spellings: bool = "other-spellings";
    /// Where certificates to encrypt to come from; from everywhere if it is left out.
    sources: Vec<Source> = "sources";
    /// The program that asks for passwords.
    pinentry: PathBuf = "pinentry";
    /// The name server that takes updates of the user's zone, with a port if it is not 53.
    nsupdate_server: String = "nsupdate-server";
    /// The file of the TSIG key for it.
    nsupdate_key: PathBuf = "nsupdate-key";
    /// Judge certificates as of this moment. RFC 3339.
    at: String = "at";
    /// Judge DNSSEC signatures as of this moment. RFC 3339.
    dnssec_at: String = "dnssec-at";
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `dane_smime::dns=debug`.
    log: String = "log";
    /// Where to: `stderr`, `journal`, or the path of a file.
    log_to: String = "log-to";
    /// Whether addresses stand in the log as they are; else as hashes.
    log_addresses: bool = "log-addresses";
    /// File to which a line is added for every mail that was protected: to whom, and how.
    audit_log: PathBuf = "audit-log";
    /// Keys that the host makes by itself.
    provision: Provision = "provision";
    /// Keys that users cannot set. In a policy only.
    locked: Vec<String> = "locked";
}

impl Layer {
    /// The layer as a settings file of `folder` means it: see [`path_in`]. The programs' names stay as they are.
    pub(crate) fn written_in(mut self, folder: &Path) -> Self {
        let paths = [
            &mut self.data_dir,
            &mut self.trust_anchor,
            &mut self.ca_file,
            &mut self.crl_file,
            &mut self.unlock_file,
            &mut self.nsupdate_key,
            &mut self.audit_log,
        ];
        for path in paths.into_iter().flatten() {
            *path = path_in(folder, path);
        }
        if let Some(file) = self.log_to.as_mut().filter(|to| !matches!(to.as_str(), "stderr" | "journal")) {
            *file = path_in(folder, Path::new(file)).to_string_lossy().into_owned();
        }
        if let Some(Provision { hand_over: HandOver::Directory(directory), .. }) = &mut self.provision {
            *directory = path_in(folder, directory);
        }
        self
    }
}

/// For whom the host makes a key by itself, and who is given the DNS lines to publish.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provision {
    /// Addresses, or `*@domain`.
    pub addresses: Vec<String>,
    /// As for `dane-smime key generate`.
    pub algorithm: Option<String>,
    /// As for `dane-smime key generate`.
    pub days: Option<u32>,
    /// Who gets the lines.
    pub hand_over: HandOver,
}

/// Who gets the DNS lines of a key that was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum HandOver {
    /// A directory, for a file of its own each.
    Directory(PathBuf),
    /// A program with its arguments, on its standard input. It is not run by a shell.
    Command(Vec<String>),
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
    /// Revocation lists of those authorities.
    pub crl_file: Option<PathBuf>,
    /// File with the secret that stands in for the OS keyring.
    pub unlock_file: Option<PathBuf>,
    /// Rules for names and records.
    pub profile: Profile,
    /// Where an address has provably no certificate, try it in lower case and without `+tag`. Off
    /// by default: RFC 8162 section 4 forbids guessing.
    pub other_spellings: bool,
    /// Whether certificates that mail brought are kept, and looked among for those that records name.
    pub brought_by_mail: bool,
    /// The program that asks for passwords; the first that is found if none.
    pub pinentry: Option<PathBuf>,
    /// The name server that takes updates of the user's zone.
    pub nsupdate_server: Option<String>,
    /// The file of the TSIG key for it.
    pub nsupdate_key: Option<PathBuf>,
    /// Judge certificates as of this moment instead of now.
    pub at: Option<UnixTime>,
    /// Judge DNSSEC signatures as of this moment instead of now.
    pub dnssec_at: Option<UnixTime>,
    /// What is logged and where to.
    pub log: LogSettings,
    /// File to which a line is added for every mail that was protected.
    pub audit_log: Option<PathBuf>,
    /// Keys that the host makes by itself.
    pub provision: Option<Provision>,
    /// Where all this comes from.
    pub origin: Origin,
}

/// What is logged and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// A level or a filter; the program's own default if none.
    pub filter: Option<String>,
    /// Whether a policy set or locked it, so that no environment variable does.
    pub filter_fixed: bool,
    /// Where to.
    pub to: LogTarget,
    /// Whether addresses stand in it as they are.
    pub addresses: bool,
}

/// Where a log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    #[default]
    StandardError,
    /// The system's journal.
    Journal,
    /// A file of bounded size.
    File(PathBuf),
}

/// Which files were read, and what they fix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The settings file.
    pub file: Option<PathBuf>,
    /// The administrator's policy.
    pub policy: Option<PathBuf>,
    /// The keys that it sets or locks.
    pub fixed: Vec<&'static str>,
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
    /// The command line contradicts the policy.
    #[error("`{key}` is set by your administrator in {file} and cannot be set otherwise")]
    SetByPolicy {
        /// The key.
        key: &'static str,
        /// The policy.
        file: PathBuf,
    },
    /// A time is not in RFC 3339 form.
    #[error("`{key}` is not a time such as 2026-11-22T10:00:00Z")]
    BadTime {
        /// The key.
        key: &'static str,
    },
    /// It says of no part of the program how much is logged.
    #[error(
        "`log` must be error, warn, info, debug, trace or off, or a filter such as dane_smime::dns=debug"
    )]
    BadLog,
    /// SMIMEA records are left out of the sources.
    #[error("`sources` must name \"smimea\": nothing else proves whose a certificate is")]
    NoProof,
    /// Something other than a policy locks.
    #[error("`locked` in {file} has no meaning: only {} locks", system_dir().join("policy.toml").display())]
    LockedByUser {
        /// The file.
        file: PathBuf,
    },
    /// The policy locks what is no key.
    #[error("the settings file {file} is wrong: `locked` names `{key}`, which is no key")]
    LockedUnknown {
        /// The policy.
        file: PathBuf,
        /// What it names.
        key: String,
    },
    /// The number is not one of a private type.
    #[error("`guide-type` must be one of the private types 65280 to 65534")]
    BadType,
    /// The system names no home directory, and no data directory was given.
    #[error("there is no home directory to keep keys in; give a data directory with --data-dir")]
    NoHome,
}

/// Whether it is a level or a filter. A word that is no level would be taken for the name of a part of the program, so that
/// `log = "verbose"` silenced all others.
fn is_log_filter(text: &str) -> bool {
    let says = |part: &str| match part.trim() {
        "" => false,
        part => part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok(),
    };
    text.split(',').all(says) && EnvFilter::try_new(text).is_ok()
}

/// Types that everyone may use as they like (RFC 6895 section 3.1).
const PRIVATE_TYPES: RangeInclusive<u16> = 65280..=65534;

impl Settings {
    /// Joins the command line's layer with the file: `config_file` if given (it must then
    /// exist), else the first of the customary places that exists; and the policy over both.
    ///
    /// # Errors
    /// [`ConfigError`] names the file or key. A wrong file is never skipped.
    pub fn load(command_line: Layer, config_file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match config_file {
            Some(path) => Some(path.to_owned()),
            None => customary_places().into_iter().find(|place| is_there(place)),
        };
        let policy = Some(system_dir().join("policy.toml")).filter(|path| is_there(path));
        Self::from_files(command_line, file, policy)
    }

    /// The same, from just these files.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_files(
        command_line: Layer,
        file: Option<PathBuf>,
        policy: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let below = file.as_deref().map(read_layer).transpose()?.unwrap_or_default();
        if let (Some(file), Some(_)) = (&file, &below.locked) {
            return Err(ConfigError::LockedByUser { file: file.clone() });
        }
        let mut fixed = policy.as_deref().map(read_layer).transpose()?.unwrap_or_default();
        let locked = fixed.locked.take().unwrap_or_default();
        let mut keys = fixed.set();
        for name in locked {
            match (Layer::KEYS.iter().find(|key| **key == name), &policy) {
                (Some(key), _) if keys.contains(key) => {}
                (Some(key), _) => keys.push(key),
                (None, file) => {
                    let file = file.clone().unwrap_or_default();
                    return Err(ConfigError::LockedUnknown { file, key: name });
                }
            }
        }
        if let (Some(key), Some(file)) = (fixed.contradicted(&command_line, &keys), &policy) {
            return Err(ConfigError::SetByPolicy { key, file: file.clone() });
        }
        let layer = fixed.over(command_line.over(below).without(&keys));
        Self::from_layer(layer, Origin { file, policy, fixed: keys })
    }

    fn from_layer(layer: Layer, origin: Origin) -> Result<Self, ConfigError> {
        let data_dir = match layer.data_dir {
            Some(dir) => dir,
            None => project_dirs().ok_or(ConfigError::NoHome)?.data_dir().to_owned(),
        };
        let time = |key, text: Option<String>| {
            text.map(|t| UnixTime::parse_rfc3339(&t).map_err(|_| ConfigError::BadTime { key })).transpose()
        };
        let to = match layer.log_to.as_deref() {
            None | Some("stderr") => LogTarget::StandardError,
            Some("journal") => LogTarget::Journal,
            Some(path) => LogTarget::File(path.into()),
        };
        if !layer.log.as_deref().is_none_or(is_log_filter) {
            return Err(ConfigError::BadLog);
        }
        let profile = match (layer.profile, layer.guide_type) {
            (_, Some(other)) if !PRIVATE_TYPES.contains(&other) => return Err(ConfigError::BadType),
            (Some(ProfileName::Guide2014), Some(record_type)) => Profile::Guide2014 { record_type },
            (Some(ProfileName::Guide2014), None) => Profile::GUIDE,
            (Some(ProfileName::Rfc8162) | None, _) => Profile::Rfc8162,
        };
        let sources = layer.sources.unwrap_or_else(|| vec![Source::Smimea, Source::Mail]);
        if !sources.contains(&Source::Smimea) {
            return Err(ConfigError::NoProof);
        }
        Ok(Self {
            data_dir,
            resolver: layer.resolver,
            trust_anchor: layer.trust_anchor,
            ca_file: layer.ca_file,
            crl_file: layer.crl_file,
            unlock_file: layer.unlock_file,
            profile,
            other_spellings: layer.other_spellings.unwrap_or_default(),
            brought_by_mail: sources.contains(&Source::Mail),
            pinentry: layer.pinentry,
            nsupdate_server: layer.nsupdate_server,
            nsupdate_key: layer.nsupdate_key,
            at: time("at", layer.at)?,
            dnssec_at: time("dnssec-at", layer.dnssec_at)?,
            log: LogSettings {
                filter: layer.log,
                filter_fixed: origin.fixed.contains(&"log"),
                to,
                addresses: layer.log_addresses.unwrap_or_default(),
            },
            audit_log: layer.audit_log,
            provision: layer.provision,
            origin,
        })
    }
}

/// Settings are far smaller.
const MAX_FILE: u64 = 1024 * 1024;

fn read_layer(file: &Path) -> Result<Layer, ConfigError> {
    let unreadable = |reason| ConfigError::Unreadable { file: file.to_owned(), reason };
    let mut text = String::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(MAX_FILE.saturating_add(1)).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    let layer: Layer =
        toml::from_str(&text).map_err(|reason| ConfigError::Wrong { file: file.to_owned(), reason })?;
    Ok(layer.written_in(file.parent().unwrap_or(Path::new(""))))
}

/// A path as it stands in a settings file of `folder`: `~` is the user's home, and what is not absolute lies in that folder.
/// Where the program happens to be started must not decide which keys there are and whom it believes.
fn path_in(folder: &Path, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), directories::BaseDirs::new()) {
        (Ok(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => folder.join(path),
    }
}
