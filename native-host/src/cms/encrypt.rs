//! Making EnvelopedData and AuthEnvelopedData.

use openssl::symm::Cipher;

use super::key::KeyTransport;
use super::{CmsError, ffi};
use crate::x509::{Capabilities, Capability, Certificate, KeyAlgorithm};

/// RSA keys below this are encrypted to by nobody (RFC 8551 section 4.1).
const MIN_RSA_BITS: u32 = 2048;

/// How content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCipher {
    /// EnvelopedData: every S/MIME program reads it.
    Aes256Cbc,
    /// AuthEnvelopedData (RFC 5084): for those who say that they read it.
    Aes256Gcm,
}

impl ContentCipher {
    /// The best cipher that every recipient is known to read.
    pub fn for_recipients(recipients: &[Recipient<'_>]) -> Self {
        if !recipients.is_empty() && recipients.iter().all(|r| r.reads(Capability::Aes256Gcm)) {
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

    fn openssl(self) -> Cipher {
        match self {
            Self::Aes256Cbc => Cipher::aes_256_cbc(),
            Self::Aes256Gcm => Cipher::aes_256_gcm(),
        }
    }
}

/// Somebody to encrypt to.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    /// Holds the key.
    pub certificate: &'a Certificate,
    /// What is known beside the certificate of what its owner reads.
    pub known: Option<&'a Capabilities>,
}

impl Recipient<'_> {
    /// Whether the owner is known to read this: by the certificate's own extension (RFC 4262;
    /// RFC 8162 section 5), or by what was learned from their mail.
    pub fn reads(&self, capability: Capability) -> bool {
        self.known.is_some_and(|known| known.has(capability))
            || self.certificate.smime_capabilities().is_some_and(|known| known.has(capability))
    }

    /// How the content key is handed over: OAEP to an RSA key whose owner is known to read it, else
    /// PKCS #1 v1.5; ECDH with SHA-256 to P-256, P-384 and P-521.
    ///
    /// # Errors
    /// [`CmsError::NotAnEncryptionKey`].
    pub fn key_transport(&self) -> Result<KeyTransport, CmsError> {
        match self.certificate.key_algorithm() {
            KeyAlgorithm::Rsa(bits) if bits < MIN_RSA_BITS => Err(CmsError::NotAnEncryptionKey),
            KeyAlgorithm::Rsa(_) if self.reads(Capability::RsaesOaep) => Ok(KeyTransport::RsaOaep),
            KeyAlgorithm::Rsa(_) => Ok(KeyTransport::Rsa),
            KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => Ok(KeyTransport::Ecdh),
            _ => Err(CmsError::NotAnEncryptionKey),
        }
    }
}

/// An EnvelopedData or AuthEnvelopedData under way: content goes in piece by piece, the object
/// comes out as it grows, in BER of indefinite length.
pub struct EncryptedStream(ffi::Growing);

impl EncryptedStream {
    /// Makes a content key and encrypts it to each recipient.
    ///
    /// Not checked: whether the certificates are the recipients', proven, or valid now.
    ///
    /// # Errors
    /// [`CmsError::NotAnEncryptionKey`], [`CmsError::NoContent`] for no recipients at all,
    /// [`CmsError::Openssl`].
    pub fn begin(recipients: &[Recipient<'_>], cipher: ContentCipher) -> Result<Self, CmsError> {
        if recipients.is_empty() {
            return Err(CmsError::NoContent);
        }
        let infos = recipients
            .iter()
            .map(|recipient| {
                let certificate = recipient.certificate.x509().map_err(CmsError::Openssl)?;
                Ok(ffi::Recipient { certificate, transport: recipient.key_transport()? })
            })
            .collect::<Result<Vec<_>, CmsError>>()?;
        ffi::encrypt(&infos, cipher.openssl()).map(Self).map_err(CmsError::Openssl)
    }

    /// Takes the next piece, and appends to `out` what is ready of the object.
    ///
    /// # Errors
    /// [`CmsError::Openssl`]; the object is worthless after it.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.push(content, out).map_err(CmsError::Openssl)
    }

    /// Ends the content, and appends the rest of the object to `out`.
    ///
    /// # Errors
    /// [`CmsError::Openssl`].
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.finish(out).map(|_| ())
    }
}

/// Encrypts `content`, which is all there.
///
/// # Errors
/// As [`EncryptedStream`].
pub fn encrypt(
    content: &[u8],
    recipients: &[Recipient<'_>],
    cipher: ContentCipher,
) -> Result<Vec<u8>, CmsError> {
    let mut object = Vec::new();
    let mut stream = EncryptedStream::begin(recipients, cipher)?;
    stream.push(content, &mut object)?;
    stream.finish(&mut object)?;
    Ok(object)
}
