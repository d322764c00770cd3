//! What requests and commands work with, made from the settings when first needed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::{Code, Failure, recipients};
use crate::clock::{Clock, FixedClock, SystemClock, UnixTime};
use crate::config::Settings;
use crate::directory::Directory;
use crate::keys::{KekSource, KeyStore};
use crate::message::{OpenError, Opened, Reading, open};
use crate::pinentry::Pinentry;
use crate::trust::{Anchors, History, Vouchers};

/// The parts of the host, shared by all requests.
pub struct Engine {
    settings: Settings,
    clock: Arc<dyn Clock>,
    directory: OnceLock<Result<Arc<dyn Directory>, Failure>>,
    keys: KeyStore,
    anchors: OnceLock<Result<Arc<Anchors>, Failure>>,
}

impl Engine {
    /// Nothing is read, asked or unlocked yet: a broken part fails only what needs it.
    pub fn new(settings: Settings) -> Self {
        let clock: Arc<dyn Clock> = match settings.at {
            Some(at) => Arc::new(FixedClock(at)),
            None => Arc::new(SystemClock),
        };
        let keys = open_keys(&settings);
        Self { settings, clock, directory: OnceLock::new(), keys, anchors: OnceLock::new() }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The moment by which certificates are judged.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Where correspondents' certificates come from.
    ///
    /// # Errors
    /// `bad-resolver`, `bad-trust-anchor`.
    pub fn directory(&self) -> Result<Arc<dyn Directory>, Failure> {
        self.directory.get_or_init(|| self.open_directory()).clone()
    }

    /// The user's own keys.
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// What asks for passwords.
    pub fn pinentry(&self) -> Pinentry {
        Pinentry::new(self.settings.pinentry.as_deref())
    }

    /// Who vouches for a signer, for one message.
    ///
    /// # Errors
    /// `unreadable-input` for the file of authorities, and those of [`Engine::directory`].
    fn vouchers(&self, deadline: Duration) -> Result<Vouchers, Failure> {
        let anchors = self.anchors.get_or_init(|| self.load_anchors()).clone()?;
        Ok(Vouchers::new(self.directory()?, anchors, self.settings.profile, self.now(), deadline))
    }

    /// Opens a message with everything there is: keys, the directory, what was proven before.
    ///
    /// # Errors
    /// Those of [`Engine::vouchers`] and of [`open`].
    pub fn open(&self, message: &Bytes, reading: Reading, deadline: Duration) -> Result<Opened, Failure> {
        let vouchers = self.vouchers(deadline)?;
        let history = History::open(&self.settings.data_dir);
        open(message, reading, &self.keys, &vouchers, &history, self.now())
            .map_err(|error: OpenError| error.into())
    }

    fn open_directory(&self) -> Result<Arc<dyn Directory>, Failure> {
        Ok(Arc::new(recipients::open_directory(&self.settings)?))
    }

    fn load_anchors(&self) -> Result<Arc<Anchors>, Failure> {
        let Some(file) = &self.settings.ca_file else { return Ok(Arc::new(Anchors::none())) };
        let loaded = Anchors::load(file).map(Arc::new);
        loaded.map_err(|error| Failure::new(Code::UnreadableInput, format!("{error}.")))
    }
}

/// The key store that the settings name.
pub fn open_keys(settings: &Settings) -> KeyStore {
    let source = match &settings.unlock_file {
        Some(file) => KekSource::UnlockFile(file.clone()),
        None => KekSource::Keyring,
    };
    KeyStore::open(&settings.data_dir, source)
}
