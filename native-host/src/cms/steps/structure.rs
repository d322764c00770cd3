//! What the structures of RFC 5652 hold, read where it lies.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Class, Encode, Tag, Tagged};

use crate::x509::{Certificate, children};

/// AlgorithmIdentifier.
#[derive(Clone, Copy)]
pub(super) struct Algorithm<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) parameters: Option<AnyRef<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(any: AnyRef<'a>) -> Option<Self> {
        let parts = children(any)?;
        let (oid, rest) = parts.split_first()?;
        let parameters = rest.first().copied().filter(|any| any.tag() != Tag::Null);
        Some(Self { oid: oid.decode_as().ok()?, parameters })
    }
}

/// Whether a recipient identifier means this certificate: IssuerAndSerialNumber, a bare key
/// identifier, or a RecipientKeyIdentifier (RFC 5652 section 6.2).
pub(super) fn names(rid: AnyRef<'_>, certificate: &Certificate) -> bool {
    let own = certificate.issuer_and_serial();
    let key_id = certificate.subject_key_identifier();
    if rid.tag() == Tag::Sequence {
        let parts = children(rid).unwrap_or_default();
        let [issuer, serial] = parts.as_slice() else { return false };
        return issuer.to_der().is_ok_and(|der| der == own.issuer) && serial.value() == own.serial;
    }
    if !is_context(&rid, 0) {
        return false;
    }
    let nested = rid.tag().is_constructed().then(|| children(rid)).flatten();
    let id = nested.as_ref().and_then(|parts| parts.first()).map_or(rid.value(), |first| first.value());
    key_id.is_some_and(|own| own == id)
}

pub(super) fn is_context(any: &AnyRef<'_>, number: u8) -> bool {
    any.tag().class() == Class::ContextSpecific && any.tag().number().value() == number
}

/// Without an optional first field of this context tag.
pub(super) fn skip_context<'s, 'a>(fields: &'s [AnyRef<'a>], number: u8) -> &'s [AnyRef<'a>] {
    match fields.split_first() {
        Some((first, rest)) if is_context(first, number) => rest,
        _ => fields,
    }
}

/// The octets of an implicitly tagged SET OF as RFC 5083 section 2.2 wants them: with SET's own tag.
pub(super) fn as_set(any: AnyRef<'_>) -> Vec<u8> {
    AnyRef::new(Tag::Set, any.value()).and_then(|set| set.to_der()).unwrap_or_default()
}
