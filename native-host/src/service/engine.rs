//! What requests and commands work with, made from the settings when first needed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::pin_window::{AtTheTerminal, PinWindow};
use super::session::Work;
use super::{Code, Failure, recipients};
use crate::clock::{Clock, FixedClock, SystemClock, UnixTime};
use crate::config::Settings;
use crate::directory::{Brought, Directory};
use crate::keys::{KekSource, KeyStore};
use crate::message::verdict::Signature;
use crate::message::{OpenError, Opened, Reading, open};
use crate::pinentry::Pinentry;
use crate::trust::{Anchors, Correspondents, History, Programs, Vouchers};
use crate::wire::request::PinWords;

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
    /// `bad-resolver`, `bad-trust-anchor`, and `unreadable-input` for the file of authorities.
    pub fn directory(&self) -> Result<Arc<dyn Directory>, Failure> {
        self.directory.get_or_init(|| self.open_directory()).clone()
    }

    /// The user's own keys.
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// The same, for somebody who waits: a token's PIN is asked for in their language, and no longer than
    /// they wait.
    pub fn keys_for(&self, work: &Work) -> KeyStore {
        let (pinentry, words) = (self.pinentry(), work.pin_words().clone());
        self.keys.asking(Arc::new(PinWindow { pinentry, words, waiting: work.clone() }))
    }

    /// What asks for passwords.
    pub fn pinentry(&self) -> Pinentry {
        Pinentry::new(self.settings.pinentry.as_deref())
    }

    /// Who vouches for a signer, for one message.
    ///
    /// # Errors
    /// Those of [`Engine::directory`].
    fn vouchers(&self, deadline: Duration) -> Result<Vouchers, Failure> {
        Ok(Vouchers::new(self.directory()?, self.anchors()?, self.settings.profile, self.now(), deadline))
    }

    /// Opens a message with everything there is: the engine's keys, as they were given to the caller, the directory, what was proven before.
    ///
    /// # Errors
    /// Those of [`Engine::vouchers`] and of [`open`].
    pub fn open(
        &self,
        keys: &KeyStore,
        message: &Bytes,
        reading: Reading,
        deadline: Duration,
    ) -> Result<Opened, Failure> {
        let vouchers = self.vouchers(deadline)?;
        let history = History::open(&self.settings.data_dir);
        let opened = open(message, reading, keys, &vouchers, &history, self.now())
            .map_err(|error: OpenError| Failure::from(error))?;
        self.learn(&opened);
        Ok(opened)
    }

    /// What correspondents' programs can read.
    pub fn programs(&self) -> Programs {
        Programs::open(&self.settings.data_dir)
    }

    /// Keeps what mail that is valid today, by nobody's memory, tells of its writer.
    fn learn(&self, opened: &Opened) {
        let Signature::Valid { signer, address, carried, first_seen: None, .. } = &opened.verdict.signature
        else {
            return;
        };
        let certificates: Vec<_> = std::iter::once(&signer.certificate).chain(carried).cloned().collect();
        if let Some(brought) = self.brought() {
            brought.remember(address, &certificates);
        }
        if let Some(reads) = &signer.capabilities {
            self.programs().learn(address, reads, signer.signing_time, self.now());
        }
    }

    fn open_directory(&self) -> Result<Arc<dyn Directory>, Failure> {
        let published = Arc::new(recipients::open_directory(&self.settings)?);
        Ok(Arc::new(Correspondents::new(published, self.anchors()?, self.brought())))
    }

    /// Certificates that mail brought, where the settings have them as a source.
    fn brought(&self) -> Option<Brought> {
        self.settings.brought_by_mail.then(|| Brought::open(&self.settings.data_dir))
    }

    fn anchors(&self) -> Result<Arc<Anchors>, Failure> {
        self.anchors.get_or_init(|| load_anchors(&self.settings).map(Arc::new)).clone()
    }
}

/// The authorities that the settings name.
///
/// # Errors
/// `unreadable-input`.
pub fn load_anchors(settings: &Settings) -> Result<Anchors, Failure> {
    let Some(file) = &settings.ca_file else { return Ok(Anchors::none()) };
    Anchors::load(file, settings.crl_file.as_deref())
        .map_err(|error| Failure::new(Code::UnreadableInput, format!("{error}.")))
}

/// The key store that the settings name.
pub fn open_keys(settings: &Settings) -> KeyStore {
    let source = match &settings.unlock_file {
        Some(file) => KekSource::UnlockFile(file.clone()),
        None => KekSource::Keyring,
    };
    let (pinentry, words) = (Pinentry::new(settings.pinentry.as_deref()), PinWords::default());
    let pins = PinWindow { pinentry, words, waiting: AtTheTerminal };
    KeyStore::open(&settings.data_dir, source).asking(Arc::new(pins))
}
