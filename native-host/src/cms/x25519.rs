//! Encrypting to X25519 keys (RFC 8418), which OpenSSL's CMS code does not do: it is given a stand-in, a recipient who
//! has the key-encryption key beforehand (KEKRecipientInfo, RFC 5652 section 6.2.3), and wraps the content key for that.
//! Before the object leaves, the stand-in gives way to the KeyAgreeRecipientInfo by which the recipient finds the same
//! key-encryption key.

use std::ops::Range;

use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};
use openssl::derive::Deriver;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use zeroize::Zeroizing;

use super::CmsError;
use super::steps::{Derivation, shared_info};
use super::tlv::{self, INTEGER, OCTET_STRING, SEQUENCE, SET, context, value};
use crate::x509::{Certificate, Element};

const ID_X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// dhSinglePass-stdDH-hkdf-sha256-scheme (RFC 8418 section 2.2): what RFC 8551 section 2.3 asks for.
const HKDF_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.19");
/// As large as the content's own key (RFC 8551 section 2.3).
const AES256_WRAP: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");
const KEK_OCTETS: u16 = 32;
const BIT_STRING: u8 = 0x03;

/// One recipient's place in an object under way.
pub(super) struct StandIn {
    /// By which the place is found again.
    pub(super) id: [u8; 16],
    /// The key-encryption key.
    pub(super) kek: Zeroizing<Vec<u8>>,
    /// The KeyAgreeRecipientInfo up to its keys.
    beginning: Vec<u8>,
    /// The recipient's certificate: issuer and serial number.
    recipient: Vec<u8>,
}

impl StandIn {
    /// Makes the one-time key of an agreement with the owner of this certificate.
    ///
    /// # Errors
    /// [`CmsError::Openssl`], also for a key with which everybody would agree on the same.
    pub(super) fn for_owner_of(certificate: &Certificate) -> Result<Self, CmsError> {
        let mut id = [0; 16];
        openssl::rand::rand_bytes(&mut id).map_err(CmsError::Openssl)?;
        let agree = || {
            let own = PKey::generate_x25519()?;
            let theirs = certificate.x509()?.public_key()?;
            let mut deriver = Deriver::new(&own)?;
            deriver.set_peer(&theirs)?;
            // OpenSSL refuses a secret that is zero (RFC 8418 section 2).
            let secret = Zeroizing::new(deriver.derive_to_vec()?);
            Ok::<_, ErrorStack>((own.raw_public_key()?, secret))
        };
        let (public, secret) = agree().map_err(CmsError::Openssl)?;
        let not_der = |_| CmsError::NotCms;
        let wrap = tlv::algorithm(AES256_WRAP, &[]).map_err(not_der)?;
        let info = AnyRef::from_der(&wrap).and_then(|wrap| shared_info(wrap, None, KEK_OCTETS));
        let info = info.map_err(not_der)?;
        let derivation = Derivation { digest: MessageDigest::sha256(), is_hkdf: true };
        let kek = derivation.key(&secret, &[], &info, usize::from(KEK_OCTETS));
        let kek = kek.ok_or_else(|| CmsError::Openssl(ErrorStack::get()))?;
        let beginning = beginning(&public, &wrap).map_err(not_der)?;
        let named = certificate.issuer_and_serial();
        let serial = value(INTEGER, &[&named.serial]);
        let recipient = serial.and_then(|serial| value(SEQUENCE, &[&named.issuer, &serial]));
        Ok(Self { id, kek, beginning, recipient: recipient.map_err(not_der)? })
    }

    /// The KeyAgreeRecipientInfo with the wrapped content key.
    fn recipient_info(&self, wrapped: &[u8]) -> der::Result<Vec<u8>> {
        let key = value(SEQUENCE, &[&self.recipient, &value(OCTET_STRING, &[wrapped])?])?;
        value(context(1), &[&self.beginning, &value(SEQUENCE, &[&key])?])
    }
}

/// Version, originator, algorithm (RFC 8418 section 3.2).
fn beginning(public: &[u8], wrap: &[u8]) -> der::Result<Vec<u8>> {
    let key = value(BIT_STRING, &[&[0], public])?;
    let originator_key = value(context(1), &[&tlv::algorithm(ID_X25519, &[])?, &key])?;
    let originator = value(context(0), &[&originator_key])?;
    let algorithm = tlv::algorithm(HKDF_SHA256, wrap)?;
    Ok([&[INTEGER, 1, 3], &originator[..], &algorithm].concat())
}

/// The object as it comes out, until its recipients have passed.
#[derive(Default)]
pub(super) struct Replacing {
    stand_ins: Vec<StandIn>,
    held_back: Vec<u8>,
}

impl Replacing {
    pub(super) fn new(stand_ins: Vec<StandIn>) -> Self {
        Self { stand_ins, held_back: Vec::new() }
    }

    /// Whether everybody is in their place, and nothing is held back any more.
    pub(super) fn is_done(&self) -> bool {
        self.stand_ins.is_empty()
    }

    /// Takes what came out, and appends to `out` what may leave.
    ///
    /// # Errors
    /// [`CmsError::NotCms`] where the object does not begin as OpenSSL has them begin.
    pub(super) fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        if self.is_done() {
            out.extend_from_slice(piece);
            return Ok(());
        }
        self.held_back.extend_from_slice(piece);
        let Some(place) = place_of_recipients(&self.held_back)? else { return Ok(()) };
        let part = |range| self.held_back.get(range).unwrap_or_default();
        let replaced = self.replaced(part(place.clone())).ok_or(CmsError::NotCms)?;
        out.extend_from_slice(part(0..place.start));
        out.extend_from_slice(&replaced);
        out.extend_from_slice(part(place.end..self.held_back.len()));
        (self.stand_ins, self.held_back) = (Vec::new(), Vec::new());
        Ok(())
    }

    /// Ends the object.
    ///
    /// # Errors
    /// [`CmsError::NotCms`] where the recipients never came.
    pub(super) fn finish(self) -> Result<(), CmsError> {
        if self.is_done() { Ok(()) } else { Err(CmsError::NotCms) }
    }

    /// The RecipientInfos with everybody in their place; `None` where one is missing.
    fn replaced(&self, recipients: &[u8]) -> Option<Vec<u8>> {
        let mut infos = Vec::new();
        let mut found = 0_usize;
        for info in Element::first(recipients)?.all_children()? {
            let wrapped = |stand_in: &StandIn| {
                let fields = info.all_children().filter(|_| info.tag == context(2))?;
                let [_version, id, _algorithm, wrapped] = fields.as_slice() else { return None };
                (id.all_children()?.first()?.content == stand_in.id).then_some(wrapped.content)
            };
            let replacement = self.stand_ins.iter().find_map(|one| Some(one.recipient_info(wrapped(one)?)));
            found = found.saturating_add(usize::from(replacement.is_some()));
            infos.push(replacement.unwrap_or_else(|| value(info.tag, &[info.content])).ok()?);
        }
        let parts: Vec<&[u8]> = infos.iter().map(Vec::as_slice).collect();
        value(SET, &parts).ok().filter(|_| found == self.stand_ins.len())
    }
}

/// Where the RecipientInfos stand; `None` where they have not all come yet.
fn place_of_recipients(object: &[u8]) -> Result<Option<Range<usize>>, CmsError> {
    // ContentInfo, its type, [0], EnvelopedData, its version; the containers are of indefinite length.
    const BEFORE: [(u8, bool); 5] =
        [(SEQUENCE, true), (0x06, false), (context(0), true), (SEQUENCE, true), (INTEGER, false)];
    let mut at = 0_usize;
    for (tag, is_container) in BEFORE {
        let rest = object.get(at..).unwrap_or_default();
        let Some((length, content)) = Element::header(rest, tag).map_err(|_| CmsError::NotCms)? else {
            return Ok(None);
        };
        let skipped = if is_container { 0 } else { content.ok_or(CmsError::NotCms)? };
        at = at.saturating_add(length).saturating_add(skipped);
    }
    let rest = object.get(at..).unwrap_or_default();
    let Some((length, content)) = Element::header(rest, SET).map_err(|_| CmsError::NotCms)? else {
        return Ok(None);
    };
    let end = at.saturating_add(length).saturating_add(content.ok_or(CmsError::NotCms)?);
    Ok((end <= object.len()).then_some(at..end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::{CmsObject, ContentCipher, EncryptedStream, Key, Recipient, decrypt, encrypt};
    use crate::x509::KeyAlgorithm;
    use crate::x509::samples::{Sample, p256, rsa};
    use openssl::pkey::Private;

    fn person(key: PKey<Private>, serial: u8) -> (Certificate, PKey<Private>) {
        (Sample { serial: &[serial], ..Sample::default() }.issued_by(&key, &p256()), key)
    }

    #[test]
    fn everybody_finds_their_key_and_nobody_else() {
        let x25519 = || PKey::generate_x25519().unwrap();
        let people = [(x25519(), 1), (rsa(2048), 2), (x25519(), 3), (p256(), 4)];
        let people = people.map(|(key, serial)| person(key, serial));
        let stranger = person(x25519(), 5);
        let recipients = people.each_ref().map(|(certificate, _)| Recipient { certificate, known: None });
        for text in [&b"s"[..], b"secret", &[b'x'; 100_000]] {
            for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
                for to in [&recipients[..], &recipients[..1], &recipients[2..]] {
                    let der = encrypt(text, to, cipher).unwrap();
                    let object = CmsObject::parse(&der).unwrap();
                    assert_eq!(object.recipient_count(), to.len());
                    for (certificate, key) in &people {
                        let is_for = to.iter().any(|recipient| recipient.certificate == certificate);
                        assert_eq!(object.is_for(certificate), is_for);
                        let opened = decrypt(&object, certificate, Key::Here(key));
                        assert_eq!(opened.ok().as_deref(), is_for.then_some(text));
                    }
                    assert!(!object.is_for(&stranger.0));
                    // Nobody stands in for anybody any more.
                    assert!(object.inner.to_der().unwrap().len() > text.len());
                }
            }
        }
    }

    #[test]
    fn however_small_the_pieces_the_object_is_whole() {
        let (certificate, key) = person(PKey::generate_x25519().unwrap(), 1);
        let recipient = Recipient { certificate: &certificate, known: None };
        let mut stream = EncryptedStream::begin(&[recipient], ContentCipher::Aes256Gcm).unwrap();
        let mut object = Vec::new();
        b"secret".iter().for_each(|octet| stream.push(&[*octet], &mut object).unwrap());
        stream.finish(&mut object).unwrap();
        let parsed = CmsObject::parse(&object).unwrap();
        assert_eq!(decrypt(&parsed, &certificate, Key::Here(&key)).unwrap(), b"secret");
        // OpenSSL's own pieces may end anywhere.
        let stand_ins = || vec![StandIn::for_owner_of(&certificate).unwrap()];
        let mut replacing = Replacing::new(stand_ins());
        let mut out = Vec::new();
        let other = encrypt(b"secret", &[recipient], ContentCipher::Aes256Cbc).unwrap();
        assert!(
            other.iter().try_for_each(|octet| replacing.pass(&[*octet], &mut out)).is_err(),
            "another's place"
        );
        assert!(out.is_empty());
        assert!(Replacing::new(stand_ins()).pass(b"\x30\x03\x02\x01\x00\x00", &mut out).is_err());
        let mut cut = Replacing::new(stand_ins());
        cut.pass(&other[..40], &mut out).unwrap();
        assert!(cut.finish().is_err() && out.is_empty());
    }

    #[test]
    fn a_key_with_which_everybody_agrees_is_none() {
        for point in [[0_u8; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let good = PKey::generate_x25519().unwrap();
            let certificate = person(good.clone(), 1).0;
            assert_eq!(certificate.key_algorithm(), KeyAlgorithm::X25519);
            let octets = good.raw_public_key().unwrap();
            let mut der = certificate.der().to_vec();
            let at = der.windows(32).position(|window| window == octets).unwrap();
            der[at..at + 32].copy_from_slice(&point);
            let certificate = Certificate::from_der(&der).unwrap();
            assert_eq!(certificate.key_algorithm(), KeyAlgorithm::Other);
            assert!(!certificate.can_encrypt());
        }
    }
}
