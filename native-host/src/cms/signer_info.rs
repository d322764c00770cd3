//! What a SignerInfo says (RFC 5652 section 5.3), and what is put into one.

use openssl::nid::Nid;
use openssl::x509::X509;

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

/// A signed attribute to add: its object identifier and the complete DER of its one value.
pub(super) struct EncodedAttribute<'a> {
    pub oid: &'a str,
    pub der: &'a [u8],
}
