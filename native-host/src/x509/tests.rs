//! What a certificate says, and that no octets can make reading it panic.

use std::sync::LazyLock;

use der::asn1::AnyRef;
use der::{Decode, Encode};
use openssl::pkey::{PKey, Private};
use proptest::prelude::*;

use super::samples::{Sample, is_self_signed, p256, rsa};
use super::*;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;

const SAN: &str = "2.5.29.17";
const KEY_USAGE: &str = "2.5.29.15";
const BASIC: &str = "2.5.29.19";

/// Calls everything there is.
fn read_all(certificate: &Certificate) {
    let now = UnixTime::from_seconds(0);
    let bob = EmailAddress::parse("bob@example.test").unwrap();
    let _ = (certificate.subject(), certificate.issuer(), certificate.serial(), certificate.to_pem());
    let _ = (certificate.validity_at(now), certificate.names_address(&bob), certificate.email_addresses());
    let _ = (certificate.signing_fitness(), certificate.encryption_fitness(), certificate.key_algorithm());
    let _ = (is_self_signed(certificate), certificate.is_ca(), certificate.subject_key_identifier());
    let _ = (certificate.issuer_and_serial(), certificate.smime_capabilities(), certificate.spki_der());
    let _ = format!("{certificate:?} {}", certificate.sha256());
}

#[test]
fn octets_are_kept_and_trailing_ones_refused() {
    let certificate = Sample::default().signed_by(&p256());
    let mut der = certificate.x509().unwrap().to_der().unwrap();
    assert_eq!(certificate.der(), der);
    assert_eq!(Certificate::from_der(&der), Ok(certificate));
    der.push(0);
    assert_eq!(Certificate::from_der(&der), Err(CertificateError::NotACertificate));
}

#[test]
fn a_second_spelling_of_the_same_key_is_refused() {
    // The number of unused bits of the key's BIT STRING, where its last bit allows it to be one.
    let certificate = std::iter::repeat_with(|| Sample::default().signed_by(&p256()))
        .find(|certificate| certificate.spki_der().last().is_some_and(|octet| octet & 1 == 0))
        .unwrap();
    let mut der = certificate.der().to_vec();
    let start = b"\x03\x42\x00\x04";
    let position = der.windows(4).position(|window| window == start).unwrap();
    der[position + 2] = 1;
    assert_eq!(Certificate::from_der(&der), Err(CertificateError::NotACertificate));
}

#[test]
fn an_rsa_key_with_an_exponent_that_keeps_no_secret_can_do_nothing() {
    let certificate = Sample::default().signed_by(&rsa(2048));
    let exponent = b"\x02\x03\x01\x00\x01";
    let position = certificate.der().windows(5).position(|window| window == exponent).unwrap();
    let with = |value: [u8; 3]| {
        let mut der = certificate.der().to_vec();
        der[position + 2..position + 5].copy_from_slice(&value);
        Certificate::from_der(&der).unwrap().key_algorithm()
    };
    assert_eq!(with([1, 0, 1]), KeyAlgorithm::Rsa(2048));
    assert_eq!(with([0, 0, 3]), KeyAlgorithm::Rsa(2048));
    for no_exponent in [[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 0]] {
        assert_eq!(with(no_exponent), KeyAlgorithm::Other, "{no_exponent:?}");
    }
}

/// Mail to many is not to fail for one key that OpenSSL refuses only when it is used.
#[test]
fn an_rsa_key_that_openssl_does_not_work_with_can_do_nothing() {
    use openssl::bn::{BigNum, MsbOption};
    use openssl::rsa::Rsa;
    let odd = |bits: i32| {
        let mut number = BigNum::new().unwrap();
        number.rand(bits, MsbOption::ONE, true).unwrap();
        number
    };
    let with = |n: BigNum, e: BigNum| {
        let public = Rsa::from_public_components(n, e).unwrap();
        let spki = openssl::pkey::PKey::from_rsa(public).unwrap().public_key_to_der().unwrap();
        let spki = x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(&spki).unwrap();
        KeyAlgorithm::read(&spki, &spki.to_der().unwrap())
    };
    let f4 = || BigNum::from_u32(65537).unwrap();
    let mut even = odd(2048);
    even.sub_word(1).unwrap();
    assert_eq!(with(odd(16_384), f4()), KeyAlgorithm::Rsa(16_384));
    assert_eq!(with(odd(2048), odd(2000)), KeyAlgorithm::Rsa(2048));
    for (what, n, e) in [
        ("a modulus too long", odd(16_392), f4()),
        ("an endless one", odd(100_000), f4()),
        ("an exponent too long", odd(4096), odd(65)),
        ("one above the modulus", odd(2048), odd(2050)),
        ("an even modulus", even, f4()),
    ] {
        assert_eq!(with(n, e), KeyAlgorithm::Other, "{what}");
    }
}

/// Its reader would take hours, and it comes with a mail, from anybody.
#[test]
fn a_certificate_with_an_endless_name_is_none() {
    let certificate = Sample::default().signed_by(&p256());
    let value = |tag: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let used = length.iter().position(|octet| *octet != 0).unwrap_or(3);
        let long = [&[tag, 0x80 | u8::try_from(4 - used).unwrap()], &length[used..], content].concat();
        if content.len() < 0x80 { [&[tag, length[3]], content].concat() } else { long }
    };
    let parts = |der: &[u8]| -> Vec<Vec<u8>> {
        let inside = children(AnyRef::from_der(der).unwrap()).unwrap();
        inside.iter().map(|value| value.to_der().unwrap()).collect()
    };
    let with = |place: usize, count: u32| {
        let mut whole = parts(certificate.der());
        let mut signed = parts(&whole[0]);
        let attribute =
            |n: u32| value(0x30, &[&b"\x06\x03\x55\x04\x03"[..], &value(0x0c, &n.to_be_bytes())].concat());
        let rdn: Vec<u8> = (0..count).rev().flat_map(attribute).collect();
        signed[place] = value(0x30, &value(0x31, &rdn));
        whole[0] = value(0x30, &signed.concat());
        Certificate::from_der(&value(0x30, &whole.concat()))
    };
    for place in [3, 5] {
        assert!(with(place, 100).is_ok());
        assert_eq!(with(place, 200_000), Err(CertificateError::NotACertificate));
    }
}

#[test]
fn a_key_that_is_no_point_of_its_curve_or_no_modulus_can_do_nothing() {
    let spoilt = |certificate: &Certificate, start: &[u8], skip: usize| {
        let mut der = certificate.der().to_vec();
        let position = der.windows(start.len()).position(|window| window == start).unwrap();
        der[position + skip] ^= 0x11;
        Certificate::from_der(&der).unwrap()
    };
    let good = Sample::default().signed_by(&p256());
    assert_eq!(good.key_algorithm(), KeyAlgorithm::P256);
    // One of the last octets of y.
    let bad = spoilt(&good, b"\x03\x42\x00\x04", 60);
    assert_eq!((bad.key_algorithm(), bad.can_encrypt(), bad.can_sign()), (KeyAlgorithm::Other, false, false));
    let good = Sample::default().signed_by(&rsa(2048));
    assert_eq!(good.key_algorithm(), KeyAlgorithm::Rsa(2048));
    // The tag of the modulus.
    let bad = spoilt(&good, b"\x30\x82\x01\x0a\x02\x82", 4);
    assert_eq!((bad.key_algorithm(), bad.can_encrypt()), (KeyAlgorithm::Other, false));
}

#[test]
fn what_openssl_does_not_read_is_not_used_for_cryptography() {
    let certificate = Sample { subject: &[("CN", "Bücher")], ..Sample::default() }.signed_by(&p256());
    let name = "Bücher".as_bytes();
    let mut der = certificate.der().to_vec();
    for position in 0..der.len() - name.len() {
        if der[position..].starts_with(name) {
            der[position + 1] = b'?'; // leaves half a character
        }
    }
    let broken = Certificate::from_der(&der).unwrap();
    assert!(certificate.x509().is_ok() && broken.x509().is_err());
    assert!(!is_self_signed(&broken));
}

#[test]
fn pem_one_many_and_damaged() {
    let (a, b) = (Sample::default().signed_by(&p256()), Sample::default().signed_by(&p256()));
    assert_eq!(a.to_pem().as_bytes(), a.x509().unwrap().to_pem().unwrap());
    let key = String::from_utf8(p256().private_key_to_pem_pkcs8().unwrap()).unwrap();
    let text = format!("Bag Attributes\n{}{key}\r\n{}", a.to_pem(), b.to_pem().replace('\n', "\r\n"));
    assert_eq!(Certificate::from_pem(&text), Ok(vec![a.clone(), b]));
    assert_eq!(Certificate::from_pem(&key), Err(CertificateError::NoneInPem));
    assert_eq!(Certificate::from_pem(&a.to_pem().replace("END", "ENDE")), Err(CertificateError::BadPem));
    assert_eq!(Certificate::from_pem(&a.to_pem().replacen("MII", "MI!", 1)), Err(CertificateError::BadPem));
    assert_eq!(Certificate::from_pem_or_der(a.der()), Ok(vec![a.clone()]));
    assert_eq!(Certificate::from_pem_or_der(a.to_pem().as_bytes()), Ok(vec![a]));
}

#[test]
fn validity_has_both_ends_inside() {
    let certificate = Sample { not_before: 100, not_after: 200, ..Sample::default() }.signed_by(&p256());
    let at = |seconds| certificate.validity_at(UnixTime::from_seconds(seconds));
    assert_eq!(
        [at(99), at(100), at(200), at(201)],
        [Validity::NotYet, Validity::Good, Validity::Good, Validity::Expired]
    );
    let backwards = Sample { not_before: 200, not_after: 100, ..Sample::default() }.signed_by(&p256());
    assert_ne!(backwards.validity_at(UnixTime::from_seconds(150)), Validity::Good);
}

#[test]
fn addresses_of_subject_and_alternative_name() {
    let subject = [("CN", "Bob"), ("emailAddress", "Bob@Example.test")];
    let san: (&str, bool, &[u8]) = (SAN, false, b"\x30\x0f\x81\x0drob@other.tes");
    let certificate =
        Sample { subject: &subject, extensions: &[san], ..Sample::default() }.signed_by(&p256());
    let names: Vec<_> = certificate.email_addresses().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["Bob@example.test", "rob@other.tes"]);
    let judge = |text| certificate.names_address(&EmailAddress::parse(text).unwrap());
    assert_eq!(judge("bob@example.test"), NameMatch::Names);
    assert_eq!(judge("eve@example.test"), NameMatch::NamesOthers);
}

#[test]
fn a_doubled_alternative_name_names_nobody_reliably() {
    let san: (&str, bool, &[u8]) = (SAN, false, b"\x30\x09\x81\x07b@b.tes");
    let certificate = Sample { extensions: &[san, san], ..Sample::default() }.signed_by(&p256());
    let bob = EmailAddress::parse("b@b.tes").unwrap();
    assert_eq!(certificate.names_address(&bob), NameMatch::NamesOthers);
}

#[test]
fn usage_in_a_whole_certificate() {
    let key = rsa(2048);
    let sign_only: (&str, bool, &[u8]) = (KEY_USAGE, true, b"\x03\x02\x07\x80");
    let certificate = Sample { extensions: &[sign_only], ..Sample::default() }.signed_by(&key);
    assert_eq!(certificate.key_algorithm(), KeyAlgorithm::Rsa(2048));
    assert!(certificate.can_sign());
    assert_eq!(certificate.encryption_fitness(), Fitness::NotThisUsage);

    let damaged: (&str, bool, &[u8]) = (KEY_USAGE, true, b"\x04\x00");
    let certificate = Sample { extensions: &[damaged], ..Sample::default() }.signed_by(&key);
    assert_eq!(certificate.signing_fitness(), Fitness::ForeignExtension);

    let unknown: (&str, bool, &[u8]) = ("1.2.3.4", true, b"\x05\x00");
    let certificate = Sample { extensions: &[unknown], ..Sample::default() }.signed_by(&key);
    assert_eq!(certificate.signing_fitness(), Fitness::ForeignExtension);

    let unknown: (&str, bool, &[u8]) = ("1.2.3.4", false, b"\x05\x00");
    let ca: (&str, bool, &[u8]) = (BASIC, true, b"\x30\x03\x01\x01\xff");
    let certificate = Sample { extensions: &[unknown, ca], ..Sample::default() }.signed_by(&rsa(1024));
    assert_eq!(certificate.signing_fitness(), Fitness::WeakKey(1024));
    assert!(certificate.is_ca());
    assert!(is_self_signed(&certificate));
}

#[test]
fn long_serial_numbers_and_misleading_names_are_readable() {
    let serial = [0x11; 40];
    let subject = [("CN", "ok\u{202e}tset"), ("O", "a, b")];
    let certificate = Sample { serial: &serial, subject: &subject, ..Sample::default() }.signed_by(&p256());
    assert_eq!(certificate.serial(), "11".repeat(40));
    assert_eq!(certificate.subject(), "O=a\\, b,CN=ok\\e2\\80\\aetset");
    let name = certificate.issuer_and_serial();
    assert_eq!(name.issuer, certificate.x509().unwrap().issuer_name().to_der().unwrap());
}

proptest! {
    #[test]
    fn arbitrary_octets(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(certificate) = Certificate::from_der(&octets) {
            read_all(&certificate);
        }
        let _ = Certificate::from_pem(&String::from_utf8_lossy(&octets));
    }

    #[test]
    fn arbitrary_extension_values(
        value in proptest::collection::vec(any::<u8>(), 0..60),
        oid in prop::sample::select(vec![SAN, KEY_USAGE, BASIC, "2.5.29.37", "2.5.29.14", "1.2.840.113549.1.9.15"]),
    ) {
        read_all(&Sample { extensions: &[(oid, false, &value)], ..Sample::default() }.signed_by(&p256()));
    }

    #[test]
    fn one_octet_changed(position in 0_usize..600, octet in any::<u8>()) {
        static RSA: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(1024));
        let san: (&str, bool, &[u8]) = (SAN, false, b"\x30\x09\x81\x07b@b.tes");
        for key in [&p256(), &*RSA] {
            let mut der = Sample { extensions: &[san], ..Sample::default() }.signed_by(key).der().to_vec();
            let position = position % der.len();
            der[position] = octet;
            let Ok(certificate) = Certificate::from_der(&der) else { continue };
            read_all(&certificate);
            // A key that is called good is good for OpenSSL, too.
            if let Ok(x509) = certificate.x509() && certificate.key_algorithm() != KeyAlgorithm::Other {
                prop_assert!(x509.public_key().is_ok());
            }
        }
    }
}
