//! Content-Transfer-Encodings (RFC 2045 section 6) of CMS objects, and base64 lines for our own.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::header::{HeaderError, Headers, next_line};

/// Characters of base64 in a line (RFC 2045 section 6.8), and the octets they stand for.
const LINE: usize = 76;
const LINE_OCTETS: usize = LINE / 4 * 3;

/// Characters of base64 that are decoded at once; a multiple of four.
const BLOCK: usize = 64 * 1024;

/// Why a body cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The body is not in the encoding that the header names.
    #[error("the body is not valid {0}")]
    Damaged(&'static str),
    /// The header cannot be trusted to say which encoding it is.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Nobody defined this encoding.
    #[error("the transfer encoding is unknown")]
    Unknown,
}

/// Decodes a body as its header says. `7bit`, `8bit` and `binary` are the octets themselves.
///
/// # Errors
/// [`TransferError`]; nothing is guessed from the look of the octets.
pub fn decode<'a>(headers: &Headers<'_>, body: &'a [u8]) -> Result<Cow<'a, [u8]>, TransferError> {
    match encoding(headers)? {
        Encoding::None => Ok(Cow::Borrowed(body)),
        Encoding::Base64 => decode_base64(body).map(Cow::Owned),
        Encoding::QuotedPrintable => decode_quoted_printable(body).map(Cow::Owned),
    }
}

/// The same for a part that holds one CMS object. The object says itself where it ends, so what lists and
/// gateways append in the clear is no part of it; and it begins with the octet 0x30, so `M` there is base64
/// whose field got lost.
///
/// # Errors
/// [`TransferError`].
pub fn decode_object<'a>(headers: &Headers<'_>, body: &'a [u8]) -> Result<Cow<'a, [u8]>, TransferError> {
    let is_base64 = match encoding(headers)? {
        Encoding::None => body.trim_ascii_start().first() == Some(&b'M'),
        Encoding::Base64 => true,
        Encoding::QuotedPrintable => false,
    };
    if !is_base64 {
        return decode(headers, body);
    }
    let decoded = decode_base64(body).or_else(|_| decode_base64(without_appendix(body)));
    decoded.map(Cow::Owned)
}

/// The lines up to the one whose padding ends the base64, or before the first that is none.
fn without_appendix(body: &[u8]) -> &[u8] {
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/= \t\r\n".contains(octet);
    let mut at = 0;
    while at < body.len() {
        let line = next_line(body, at);
        if !line.iter().all(is_base64) {
            break;
        }
        at = at.saturating_add(line.len());
        if line.trim_ascii_end().ends_with(b"=") {
            break;
        }
    }
    body.get(..at).unwrap_or(body)
}

enum Encoding {
    Base64,
    None,
    QuotedPrintable,
}

/// The one field's word, without comments (RFC 2045 section 6.1) and stray parameters.
fn encoding(headers: &Headers<'_>) -> Result<Encoding, TransferError> {
    let value = headers.single("Content-Transfer-Encoding")?.map(|field| field.value().to_ascii_lowercase());
    let value = value.as_deref().unwrap_or("7bit");
    match value.split(['(', ';']).next().unwrap_or(value).trim_ascii_end() {
        "7bit" | "8bit" | "binary" | "" => Ok(Encoding::None),
        "base64" => Ok(Encoding::Base64),
        "quoted-printable" => Ok(Encoding::QuotedPrintable),
        _ => Err(TransferError::Unknown),
    }
}

/// White space is skipped wherever it stands; any other foreign character is an error, because a
/// decoder that skips it (as RFC 2045 allows) reads another object than one that stops.
fn decode_base64(body: &[u8]) -> Result<Vec<u8>, TransferError> {
    let lenient_end = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&ALPHABET, lenient_end);
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    // In blocks, because packing the whole body first would take its size in memory once more.
    let mut block: Vec<u8> = Vec::with_capacity(BLOCK.saturating_mul(2));
    let mut ended = false;
    let mut decode = |block: &[u8]| {
        if ended && !block.is_empty() {
            return Err(TransferError::Damaged("base64")); // padding in the middle
        }
        ended |= block.last() == Some(&b'=');
        engine.decode_vec(block, &mut out).map_err(|_| TransferError::Damaged("base64"))
    };
    let mut at = 0;
    while at < body.len() {
        let line = next_line(body, at);
        at = at.saturating_add(line.len());
        for piece in line.trim_ascii().chunks(BLOCK) {
            if piece.iter().any(u8::is_ascii_whitespace) {
                block.extend(piece.iter().filter(|octet| !octet.is_ascii_whitespace()));
            } else {
                block.extend_from_slice(piece);
            }
            if block.len() >= BLOCK {
                let rest = block.split_off(block.len().saturating_sub(block.len() % 4));
                decode(&block)?;
                block.clear();
                block.extend_from_slice(&rest);
            }
        }
    }
    decode(&block)?;
    Ok(out)
}

/// A soft line break may have blanks behind it, which are not part of the text (RFC 2045 section 6.7, rule 3),
/// and may be the last: the line end behind it is then the delimiter's of a multipart.
fn decode_quoted_printable(body: &[u8]) -> Result<Vec<u8>, TransferError> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((literal, after)) = memchr::memchr(b'=', rest).and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(literal);
        let after = after.get(1..).unwrap_or_default();
        let blanks = after.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
        rest = match (after.get(blanks..).unwrap_or_default(), after) {
            ([] | [b'\n', ..] | [b'\r', b'\n', ..], _) => {
                let line = next_line(after, 0);
                after.get(line.len()..).unwrap_or_default()
            }
            (_, [high, low, after @ ..]) => {
                let mut octet = [0_u8; 1];
                hex::decode_to_slice([*high, *low], &mut octet)
                    .map_err(|_| TransferError::Damaged("quoted-printable"))?;
                out.extend(octet);
                after
            }
            _ => return Err(TransferError::Damaged("quoted-printable")),
        };
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Base64 in CRLF lines, the last one ended too.
pub fn base64_lines(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() / LINE_OCTETS * (LINE + 2) + LINE + 2);
    let mut lines = Base64Lines::default();
    lines.push(octets, &mut out);
    lines.finish(&mut out);
    out
}

/// [`base64_lines`] for octets that come in pieces.
#[derive(Debug, Default)]
pub struct Base64Lines {
    /// The beginning of a line that is not full yet.
    begun: Vec<u8>,
}

impl Base64Lines {
    /// Appends the lines that are full to `out`.
    pub fn push(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        if !self.begun.is_empty() {
            let missing = LINE_OCTETS.saturating_sub(self.begun.len());
            let (first, rest) = octets.split_at_checked(missing).unwrap_or((octets, &[]));
            self.begun.extend_from_slice(first);
            octets = rest;
            if self.begun.len() < LINE_OCTETS {
                return;
            }
            line(&self.begun, out);
            self.begun.clear();
        }
        let full = octets.chunks_exact(LINE_OCTETS);
        self.begun.extend_from_slice(full.remainder());
        full.for_each(|octets| line(octets, out));
    }

    /// Appends the last line.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.begun.is_empty() {
            line(&self.begun, out);
        }
    }
}

fn line(octets: &[u8], out: &mut Vec<u8>) {
    let mut text = [0; LINE + 2];
    // A line's octets always fit into a line.
    let length = STANDARD.encode_slice(octets, &mut text).unwrap_or(0);
    if let Some(end) = text.get_mut(length..length.saturating_add(2)) {
        end.copy_from_slice(b"\r\n");
    }
    out.extend_from_slice(text.get(..length.saturating_add(2)).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::Entity;

    fn decoded(message: &[u8]) -> Result<Vec<u8>, TransferError> {
        let entity = Entity::parse(message).unwrap();
        decode(&entity.headers, entity.body).map(Cow::into_owned)
    }

    #[test]
    fn encodings() {
        let head = |encoding: &str, body: &str| {
            decoded(format!("Content-Transfer-Encoding: {encoding}\r\n\r\n{body}").as_bytes())
        };
        assert_eq!(head("Base64", "AAEC\r\nAw==\r\n").unwrap(), [0, 1, 2, 3]);
        assert_eq!(head("base64", "AAECAw").unwrap(), [0, 1, 2, 3]);
        let long = vec![7; BLOCK]; // more than one block
        let text = String::from_utf8(base64_lines(&long)).unwrap();
        assert_eq!(head("base64", &text).unwrap(), long);
        assert!(head("base64", &format!("{}{text}", "A".repeat(BLOCK - 2) + "==")).is_err());
        assert_eq!(head("base64", "AA!ECAw=="), Err(TransferError::Damaged("base64")));
        assert_eq!(head("quoted-printable", "a=3D=\r\nb=C3=A4").unwrap(), "a=b\u{e4}".as_bytes());
        assert_eq!(head("quoted-printable", "a= \t\r\nb=\nc=3d=").unwrap(), b"abc=");
        assert_eq!(head("quoted-printable", "a= b"), Err(TransferError::Damaged("quoted-printable")));
        assert_eq!(head("quoted-printable", "a=3"), Err(TransferError::Damaged("quoted-printable")));
        assert_eq!(head("x-uuencode", ""), Err(TransferError::Unknown));
        assert_eq!(head("binary", "\u{0}x").unwrap(), b"\0x");
        assert_eq!(head("base64 (RFC 2045)", "AAECAw==").unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn an_object_ends_where_it_ends() {
        let object = |head: &str, body: &str| {
            let message = format!("{head}\r\n\r\n{body}");
            let entity = Entity::parse(message.as_bytes()).unwrap();
            decode_object(&entity.headers, entity.body).map(Cow::into_owned)
        };
        let base64 = "Content-Transfer-Encoding: base64;";
        for (head, body) in [
            (base64, "MAMCAQA=\r\n"),
            (base64, "MAMC\r\nAQA=\r\n\r\n--\r\nfooter of a list\r\n"),
            (base64, "MAMCAQA=\r\nfooter\r\n"),
            ("Content-Type: application/pkcs7-mime", "MAMCAQA=\r\n"),
            ("Content-Transfer-Encoding: 7bit", "\r\nMAMCAQA=\r\n"),
        ] {
            assert_eq!(object(head, body).unwrap(), [0x30, 3, 2, 1, 0], "{head} {body}");
        }
        assert_eq!(object("Content-Transfer-Encoding: 8bit", "0\u{3}x").unwrap(), b"0\x03x");
        assert_eq!(object(base64, "MAM!CAQA=").unwrap(), b"");
        assert_eq!(object(base64, "MAM=CAQA="), Err(TransferError::Damaged("base64")));
    }

    proptest::proptest! {
        #[test]
        fn base64_round_trip(octets: Vec<u8>) {
            let mut message = b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec();
            message.extend(base64_lines(&octets));
            assert_eq!(decoded(&message).unwrap(), octets);
        }

        #[test]
        fn base64_in_pieces_is_the_same(octets: Vec<u8>, size in 1_usize..150) {
            let (mut lines, mut out) = (Base64Lines::default(), Vec::new());
            octets.chunks(size).for_each(|piece| lines.push(piece, &mut out));
            lines.finish(&mut out);
            assert_eq!(out, base64_lines(&octets));
            assert!(out.split(|b| *b == b'\n').all(|line| line.len() <= 77));
        }

        #[test]
        fn any_octets_are_read_without_panic(octets: Vec<u8>) {
            let _ = decode_base64(&octets);
            let _ = decode_quoted_printable(&octets);
            assert!(octets.starts_with(without_appendix(&octets)));
        }
    }
}
