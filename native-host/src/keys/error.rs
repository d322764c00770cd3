//! What can go wrong with keys.

use std::path::PathBuf;

use openssl::error::ErrorStack;

use super::token::TokenError;
use crate::cms::KeyFault;
use crate::mime::EmailAddress;
use crate::x509::{Fingerprint, Fitness, KeyAlgorithm};

/// Which secret seals the keys of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealedBy {
    /// A random key in the OS keyring.
    Keyring,
    /// A key derived from an unlock file.
    UnlockFile,
}

/// Why there is no keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringAbsence {
    /// The service runs, and has no collection to put a secret into: nobody made a keyring yet.
    NoCollection,
    /// No service answers (on Linux: no session bus, or nothing on it that keeps secrets).
    NoService,
}

/// What a key was wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Encrypt the sender's own copy.
    Encrypt,
    /// Sign.
    Sign,
}

impl Purpose {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Encrypt => Self::Sign,
            Self::Sign => Self::Encrypt,
        }
    }
}

/// Why none of the keys held for an address will do; of several reasons, that of the key which
/// came closest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoneUsable {
    /// None is held.
    NoneHeld,
    /// All are retired.
    Retired,
    /// The certificate does not allow this use; see [`Fitness`].
    NotFit,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate has expired.
    Expired,
}

/// Why a key could not be stored, found or unsealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The certificate names addresses, and not this one.
    #[error("the certificate does not name {address}")]
    AddressDoesNotFit {
        /// The address that was asked for.
        address: EmailAddress,
    },
    /// The certificate names no address, and none was given.
    #[error("the certificate names no mail address")]
    AddressMissing,
    /// There is nothing to back up, or the file is no backup that can be taken in.
    #[error("there is nothing to back up or to restore: {0}")]
    Backup(#[from] BackupError),
    /// OpenSSL failed at something that should work.
    #[error("OpenSSL failed: {0}")]
    Crypto(#[from] ErrorStack),
    /// A file of the store is not what was written there.
    #[error("{file} is damaged")]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// A file of the store was written by a newer version.
    #[error("{file} was written by a newer version")]
    FromTheFuture {
        /// The file.
        file: PathBuf,
    },
    /// The file to import holds no key with its certificate that can be read.
    #[error("there is nothing to import: {0}")]
    Import(#[from] ImportError),
    /// A request for a certificate cannot be granted.
    #[error("no certificate is made: {0}")]
    Issue(#[from] IssueError),
    /// The keyring does not hold the key for the sealed files here. Never answered by making a
    /// new one: the files would be lost.
    #[error("the keyring does not hold the key for the {sealed} sealed files")]
    KeyringEntryMissing {
        /// Where they are.
        folder: PathBuf,
        /// How many sealed files wait for it.
        sealed: usize,
    },
    /// The keyring failed in another way.
    #[error("the keyring failed: {reason}")]
    KeyringFailed {
        /// What the keyring's library says; never a secret.
        reason: String,
    },
    /// The keyring is locked and was not unlocked when asked.
    #[error("the keyring is locked")]
    KeyringLocked,
    /// There is no keyring to be reached.
    #[error("there is no keyring")]
    KeyringMissing(KeyringAbsence),
    /// None of the certificates belongs to a key that is held.
    #[error("none of the certificates belongs to a key that is held")]
    NoKeyForCertificates,
    /// No key is held whose certificate has this fingerprint.
    #[error("no key is held for the certificate {0}")]
    NoSuchKey(Fingerprint),
    /// No key of this address will do.
    #[error("no key of {address} will do")]
    NoUsableKey {
        /// The address.
        address: EmailAddress,
        /// What it was wanted for.
        purpose: Purpose,
        /// Why none will do.
        why: NoneUsable,
        /// With [`NoneUsable::NotFit`]: what is against the certificate.
        fitness: Option<Fitness>,
    },
    /// The key is on a token, which does not give it away.
    #[error("the key is on a token")]
    OnToken,
    /// A password has a NUL, which PKCS#12 cannot take.
    #[error("the password has a NUL character")]
    PasswordHasNul,
    /// The secret at hand is not the one that these keys are sealed with.
    #[error("the keys are sealed with another secret")]
    SealedOtherwise {
        /// What seals them.
        by: SealedBy,
        /// What was at hand.
        tried: SealedBy,
    },
    /// A token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A key on a token did not do its part.
    #[error(transparent)]
    TokenKey(#[from] KeyFault),
    /// A file or directory could not be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file or directory could not be written.
    #[error("{path} cannot be written: {reason}")]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The unlock file has less than 32 octets.
    #[error("{file} is too short to be a secret")]
    UnlockFileTooShort {
        /// The file.
        file: PathBuf,
    },
}

/// Why a backup cannot be made or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It is not as it was written.
    #[error("the backup is damaged")]
    Damaged,
    /// A newer version wrote it.
    #[error("the backup was written by a newer version")]
    FromTheFuture,
    /// There is nothing to put into one.
    #[error("there are no keys")]
    NoKeys,
    /// It is something else.
    #[error("the file is no backup")]
    NotABackup,
    /// The password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
}

/// Why an authority makes no certificate for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The authority is retired, or its certificate is not valid now.
    #[error("the authority is retired, or its certificate has expired or is not valid yet")]
    AuthorityOver,
    /// The signature in it is not by its own key.
    #[error("the request is not signed by its key")]
    BadSignature,
    /// It asks for no mail address.
    #[error("the request names no mail address")]
    NoAddress,
    /// The key that is to sign is no authority's.
    #[error("the key is no authority's")]
    NotAnAuthority,
    /// It asks for an address that its user was not said to have.
    #[error("the request asks also for {0}; if that is the same user's, name it with --address, too")]
    NotAllowed(EmailAddress),
    /// It is no PKCS#10 request.
    #[error("the file is no certificate request")]
    NotARequest,
    /// It asks for an address that is not of the authority's domain.
    #[error("the authority is for {domain} and not for {address}")]
    OtherDomain {
        /// The address asked for.
        address: EmailAddress,
        /// The authority's domain.
        domain: String,
    },
    /// Its key is one that mail cannot be both signed with and encrypted to, or a weak one.
    #[error("its key ({0}) will not do: it must be RSA with 2048 to 4096 bits, P-256, P-384 or P-521")]
    UnfitKey(KeyAlgorithm),
}

/// Why a file cannot be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A certificate in it is not as RFC 5280 has certificates, and none that is belongs to the key.
    #[error("the certificate in the file does not keep to the standard")]
    CertificateUnreadable,
    /// The structure is PKCS#12 or PEM, and broken.
    #[error("the file is damaged")]
    Damaged,
    /// Neither PKCS#12 nor PEM.
    #[error("the file is neither PKCS#12 nor PEM")]
    NotAKeyFile,
    /// There is no certificate at all.
    #[error("the file holds no certificate")]
    NotACertificate,
    /// There is no certificate that belongs to the key.
    #[error("the file holds no certificate that belongs to its key")]
    NoCertificate,
    /// PKCS#12 without a MAC.
    #[error("the file has no MAC")]
    NoMac,
    /// There is no private key.
    #[error("the file holds no private key")]
    NoKey,
    /// The file is encrypted in an old way, and OpenSSL's legacy provider is not installed.
    #[error("the file's old encryption needs OpenSSL's legacy provider")]
    NeedsLegacyProvider,
    /// Its password is to be worked into a key for a minute or longer, or with more memory than there is for that.
    #[error("the file asks for too much work before it opens")]
    TooMuchWork,
    /// The file is encrypted in a way that OpenSSL does not know.
    #[error("OpenSSL does not know the file's encryption")]
    UnknownEncryption,
    /// The password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
}
