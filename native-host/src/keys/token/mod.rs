//! Private keys on PKCS#11 tokens: smart cards, sticks, security modules.
//!
//! Of a key on a token the store keeps where it is ([`TokenFile`]) and its certificate. The key signs,
//! decrypts and agrees on the token ([`TokenKey`]); what is built round that is `cms`'s.
//!
//! The token's module, a library of its maker, is loaded when one of its keys is first used. The PIN
//! is asked for then ([`AskPin`]), handed to the token and kept nowhere: the token stays open for this
//! process until it is pulled, [`close_all`] is called or the process ends. A PIN that was wrong is never
//! tried again by itself, and what one window was closed for is not asked in the next: tokens count, and
//! lock.
//!
//! * `module`: modules and the tokens behind them, one of each in a process.
//! * `key`: what a key does.
//! * `find`: which keys a token holds.
//! * `look`: what is seen of a key without the PIN.
//!
//! # Limitations
//! - A module runs in this process, as its maker wrote it.
//! - Keys that want their PIN for every single use (CKA_ALWAYS_AUTHENTICATE) are not taken, which is said. Their PIN has to
//!   come between C_SignInit and C_Sign. `cryptoki` calls those two in one; apart it has C_SignUpdate and C_SignFinal only,
//!   which modules need not know for a digest that was made elsewhere.
//! - A module is waited for as long as it takes: one that hangs holds up whoever wants its tokens.
//! - Which digests a token's OAEP takes shows when it is asked; many know SHA-1 alone.

mod find;
mod key;
mod look;
mod module;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::pinentry::PinentryError;

pub(super) use find::{Keys, find, find_for};
pub(super) use key::TokenKey;
pub(super) use look::look;
pub use module::close_all;
pub(super) use module::{tokens, with_name};

/// A token, as it is told from others: what it is called, and its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenName {
    /// The label that its owner gave it.
    pub label: String,
    /// The number that its maker gave it; empty on some.
    pub serial: String,
}

/// `<SHA-256 of the SPKI>.token`: where a key is. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenFile {
    pub(super) version: u32,
    /// The address that the key is for.
    pub(super) address: String,
    /// The library that speaks to the token. None of a key from a backup: a library runs in this process, so none is
    /// loaded that the user of this store has not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) module: Option<PathBuf>,
    pub(super) token: TokenName,
    /// CKA_ID of the key, in hex.
    pub(super) id: String,
}

impl TokenFile {
    pub(super) const VERSION: u32 = 1;
}

/// Asks a person for a PIN.
pub trait AskPin: Send + Sync {
    /// Shows the question, and hands back what was entered.
    ///
    /// # Errors
    /// [`PinentryError`].
    fn ask(&self, question: &PinQuestion) -> Result<Zeroizing<String>, PinentryError>;

    /// Runs `wait` while a person is asked elsewhere: in the window of somebody else who wants the same token,
    /// at the keys of the reader, or by the keyring. It is told whether anybody still waits for the outcome.
    fn meanwhile(&self, wait: &mut dyn FnMut(&dyn Fn() -> bool));
}

/// What a PIN is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinQuestion {
    /// The token.
    pub token: TokenName,
    /// What the token says of the tries that are left.
    pub tries: Tries,
}

/// How often a wrong PIN may still be entered, as far as the token tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// Nothing is said.
    Untold,
    /// A wrong one was entered since the last right one.
    Fewer,
    /// Another wrong one locks the token.
    Last,
}

/// What is seen of a key without its token's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSight {
    /// The token is there, and nothing of the key is seen: many show keys only to who has entered the PIN.
    Hidden,
    /// The token is there, with the key: that itself, its public half, or its certificate is seen.
    Key,
    /// The token is locked: too many wrong PINs.
    Locked,
    /// The token is there; where the key was, there is the certificate of another.
    OtherKey,
}

/// Why a token cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// There is no token of this name.
    #[error("the token {} is not there", .0.label)]
    Absent(TokenName),
    /// Nobody has said yet which module speaks to the token.
    #[error("the module of the token {} is not known", .0.label)]
    ModuleUnknown(TokenName),
    /// A key that was asked for by its certificate is on no token.
    #[error("no key on the token {} is for such a certificate", .0.label)]
    NoSuchKey(TokenName),
    /// The token, or its module, failed.
    #[error("the token failed: {reason}")]
    Failed {
        /// What the module says; never a secret.
        reason: String,
    },
    /// The module cannot be loaded.
    #[error("the module {} cannot be used: {reason}", path.display())]
    Module {
        /// The library.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The PIN was not right, or there was none.
    #[error("the token {} was not opened", token.label)]
    Pin {
        /// The token.
        token: TokenName,
        /// What happened.
        fault: PinFault,
    },
    /// What there is to take wants its PIN for every single use.
    #[error("a key on the token {} wants its PIN for every single use", .0.label)]
    PinForEachUse(TokenName),
    /// There are several tokens, and none was named.
    #[error("there are several tokens")]
    Several(Vec<TokenName>),
}

/// Why a PIN did not open a token.
#[derive(Clone, Debug)]
pub enum PinFault {
    /// The token is locked: too many wrong ones. Nobody was asked.
    Locked,
    /// None was entered.
    NotEntered(Arc<PinentryError>),
    /// The token has no PIN yet.
    NotSet,
    /// It was wrong.
    Wrong(Tries),
}
