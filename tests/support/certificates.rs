//! Certificates for tests, made on the spot.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

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
