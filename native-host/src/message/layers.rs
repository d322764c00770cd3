//! Undoing the layers of a received message, outermost first, until ordinary MIME remains.
//!
//! Only the root of what a layer yields is looked at: an encrypted or signed part deeper inside a
//! multipart is left shut and vouches for nothing.
//!
//! Octets are handed on as slices of the buffer they stand in; only decoding and decrypting make
//! new ones.

use std::borrow::Cow;

use bytes::Bytes;

use super::verdict::{Checked, Encryption, EncryptionFault, InvalidReason, Malformation};
use crate::cms::{self, CmsError, CmsObject, ObjectType, Placement};
use crate::keys::{KeyError, KeyStore};
use crate::mime::canonical::to_crlf;
use crate::mime::header::HeaderError;
use crate::mime::split::{SplitError, signed_parts};
use crate::mime::{ContentType, Entity, Kind, transfer};
use crate::x509::Certificate;

/// Triple wrapping (RFC 2634) has three layers; mailing lists and gateways add a few.
const MAX_LAYERS: usize = 8;

/// A layer that was undone, or that stood in the way. For display: it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// CompressedData, which is not opened.
    Compressed,
    /// AuthEnvelopedData or EnvelopedData.
    Encrypted {
        /// `aes-256-gcm` and the like.
        algorithm: String,
        /// Whether changes on the way would have been noticed.
        authenticated: bool,
        /// To how many keys.
        recipients: usize,
    },
    /// A CMS object of another kind, or none at all, which is not opened.
    Other,
    /// SignedData, beside its content or round it.
    Signed {
        /// Beside or round.
        placement: Placement,
        /// Whether every SignerInfo fits. Who vouches for the signers is another question.
        intact: bool,
        /// Digest and signature algorithm of each signer, where the signatures fit.
        algorithms: Vec<String>,
    },
}

/// What lies under the layers.
pub(super) struct Unwrapped {
    /// The innermost entity; `None` where nothing may be shown.
    pub(super) content: Option<Bytes>,
    pub(super) encryption: Encryption,
    pub(super) checked: Checked,
    /// The layers from the outermost on.
    pub(super) trail: Vec<Layer>,
}

/// Undoes every layer. `candidates` are certificates for signatures that carry none.
///
/// # Errors
/// Only what is no statement about the mail: the keyring is locked, a key file is damaged.
pub(super) fn unwrap(
    message: &Bytes,
    keys: &KeyStore,
    candidates: &[Certificate],
) -> Result<Unwrapped, KeyError> {
    let mut current = message.clone();
    let mut encryption = Encryption::None;
    let mut signatures: Vec<SignatureLayer> = Vec::new(); // since the last decryption, outermost first
    let mut trail = Vec::new();
    for _ in 0..=MAX_LAYERS {
        let Some(Peeled { step, layer }) = peel(&current, keys, candidates, signatures.len())? else {
            return Ok(Unwrapped { content: Some(current), encryption, checked: combine(signatures), trail });
        };
        trail.push(layer);
        match step {
            Step::Decrypted { content, encryption: done } => {
                // What was outside the encryption signed a ciphertext, not what is shown.
                signatures.clear();
                (current, encryption) = (content, done);
            }
            Step::Signed { content, layer } => {
                current = content;
                signatures.extend(layer);
            }
            Step::CertificatesOnly => {
                let encryption = Encryption::CertificatesOnly;
                return Ok(Unwrapped { content: None, encryption, checked: Checked::Unsigned, trail });
            }
            Step::LeftShut => {
                let encryption = Encryption::LeftShut;
                return Ok(Unwrapped { content: None, encryption, checked: combine(signatures), trail });
            }
            Step::Shut(fault) => {
                let encryption = Encryption::Failed(fault);
                return Ok(Unwrapped { content: None, encryption, checked: Checked::Unsigned, trail });
            }
            Step::Unreadable(reason) => {
                return Ok(Unwrapped { content: None, encryption, checked: Checked::Broken(reason), trail });
            }
        }
    }
    let encryption = Encryption::Failed(EncryptionFault::TooDeep);
    Ok(Unwrapped { content: None, encryption, checked: Checked::Unsigned, trail })
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

/// What one layer comes to, and how it is told of.
struct Peeled {
    step: Step,
    layer: Layer,
}

enum Step {
    Decrypted {
        content: Bytes,
        encryption: Encryption,
    },
    /// No layer where the object is signed by nobody.
    Signed {
        content: Bytes,
        layer: Option<SignatureLayer>,
    },
    /// Certificates, and no text.
    CertificatesOnly,
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
    entity: &Bytes,
    keys: &KeyStore,
    candidates: &[Certificate],
    signatures_above: usize,
) -> Result<Option<Peeled>, KeyError> {
    let Ok(parsed) = Entity::parse(entity) else { return Ok(None) };
    let content_type = match parsed.headers.content_type() {
        Ok(content_type) => content_type,
        Err(HeaderError::BadContentType) if begins_pkcs7_mime(&parsed) => {
            return opaque(&parsed, keys, candidates, signatures_above).map(Some);
        }
        Err(_) => return Ok(None),
    };
    match content_type.kind() {
        // RFC 8551 section 3.9: gateways change the type, and the name tells. What is no CMS object
        // then is the ordinary attachment that it says it is.
        Kind::Ordinary if content_type.media() == "application/octet-stream" && is_p7m(&parsed) => {
            let peeled = opaque(&parsed, keys, candidates, signatures_above)?;
            let is_none = matches!(peeled.step, Step::Shut(EncryptionFault::Malformed));
            Ok((!is_none).then_some(peeled))
        }
        Kind::Ordinary => Ok(None),
        Kind::ClearSigned => {
            let boundary = content_type.parameter("boundary").unwrap_or_default();
            Ok(Some(clear_signed(entity, parsed.body, &boundary, candidates)))
        }
        Kind::Pkcs7Mime => opaque(&parsed, keys, candidates, signatures_above).map(Some),
    }
}

fn begins_pkcs7_mime(entity: &Entity<'_>) -> bool {
    let field = entity.headers.single("Content-Type").ok().flatten();
    field.is_some_and(|field| ContentType::begins_pkcs7_mime(&field.value()))
}

fn is_p7m(entity: &Entity<'_>) -> bool {
    let named = |field: &'static str, parameter: &str| {
        let value = entity.headers.single(field).ok().flatten().map(|field| field.value());
        // A disposition has the form of a media type but for the subtype.
        let value =
            value.map(|value| value.replacen(';', "/x;", usize::from(field == "Content-Disposition")));
        let value = value.and_then(|value| ContentType::parse(&value));
        // RFC 2231 section 4: the encoded form has a name of its own, and needs no decoding for this.
        let encoded = || value.as_ref()?.parameter(&format!("{parameter}*"));
        let name = value.as_ref().and_then(|value| value.parameter(parameter)).or_else(encoded);
        name.is_some_and(|name| name.to_ascii_lowercase().ends_with(".p7m"))
    };
    named("Content-Type", "name") || named("Content-Disposition", "filename")
}

fn clear_signed(entity: &Bytes, body: &[u8], boundary: &str, candidates: &[Certificate]) -> Peeled {
    let (signed, signature) = match signed_parts(body, boundary) {
        Ok(parts) => parts,
        Err(error) => {
            let reason = InvalidReason::Malformed(Malformation::Split(error));
            if error == SplitError::TooManyParts {
                let layer = signed_layer(Placement::Detached, &Checked::Unsigned);
                return Peeled { step: Step::Unreadable(reason), layer };
            }
            return signed_content(as_unsigned(body, boundary), Checked::Broken(reason), Placement::Detached);
        }
    };
    let content = match to_crlf(signed) {
        Cow::Borrowed(octets) => entity.slice_ref(octets),
        Cow::Owned(octets) => Bytes::from(octets),
    };
    let checked = match detached_object(signature) {
        Ok(mut object) => check(&mut object, Some(&content), candidates),
        Err(reason) => Checked::Broken(reason),
    };
    signed_content(content, checked, Placement::Detached)
}

/// The body of a clear-signed mail that has other parts than its text and the signature: all of them are shown,
/// those that a list or a gateway added too, and nobody vouches for any.
fn as_unsigned(body: &[u8], boundary: &str) -> Bytes {
    let kind = if boundary.is_empty() {
        "text/plain".to_owned()
    } else {
        let quoted = boundary.replace('\\', "\\\\").replace('"', "\\\"");
        format!("multipart/mixed;\r\n boundary=\"{quoted}\"")
    };
    Bytes::from([format!("Content-Type: {kind}\r\n\r\n").as_bytes(), body].concat())
}

fn signed_content(content: Bytes, checked: Checked, placement: Placement) -> Peeled {
    let layer = signed_layer(placement, &checked);
    let signature = (!matches!(checked, Checked::Unsigned)).then_some(SignatureLayer { checked, placement });
    Peeled { step: Step::Signed { content, layer: signature }, layer }
}

fn signed_layer(placement: Placement, checked: &Checked) -> Layer {
    let algorithms: Vec<String> = match checked {
        Checked::Intact { signers, .. } => signers.iter().map(|signer| signer.algorithm.clone()).collect(),
        Checked::Broken(_) | Checked::Unsigned => Vec::new(),
    };
    Layer::Signed { placement, intact: !algorithms.is_empty(), algorithms }
}

fn detached_object(signature: &[u8]) -> Result<CmsObject, InvalidReason> {
    let malformed = InvalidReason::Malformed;
    let part = Entity::parse(signature).map_err(|error| malformed(Malformation::Header(error)))?;
    let decoded = transfer::decode_object(&part.headers, part.body);
    let octets = decoded.map_err(|error| malformed(Malformation::Transfer(error)))?;
    CmsObject::parse(&octets).map_err(InvalidReason::from)
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
) -> Result<Peeled, KeyError> {
    // The decoded octets are let go as soon as OpenSSL has its own copy of them.
    let parsed = match transfer::decode_object(&entity.headers, entity.body) {
        Ok(octets) => CmsObject::parse(&octets).map_err(|error| match error {
            CmsError::TooManyRecipients(count) => EncryptionFault::TooManyRecipients(count),
            CmsError::TooManySigners(count) => EncryptionFault::TooManySigners(count),
            _ => EncryptionFault::Malformed,
        }),
        Err(_) => Err(EncryptionFault::Malformed),
    };
    let mut object = match parsed {
        Ok(object) => object,
        Err(fault) => return Ok(Peeled { step: Step::Shut(fault), layer: Layer::Other }),
    };
    match object.object_type() {
        ObjectType::Signed => Ok(embedded(&mut object, candidates)),
        ObjectType::Enveloped | ObjectType::AuthEnveloped => encrypted(&object, keys, signatures_above),
        ObjectType::Compressed => {
            Ok(Peeled { step: Step::Shut(EncryptionFault::Compressed), layer: Layer::Compressed })
        }
        ObjectType::Other(_) => {
            Ok(Peeled { step: Step::Shut(EncryptionFault::NotMail), layer: Layer::Other })
        }
    }
}

/// Opaque signed data. What it carries is shown even where the signature does not fit, as with a
/// clear-signed mail.
fn embedded(object: &mut CmsObject, candidates: &[Certificate]) -> Peeled {
    let checked = check(object, None, candidates);
    // RFC 8551 section 3.8 leaves the content out where there are only certificates; some leave it empty.
    let is_absent = |content: &[u8]| content.is_empty() && object.signer_count() == 0;
    if let Some(content) = object.embedded_content().filter(|content| !is_absent(content)) {
        return signed_content(Bytes::copy_from_slice(content), checked, Placement::Embedded);
    }
    let layer = signed_layer(Placement::Embedded, &checked);
    let step = match checked {
        // RFC 8551 section 3.8: neither content nor signers.
        Checked::Unsigned | Checked::Broken(_) if object.signer_count() == 0 => Step::CertificatesOnly,
        Checked::Broken(reason) => Step::Unreadable(reason),
        _ => Step::Shut(EncryptionFault::NotMail),
    };
    Peeled { step, layer }
}

fn encrypted(object: &CmsObject, keys: &KeyStore, signatures_above: usize) -> Result<Peeled, KeyError> {
    let authenticated = *object.object_type() == ObjectType::AuthEnveloped;
    let algorithm = object.content_cipher_name();
    let layer = Layer::Encrypted {
        algorithm: algorithm.clone(),
        authenticated,
        recipients: object.recipient_count(),
    };
    let peeled = |step| Ok(Peeled { step, layer });
    if signatures_above > 1 {
        return peeled(Step::LeftShut);
    }
    let mut fault = EncryptionFault::NotForUs;
    let mut out_of_reach = None;
    for (certificate, handle) in keys.decryption_candidates()? {
        if !object.is_for(&certificate) {
            continue;
        }
        let key = match keys.usable_key(&certificate, handle) {
            // Another certificate that the message names may be on a token that is there.
            Err(error @ KeyError::Token(_)) => {
                out_of_reach.get_or_insert(error);
                continue;
            }
            opened => opened?,
        };
        match cms::decrypt(object, &certificate, key.for_cms()) {
            Ok(content) => {
                let recipient = certificate.email_addresses().first().cloned();
                let encryption = Encryption::Decrypted { algorithm, authenticated, doubt: None, recipient };
                return peeled(Step::Decrypted { content: Bytes::from(content), encryption });
            }
            Err(CmsError::Key(fault)) => {
                out_of_reach.get_or_insert(fault.into());
            }
            Err(CmsError::NotSupported(what)) => fault = EncryptionFault::NotSupported(what),
            Err(_) => fault = EncryptionFault::CannotDecrypt,
        }
    }
    match out_of_reach {
        Some(error) => Err(error),
        None => peeled(Step::Shut(fault)),
    }
}
