//! Undoing the layers of a received message, outermost first, until ordinary MIME remains.
//!
//! Only the root of what a layer yields is looked at: an encrypted or signed part deeper inside a
//! multipart is left shut and vouches for nothing.

use std::borrow::Cow;

use super::verdict::{Checked, Encryption, EncryptionFault, InvalidReason, Malformation};
use crate::cms::{self, CmsError, CmsObject, ObjectType, Placement};
use crate::keys::{KeyError, KeyStore};
use crate::mime::canonical::to_crlf;
use crate::mime::split::signed_parts;
use crate::mime::{Entity, Kind, transfer};
use crate::x509::Certificate;

/// Triple wrapping (RFC 2634) has three layers; mailing lists and gateways add a few.
const MAX_LAYERS: usize = 8;

/// What lies under the layers.
pub(super) struct Unwrapped<'a> {
    /// The innermost entity; `None` where nothing may be shown.
    pub(super) content: Option<Cow<'a, [u8]>>,
    pub(super) encryption: Encryption,
    pub(super) checked: Checked,
}

/// Undoes every layer. `candidates` are certificates for signatures that carry none.
///
/// # Errors
/// Only what is no statement about the mail: the keyring is locked, a key file is damaged.
pub(super) fn unwrap<'a>(
    message: &'a [u8],
    keys: &KeyStore,
    candidates: &[Certificate],
) -> Result<Unwrapped<'a>, KeyError> {
    let mut current = Cow::Borrowed(message);
    let mut encryption = Encryption::None;
    let mut signatures: Vec<SignatureLayer> = Vec::new(); // since the last decryption, outermost first
    for _ in 0..MAX_LAYERS {
        let Some(step) = peel(&current, keys, candidates, signatures.len())? else {
            return Ok(Unwrapped { content: Some(current), encryption, checked: combine(signatures) });
        };
        match step {
            Step::Decrypted { content, encryption: done } => {
                // What was outside the encryption signed a ciphertext, not what is shown.
                signatures.clear();
                (current, encryption) = (Cow::Owned(content), done);
            }
            Step::Signed { content, layer } => {
                current = Cow::Owned(content);
                signatures.extend(layer);
            }
            Step::LeftShut => {
                let encryption = Encryption::LeftShut;
                return Ok(Unwrapped { content: None, encryption, checked: combine(signatures) });
            }
            Step::Shut(fault) => {
                let encryption = Encryption::Failed(fault);
                return Ok(Unwrapped { content: None, encryption, checked: Checked::Unsigned });
            }
            Step::Unreadable(reason) => {
                return Ok(Unwrapped { content: None, encryption, checked: Checked::Broken(reason) });
            }
        }
    }
    let encryption = Encryption::Failed(EncryptionFault::TooDeep);
    Ok(Unwrapped { content: None, encryption, checked: Checked::Unsigned })
}

/// A signature, and how it holds its content.
struct SignatureLayer {
    checked: Checked,
    placement: Placement,
}

/// What several signatures round one content are worth together. Each must be intact. Only opaque
/// ones may be nested, and then the outermost speaks: it covers everything within. Where a clear
/// signature is among them, mail programs differ in which of them they show, so none counts.
fn combine(mut layers: Vec<SignatureLayer>) -> Checked {
    if let Some(broken) = layers.iter().position(|layer| matches!(layer.checked, Checked::Broken(_))) {
        return layers.swap_remove(broken).checked;
    }
    let is_nested = layers.len() > 1;
    if is_nested && layers.iter().any(|layer| layer.placement == Placement::Detached) {
        return Checked::Broken(InvalidReason::NestedSignatures);
    }
    layers.into_iter().next().map_or(Checked::Unsigned, |outermost| outermost.checked)
}

enum Step {
    Decrypted {
        content: Vec<u8>,
        encryption: Encryption,
    },
    /// No layer where the object is signed by nobody.
    Signed {
        content: Vec<u8>,
        layer: Option<SignatureLayer>,
    },
    /// Encrypted inside more than one signature: nobody's usual mail, and left as it is.
    LeftShut,
    /// Encrypted or opaque, and to stay so.
    Shut(EncryptionFault),
    /// Signed in a way that hides what was signed.
    Unreadable(InvalidReason),
}

/// One layer. `None` where the entity is ordinary MIME, which includes an entity whose header is
/// ambiguous: it gets no opening and no seal.
fn peel(
    entity: &[u8],
    keys: &KeyStore,
    candidates: &[Certificate],
    signatures_above: usize,
) -> Result<Option<Step>, KeyError> {
    let Ok(parsed) = Entity::parse(entity) else { return Ok(None) };
    let Ok(content_type) = parsed.headers.content_type() else { return Ok(None) };
    match content_type.kind() {
        Kind::Ordinary => Ok(None),
        Kind::ClearSigned => {
            let boundary = content_type.parameter("boundary").unwrap_or_default();
            Ok(Some(clear_signed(parsed.body, &boundary, candidates)))
        }
        Kind::Pkcs7Mime => opaque(&parsed, keys, candidates, signatures_above).map(Some),
    }
}

fn clear_signed(body: &[u8], boundary: &str, candidates: &[Certificate]) -> Step {
    let (signed, signature) = match signed_parts(body, boundary) {
        Ok(parts) => parts,
        Err(error) => {
            return Step::Unreadable(InvalidReason::Malformed(Malformation::Split(error)));
        }
    };
    let content = to_crlf(signed).into_owned();
    let checked = match detached_object(signature) {
        Ok(mut object) => check(&mut object, Some(&content), candidates),
        Err(malformation) => Checked::Broken(InvalidReason::Malformed(malformation)),
    };
    Step::Signed { content, layer: layer(checked, Placement::Detached) }
}

fn layer(checked: Checked, placement: Placement) -> Option<SignatureLayer> {
    (!matches!(checked, Checked::Unsigned)).then_some(SignatureLayer { checked, placement })
}

fn detached_object(signature: &[u8]) -> Result<CmsObject, Malformation> {
    let part = Entity::parse(signature).map_err(Malformation::Header)?;
    let octets = transfer::decode(&part.headers, part.body).map_err(Malformation::Transfer)?;
    CmsObject::parse(&octets).map_err(|_| Malformation::Cms)
}

fn check(object: &mut CmsObject, detached: Option<&[u8]>, candidates: &[Certificate]) -> Checked {
    let carried = object.certificates();
    match cms::verify(object, detached, candidates) {
        Ok(signers) => Checked::Intact { signers, carried },
        Err(CmsError::NoSigners) => Checked::Unsigned,
        Err(error) => Checked::Broken(error.into()),
    }
}

fn opaque(
    entity: &Entity<'_>,
    keys: &KeyStore,
    candidates: &[Certificate],
    signatures_above: usize,
) -> Result<Step, KeyError> {
    // The decoded octets are let go as soon as OpenSSL has its own copy of them.
    let decoded = transfer::decode(&entity.headers, entity.body).ok();
    let Some(mut object) = decoded.and_then(|octets| CmsObject::parse(&octets).ok()) else {
        return Ok(Step::Shut(EncryptionFault::Malformed));
    };
    match object.object_type().clone() {
        ObjectType::Signed => Ok(embedded(&mut object, candidates)),
        ObjectType::Enveloped | ObjectType::AuthEnveloped if signatures_above > 1 => Ok(Step::LeftShut),
        ObjectType::Enveloped => decrypted(&object, keys, false),
        ObjectType::AuthEnveloped => decrypted(&object, keys, true),
        ObjectType::Compressed => Ok(Step::Shut(EncryptionFault::Compressed)),
        ObjectType::Other(_) => Ok(Step::Shut(EncryptionFault::NotMail)),
    }
}

/// Opaque signed data. What it carries is shown even where the signature does not fit, as with a
/// clear-signed mail.
fn embedded(object: &mut CmsObject, candidates: &[Certificate]) -> Step {
    let checked = check(object, None, candidates);
    match object.embedded_content() {
        Some(content) => {
            Step::Signed { content: content.to_vec(), layer: layer(checked, Placement::Embedded) }
        }
        None => match checked {
            Checked::Broken(reason) => Step::Unreadable(reason),
            _ => Step::Shut(EncryptionFault::NotMail), // certificates only: there is no text
        },
    }
}

fn decrypted(object: &CmsObject, keys: &KeyStore, authenticated: bool) -> Result<Step, KeyError> {
    let mut any_for_us = false;
    for (certificate, handle) in keys.decryption_candidates()? {
        if !object.is_for(&certificate) {
            continue;
        }
        any_for_us = true;
        let private = keys.unseal(handle)?;
        if let Ok(content) = cms::decrypt(object, &certificate, private.pkey()) {
            let encryption = Encryption::Decrypted {
                algorithm: object.content_cipher_name(),
                authenticated,
                withheld: false,
                recipient: certificate.email_addresses().first().cloned(),
            };
            return Ok(Step::Decrypted { content, encryption });
        }
    }
    if !any_for_us {
        return Ok(Step::Shut(EncryptionFault::NotForUs));
    }
    Ok(Step::Shut(EncryptionFault::CannotDecrypt))
}
