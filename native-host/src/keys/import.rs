//! Reading keys that were made elsewhere: PKCS#12 (RFC 7292) and PEM.
//!
//! PKCS#12 with the old ciphers (RC2, single DES) needs OpenSSL's legacy provider, which is
//! loaded for that file alone and put away again.
//!
//! # Limitations
//! - OpenSSL gives out one private key of a PKCS#12 file. Further ones (GnuPG and others put a
//!   signing and an encryption key into one file) are found where they stand as usual: shrouded
//!   key bags, DER, in a SafeContents that is not encrypted as a whole.
//! - A file without a MAC is refused: OpenSSL before 3.4 takes none for one that fails, and nothing else
//!   tells a wrong password.
//! - Files that ask for more work than some seconds are refused (`effort`).
//! - A MAC that fails means a wrong password or a damaged file; the two cannot be told apart, and
//!   the former is said.

mod effort;
mod pbmac1;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, ContextSpecific, OctetStringRef};
use der::{Decode, Encode, Sequence};
use openssl::error::ErrorStack;
use openssl::pkcs7::Pkcs7;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use zeroize::Zeroizing;

use super::error::ImportError;
use super::private::PrivateKey;
use crate::x509::Certificate;
use effort::Effort;

/// A private key with its certificate.
#[derive(Debug)]
pub struct KeyMaterial {
    /// The key.
    pub private: PrivateKey,
    /// A certificate for it.
    pub certificate: Certificate,
    /// The certificates above it that came along, its issuer first.
    pub chain: Vec<Certificate>,
}

/// Reads a PKCS#12 (DER, or base64 between PEM lines) or PEM file: every certificate in it that
/// has its private key beside it.
///
/// # Errors
/// [`ImportError`] tells a wrong password from a damaged file where the format allows it.
pub fn read_key_file(content: &[u8], password: &str) -> Result<Vec<KeyMaterial>, ImportError> {
    // OpenSSL takes a C string.
    if password.contains('\0') {
        return Err(ImportError::WrongPassword);
    }
    match std::str::from_utf8(content) {
        Ok(text) if text.contains("-----BEGIN PKCS12-----") => read_pkcs12(&armoured(text)?, password),
        Ok(text) if text.contains("-----BEGIN ") => read_pem(text, password),
        // A PKCS#12 file is a SEQUENCE.
        _ if content.first() == Some(&0x30) => read_pkcs12(content, password),
        _ => Err(ImportError::NotAKeyFile),
    }
}

/// Reads what an authority sends back: certificates as PEM or DER, or a PKCS#7 bundle of them
/// (`.p7b`, `.p7c`).
///
/// # Errors
/// [`ImportError::NotACertificate`].
pub fn read_certificates(content: &[u8]) -> Result<Vec<Certificate>, ImportError> {
    if let Ok(found) = Certificate::from_pem_or_der(content) {
        return Ok(found);
    }
    let bundle = Pkcs7::from_pem(content).or_else(|_| Pkcs7::from_der(content));
    let bundle = bundle.map_err(|_| ImportError::NotACertificate)?;
    let mut found = Vec::new();
    for x509 in bundle.signed().and_then(|signed| signed.certificates()).into_iter().flatten() {
        let der = x509.to_der().map_err(|_| ImportError::Damaged)?;
        found.push(Certificate::from_der(&der).map_err(|_| ImportError::Damaged)?);
    }
    if found.is_empty() { Err(ImportError::NotACertificate) } else { Ok(found) }
}

/// Whether a PEM text holds a private key that no password protects. Of PKCS#12 nothing is said:
/// whether that one is encrypted shows only inside.
pub fn holds_key_in_the_clear(content: &[u8]) -> bool {
    let Ok(mut rest) = std::str::from_utf8(content) else { return false };
    while let Some((label, after)) = next_block(rest) {
        let body = after.split_once("-----END ").map_or(after, |(body, _)| body);
        let encrypted = label.starts_with("ENCRYPTED") || body.contains("ENCRYPTED");
        if label.ends_with("PRIVATE KEY") && !encrypted {
            return true;
        }
        rest = after;
    }
    false
}

fn armoured(text: &str) -> Result<Vec<u8>, ImportError> {
    let body = text.split("-----BEGIN PKCS12-----").nth(1).and_then(|rest| rest.split("-----END").next());
    let base64: String = body.unwrap_or_default().split_ascii_whitespace().collect();
    STANDARD.decode(base64).map_err(|_| ImportError::Damaged)
}

fn read_pkcs12(der: &[u8], password: &str) -> Result<Vec<KeyMaterial>, ImportError> {
    let damaged = |_| ImportError::Damaged;
    let file = Pkcs12::from_der(der).map_err(|_| match Certificate::from_der(der) {
        Ok(_) => ImportError::NoKey,
        Err(_) => ImportError::Damaged,
    })?;
    Effort::default().add_pkcs12(der)?;
    // Once more as OpenSSL writes it, which is DER.
    let der = file.to_der().map_err(damaged)?;
    if Pfx::from_der(&der).is_ok_and(|pfx| pfx.mac_data.is_none()) {
        return Err(ImportError::NoMac);
    }
    let (file, der) = match pbmac1::with_old_mac(&der, password)? {
        Some(der) => (Pkcs12::from_der(&der).map_err(damaged)?, der),
        None => (file, der),
    };
    let (parsed, further) = with_old_ciphers(|| parse(&file, &der, password))?;
    let x509s = parsed.cert.iter().map(AsRef::as_ref).chain(parsed.ca.iter().flatten());
    let ders = x509s.map(|x509| x509.to_der().map_err(damaged)).collect::<Result<Vec<_>, _>>()?;
    // One that is not as it should be, an authority's perhaps, does not keep the key back that has its own.
    let certificates: Vec<_> = ders.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let keys = parsed.pkey.into_iter().chain(further).collect();
    pair(keys, &certificates).map_err(|error| match error {
        ImportError::NoCertificate if certificates.len() < ders.len() => ImportError::CertificateUnreadable,
        error => error,
    })
}

/// Does something once more with OpenSSL's legacy provider if it does not work without.
fn with_old_ciphers<T>(work: impl Fn() -> Result<T, Trouble>) -> Result<T, ImportError> {
    match work() {
        Err(Trouble::Unsupported) => {
            // The default provider stays; the legacy one goes when this ends.
            let _legacy =
                Provider::try_load(None, "legacy", true).map_err(|_| ImportError::NeedsLegacyProvider)?;
            work().map_err(|trouble| match trouble {
                Trouble::Unsupported => ImportError::UnknownEncryption,
                Trouble::Other(error) => error,
            })
        }
        Err(Trouble::Other(error)) => Err(error),
        Ok(done) => Ok(done),
    }
}

enum Trouble {
    /// An algorithm is not there; with the legacy provider it may be.
    Unsupported,
    Other(ImportError),
}

type Parsed = (ParsedPkcs12_2, Vec<PKey<Private>>);

fn parse(file: &Pkcs12, der: &[u8], password: &str) -> Result<Parsed, Trouble> {
    let parsed = file.parse2(password).map_err(|stack| explain(&stack))?;
    // The password has opened the file; a bag that does not open now is left to its owner.
    let mut further = Vec::new();
    for bag in shrouded_bags(der).unwrap_or_default() {
        match PKey::private_key_from_pkcs8_passphrase(&bag, password.as_bytes()) {
            Ok(key) if parsed.pkey.as_ref().is_some_and(|first| first.public_eq(&key)) => {}
            Ok(key) => further.push(key),
            Err(stack) => match explain(&stack) {
                Trouble::Unsupported => return Err(Trouble::Unsupported),
                Trouble::Other(_) => return Err(Trouble::Other(ImportError::Damaged)),
            },
        }
    }
    Ok((parsed, further))
}

/// OpenSSL's reasons, by number: the texts change.
fn explain(stack: &ErrorStack) -> Trouble {
    /// `PKCS12_R_MAC_VERIFY_FAILURE`.
    const MAC_VERIFY_FAILURE: i32 = 113;
    /// `ERR_R_UNSUPPORTED` with `ERR_RFLAG_COMMON`: an algorithm that no provider has.
    const UNSUPPORTED: i32 = 0x8010c;
    /// `PKCS12_R_UNKNOWN_DIGEST_ALGORITHM`: of the MAC, such as PBMAC1 (RFC 9579) before OpenSSL 3.4.
    const UNKNOWN_DIGEST: i32 = 118;
    let library = |error: &openssl::error::Error| error.library().unwrap_or_default().to_owned();
    let of_pkcs12 =
        |reason| stack.errors().iter().any(|e| library(e) == "PKCS12 routines" && e.reason_code() == reason);
    let unsupported = stack.errors().iter().any(|error| error.reason_code() == UNSUPPORTED);
    if unsupported || of_pkcs12(UNKNOWN_DIGEST) {
        Trouble::Unsupported
    } else if of_pkcs12(MAC_VERIFY_FAILURE) {
        Trouble::Other(ImportError::WrongPassword)
    } else {
        Trouble::Other(ImportError::Damaged)
    }
}

fn read_pem(text: &str, password: &str) -> Result<Vec<KeyMaterial>, ImportError> {
    let mut keys = Vec::new();
    let mut effort = Effort::default();
    let mut rest = text;
    while let Some((label, after)) = next_block(rest) {
        let end = format!("-----END {label}-----");
        let (body, behind) = after.split_once(&end).ok_or(ImportError::Damaged)?;
        if label.ends_with("PRIVATE KEY") {
            if body.contains("-----") {
                return Err(ImportError::Damaged); // a block in a block, which OpenSSL would read instead
            }
            if label == ENCRYPTED_PKCS8 {
                let base64: String = body.split_ascii_whitespace().collect();
                let der = STANDARD.decode(base64).map_err(|_| ImportError::Damaged)?;
                effort.add_pkcs8(&der)?;
                keys.push(with_old_ciphers(|| encrypted_pkcs8(&der, password))?);
            } else {
                let block = Zeroizing::new(format!("-----BEGIN {label}-----{body}{end}\n"));
                keys.push(private_key(block.as_bytes(), body.contains("ENCRYPTED"), password)?);
            }
        }
        rest = behind;
    }
    if keys.is_empty() {
        return Err(ImportError::NoKey);
    }
    let certificates = Certificate::from_pem(text).map_err(|error| match error {
        crate::x509::CertificateError::NoneInPem => ImportError::NoCertificate,
        _ => ImportError::Damaged,
    })?;
    pair(keys, &certificates)
}

/// The label of the next block, and what follows its first line.
fn next_block(text: &str) -> Option<(&str, &str)> {
    text.split_once("-----BEGIN ")?.1.split_once("-----")
}

fn encrypted_pkcs8(der: &[u8], password: &str) -> Result<PKey<Private>, Trouble> {
    let key = PKey::private_key_from_pkcs8_passphrase(der, password.as_bytes());
    key.map_err(|stack| match explain(&stack) {
        Trouble::Unsupported => Trouble::Unsupported,
        Trouble::Other(_) => Trouble::Other(ImportError::WrongPassword),
    })
}

fn private_key(pem: &[u8], encrypted: bool, password: &str) -> Result<PKey<Private>, ImportError> {
    // Never without a password, be it empty: OpenSSL would then ask the terminal.
    PKey::private_key_from_pem_passphrase(pem, password.as_bytes())
        .map_err(|_| if encrypted { ImportError::WrongPassword } else { ImportError::Damaged })
}

/// The label of an EncryptedPrivateKeyInfo (RFC 7468 section 11). Other encrypted keys cost one round of MD5.
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";

/// Puts each key to its certificates and each of those to what stands above it.
fn pair(keys: Vec<PKey<Private>>, certificates: &[Certificate]) -> Result<Vec<KeyMaterial>, ImportError> {
    if keys.is_empty() {
        return Err(ImportError::NoKey);
    }
    let mut found = Vec::new();
    for key in keys {
        for certificate in certificates {
            let private = PrivateKey::new(key.clone());
            if private.belongs_to(certificate) {
                let (certificate, chain) = (certificate.clone(), chain_above(certificate, certificates));
                found.push(KeyMaterial { private, certificate, chain });
            }
        }
    }
    if found.is_empty() { Err(ImportError::NoCertificate) } else { Ok(found) }
}

/// Follows the issuers' names upwards. Names alone: whoever uses the chain verifies it.
pub(super) fn chain_above(leaf: &Certificate, others: &[Certificate]) -> Vec<Certificate> {
    let mut chain = Vec::new();
    let mut top = leaf;
    while let Some(issuer) = others
        .iter()
        .find(|other| *other != leaf && !chain.contains(*other) && is_above(other, top).unwrap_or(false))
    {
        chain.push(issuer.clone());
        top = issuer;
    }
    chain
}

/// Whether the one names the other as its issuer.
fn is_above(issuer: &Certificate, below: &Certificate) -> Result<bool, ErrorStack> {
    Ok(issuer.x509()?.subject_name().to_der()? == below.x509()?.issuer_name().to_der()?)
}

/// `PFX`, `ContentInfo` and `SafeBag` of RFC 7292 section 4, as far as they are needed to reach
/// the shrouded key bags.
#[derive(Sequence)]
struct Pfx<'a> {
    version: u8,
    auth_safe: ContentInfo<'a>,
    mac_data: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: ObjectIdentifier,
    content: ContextSpecific<AnyRef<'a>>,
}

#[derive(Sequence)]
struct SafeBag<'a> {
    bag_id: ObjectIdentifier,
    value: ContextSpecific<AnyRef<'a>>,
    attributes: Option<AnyRef<'a>>,
}

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");

/// The EncryptedPrivateKeyInfo of every shrouded key bag that stands in the clear.
fn shrouded_bags(der: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    let pfx = Pfx::from_der(der)?;
    let mut bags = Vec::new();
    for safe in Vec::<ContentInfo<'_>>::from_der(plain(&pfx.auth_safe)?)? {
        if safe.content_type == DATA {
            for bag in Vec::<SafeBag<'_>>::from_der(plain(&safe)?)? {
                if bag.bag_id == SHROUDED_KEY_BAG {
                    bags.push(bag.value.value.to_der()?);
                }
            }
        }
    }
    Ok(bags)
}

fn plain<'a>(info: &ContentInfo<'a>) -> der::Result<&'a [u8]> {
    Ok(info.content.value.decode_as::<OctetStringRef<'a>>()?.as_bytes())
}
