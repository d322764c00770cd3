//! What the store's keys are sealed with: `store.json` and the key-encryption key.

use std::sync::mpsc::{self, RecvError, RecvTimeoutError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{KeyStore, MAX_FILE};
use crate::keys::error::{KeyError, SealedBy};
use crate::keys::files::{self, WriteLock};
use crate::keys::kek::{Kek, StoreId};

const VERSION: u32 = 1;

/// A keyring that is open answers in a few milliseconds.
const AT_ONCE: Duration = Duration::from_millis(500);

/// `store.json`.
#[derive(Serialize, Deserialize)]
struct StoreFile {
    version: u32,
    id: String,
    sealed_by: SealedBy,
    /// See [`Kek::check`].
    check: String,
}

impl KeyStore {
    /// Whether the secret that seals the keys can be had now. Opens no key and makes nothing; where nothing is sealed yet,
    /// whether the keyring or the unlock file answers.
    ///
    /// # Errors
    /// Those of the keyring or the unlock file; [`KeyError::SealedOtherwise`] if it gives another key than the store's.
    pub fn check_secret(&self) -> Result<(), KeyError> {
        if self.count_sealed()? > 0 {
            return self.kek().map(drop);
        }
        self.source.load(&StoreId::random()?).map(drop)
    }

    /// Whether the keyring that opens the keys is locked now, found out without anybody being asked
    /// to unlock it. A store that has sealed nothing has nothing to be locked.
    ///
    /// # Errors
    /// [`KeyError::KeyringMissing`]; [`KeyError::Damaged`] and [`KeyError::Unreadable`] for the
    /// store's own file.
    pub fn is_locked(&self) -> Result<bool, KeyError> {
        match self.store_file()? {
            Some(file) => self.source.is_locked(&self.store_id(&file)?),
            None => Ok(false),
        }
    }

    /// The key-encryption key of a store that has sealed something.
    pub(super) fn kek(&self) -> Result<Kek, KeyError> {
        let file = self.store_file()?.ok_or_else(|| KeyError::Damaged { file: self.store_path() })?;
        let id = self.store_id(&file)?;
        if file.sealed_by != self.source.sealed_by() {
            return Err(self.sealed_otherwise(&file));
        }
        let Some(kek) = self.load(&id)? else {
            let (folder, sealed) = (self.dir.clone(), self.count_sealed()?);
            return Err(KeyError::KeyringEntryMissing { folder, sealed });
        };
        if kek.check(&id)? == file.check { Ok(kek) } else { Err(self.sealed_otherwise(&file)) }
    }

    /// The same, made on first use. Once anything is sealed, no other key is ever put in its
    /// place, whatever the keyring says.
    pub(super) fn kek_for_writing(&self, _lock: &WriteLock) -> Result<Kek, KeyError> {
        if self.count_sealed()? > 0 {
            return self.kek();
        }
        let id = match self.store_file()? {
            Some(file) => self.store_id(&file)?,
            None => StoreId::random()?,
        };
        let kek = match self.load(&id)? {
            Some(kek) => kek,
            None => self.source.establish(&id)?,
        };
        let file = StoreFile {
            version: VERSION,
            id: id.text(),
            sealed_by: self.source.sealed_by(),
            check: kek.check(&id)?,
        };
        self.write_json(&self.store_path(), &file)?;
        Ok(kek)
    }

    /// Asks for the secret. A keyring that is locked has its user asked for a password before it answers, and does not say
    /// so; who waits for the outcome is told where it takes long enough for that.
    fn load(&self, id: &StoreId) -> Result<Option<Kek>, KeyError> {
        std::thread::scope(|scope| {
            let (sender, loaded) = mpsc::channel();
            scope.spawn(move || sender.send(self.source.load(id)));
            // A thread that ends without an answer has panicked.
            let fell = |_| KeyError::KeyringFailed { reason: "it broke off".to_owned() };
            match loaded.recv_timeout(AT_ONCE) {
                Err(RecvTimeoutError::Timeout) => {
                    let mut late = None;
                    self.pins.meanwhile(&mut |_wanted| late = Some(loaded.recv()));
                    late.unwrap_or_else(|| loaded.recv()).map_err(fell)?
                }
                answered => answered.map_err(|_| fell(RecvError))?,
            }
        })
    }

    fn sealed_otherwise(&self, file: &StoreFile) -> KeyError {
        KeyError::SealedOtherwise { by: file.sealed_by, tried: self.source.sealed_by() }
    }

    fn count_sealed(&self) -> Result<usize, KeyError> {
        files::with_extension(&self.dir, "key").map(|found| found.len())
    }

    fn store_file(&self) -> Result<Option<StoreFile>, KeyError> {
        let path = self.store_path();
        let Some(content) = files::read(&path, MAX_FILE)? else { return Ok(None) };
        let file: StoreFile =
            serde_json::from_slice(&content).map_err(|_| KeyError::Damaged { file: path.clone() })?;
        if file.version == VERSION { Ok(Some(file)) } else { Err(KeyError::FromTheFuture { file: path }) }
    }

    fn store_id(&self, file: &StoreFile) -> Result<StoreId, KeyError> {
        StoreId::parse(&file.id).ok_or_else(|| KeyError::Damaged { file: self.store_path() })
    }
}
