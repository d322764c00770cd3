//! Protecting what goes out: sign, then encrypt (RFC 8551 section 3.7), with the header inside
//! (RFC 9788).
//!
//! The composer's entity goes in, an S/MIME entity comes out, piece by piece: a mail of any size
//! passes through in little memory. Who the recipients are and whether their certificates are proven
//! is settled before; here nothing is looked up and nothing sent.
//!
//! * `input`: the header first, then the rest in pieces, lines ended by CRLF.
//! * `layers`: what is done to the pieces.
//!
//! # Limitations
//! A mail that is signed and not encrypted is held in memory once: whether relays would change it
//! must be known before its signature begins.

mod input;
mod layers;

use std::borrow::Cow;
use std::io::{self, Read, Write};

use crate::cms::{CmsError, ContentCipher, Placement, Recipient, SigningIdentity};
use crate::mime::canonical::is_transport_safe;
use crate::mime::header::{Field, HeaderError, Headers};
use crate::mime::legacy_display;
use crate::mime::protecting::{Hiding, OuterChange, OuterField, ProtectedFields};
use crate::mime::transfer::base64_lines;
use crate::mime::{Entity, transfer};
use input::Pieces;
use layers::{Layer, Layers};

/// How far main body parts are looked for; more than any text before attachments takes.
const WINDOW: usize = 1024 * 1024;

/// What is to be done to an entity. At least one of the two is.
#[derive(Clone, Copy)]
pub enum Plan<'a> {
    /// Encrypt only, to each of these.
    Encrypt(&'a [Recipient<'a>]),
    /// Sign only.
    Sign(&'a SigningIdentity<'a>),
    /// Sign, then encrypt.
    SignAndEncrypt(&'a SigningIdentity<'a>, &'a [Recipient<'a>]),
    /// Sign, encrypt, and sign the ciphertext (RFC 2634 section 1.1).
    TripleWrap(&'a SigningIdentity<'a>, &'a [Recipient<'a>]),
}

impl<'a> Plan<'a> {
    fn recipients(self) -> Option<&'a [Recipient<'a>]> {
        match self {
            Self::Sign(_) => None,
            Self::Encrypt(to) | Self::SignAndEncrypt(_, to) | Self::TripleWrap(_, to) => Some(to),
        }
    }
}

/// How it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whether the signed text goes inside the CMS object instead of beside it.
    pub opaque: bool,
    /// Whether the whole message, header and all, becomes a `message/rfc822` inside, in place of
    /// RFC 9788's header protection.
    pub wrap: bool,
    /// Whether header fields are put inside, and what is hidden outside where the mail is encrypted.
    pub header_protection: Option<Hiding>,
    /// Whether a hidden subject also stands at the top of the text, for readers whose program does
    /// not show protected fields.
    pub legacy_display: bool,
}

/// What goes in.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// A MIME entity; the outer header of its message is written by somebody else, and is this.
    Entity(&'a [OuterField]),
    /// A whole message.
    Message,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The media type of its root.
    pub media_type: &'static str,
    /// How the content is encrypted, if it is.
    pub cipher: Option<ContentCipher>,
    /// What must be changed in the outer header. For [`Source::Message`] it is done already.
    pub outer_changes: Vec<OuterChange>,
}

/// Why nothing was made. What was written before is worthless.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// OpenSSL refused.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The message's header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The input broke off.
    #[error("the mail could not be read: {0}")]
    Input(io::Error),
    /// The output takes no more.
    #[error("the protected mail could not be written: {0}")]
    Output(io::Error),
}

/// Protects what `input` holds and writes the result to `output`: for an entity `Content-*` fields, a
/// blank line and content; for a message the whole message, without `Bcc`. CRLF throughout. `unique`
/// makes boundaries and must not occur in the content; 16 random octets in hex will do.
///
/// # Errors
/// [`ProtectError`]. Whoever gets one must throw away what was written.
pub fn protect(
    input: &mut dyn Read,
    output: &mut dyn Write,
    source: Source<'_>,
    plan: Plan<'_>,
    manner: Manner,
    unique: &str,
) -> Result<Made, ProtectError> {
    let mut pieces = Pieces::new(input);
    let head = pieces.head()?;
    let parsed = Entity::parse(&head)?;
    parsed.headers.content_type()?; // an ambiguous type would be signed and read differently
    let own_fields;
    let (inner, outer_fields): (Vec<&Field<'_>>, &[OuterField]) = match source {
        Source::Entity(fields) => (parsed.headers.fields().iter().collect(), fields),
        Source::Message => {
            let (inner, outer): (Vec<_>, Vec<_>) =
                parsed.headers.fields().iter().partition(|field| is_content_field(field.name()));
            own_fields = outer.into_iter().filter_map(OuterField::of).collect::<Vec<_>>();
            (inner, &own_fields)
        }
    };
    let encrypts = plan.recipients().is_some();
    let protect = |hiding| ProtectedFields::new(outer_fields, encrypts.then_some(hiding));
    let protected = manner.header_protection.map(protect);
    let content: Vec<u8> = inner.iter().flat_map(|field| field.raw()).copied().collect();
    let begin = match &protected {
        _ if manner.wrap => wrapped(outer_fields, &content),
        Some(protected) => protected_beginning(&content, protected, manner, &mut pieces)?,
        None => [&content, &b"\r\n"[..]].concat(),
    };
    let outer_changes = protected.map(|protected| protected.changes().to_vec()).unwrap_or_default();
    if let Source::Message = source {
        output.write_all(&outer_header(&parsed.headers, &outer_changes)).map_err(ProtectError::Output)?;
    }
    let (media_type, cipher) = transform(begin, &mut pieces, output, plan, manner, unique)?;
    Ok(Made { media_type, cipher, outer_changes })
}

pub(super) fn is_content_field(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

/// The outer header of a message, with its changes, `Bcc` left out.
fn outer_header(headers: &Headers<'_>, changes: &[OuterChange]) -> Vec<u8> {
    let mut out = Vec::new();
    let dropped = |field: &Field<'_>| {
        ["MIME-Version", "Bcc", "Resent-Bcc"].iter().any(|name| field.is(name))
            || is_content_field(field.name())
    };
    for field in headers.fields().iter().filter(|field| !dropped(field)) {
        match changes.iter().find(|(name, _)| field.is(name)) {
            None if field.raw().is_ascii() => out.extend_from_slice(field.raw()),
            // Octets that no relay need hand on, and that readers take for different things.
            None => out.extend(OuterField::of(field).map(|field| field.to_octets()).unwrap_or_default()),
            Some((_, Some(value))) => {
                out.extend_from_slice(format!("{}: {value}\r\n", field.name()).as_bytes())
            }
            Some((_, None)) => {}
        }
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    out
}

/// The beginning of the payload: its header with the protected fields, the blank line, and as much of
/// the text as had to be looked at.
fn protected_beginning(
    content: &[u8],
    protected: &ProtectedFields,
    manner: Manner,
    pieces: &mut Pieces<'_>,
) -> Result<Vec<u8>, ProtectError> {
    let mut entity = [content, b"\r\n"].concat();
    let shown: Vec<(String, String)> =
        protected.hidden().map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    if manner.legacy_display && !shown.is_empty() {
        let is_whole = pieces.window(WINDOW, &mut entity)?;
        entity = legacy_display::insert(&entity, is_whole, &shown).into_owned();
    }
    let parsed = Entity::parse(&entity)?;
    Ok([&protected.header(&parsed.headers), &b"\r\n"[..], parsed.body].concat())
}

/// Free text with its encoded words (RFC 2047) decoded.
fn decoded(value: &str) -> String {
    let field = format!("Subject: {value}\r\n\r\n");
    let parsed = mail_parser::MessageParser::default().parse_headers(&field);
    let text = parsed.as_ref().and_then(|message| message.subject()).unwrap_or(value);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Header fidelity by a message inside (RFC 8551 section 3.1): everything but the blind recipients.
fn wrapped(outer: &[OuterField], content: &[u8]) -> Vec<u8> {
    let mut out = b"Content-Type: message/rfc822\r\n\r\n".to_vec();
    out.extend_from_slice(ProtectedFields::new(outer, None).fields());
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n");
    out
}

/// Applies the layers to `begin` and what `pieces` still holds.
fn transform(
    begin: Vec<u8>,
    pieces: &mut Pieces<'_>,
    output: &mut dyn Write,
    plan: Plan<'_>,
    manner: Manner,
    unique: &str,
) -> Result<(&'static str, Option<ContentCipher>), ProtectError> {
    let placement = if manner.opaque { Placement::Embedded } else { Placement::Detached };
    let cipher = plan.recipients().map(ContentCipher::for_recipients);
    let envelope = |to| Layer::encrypting(to, ContentCipher::for_recipients(to));
    let inner = format!("{unique}i"); // the two signatures of a triple wrapping need two boundaries
    let mut layers = match plan {
        Plan::Encrypt(to) => Layers::new(vec![envelope(to)?]),
        Plan::SignAndEncrypt(identity, to) => {
            Layers::new(vec![Layer::signing(identity, placement, unique)?, envelope(to)?])
        }
        Plan::TripleWrap(identity, to) => Layers::new(vec![
            Layer::signing(identity, placement, &inner)?,
            envelope(to)?,
            Layer::signing(identity, placement, unique)?,
        ]),
        Plan::Sign(identity) if manner.opaque => {
            Layers::new(vec![Layer::signing(identity, Placement::Embedded, unique)?])
        }
        Plan::Sign(identity) => {
            let mut whole = begin;
            pieces.rest(&mut whole)?;
            return sign_alone(&whole, identity, output, unique);
        }
    };
    layers.push(&begin, output)?;
    drop(begin);
    while let Some(piece) = pieces.next()? {
        layers.push(piece, output)?;
    }
    layers.finish(output)?;
    Ok((layers.media_type(), cipher))
}

/// A clear signature where relays cannot break it, else an opaque one.
fn sign_alone(
    whole: &[u8],
    identity: &SigningIdentity<'_>,
    output: &mut dyn Write,
    unique: &str,
) -> Result<(&'static str, Option<ContentCipher>), ProtectError> {
    let (octets, placement) = match transport_safe(whole)? {
        Some(safe) => (safe, Placement::Detached),
        None => (Cow::Borrowed(whole), Placement::Embedded),
    };
    let mut layers = Layers::new(vec![Layer::signing(identity, placement, unique)?]);
    for piece in octets.chunks(input::PIECE) {
        layers.push(piece, output)?;
    }
    layers.finish(output)?;
    Ok((layers.media_type(), None))
}

/// A clear signature must survive relays that change what is not 7-bit (RFC 8551 section 3.1.3). A
/// single part is encoded in base64 where needed. `None` for what holds other parts or messages:
/// those must not be encoded as a whole, and mail programs encode their parts themselves when they
/// are told that they sign.
fn transport_safe(entity: &[u8]) -> Result<Option<Cow<'_, [u8]>>, ProtectError> {
    if is_transport_safe(entity) {
        return Ok(Some(Cow::Borrowed(entity)));
    }
    let parsed = Entity::parse(entity)?;
    let media = parsed.headers.content_type()?;
    if media.media().starts_with("multipart/") || media.media().starts_with("message/") {
        return Ok(None);
    }
    let Ok(body) = transfer::decode(&parsed.headers, parsed.body) else { return Ok(None) };
    let kept = parsed.headers.fields().iter().filter(|f| !f.is("Content-Transfer-Encoding"));
    let mut out: Vec<u8> = kept.flat_map(|field| field.raw()).copied().collect();
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    out.extend_from_slice(&base64_lines(&body));
    Ok(is_transport_safe(&out).then_some(Cow::Owned(out)))
}
