//! What is told of a key in a list, without its certificate.

use super::error::Purpose;
use super::held::{Candidate, HeldKey};
use super::token::TokenName;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::Fingerprint;

/// A held key as a list shows it. Reading a certificate costs a fifth of a millisecond; the store
/// keeps these facts of each, so that a thousand keys are listed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFacts {
    /// The address that the key was made or imported for.
    pub address: EmailAddress,
    /// The addresses that the certificate names.
    pub names: Vec<EmailAddress>,
    /// The certificate.
    pub sha256: Fingerprint,
    /// The kind of key.
    pub algorithm: String,
    /// The certificate's first moment.
    pub not_before: UnixTime,
    /// Its last.
    pub not_after: UnixTime,
    /// Whether it is made for signing mail.
    pub can_sign: bool,
    /// Whether mail may be encrypted to it.
    pub can_encrypt: bool,
    /// The token that has the private key, if one has.
    pub token: Option<TokenName>,
    /// Kept for old mail, used for nothing new.
    pub retired: bool,
    /// When it will be, where that has been settled.
    pub retires: Option<UnixTime>,
    /// The one that signs for [`KeyFacts::address`].
    pub selected_sign: bool,
    /// The one that mail from [`KeyFacts::address`] is encrypted to beside its recipients.
    pub selected_encrypt: bool,
}

impl KeyFacts {
    /// The addresses that the key is one of: its own, and those that the certificate names beside it.
    pub fn serves(&self) -> impl Iterator<Item = &EmailAddress> {
        let others = self.names.iter().filter(|name| **name != self.address);
        std::iter::once(&self.address).chain(others)
    }
}

impl From<&HeldKey> for KeyFacts {
    fn from(key: &HeldKey) -> Self {
        let certificate = &key.certificate;
        Self {
            address: key.address.clone(),
            names: certificate.email_addresses().to_vec(),
            sha256: certificate.sha256(),
            algorithm: certificate.key_algorithm().to_string(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            can_sign: certificate.can_sign(),
            can_encrypt: certificate.can_encrypt(),
            token: key.token.clone(),
            retired: key.retired,
            retires: key.retires,
            selected_sign: key.selected_sign,
            selected_encrypt: key.selected_encrypt,
        }
    }
}

impl Candidate for KeyFacts {
    fn own_address(&self) -> &EmailAddress {
        &self.address
    }

    fn is_of(&self, address: &EmailAddress) -> bool {
        let same = |named: &EmailAddress| {
            named.domain() == address.domain() && named.local().eq_ignore_ascii_case(address.local())
        };
        self.address == *address || self.names.iter().any(same)
    }

    fn named(&self) -> &[EmailAddress] {
        &self.names
    }

    fn is_fit(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Encrypt => self.can_encrypt,
            Purpose::Sign => self.can_sign,
        }
    }

    fn period(&self) -> (UnixTime, UnixTime) {
        (self.not_before, self.not_after)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }

    fn fingerprint(&self) -> Fingerprint {
        self.sha256
    }

    fn mark(&mut self, sign: bool, encrypt: bool) {
        (self.selected_sign, self.selected_encrypt) = (sign, encrypt);
    }
}
