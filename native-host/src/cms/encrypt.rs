//! Making EnvelopedData and AuthEnvelopedData.

use openssl::symm::Cipher;

use super::key::KeyTransport;
use super::x25519::{Replacing, StandIn};
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
    /// PKCS #1 v1.5; ECDH with SHA-256 to P-256, P-384, P-521 and X25519.
    ///
    /// # Errors
    /// [`CmsError::NotAnEncryptionKey`].
    pub fn key_transport(&self) -> Result<KeyTransport, CmsError> {
        match self.certificate.key_algorithm() {
            KeyAlgorithm::Rsa(bits) if bits < MIN_RSA_BITS => Err(CmsError::NotAnEncryptionKey),
            KeyAlgorithm::Rsa(_) if self.reads(Capability::RsaesOaep) => Ok(KeyTransport::RsaOaep),
            KeyAlgorithm::Rsa(_) => Ok(KeyTransport::Rsa),
            KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => Ok(KeyTransport::Ecdh),
            KeyAlgorithm::X25519 => Ok(KeyTransport::X25519),
            _ => Err(CmsError::NotAnEncryptionKey),
        }
    }
}

/// An EnvelopedData or AuthEnvelopedData under way: content goes in piece by piece, the object
/// comes out as it grows, in BER of indefinite length.
pub struct EncryptedStream {
    growing: ffi::Growing,
    replacing: Replacing,
}

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
        let (mut infos, mut stand_ins) = (Vec::new(), Vec::new());
        for recipient in recipients {
            match recipient.key_transport()? {
                KeyTransport::X25519 => stand_ins.push(StandIn::for_owner_of(recipient.certificate)?),
                transport => {
                    let certificate = recipient.certificate.x509().map_err(CmsError::Openssl)?;
                    infos.push(ffi::Recipient { certificate, transport });
                }
            }
        }
        let growing = ffi::encrypt(&infos, &stand_ins, cipher.openssl()).map_err(CmsError::Openssl)?;
        Ok(Self { growing, replacing: Replacing::new(stand_ins) })
    }

    /// Takes the next piece, and appends to `out` what is ready of the object.
    ///
    /// # Errors
    /// [`CmsError::Openssl`]; the object is worthless after it.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        if self.replacing.is_done() {
            return self.growing.push(content, out).map_err(CmsError::Openssl);
        }
        let mut ready = Vec::new();
        self.growing.push(content, &mut ready).map_err(CmsError::Openssl)?;
        self.replacing.pass(&ready, out)
    }

    /// Ends the content, and appends the rest of the object to `out`.
    ///
    /// # Errors
    /// [`CmsError::Openssl`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), CmsError> {
        let mut ready = Vec::new();
        self.growing.finish(&mut ready)?;
        self.replacing.pass(&ready, out)?;
        self.replacing.finish()
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
