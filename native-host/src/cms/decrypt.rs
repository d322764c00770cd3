//! Opening EnvelopedData and AuthEnvelopedData.

use der::asn1::ObjectIdentifier;
use openssl::asn1::Asn1Object;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKeyRef, Private};
use openssl::provider::Provider;
use openssl::x509::X509Ref;

use super::ffi::Decrypting;
use super::inspect::{self, ContentEncryption};
use super::{CmsError, CmsObject, Key, ObjectType, steps};
use crate::x509::Certificate;

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
    let ContentEncryption { algorithm, authenticated_attributes } = object.encryption;
    let step_by_step =
        algorithm.is_some_and(|oid| inspect::NOT_IN_OPENSSL_CMS.contains(&oid)) || authenticated_attributes;
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
    content(object, x509, here).map_err(|_| CmsError::DecryptionFailed)?.ok_or(CmsError::DecryptionFailed)
}

/// What `CMS_decrypt` does, without its buffer that grows by copying. All of the content or `None`.
fn content(
    object: &CmsObject,
    certificate: &X509Ref,
    key: &PKeyRef<Private>,
) -> Result<Option<Vec<u8>>, ErrorStack> {
    // Ciphertext is never shorter than its content.
    let Some(most) = object.embedded_content().map(<[u8]>::len) else { return Ok(None) };
    let mut decrypting = Decrypting::begin(&object.inner, certificate, key)?;
    let mut content = Vec::with_capacity(most);
    let mut piece = vec![0_u8; PIECE];
    loop {
        match decrypting.read(&mut piece).and_then(|read| piece.get(..read)) {
            None => return Ok(None),
            Some([]) => return Ok(decrypting.has_ended_well().then_some(content)),
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
    let not_here = || CmsError::NotSupported(inspect::cipher_name(cipher));
    let legacy = Provider::try_load(None, "legacy", true).map_err(|_| not_here())?;
    if is_at_hand(cipher) { Ok(legacy) } else { Err(not_here()) }
}
