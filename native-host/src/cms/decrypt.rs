//! Opening EnvelopedData and AuthEnvelopedData.

use der::asn1::ObjectIdentifier;
use openssl::asn1::Asn1Object;
use openssl::pkey::{Id, PKeyRef, Private};
use openssl::provider::Provider;
use openssl::x509::X509Ref;

use super::ffi::{Decrypting, Protection};
use super::inspect::{self, ContentEncryption};
use super::{CmsError, CmsObject, Key, ObjectType, steps};
use crate::x509::Certificate;

/// Shortest tag that shows changes (RFC 5084 section 3.2).
pub(super) const MIN_TAG: usize = 12;

/// What is read at once.
const PIECE: usize = 64 * 1024;

/// Decrypts with the key that belongs to `certificate`, which the object must name
/// ([`CmsObject::is_for`]). All of the content is returned or none of it; for AuthEnvelopedData it
/// is authentic, for EnvelopedData it may have been changed.
///
/// # Errors
/// [`CmsError::DecryptionFailed`] whatever the cause: which one it was would help an attacker who
/// can make us decrypt, and OpenSSL does not always say it. [`CmsError::NotSupported`],
/// [`CmsError::WrongType`]; [`CmsError::Key`] where a key that is elsewhere cannot be reached.
pub fn decrypt(object: &CmsObject, certificate: &Certificate, key: Key<'_>) -> Result<Vec<u8>, CmsError> {
    if !matches!(object.object_type(), ObjectType::Enveloped | ObjectType::AuthEnveloped) {
        return Err(CmsError::WrongType);
    }
    let ContentEncryption { algorithm, authenticated_attributes, default_tag } = object.encryption;
    let step_by_step = authenticated_attributes
        || default_tag
        || algorithm.is_some_and(|oid| inspect::NOT_IN_OPENSSL_CMS.contains(&oid));
    let here = match key {
        Key::Here(key) if !step_by_step && key.id() != Id::X25519 => key,
        _ => {
            let der = object.inner.to_der().map_err(|_| CmsError::DecryptionFailed)?;
            return steps::decrypt(&der, certificate, key);
        }
    };
    // The default provider stays; the legacy one (RC2, single DES) goes when this ends.
    let _legacy = algorithm.filter(|oid| !is_at_hand(*oid)).map(legacy_provider).transpose()?;
    let x509 = certificate.x509().map_err(CmsError::Openssl)?;
    content(object, x509, here)
}

/// What `CMS_decrypt` does, without its buffer that grows by copying. All of the content or nothing.
fn content(object: &CmsObject, certificate: &X509Ref, key: &PKeyRef<Private>) -> Result<Vec<u8>, CmsError> {
    // Ciphertext is never shorter than its content.
    let most = object.embedded_content().map(<[u8]>::len).ok_or(CmsError::DecryptionFailed)?;
    let begun = Decrypting::begin(&object.inner, certificate, key);
    let mut decrypting = begun.map_err(|_| CmsError::DecryptionFailed)?;
    match (object.object_type(), decrypting.protection()) {
        (ObjectType::AuthEnveloped, Protection::Tag(octets)) if octets >= MIN_TAG => {}
        (ObjectType::Enveloped, Protection::Padding) => {}
        // Nobody sends these. They would make an authenticated ciphertext (GCM) into one whose text can be changed
        // at will, because its key stream is the same.
        (ObjectType::Enveloped, Protection::Other) => return Err(not_here(object.encryption.algorithm)),
        // OpenSSL decrypts CBC in an AuthEnvelopedData too, and does not look at what should authenticate it.
        _ => return Err(CmsError::DecryptionFailed),
    }
    let mut content = Vec::with_capacity(most);
    let mut piece = vec![0_u8; PIECE];
    loop {
        match decrypting.read(&mut piece).and_then(|read| piece.get(..read)) {
            None => return Err(CmsError::DecryptionFailed),
            Some([]) if decrypting.has_ended_well() => return Ok(content),
            Some([]) => return Err(CmsError::DecryptionFailed),
            Some(octets) => content.extend_from_slice(octets),
        }
    }
}

/// Whether the providers that are loaded have this cipher.
fn is_at_hand(cipher: ObjectIdentifier) -> bool {
    let nid = Asn1Object::from_str(&cipher.to_string()).ok().map(|object| object.nid());
    let name = nid.and_then(|nid| nid.short_name().ok());
    name.is_some_and(|name| openssl::cipher::Cipher::fetch(None, name, None).is_ok())
}

/// Old mail stays readable where OpenSSL still has what it was encrypted with.
fn legacy_provider(cipher: ObjectIdentifier) -> Result<Provider, CmsError> {
    let legacy = Provider::try_load(None, "legacy", true).map_err(|_| not_here(Some(cipher)))?;
    if is_at_hand(cipher) { Ok(legacy) } else { Err(not_here(Some(cipher))) }
}

fn not_here(cipher: Option<ObjectIdentifier>) -> CmsError {
    CmsError::NotSupported(cipher.map_or_else(|| "unknown".to_owned(), inspect::cipher_name))
}
