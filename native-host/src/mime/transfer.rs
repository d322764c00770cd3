//! Content-Transfer-Encodings (RFC 2045 section 6) of CMS objects, and base64 lines for our own.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::header::{HeaderError, Headers};

/// Characters of base64 in a line: 72 octets of content, below RFC 2045's 76.
const LINE: usize = 76;

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
    let encoding = headers.single("Content-Transfer-Encoding")?.map(|f| f.value().to_ascii_lowercase());
    match encoding.as_deref().unwrap_or("7bit") {
        "7bit" | "8bit" | "binary" | "" => Ok(Cow::Borrowed(body)),
        "base64" => decode_base64(body).map(Cow::Owned),
        "quoted-printable" => decode_quoted_printable(body).map(Cow::Owned),
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
    let mut block = Vec::with_capacity(BLOCK);
    let mut ended = false;
    for &octet in body.iter().filter(|b| !b.is_ascii_whitespace()) {
        if block.len() == BLOCK {
            ended = block.last() == Some(&b'=');
            decode_block(&engine, &mut block, &mut out)?;
        }
        if ended {
            return Err(TransferError::Damaged("base64")); // padding in the middle
        }
        block.push(octet);
    }
    decode_block(&engine, &mut block, &mut out)?;
    Ok(out)
}

fn decode_block(
    engine: &GeneralPurpose,
    block: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), TransferError> {
    engine.decode_vec(&*block, out).map_err(|_| TransferError::Damaged("base64"))?;
    block.clear();
    Ok(())
}

fn decode_quoted_printable(body: &[u8]) -> Result<Vec<u8>, TransferError> {
    let mut out = Vec::with_capacity(body.len());
    let mut octets = body.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        if octet != b'=' {
            out.push(octet);
            continue;
        }
        match (octets.next(), octets.peek().copied()) {
            (Some(b'\r'), Some(b'\n')) => {
                octets.next();
            }
            (Some(b'\n'), _) => {}
            (Some(high), Some(low)) => {
                let digits = [high, low];
                let mut value = [0_u8; 1];
                hex::decode_to_slice(digits, &mut value)
                    .map_err(|_| TransferError::Damaged("quoted-printable"))?;
                out.extend(value);
                octets.next();
            }
            _ => return Err(TransferError::Damaged("quoted-printable")),
        }
    }
    Ok(out)
}

/// Base64 in CRLF lines, the last one ended too.
pub fn base64_lines(octets: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(octets);
    let lines = text.len().div_ceil(LINE);
    let mut out = Vec::with_capacity(text.len().saturating_add(lines.saturating_mul(2)));
    for line in text.as_bytes().chunks(LINE) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
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
        assert_eq!(head("quoted-printable", "a=3"), Err(TransferError::Damaged("quoted-printable")));
        assert_eq!(head("x-uuencode", ""), Err(TransferError::Unknown));
        assert_eq!(head("binary", "\u{0}x").unwrap(), b"\0x");
    }

    proptest::proptest! {
        #[test]
        fn base64_round_trip(octets: Vec<u8>) {
            let mut message = b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec();
            message.extend(base64_lines(&octets));
            assert_eq!(decoded(&message).unwrap(), octets);
        }

        #[test]
        fn any_octets_are_read_without_panic(octets: Vec<u8>) {
            let _ = decode_base64(&octets);
            let _ = decode_quoted_printable(&octets);
        }
    }
}
