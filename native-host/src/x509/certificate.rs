//! A certificate, read once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::asn1::{Any, AnyRef};
use der::{Decode, Encode, Tag, Tagged};
use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};
use x509_cert::name::Name;

use super::asn1::children;
use super::constraints;
use super::names::Names;
use super::usage::Usage;
use super::{Capabilities, Fingerprint, Fitness, KeyAlgorithm, NameMatch, PssRules};
use crate::clock::UnixTime;
use crate::mime::EmailAddress;

/// The extension of RFC 4262.
const SMIME_CAPABILITIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.15");
/// Most attributes in one relative distinguished name.
const MAX_IN_RDN: usize = 100;
const PEM_LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];

/// Why octets are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The base64 between the PEM lines is wrong, or a block does not end.
    #[error("the PEM text is damaged")]
    BadPem,
    /// The octets are no DER encoding of a certificate, or something follows it.
    #[error("this is not a certificate")]
    NotACertificate,
    /// There is no certificate in the PEM text.
    #[error("there is no certificate in this file")]
    NoneInPem,
}

/// Whether a moment lies in a certificate's validity period, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// After notAfter.
    Expired,
    /// In between.
    Good,
    /// Before notBefore.
    NotYet,
}

/// Who issued a certificate and under which number: how CMS names signers and recipients
/// (RFC 5652 section 10.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerAndSerial {
    /// DER of the issuer's Name, as it stands in the certificate.
    pub issuer: Vec<u8>,
    /// The content octets of the serial number's INTEGER, as they stand in the certificate.
    pub serial: Vec<u8>,
}

/// A certificate, read by `x509-cert`, and by OpenSSL where it is needed. Cheap to clone.
///
/// Two are equal when their octets are.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    spki: Vec<u8>,
    sha256: Fingerprint,
    x509: OnceLock<Result<X509, ErrorStack>>,
    parsed: CertificateInner<Raw>,
    names: Names,
    usage: Usage,
    algorithm: KeyAlgorithm,
}

impl Certificate {
    /// Reads exactly one certificate.
    ///
    /// # Errors
    /// [`CertificateError::NotACertificate`] for anything else, trailing octets included.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let no = |_| CertificateError::NotACertificate;
        if has_endless_name(der).unwrap_or(true) {
            return Err(CertificateError::NotACertificate);
        }
        let parsed = CertificateInner::<Raw>::from_der(der).map_err(no)?;
        let tbs = &parsed.tbs_certificate;
        // Every key here is whole octets. A count of unused bits that says otherwise is a second
        // spelling of the same key, which OpenSSL passes over and hashes do not.
        if tbs.subject_public_key_info.subject_public_key.unused_bits() != 0 {
            return Err(CertificateError::NotACertificate);
        }
        let spki = tbs.subject_public_key_info.to_der().map_err(no)?;
        let algorithm = KeyAlgorithm::read(&tbs.subject_public_key_info, &spki);
        let extensions = Extensions(&parsed);
        let names = match extensions.get(&ID_CE_SUBJECT_ALT_NAME) {
            Ok(value) => Names::read(&tbs.subject, value),
            Err(Doubled) => Names::read(&tbs.subject, None).unreadable(),
        };
        let usage = extensions.usage();
        let sha256 = Fingerprint::of(der);
        let (der, x509) = (der.to_vec(), OnceLock::new());
        Ok(Self(Arc::new(Inner { der, spki, sha256, x509, parsed, names, usage, algorithm })))
    }

    /// Reads every certificate of a PEM text, in order. Other blocks (keys) and text between
    /// blocks are passed over.
    ///
    /// # Errors
    /// [`CertificateError`]; one bad certificate spoils the whole.
    pub fn from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some((label, begun)) =
            rest.split_once("-----BEGIN ").and_then(|(_, after)| after.split_once("-----"))
        {
            let (body, after) =
                begun.split_once(&format!("-----END {label}-----")).ok_or(CertificateError::BadPem)?;
            if PEM_LABELS.contains(&label) {
                let base64: String = body.split_ascii_whitespace().collect();
                let der = STANDARD.decode(base64).map_err(|_| CertificateError::BadPem)?;
                found.push(Self::from_der(&der)?);
            }
            rest = after;
        }
        if found.is_empty() { Err(CertificateError::NoneInPem) } else { Ok(found) }
    }

    /// Reads a file's content, PEM (one or many) or DER (one).
    ///
    /// # Errors
    /// As [`Certificate::from_pem`] and [`Certificate::from_der`].
    pub fn from_pem_or_der(content: &[u8]) -> Result<Vec<Self>, CertificateError> {
        match std::str::from_utf8(content) {
            Ok(text) if text.contains("-----BEGIN ") => Self::from_pem(text),
            _ => Ok(vec![Self::from_der(content)?]),
        }
    }

    /// The octets, exactly as they came.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One PEM block, 64 columns, with a final newline.
    pub fn to_pem(&self) -> String {
        let base64 = STANDARD.encode(self.der());
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = base64.as_str();
        while let Some((line, after)) = rest.split_at_checked(64) {
            pem.extend([line, "\n"]);
            rest = after;
        }
        if !rest.is_empty() {
            pem.extend([rest, "\n"]);
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// OpenSSL's view, for cryptography. Made when it is first asked for: OpenSSL 3.0 takes longer
    /// to read a key than to check a signature with it, and most certificates are only looked at.
    ///
    /// # Errors
    /// OpenSSL cannot read it, or would not write the same octets: two readers of one file must not
    /// see two certificates.
    pub fn x509(&self) -> Result<&X509Ref, ErrorStack> {
        let read = || {
            let x509 = X509::from_der(&self.0.der)?;
            if x509.to_der()? == self.0.der { Ok(x509) } else { Err(ErrorStack::get()) }
        };
        self.0.x509.get_or_init(read).as_deref().map_err(Clone::clone)
    }

    /// Whether OpenSSL can read it. That takes long, so it is asked only where a name is in a character set that it cannot
    /// always convert. Not checked: anything else that it might not like.
    pub fn openssl_reads(&self) -> bool {
        let tbs = &self.0.parsed.tbs_certificate;
        let attributes =
            [&tbs.subject, &tbs.issuer].into_iter().flat_map(|name| &name.0).flat_map(|rdn| rdn.0.iter());
        let mut values = attributes.map(|attribute| &attribute.value);
        let is_plain = |value: &Any| match value.tag() {
            Tag::PrintableString | Tag::Ia5String => true,
            Tag::Utf8String => std::str::from_utf8(value.value()).is_ok(),
            _ => false,
        };
        values.all(is_plain) || self.x509().is_ok()
    }

    /// SHA-256 over the DER.
    pub fn sha256(&self) -> Fingerprint {
        self.0.sha256
    }

    /// DER of the SubjectPublicKeyInfo: what SMIMEA selector 1 means.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The subject in RFC 4514 form; empty where the certificate has none.
    pub fn subject(&self) -> String {
        readable(&self.0.parsed.tbs_certificate.subject)
    }

    /// The issuer in RFC 4514 form.
    pub fn issuer(&self) -> String {
        readable(&self.0.parsed.tbs_certificate.issuer)
    }

    /// The serial number in lower-case hexadecimal, as it is encoded.
    pub fn serial(&self) -> String {
        hex::encode(self.0.parsed.tbs_certificate.serial_number.as_bytes())
    }

    /// How CMS names this certificate.
    pub fn issuer_and_serial(&self) -> IssuerAndSerial {
        let serial = self.0.parsed.tbs_certificate.serial_number.as_bytes().to_vec();
        // OpenSSL keeps a name's octets; the other reader would sort a multi-valued RDN.
        let issuer = self.x509().and_then(|x509| x509.issuer_name().to_der()).unwrap_or_default();
        IssuerAndSerial { issuer, serial }
    }

    /// The value of the subjectKeyIdentifier extension, if there is one.
    pub fn subject_key_identifier(&self) -> Option<Vec<u8>> {
        let value = Extensions(&self.0.parsed).get(&ID_CE_SUBJECT_KEY_IDENTIFIER).ok()??;
        Some(SubjectKeyIdentifier::from_der(value).ok()?.0.into_bytes())
    }

    /// From when on it is valid, that second included.
    pub fn not_before(&self) -> UnixTime {
        moment(self.0.parsed.tbs_certificate.validity.not_before)
    }

    /// Until when it is valid, that second included.
    pub fn not_after(&self) -> UnixTime {
        moment(self.0.parsed.tbs_certificate.validity.not_after)
    }

    /// Where `at` lies. A certificate whose period ends before it begins is never good.
    pub fn validity_at(&self, at: UnixTime) -> Validity {
        if at > self.not_after() {
            Validity::Expired
        } else if at < self.not_before() {
            Validity::NotYet
        } else {
            Validity::Good
        }
    }

    /// The addresses it names, in its order: emailAddress attributes of the subject, then
    /// rfc822Name (RFC 5280) and SmtpUTF8Mailbox (RFC 9598) of the subjectAltName. Entries that
    /// are no addresses are left out here and counted by [`Certificate::names_address`].
    pub fn email_addresses(&self) -> &[EmailAddress] {
        &self.0.names.addresses
    }

    /// Whether it names this address (RFC 8550 section 3).
    pub fn names_address(&self, address: &EmailAddress) -> NameMatch {
        self.0.names.judge(address)
    }

    /// The kind of key it holds.
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm
    }

    /// Whether it may be used to sign mail. Dates, names and trust are not looked at.
    pub fn signing_fitness(&self) -> Fitness {
        let algorithm = self.0.algorithm;
        match self.0.usage.signing(algorithm) {
            Fitness::Fit if matches!(algorithm, KeyAlgorithm::RsaPss(_)) && self.pss_rules().is_none() => {
                Fitness::UnsupportedKey(algorithm)
            }
            fitness => fitness,
        }
    }

    /// How its key signs, where it is restricted to RSASSA-PSS and to what is done here.
    pub fn pss_rules(&self) -> Option<PssRules> {
        let KeyAlgorithm::RsaPss(bits) = self.0.algorithm else { return None };
        let parameters = self.0.parsed.tbs_certificate.subject_public_key_info.algorithm.parameters.as_ref();
        PssRules::read(parameters.map(AnyRef::from), bits)
    }

    /// Whether a mail's signature by it may be accepted. Dates, names and trust are not looked at.
    pub fn may_have_signed(&self) -> bool {
        self.0.usage.having_signed(self.0.algorithm).is_fit()
    }

    /// Whether mail may be encrypted to it. Dates, names and trust are not looked at.
    pub fn encryption_fitness(&self) -> Fitness {
        self.0.usage.encryption(self.0.algorithm)
    }

    /// Whether [`Certificate::signing_fitness`] says so.
    pub fn can_sign(&self) -> bool {
        self.signing_fitness().is_fit()
    }

    /// Whether [`Certificate::encryption_fitness`] says so.
    pub fn can_encrypt(&self) -> bool {
        self.encryption_fitness().is_fit()
    }

    /// Whether its basicConstraints call it a certificate authority.
    pub fn is_ca(&self) -> bool {
        let value = Extensions(&self.0.parsed).get(&ID_CE_BASIC_CONSTRAINTS);
        matches!(value, Ok(Some(der)) if BasicConstraints::from_der(der).is_ok_and(|basic| basic.ca))
    }

    /// Whether its nameConstraints let it vouch for certificates with all of these addresses. Not checked: constraints
    /// of other names.
    pub fn may_vouch_for(&self, addresses: &[EmailAddress]) -> bool {
        match Extensions(&self.0.parsed).get(&ID_CE_NAME_CONSTRAINTS) {
            Ok(None) => true,
            Ok(Some(der)) => constraints::allow(der, addresses).unwrap_or(false),
            Err(Doubled) => false,
        }
    }

    /// What its holder can read, where the certificate says so (RFC 4262; reading it is a MUST of
    /// RFC 8162 section 5). An unreadable extension says nothing.
    pub fn smime_capabilities(&self) -> Option<Capabilities> {
        let value = Extensions(&self.0.parsed).get(&SMIME_CAPABILITIES).ok()??;
        Capabilities::from_der(value).ok()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sha256.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} {})", self.0.sha256, self.subject())
    }
}

/// The extension stands more than once, which RFC 5280 section 4.2 forbids.
struct Doubled;

struct Extensions<'a>(&'a CertificateInner<Raw>);

impl<'a> Extensions<'a> {
    fn all(&self) -> &'a [x509_cert::ext::Extension] {
        self.0.tbs_certificate.extensions.as_deref().unwrap_or_default()
    }

    fn get(&self, oid: &ObjectIdentifier) -> Result<Option<&'a [u8]>, Doubled> {
        let mut found = self.all().iter().filter(|extension| extension.extn_id == *oid);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Doubled),
            (first, None) => Ok(first.map(|extension| extension.extn_value.as_bytes())),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage {
            foreign: self.all().iter().any(|e| e.critical && !Usage::understands(&e.extn_id)),
            ..Usage::default()
        };
        usage.key_usage = self.read(&ID_CE_KEY_USAGE, &mut usage.foreign);
        usage.extended = self.read(&ID_CE_EXT_KEY_USAGE, &mut usage.foreign);
        usage
    }

    /// Decodes an extension; one that is doubled or unreadable is `foreign`, not absent.
    fn read<T: Decode<'a>>(&self, oid: &ObjectIdentifier, foreign: &mut bool) -> Option<T> {
        let read = match self.get(oid) {
            Ok(None) => return None,
            Ok(Some(value)) => T::from_der(value).ok(),
            Err(Doubled) => None,
        };
        *foreign |= read.is_none();
        read
    }
}

/// Whether a name has more attributes side by side (RFC 5280 section 4.1.2.4) than anybody's: `x509-cert` sorts them,
/// in a time that grows with their square.
fn has_endless_name(der: &[u8]) -> Option<bool> {
    let certificate = children(AnyRef::from_der(der).ok()?)?;
    let Some(signed) = certificate.first() else { return Some(false) };
    for name in children(*signed)?.into_iter().filter(|field| field.tag() == Tag::Sequence) {
        for rdn in children(name)?.into_iter().filter(|rdn| rdn.tag() == Tag::Set) {
            if children(rdn)?.len() > MAX_IN_RDN {
                return Some(true);
            }
        }
    }
    Some(false)
}

fn moment(time: x509_cert::time::Time) -> UnixTime {
    UnixTime::from_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// RFC 4514 form, with the characters that could make a name look like another (controls, marks
/// of writing direction, zero width) as the `\xx` octets that section 2.4 provides.
fn readable(name: &Name) -> String {
    let misleading = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut text = String::new();
    for c in name.to_string().chars() {
        if misleading(c) {
            let mut octets = [0; 4];
            for octet in c.encode_utf8(&mut octets).bytes() {
                text.push_str(&format!("\\{octet:02x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}
