//! Private keys: made, imported, kept sealed, opened for one use.
//!
//! A random key-encryption key lies in the OS keyring ([`KekSource::Keyring`]) or is derived from
//! an unlock file; every private key is a file sealed under it, or on a PKCS#11 token of its own. The public halves lie in the
//! clear, so that listing keys, encrypting to oneself and finding out which key a message needs
//! ask no keyring. [`KeyStore`] is the door to all of it.
//!
//! # Limitations
//! - What the keyring protects against is other users and stolen disks. Another process of the
//!   same user can ask the unlocked keyring as we do.
//! - Memory is wiped as far as OpenSSL and `zeroize` reach; copies in the keyring's service, in
//!   D-Bus and in swap are out of reach.
//! - A key on a token is neither exported nor in a backup; which one it is, is.

mod authority;
mod backup;
mod error;
mod export;
mod facts;
mod files;
mod generate;
mod held;
mod import;
mod kek;
mod keyring;
mod private;
mod process;
mod sealed;
mod store;
mod token;

pub use authority::CertificateRequest;
pub use error::{
    BackupError, ImportError, IssueError, KeyError, KeyringAbsence, NoneUsable, Purpose, SealedBy,
};
pub use export::Pkcs12Encryption;
pub use facts::KeyFacts;
pub use generate::{NewAlgorithm, NewKey, UnknownAlgorithm};
pub use held::{HeldKey, KeyHandle, Overview};
pub use import::{KeyMaterial, holds_key_in_the_clear, read_certificates, read_key_file};
pub use kek::KekSource;
pub use private::{PrivateKey, UsableKey};
pub use process::harden_process;
pub use store::{KeyStore, SigningKey, TakenKeys};
pub use token::{
    AskPin, PinFault, PinQuestion, TokenError, TokenName, TokenSight, Tries, close_all as close_tokens,
};

#[cfg(test)]
mod tests;
