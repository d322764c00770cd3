//! Certificates for unit tests, made on the spot.

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Extension, X509NameBuilder};

use super::Certificate;

/// What to put into a certificate. Extensions are (OID, critical, DER of the value).
pub(crate) struct Sample<'a> {
    pub(crate) subject: &'a [(&'a str, &'a str)],
    pub(crate) extensions: &'a [(&'a str, bool, &'a [u8])],
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) serial: &'a [u8],
}

impl Default for Sample<'_> {
    fn default() -> Self {
        Self {
            subject: &[("CN", "Bob")],
            extensions: &[],
            not_before: 1_000_000_000,
            not_after: 2_000_000_000,
            serial: &[0x7f, 1],
        }
    }
}

/// Whether subject and issuer are the same and the signature is by the certificate's own key.
pub(crate) fn is_self_signed(certificate: &Certificate) -> bool {
    let verify = || certificate.x509().and_then(|x509| x509.verify(&*x509.public_key()?));
    certificate.subject() == certificate.issuer() && verify().unwrap_or(false)
}

impl Sample<'_> {
    pub(crate) fn signed_by(&self, key: &PKey<Private>) -> Certificate {
        self.issued_by(key, key)
    }

    /// For a key that cannot sign.
    pub(crate) fn issued_by(&self, key: &PKey<Private>, issuer: &PKey<Private>) -> Certificate {
        let mut name = X509NameBuilder::new().unwrap();
        for (field, value) in self.subject {
            name.append_entry_by_text(field, value).unwrap();
        }
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_slice(self.serial).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(self.not_before).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(self.not_after).unwrap()).unwrap();
        builder.set_pubkey(key).unwrap();
        for (oid, critical, value) in self.extensions {
            let oid = Asn1Object::from_str(oid).unwrap();
            let value = Asn1OctetString::new_from_bytes(value).unwrap();
            let extension = X509Extension::new_from_der(&oid, *critical, &value).unwrap();
            builder.append_extension(extension).unwrap();
        }
        builder.sign(issuer, MessageDigest::sha256()).unwrap();
        Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
    }
}

pub(crate) fn p256() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub(crate) fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}
