//! What went wrong, as both edges say it: a stable code, words for people, an exit status.
//!
//! The layers beneath have error enums that carry facts; the files in this folder turn those
//! facts into a [`Failure`], one file for each layer. Nothing else in the host makes such text.

pub mod dns;
pub mod hindrance;
pub mod record;

mod keys;
mod message;
mod token;

use serde_json::{Map, Value, json};

/// A request or command that could not be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The stable word for it.
    pub code: Code,
    /// One or two sentences: what happened, and what to do. No secrets.
    pub message: String,
    /// Further fields that help a program, such as `recipients`.
    pub details: Map<String, Value>,
}

impl Failure {
    /// A failure without further fields.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Map::new() }
    }

    /// Adds a field for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.details.insert(name.to_owned(), value);
        self
    }

    /// `{"code":…,"message":…,…}`, the value of `error` in contract and wire.
    pub fn to_json(&self) -> Value {
        let mut object = self.details.clone();
        object.insert("code".into(), json!(self.code.word()));
        object.insert("message".into(), json!(self.message));
        Value::Object(object)
    }
}

/// Declares the codes once: variant, word, exit status.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $exit:literal;)*) => {
        /// Stable words for failures, with the exit status each leads to. Append-only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in JSON.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Exit status of the command line: 1 a clean negative, 2 wrong usage or unreadable
            /// input, 3 not trustworthy or not provable, 4 try again later.
            pub const fn exit_status(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }
        }
    };
}

codes! {
    /// The words of the command or the shape of a request are wrong.
    BadRequest = "bad-request", 2;
    /// A file could not be read or is not what it should be.
    UnreadableInput = "unreadable-input", 2;
    /// A file could not be written.
    UnwritableOutput = "unwritable-output", 2;
    /// A text is no mail address.
    InvalidAddress = "invalid-address", 2;
    /// The settings file has an unknown key or a wrong value.
    BadConfiguration = "bad-configuration", 2;
    /// The host does not know this type of request.
    UnknownRequest = "unknown-request", 2;
    /// The host cannot do this yet.
    NotBuilt = "not-built", 2;
    /// Add-on and host have no protocol version in common.
    ProtocolMismatch = "protocol-mismatch", 2;
    /// A frame, a body or a message is larger than allowed.
    TooLarge = "too-large", 2;
    /// The deadline of the request passed.
    Deadline = "deadline", 4;
    /// Too many requests at once.
    Busy = "busy", 4;
    /// The caller cancelled.
    Cancelled = "cancelled", 4;
    /// A part of the host failed in a way it should not have.
    Internal = "internal", 2;
    /// No answer from the DNS that proves anything.
    DnsUnreachable = "dns-unreachable", 4;
    /// An answer from the DNS failed validation.
    DnsBogus = "dns-bogus", 3;
    /// The zone is provably not signed.
    DnsInsecure = "dns-insecure", 3;
    /// The file of trust anchors cannot be used.
    BadTrustAnchor = "bad-trust-anchor", 2;
    /// The resolver's address cannot be used.
    BadResolver = "bad-resolver", 2;
    /// At least one recipient has no certificate that may be used.
    RecipientWithoutCertificate = "recipient-without-certificate", 3;
    /// An encrypted message to blind recipients needs a copy for each.
    BccNeedsOwnCopy = "bcc-needs-own-copy", 2;
    /// The sender has no key that can sign.
    NoSigningKey = "no-signing-key", 1;
    /// The sender has no certificate to encrypt the own copy to.
    NoOwnCertificate = "no-own-certificate", 1;
    /// The sender's own certificate is expired or not yet valid.
    OwnCertificateExpired = "own-certificate-expired", 1;
    /// The certificate does not fit the address.
    CertificateDoesNotFit = "certificate-does-not-fit", 2;
    /// The OS keyring is locked.
    KeyringLocked = "keyring-locked", 4;
    /// There is no OS keyring to be reached.
    KeyringMissing = "keyring-missing", 4;
    /// The keyring does not hold the key-encryption key for the sealed files.
    KeyringEntryMissing = "keyring-entry-missing", 4;
    /// The OS keyring failed in another way.
    KeyringFailed = "keyring-failed", 4;
    /// The sealed files belong to another keyring entry or unlock file.
    SealedOtherwise = "sealed-otherwise", 2;
    /// The password is wrong.
    WrongPassword = "wrong-password", 2;
    /// A key file is damaged or was sealed under another key.
    KeyDamaged = "key-damaged", 2;
    /// No such key is held.
    NoSuchKey = "no-such-key", 1;
    /// The message's structure is not what it has to be.
    BadMessage = "bad-message", 2;
    /// OpenSSL refused an operation.
    CryptoFailed = "crypto-failed", 1;
    /// The OpenSSL in use cannot do this.
    NotSupportedHere = "not-supported-here", 1;
    /// The window that asks for a password did not open or failed.
    PinentryFailed = "pinentry-failed", 4;
    /// A private key without a password came where only an encrypted one may.
    KeyInTheClear = "key-in-the-clear", 2;
    /// The name server did not take the update.
    UpdateRefused = "update-refused", 3;
    /// The audit log cannot be written, so the mail is not protected.
    AuditFailed = "audit-failed", 2;
    /// The DNS lines of a new key could not be handed to whoever publishes them.
    HandOverFailed = "hand-over-failed", 2;
    /// What is to be changed was set by the administrator.
    SetByAdministrator = "set-by-administrator", 2;
    /// The file that was to hold a request's body is not what it has to be.
    BodyFileRefused = "body-file-refused", 2;
    /// The certificate that the sender is to use cannot be used.
    ChosenCertificateUnusable = "chosen-certificate-unusable", 1;
    /// The token with the key is not there.
    TokenMissing = "token-missing", 4;
    /// The token with the key, or its module, failed.
    TokenFailed = "token-failed", 4;
    /// The token wants its PIN, and none was entered.
    PinNeeded = "pin-needed", 4;
    /// The PIN was wrong.
    PinWrong = "pin-wrong", 4;
    /// The token is locked after too many wrong PINs, or has no PIN yet.
    PinLocked = "pin-locked", 4;
    /// The key is on a token, which does not give it away.
    KeyOnToken = "key-on-token", 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_exit_statuses_in_range() {
        let mut words: Vec<_> = Code::ALL.iter().map(|c| c.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|c| (1..=4).contains(&c.exit_status())));
    }

    #[test]
    fn json_has_code_message_and_details() {
        let failure = Failure::new(Code::DnsBogus, "no").with("zone", json!("example.test."));
        assert_eq!(failure.to_json(), json!({"code": "dns-bogus", "message": "no", "zone": "example.test."}));
    }
}
