//! Header protection by a whole message inside the envelope (RFC 8551 section 3.1), which RFC 9788 did
//! away with and still tells how to read (section 4.10).
//!
//! Such a mail and one that forwards another as its only content have the same form: a signed or
//! encrypted `message/rfc822`. Taken for the first, the second would put into its sender's mouth what
//! somebody else wrote, with its sender's seal beside it. So a message inside counts as the sender's own
//! only where nothing speaks against that:
//!
//! * RFC 9788 section 4.10.1: the payload is `message/rfc822` and nothing else, its root is no layer of
//!   cryptography itself, and neither has a parameter `hp`.
//! * It is not called an attachment, and has no file name: mail programs forward so.
//! * It has not travelled: every server that hands a mail on writes a trace field into it (RFC 5321
//!   section 4.4), so a mail that came from somebody else has one, and one that is being written has
//!   none.
//! * It has one sender, the same as the message around it.
//! * Where `Message-ID` and `Date` stand inside and outside, they are the same: a forwarded mail has
//!   others than the one that forwards it.
//!
//! Anything else stays what it is: a message attached to another. Only one layer is taken off.
//!
//! # Limitations
//! A mail that its sender wrote before, signed again as the only content of another and stripped of all
//! that tells the two apart, is read as if it were sent today: words and seal are the sender's own, and
//! so is the date inside, which is the one that is shown.

use super::EmailAddress;
use super::address::parse_single_mailbox;
use super::content_type::{ContentType, Kind};
use super::header::{Entity, Field, Headers, has_plain_lines};
use super::protected::{Intent, is_message_field};
use super::protecting::write_field;

/// What servers and mail programs write into a mail on its way and where it is kept.
const TRACE: [&str; 12] = [
    "ARC-Seal",
    "Authentication-Results",
    "Delivered-To",
    "DKIM-Signature",
    "Received",
    "Received-SPF",
    "Resent-Date",
    "Resent-From",
    "Return-Path",
    "X-Mozilla-Status",
    "X-Received",
    "X-Original-To",
];

/// The message inside `payload` as RFC 9788 would have it: its entity, with its own header fields as the
/// protected ones, and `HP-Outer` fields that tell of `outer` where the sender meant to hide. `None` where
/// the payload holds something else; see the module for when that is so.
///
/// `sender` is the one address in From of `outer`. Whether signature and encryption are in order is the
/// caller's to know.
pub fn as_protected(
    payload: &[u8],
    outer: &Headers<'_>,
    sender: &EmailAddress,
    intent: Intent,
) -> Option<Vec<u8>> {
    let wrapper = Entity::parse(payload).ok()?;
    let message = Entity::parse(wrapper.body).ok()?;
    let head = wrapper.body.get(..wrapper.body.len().saturating_sub(message.body.len()))?;
    let is_own = is_wrapper(&wrapper.headers)
        && has_plain_lines(head)
        && is_unprotected(&message.headers)
        && !TRACE.iter().any(|name| message.headers.all(name).next().is_some())
        && is_from(&message.headers, sender)
        && ["Message-ID", "Date"].iter().all(|name| agrees(name, &message.headers, outer));
    is_own.then(|| rewritten(&message, outer, intent))
}

/// Whether this is the header of a message inside that is no attachment.
fn is_wrapper(headers: &Headers<'_>) -> bool {
    let Ok(content_type) = headers.content_type() else { return false };
    let mut encodings = headers.all("Content-Transfer-Encoding").map(|field| field.value());
    content_type.media() == "message/rfc822"
        && ["hp", "name"].iter().all(|name| content_type.parameter(name).is_none())
        // RFC 2046 section 5.2.1: no other encodings.
        && encodings.all(|value| ["7bit", "8bit", "binary"].iter().any(|e| value.eq_ignore_ascii_case(e)))
        && headers.all("Content-Disposition").all(|field| field.value().eq_ignore_ascii_case("inline"))
}

/// Whether the root is no layer of cryptography, OpenPGP's among them, and protects no header itself.
fn is_unprotected(headers: &Headers<'_>) -> bool {
    headers.content_type().is_ok_and(|content_type| {
        content_type.kind() == Kind::Ordinary
            && !["multipart/signed", "multipart/encrypted"].contains(&content_type.media())
            && content_type.parameter("hp").is_none()
    })
}

fn is_from(headers: &Headers<'_>, sender: &EmailAddress) -> bool {
    let field = headers.single("From").ok().flatten();
    field
        .and_then(|field| parse_single_mailbox(&field.value()))
        .is_some_and(|inside| inside.address.is_same_mailbox(sender))
}

/// Whether the field does not stand on both sides with different values.
fn agrees(name: &str, inside: &Headers<'_>, outside: &Headers<'_>) -> bool {
    let values = |headers: &Headers<'_>| headers.all(name).map(|field| field.value()).collect::<Vec<_>>();
    let (inside, outside) = (values(inside), values(outside));
    inside.is_empty() || outside.is_empty() || inside == outside
}

fn rewritten(message: &Entity<'_>, outer: &Headers<'_>, intent: Intent) -> Vec<u8> {
    let protection = match intent {
        Intent::Cipher => "cipher",
        Intent::Clear | Intent::Old => "clear",
    };
    let (fields, entity): (Vec<&Field<'_>>, Vec<&Field<'_>>) =
        message.headers.fields().iter().partition(|field| is_message_field(field.name()));
    let content_type = message.headers.content_type().unwrap_or_else(|_| ContentType::text_plain());
    let content_type = content_type.field_without(&["protected-headers"]);
    let mut out = format!("{content_type};\r\n hp=\"{protection}\"\r\n").into_bytes();
    let own = entity.iter().filter(|field| !field.is("Content-Type") && !field.is("HP-Outer"));
    for field in own.chain(&fields) {
        out.extend_from_slice(field.raw());
        if !out.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n"); // the last field of a message without a body
        }
    }
    if intent == Intent::Cipher {
        for field in outer.fields().iter().filter(|field| fields.iter().any(|inside| inside.is(field.name())))
        {
            write_field(&mut out, "HP-Outer", &format!("{}: {}", field.name(), field.value()));
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(message.body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::protected::ProtectedHeaders;

    const OUTER: &[u8] =
        b"From: Alice <alice@a.test>\r\nSubject: [...]\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\n\
                           Message-ID: <1@a.test>\r\nContent-Type: application/pkcs7-mime\r\n\r\n";
    const INNER: &str = "From: Alice <alice@a.test>\r\nSubject: The plan\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\n\
                         Message-ID: <1@a.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nnoon\r\n";

    fn read(wrapper: &str, inner: &str, intent: Intent) -> Option<String> {
        let outer = Entity::parse(OUTER).unwrap();
        let sender = EmailAddress::parse("alice@a.test").unwrap();
        let payload = format!("{wrapper}\r\n{inner}");
        let read = as_protected(payload.as_bytes(), &outer.headers, &sender, intent);
        read.map(|octets| String::from_utf8(octets).unwrap())
    }

    const PLAIN: &str = "Content-Type: message/rfc822\r\n";

    #[test]
    fn the_message_inside_takes_the_place_of_the_payload() {
        let expected = "Content-Type: text/plain;\r\n charset=\"utf-8\";\r\n hp=\"cipher\"\r\nMIME-Version: 1.0\r\n\
                        From: Alice <alice@a.test>\r\nSubject: The plan\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\n\
                        Message-ID: <1@a.test>\r\nHP-Outer: From: Alice <alice@a.test>\r\nHP-Outer: Subject: [...]\r\n\
                        HP-Outer: Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nHP-Outer: Message-ID: <1@a.test>\r\n\r\nnoon\r\n";
        let made = read(PLAIN, INNER, Intent::Cipher).unwrap();
        assert_eq!(made, expected);
        let entity = Entity::parse(made.as_bytes()).unwrap();
        let outer = Entity::parse(OUTER).unwrap();
        assert_eq!(ProtectedHeaders::of(&entity).unwrap().hidden(&outer.headers), ["Subject"]);

        let made = read(PLAIN, INNER, Intent::Clear).unwrap();
        assert!(made.contains("hp=\"clear\"") && !made.contains("HP-Outer"), "{made}");
    }

    #[test]
    fn what_a_sender_may_leave_out_is_no_objection() {
        for (wrapper, inner) in [
            ("Content-Type: Message/RFC822;\r\nContent-Disposition: inline\r\n", INNER.to_owned()),
            ("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n", INNER.to_owned()),
            (PLAIN, "From: Alice@A.test\r\n\r\nnoon".to_owned()),
            (PLAIN, "From: alice@A.test".to_owned()),
            (PLAIN, INNER.replace("\r\n", "\n")),
            (PLAIN, INNER.replace("text/plain", "multipart/mixed; boundary=x")),
        ] {
            let made = read(wrapper, &inner, Intent::Cipher).unwrap_or_else(|| panic!("{wrapper}{inner}"));
            let entity = Entity::parse(made.as_bytes()).unwrap();
            assert!(inner.ends_with(std::str::from_utf8(entity.body).unwrap()), "{made}");
            let (protected, message) =
                (ProtectedHeaders::of(&entity).unwrap(), Entity::parse(inner.as_bytes()));
            let known =
                message.unwrap().headers.fields().iter().filter(|f| is_message_field(f.name())).count();
            assert_eq!(protected.fields().len(), known, "{made}");
        }
    }

    #[test]
    fn a_message_that_may_be_anothers_stays_an_attachment() {
        let changed = |from: &str, to: &str| INNER.replacen(from, to, 1);
        let with = |field: &str| format!("{field}\r\n{INNER}");
        for (what, wrapper, inner) in [
            ("something else", "Content-Type: text/plain\r\n", INNER.to_owned()),
            (
                "an attachment",
                "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n",
                INNER.to_owned(),
            ),
            ("named", "Content-Type: message/rfc822; name=\"a.eml\"\r\n", INNER.to_owned()),
            (
                "named in the disposition",
                "Content-Type: message/rfc822\r\nContent-Disposition: inline; filename=a.eml\r\n",
                INNER.to_owned(),
            ),
            (
                "encoded",
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n",
                INNER.to_owned(),
            ),
            ("protected outside", "Content-Type: message/rfc822; hp=cipher\r\n", INNER.to_owned()),
            ("protected inside", PLAIN, changed("charset=utf-8", "hp=\"cipher\"")),
            ("another sender", PLAIN, changed("alice@a.test", "carol@c.test")),
            ("two senders", PLAIN, with("From: alice@a.test")),
            ("a list of senders", PLAIN, changed("Alice <alice@a.test>", "alice@a.test, carol@c.test")),
            ("no sender", PLAIN, changed("From: Alice <alice@a.test>\r\n", "")),
            ("a sender that some find and some do not", PLAIN, with("X: x\rFrom: carol@c.test")),
            ("travelled", PLAIN, with("Received: from c.test by a.test")),
            ("delivered", PLAIN, with("Return-Path: <carol@c.test>")),
            ("of another day", PLAIN, changed("28 Nov", "27 Nov")),
            ("another message", PLAIN, changed("<1@a.test>", "<2@a.test>")),
            (
                "signed",
                PLAIN,
                changed("text/plain", "multipart/signed; protocol=\"application/pkcs7-signature\""),
            ),
            ("signed by OpenPGP", PLAIN, changed("text/plain", "multipart/signed")),
            ("encrypted", PLAIN, changed("text/plain", "application/pkcs7-mime")),
            ("of no certain type", PLAIN, with("Content-Type: text/html")),
        ] {
            assert_eq!(read(wrapper, &inner, Intent::Cipher), None, "{what}");
        }
        let twice = format!("{PLAIN}\r\n{}", INNER.replace("text/plain; charset=utf-8", "message/rfc822"));
        let once = read(PLAIN, twice.split_once("\r\n\r\n").unwrap().1, Intent::Cipher).unwrap();
        assert!(once.contains("message/rfc822"), "only one layer is taken off: {once}");
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(payload: Vec<u8>, head in "[-:;=a-zA-Z@/ \r\n]{0,300}") {
            let outer = Entity::parse(OUTER).unwrap();
            let sender = EmailAddress::parse("alice@a.test").unwrap();
            for octets in [payload, [PLAIN.as_bytes(), b"\r\n", head.as_bytes()].concat()] {
                let _ = as_protected(&octets, &outer.headers, &sender, Intent::Cipher);
            }
        }
    }
}
