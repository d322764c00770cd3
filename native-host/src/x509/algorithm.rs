//! What kind of key a certificate holds.

use std::fmt;
use std::sync::LazyLock;

use const_oid::ObjectIdentifier;
use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcPoint};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The algorithm of a public key, with the size where it varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8410): signs only.
    Ed25519,
    /// A named curve or algorithm that S/MIME has no profile for, or a key that cannot be read.
    Other,
    /// ECDSA and ECDH over P-256 (RFC 5480).
    P256,
    /// ECDSA and ECDH over P-384.
    P384,
    /// ECDSA and ECDH over P-521.
    P521,
    /// RSA with a modulus of so many bits.
    Rsa(u32),
    /// RSA restricted to PSS signatures (RFC 4055), with a modulus of so many bits.
    RsaPss(u32),
    /// X25519 (RFC 8410): key agreement only.
    X25519,
}

impl KeyAlgorithm {
    /// Reads a key, given also as DER. What OpenSSL cannot load is of no use to anyone here.
    pub(super) fn read(spki: &SubjectPublicKeyInfoOwned, der: &[u8]) -> Self {
        let public = spki.subject_public_key.raw_bytes();
        let read = || match spki.algorithm.oid {
            // The common ones without OpenSSL's general reader, whose search for what reads a kind
            // of key takes longer than all else.
            RSA => rsa(public).and_then(PKey::from_rsa).map(|key| Self::Rsa(key.bits())),
            EC => Curve::named(spki).map_or(Ok(Self::Other), |curve| curve.algorithm_of(public)),
            RSASSA_PSS => {
                rsa(public).and_then(|_| PKey::public_key_from_der(der)).map(|key| Self::RsaPss(key.bits()))
            }
            ED25519 => PKey::public_key_from_der(der).map(|_| Self::Ed25519),
            X25519 => PKey::public_key_from_der(der).and_then(|key| agrees(&key)).map(|()| Self::X25519),
            _ => Ok(Self::Other),
        };
        read().unwrap_or(Self::Other)
    }
}

/// OpenSSL's limits, beyond which it does nothing with a key (`OPENSSL_RSA_MAX_MODULUS_BITS` and the like in `rsa.h`).
const MOST_BITS: i32 = 16_384;
const SMALL_MODULUS_BITS: i32 = 3_072;
const MOST_EXPONENT_BITS: i32 = 64;

/// An RSA key whose numbers make it one (RFC 8017 section 3.1): with the exponent 1 every text would be its own
/// signature, an even one has no inverse, and no product of odd primes is even. And one that OpenSSL works with: mail
/// to many is not to fail for a key that it refuses when it is used.
fn rsa(pkcs1: &[u8]) -> Result<Rsa<Public>, ErrorStack> {
    let key = Rsa::public_key_from_der_pkcs1(pkcs1)?;
    let (n, e) = (key.n(), key.e());
    let is_one = e.num_bits() > 1 && e.is_bit_set(0) && n.is_bit_set(0) && e < n;
    let is_small = e.num_bits() <= MOST_EXPONENT_BITS || n.num_bits() <= SMALL_MODULUS_BITS;
    if is_one && is_small && n.num_bits() <= MOST_BITS { Ok(key) } else { Err(ErrorStack::get()) }
}

/// Whether something secret can be agreed on with the owner of this key: with a point of small order everybody agrees
/// on nothing (RFC 7748 section 6.1), which OpenSSL finds out only then.
fn agrees(key: &PKey<Public>) -> Result<(), ErrorStack> {
    let own = PKey::generate_x25519()?;
    let mut deriver = Deriver::new(&own)?;
    deriver.set_peer(key)?;
    deriver.derive_to_vec().map(|_| ())
}

/// A curve that keys are on.
struct Curve {
    oid: ObjectIdentifier,
    algorithm: KeyAlgorithm,
    /// OpenSSL makes it anew each time it is asked, which takes longer than all that is done with it.
    group: LazyLock<Result<EcGroup, ErrorStack>>,
}

static CURVES: [Curve; 3] = [
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        algorithm: KeyAlgorithm::P256,
        group: LazyLock::new(|| EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)),
    },
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        algorithm: KeyAlgorithm::P384,
        group: LazyLock::new(|| EcGroup::from_curve_name(Nid::SECP384R1)),
    },
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        algorithm: KeyAlgorithm::P521,
        group: LazyLock::new(|| EcGroup::from_curve_name(Nid::SECP521R1)),
    },
];

impl Curve {
    /// The curve by its name; a curve written out has none.
    fn named(spki: &SubjectPublicKeyInfoOwned) -> Option<&'static Self> {
        let name = spki.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
        CURVES.iter().find(|curve| curve.oid == name)
    }

    /// The algorithm of a key, if its octets are a point of the curve.
    fn algorithm_of(&self, point: &[u8]) -> Result<KeyAlgorithm, ErrorStack> {
        let group = self.group.as_ref().map_err(Clone::clone)?;
        let point = EcPoint::from_bytes(group, point, &mut *BigNumContext::new()?)?;
        Ok(if point.is_infinity(group) { KeyAlgorithm::Other } else { self.algorithm })
    }
}

impl fmt::Display for KeyAlgorithm {
    /// The word of the command line: `rsa-2048`, `p-256`, `ed25519` …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Other => f.write_str("other"),
            Self::P256 => f.write_str("p-256"),
            Self::P384 => f.write_str("p-384"),
            Self::P521 => f.write_str("p-521"),
            Self::Rsa(bits) => write!(f, "rsa-{bits}"),
            Self::RsaPss(bits) => write!(f, "rsa-pss-{bits}"),
            Self::X25519 => f.write_str("x25519"),
        }
    }
}
