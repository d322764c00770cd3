//! What is tried with arbitrary octets: each parser that strangers' octets reach, and whole messages.
//! A target may not panic, and must find what it states. The same functions are fuzzed
//! (`scripts/fuzz`) and run for a moment in the ordinary tests (`short.rs`).
#![allow(dead_code, reason = "each program uses its part")]

use std::rc::Rc;
use std::sync::LazyLock;

use bytes::Bytes;
use dane_smime::clock::UnixTime;
use dane_smime::cms::{self, CmsObject, ContentCipher, Placement, Recipient, SigningIdentity};
use dane_smime::config::Profile;
use dane_smime::directory::Finding;
use dane_smime::keys::{KekSource, KeyStore, read_key_file};
use dane_smime::message::verdict::{Encryption, Signature};
use dane_smime::message::{Opened, Reading, open as open_message};
use dane_smime::mime::address::parse_mailbox_list;
use dane_smime::mime::canonical::to_crlf;
use dane_smime::mime::protected::{Intent, ProtectedHeaders};
use dane_smime::mime::transfer::base64_lines;
use dane_smime::mime::{EmailAddress, Entity, Kind, split, transfer, wrapped};
use dane_smime::smimea::SmimeaRecord;
use dane_smime::trust::{Binding, Bound, Judge, Memory, Recollection, Seal, Unbound};
use dane_smime::wire::frame;
use dane_smime::wire::request::Inbound;
use dane_smime::x509::{Certificate, NameMatch};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};

/// A target with its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 6] = [
    ("frame", frame),
    ("split", split),
    ("headers", headers),
    ("smimea", smimea),
    ("cms", cms),
    ("open", open),
];

const NOW: UnixTime = UnixTime::from_seconds(1_500_000_000);

static SENDER: LazyLock<EmailAddress> = LazyLock::new(|| EmailAddress::parse("bob@example.test").unwrap());

/// Frames of native messaging, and the requests in them.
pub fn frame(octets: &[u8]) {
    let mut input = octets;
    while let Ok(Some(frame)) = frame::read(&mut input) {
        let mut again = Vec::new();
        frame::write(&mut again, &frame).unwrap();
        assert_eq!(frame::read(&mut &again[..]).unwrap().as_deref(), Some(&frame[..]));
        let _ = Inbound::parse(&frame);
    }
    let _ = Inbound::parse(octets);
}

/// The parts of a multipart body; the first line names the boundary.
pub fn split(octets: &[u8]) {
    let end = octets.iter().position(|b| *b == b'\n').unwrap_or(0);
    let (line, body) = octets.split_at(end);
    let boundary = String::from_utf8_lossy(line).into_owned();
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    if let Ok(parts) = split::parts(body, &boundary) {
        assert!(parts.iter().map(|part| part.len()).sum::<usize>() <= body.len());
        let delimiter = [b"\n--", boundary.as_bytes(), b"\n"].concat();
        for part in parts {
            assert!(
                !part.windows(delimiter.len()).any(|window| window == delimiter),
                "a delimiter in a part"
            );
        }
    }
}

/// Header fields, media types, addresses, encodings, header protection.
pub fn headers(octets: &[u8]) {
    let Ok(entity) = Entity::parse(octets) else { return };
    let fields: usize = entity.headers.fields().iter().map(|field| field.raw().len()).sum();
    assert!(fields + entity.body.len() <= octets.len());
    if let Ok(content_type) = entity.headers.content_type() {
        let _ = (content_type.kind(), content_type.parameter("boundary"), content_type.parameter("hp"));
    }
    for field in entity.headers.fields() {
        let value = field.value();
        assert!(!value.contains(['\r', '\n']));
        for mailbox in parse_mailbox_list(&value).unwrap_or_default() {
            let address = mailbox.address;
            assert_eq!(EmailAddress::parse(&address.to_string()), Ok(address), "one address, one form");
        }
    }
    if let Some(protected) = ProtectedHeaders::of(&entity) {
        let _ = (protected.fields(), protected.hidden(&entity.headers));
    }
    // The same octets as what is inside a signature, and as the header around it.
    if let Some(read) = wrapped::as_protected(octets, &entity.headers, &SENDER, Intent::Cipher) {
        let inside = Entity::parse(&read).unwrap();
        assert!(octets.ends_with(inside.body), "the text of the message inside, and all of it");
        assert!(ProtectedHeaders::of(&inside).is_some());
    }
    if let Ok(decoded) = transfer::decode(&entity.headers, entity.body) {
        assert!(decoded.len() <= entity.body.len() + 3);
    }
    let canonical = to_crlf(octets);
    assert_eq!(to_crlf(&canonical), canonical);
}

/// SMIMEA record data, and the certificates in them.
pub fn smimea(octets: &[u8]) {
    for profile in [Profile::Rfc8162, Profile::GUIDE] {
        let record = SmimeaRecord::parse(octets, 300, profile);
        if let Some(certificate) = record.certificate() {
            assert_eq!(certificate.der(), &octets[3..]);
            assert!(record.names(&certificate));
        }
    }
    if let Ok(certificate) = Certificate::from_der(octets) {
        certificate_facts(&certificate);
    }
}

fn certificate_facts(certificate: &Certificate) {
    let _ = (certificate.subject(), certificate.issuer(), certificate.serial(), certificate.is_ca());
    let _ = (certificate.signing_fitness(), certificate.encryption_fitness());
    let _ = (certificate.smime_capabilities(), certificate.subject_key_identifier());
    for address in certificate.email_addresses() {
        assert_ne!(certificate.names_address(address), NameMatch::NamesNone);
    }
}

/// CMS objects: what they say of themselves, and checking them.
pub fn cms(octets: &[u8]) {
    let Ok(mut object) = CmsObject::parse(octets) else { return };
    let person = &PERSON.certificate;
    let _ = (object.content_cipher_name(), object.is_for(person), object.recipient_count());
    object.certificates().iter().for_each(certificate_facts);
    if let Ok(signers) = cms::verify(&mut object, None, std::slice::from_ref(person)) {
        assert_eq!(signers.len(), object.signer_count());
        assert!(!signers.is_empty() && object.embedded_content().is_some());
    }
    let _ = cms::verify(&mut object, Some(b"text"), &[]);
    let _ = cms::decrypt(&object, person, cms::Key::Here(&PERSON.key));
}

/// Whole messages, with a reader whose keys open some of them, and a judge who believes every
/// certificate that names the sender.
pub fn open(octets: &[u8]) {
    let message = Bytes::copy_from_slice(octets);
    let Some(opened) = read(&message, Reading::default()) else { return };
    let again = read(&message, Reading { show_unauthentic: true, ..Reading::default() }).unwrap();
    let state = |opened: &Opened| format!("{:?}", std::mem::discriminant(&opened.verdict.signature));
    assert_eq!(state(&opened), state(&again), "asking to see it changes no verdict");
    if matches!(opened.verdict.signature, Signature::Valid { .. }) {
        assert!(opened.verdict.from.is_some());
        let left_shut = matches!(opened.verdict.encryption, Encryption::LeftShut);
        assert!(opened.content.is_some() || left_shut, "valid, and nothing to be shown");
    }
    if matches!(opened.verdict.encryption, Encryption::Failed(_)) {
        assert!(opened.content.is_none(), "nothing of a mail that failed");
    }
    let Some(content) = opened.content.filter(|_| opened.unwrapped) else { return };
    assert!(!is_smime(&content), "what is shown is unwrapped to its last layer");
    if content.len() < 4096 && content.iter().map(|b| usize::from(*b)).sum::<usize>() % 8 == 0 {
        comes_back(&content);
    }
}

/// What is signed and encrypted here comes back as it was, and is believed; a message inside that is the
/// sender's own comes back in its place.
fn comes_back(content: &[u8]) {
    let content = to_crlf(content);
    let inner = pkcs7_mime(&sign(&content, Placement::Embedded));
    let sealed = encrypt(&inner, ContentCipher::Aes256Gcm);
    let message = [&b"From: bob@example.test\r\n"[..], &pkcs7_mime(&sealed)].concat();
    let outer = Entity::parse(&message).unwrap();
    let own = wrapped::as_protected(&content, &outer.headers, &SENDER, Intent::Cipher);
    let expected = own.unwrap_or_else(|| content.to_vec());
    let opened = read(&message.clone().into(), Reading::default()).unwrap();
    assert!(matches!(opened.verdict.signature, Signature::Valid { .. }), "{:?}", opened.verdict);
    assert_eq!(opened.content.as_deref(), Some(&expected[..]));
}

/// Signed by the one person there is.
pub fn sign(content: &[u8], placement: Placement) -> Vec<u8> {
    let Person { certificate, key } = &*PERSON;
    let identity = SigningIdentity {
        certificate,
        chain: &[],
        key: cms::Key::Here(key),
        reader: None,
        at: NOW,
        with_certificates: true,
    };
    cms::sign(content, &identity, placement).unwrap()
}

/// Encrypted to the same.
pub fn encrypt(content: &[u8], cipher: ContentCipher) -> Vec<u8> {
    let recipient = Recipient { certificate: &PERSON.certificate, known: None };
    cms::encrypt(content, &[recipient], cipher).unwrap()
}

/// A message's `Content-*` fields and body round a CMS object.
pub fn pkcs7_mime(der: &[u8]) -> Vec<u8> {
    let head = "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    [head.as_bytes(), &base64_lines(der)].concat()
}

fn is_smime(entity: &[u8]) -> bool {
    let kind = Entity::parse(entity).ok().and_then(|e| e.headers.content_type().ok()).map(|c| c.kind());
    kind.is_some_and(|kind| kind != Kind::Ordinary)
}

fn read(message: &Bytes, reading: Reading) -> Option<Opened> {
    open_message(message, reading, &KEYS.1, &Gullible, &Forgetful, NOW).ok()
}

struct Gullible;

impl Judge for Gullible {
    fn bind(
        &self,
        signer: &Certificate,
        _: &[Certificate],
        address: &EmailAddress,
    ) -> Result<Bound, Unbound> {
        match signer.names_address(address) {
            NameMatch::Names => Ok(Bound { binding: Binding::DaneEe, record: None }),
            _ => Err(Unbound::NamesOther),
        }
    }

    fn published(&self, _: &EmailAddress) -> Vec<Certificate> {
        vec![PERSON.certificate.clone()]
    }

    fn asked(&self, _: &EmailAddress) -> Option<Rc<Finding>> {
        None
    }
}

struct Forgetful;

impl Memory for Forgetful {
    fn recall(&self, _: &Seal<'_>) -> Recollection {
        Recollection::NOTHING
    }

    fn remember(&self, _: &Seal<'_>, _: Binding, _: UnixTime) {}
}

/// Somebody who is the same in every run, so that what was found once is found again.
pub struct Person {
    pub certificate: Certificate,
    pub key: PKey<Private>,
}

pub static PERSON: LazyLock<Person> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let secret = BigNum::from_u32(0x5eed_5eed).unwrap();
    let mut public = EcPoint::new(&group).unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    public.mul_generator2(&group, &secret, &mut context).unwrap();
    let key = PKey::from_ec_key(EcKey::from_private_components(&group, &secret, &public).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "Bob").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_000_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(2_000_000_000).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let mut names = SubjectAlternativeName::new();
    let names = names.email("bob@example.test").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Person { certificate: Certificate::from_der(&builder.build().to_der().unwrap()).unwrap(), key }
});

/// The key above, and those of the corpora where they are at hand.
static KEYS: LazyLock<(tempfile::TempDir, KeyStore)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let unlock = dir.path().join("unlock");
    std::fs::write(&unlock, [7; 48]).unwrap();
    let keys = KeyStore::open(dir.path(), KekSource::UnlockFile(unlock));
    let mut own = PERSON.certificate.to_pem().into_bytes();
    own.extend(PERSON.key.private_key_to_pem_pkcs8().unwrap());
    let mut files = vec![own];
    if let Some(shared) = std::env::var_os("DANE_SMIME_SHARED") {
        let keys = std::path::Path::new(&shared).join("corpora/keys");
        for file in ["tb/Bob.pem", "tb/Fran.pem", "tb/Fran-ec.pem", "covert/manager.pem"] {
            files.extend(std::fs::read(keys.join(file)));
        }
    }
    for file in files {
        for material in read_key_file(&file, "").unwrap() {
            keys.import(&material, None, NOW).unwrap();
        }
    }
    (dir, keys)
});
