//! Certificates for tests, made on the spot.
#![allow(dead_code, reason = "each program uses its part")]

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

/// A self-signed certificate with its key.
pub struct Made {
    pub der: Vec<u8>,
    pub pem: Vec<u8>,
    pub key: PKey<Private>,
}

/// P-256, for `address`, valid from and until so many days from now.
pub fn certificate(address: &str, from_days: i64, until_days: i64) -> Made {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", address).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    builder.set_not_before(&Asn1Time::from_unix(now + from_days * 86400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + until_days * 86400).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().email(address).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder
        .append_extension(KeyUsage::new().critical().digital_signature().key_agreement().build().unwrap())
        .unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    Made { der: certificate.to_der().unwrap(), pem: certificate.to_pem().unwrap(), key }
}

/// An authority that issues certificates for mail.
pub struct Authority {
    pub certificate: X509,
    key: PKey<Private>,
    serial: u32,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = rsa(2048);
        let mut builder = begin(name, name, &key, 1);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key, serial: 1 }
    }

    /// For signing and encrypting mail of this address, with this key.
    pub fn issue(&mut self, address: &str, key: &PKey<Private>) -> X509 {
        self.serial += 1;
        let issuer = common_name(&self.certificate);
        let mut builder = begin(address, &issuer, key, self.serial);
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let names = SubjectAlternativeName::new().email(address).build(&context).unwrap();
        builder.append_extension(names).unwrap();
        let mut usage = KeyUsage::new();
        usage.critical().digital_signature();
        if key.rsa().is_ok() {
            usage.key_encipherment()
        } else {
            usage.key_agreement()
        };
        builder.append_extension(usage.build().unwrap()).unwrap();
        builder.append_extension(ExtendedKeyUsage::new().email_protection().build().unwrap()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        builder.build()
    }
}

pub fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

pub fn ec(curve: Nid) -> PKey<Private> {
    PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap()
}

fn common_name(certificate: &X509) -> String {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().unwrap();
    String::from_utf8(entry.data().as_slice().to_vec()).unwrap()
}

fn begin(subject: &str, issuer: &str, key: &PKey<Private>, serial: u32) -> X509Builder {
    let name = |text: &str| {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", text).unwrap();
        name.build()
    };
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_issuer_name(&name(issuer)).unwrap();
    builder.set_pubkey(key).unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    builder.set_not_before(&Asn1Time::from_unix(now - 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + 300 * 86_400).unwrap()).unwrap();
    builder
}
