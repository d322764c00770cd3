//! Failures of keys, in words.

use serde_json::json;

use super::{Code, Failure};
use crate::keys::{
    BackupError, ImportError, IssueError, KeyError, KeyringAbsence, NoneUsable, Purpose, SealedBy,
};
use crate::pinentry::PinentryError;
use crate::x509::Fitness;

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::AddressDoesNotFit { address } => Self::new(
                Code::CertificateDoesNotFit,
                format!("The certificate is made out to other addresses than {address}, so it cannot serve that one."),
            ),
            KeyError::AddressMissing => Self::new(
                Code::CertificateDoesNotFit,
                "The certificate names no mail address. Say whose it is with --address.",
            ),
            KeyError::Backup(error) => error.into(),
            KeyError::Crypto(stack) => {
                tracing::error!(%stack, "OpenSSL failed at a key");
                Self::new(Code::CryptoFailed, "The cryptographic library failed. Nothing was changed.")
            }
            KeyError::Damaged { file } => Self::new(
                Code::KeyDamaged,
                format!("{} is damaged. Put back a copy from a backup, or import the key again.", file.display()),
            ),
            KeyError::FromTheFuture { file } => Self::new(
                Code::KeyDamaged,
                format!("{} was written by a newer version of this program. Install that one.", file.display()),
            ),
            KeyError::Import(error) => error.into(),
            KeyError::Issue(error) => error.into(),
            KeyError::KeyringEntryMissing { folder, sealed } => Self::new(
                Code::KeyringEntryMissing,
                format!(
                    "The keyring is open, but the entry that unlocks your private keys is not in it. If you changed or \
                     reset your keyring, restore the old one. If that is lost, rename the folder {}, so that a new one can \
                     be begun, and take your keys out of a backup again. Nothing was changed.",
                    folder.display()
                ),
            )
            .with("sealed", json!(sealed)),
            KeyError::KeyringFailed { reason } => {
                Self::new(Code::KeyringFailed, format!("The keyring could not do what was asked: {reason}."))
            }
            KeyError::KeyringLocked => {
                Self::new(Code::KeyringLocked, "Your keyring is locked. Unlock it, then try again.")
            }
            KeyError::KeyringMissing(KeyringAbsence::NoCollection) => Self::new(
                Code::KeyringMissing,
                "There is no keyring yet to keep the keys’ secret in. Make one (“Passwords and Keys”, or log in to \
                 your desktop once with a password), then try again. On a server, use --unlock-file.",
            ),
            KeyError::KeyringMissing(KeyringAbsence::NoService) => Self::new(
                Code::KeyringMissing,
                "No keyring answers in this session. Start one (gnome-keyring, KWallet), then try again. On a \
                 server, use --unlock-file.",
            ),
            KeyError::NoKeyForCertificates => Self::new(
                Code::NoSuchKey,
                "The certificate belongs to none of the keys held here. It must be the answer to a request made \
                 with this data directory.",
            ),
            KeyError::NoSuchKey(fingerprint) => {
                Self::new(Code::NoSuchKey, format!("No key is held for the certificate {fingerprint}."))
            }
            KeyError::NoUsableKey { address, purpose, why, fitness } => Self::new(
                match (why, purpose) {
                    (NoneUsable::Expired | NoneUsable::NotYetValid, _) => Code::OwnCertificateExpired,
                    (_, Purpose::Sign) => Code::NoSigningKey,
                    (_, Purpose::Encrypt) => Code::NoOwnCertificate,
                },
                none_usable(&address.to_string(), purpose, why, fitness),
            )
            .with("address", json!(address.to_string())),
            KeyError::OnToken => Self::new(
                Code::KeyOnToken,
                "The key is on a token, which never gives it away. It can be used wherever the token is.",
            ),
            KeyError::PasswordHasNul => Self::new(Code::BadRequest, "A password cannot have a NUL character."),
            KeyError::SealedOtherwise { by: SealedBy::Keyring, tried: SealedBy::UnlockFile } => Self::new(
                Code::SealedOtherwise,
                "The keys in this data directory are sealed with the keyring, not with an unlock file. Leave \
                 --unlock-file out.",
            ),
            KeyError::SealedOtherwise { by: SealedBy::UnlockFile, tried: SealedBy::Keyring } => Self::new(
                Code::SealedOtherwise,
                "The keys in this data directory are sealed with an unlock file. Give it with --unlock-file.",
            ),
            KeyError::SealedOtherwise { by: SealedBy::UnlockFile, .. } => Self::new(
                Code::SealedOtherwise,
                "This unlock file is not the one that the keys in this data directory are sealed with.",
            ),
            KeyError::SealedOtherwise { by: SealedBy::Keyring, .. } => Self::new(
                Code::SealedOtherwise,
                "The keyring’s entry is not the one that the keys in this data directory are sealed with.",
            ),
            KeyError::Token(error) => error.into(),
            KeyError::TokenKey(fault) => fault.into(),
            KeyError::Unreadable { path, reason } => {
                Self::new(Code::UnreadableInput, format!("{} cannot be read: {reason}.", path.display()))
            }
            KeyError::Unwritable { path, reason } => {
                Self::new(Code::UnwritableOutput, format!("{} cannot be written: {reason}.", path.display()))
            }
            KeyError::UnlockFileTooShort { file } => Self::new(
                Code::UnreadableInput,
                format!("{} is too short: an unlock file needs 32 octets or more, a last newline not counted.", file.display()),
            ),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let (code, words) = match error {
            BackupError::Damaged => {
                (Code::KeyDamaged, "The backup is damaged, so nothing was taken from it. Try another copy.")
            }
            BackupError::FromTheFuture => (
                Code::KeyDamaged,
                "The backup was written by a newer version of this program. Install that one.",
            ),
            BackupError::NoKeys => (Code::NoSuchKey, "There is no key yet, so no backup was made."),
            BackupError::NotABackup => {
                return unfit("no-backup", "The file is not a backup of keys that this program made.");
            }
            BackupError::WrongPassword => (Code::WrongPassword, "The password does not open the backup."),
        };
        Self::new(code, words)
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        let code = match error {
            IssueError::OtherDomain { .. } | IssueError::NotAllowed(_) => Code::CertificateDoesNotFit,
            IssueError::NotAnAuthority | IssueError::AuthorityOver => Code::BadRequest,
            _ => Code::UnreadableInput,
        };
        Self::new(code, format!("No certificate was made: {error}."))
    }
}

impl From<PinentryError> for Failure {
    fn from(error: PinentryError) -> Self {
        match error {
            PinentryError::Cancelled => {
                Self::new(Code::Cancelled, "No password was entered, so nothing was done.")
            }
            PinentryError::Failed { reason } => Self::new(
                Code::PinentryFailed,
                format!("The window for the password did not open or failed: {reason}. Try again."),
            ),
            PinentryError::Missing => Self::new(
                Code::PinentryFailed,
                "There is no program on this computer that asks for passwords. Install one (pinentry-gnome3, \
                 pinentry-qt), then try again.",
            ),
        }
    }
}

/// A file that somebody picked is not one that would do; `file` says in what way, for other languages.
fn unfit(file: &str, words: &str) -> Failure {
    Failure::new(Code::UnreadableInput, words).with("file", json!(file))
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let (code, words) = match error {
            ImportError::CertificateUnreadable => (
                Code::NotSupportedHere,
                "The certificate in the file does not keep to the standard (in its dates or its encoding, for instance), \
                 so others would not accept it either. Ask whoever issued it for another one.",
            ),
            ImportError::Damaged => {
                (Code::KeyDamaged, "The file is damaged, so no key could be read from it.")
            }
            ImportError::NeedsLegacyProvider => (
                Code::NotSupportedHere,
                "The file is encrypted in an old way that this computer’s OpenSSL has no module for (the legacy \
                 provider). Export the key again with a newer program, or install that module.",
            ),
            ImportError::NoCertificate => {
                return unfit(
                    "no-certificate-for-key",
                    "The file holds a private key, but no certificate that belongs to it.",
                );
            }
            ImportError::NoKey => return unfit("no-key", "The file holds no private key."),
            ImportError::NotACertificate => {
                return unfit("no-certificate", "The file holds no certificate (PEM, DER, or PKCS#7).");
            }
            ImportError::NotAKeyFile => {
                return unfit("no-key-file", "The file is neither PKCS#12 (.p12, .pfx) nor PEM.");
            }
            ImportError::NoMac => (
                Code::NotSupportedHere,
                "The file has no checksum (MAC) that would tell a wrong password or a damaged file. Export the key \
                 again with one.",
            ),
            ImportError::TooMuchWork => (
                Code::NotSupportedHere,
                "The file asks for so much work, or memory, before its password opens it that it was left closed. Export \
                 the key again with the usual settings (a million iterations are plenty).",
            ),
            ImportError::UnknownEncryption => {
                (Code::NotSupportedHere, "The file is encrypted in a way that OpenSSL does not know.")
            }
            ImportError::WrongPassword => (
                Code::WrongPassword,
                "The password does not open the file. (A file that was damaged can look the same.)",
            ),
        };
        Self::new(code, words)
    }
}

fn none_usable(address: &str, purpose: Purpose, why: NoneUsable, fitness: Option<Fitness>) -> String {
    let doing = match purpose {
        Purpose::Sign => "sign mail",
        Purpose::Encrypt => "encrypt your own copy of mail",
    };
    match why {
        NoneUsable::NoneHeld => {
            format!("There is no key for {address} to {doing} with. Make one or import one.")
        }
        NoneUsable::Retired => {
            format!("Every key for {address} is retired, so none can {doing}. Make a new one or import one.")
        }
        NoneUsable::NotFit => {
            let reason = fitness.map_or("it is not made for this", against);
            format!("The certificate of {address} cannot be used to {doing}: {reason}.")
        }
        NoneUsable::NotYetValid => format!(
            "The certificate of {address} is not valid yet, so it cannot {doing}. Check the date of this computer."
        ),
        NoneUsable::Expired => {
            format!(
                "The certificate of {address} has expired, so it cannot {doing}. Make a new one or import one."
            )
        }
    }
}

/// What stands against a certificate, as the rest of a sentence.
pub(crate) fn against(fitness: Fitness) -> &'static str {
    match fitness {
        Fitness::Fit => "nothing stands against it",
        Fitness::ForeignExtension => "it has a critical part that this program does not understand",
        Fitness::NotForMail => "it is not made for mail",
        Fitness::NotThisUsage => "its key usage does not allow it",
        Fitness::Unreadable => "this computer’s OpenSSL cannot read it",
        Fitness::UnsupportedKey(_) => "this computer’s OpenSSL cannot use its kind of key for that",
        Fitness::WeakKey(_) => "its key is too short to be safe",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{read_certificates, read_key_file};

    #[test]
    fn a_file_that_would_not_do_is_told_for_what_it_is() {
        for content in [b"".as_slice(), b"Dear authority,\n", b"\x89PNG\r\n\x1a\n", b"\x30\x03\x02\x01\x00"] {
            let failure = Failure::from(read_certificates(content).unwrap_err());
            assert_eq!(failure.code, Code::UnreadableInput);
            assert_eq!(failure.details["file"], "no-certificate");
            assert!(!failure.message.contains("private key"), "{}", failure.message);
        }
        let failure = Failure::from(read_key_file(b"Dear authority,\n", "").err().unwrap());
        assert_eq!((failure.code, &failure.details["file"]), (Code::UnreadableInput, &json!("no-key-file")));
    }
}
