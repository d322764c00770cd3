//! Making SignedData (RFC 5652 section 5).

use openssl::pkey::{PKeyRef, Private};

use super::{CmsError, ffi};
use crate::clock::UnixTime;
use crate::x509::{Capabilities, Capability, Certificate, KeyAlgorithm};

/// sMIMECapabilities (RFC 8551 section 2.5.2).
const SMIME_CAPABILITIES: &str = "1.2.840.113549.1.9.15";

/// Where the signed content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Beside the object (`multipart/signed`).
    Detached,
    /// Inside it (`smime-type=signed-data`).
    Embedded,
}

/// Signs `content` with SHA-256, RSASSA-PKCS1-v1_5 or ECDSA as the key is, and returns DER. The
/// signer's certificate and `chain` are included, with the signing time, the content's digest and
/// the algorithms that we can read ourselves.
///
/// Not checked: whether certificate and key are right for the sender, or valid now.
///
/// # Errors
/// [`CmsError::Openssl`].
pub fn sign(
    content: &[u8],
    certificate: &Certificate,
    key: &PKeyRef<Private>,
    chain: &[Certificate],
    placement: Placement,
    signing_time: UnixTime,
) -> Result<Vec<u8>, CmsError> {
    let capabilities = readable_by_us(certificate).to_der().map_err(|_| CmsError::NotCms)?;
    let attributes = [ffi::SequenceAttribute { oid: SMIME_CAPABILITIES, der: &capabilities }];
    let chain: Vec<_> = chain.iter().map(|c| c.x509().to_owned()).collect();
    ffi::sign(
        content,
        certificate.x509(),
        key,
        &chain,
        &attributes,
        &signing_time.to_asn1(),
        placement == Placement::Embedded,
    )
    .and_then(|cms| cms.to_der())
    .map_err(CmsError::Openssl)
}

/// What the owner of this certificate reads with this program, best first.
fn readable_by_us(certificate: &Certificate) -> Capabilities {
    let content =
        [Capability::Aes256Gcm, Capability::Aes256Cbc, Capability::Aes128Gcm, Capability::Aes128Cbc];
    let is_rsa = matches!(certificate.key_algorithm(), KeyAlgorithm::Rsa(_));
    Capabilities::new(content.into_iter().chain(is_rsa.then_some(Capability::RsaesOaep)))
}
