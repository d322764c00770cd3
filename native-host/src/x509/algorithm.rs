//! What kind of key a certificate holds.

use std::fmt;

use const_oid::ObjectIdentifier;
use openssl::x509::X509Ref;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
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
    pub(super) fn read(spki: &SubjectPublicKeyInfoOwned, x509: &X509Ref) -> Self {
        // OpenSSL must be able to use the key; what it cannot load is of no use to anyone here.
        let Ok(key) = x509.public_key() else { return Self::Other };
        let curve = || spki.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
        match spki.algorithm.oid {
            RSA => Self::Rsa(key.bits()),
            RSASSA_PSS => Self::RsaPss(key.bits()),
            ED25519 => Self::Ed25519,
            X25519 => Self::X25519,
            EC => match curve() {
                Some(P256) => Self::P256,
                Some(P384) => Self::P384,
                Some(P521) => Self::P521,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
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
