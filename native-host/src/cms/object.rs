//! A CMS object, read once.

use openssl::cms::CmsContentInfo;

use super::inspect::{self, ContentEncryption};
use super::{CmsError, ffi};
use crate::x509::Certificate;

/// Most SignerInfos or RecipientInfos an object may name. A list of a thousand encrypts to each
/// subscriber; a signature by more than a handful is nobody's honest mail.
const MAX_SIGNERS: usize = 32;
const MAX_RECIPIENTS: usize = 2_000;
/// Most certificates that are looked at for a path from a signer to an authority.
const MAX_CERTIFICATES: usize = 100;
/// Most certificates that are read at all: OpenSSL 3.0 takes a millisecond for the key of each.
const MAX_CARRIED: usize = 1_000;
/// Octets of an object in whose encoding they cannot be counted: few enough to be of no matter.
const MAX_UNCOUNTED: usize = 1024 * 1024;

/// A CMS object of any type.
pub struct CmsObject {
    pub(super) inner: CmsContentInfo,
    pub(super) encryption: ContentEncryption,
    object_type: ObjectType,
}

/// The number of digestAlgorithms. Where they are encoded as nobody honest does, as OpenSSL understood them.
fn digest_count(octets: &[u8], inner: &CmsContentInfo) -> Result<usize, CmsError> {
    let again = || inspect::digest_algorithms(&inner.to_der().ok()?);
    inspect::digest_algorithms(octets).or_else(again).ok_or(CmsError::NotCms)
}

/// Object identifiers of RFC 5652, RFC 5083 and RFC 3274.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectType {
    /// AuthEnvelopedData: encrypted, and changes are noticed.
    AuthEnveloped,
    /// CompressedData.
    Compressed,
    /// EnvelopedData: encrypted, changes may go unnoticed.
    Enveloped,
    /// SignedData.
    Signed,
    /// Any other, by its object identifier.
    Other(String),
}

impl CmsObject {
    /// Reads a ContentInfo in BER or DER. What follows it is not looked at.
    ///
    /// # Errors
    /// [`CmsError::NotCms`], [`CmsError::TooManySigners`], [`CmsError::TooManyRecipients`].
    pub fn parse(octets: &[u8]) -> Result<Self, CmsError> {
        let is_endless = |count| count > MAX_CARRIED;
        if inspect::certificates(octets).map_or(octets.len() > MAX_UNCOUNTED, is_endless) {
            return Err(CmsError::NotCms);
        }
        let renumbered = || CmsContentInfo::from_der(&inspect::as_openssl_numbers(octets)?).ok();
        let inner = CmsContentInfo::from_der(octets).ok().or_else(renumbered).ok_or(CmsError::NotCms)?;
        let oid = ffi::object_type(&inner).ok_or(CmsError::NotCms)?.to_string();
        let object_type = match oid.as_str() {
            "1.2.840.113549.1.7.2" | "pkcs7-signedData" => ObjectType::Signed,
            "1.2.840.113549.1.7.3" | "pkcs7-envelopedData" => ObjectType::Enveloped,
            "1.2.840.113549.1.9.16.1.9" | "id-smime-ct-compressedData" => ObjectType::Compressed,
            "1.2.840.113549.1.9.16.1.23" | "id-smime-ct-authEnvelopedData" => ObjectType::AuthEnveloped,
            _ => ObjectType::Other(oid),
        };
        let signers = ffi::signer_count(&inner).unwrap_or(0);
        let recipients = ffi::recipient_count(&inner).unwrap_or(0);
        let digests = match object_type {
            ObjectType::Signed => digest_count(octets, &inner)?,
            _ => 0,
        };
        if signers.max(digests) > MAX_SIGNERS {
            return Err(CmsError::TooManySigners(signers.max(digests)));
        }
        if recipients > MAX_RECIPIENTS {
            return Err(CmsError::TooManyRecipients(recipients));
        }
        Ok(Self { inner, encryption: inspect::content_encryption(octets), object_type })
    }

    /// What the object is.
    pub fn object_type(&self) -> &ObjectType {
        &self.object_type
    }

    /// The certificates that the object carries and that can be read: the first hundred. They prove nothing.
    pub fn certificates(&self) -> Vec<Certificate> {
        let carried = ffi::certificates(&self.inner);
        let der = carried.iter().flatten().take(MAX_CERTIFICATES).filter_map(|c| c.to_der().ok());
        der.filter_map(|der| Certificate::from_der(&der).ok()).collect()
    }

    /// Whether a RecipientInfo names this certificate.
    pub fn is_for(&self, certificate: &Certificate) -> bool {
        certificate.x509().is_ok_and(|x509| ffi::names_recipient(&self.inner, x509))
    }

    /// The content that a SignedData carries; `None` where it is detached.
    pub fn embedded_content(&self) -> Option<&[u8]> {
        ffi::embedded_content(&self.inner)
    }

    /// How the content of an encrypted object is encrypted, as `aes-256-gcm`; `unknown` where that
    /// cannot be read. For display.
    pub fn content_cipher_name(&self) -> String {
        self.encryption.algorithm.map_or_else(|| "unknown".to_owned(), inspect::cipher_name)
    }

    /// The number of RecipientInfos; 0 for what is not encrypted.
    pub fn recipient_count(&self) -> usize {
        ffi::recipient_count(&self.inner).unwrap_or(0)
    }

    /// The number of SignerInfos; 0 for what is not SignedData.
    pub fn signer_count(&self) -> usize {
        ffi::signer_count(&self.inner).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::tlv::{INTEGER, SEQUENCE, SET, context, value};
    use crate::x509::samples::{Sample, p256};

    #[test]
    fn of_endless_certificates_none_is_read() {
        let oid = |text: &str| der::Encode::to_der(&der::asn1::ObjectIdentifier::new_unwrap(text)).unwrap();
        let certificate = Sample::default().signed_by(&p256());
        let made = |tag, parts: &[&[u8]]| value(tag, parts).unwrap();
        for (count, is_read) in [(1, true), (MAX_CARRIED, true), (MAX_CARRIED + 1, false)] {
            let signed = made(
                SEQUENCE,
                &[
                    &made(INTEGER, &[&[1]]),
                    &made(SET, &[]),
                    &made(SEQUENCE, &[&oid("1.2.840.113549.1.7.1")]),
                    &made(context(0), &vec![certificate.der(); count]),
                    &made(SET, &[]),
                ],
            );
            let object = made(SEQUENCE, &[&oid("1.2.840.113549.1.7.2"), &made(context(0), &[&signed])]);
            let read = CmsObject::parse(&object).map(|object| object.certificates().len());
            assert_eq!(read.ok(), is_read.then_some(count.min(MAX_CERTIFICATES)), "{count}");
        }
    }
}
