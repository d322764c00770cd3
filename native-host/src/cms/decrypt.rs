//! Opening EnvelopedData and AuthEnvelopedData.

use der::asn1::ObjectIdentifier;
use openssl::asn1::Asn1Object;
use openssl::pkey::Id;
use openssl::provider::Provider;

use super::inspect::{self, ContentEncryption};
use super::{CmsError, CmsObject, Key, ObjectType, ffi, steps};
use crate::x509::Certificate;

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
    ffi::decrypt(&object.inner, x509, here).map_err(|_| CmsError::DecryptionFailed)
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
