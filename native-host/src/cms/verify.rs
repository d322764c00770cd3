//! Checking SignedData (RFC 5652 section 5.6).

use openssl::cms::CMSOptions;
use openssl::nid::Nid;
use openssl::stack::Stack;

use super::{CmsError, CmsObject, ObjectType, ffi};
use crate::clock::UnixTime;
use crate::x509::{Certificate, KeyAlgorithm};

/// Smallest RSA modulus whose signature is worth a seal (design: RSA ≥ 2048).
const MIN_RSA_BITS: u32 = 2048;

/// What a good signature says.
#[derive(Debug)]
pub struct Verified {
    /// The octets that were signed: those handed in, or those the object carried.
    pub content: Vec<u8>,
    /// Who signed, at least one. Each of them signed exactly `content`.
    pub signers: Vec<Signer>,
}

/// One SignerInfo whose signature fits.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The signer's certificate. Nobody has vouched for it yet.
    pub certificate: Certificate,
    /// Digest and signature algorithm, for people: `sha256 with rsaEncryption`.
    pub algorithm: String,
    /// The time that the signer claims.
    pub signing_time: Option<UnixTime>,
    /// Why the signature proves little although it fits.
    pub weakness: Option<Weakness>,
}

/// Cryptography that fits and does not convince.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// Others can make a second text with the same digest (MD5, SHA-1), or it is unknown to us.
    Digest,
    /// The key can be broken; its size in bits.
    SmallKey(u32),
}

/// Verifies every SignerInfo over the same content: `detached`, or what the object carries.
/// Certificates of signers are looked for in the object and in `candidates` (those of the DNS,
/// where the mail carries none).
///
/// Not checked: validity, key usage and issuer of the certificates, and whom they name.
///
/// # Errors
/// [`CmsError::BadSignature`] if one SignerInfo does not fit; [`CmsError::NoSigners`],
/// [`CmsError::SignerCertificateMissing`], [`CmsError::ContentDiffers`], [`CmsError::NoContent`],
/// [`CmsError::WrongType`] (also for content that is no `id-data`).
pub fn verify(
    object: &mut CmsObject,
    detached: Option<&[u8]>,
    candidates: &[Certificate],
) -> Result<Verified, CmsError> {
    let content = signed_content(object, detached)?.to_vec();
    if object.signer_count() == 0 {
        return Err(CmsError::NoSigners);
    }
    let mut stack = Stack::new().map_err(CmsError::Openssl)?;
    for candidate in candidates {
        stack.push(candidate.x509().to_owned()).map_err(CmsError::Openssl)?;
    }
    ffi::find_signer_certificates(&object.inner, &stack);
    let infos = ffi::signer_infos(&object.inner);
    if infos.len() != object.signer_count() || infos.iter().any(|info| info.certificate.is_none()) {
        return Err(CmsError::SignerCertificateMissing);
    }
    // The content is handed over even where the object carries it: one way, one set of octets.
    let flags = CMSOptions::BINARY | CMSOptions::NO_SIGNER_CERT_VERIFY;
    object
        .inner
        .verify(Some(&stack), None, Some(&content), None, flags)
        .map_err(|_| CmsError::BadSignature)?;
    let signers = infos.into_iter().map(signer).collect::<Result<Vec<_>, _>>()?;
    Ok(Verified { content, signers })
}

fn signed_content<'a>(object: &'a CmsObject, detached: Option<&'a [u8]>) -> Result<&'a [u8], CmsError> {
    let is_data = ffi::content_type(&object.inner).is_some_and(|oid| oid.nid() == Nid::PKCS7_DATA);
    if *object.object_type() != ObjectType::Signed || !is_data {
        return Err(CmsError::WrongType);
    }
    match (detached, ffi::embedded_content(&object.inner)) {
        (Some(beside), Some(inside)) if beside != inside => Err(CmsError::ContentDiffers),
        (Some(beside), _) => Ok(beside),
        (None, Some(inside)) => Ok(inside),
        (None, None) => Err(CmsError::NoContent),
    }
}

fn signer(facts: ffi::SignerInfoFacts) -> Result<Signer, CmsError> {
    let der = facts.certificate.and_then(|c| c.to_der().ok()).ok_or(CmsError::SignerCertificateMissing)?;
    let certificate = Certificate::from_der(&der).map_err(|_| CmsError::SignerCertificateMissing)?;
    let name = |nid: Nid| nid.long_name().unwrap_or("unknown");
    let algorithm = format!("{} with {}", name(facts.digest), name(facts.signature));
    let weakness = match certificate.key_algorithm() {
        _ if !is_strong(facts.digest) || is_weak_signature(facts.signature) => Some(Weakness::Digest),
        KeyAlgorithm::Rsa(bits) if bits < MIN_RSA_BITS => Some(Weakness::SmallKey(bits)),
        _ => None,
    };
    let signing_time = facts.signing_time.map(UnixTime::from_seconds);
    Ok(Signer { certificate, algorithm, signing_time, weakness })
}

fn is_strong(digest: Nid) -> bool {
    [Nid::SHA256, Nid::SHA384, Nid::SHA512, Nid::SHA3_256, Nid::SHA3_384, Nid::SHA3_512].contains(&digest)
}

/// signatureAlgorithm may name a hash of its own, which must then be no weaker.
fn is_weak_signature(signature: Nid) -> bool {
    matches!(signature.signature_algorithms(), Some(pair) if pair.digest != Nid::UNDEF && !is_strong(pair.digest))
}
