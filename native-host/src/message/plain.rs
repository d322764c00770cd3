//! An opened mail as an ordinary message, for those who ask for the whole of it.

use std::borrow::Cow;

use crate::mime::canonical::to_crlf;
use crate::mime::header::{Field, HeaderError};
use crate::mime::{ContentType, Entity};

use super::outgoing::is_content_field;

/// Puts an opened entity back under the outer fields of its message. Protected fields (RFC 9788), where
/// they are as good as the verdict (`is_protected`), take the place of outer ones of the same name, but for
/// `From`: the verdict speaks of the outer one, and warns where the inner one is another.
///
/// Returns the header with its blank line, and the body, which may be large and is not copied for
/// nothing. Line ends are CRLF.
///
/// # Errors
/// [`HeaderError`].
pub fn plain_message<'e>(
    message: &[u8],
    entity: &'e [u8],
    is_protected: bool,
) -> Result<(Vec<u8>, Cow<'e, [u8]>), HeaderError> {
    let outer = Entity::parse(message)?;
    let inner = Entity::parse(entity)?;
    let belongs_inside = |field: &Field<'_>| is_content_field(field.name()) || field.is("MIME-Version");
    let (content, fields): (Vec<&Field<'_>>, Vec<&Field<'_>>) =
        inner.headers.fields().iter().partition(|field| belongs_inside(field));
    let is_shown = |field: &&&Field<'_>| is_protected && !field.is("From") && !field.is("HP-Outer");
    let shown: Vec<&Field<'_>> = fields.iter().filter(is_shown).copied().collect();
    let mut out: Vec<u8> = Vec::new();
    for field in outer.headers.fields().iter().filter(|field| !belongs_inside(field)) {
        if !shown.iter().any(|inside| inside.is(field.name())) {
            out.extend_from_slice(field.raw());
        }
    }
    shown.iter().for_each(|field| out.extend_from_slice(field.raw()));
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    for field in content.iter().filter(|field| !field.is("MIME-Version")) {
        out.extend_from_slice(&unprotected(field));
    }
    out.extend_from_slice(b"\r\n");
    Ok((to_crlf(&out).into_owned(), to_crlf(inner.body)))
}

/// The field without what says that more than it is protected: in this message nothing is.
fn unprotected(field: &Field<'_>) -> Vec<u8> {
    let gone = ["hp", "protected-headers"];
    match ContentType::parse(&field.value()) {
        Some(parsed)
            if field.is("Content-Type") && gone.iter().any(|name| parsed.parameter(name).is_some()) =>
        {
            format!("{}\r\n", parsed.field_without(&gone)).into_bytes()
        }
        _ => field.raw().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_fields_stand_once_and_outside() {
        let message = b"From: a@a.test\r\nReceived: x\r\nSubject: [...]\r\nContent-Type: application/pkcs7-mime\r\n\r\nx";
        let entity = b"Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\nFrom: e@e.test\r\nSubject: The plan\r\n\
                       HP-Outer: Subject: [...]\r\n\r\nbody";
        let whole = |entity, is_protected| {
            let (head, body) = plain_message(message, entity, is_protected).unwrap();
            String::from_utf8([head, body.into_owned()].concat()).unwrap()
        };
        let plain = whole(entity, true);
        let expected = "From: a@a.test\r\nReceived: x\r\nSubject: The plan\r\nMIME-Version: 1.0\r\n\
                        Content-Type: text/plain;\r\n charset=\"utf-8\"\r\n\r\nbody";
        assert_eq!(plain, expected);
        let plain = whole(entity, false);
        assert!(plain.contains("[...]") && !plain.contains("The plan"), "{plain}");
    }
}
