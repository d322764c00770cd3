//! Round trips, and what must not pass.

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};

use der::Encode;
use der::asn1::ObjectIdentifier;

use super::signer_info::EncodedAttribute;
use super::signing_certificate::{SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2};
use super::*;
use crate::clock::UnixTime;
use crate::x509::samples::{Sample, p256, rsa};
use crate::x509::{Capabilities, Capability, Certificate};

const SIGNED_AT: UnixTime = UnixTime::from_seconds(1_500_000_000);

struct Person {
    certificate: Certificate,
    key: PKey<Private>,
}

fn person(key: PKey<Private>, serial: &[u8], reads: &[Capability]) -> Person {
    let capabilities = Capabilities::new(reads.iter().copied()).to_der().unwrap();
    let extension: &[(&str, bool, &[u8])] = &[("1.2.840.113549.1.9.15", false, &capabilities)];
    let extensions = if reads.is_empty() { &[] } else { extension };
    let certificate = Sample { extensions, serial, ..Sample::default() }.signed_by(&key);
    Person { certificate, key }
}

fn identity(who: &Person) -> SigningIdentity<'_> {
    SigningIdentity {
        certificate: &who.certificate,
        chain: &[],
        key: Key::Here(&who.key),
        reader: Some(reader(who)),
        at: SIGNED_AT,
        with_certificates: true,
    }
}

fn reader(who: &Person) -> Reader<'_> {
    Reader { certificate: &who.certificate, chain: &[], on_token: false }
}

fn to(certificate: &Certificate) -> Recipient<'_> {
    Recipient { certificate, known: None }
}

fn signed(who: &Person, content: &[u8], placement: Placement) -> CmsObject {
    let der = sign(content, &identity(who), placement).unwrap();
    CmsObject::parse(&der).unwrap()
}

#[test]
fn signatures_of_both_kinds_of_keys_verify() {
    for key in [rsa(2048), p256()] {
        let who = person(key, &[1], &[]);
        for (placement, beside) in [(Placement::Detached, Some(&b"text"[..])), (Placement::Embedded, None)] {
            let signers = verify(&mut signed(&who, b"text", placement), beside, &[]).unwrap();
            let [signer] = signers.as_slice() else { panic!("one signer") };
            assert_eq!(signer.certificate.der(), who.certificate.der());
            assert_eq!(signer.signing_time, Some(SIGNED_AT));
            assert_eq!(signer.weakness, None);
            assert!(signer.algorithm.starts_with("sha256"), "{}", signer.algorithm);
        }
    }
}

/// A signature over `text` that says besides what it always says only this.
fn saying(
    certificate: &Certificate,
    key: &PKey<Private>,
    attributes: &[EncodedAttribute<'_>],
    embed: bool,
) -> Result<Vec<u8>, CmsError> {
    let signing = ffi::Signing {
        certificate: certificate.x509().unwrap(),
        key,
        chain: &[],
        with_certificates: true,
        attributes,
        time: &SIGNED_AT.to_asn1(),
        digest: crate::x509::SignatureDigest::Sha256,
        pss_salt: None,
    };
    let (mut growing, mut out) = (ffi::sign(&signing, embed).unwrap(), Vec::new());
    growing.push(b"text", &mut out).unwrap();
    let rest = growing.finish(&mut out)?;
    Ok([out, rest].concat())
}

/// A key that may do nothing but RSASSA-PSS.
fn pss_alone() -> PKey<Private> {
    let mut context = openssl::pkey_ctx::PkeyCtx::new_id(openssl::pkey::Id::RSA_PSS).unwrap();
    context.keygen_init().unwrap();
    context.set_rsa_keygen_bits(2048).unwrap();
    context.keygen().unwrap()
}

/// RFC 4056: what such a key signs says that it is PSS. OpenSSL 3.0 by itself calls it PKCS #1, and nobody can check it.
#[test]
fn a_key_for_pss_alone_signs_so_that_it_verifies() {
    let who = person(pss_alone(), &[1], &[]);
    assert!(who.certificate.can_sign() && !who.certificate.can_encrypt());
    for (placement, beside) in [(Placement::Detached, Some(&b"text"[..])), (Placement::Embedded, None)] {
        let signers = verify(&mut signed(&who, b"text", placement), beside, &[]).unwrap();
        assert_eq!(signers[0].algorithm, "sha256 with rsassaPss");
        assert_eq!(signers[0].weakness, None);
    }
}

/// A wrong signature may give the key away, and is of no use to anybody.
#[test]
fn a_signature_that_does_not_fit_never_leaves() {
    let who = person(pss_alone(), &[1], &[]);
    for embed in [true, false] {
        // It is not said how the key is restricted, so that OpenSSL 3.0 gets it wrong.
        match saying(&who.certificate, &who.key, &[], embed) {
            Err(error) => assert!(matches!(error, CmsError::BadSignature)),
            Ok(whole) => {
                // A later OpenSSL gets it right.
                let beside = (!embed).then_some(&b"text"[..]);
                assert!(verify(&mut CmsObject::parse(&whole).unwrap(), beside, &[]).is_ok());
            }
        }
    }
}

/// Whoever puts the signer's key into a certificate of their own is not the one whom the signer named.
#[test]
fn the_certificate_is_the_one_that_the_signer_named() {
    let who = person(p256(), &[1], &[]);
    let impostor = person(who.key.clone(), &[1], &[Capability::Aes256Cbc]);
    let named = |algorithm: &[u8], digest: &[u8]| {
        let first = tlv::value(0x30, &[algorithm, &tlv::value(4, &[digest]).unwrap()]).unwrap();
        tlv::value(0x30, &[&tlv::value(0x30, &[&first]).unwrap()]).unwrap()
    };
    let hashed = |kind| openssl::hash::hash(kind, who.certificate.der()).unwrap();
    let (sha1, sha256, sha512) = (MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512());
    let by_sha512 = tlv::algorithm(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), &[]).unwrap();
    let unknown = tlv::algorithm(ObjectIdentifier::new_unwrap("1.2.3.4"), &[]).unwrap();
    for (oid, der, is_found_out) in [
        (SIGNING_CERTIFICATE, named(&[], &hashed(sha1)), true),
        (SIGNING_CERTIFICATE_V2, named(&[], &hashed(sha256)), true),
        (SIGNING_CERTIFICATE_V2, named(&by_sha512, &hashed(sha512)), true),
        (SIGNING_CERTIFICATE_V2, named(&unknown, b"?"), false),
        (SIGNING_CERTIFICATE_V2, vec![0x30, 0], false),
    ] {
        let made = |certificate: &Certificate| {
            let object = saying(certificate, &who.key, &[EncodedAttribute { oid, der: &der }], true).unwrap();
            verify(&mut CmsObject::parse(&object).unwrap(), None, &[])
        };
        assert!(made(&who.certificate).is_ok(), "{oid}");
        let missing = matches!(made(&impostor.certificate), Err(CmsError::SignerCertificateMissing));
        assert_eq!(missing, is_found_out, "{oid}");
    }
}

/// RFC 8551 sections 2.5.1 to 2.5.3 and RFC 5035 have such signatures fail.
#[test]
fn what_a_signature_says_it_says_once() {
    let who = person(p256(), &[1], &[]);
    let (aes128, aes256) = (Capability::Aes128Cbc, Capability::Aes256Gcm);
    let [weak, strong] = [aes128, aes256].map(|reads| Capabilities::new([reads]).to_der().unwrap());
    let made = |oids: &[&str]| {
        let values = [&weak, &strong, &weak];
        let attributes: Vec<_> =
            oids.iter().zip(values).map(|(oid, der)| EncodedAttribute { oid, der }).collect();
        let object = saying(&who.certificate, &who.key, &attributes, true).unwrap();
        verify(&mut CmsObject::parse(&object).unwrap(), None, &[])
    };
    let (capabilities, preference) = ("1.2.840.113549.1.9.15", "1.2.840.113549.1.9.16.2.11");
    assert!(made(&[capabilities, preference]).is_ok());
    assert!(made(&["1.2.3.4", "1.2.3.4", capabilities]).is_ok(), "nobody knows what they mean");
    for twice in [capabilities, preference] {
        assert!(matches!(made(&[twice, twice]), Err(CmsError::BadSignature)), "{twice}");
    }
}

#[test]
fn every_signature_names_its_certificate() {
    let who = person(p256(), &[1], &[]);
    let impostor = person(who.key.clone(), &[1], &[Capability::Aes256Cbc]);
    let alone = SigningIdentity { with_certificates: false, ..identity(&who) };
    let der = sign(b"text", &alone, Placement::Embedded).unwrap();
    let by = |certificate: Certificate| verify(&mut CmsObject::parse(&der).unwrap(), None, &[certificate]);
    assert!(by(who.certificate.clone()).is_ok());
    assert!(matches!(by(impostor.certificate), Err(CmsError::SignerCertificateMissing)));
}

/// RFC 8551 section 2.6.
#[test]
fn each_certificate_of_the_signers_name_is_tried() {
    let who = person(p256(), &[1], &[]);
    let renewed = person(who.key.clone(), &[1], &[Capability::Aes256Cbc]);
    let others: Vec<_> = (0..3).map(|_| person(p256(), &[1], &[])).collect(); // same issuer, same number
    let stranger = person(p256(), &[2], &[]);
    let carried: Vec<_> = others.iter().chain([&renewed, &stranger]).map(|p| p.certificate.clone()).collect();
    for with_certificates in [true, false] {
        let identity = SigningIdentity { chain: &carried, with_certificates, ..identity(&who) };
        let der = sign(b"text", &identity, Placement::Embedded).unwrap();
        let mut candidates = carried.clone();
        candidates.push(who.certificate.clone());
        let signers = verify(&mut CmsObject::parse(&der).unwrap(), None, &candidates).unwrap();
        assert_eq!(signers[0].certificate, who.certificate);
        candidates.pop();
        let without = verify(&mut CmsObject::parse(&der).unwrap(), None, &candidates);
        assert_eq!(without.is_ok(), with_certificates);
    }
}

#[test]
fn what_was_not_signed_does_not_verify() {
    let who = person(p256(), &[1], &[]);
    let mut detached = signed(&who, b"text", Placement::Detached);
    assert!(matches!(verify(&mut detached, Some(b"texT"), &[]), Err(CmsError::BadSignature)));
    assert!(matches!(verify(&mut detached, None, &[]), Err(CmsError::NoContent)));
    let mut embedded = signed(&who, b"text", Placement::Embedded);
    assert!(matches!(verify(&mut embedded, Some(b"other"), &[]), Err(CmsError::ContentDiffers)));
    assert!(matches!(CmsObject::parse(b"text"), Err(CmsError::NotCms)));
    let der = encrypt(b"text", &[to(&who.certificate)], ContentCipher::Aes256Cbc).unwrap();
    assert!(matches!(verify(&mut CmsObject::parse(&der).unwrap(), None, &[]), Err(CmsError::WrongType)));
}

#[test]
fn every_octet_of_a_signature_counts_or_is_not_what_is_shown() {
    let who = person(p256(), &[1], &[]);
    let der = sign(b"text", &identity(&who), Placement::Detached).unwrap();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        let outcome =
            CmsObject::parse(&changed).and_then(|mut object| verify(&mut object, Some(b"text"), &[]));
        if let Ok(signers) = outcome {
            // What remains good is a change of something no signature covers: never the text, and
            // the certificate only to one that the same key's signature still fits.
            let spki = |c: &Certificate| c.spki_der().to_vec();
            assert_eq!(spki(&signers[0].certificate), spki(&who.certificate), "octet {at}");
        }
    }
}

#[test]
fn the_cipher_follows_what_every_recipient_reads() {
    let new = person(rsa(2048), &[1], &[Capability::Aes256Gcm, Capability::RsaesOaep]);
    let old = person(p256(), &[2], &[]);
    assert_eq!(ContentCipher::for_recipients(&[to(&new.certificate)]), ContentCipher::Aes256Gcm);
    let both = [to(&new.certificate), to(&old.certificate)];
    assert_eq!(ContentCipher::for_recipients(&both), ContentCipher::Aes256Cbc);
    assert_eq!(ContentCipher::for_recipients(&[]), ContentCipher::Aes256Cbc);
    let learned = Capabilities::new([Capability::Aes256Gcm]);
    let known = Recipient { certificate: &old.certificate, known: Some(&learned) };
    assert_eq!(ContentCipher::for_recipients(&[to(&new.certificate), known]), ContentCipher::Aes256Gcm);
}

#[test]
fn each_recipient_decrypts_and_nobody_else() {
    let (rsa, ec) = (person(rsa(2048), &[1], &[Capability::RsaesOaep]), person(p256(), &[2], &[]));
    let stranger = person(p256(), &[3], &[]);
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let der = encrypt(b"secret", &[to(&rsa.certificate), to(&ec.certificate)], cipher).unwrap();
        let object = CmsObject::parse(&der).unwrap();
        assert_eq!(object.content_cipher_name(), cipher.name());
        for who in [&rsa, &ec] {
            assert!(object.is_for(&who.certificate));
            assert_eq!(decrypt(&object, &who.certificate, Key::Here(&who.key)).unwrap(), b"secret");
        }
        assert!(!object.is_for(&stranger.certificate));
        let outcome = decrypt(&object, &stranger.certificate, Key::Here(&stranger.key));
        assert!(matches!(outcome, Err(CmsError::DecryptionFailed)));
        assert!(matches!(
            decrypt(&object, &rsa.certificate, Key::Here(&ec.key)),
            Err(CmsError::DecryptionFailed)
        ));
    }
}

#[test]
fn a_changed_authenticated_ciphertext_yields_nothing() {
    let who = person(rsa(2048), &[1], &[]);
    let secret = vec![b'x'; 5000];
    let der = encrypt(&secret, &[to(&who.certificate)], ContentCipher::Aes256Gcm).unwrap();
    for at in [der.len() - 1, der.len() - 20, der.len() - 2000] {
        let mut changed = der.clone();
        changed[at] ^= 1;
        let outcome = CmsObject::parse(&changed)
            .and_then(|object| decrypt(&object, &who.certificate, Key::Here(&who.key)));
        assert!(outcome.is_err(), "octet {at}");
    }
}

#[test]
fn nobody_to_encrypt_to_is_an_error() {
    assert!(encrypt(b"secret", &[], ContentCipher::Aes256Cbc).is_err());
}

#[test]
fn pieces_make_the_same_content() {
    let who = person(rsa(2048), &[1], &[]);
    let text: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let feed = |push: &mut dyn FnMut(&[u8])| text.chunks(7_777).for_each(push);
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let (mut stream, mut out) =
            (EncryptedStream::begin(&[to(&who.certificate)], cipher).unwrap(), Vec::new());
        feed(&mut |piece| stream.push(piece, &mut out).unwrap());
        assert!(out.len() > 200_000, "it comes out as it goes in");
        stream.finish(&mut out).unwrap();
        let object = CmsObject::parse(&out).unwrap();
        assert_eq!(object.content_cipher_name(), cipher.name());
        assert!(decrypt(&object, &who.certificate, Key::Here(&who.key)).unwrap() == text);
    }
    for (placement, beside) in [(Placement::Detached, Some(&text[..])), (Placement::Embedded, None)] {
        let (mut stream, mut out) = (SignedStream::begin(&identity(&who), placement).unwrap(), Vec::new());
        feed(&mut |piece| stream.push(piece, &mut out).unwrap());
        stream.finish(&mut out).unwrap();
        assert_eq!(verify(&mut CmsObject::parse(&out).unwrap(), beside, &[]).unwrap().len(), 1);
    }
    drop(EncryptedStream::begin(&[to(&who.certificate)], ContentCipher::Aes256Gcm)); // given up half-way
}

#[test]
fn certificates_can_be_left_out() {
    let who = person(p256(), &[1], &[]);
    let bare = SigningIdentity {
        with_certificates: false,
        chain: std::slice::from_ref(&who.certificate),
        ..identity(&who)
    };
    let der = sign(b"text", &bare, Placement::Detached).unwrap();
    let mut object = CmsObject::parse(&der).unwrap();
    assert!(object.certificates().is_empty());
    assert!(matches!(verify(&mut object, Some(b"text"), &[]), Err(CmsError::SignerCertificateMissing)));
    assert_eq!(verify(&mut object, Some(b"text"), &[who.certificate]).unwrap().len(), 1);
}

/// RFC 8551 section 2.5.3.
#[test]
fn a_signature_names_another_key_to_encrypt_to_and_brings_its_certificate() {
    let (signer, authority) = (person(p256(), &[1], &[]), person(p256(), &[9], &[]));
    let (rsa, ec) = (person(rsa(2048), &[2], &[]), person(p256(), &[3], &[]));
    let chain = [authority.certificate.clone()];
    let read = |who| Reader { chain: &chain, ..reader(who) };
    let on_token = |who| Reader { on_token: true, ..reader(who) };
    let others = [&authority.certificate, &rsa.certificate];
    for (reader, named, reads_oaep, carried) in [
        (None, None, false, vec![&authority.certificate]),
        (Some(reader(&signer)), None, false, vec![&authority.certificate]),
        (Some(read(&rsa)), Some(&rsa), true, others.to_vec()),
        (Some(on_token(&rsa)), Some(&rsa), false, others.to_vec()),
        (Some(reader(&ec)), Some(&ec), false, vec![&authority.certificate, &ec.certificate]),
    ] {
        for with_certificates in [true, false] {
            let identity = SigningIdentity { reader, chain: &chain, with_certificates, ..identity(&signer) };
            let der = sign(b"text", &identity, Placement::Embedded).unwrap();
            let mut object = CmsObject::parse(&der).unwrap();
            let mut found = object.certificates();
            found.retain(|certificate| *certificate != signer.certificate);
            let expected = if with_certificates { carried.clone() } else { Vec::new() };
            assert_eq!(found.len(), expected.len());
            assert!(expected.into_iter().all(|certificate| found.contains(certificate)));
            let candidate = std::slice::from_ref(&signer.certificate);
            let signers = verify(&mut object, None, candidate).unwrap();
            let reads = signers[0].capabilities.clone().unwrap();
            assert!(reads.has(Capability::Aes256Gcm));
            assert_eq!(reads.has(Capability::RsaesOaep), reads_oaep);
            // Attribute { id-aa-encrypKeyPref, { [0] issuer, serialNumber } }
            let is_named = |who: &Person| {
                let oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.11").to_der().unwrap();
                let preference = preference::preferring(&who.certificate).unwrap();
                let set = tlv::value(tlv::SET, &[&preference]).unwrap();
                let attribute = tlv::value(tlv::SEQUENCE, &[&oid, &set]).unwrap();
                der.windows(attribute.len()).any(|window| window == attribute)
            };
            for who in [&signer, &rsa, &ec] {
                assert_eq!(is_named(who), named.is_some_and(|named| named.certificate == who.certificate));
            }
        }
    }
}

#[test]
fn more_digest_algorithms_than_signers_may_be_are_refused() {
    let oid = |text: &str| ObjectIdentifier::new_unwrap(text).to_der().unwrap();
    let signed = |digests: usize| {
        let sha256 = tlv::value(tlv::SEQUENCE, &[&oid("2.16.840.1.101.3.4.2.1")]).unwrap();
        let digests = tlv::value(tlv::SET, &[&sha256.repeat(digests)]).unwrap();
        let content = tlv::value(tlv::SEQUENCE, &[&oid("1.2.840.113549.1.7.1")]).unwrap();
        let signed = tlv::value(tlv::SEQUENCE, &[&[2, 1, 1], &digests, &content, &[0x31, 0]]).unwrap();
        let explicit = tlv::value(tlv::context(0), &[&signed]).unwrap();
        tlv::value(tlv::SEQUENCE, &[&oid("1.2.840.113549.1.7.2"), &explicit]).unwrap()
    };
    assert!(CmsObject::parse(&signed(32)).is_ok());
    assert!(matches!(CmsObject::parse(&signed(33)), Err(CmsError::TooManySigners(33))));
}
