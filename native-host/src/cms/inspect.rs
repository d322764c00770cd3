//! Read-only look at what OpenSSL has no question for: how the content of an encrypted object is
//! encrypted. Reads BER as well as DER, without copying and without recursion.

use der::asn1::ObjectIdentifier;
use openssl::asn1::Asn1Object;
use openssl::nid::Nid;

use crate::x509::Element;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
const CONTEXT_1: u8 = 0xa1;
/// `[2]`, constructed.
const CONTEXT_2: u8 = 0xa2;

/// AuthEnvelopedData that OpenSSL's CMS code does not open: ChaCha20-Poly1305 (RFC 8103), AES-CCM (RFC 5084).
pub(super) const NOT_IN_OPENSSL_CMS: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.18"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.7"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.27"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.47"),
];

const AES_GCM: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.26"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"),
];

/// What an EnvelopedData or AuthEnvelopedData says of its content. Which key opens it is another
/// question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ContentEncryption {
    /// contentEncryptionAlgorithm; `None` where it cannot be read.
    pub(super) algorithm: Option<ObjectIdentifier>,
    /// Whether attributes are authenticated with the content (RFC 5083 section 2.1).
    pub(super) authenticated_attributes: bool,
    /// Whether it is AES-GCM whose parameters leave out the length of the tag, which is then 12 octets (RFC 5084
    /// section 3.2). OpenSSL 3.0 cannot read those.
    pub(super) default_tag: bool,
}

/// Looks into a ContentInfo.
pub(super) fn content_encryption(object: &[u8]) -> ContentEncryption {
    let mut found = ContentEncryption::default();
    // The answer is what was found until something could not be read.
    let _ = read(object, &mut found);
    found
}

fn read(object: &[u8], found: &mut ContentEncryption) -> Option<()> {
    let mut fields = fields_after_recipients(object)?;
    let encrypted = fields.next().filter(|e| e.tag == SEQUENCE)?;
    let algorithm = encrypted.children().nth(1).filter(|e| e.tag == SEQUENCE)?;
    let oid = algorithm.children().next().filter(|e| e.tag == OBJECT_IDENTIFIER)?;
    found.algorithm = ObjectIdentifier::from_bytes(oid.content).ok();
    let parameters = algorithm.children().nth(1).filter(|e| e.tag == SEQUENCE);
    let is_gcm = found.algorithm.is_some_and(|oid| AES_GCM.contains(&oid));
    found.default_tag = is_gcm && parameters.is_some_and(|e| e.children().count() == 1);
    found.authenticated_attributes = fields.next()?.tag == CONTEXT_1;
    Some(())
}

/// The content and what follows it, of an EnvelopedData or AuthEnvelopedData.
fn fields_after_recipients(object: &[u8]) -> Option<impl Iterator<Item = Element<'_>>> {
    let content_info = Element::first(object).filter(|e| e.tag == SEQUENCE)?;
    let explicit = content_info.children().nth(1).filter(|e| e.tag == CONTEXT_0)?;
    let enveloped = explicit.children().next().filter(|e| e.tag == SEQUENCE)?;
    let mut fields = enveloped.children().skip(1).skip_while(|e| e.tag == CONTEXT_0); // version, originatorInfo
    fields.next().filter(|e| e.tag == SET)?; // recipientInfos
    Some(fields)
}

/// How many digest algorithms a SignedData names (RFC 5652 section 5.1): one for each signer is enough, and OpenSSL
/// works through all the content for each. `None` where that cannot be read.
pub(super) fn digest_algorithms(object: &[u8]) -> Option<usize> {
    let content_info = Element::first(object).filter(|e| e.tag == SEQUENCE)?;
    let explicit = content_info.children().nth(1).filter(|e| e.tag == CONTEXT_0)?;
    let signed = explicit.children().next().filter(|e| e.tag == SEQUENCE)?;
    let digests = signed.children().nth(1).filter(|e| e.tag == SET)?;
    Some(digests.children().count())
}

/// How many certificates a SignedData carries (RFC 5652 section 5.1), or the originator of an EnvelopedData (section
/// 6.1). OpenSSL reads the key of each. `None` where that cannot be read.
pub(super) fn certificates(object: &[u8]) -> Option<usize> {
    let content_info = Element::first(object).filter(|e| e.tag == SEQUENCE)?;
    let explicit = content_info.children().nth(1).filter(|e| e.tag == CONTEXT_0)?;
    let fields = explicit.children().next().filter(|e| e.tag == SEQUENCE)?.all_children()?;
    let sets = fields.iter().filter(|field| field.tag == CONTEXT_0);
    let count = |set: &Element<'_>| {
        set.children().map(|e| if e.tag == CONTEXT_0 { e.children().count() } else { 1 }).sum::<usize>()
    };
    Some(sets.map(count).sum())
}

/// An AuthEnvelopedData with its attributes numbered as OpenSSL 3.0 looks for them: `[2]` and `[3]`, where RFC
/// 5083 section 2.1 has `[1]` and `[2]`. `None` where there are no attributes.
pub(super) fn as_openssl_numbers(object: &[u8]) -> Option<Vec<u8>> {
    let fields = fields_after_recipients(object)?.skip(1);
    let tags: Vec<usize> = fields
        .filter(|e| matches!(e.tag, CONTEXT_1 | CONTEXT_2))
        .map(|e| e.from.as_ptr().addr().saturating_sub(object.as_ptr().addr()))
        .collect();
    let mut renumbered = object.to_vec();
    for at in &tags {
        let tag = renumbered.get_mut(*at)?;
        *tag = tag.saturating_add(1);
    }
    (!tags.is_empty()).then_some(renumbered)
}

/// The customary name, or the dotted number.
pub(super) fn cipher_name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.3.7" => "des-ede3-cbc",
        "1.2.840.113549.3.2" => "rc2-cbc",
        "2.16.840.1.101.3.4.1.2" => "aes-128-cbc",
        "2.16.840.1.101.3.4.1.6" => "aes-128-gcm",
        "2.16.840.1.101.3.4.1.7" => "aes-128-ccm",
        "2.16.840.1.101.3.4.1.22" => "aes-192-cbc",
        "2.16.840.1.101.3.4.1.26" => "aes-192-gcm",
        "2.16.840.1.101.3.4.1.27" => "aes-192-ccm",
        "2.16.840.1.101.3.4.1.42" => "aes-256-cbc",
        "2.16.840.1.101.3.4.1.46" => "aes-256-gcm",
        "2.16.840.1.101.3.4.1.47" => "aes-256-ccm",
        "1.2.840.113549.1.9.16.3.18" => "chacha20-poly1305",
        other => {
            let known = Asn1Object::from_str(other).ok().map(|object| object.nid());
            let known = known.filter(|nid| *nid != Nid::UNDEF).and_then(|nid| nid.short_name().ok());
            return known.map_or_else(|| other.to_owned(), str::to_ascii_lowercase);
        }
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One value, in the definite or the indefinite form.
    fn value(tag: u8, content: &[u8], definite: bool) -> Vec<u8> {
        if definite {
            [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
        } else {
            [&[tag, 0x80], content, &[0, 0]].concat()
        }
    }

    #[test]
    fn digest_algorithms_are_counted() {
        let oid = value(OBJECT_IDENTIFIER, &[0x2a, 3], true);
        for (definite, count) in [(true, 0), (true, 3), (false, 9)] {
            let made = |tag, parts: &[Vec<u8>]| value(tag, &parts.concat(), definite);
            let digests = made(SET, &vec![made(SEQUENCE, std::slice::from_ref(&oid)); count]);
            let signed = made(SEQUENCE, &[vec![2, 1, 1], digests]);
            let object = made(SEQUENCE, &[oid.clone(), made(CONTEXT_0, &[signed])]);
            assert_eq!(digest_algorithms(&object), Some(count));
        }
        assert_eq!(digest_algorithms(b"\x30\x00"), None);
    }

    #[test]
    fn certificates_are_counted() {
        let oid = value(OBJECT_IDENTIFIER, &[0x2a, 3], true);
        for definite in [true, false] {
            let made = |tag, parts: &[Vec<u8>]| value(tag, &parts.concat(), definite);
            let certificates = made(CONTEXT_0, &vec![made(SEQUENCE, &[]); 3]);
            for (inside, count) in [
                (vec![made(SET, &[]), made(SEQUENCE, &[]), certificates.clone()], 3),
                (vec![made(SET, &[]), made(SEQUENCE, &[])], 0),
                (vec![made(CONTEXT_0, &[certificates]), made(SET, &[])], 3),
            ] {
                let content = made(SEQUENCE, &[vec![vec![2, 1, 1]], inside].concat());
                let object = made(SEQUENCE, &[oid.clone(), made(CONTEXT_0, &[content])]);
                assert_eq!(super::certificates(&object), Some(count));
            }
        }
        assert_eq!(super::certificates(b"\x30\x00"), None);
        assert_eq!(Element::first(b"\x30\x86\0\0\0\0\0\x01x").map(|e| e.content), Some(&b"x"[..]));
    }

    #[test]
    fn names_are_those_that_people_know() {
        let name = |oid| cipher_name(ObjectIdentifier::new_unwrap(oid));
        assert_eq!(name("2.16.840.1.101.3.4.1.47"), "aes-256-ccm");
        assert_eq!(name("1.3.14.3.2.7"), "des-cbc");
        assert_eq!(name("1.2.392.200011.61.1.1.1.4"), "camellia-256-cbc");
        assert_eq!(name("1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn both_forms_of_lengths_are_read() {
        let oid = |text: &str| value(OBJECT_IDENTIFIER, ObjectIdentifier::new_unwrap(text).as_bytes(), true);
        for definite in [true, false] {
            let made = |tag, parts: &[Vec<u8>]| value(tag, &parts.concat(), definite);
            let algorithm = made(SEQUENCE, &[oid("2.16.840.1.101.3.4.1.6")]);
            let encrypted = made(SEQUENCE, &[oid("1.2.840.113549.1.7.1"), algorithm, made(CONTEXT_0, &[])]);
            let version = vec![2, 1, 0];
            let recipients = made(SET, &[made(SEQUENCE, std::slice::from_ref(&version))]);
            let attributes = made(CONTEXT_1, &[]);
            let enveloped = made(SEQUENCE, &[version, recipients, encrypted, attributes]);
            let object = made(SEQUENCE, &[oid("1.2.840.113549.1.9.16.1.23"), made(CONTEXT_0, &[enveloped])]);
            let found = content_encryption(&object);
            assert_eq!(found.algorithm.map(cipher_name).as_deref(), Some("aes-128-gcm"));
            assert!(found.authenticated_attributes);
            let renumbered = as_openssl_numbers(&object).unwrap();
            let changed: Vec<_> = object.iter().zip(&renumbered).filter(|(a, b)| a != b).collect();
            assert_eq!(changed, [(&CONTEXT_1, &CONTEXT_2)]);
            (0..object.len())
                .for_each(|cut| assert!(!content_encryption(&object[..cut]).authenticated_attributes));
        }
    }
}
