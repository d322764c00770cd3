//! The private key of an operation: in this process, or somewhere that does not give it away.

use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKeyRef, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use zeroize::Zeroizing;

use crate::x509::Certificate;

/// Octets of salt in RSASSA-PSS: those of the digest (RFC 4055 section 3.1).
pub(super) const SALT: u8 = 32;

/// What signs or decrypts.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// A key in this process.
    Here(&'a PKeyRef<Private>),
    /// A key elsewhere: on a token.
    Elsewhere(&'a Arc<dyn DistantKey>),
}

/// A private key that works where it is and is never handed out. It does the one step that takes
/// the key; everything round it (digests, structures, the content) is done here.
pub trait DistantKey: fmt::Debug + Send + Sync {
    /// How it signs.
    ///
    /// # Errors
    /// [`KeyFault`].
    fn scheme(&self) -> Result<SignatureScheme, KeyFault>;

    /// Signs a SHA-256 digest by [`DistantKey::scheme`]. The value is as CMS has it: for ECDSA the
    /// DER of an ECDSA-Sig-Value (RFC 5753 section 2.1.1).
    ///
    /// # Errors
    /// [`KeyFault`].
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, KeyFault>;

    /// Undoes RSA encryption.
    ///
    /// # Errors
    /// [`KeyFault::Declined`] where the padding is wrong.
    fn decrypt(&self, padding: &RsaPadding<'_>, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault>;

    /// The secret that the key shares with the owner of a point on its curve, which is uncompressed
    /// and known to lie there.
    ///
    /// # Errors
    /// [`KeyFault`].
    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault>;
}

/// How a signature is made, always with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// ECDSA (RFC 5753).
    Ecdsa,
    /// RSASSA-PKCS1-v1_5 (RFC 3370 section 3.2).
    RsaPkcs1,
    /// RSASSA-PSS with MGF1 over SHA-256 and 32 octets of salt (RFC 4056).
    RsaPss,
}

/// How a recipient's key receives the content-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTransport {
    /// RSAES-PKCS1-v1_5.
    Rsa,
    /// RSAES-OAEP with SHA-256 (RFC 8017 section 7.1).
    RsaOaep,
    /// ECDH with the X9.63 KDF over SHA-256 (RFC 5753 section 7.1.4).
    Ecdh,
    /// X25519 with HKDF over SHA-256 (RFC 8418).
    X25519,
}

impl KeyTransport {
    /// The word in `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-pkcs1",
            Self::RsaOaep => "rsa-oaep",
            Self::Ecdh => "ecdh",
            Self::X25519 => "x25519",
        }
    }
}

/// How RSA-encrypted octets are padded.
#[derive(Clone)]
pub enum RsaPadding<'a> {
    /// RSAES-OAEP (RFC 4055 section 4).
    Oaep {
        /// Digest of the label.
        hash: MessageDigest,
        /// Digest of the mask.
        mgf: MessageDigest,
        /// The label; usually empty.
        label: &'a [u8],
    },
    /// RSAES-PKCS1-v1_5 (RFC 8017 section 7.2).
    Pkcs1,
}

/// Why a distant key did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It did, and the octets are not what such a key is given.
    #[error("the key declined the octets")]
    Declined,
    /// What holds the key failed.
    #[error("what holds the key failed: {reason}")]
    Failed {
        /// What it says; never a secret.
        reason: String,
    },
    /// What holds the key is not there any more, or does not know us any more.
    #[error("what holds the key is not there any more")]
    Gone,
    /// What holds the key cannot do this.
    #[error("what holds the key cannot do {0}")]
    NotSupported(&'static str),
}

/// Whether a signature by such a key is one over `signed` by the key of this certificate.
pub fn signature_fits(
    signer: &Certificate,
    scheme: SignatureScheme,
    signed: &[u8],
    signature: &[u8],
) -> bool {
    let verify = || -> Result<bool, ErrorStack> {
        let key = signer.x509()?.public_key()?;
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
        if scheme == SignatureScheme::RsaPss {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::from(SALT)))?;
        }
        verifier.verify_oneshot(signature, signed)
    };
    // An error is OpenSSL's other way to say no.
    verify().unwrap_or(false)
}
