//! Private keys, ready for use.

use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::x509::X509Ref;
use zeroize::Zeroizing;

use super::error::KeyError;
use crate::cms::{DistantKey, Key};
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
        let public = certificate.x509().and_then(X509Ref::public_key);
        public.is_ok_and(|public: PKey<Public>| self.0.public_eq(&public))
    }
}

/// A key that can be used now, wherever it is.
#[derive(Clone, Debug)]
pub enum UsableKey {
    /// On a token that is open.
    OnToken(Arc<dyn DistantKey>),
    /// In this process, unsealed.
    Unsealed(Arc<PrivateKey>),
}

impl UsableKey {
    /// As cryptography takes it.
    pub fn for_cms(&self) -> Key<'_> {
        match self {
            Self::OnToken(key) => Key::Elsewhere(key),
            Self::Unsealed(key) => Key::Here(key.pkey()),
        }
    }

    /// The key itself.
    ///
    /// # Errors
    /// [`KeyError::OnToken`].
    pub fn unsealed(&self) -> Result<&PrivateKey, KeyError> {
        match self {
            Self::OnToken(_) => Err(KeyError::OnToken),
            Self::Unsealed(key) => Ok(key),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
