//! Key agreement (RFC 5753; with X25519 and HKDF, RFC 8418): from the originator's one-time key and the
//! recipient's own to the key-encryption key.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Encode, Tag, Tagged};
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::hash::MessageDigest;
use openssl::md::Md;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::x509::X509Ref;
use zeroize::Zeroizing;

use super::Secret;
use super::structure::{Algorithm, is_context};
use crate::cms::CmsError;
use crate::cms::key::{Key, KeyFault};
use crate::cms::tlv::{OCTET_STRING, SEQUENCE, context, value};
use crate::x509::{Certificate, children};

/// The key-encryption key of an ephemeral-static agreement (RFC 5753 section 3.1, RFC 8418).
pub(super) fn agreed(
    algorithm: &Algorithm<'_>,
    originator: AnyRef<'_>,
    ukm: Option<AnyRef<'_>>,
    key: Key<'_>,
    certificate: &Certificate,
) -> Result<Secret, CmsError> {
    let derivation = Derivation::of(algorithm.oid)?;
    let wrap = algorithm.parameters.ok_or(CmsError::DecryptionFailed)?;
    let wrap_oid = Algorithm::read(wrap).ok_or(CmsError::DecryptionFailed)?.oid;
    let length: u16 = match wrap_oid.to_string().as_str() {
        "2.16.840.1.101.3.4.1.5" => 16,
        "2.16.840.1.101.3.4.1.25" => 24,
        "2.16.840.1.101.3.4.1.45" => 32,
        other => return Err(CmsError::NotSupported(other.to_owned())),
    };
    let shared_info = shared_info(wrap, ukm, length).map_err(|_| CmsError::DecryptionFailed)?;
    let own = certificate.x509().and_then(X509Ref::public_key).map_err(|_| CmsError::DecryptionFailed)?;
    let point = originator_point(originator).ok_or(CmsError::DecryptionFailed)?;
    let ephemeral = ephemeral_key(point, &own).ok_or(CmsError::DecryptionFailed)?;
    let secret = match key {
        Key::Here(key) => {
            let derive = || {
                let mut deriver = Deriver::new(key)?;
                deriver.set_peer(&ephemeral)?; // refuses points that are not on the curve
                deriver.derive_to_vec().map(Zeroizing::new)
            };
            derive().map_err(|_: openssl::error::ErrorStack| CmsError::DecryptionFailed)?
        }
        Key::Elsewhere(key) => {
            let point = uncompressed(&ephemeral).ok_or(CmsError::DecryptionFailed)?;
            key.agree(&point).map_err(|fault| match fault {
                KeyFault::Declined => CmsError::DecryptionFailed,
                fault => CmsError::Key(fault),
            })?
        }
    };
    let salt = ukm.map(|ukm| ukm.value()).unwrap_or_default();
    derivation.key(&secret, salt, &shared_info, usize::from(length)).ok_or(CmsError::DecryptionFailed)
}

/// The octets of the originator's one-time key.
fn originator_point(originator: AnyRef<'_>) -> Option<&[u8]> {
    if !is_context(&originator, 1) {
        return None; // a certificate instead of a key: agreement between two certificates
    }
    let parts = children(originator)?;
    let [_algorithm, bits] = parts.as_slice() else { return None };
    let (unused, octets) = bits.value().split_first().filter(|_| bits.tag() == Tag::BitString)?;
    (*unused == 0).then_some(octets)
}

/// That key, which must be of the recipient's own kind; for a point, on the same curve.
fn ephemeral_key<T: HasPublic>(octets: &[u8], own: &PKeyRef<T>) -> Option<PKey<Public>> {
    if own.id() == Id::X25519 {
        return PKey::public_key_from_raw_bytes(octets, Id::X25519).ok();
    }
    let own = own.ec_key().ok()?;
    let mut context = openssl::bn::BigNumContext::new().ok()?;
    let point = EcPoint::from_bytes(own.group(), octets, &mut context).ok()?;
    PKey::from_ec_key(EcKey::from_public_key(own.group(), &point).ok()?).ok()
}

/// The point of a key in the form that every token takes.
fn uncompressed(key: &PKey<Public>) -> Option<Vec<u8>> {
    let key = key.ec_key().ok()?;
    let mut context = openssl::bn::BigNumContext::new().ok()?;
    let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
    key.public_key().to_bytes(key.group(), form, &mut context).ok()
}

/// DER of ECC-CMS-SharedInfo (RFC 5753 section 7.2) for a key of `length` octets.
pub(in crate::cms) fn shared_info(
    wrap: AnyRef<'_>,
    ukm: Option<AnyRef<'_>>,
    length: u16,
) -> der::Result<Vec<u8>> {
    let bits = u32::from(length).saturating_mul(8).to_be_bytes();
    let ukm = match ukm {
        Some(ukm) => value(context(0), &[&ukm.to_der()?])?,
        None => Vec::new(),
    };
    let bits = value(context(2), &[&value(OCTET_STRING, &[&bits])?])?;
    value(SEQUENCE, &[&wrap.to_der()?, &ukm, &bits])
}

/// How the shared secret becomes a key.
pub(in crate::cms) struct Derivation {
    pub(in crate::cms) digest: MessageDigest,
    pub(in crate::cms) is_hkdf: bool,
}

impl Derivation {
    fn of(oid: ObjectIdentifier) -> Result<Self, CmsError> {
        let (digest, is_hkdf) = match oid.to_string().as_str() {
            // dhSinglePass-stdDH-*kdf-scheme; the curves' cofactor is 1, so that cofactorDH is the same
            "1.3.133.16.840.63.0.2" | "1.3.133.16.840.63.0.3" => (MessageDigest::sha1(), false),
            "1.3.132.1.11.0" | "1.3.132.1.14.0" => (MessageDigest::sha224(), false),
            "1.3.132.1.11.1" | "1.3.132.1.14.1" => (MessageDigest::sha256(), false),
            "1.3.132.1.11.2" | "1.3.132.1.14.2" => (MessageDigest::sha384(), false),
            "1.3.132.1.11.3" | "1.3.132.1.14.3" => (MessageDigest::sha512(), false),
            // dhSinglePass-stdDH-hkdf-*-scheme (RFC 8418 section 2.2)
            "1.2.840.113549.1.9.16.3.19" => (MessageDigest::sha256(), true),
            "1.2.840.113549.1.9.16.3.20" => (MessageDigest::sha384(), true),
            "1.2.840.113549.1.9.16.3.21" => (MessageDigest::sha512(), true),
            other => return Err(CmsError::NotSupported(other.to_owned())),
        };
        Ok(Self { digest, is_hkdf })
    }

    pub(in crate::cms) fn key(
        &self,
        secret: &[u8],
        salt: &[u8],
        info: &[u8],
        length: usize,
    ) -> Option<Secret> {
        if self.is_hkdf { self.hkdf(secret, salt, info, length) } else { self.x963(secret, info, length) }
    }

    /// RFC 5869.
    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8], length: usize) -> Option<Secret> {
        let mut key = Zeroizing::new(vec![0; length]);
        let mut context = PkeyCtx::new_id(Id::HKDF).ok()?;
        context.derive_init().ok()?;
        context.set_hkdf_md(Md::from_nid(self.digest.type_())?).ok()?;
        context.set_hkdf_key(secret).ok()?;
        if !salt.is_empty() {
            context.set_hkdf_salt(salt).ok()?;
        }
        context.add_hkdf_info(info).ok()?;
        let written = context.derive(Some(&mut key)).ok()?;
        (written == length).then_some(key)
    }

    /// ANSI X9.63, as in SEC 1 section 3.6.1.
    fn x963(&self, secret: &[u8], info: &[u8], length: usize) -> Option<Secret> {
        let mut key = Zeroizing::new(Vec::new());
        for counter in 1_u32.. {
            let input = Zeroizing::new([secret, &counter.to_be_bytes(), info].concat());
            key.extend_from_slice(&openssl::hash::hash(self.digest, &input).ok()?);
            if key.len() >= length {
                break;
            }
        }
        key.truncate(length);
        Some(key)
    }
}
