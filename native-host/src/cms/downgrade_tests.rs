//! Encrypted objects that were made into others, in which changes would go unnoticed.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode};
use openssl::pkey::{PKey, Private};

use super::*;
use crate::x509::samples::{Sample, rsa};
use crate::x509::{Certificate, children};

const SECRET: &[u8] = b"Content-Type: text/plain\r\n\r\nmeet me at noon\r\n";

const ENVELOPED: &str = "1.2.840.113549.1.7.3";
const AUTH_ENVELOPED: &str = "1.2.840.113549.1.9.16.1.23";

struct Bob {
    certificate: Certificate,
    key: PKey<Private>,
}

impl Bob {
    fn new() -> Self {
        let key = rsa(2048);
        Self { certificate: Sample::default().signed_by(&key), key }
    }

    /// The fields of an object for him: version, RecipientInfos, EncryptedContentInfo, and the MAC where there is one.
    fn sealed(&self, cipher: ContentCipher) -> Vec<Vec<u8>> {
        let der =
            encrypt(SECRET, &[Recipient { certificate: &self.certificate, known: None }], cipher).unwrap();
        let der = CmsObject::parse(&der).unwrap().inner.to_der().unwrap();
        parts(&parts(&parts(&der)[1])[0])
    }

    fn opens(&self, kind: &str, fields: &[Vec<u8>]) -> Result<Vec<u8>, CmsError> {
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let enveloped = tlv::value(tlv::SEQUENCE, &fields).unwrap();
        let explicit = tlv::value(tlv::context(0), &[&enveloped]).unwrap();
        let kind = ObjectIdentifier::new_unwrap(kind).to_der().unwrap();
        let object = CmsObject::parse(&tlv::value(tlv::SEQUENCE, &[&kind, &explicit]).unwrap())?;
        decrypt(&object, &self.certificate, Key::Here(&self.key))
    }
}

/// The values inside a constructed one, as DER.
fn parts(der: &[u8]) -> Vec<Vec<u8>> {
    let inside = children(AnyRef::from_der(der).unwrap()).unwrap();
    inside.iter().map(|value| value.to_der().unwrap()).collect()
}

fn octets(value: &[u8]) -> Vec<u8> {
    tlv::value(tlv::OCTET_STRING, &[value]).unwrap()
}

#[test]
fn no_ciphertext_without_a_tag_passes_for_an_authenticated_one() {
    let bob = Bob::new();
    let fields = bob.sealed(ContentCipher::Aes256Cbc);
    assert_eq!(bob.opens(ENVELOPED, &fields).unwrap(), SECRET);
    for mac in [&[][..], &[0], &[0; 16]] {
        let with_mac = [&fields[..], &[octets(mac)]].concat();
        assert!(matches!(bob.opens(AUTH_ENVELOPED, &with_mac), Err(CmsError::DecryptionFailed)), "{mac:?}");
    }
    let authenticated = bob.sealed(ContentCipher::Aes256Gcm);
    assert!(matches!(bob.opens(ENVELOPED, &authenticated[..3]), Err(CmsError::DecryptionFailed)));
}

#[test]
fn a_tag_that_can_be_guessed_proves_nothing() {
    let bob = Bob::new();
    let fields = bob.sealed(ContentCipher::Aes256Gcm);
    let tag = AnyRef::from_der(&fields[3]).unwrap().value();
    let with_tag = |octets_of_tag: usize| [&fields[..3], &[octets(&tag[..octets_of_tag])]].concat();
    for length in 0..=16 {
        let opened = bob.opens(AUTH_ENVELOPED, &with_tag(length));
        assert_eq!(opened.is_ok(), length >= 12, "{length} octets: {opened:?}");
    }
    let unsaid = |length: usize| bob.opens(AUTH_ENVELOPED, &without_tag_length(&fields, length));
    assert_eq!(unsaid(12).unwrap(), SECRET);
    assert!(matches!(unsaid(8), Err(CmsError::DecryptionFailed)));
}

/// The length of 12 octets goes without saying (RFC 5084 section 3.2), and DER then leaves it out.
fn without_tag_length(fields: &[Vec<u8>], length: usize) -> Vec<Vec<u8>> {
    let content = parts(&fields[2]);
    let cipher = parts(&content[1]);
    let nonce = parts(&cipher[1]).swap_remove(0);
    let parameters = tlv::value(tlv::SEQUENCE, &[&nonce]).unwrap();
    let cipher = tlv::value(tlv::SEQUENCE, &[&cipher[0], &parameters]).unwrap();
    let content = tlv::value(tlv::SEQUENCE, &[&content[0], &cipher, &content[2]]).unwrap();
    let tag = AnyRef::from_der(&fields[3]).unwrap().value();
    vec![fields[0].clone(), fields[1].clone(), content, octets(&tag[..length])]
}

#[test]
fn one_certificate_is_not_named_without_end() {
    let bob = Bob::new();
    let mut fields = without_tag_length(&bob.sealed(ContentCipher::Aes256Gcm), 12);
    let own = parts(&fields[1]).swap_remove(0);
    let named = parts(&own);
    let false_key = |number: u8| {
        let key = octets(&[&[0; 255][..], &[number]].concat()); // comes before the true one in DER
        tlv::value(tlv::SEQUENCE, &[&named[0], &named[1], &named[2], &key]).unwrap()
    };
    for (count, opens) in [(0, true), (3, true), (4, false), (100, false)] {
        let recipients = (0..count).map(false_key).chain([own.clone()]).collect();
        fields[1] = tlv::set_of(tlv::SET, recipients).unwrap();
        assert_eq!(bob.opens(AUTH_ENVELOPED, &fields).is_ok(), opens, "{count}");
    }
}

#[test]
fn key_streams_are_not_undone_in_other_modes() {
    let bob = Bob::new();
    let fields = bob.sealed(ContentCipher::Aes256Cbc);
    let mode = |last: u8| {
        let content = parts(&fields[2]);
        let cipher = parts(&content[1]);
        let oid = [&cipher[0][..cipher[0].len() - 1], &[last]].concat();
        let cipher = tlv::value(tlv::SEQUENCE, &[&oid, &cipher[1]]).unwrap();
        let content = tlv::value(tlv::SEQUENCE, &[&content[0], &cipher, &content[2]]).unwrap();
        bob.opens(ENVELOPED, &[fields[0].clone(), fields[1].clone(), content])
    };
    assert_eq!(mode(42).unwrap(), SECRET);
    for (last, name) in [(43, "aes-256-ofb"), (44, "aes-256-cfb")] {
        match mode(last) {
            Err(CmsError::NotSupported(cipher)) => assert_eq!(cipher, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}
