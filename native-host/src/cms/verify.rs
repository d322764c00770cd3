//! Checking SignedData (RFC 5652 section 5.6).

use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};
use openssl::ec::Asn1Flag;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use openssl::stack::{Stack, StackRef};
use openssl::x509::{X509, X509Ref};

use super::signer_info::{SignedAttributes, SignerInfoFacts};
use super::{CmsError, CmsObject, ObjectType, ffi, signing_certificate};
use crate::clock::UnixTime;
use crate::x509::{Capabilities, Certificate, KeyAlgorithm};

/// Smallest RSA modulus whose signature is worth a seal (design: RSA ≥ 2048).
const MIN_RSA_BITS: u32 = 2048;

/// Most certificates of one name that are tried for a signer.
const MAX_NAMESAKES: usize = 8;

/// A SignerInfo whose signature fits.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The signer's certificate. Nobody has vouched for it yet.
    pub certificate: Certificate,
    /// Digest and signature algorithm, for people: `sha256 with rsaEncryption`.
    pub algorithm: String,
    /// The time that the signer claims.
    pub signing_time: Option<UnixTime>,
    /// What the signer says to be able to read (RFC 8551 section 2.5.2), where it can be read.
    pub capabilities: Option<Capabilities>,
    /// SHA-256 of the signature value, which commits to the content.
    pub signature_digest: [u8; 32],
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

/// Verifies every SignerInfo over the same content: `detached`, or what the object carries. Returns
/// those who signed exactly that, at least one. Certificates of signers are looked for in the
/// object and in `candidates` (those of the DNS, where the mail carries none).
///
/// Not checked: validity, key usage and issuer of the certificates, and whom they name.
///
/// # Errors
/// [`CmsError::BadSignature`] if one SignerInfo does not fit, or says something twice; [`CmsError::NoSigners`],
/// [`CmsError::SignerCertificateMissing`], [`CmsError::SignerCertificateUnreadable`],
/// [`CmsError::ContentDiffers`], [`CmsError::NoContent`],
/// [`CmsError::WrongType`] (also for content that is no `id-data`).
pub fn verify(
    object: &mut CmsObject,
    detached: Option<&[u8]>,
    candidates: &[Certificate],
) -> Result<Vec<Signer>, CmsError> {
    check_content(object, detached)?;
    if object.signer_count() == 0 {
        return Err(CmsError::NoSigners);
    }
    let mut stack = Stack::new().map_err(CmsError::Openssl)?;
    for candidate in candidates {
        if let Ok(x509) = candidate.x509() {
            stack.push(x509.to_owned()).map_err(CmsError::Openssl)?;
        }
    }
    ffi::find_signer_certificates(&object.inner, &stack);
    choose_among_namesakes(object, &stack);
    let infos = ffi::signer_infos(&object.inner);
    if infos.len() != object.signer_count() || infos.iter().any(|info| info.certificate.is_none()) {
        return Err(CmsError::SignerCertificateMissing);
    }
    // RFC 5035 section 4: by another certificate than the signer named it must not be verified.
    if infos.iter().any(signing_certificate::is_another) {
        return Err(CmsError::SignerCertificateMissing);
    }
    let mut attributes = infos.iter().filter_map(|info| info.attributes.as_ref());
    if attributes.any(SignedAttributes::are_ambiguous) {
        return Err(CmsError::BadSignature);
    }
    if !infos.iter().all(|info| is_for_this_content(info, object, detached)) {
        return Err(CmsError::BadSignature);
    }
    if infos.iter().any(is_ed25519) {
        one_by_one(object, &infos, detached)?;
    } else {
        let verified = ffi::verify(&mut object.inner, &stack, detached);
        verified.map_err(|_| unknown_to_us(&infos).map_or(CmsError::BadSignature, CmsError::NotSupported))?;
    }
    infos.into_iter().map(signer).collect()
}

/// RFC 8551 section 2.6: several certificates can have the name or the key identifier that a signer goes by, and each
/// must be tried. OpenSSL takes the first. Signatures without attributes, which would need all the content for each
/// try, stay with that.
fn choose_among_namesakes(object: &mut CmsObject, candidates: &StackRef<X509>) {
    let carried = ffi::certificates(&object.inner);
    for (at, mut info) in ffi::signer_infos(&object.inner).into_iter().enumerate() {
        let Some(attributes) = info.attributes.take() else { continue };
        let mut namesakes: Vec<X509> = Vec::new();
        for certificate in candidates.iter().chain(carried.iter().flatten()) {
            let is_one = ffi::names_signer(&object.inner, at, certificate);
            if is_one && !namesakes.iter().any(|known| **known == *certificate) {
                namesakes.push(certificate.to_owned());
            }
            if namesakes.len() == MAX_NAMESAKES {
                break;
            }
        }
        if namesakes.len() < 2 {
            continue;
        }
        for certificate in namesakes {
            ffi::take_for_signer(&mut object.inner, at, &certificate);
            info.certificate = Some(certificate);
            let fits = if is_ed25519(&info) {
                ed25519_fits(&info, &attributes.der)
            } else {
                ffi::attributes_fit(&mut object.inner, at)
            };
            if fits && !signing_certificate::is_another(&info) {
                break;
            }
        }
    }
}

/// RFC 5652 section 11.1: the contentType attribute names the type of the content. Where there are no
/// attributes, the content must not itself be the attributes of another signature, which would then
/// fit (draft-ietf-lamps-cms-euf-cma-signeddata).
fn is_for_this_content(info: &SignerInfoFacts, object: &CmsObject, detached: Option<&[u8]>) -> bool {
    match &info.attributes {
        Some(attributes) => attributes.is_for_data,
        None => {
            let content = detached.or_else(|| object.embedded_content()).unwrap_or_default();
            !AnyRef::from_der(content).is_ok_and(|any| any.tag() == Tag::Set)
        }
    }
}

/// The algorithm for which a signature was not checked at all, where there is one.
fn unknown_to_us(infos: &[SignerInfoFacts]) -> Option<String> {
    let known = [Nid::RSAENCRYPTION, Nid::RSASSAPSS, Nid::X9_62_ID_ECPUBLICKEY, Nid::DSA, Nid::DSAWITHSHA1];
    let key_of = |signature: Nid| signature.signature_algorithms().map_or(signature, |pair| pair.pkey);
    let digests = infos.iter().map(|info| info.digest).filter(|digest| !can_digest(*digest));
    let signatures = infos.iter().map(|info| info.signature).filter(|nid| !known.contains(&key_of(*nid)));
    // The one that has a name, if any has.
    let unknown = digests.chain(signatures).min_by_key(|nid| *nid == Nid::UNDEF)?;
    let name = unknown.long_name().ok().filter(|_| unknown != Nid::UNDEF);
    Some(name.unwrap_or("an algorithm without a name here").to_owned())
}

fn can_digest(digest: Nid) -> bool {
    MessageDigest::from_nid(digest).is_some_and(|kind| hash(kind, b"").is_ok())
}

fn is_ed25519(info: &SignerInfoFacts) -> bool {
    info.signature.as_raw() == Id::ED25519.as_raw()
}

/// The same check for objects with Ed25519 signers (RFC 8419), which CMS in OpenSSL does from 3.2 on.
fn one_by_one(
    object: &mut CmsObject,
    infos: &[SignerInfoFacts],
    detached: Option<&[u8]>,
) -> Result<(), CmsError> {
    for (at, info) in infos.iter().enumerate() {
        let content = detached.or_else(|| object.embedded_content()).ok_or(CmsError::NoContent)?;
        if let Some(attributes) = &info.attributes {
            let digest = MessageDigest::from_nid(info.digest).and_then(|kind| hash(kind, content).ok());
            if digest.as_deref() != attributes.message_digest.as_deref() || digest.is_none() {
                return Err(CmsError::BadSignature);
            }
        }
        let fits = match (&info.attributes, is_ed25519(info)) {
            (Some(attributes), true) => ed25519_fits(info, &attributes.der),
            (None, true) => ed25519_fits(info, content),
            (Some(_), false) => ffi::attributes_fit(&mut object.inner, at),
            (None, false) => return Err(CmsError::NotSupported("signature without attributes".to_owned())),
        };
        if !fits {
            return Err(CmsError::BadSignature);
        }
    }
    Ok(())
}

fn ed25519_fits(info: &SignerInfoFacts, signed: &[u8]) -> bool {
    let Some(key) = info.certificate.as_ref().and_then(|c| c.public_key().ok()) else { return false };
    let verified = || Verifier::new_without_digest(&key)?.verify_oneshot(&info.signature_value, signed);
    key.id() == Id::ED25519 && verified().unwrap_or(false)
}

/// There must be content, of one kind only: in the object, beside it, or the same in both places.
fn check_content(object: &CmsObject, detached: Option<&[u8]>) -> Result<(), CmsError> {
    let is_data = ffi::content_type(&object.inner).is_some_and(|oid| oid.nid() == Nid::PKCS7_DATA);
    if *object.object_type() != ObjectType::Signed || !is_data {
        return Err(CmsError::WrongType);
    }
    match (detached, ffi::embedded_content(&object.inner)) {
        (Some(beside), Some(inside)) if beside != inside => Err(CmsError::ContentDiffers),
        (None, None) => Err(CmsError::NoContent),
        _ => Ok(()),
    }
}

fn signer(facts: SignerInfoFacts) -> Result<Signer, CmsError> {
    let der = facts.certificate.and_then(|c| c.to_der().ok()).ok_or(CmsError::SignerCertificateMissing)?;
    let certificate = Certificate::from_der(&der).map_err(|_| CmsError::SignerCertificateUnreadable)?;
    let name = |nid: Nid| nid.long_name().unwrap_or("unknown");
    let algorithm = format!("{} with {}", name(facts.digest), name(facts.signature));
    if certificate.key_algorithm() == KeyAlgorithm::Other {
        // It may well fit. S/MIME has no profile for such keys, and nobody here answers for them.
        return Err(CmsError::NotSupported(key_name(&certificate)));
    }
    let weakness = match certificate.key_algorithm() {
        _ if !is_strong(facts.digest) || is_weak_signature(facts.signature) => Some(Weakness::Digest),
        KeyAlgorithm::Rsa(bits) if bits < MIN_RSA_BITS => Some(Weakness::SmallKey(bits)),
        _ => None,
    };
    let signature_digest = openssl::sha::sha256(&facts.signature_value);
    let signing_time = facts.signing_time.map(UnixTime::from_seconds);
    let capabilities = facts.capabilities.and_then(|der| Capabilities::from_der(&der).ok());
    Ok(Signer { certificate, algorithm, signing_time, capabilities, signature_digest, weakness })
}

/// The curve, or the algorithm where there is none.
fn key_name(certificate: &Certificate) -> String {
    let key = certificate.x509().and_then(X509Ref::public_key);
    let kind = |key: &PKey<Public>| match key.ec_key() {
        // RFC 5480 section 2.1.1 forbids it: who writes a curve out may have changed it.
        Ok(on_curve) if on_curve.group().asn1_flag() == Asn1Flag::EXPLICIT_CURVE => None,
        Ok(on_curve) => on_curve.group().curve_name(),
        Err(_) => Some(Nid::from_raw(key.id().as_raw())),
    };
    match key.as_ref().map(kind) {
        Ok(None) => "a curve without a name".to_owned(),
        Ok(Some(nid)) => nid.short_name().unwrap_or("unknown").to_owned(),
        Err(_) => "unknown".to_owned(),
    }
}

fn is_strong(digest: Nid) -> bool {
    let strong = [
        Nid::SHA224,
        Nid::SHA256,
        Nid::SHA384,
        Nid::SHA512,
        Nid::from_raw(1094), // SHA-512/224, for which the binding has no name
        Nid::from_raw(1095), // SHA-512/256
        Nid::SHA3_224,
        Nid::SHA3_256,
        Nid::SHA3_384,
        Nid::SHA3_512,
    ];
    strong.contains(&digest)
}

/// signatureAlgorithm may name a hash of its own, which must then be no weaker.
fn is_weak_signature(signature: Nid) -> bool {
    matches!(signature.signature_algorithms(), Some(pair) if pair.digest != Nid::UNDEF && !is_strong(pair.digest))
}
