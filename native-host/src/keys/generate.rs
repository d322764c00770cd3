//! New keys, and the self-signed certificates that DANE needs no authority for.
//!
//! The certificate (version 3, SHA-256 or SHA-384 with the curve of that size) carries what RFC 8550 section 4.4 asks for: the address as
//! rfc822Name or, where the local part is not ASCII, as SmtpUTF8Mailbox (RFC 9598); keyUsage, a
//! critical basicConstraints, extendedKeyUsage emailProtection, a subjectKeyIdentifier, and the
//! S/MIME capabilities of this program (RFC 4262), from which a correspondent's first mail learns
//! that AES-GCM will be read.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_EMAIL_PROTECTION;
use der::asn1::{Ia5String, OctetString, Utf8StringRef};
use der::flagset::FlagSet;
use der::{Any, Encode};
use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509Req};
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};

use super::error::KeyError;
use super::private::PrivateKey;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::{Capabilities, Capability, Certificate};

/// A certificate is valid from this long before it was made, for clocks that are slow.
pub(super) const BACKDATED_SECONDS: i64 = 3600;
pub(super) const DAY_SECONDS: i64 = 24 * 3600;
/// CommonName may have no more characters (RFC 5280 appendix A.1, ub-common-name).
const COMMON_NAME_MAX: usize = 64;

/// The kinds of keys that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewAlgorithm {
    /// ECDSA and ECDH over P-256.
    P256,
    /// ECDSA and ECDH over P-384.
    P384,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// What to make.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The address that the certificate names.
    pub address: EmailAddress,
    /// The commonName; the address if none, or if it is longer than 64 characters.
    pub name: Option<String>,
    /// The kind of key.
    pub algorithm: NewAlgorithm,
    /// How many days the certificate is valid.
    pub days: u16,
}

impl NewAlgorithm {
    /// All of them, as the command line lists them.
    pub const ALL: [Self; 5] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::P384];

    pub(super) fn make(self) -> Result<PKey<Private>, ErrorStack> {
        match self {
            Self::P256 => make_ec(Nid::X9_62_PRIME256V1),
            Self::P384 => make_ec(Nid::SECP384R1),
            Self::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?),
            Self::Rsa3072 => PKey::from_rsa(Rsa::generate(3072)?),
            Self::Rsa4096 => PKey::from_rsa(Rsa::generate(4096)?),
        }
    }

    const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    pub(super) fn digest(self) -> MessageDigest {
        match self {
            Self::P384 => MessageDigest::sha384(),
            _ => MessageDigest::sha256(),
        }
    }

    fn key_usage(self) -> FlagSet<KeyUsages> {
        let encryption = if self.is_rsa() { KeyUsages::KeyEncipherment } else { KeyUsages::KeyAgreement };
        KeyUsages::DigitalSignature | encryption
    }

    fn capabilities(self) -> Capabilities {
        let oaep = self.is_rsa().then_some(Capability::RsaesOaep);
        Capabilities::new([Capability::Aes256Gcm, Capability::Aes256Cbc].into_iter().chain(oaep))
    }
}

impl fmt::Display for NewAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "p-256",
            Self::P384 => "p-384",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        })
    }
}

/// The word is none of those in [`NewAlgorithm::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of rsa-2048, rsa-3072, rsa-4096, p-256, p-384 is needed")]
pub struct UnknownAlgorithm;

impl FromStr for NewAlgorithm {
    type Err = UnknownAlgorithm;
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.to_string() == text).ok_or(UnknownAlgorithm)
    }
}

/// Makes a key and a certificate that it signs itself.
pub(super) fn self_signed(new: &NewKey, now: UnixTime) -> Result<(PrivateKey, Certificate), KeyError> {
    let key = new.algorithm.make()?;
    let subject = subject(new.name.as_deref(), &new.address)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?; // counts from 0: version 3
    builder.set_serial_number(&*serial_number()?)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(&subject)?;
    let not_before = now.plus(-BACKDATED_SECONDS);
    let not_after = now.plus(i64::from(new.days).saturating_mul(DAY_SECONDS));
    builder.set_not_before(&*Asn1Time::from_unix(not_before.seconds())?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after.seconds())?)?;
    builder.set_pubkey(&key)?;
    add_subject_key_identifier(&mut builder, &key)?;
    for extension in extensions(new)? {
        builder.append_extension2(&extension)?;
    }
    builder.sign(&key, new.algorithm.digest())?;
    let der = builder.build().to_der()?;
    // What we made must be what we can read.
    let certificate = Certificate::from_der(&der).map_err(|_| ErrorStack::get())?;
    Ok((PrivateKey::new(key), certificate))
}

/// Makes a key and a PKCS#10 request (RFC 2986) for it, DER. It asks for what a self-signed
/// certificate would have; the authority decides.
pub(super) fn request(new: &NewKey) -> Result<(PrivateKey, Vec<u8>), KeyError> {
    let key = new.algorithm.make()?;
    let subject = subject(new.name.as_deref(), &new.address)?;
    let mut builder = X509Req::builder()?;
    builder.set_version(0)?; // version 1, the only one there is
    builder.set_subject_name(&subject)?;
    builder.set_pubkey(&key)?;
    let extensions = extensions(new)?;
    builder.add_extensions(&extensions)?;
    builder.sign(&key, new.algorithm.digest())?;
    Ok((PrivateKey::new(key), builder.build().to_der()?))
}

/// What certificate and request have in common.
fn extensions(new: &NewKey) -> Result<Stack<X509Extension>, ErrorStack> {
    let not_ca = BasicConstraints { ca: false, path_len_constraint: None };
    let mut extensions = Stack::new()?;
    extensions.push(extension("2.5.29.19", true, not_ca.to_der())?)?;
    extensions.push(extension("2.5.29.15", true, KeyUsage(new.algorithm.key_usage()).to_der())?)?;
    extensions.push(extension(
        "2.5.29.37",
        false,
        ExtendedKeyUsage(vec![ID_KP_EMAIL_PROTECTION]).to_der(),
    )?)?;
    extensions.push(extension("2.5.29.17", false, alternative_names(std::slice::from_ref(&new.address)))?)?;
    extensions.push(extension("1.2.840.113549.1.9.15", false, new.algorithm.capabilities().to_der())?)?;
    Ok(extensions)
}

/// The subjectAltName extension's value.
pub(super) fn alternative_names(addresses: &[EmailAddress]) -> der::Result<Vec<u8>> {
    let names: der::Result<Vec<GeneralName>> = addresses.iter().map(alternative_name).collect();
    SubjectAltName(names?).to_der()
}

fn alternative_name(address: &EmailAddress) -> der::Result<GeneralName> {
    let text = address.to_string();
    if text.is_ascii() {
        return Ok(GeneralName::Rfc822Name(Ia5String::new(&text)?));
    }
    // RFC 9598 section 3: UTF-8 local part, domain in A-labels.
    let value = Any::encode_from(&Utf8StringRef::new(&text)?)?;
    Ok(GeneralName::OtherName(OtherName {
        type_id: ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.9"),
        value,
    }))
}

/// RFC 5280 section 4.2.1.2, method 1: SHA-1 over the key's bits. A name, not a protection.
pub(super) fn add_subject_key_identifier<T: HasPublic>(
    builder: &mut X509Builder,
    key: &PKeyRef<T>,
) -> Result<(), ErrorStack> {
    use der::Decode;
    let spki = key.public_key_to_der()?;
    let bits = x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(&spki)
        .map_err(|_| ErrorStack::get())?
        .subject_public_key;
    let identifier = openssl::sha::sha1(bits.raw_bytes());
    let value = OctetString::new(identifier).and_then(|octets| SubjectKeyIdentifier(octets).to_der());
    builder.append_extension(extension("2.5.29.14", false, value)?)
}

pub(super) fn extension(
    oid: &str,
    critical: bool,
    value: der::Result<Vec<u8>>,
) -> Result<X509Extension, ErrorStack> {
    // Only an encoder that runs out of length can fail, and our values are short.
    let value = value.map_err(|_| ErrorStack::get())?;
    X509Extension::new_from_der(
        &*Asn1Object::from_str(oid)?,
        critical,
        &*Asn1OctetString::new_from_bytes(&value)?,
    )
}

/// A commonName and nothing else: the name wished for if it fits, else the address.
pub(super) fn subject(wished: Option<&str>, address: &EmailAddress) -> Result<X509Name, ErrorStack> {
    let address = address.to_string();
    let mut name = X509Name::builder()?;
    let candidates = [wished.map(str::trim), Some(address.as_str())];
    let fits = |text: &&str| !text.is_empty() && text.chars().count() <= COMMON_NAME_MAX;
    // An address too long for a commonName leaves the subject empty, which is legal: the
    // subjectAltName has it.
    if let Some(text) = candidates.into_iter().flatten().find(fits) {
        name.append_entry_by_nid(Nid::COMMONNAME, text)?;
    }
    Ok(name.build())
}

/// 127 random bits: positive in 16 octets (RFC 5280 section 4.1.2.2).
pub(super) fn serial_number() -> Result<Asn1Integer, ErrorStack> {
    let mut number = BigNum::new()?;
    number.rand(127, MsbOption::MAYBE_ZERO, false)?;
    number.to_asn1_integer()
}

fn make_ec(curve: Nid) -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(curve)?;
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::is_self_signed;
    use crate::x509::{KeyAlgorithm, NameMatch, Validity};

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn new(address: &str, algorithm: NewAlgorithm) -> NewKey {
        NewKey { address: EmailAddress::parse(address).unwrap(), name: None, algorithm, days: 730 }
    }

    #[test]
    fn each_algorithm_makes_a_certificate_that_can_do_both() {
        for (algorithm, kind) in [
            (NewAlgorithm::P256, KeyAlgorithm::P256),
            (NewAlgorithm::P384, KeyAlgorithm::P384),
            (NewAlgorithm::Rsa2048, KeyAlgorithm::Rsa(2048)),
        ] {
            let new = new("alice@example.test", algorithm);
            let (private, certificate) = self_signed(&new, NOW).unwrap();
            assert!(private.belongs_to(&certificate));
            assert_eq!(certificate.key_algorithm(), kind);
            assert!(certificate.can_sign() && certificate.can_encrypt() && is_self_signed(&certificate));
            assert!(!certificate.is_ca());
            assert_eq!(certificate.names_address(&new.address), NameMatch::Names);
            assert_eq!(certificate.subject(), "CN=alice@example.test");
            assert_eq!(certificate.not_after().seconds(), 1_800_000_000 + 730 * 86_400);
            assert_eq!(certificate.validity_at(NOW), Validity::Good);
            let capabilities = certificate.smime_capabilities().unwrap();
            assert!(capabilities.has(Capability::Aes256Gcm) && capabilities.has(Capability::Aes256Cbc));
            assert_eq!(capabilities.has(Capability::RsaesOaep), algorithm.is_rsa());
            assert_eq!(certificate.subject_key_identifier().unwrap().len(), 20);
        }
    }

    #[test]
    fn addresses_that_are_not_ascii_become_smtp_utf8_mailbox() {
        let new = new("jürgen@bücher.example", NewAlgorithm::P256);
        let (_, certificate) = self_signed(&new, NOW).unwrap();
        assert_eq!(certificate.email_addresses(), [new.address]);
    }

    #[test]
    fn names_that_are_too_long_give_way() {
        let long = format!("{}@example.test", "a".repeat(64));
        let mut new = new(&long, NewAlgorithm::P256);
        new.name = Some("Alice Example".to_owned());
        assert_eq!(self_signed(&new, NOW).unwrap().1.subject(), "CN=Alice Example");
        new.name = Some("x".repeat(65));
        assert_eq!(self_signed(&new, NOW).unwrap().1.subject(), "");
    }
}
