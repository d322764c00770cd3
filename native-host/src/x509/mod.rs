//! X.509 certificates as S/MIME reads them (RFC 5280, RFC 8550): names, key usage, validity,
//! capabilities.
//!
//! [`Certificate`] is read by two parsers, `x509-cert` for what it says and, on demand, OpenSSL for
//! every cryptographic use, which is refused unless both see the same octets. All that it says of
//! itself is a claim: nothing in this module checks who issued it, or any signature.
//!
//! # Limitations
//! - A certificate that OpenSSL alone cannot read (half a character in a name, for instance) is known
//!   as such when it is used, not before.
//! - No path building and no revocation (CRL, OCSP): see `trust`.
//! - Dates before 1970 are refused, as are encodings that are not DER.

mod algorithm;
mod asn1;
mod capabilities;
mod certificate;
mod constraints;
mod fingerprint;
mod names;
mod pss;
mod usage;

pub use algorithm::KeyAlgorithm;
pub(crate) use asn1::{Element, children};
pub use capabilities::{Capabilities, Capability};
pub use certificate::{Certificate, CertificateError, IssuerAndSerial, Validity};
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use names::{NameMatch, addresses_of_alternative_name};
pub use pss::{PssRules, SignatureDigest};
pub use usage::Fitness;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
