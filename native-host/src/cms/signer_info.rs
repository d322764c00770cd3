//! What a SignerInfo says (RFC 5652 section 5.3), and what is put into one.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Tag, Tagged};
use openssl::nid::Nid;
use openssl::x509::X509;

use crate::x509::children;

/// Attributes of which a signature has one at most, with one value: contentType, messageDigest, signingTime (RFC 5652
/// section 11), sMIMECapabilities, SMIMEEncryptionKeyPreference (RFC 8551 section 2.5), signingCertificate and
/// signingCertificateV2 (RFC 5035 sections 3 and 4).
const SINGLE: [ObjectIdentifier; 7] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.15"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.11"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47"),
];

/// One SignerInfo's own statements.
pub(super) struct SignerInfoFacts {
    /// The certificate that was found for it.
    pub certificate: Option<X509>,
    /// digestAlgorithm.
    pub digest: Nid,
    /// signatureAlgorithm.
    pub signature: Nid,
    /// The signature value itself.
    pub signature_value: Vec<u8>,
    /// The signingTime attribute, in seconds since the epoch.
    pub signing_time: Option<i64>,
    /// The DER of the sMIMECapabilities attribute.
    pub capabilities: Option<Vec<u8>>,
    /// The DER of the signingCertificate attribute, if there is exactly one.
    pub signing_certificate: Option<Vec<u8>>,
    /// The same of signingCertificateV2.
    pub signing_certificate_v2: Option<Vec<u8>>,
    /// The signed attributes; `None` where there are none.
    pub attributes: Option<SignedAttributes>,
}

/// What a signer signed beside the content (RFC 5652 section 5.3).
pub(super) struct SignedAttributes {
    /// The octets that the signature covers: the attributes in their order, as a SET OF.
    pub der: Vec<u8>,
    /// The messageDigest attribute, if there is exactly one.
    pub message_digest: Option<Vec<u8>>,
    /// Whether there is exactly one contentType attribute, and it says `id-data`.
    pub is_for_data: bool,
}

impl SignedAttributes {
    /// Whether one of [`SINGLE`] stands twice, or has several values or none: two readers could go by different ones.
    pub(super) fn are_ambiguous(&self) -> bool {
        let attributes = AnyRef::from_der(&self.der).ok().and_then(children).unwrap_or_default();
        let mut seen = Vec::new();
        for attribute in attributes {
            let parts = children(attribute).unwrap_or_default();
            let [oid, values, ..] = parts.as_slice() else { continue };
            let Some(oid) = oid.decode_as().ok().filter(|oid| SINGLE.contains(oid)) else { continue };
            let has_one =
                values.tag() == Tag::Set && children(*values).is_none_or(|values| values.len() == 1);
            if !has_one || seen.contains(&oid) {
                return true;
            }
            seen.push(oid);
        }
        false
    }
}

/// A signed attribute to add: its object identifier and the complete DER of its one value.
pub(super) struct EncodedAttribute<'a> {
    pub oid: &'a str,
    pub der: &'a [u8],
}
