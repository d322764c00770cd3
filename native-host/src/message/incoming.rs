//! Opening a received message: one verdict, and the one entity that may be shown.

use std::borrow::Cow;
use std::rc::Rc;

use bytes::Bytes;
use openssl::sha::sha256;
use unicode_normalization::UnicodeNormalization;

use super::layers::{self, Layer, Unwrapped};
use super::verdict::{Bench, Checked, Doubt, Encryption, InvalidReason, Signature, Verdict, decide};
use crate::clock::UnixTime;
use crate::directory::Finding;
use crate::keys::{KeyError, KeyStore};
use crate::mime::address::{Mailbox, is_invisible, parse_mailbox_list, parse_single_mailbox};
use crate::mime::canonical::to_crlf;
use crate::mime::header::{HeaderError, has_plain_lines, is_bare_text};
use crate::mime::protected::{Intent, ProtectedHeaders};
use crate::mime::{EmailAddress, Entity, Headers, date, legacy_display, wrapped};
use crate::trust::{Judge, Memory};

/// Largest message that is opened.
pub const MAX_MESSAGE: usize = 256 * 1024 * 1024;

/// A message after opening.
pub struct Opened {
    /// What is said of it.
    pub verdict: Verdict,
    /// The innermost MIME entity, which may be shown; `None` where nothing may.
    pub content: Option<Bytes>,
    /// Whether a layer was undone: otherwise `content` is the message itself.
    pub unwrapped: bool,
    /// The layers that were undone, the outermost first.
    pub layers: Vec<Layer>,
    /// What the directory said of the sender, if it was asked.
    pub finding: Option<Rc<Finding>>,
    /// The header fields inside the protection, if the content may be shown and has any.
    pub protected: Option<ProtectedFields>,
}

/// The header fields that came inside the protection (RFC 9788).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedFields {
    /// What the sender meant by it.
    pub intent: Intent,
    /// Names and unfolded values in order, without those that describe the MIME entity.
    pub fields: Vec<(String, String)>,
}

/// How a message is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// SHA-256 of the octets that the caller shows already, line ends as CRLF: a signature over any
    /// others is not valid for them.
    pub shown: Option<[u8; 32]>,
    /// Return decrypted content even where it may be an attacker's: the reader was told and asked.
    pub show_unauthentic: bool,
}

/// Why there is no verdict at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The keys cannot be reached.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// It is larger than [`MAX_MESSAGE`].
    #[error("the message is too large")]
    TooLarge,
}

/// Opens `message`, one whole RFC 5322 message.
///
/// Nothing of the message is written anywhere; `memory` learns that a signature was proven. Content
/// that came encrypted is returned only where all of it was decrypted, and where it was not
/// authenticated (CBC) only if no inner signature contradicts it, or the reader asked for it.
///
/// # Errors
/// [`OpenError`] for what is no statement about the mail, such as a locked keyring.
pub fn open(
    message: &Bytes,
    reading: Reading,
    keys: &KeyStore,
    judge: &dyn Judge,
    memory: &dyn Memory,
    now: UnixTime,
) -> Result<Opened, OpenError> {
    if message.len() > MAX_MESSAGE {
        return Err(OpenError::TooLarge);
    }
    let root = Entity::parse(message)?;
    let head = message.get(..message.len().saturating_sub(root.body.len())).unwrap_or_default();
    let sender = single_sender(&root.headers).filter(|_| has_plain_lines(head));
    let display_name_claims = sender.as_ref().and_then(|sender| claimed_beside(&root.headers, sender));
    let from = sender.map(|sender| sender.address);
    let mut result = layers::unwrap(message, keys, &[])?;
    if let (Checked::Broken(InvalidReason::CertificateMissing), Some(address)) = (&result.checked, &from) {
        // The mail carries no certificate (CMS_NOCERTS): the domain may publish it (usage 3 0 0).
        let published = judge.published(address);
        if !published.is_empty() {
            result.content = None; // not in memory twice
            result = layers::unwrap(message, keys, &published)?;
        }
    }
    let Unwrapped { content, encryption, checked, trail } = result;
    let checked = hold_to_shown(checked, reading.shown, content.as_deref());
    let (signature, history) = decide(checked, from.as_ref(), &Bench { judge, memory, now });
    let (content, encryption) = withhold(content, encryption, &signature, reading.show_unauthentic);
    let content = match encryption {
        // RFC 9788 section 4.5.3: the protected fields are shown themselves.
        Encryption::Decrypted { .. } => content.map(without_display_elements),
        _ => content,
    };
    let unwrapped = !trail.is_empty();
    // Fields under a signature that does not fit are anybody's (RFC 9788 section 4.2), unless they came
    // encrypted: then they are as good as the text beside them.
    let was_decrypted = matches!(encryption, Encryption::Decrypted { .. });
    let is_intact = matches!(signature, Signature::Valid { .. } | Signature::Unknown(..));
    let content = match (content, &from) {
        // What the caller shows already is not taken for something else.
        (Some(payload), Some(sender))
            if unwrapped && (was_decrypted || is_intact) && reading.shown.is_none() =>
        {
            let intent = if was_decrypted { Intent::Cipher } else { Intent::Clear };
            let message = wrapped::as_protected(&payload, &root.headers, sender, intent);
            Some(message.map_or(payload, Bytes::from))
        }
        (content, _) => content,
    };
    let content = content.map(|octets| {
        let is_bare = unwrapped && reading.shown.is_none() && is_bare_text(&octets);
        if is_bare { Bytes::from([b"\r\n", &octets[..]].concat()) } else { octets }
    });
    let inside = content.as_deref().filter(|_| was_decrypted || is_intact);
    let inside = inside.and_then(|octets| Entity::parse(octets).ok());
    let protected = inside.as_ref().and_then(ProtectedHeaders::of);
    let subject = protected.as_ref().and_then(|p| subject(p.headers())).or_else(|| subject(&root.headers));
    let hiding = protected.as_ref().filter(|_| was_decrypted); // what came in the clear is hidden from nobody
    let hidden_fields = hiding.map(|p| p.hidden(&root.headers)).unwrap_or_default();
    let inside_and_outside = protected.as_ref().zip(from.as_ref());
    let other_sender_inside = inside_and_outside.and_then(|(inside, sender)| {
        senders(inside.headers()).into_iter().find(|other| !other.is_same_mailbox(sender))
    });
    let dated = protected.as_ref().map(|p| dates(p.headers())).filter(|dates| !dates.is_empty());
    let dated = dated.unwrap_or_else(|| dates_shown(&root.headers));
    let date_differs = dated.into_iter().find(|date| is_intact && is_far_from_signing(*date, &signature));
    let protected = protected.map(|p| ProtectedFields { intent: p.intent(), fields: p.fields() });
    Ok(Opened {
        finding: from.as_ref().and_then(|address| judge.asked(address)),
        verdict: Verdict {
            from,
            encryption,
            signature,
            history,
            subject,
            subject_hidden: hidden_fields.iter().any(|name| name.eq_ignore_ascii_case("Subject")),
            hidden_fields,
            display_name_claims,
            other_sender_inside,
            date_differs,
        },
        content,
        unwrapped,
        layers: trail,
        protected,
    })
}

/// The octets themselves where there is nothing to take out, without copying.
fn without_display_elements(content: Bytes) -> Bytes {
    let changed = match legacy_display::remove(&content) {
        Cow::Borrowed(octets) => legacy_display::remove_old(octets),
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(content, Bytes::from)
}

/// How far the time of the signature may lie from the date of the mail: mail waits in outboxes.
const DATE_TOLERANCE: i64 = 24 * 60 * 60;

fn is_far_from_signing(date: UnixTime, signature: &Signature) -> bool {
    let signer = match signature {
        Signature::Valid { signer, .. } | Signature::Unknown(_, signer) => signer,
        Signature::None | Signature::Invalid(..) => return false,
    };
    let apart = |signed: UnixTime| signed.seconds().saturating_sub(date.seconds()).saturating_abs();
    signer.signing_time.is_some_and(|signed| apart(signed) > DATE_TOLERANCE)
}

/// What the Date fields say: programs differ in which of several they show.
fn dates(headers: &Headers<'_>) -> Vec<UnixTime> {
    headers.all("Date").filter_map(|field| date::read(&field.value())).collect()
}

/// The same; where none can be read, when the mail arrived, which Thunderbird shows then.
fn dates_shown(headers: &Headers<'_>) -> Vec<UnixTime> {
    let written = dates(headers);
    if !written.is_empty() {
        return written;
    }
    let arrived = headers.all("Received").next().map(|field| field.value());
    arrived.and_then(|trace| date::read(trace.rsplit_once(';')?.1)).into_iter().collect()
}

/// The one address in the one From field (RFC 5322 section 3.6.2); a Sender field changes nothing.
fn single_sender(headers: &Headers<'_>) -> Option<Mailbox> {
    let field = headers.single("From").ok()??;
    parse_single_mailbox(&field.value())
}

/// Every address in every From field that can be read.
fn senders(headers: &Headers<'_>) -> Vec<EmailAddress> {
    let lists = headers.all("From").filter_map(|field| parse_mailbox_list(&field.value()).ok());
    lists.flatten().map(|mailbox| mailbox.address).collect()
}

fn hold_to_shown(checked: Checked, shown: Option<[u8; 32]>, content: Option<&[u8]>) -> Checked {
    let Some(shown) = shown else { return checked };
    let is_what_was_signed = content.is_some_and(|octets| sha256(&to_crlf(octets)) == shown);
    match checked {
        Checked::Intact { .. } if !is_what_was_signed => Checked::Broken(InvalidReason::ShownDiffers),
        other => other,
    }
}

/// Decrypted text without integrity protection whose signature does not fit may have been put
/// together by somebody else from the sender's ciphertext.
fn withhold(
    content: Option<Bytes>,
    mut encryption: Encryption,
    signature: &Signature,
    show_unauthentic: bool,
) -> (Option<Bytes>, Encryption) {
    let is_invalid = matches!(signature, Signature::Invalid(..));
    match &mut encryption {
        Encryption::Decrypted { authenticated: false, doubt, .. } if is_invalid && show_unauthentic => {
            *doubt = Some(Doubt::ShownOnRequest);
            (content, encryption)
        }
        Encryption::Decrypted { authenticated: false, doubt, .. } if is_invalid => {
            *doubt = Some(Doubt::Withheld);
            (None, encryption)
        }
        _ => (content, encryption),
    }
}

/// An address in the From field, as name or comment, that is not the sender's own. Encoded words are
/// decoded, characters that only look like others are taken for those (`＠`), and those that nobody sees are
/// passed over, also those that only quote others.
fn claimed_beside(headers: &Headers<'_>, sender: &Mailbox) -> Option<EmailAddress> {
    let value = headers.single("From").ok()??.value();
    let field = format!("Subject: {value}\r\n\r\n"); // decoded like any unstructured text
    let parsed = mail_parser::MessageParser::default().parse_headers(&field)?;
    let is_unseen = |c: char| is_invisible(c) || matches!(c, '"' | '\\');
    let name: String = parsed.subject()?.nfkc().filter(|c| !is_unseen(*c)).collect();
    let own = sender.address.to_string();
    let mut addresses = name.match_indices('@').filter_map(|(at, sign)| {
        let (before, after) = (name.get(..at)?, name.get(at.checked_add(sign.len())?..)?);
        address_around(before, after)
    });
    addresses.find(|address| !address.to_string().eq_ignore_ascii_case(&own))
}

/// The address whose `@` stands between these, perhaps with space round it.
fn address_around(before: &str, after: &str) -> Option<EmailAddress> {
    let outside = |c: char| c.is_whitespace() || "<>()[]\",;:'@".contains(c);
    let no_letter = |c: char| !c.is_alphanumeric();
    let local = before.trim_end().rsplit(outside).next()?.trim_start_matches(no_letter);
    let domain = after.trim_start().split(outside).next()?.trim_end_matches(no_letter);
    let is_apart = before.ends_with(char::is_whitespace) || after.starts_with(char::is_whitespace);
    if is_apart && !domain.contains('.') {
        return None; // "Alice @ work"
    }
    EmailAddress::parse(&format!("{local}@{domain}")).ok()
}

/// The decoded subject as one line: an encoded word can hold line ends, which have no place in a header field.
fn subject(headers: &Headers<'_>) -> Option<String> {
    let raw = headers.all("Subject").next()?.raw();
    // A header of one field and no body: nothing nested for the general parser to trip over.
    let alone = [raw, b"\r\n"].concat();
    let parsed = mail_parser::MessageParser::default().parse_headers(&alone)?;
    Some(parsed.subject()?.replace(|c: char| c.is_control(), " "))
}
