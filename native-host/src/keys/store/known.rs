//! Certificates that this process has read already: a host that lives for weeks does not read a thousand
//! anew for each mail.
//!
//! As with the index, what was read counts while the files are the same, by length and time of change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index::Stamp;
use crate::keys::held::HeldKey;

/// By the certificate's file.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<PathBuf, Read>>);

#[derive(Debug)]
struct Read {
    certificate: Stamp,
    key_file: PathBuf,
    key: Stamp,
    held: HeldKey,
}

impl Known {
    /// What was read of a file that is still the same.
    pub(super) fn get(&self, file: &Path) -> Option<HeldKey> {
        let known = self.lock();
        let read = known.get(file)?;
        let is_same =
            Stamp::of(file) == Some(read.certificate) && Stamp::of(&read.key_file) == Some(read.key);
        is_same.then(|| read.held.clone())
    }

    /// Keeps what was just read. `certificate` is from before that: what is written meanwhile makes it
    /// out of date, not wrong.
    pub(super) fn put(&self, file: PathBuf, certificate: Option<Stamp>, key_file: PathBuf, held: &HeldKey) {
        let (Some(certificate), Some(key)) = (certificate, Stamp::of(&key_file)) else { return };
        self.lock().insert(file, Read { certificate, key_file, key, held: held.clone() });
    }

    /// Forgets every file but these.
    pub(super) fn keep(&self, files: &[PathBuf]) {
        // Sorted, as a directory is listed.
        self.lock().retain(|file, _| files.binary_search(file).is_ok());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Read>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
