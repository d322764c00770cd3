//! The signed attributes in which a signer says which certificate is theirs: signingCertificate (RFC 2634 section
//! 5.4) and signingCertificateV2 (RFC 5035 section 3). Without them somebody could put the signer's public key into a
//! certificate of their own, and pass for the author of what others signed.
//!
//! # Limitations
//! Certificates of authorities and policies that the attribute may name besides are not looked at, and an attribute
//! that cannot be read, or names a digest that is unknown here, says nothing.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Tag, Tagged};
use openssl::hash::{MessageDigest, hash};
use openssl::sha::sha256;

use super::signer_info::SignerInfoFacts;
use super::steps::digest;
use super::tlv::{OCTET_STRING, SEQUENCE, value};
use crate::x509::{Certificate, children};

pub(super) const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
pub(super) const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// The signingCertificateV2 that names one certificate, by SHA-256, which is usual and so not said.
pub(super) fn naming(certificate: &Certificate) -> der::Result<Vec<u8>> {
    let digest = value(OCTET_STRING, &[&sha256(certificate.der())])?;
    let certificates = value(SEQUENCE, &[&value(SEQUENCE, &[&digest])?])?;
    value(SEQUENCE, &[&certificates])
}

/// Whether the certificate that was found for a signer is another than the one that the signer named.
pub(super) fn is_another(info: &SignerInfoFacts) -> bool {
    let Some(certificate) = info.certificate.as_ref().and_then(|c| c.to_der().ok()) else { return false };
    let named = [
        info.signing_certificate.as_deref().and_then(|der| Named::read(der, MessageDigest::sha1())),
        info.signing_certificate_v2.as_deref().and_then(|der| Named::read(der, MessageDigest::sha256())),
    ];
    named.iter().flatten().any(|named| !named.is(&certificate))
}

/// The first of the certificates that an attribute names: the signer's.
struct Named<'a> {
    digest: MessageDigest,
    value: &'a [u8],
}

impl<'a> Named<'a> {
    /// SigningCertificate or SigningCertificateV2. `usual` is the digest where none is named.
    fn read(attribute: &'a [u8], usual: MessageDigest) -> Option<Self> {
        let certificates = *children(AnyRef::from_der(attribute).ok()?)?.first()?;
        let first = *children(certificates)?.first()?;
        match children(first)?.as_slice() {
            [value, ..] if value.tag() == Tag::OctetString => {
                Some(Self { digest: usual, value: value.value() })
            }
            [algorithm, value, ..] if value.tag() == Tag::OctetString => {
                let oid = children(*algorithm)?.first()?.decode_as::<ObjectIdentifier>().ok()?;
                Some(Self { digest: digest(oid)?, value: value.value() })
            }
            _ => None,
        }
    }

    fn is(&self, certificate: &[u8]) -> bool {
        hash(self.digest, certificate).is_ok_and(|found| *found == *self.value)
    }
}
