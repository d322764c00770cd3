//! The key-encryption key in the OS keyring.
//!
//! Only these 32 octets lie there, not the private keys: Windows keeps at most 2560 octets in an
//! entry, and a key that never changes needs no second writer to be careful about. The keyring is
//! asked each time, so that locking it takes effect at once.
//!
//! The host lives for weeks and the keyring's service may be restarted meanwhile, or come up after
//! us. The `keyring` crate connects once in a process, so a connection that is of no use any more
//! is made anew here, once for each question.

#[cfg(all(unix, not(target_os = "macos")))]
use std::collections::HashMap;

use keyring::v1::Error;
use keyring_core::Entry;
#[cfg(all(unix, not(target_os = "macos")))]
use secret_service::EncryptionType;
#[cfg(all(unix, not(target_os = "macos")))]
use secret_service::blocking::SecretService;
use zeroize::Zeroizing;

use super::error::{KeyError, KeyringAbsence};
use super::kek::{Kek, StoreId};

const SERVICE: &str = "dane-smime";

/// The store's key; `None` where the keyring answers and has none. On Linux that is also what a
/// service without any collection answers.
pub(super) fn load(store: &StoreId) -> Result<Option<Kek>, KeyError> {
    match ask(store, Entry::get_secret).map(Zeroizing::new) {
        Ok(secret) => Kek::from_octets(&secret).map(Some).ok_or_else(|| KeyError::KeyringFailed {
            reason: "the entry has not the length of a key".to_owned(),
        }),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(translate(error)),
    }
}

/// Puts a new random key into the keyring and reads it back, so that a keyring that forgets is
/// noticed before anything is sealed with the key.
pub(super) fn establish(store: &StoreId) -> Result<Kek, KeyError> {
    let kek = Kek::random()?;
    ask(store, |entry| entry.set_secret(kek.octets())).map_err(translate)?;
    match load(store)? {
        Some(kept) if kept.octets() == kek.octets() => Ok(kek),
        _ => Err(KeyError::KeyringFailed { reason: "it did not keep what was put into it".to_owned() }),
    }
}

/// Whether the store's entry is shut away at this moment. Reading it would make the desktop ask its
/// user to unlock the keyring; this does not.
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) fn is_locked(store: &StoreId) -> Result<bool, KeyError> {
    let id = store.text();
    let attributes = HashMap::from([("service", SERVICE), ("username", &*id)]);
    let absent = |_| KeyError::KeyringMissing(KeyringAbsence::NoService);
    let service = SecretService::connect(EncryptionType::Plain).map_err(absent)?;
    let found = service.search_items(attributes).map_err(absent)?;
    Ok(!found.locked.is_empty())
}

/// The keyrings of other systems are open for as long as their user is logged in.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(super) fn is_locked(_store: &StoreId) -> Result<bool, KeyError> {
    Ok(false)
}

/// Puts a question to the store's entry, over a new connection if the present one fails.
fn ask<T>(store: &StoreId, question: impl Fn(&Entry) -> Result<T, Error>) -> Result<T, Error> {
    let first = keyring::v1::Entry::new(SERVICE, &store.text()).and_then(|entry| question(&entry.inner));
    match first {
        Err(Error::NoDefaultStore | Error::PlatformFailure(_)) => {
            connect_anew()?;
            Entry::new(SERVICE, &store.text()).and_then(|entry| question(&entry))
        }
        answered => answered,
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn connect_anew() -> Result<(), Error> {
    // Why a service cannot be reached is no help to anybody; that it cannot is.
    let store = zbus_secret_service_keyring_store::Store::new().map_err(|_| Error::NoDefaultStore)?;
    keyring_core::set_default_store(store);
    Ok(())
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn connect_anew() -> Result<(), Error> {
    Ok(()) // there is no connection
}

/// Sorts the library's errors by what the user can do about them. Of the platform's own error
/// only the text is left; it holds names of interfaces, never a secret.
fn translate(error: Error) -> KeyError {
    match error {
        Error::NoDefaultStore => KeyError::KeyringMissing(KeyringAbsence::NoService),
        Error::NoStorageAccess(platform) if lacks_collection(&*platform) => {
            KeyError::KeyringMissing(KeyringAbsence::NoCollection)
        }
        Error::NoStorageAccess(_) => KeyError::KeyringLocked,
        Error::PlatformFailure(platform) => KeyError::KeyringFailed { reason: platform.to_string() },
        // Their texts would carry the entry's octets.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            KeyError::KeyringFailed { reason: "the entry is not a key".to_owned() }
        }
        other => KeyError::KeyringFailed { reason: other.to_string() },
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn lacks_collection(platform: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(platform.downcast_ref(), Some(secret_service::Error::NoResult))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn lacks_collection(_platform: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    false
}
