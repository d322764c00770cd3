//! `index.json`: the facts of every certificate, so that listing a thousand keys reads one file.
//!
//! An entry counts while the files that it was made from are the same, by length and time of
//! change. What cannot be read, is missing or out of date is read anew and written again; nothing
//! depends on the index being there. Using a key always reads the certificate itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use openssl::version;
use serde::{Deserialize, Serialize};

use super::KeyStore;
use crate::clock::UnixTime;
use crate::keys::error::KeyError;
use crate::keys::facts::KeyFacts;
use crate::keys::held::Overview;
use crate::keys::token::TokenName;
use crate::keys::{files, held};
use crate::mime::EmailAddress;
use crate::x509::Fingerprint;

/// Some hundred octets for each key.
const MAX_INDEX: u64 = 64 * 1024 * 1024;
/// Another version's entries are made anew, too: what a certificate is fit for is this program's to say.
const VERSION: u32 = 3;

#[derive(Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    /// The OpenSSL in use, by its number, on which it depends what a key can do.
    #[serde(default)]
    openssl: i64,
    /// By the name of the certificate's file.
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    pem: Stamp,
    key: Stamp,
    /// Name of the key's file.
    key_file: String,
    address: String,
    names: Vec<String>,
    algorithm: String,
    not_before: i64,
    not_after: i64,
    can_sign: bool,
    can_encrypt: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<TokenName>,
}

/// Length and nanoseconds of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp(u64, u64);

impl Stamp {
    pub(super) fn of(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(metadata.len(), u64::try_from(changed.as_nanos()).ok()?))
    }
}

impl KeyStore {
    /// Every key held as [`KeyStore::list`] has it, without the certificates.
    ///
    /// # Errors
    /// As [`KeyStore::list`].
    pub fn facts(&self, now: UnixTime) -> Result<Vec<KeyFacts>, KeyError> {
        self.overview_of_facts(now).map(|overview| overview.keys)
    }

    /// The same, with the means to ask what is used for which address.
    ///
    /// # Errors
    /// As [`KeyStore::list`].
    pub fn overview_of_facts(&self, now: UnixTime) -> Result<Overview<KeyFacts>, KeyError> {
        let choices = self.choices()?;
        let before = self.read_index();
        let mut after = Index { version: VERSION, openssl: version::number(), entries: BTreeMap::new() };
        let mut facts = Vec::new();
        for file in files::with_extension(&self.dir, "pem")? {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let known = before.entries.get(&name).filter(|entry| self.is_current(&file, entry));
            let entry = match known {
                Some(entry) => entry.clone(),
                None => match self.entry_of(&file)? {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            let Some(mut key) = entry.facts(&name) else { continue };
            key.retires = choices.retires(key.sha256);
            key.retired = key.retires.is_some_and(|moment| moment <= now);
            facts.push(key);
            after.entries.insert(name, entry);
        }
        if after.entries != before.entries {
            // Only a cache: a disk that is full or read-only makes it slow, not wrong.
            if let Err(error) = self.write_json(&self.index_path(), &after) {
                tracing::debug!(%error, "the index of keys cannot be written");
            }
        }
        held::mark_selected(&mut facts, &choices, now);
        facts.sort_by(|one, other| {
            let age = |key: &KeyFacts| std::cmp::Reverse((key.not_before, key.sha256));
            (&one.address, age(one)).cmp(&(&other.address, age(other)))
        });
        Ok(Overview { keys: facts, choices })
    }

    fn is_current(&self, file: &Path, entry: &Entry) -> bool {
        Stamp::of(file) == Some(entry.pem) && Stamp::of(&self.dir.join(&entry.key_file)) == Some(entry.key)
    }

    /// `None` for a file that is listed nowhere else either.
    fn entry_of(&self, file: &Path) -> Result<Option<Entry>, KeyError> {
        // Before reading: what is written meanwhile makes the entry out of date, not wrong.
        let pem = Stamp::of(file);
        let held = match self.read_held(file) {
            Ok(held) => held,
            Err(error @ KeyError::Unreadable { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "a key cannot be used");
                None
            }
        };
        let Some(held) = held else { return Ok(None) };
        let key_path = self.file_of_key(&held);
        let (Some(pem), Some(key)) = (pem, Stamp::of(&key_path)) else { return Ok(None) };
        let facts = KeyFacts::from(&held);
        Ok(Some(Entry {
            pem,
            key,
            key_file: key_path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            address: facts.address.to_string(),
            names: facts.names.iter().map(ToString::to_string).collect(),
            algorithm: facts.algorithm,
            not_before: facts.not_before.seconds(),
            not_after: facts.not_after.seconds(),
            can_sign: facts.can_sign,
            can_encrypt: facts.can_encrypt,
            token: facts.token,
        }))
    }

    fn read_index(&self) -> Index {
        let content = files::read(&self.index_path(), MAX_INDEX).ok().flatten();
        let index: Option<Index> = content.and_then(|content| serde_json::from_slice(&content).ok());
        let is_ours = |index: &Index| index.version == VERSION && index.openssl == version::number();
        index.filter(is_ours).unwrap_or_default()
    }

    fn index_path(&self) -> std::path::PathBuf {
        self.dir.join("index.json")
    }
}

impl Entry {
    fn facts(&self, file_name: &str) -> Option<KeyFacts> {
        let sha256: Fingerprint = file_name.strip_suffix(".pem")?.parse().ok()?;
        let names = self.names.iter().map(|name| EmailAddress::parse(name)).collect::<Result<_, _>>().ok()?;
        Some(KeyFacts {
            address: EmailAddress::parse(&self.address).ok()?,
            names,
            sha256,
            algorithm: self.algorithm.clone(),
            not_before: UnixTime::from_seconds(self.not_before),
            not_after: UnixTime::from_seconds(self.not_after),
            can_sign: self.can_sign,
            can_encrypt: self.can_encrypt,
            token: self.token.clone(),
            retired: false,
            retires: None,
            selected_sign: false,
            selected_encrypt: false,
        })
    }
}
