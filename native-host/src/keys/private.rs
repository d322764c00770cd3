//! Private keys in memory.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use zeroize::Zeroizing;

use crate::x509::Certificate;

/// A private key, unsealed. OpenSSL wipes its memory when the last holder drops it; it has no
/// printed form, and leaves this process in no way but through [`super::KeyStore`].
pub struct PrivateKey(PKey<Private>);

impl PrivateKey {
    pub(super) fn new(key: PKey<Private>) -> Self {
        Self(key)
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, ErrorStack> {
        PKey::private_key_from_pkcs8(der).map(Self)
    }

    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        self.0.private_key_to_pkcs8().map(Zeroizing::new)
    }

    pub(super) fn spki_der(&self) -> Result<Vec<u8>, ErrorStack> {
        self.0.public_key_to_der()
    }

    /// OpenSSL's view, for signing and decrypting.
    pub fn pkey(&self) -> &PKeyRef<Private> {
        &self.0
    }

    /// Whether the certificate holds this key's public half.
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        certificate.x509().public_key().is_ok_and(|public: PKey<Public>| self.0.public_eq(&public))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
