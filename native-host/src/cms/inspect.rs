//! Read-only look at what OpenSSL has no question for: the content-encryption algorithm.

use der::asn1::ObjectIdentifier;
use der::{Header, Reader, SliceReader, Tag, TagNumber};

/// The object identifier of contentEncryptionAlgorithm in the DER of an EnvelopedData or
/// AuthEnvelopedData ContentInfo. For display only: decryption does not depend on it.
pub(super) fn content_encryption_algorithm(der: &[u8]) -> Option<ObjectIdentifier> {
    let mut reader = SliceReader::new(der).ok()?;
    enter(&mut reader, Tag::Sequence)?; // ContentInfo
    skip(&mut reader)?; // contentType
    enter(&mut reader, Tag::ContextSpecific { constructed: true, number: TagNumber::N0 })?;
    enter(&mut reader, Tag::Sequence)?; // EnvelopedData or AuthEnvelopedData
    skip(&mut reader)?; // version
    if reader.peek_tag().ok()? != Tag::Set {
        skip(&mut reader)?; // originatorInfo
    }
    skip(&mut reader)?; // recipientInfos
    enter(&mut reader, Tag::Sequence)?; // EncryptedContentInfo
    skip(&mut reader)?; // contentType
    enter(&mut reader, Tag::Sequence)?; // AlgorithmIdentifier
    reader.decode().ok()
}

/// Steps into a constructed value of this tag.
fn enter(reader: &mut SliceReader<'_>, tag: Tag) -> Option<()> {
    let header = reader.decode::<Header>().ok()?;
    (header.tag == tag).then_some(())
}

/// Steps over one value.
fn skip(reader: &mut SliceReader<'_>) -> Option<()> {
    let header = reader.decode::<Header>().ok()?;
    reader.read_slice(header.length).ok().map(|_| ())
}

/// The customary name, or the dotted number.
pub(super) fn cipher_name(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.3.7" => "des-ede3-cbc",
        "1.2.840.113549.3.2" => "rc2-cbc",
        "2.16.840.1.101.3.4.1.2" => "aes-128-cbc",
        "2.16.840.1.101.3.4.1.6" => "aes-128-gcm",
        "2.16.840.1.101.3.4.1.22" => "aes-192-cbc",
        "2.16.840.1.101.3.4.1.26" => "aes-192-gcm",
        "2.16.840.1.101.3.4.1.42" => "aes-256-cbc",
        "2.16.840.1.101.3.4.1.46" => "aes-256-gcm",
        "1.2.840.113549.1.9.16.3.18" => "chacha20-poly1305",
        other => return other.to_owned(),
    };
    name.to_owned()
}
