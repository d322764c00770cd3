//! Protecting what goes out: sign, then encrypt (RFC 8551 section 3.7).
//!
//! The composer's entity goes in, an S/MIME entity comes out. Who the recipients are and whether
//! their certificates are proven is settled before; here nothing is looked up and nothing sent.
//!
//! # Limitations
//! No header protection (RFC 9788) yet.

use std::borrow::Cow;

use openssl::pkey::{PKeyRef, Private};

use crate::clock::UnixTime;
use crate::cms::{self, CmsError, ContentCipher, Placement};
use crate::mime::canonical::{is_transport_safe, to_crlf};
use crate::mime::header::{Field, HeaderError};
use crate::mime::transfer::base64_lines;
use crate::mime::{Entity, transfer};
use crate::x509::Certificate;

/// A key to sign with.
pub struct SigningIdentity<'a> {
    /// The signer's certificate.
    pub certificate: &'a Certificate,
    /// What goes along for the readers' path building.
    pub chain: &'a [Certificate],
    /// The private key.
    pub key: &'a PKeyRef<Private>,
    /// The signing time to state.
    pub at: UnixTime,
}

/// What is to be done to an entity. At least one of the two is.
#[derive(Clone, Copy)]
pub enum Plan<'a> {
    /// Sign only.
    Sign(&'a SigningIdentity<'a>),
    /// Encrypt only, to each of these.
    Encrypt(&'a [&'a Certificate]),
    /// Sign, then encrypt.
    SignAndEncrypt(&'a SigningIdentity<'a>, &'a [&'a Certificate]),
}

/// The protected entity.
pub struct Protected {
    /// `Content-*` fields, a blank line, content; CRLF throughout; no MIME-Version.
    pub entity: Vec<u8>,
    /// The media type of its root.
    pub media_type: &'static str,
    /// How the content is encrypted, if it is.
    pub cipher: Option<ContentCipher>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// OpenSSL refused.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The message's header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Protects one MIME entity: `Content-*` fields, a blank line, content. `unique` makes the boundary
/// and must not occur in the content; 16 random octets in hex will do.
///
/// # Errors
/// [`ProtectError`]; there is never a half-made result.
pub fn protect_entity(entity: &[u8], plan: Plan<'_>, unique: &str) -> Result<Protected, ProtectError> {
    let entity = to_crlf(entity);
    match plan {
        Plan::Sign(identity) => match transport_safe(&entity)? {
            Some(safe) => clear_signed(&safe, identity, unique),
            None => opaque_signed(&entity, identity),
        },
        Plan::Encrypt(recipients) => encrypted(&entity, recipients),
        Plan::SignAndEncrypt(identity, recipients) => {
            let signed = clear_signed(&entity, identity, unique)?;
            encrypted(&signed.entity, recipients)
        }
    }
}

/// Protects a whole message: its `Content-*` fields and body become the entity, all other fields
/// stay outside, `Bcc` excepted.
///
/// # Errors
/// [`ProtectError`].
pub fn protect_message(message: &[u8], plan: Plan<'_>, unique: &str) -> Result<Vec<u8>, ProtectError> {
    let message = to_crlf(message);
    let parsed = Entity::parse(&message)?;
    parsed.headers.content_type()?; // an ambiguous type would be signed and read differently
    let (inner, outer): (Vec<&Field<'_>>, Vec<&Field<'_>>) =
        parsed.headers.fields().iter().partition(|field| is_content_field(field.name()));
    let mut entity: Vec<u8> = inner.iter().flat_map(|field| field.raw()).copied().collect();
    entity.extend_from_slice(b"\r\n");
    entity.extend_from_slice(parsed.body);
    let protected = protect_entity(&entity, plan, unique)?;
    let kept = outer.iter().filter(|field| !field.is("MIME-Version") && !field.is("Bcc"));
    let mut out: Vec<u8> = kept.flat_map(|field| field.raw()).copied().collect();
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    out.extend_from_slice(&protected.entity);
    Ok(out)
}

/// Puts an opened entity back under the outer fields of its message.
///
/// # Errors
/// [`ProtectError::Header`].
pub fn plain_message(message: &[u8], entity: &[u8]) -> Result<Vec<u8>, ProtectError> {
    let parsed = Entity::parse(message)?;
    let outer = parsed.headers.fields().iter();
    let kept = outer.filter(|field| !is_content_field(field.name()) && !field.is("MIME-Version"));
    let mut out: Vec<u8> = kept.flat_map(|field| field.raw()).copied().collect();
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    out.extend_from_slice(entity);
    Ok(to_crlf(&out).into_owned())
}

fn is_content_field(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

fn clear_signed(
    entity: &[u8],
    identity: &SigningIdentity<'_>,
    unique: &str,
) -> Result<Protected, ProtectError> {
    let SigningIdentity { certificate, chain, key, at } = *identity;
    let signature = cms::sign(entity, certificate, key, chain, Placement::Detached, at)?;
    let mut out = format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
         micalg=sha-256; boundary=\"{unique}\"\r\n\r\n\
         This is a signed message in MIME format (S/MIME).\r\n\r\n--{unique}\r\n"
    )
    .into_bytes();
    out.extend_from_slice(entity);
    out.extend_from_slice(
        format!(
            "\r\n--{unique}\r\n\
             Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\
             Content-Description: S/MIME signature\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(&base64_lines(&signature));
    out.extend_from_slice(format!("--{unique}--\r\n").as_bytes());
    Ok(Protected { entity: out, media_type: "multipart/signed", cipher: None })
}

fn encrypted(entity: &[u8], recipients: &[&Certificate]) -> Result<Protected, ProtectError> {
    let cipher = ContentCipher::for_recipients(recipients);
    let object = cms::encrypt(entity, recipients, cipher)?;
    let smime_type = match cipher {
        ContentCipher::Aes256Cbc => "enveloped-data",
        ContentCipher::Aes256Gcm => "authEnveloped-data", // RFC 8551 section 3.2.2
    };
    let out = pkcs7_mime(smime_type, "S/MIME encrypted message", &object.der);
    Ok(Protected { entity: out, media_type: "application/pkcs7-mime", cipher: Some(cipher) })
}

/// The text inside the signature: what relays do to lines cannot break it, and only S/MIME programs
/// can read it.
fn opaque_signed(entity: &[u8], identity: &SigningIdentity<'_>) -> Result<Protected, ProtectError> {
    let SigningIdentity { certificate, chain, key, at } = *identity;
    let object = cms::sign(entity, certificate, key, chain, Placement::Embedded, at)?;
    let entity = pkcs7_mime("signed-data", "S/MIME signed message", &object);
    Ok(Protected { entity, media_type: "application/pkcs7-mime", cipher: None })
}

fn pkcs7_mime(smime_type: &str, description: &str, object: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "Content-Type: application/pkcs7-mime; smime-type={smime_type};\r\n name=\"smime.p7m\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\
         Content-Description: {description}\r\n\r\n"
    )
    .into_bytes();
    out.extend_from_slice(&base64_lines(object));
    out
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
