//! Making and opening EnvelopedData and AuthEnvelopedData.

use openssl::pkey::{PKeyRef, Private};
use openssl::symm::Cipher;

use super::{CmsError, CmsObject, ObjectType, ffi};
use crate::x509::{Capability, Certificate, KeyAlgorithm};

/// How content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCipher {
    /// EnvelopedData: every S/MIME program reads it.
    Aes256Cbc,
    /// AuthEnvelopedData (RFC 5084): for those who say that they read it.
    Aes256Gcm,
}

impl ContentCipher {
    /// The best cipher that every recipient is known to read, from what their certificates say
    /// (RFC 4262; RFC 8162 section 5).
    pub fn for_recipients(recipients: &[&Certificate]) -> Self {
        let reads_gcm =
            |c: &&Certificate| c.smime_capabilities().is_some_and(|known| known.has(Capability::Aes256Gcm));
        if !recipients.is_empty() && recipients.iter().all(reads_gcm) {
            Self::Aes256Gcm
        } else {
            Self::Aes256Cbc
        }
    }

    /// The name in `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Cbc => "aes-256-cbc",
            Self::Aes256Gcm => "aes-256-gcm",
        }
    }
}

/// A finished encrypted object.
pub struct Encrypted {
    /// DER.
    pub der: Vec<u8>,
    /// How the content is encrypted.
    pub cipher: ContentCipher,
}

/// Encrypts `content` to each certificate. RSA keys get OAEP where the certificate says that its
/// owner reads it, else PKCS #1 v1.5; P-256, P-384 and P-521 keys ECDH with SHA-256.
///
/// Not checked: whether the certificates are the recipients', proven, or valid now.
///
/// # Errors
/// [`CmsError::NotAnEncryptionKey`], [`CmsError::NoContent`] for no recipients at all,
/// [`CmsError::Openssl`].
pub fn encrypt(
    content: &[u8],
    recipients: &[&Certificate],
    cipher: ContentCipher,
) -> Result<Encrypted, CmsError> {
    if recipients.is_empty() {
        return Err(CmsError::NoContent);
    }
    let infos = recipients
        .iter()
        .map(|certificate| {
            Ok(ffi::Recipient { certificate: certificate.x509(), transport: transport(certificate)? })
        })
        .collect::<Result<Vec<_>, CmsError>>()?;
    let openssl_cipher = match cipher {
        ContentCipher::Aes256Cbc => Cipher::aes_256_cbc(),
        ContentCipher::Aes256Gcm => Cipher::aes_256_gcm(),
    };
    let der = ffi::encrypt(content, &infos, openssl_cipher)
        .and_then(|cms| cms.to_der())
        .map_err(CmsError::Openssl)?;
    Ok(Encrypted { der, cipher })
}

fn transport(certificate: &Certificate) -> Result<ffi::Transport, CmsError> {
    match certificate.key_algorithm() {
        KeyAlgorithm::Rsa(_) => {
            let reads_oaep =
                certificate.smime_capabilities().is_some_and(|known| known.has(Capability::RsaesOaep));
            Ok(if reads_oaep { ffi::Transport::RsaOaep } else { ffi::Transport::Rsa })
        }
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => Ok(ffi::Transport::Ecdh),
        _ => Err(CmsError::NotAnEncryptionKey),
    }
}

/// Decrypts with the key that belongs to `certificate`, which the object must name
/// ([`CmsObject::is_for`]). All of the content is returned or none of it; for AuthEnvelopedData it
/// is authentic, for EnvelopedData it may have been changed.
///
/// # Errors
/// [`CmsError::DecryptionFailed`] whatever the cause: which one it was would help an attacker who
/// can make us decrypt, and OpenSSL does not always say it. [`CmsError::WrongType`].
pub fn decrypt(
    object: &CmsObject,
    certificate: &Certificate,
    key: &PKeyRef<Private>,
) -> Result<Vec<u8>, CmsError> {
    if !matches!(object.object_type(), ObjectType::Enveloped | ObjectType::AuthEnveloped) {
        return Err(CmsError::WrongType);
    }
    object.inner.decrypt(key, &certificate.x509().to_owned()).map_err(|_| CmsError::DecryptionFailed)
}
