//! An organisation's own certificate authority: a key held like any other, which signs its users'
//! requests. Correspondents trust it where the domain names it in a DANE-TA record (usage 2).
//!
//! An answer holds what this program puts into its own certificates for the addresses asked for,
//! and a commonName; nothing else of the request, whose other names and extensions are wishes of whoever
//! wrote it.
//!
//! # Limitations
//! No revocation lists: a user's certificate is withdrawn by its record in the DNS. One level, no
//! intermediate authorities (pathLenConstraint 0).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_SUBJECT_ALT_NAME, ID_KP_EMAIL_PROTECTION};
use der::asn1::OctetString;
use der::{Decode, DecodePem, Encode};
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef, X509Req};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::request::{CertReq, ExtensionReq};

use super::error::{IssueError, KeyError};
use super::generate::{
    BACKDATED_SECONDS, DAY_SECONDS, NewKey, add_subject_key_identifier, alternative_names, extension,
    serial_number, subject,
};
use super::private::PrivateKey;
use super::store::SigningKey;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::{Capabilities, Capability, Certificate, KeyAlgorithm, addresses_of_alternative_name};

const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// What an authority is asked to certify.
pub struct CertificateRequest {
    request: X509Req,
    /// The addresses that the certificate is to name; there is at least one.
    pub addresses: Vec<EmailAddress>,
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateRequest").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl CertificateRequest {
    /// Reads a PKCS#10 request, PEM or DER, and checks that its sender holds the key.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn read(content: &[u8]) -> Result<Self, IssueError> {
        let text = std::str::from_utf8(content).unwrap_or_default();
        let parsed = if text.contains("-----BEGIN ") {
            CertReq::from_pem(text.trim_start()).map_err(|_| IssueError::NotARequest)?
        } else {
            CertReq::from_der(content).map_err(|_| IssueError::NotARequest)?
        };
        let der = parsed.to_der().map_err(|_| IssueError::NotARequest)?;
        let request = X509Req::from_der(&der).map_err(|_| IssueError::NotARequest)?;
        let key = request.public_key().map_err(|_| IssueError::NotARequest)?;
        if !request.verify(&key).unwrap_or(false) {
            return Err(IssueError::BadSignature);
        }
        let addresses = requested_addresses(&parsed).unwrap_or_default();
        if addresses.is_empty() { Err(IssueError::NoAddress) } else { Ok(Self { request, addresses }) }
    }

    /// The name that the certificate bears: the commonName asked for. An emailAddress beside it would
    /// count as an address of its own, which nobody has compared with the authority's domain.
    fn subject(&self) -> Result<X509Name, KeyError> {
        let address = self.addresses.first().ok_or(IssueError::NoAddress)?;
        let asked = self.request.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        let wished = asked.and_then(|entry| entry.data().to_string().ok());
        Ok(subject(wished.as_deref(), address)?)
    }
}

fn requested_addresses(request: &CertReq) -> Option<Vec<EmailAddress>> {
    let attribute = request.info.attributes.iter().find(|attribute| attribute.oid == EXTENSION_REQUEST)?;
    let value = attribute.values.iter().next()?.to_der().ok()?;
    let ExtensionReq(extensions): ExtensionReq = ExtensionReq(Extensions::from_der(&value).ok()?);
    let names = extensions.iter().find(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME)?;
    addresses_of_alternative_name(names.extn_value.as_bytes())
}

/// Makes the authority's key and certificate.
pub(super) fn self_signed(new: &NewKey, now: UnixTime) -> Result<(PrivateKey, Certificate), KeyError> {
    let key = new.algorithm.make()?;
    let name = subject(new.name.as_deref(), &new.address)?;
    let mut builder = begun(&name, &name, new.days, now)?;
    builder.set_pubkey(&key)?;
    add_subject_key_identifier(&mut builder, &key)?;
    let authority = BasicConstraints { ca: true, path_len_constraint: Some(0) };
    builder.append_extension(extension("2.5.29.19", true, authority.to_der())?)?;
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    builder.append_extension(extension("2.5.29.15", true, usage.to_der())?)?;
    builder.sign(&key, new.algorithm.digest())?;
    Ok((PrivateKey::new(key), finished(builder)?))
}

/// Signs a request.
pub(super) fn issue(
    request: &CertificateRequest,
    authority: &SigningKey,
    days: u16,
    now: UnixTime,
) -> Result<Certificate, KeyError> {
    let key = request.request.public_key()?;
    let issuer = authority.certificate.x509()?.subject_name();
    let mut builder = begun(&*request.subject()?, issuer, days, now)?;
    // Nobody believes it longer than its authority.
    let last = authority.certificate.not_after();
    if last < not_after(days, now) {
        builder.set_not_after(&*Asn1Time::from_unix(last.seconds())?)?;
    }
    builder.set_pubkey(&key)?;
    add_subject_key_identifier(&mut builder, &key)?;
    if let Some(identifier) = authority.certificate.subject_key_identifier() {
        let value = OctetString::new(identifier).and_then(|octets| {
            AuthorityKeyIdentifier { key_identifier: Some(octets), ..AuthorityKeyIdentifier::default() }
                .to_der()
        });
        builder.append_extension(extension("2.5.29.35", false, value)?)?;
    }
    let user = BasicConstraints { ca: false, path_len_constraint: None };
    builder.append_extension(extension("2.5.29.19", true, user.to_der())?)?;
    let rsa = is_rsa(&key);
    let encryption = if rsa { KeyUsages::KeyEncipherment } else { KeyUsages::KeyAgreement };
    let usage = KeyUsage(KeyUsages::DigitalSignature | encryption);
    builder.append_extension(extension("2.5.29.15", true, usage.to_der())?)?;
    let mail = ExtendedKeyUsage(vec![ID_KP_EMAIL_PROTECTION]);
    builder.append_extension(extension("2.5.29.37", false, mail.to_der())?)?;
    builder.append_extension(extension("2.5.29.17", false, alternative_names(&request.addresses))?)?;
    // AES-CBC is what every program reads; whether the user's reads more, their first mail will say.
    let capabilities = Capabilities::new([Capability::Aes256Cbc, Capability::Aes128Cbc]);
    builder.append_extension(extension("1.2.840.113549.1.9.15", false, capabilities.to_der())?)?;
    let digest = match authority.certificate.key_algorithm() {
        KeyAlgorithm::P384 => MessageDigest::sha384(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(authority.private.unsealed()?.pkey(), digest)?;
    let certificate = finished(builder)?;
    // Looked at in the certificate, where one reader judges keys: RSA with the exponent 1 is none.
    match certificate.key_algorithm() {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 | KeyAlgorithm::Rsa(2048..=4096) => {
            Ok(certificate)
        }
        unfit => Err(IssueError::UnfitKey(unfit).into()),
    }
}

fn is_rsa(key: &PKeyRef<Public>) -> bool {
    key.id() == Id::RSA
}

fn begun(
    name: &X509NameRef,
    issuer: &X509NameRef,
    days: u16,
    now: UnixTime,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?; // counts from 0: version 3
    builder.set_serial_number(&*serial_number()?)?;
    builder.set_subject_name(name)?;
    builder.set_issuer_name(issuer)?;
    let not_before = now.plus(-BACKDATED_SECONDS);
    builder.set_not_before(&*Asn1Time::from_unix(not_before.seconds())?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after(days, now).seconds())?)?;
    Ok(builder)
}

fn not_after(days: u16, now: UnixTime) -> UnixTime {
    now.plus(i64::from(days).saturating_mul(DAY_SECONDS))
}

fn finished(builder: X509Builder) -> Result<Certificate, KeyError> {
    let der = builder.build().to_der()?;
    // What we made must be what we can read.
    Certificate::from_der(&der).map_err(|_| ErrorStack::get().into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::keys::generate::{self, NewAlgorithm};
    use crate::keys::private::UsableKey;
    use crate::x509::NameMatch;
    use crate::x509::samples::is_self_signed;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn new(address: &str, algorithm: NewAlgorithm) -> NewKey {
        NewKey { address: EmailAddress::parse(address).unwrap(), name: None, algorithm, days: 30 }
    }

    fn authority() -> SigningKey {
        let wish =
            NewKey { name: Some("Example CA".to_owned()), ..new("ca@example.test", NewAlgorithm::P384) };
        let (private, certificate) = self_signed(&wish, NOW).unwrap();
        SigningKey { certificate, chain: Vec::new(), private: UsableKey::Unsealed(Arc::new(private)) }
    }

    #[test]
    fn an_authority_signs_what_its_users_ask_for() {
        let authority = authority();
        assert!(authority.certificate.is_ca() && is_self_signed(&authority.certificate));
        assert!(!authority.certificate.can_sign() && !authority.certificate.can_encrypt());
        for (address, algorithm) in
            [("alice@example.test", NewAlgorithm::P256), ("jürgen@bücher.example", NewAlgorithm::Rsa2048)]
        {
            let (private, der) = generate::request(&new(address, algorithm)).unwrap();
            let request = CertificateRequest::read(&der).unwrap();
            let certificate = issue(&request, &authority, 365, NOW).unwrap();
            assert!(private.belongs_to(&certificate) && !certificate.is_ca());
            assert!(certificate.can_sign() && certificate.can_encrypt(), "{address}");
            let address = EmailAddress::parse(address).unwrap();
            assert_eq!(certificate.names_address(&address), NameMatch::Names);
            let key = authority.certificate.x509().unwrap().public_key().unwrap();
            assert!(certificate.x509().unwrap().verify(&key).unwrap());
        }
    }

    #[test]
    fn a_request_that_is_none() {
        let (_, mut der) = generate::request(&new("alice@example.test", NewAlgorithm::P256)).unwrap();
        assert!(matches!(CertificateRequest::read(b"no"), Err(IssueError::NotARequest)));
        let last = der.len() - 1;
        der[last] ^= 1;
        assert!(matches!(
            CertificateRequest::read(&der),
            Err(IssueError::BadSignature | IssueError::NotARequest)
        ));
    }

    #[test]
    fn keys_that_will_not_do_are_not_vouched_for() {
        let authority = authority();
        let issued = |key: &openssl::pkey::PKey<openssl::pkey::Private>| {
            let mut builder = X509Req::builder().unwrap();
            builder.set_pubkey(key).unwrap();
            let names = extension(
                "2.5.29.17",
                false,
                alternative_names(&[EmailAddress::parse("alice@example.test").unwrap()]),
            );
            let mut extensions = openssl::stack::Stack::new().unwrap();
            extensions.push(names.unwrap()).unwrap();
            builder.add_extensions(&extensions).unwrap();
            let digest =
                if key.id() == Id::ED25519 { MessageDigest::null() } else { MessageDigest::sha256() };
            builder.sign(key, digest).unwrap();
            let request = CertificateRequest::read(&builder.build().to_der().unwrap()).unwrap();
            issue(&request, &authority, 365, NOW)
        };
        use openssl::{ec, pkey::PKey, rsa::Rsa};
        let curve = |nid| {
            PKey::from_ec_key(ec::EcKey::generate(&ec::EcGroup::from_curve_name(nid).unwrap()).unwrap())
                .unwrap()
        };
        let rsa = |bits| PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
        for key in [rsa(1024), PKey::generate_ed25519().unwrap(), curve(Nid::SECP256K1)] {
            assert!(matches!(issued(&key), Err(KeyError::Issue(IssueError::UnfitKey(_)))));
        }
        assert!(issued(&rsa(2048)).is_ok() && issued(&curve(Nid::X9_62_PRIME256V1)).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets: Vec<u8>) {
            let _ = CertificateRequest::read(&octets);
        }
    }
}
