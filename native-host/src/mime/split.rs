//! The strict splitter: which octets of a multipart entity are which part (RFC 2046 section 5.1.1).
//!
//! A signature is over octets, so this is the one place that says where a signed part begins and
//! ends. It is exact where general parsers are lenient: a delimiter is a line that holds `--`, the
//! boundary and nothing but spaces and tabs.

use super::header::{next_line, trim_line_end};

/// Most parts a multipart entity may have before we stop reading.
const MAX_PARTS: usize = 10_000;

/// Why an entity cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The boundary parameter is missing, empty or longer than RFC 2046 allows (70 characters).
    #[error("the multipart boundary is missing or too long")]
    BadBoundary,
    /// The last part is not closed: something was cut off.
    #[error("the end of the message is missing")]
    NotClosed,
    /// A signed entity has another number of parts than two.
    #[error("a signed message must have two parts and this one has {0}")]
    NotTwoParts(usize),
    /// There are more parts than anybody sends.
    #[error("the message has too many parts")]
    TooManyParts,
}

/// Splits the body of a multipart entity into the exact octets of its parts, without the line end
/// that belongs to the delimiter behind each. Preamble and epilogue are dropped: no reader is shown
/// them.
///
/// # Errors
/// [`SplitError`]; a missing close delimiter is one of them.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<&'a [u8]>, SplitError> {
    if boundary.is_empty() || boundary.len() > 70 {
        return Err(SplitError::BadBoundary);
    }
    let mut found = Vec::new();
    let mut part_start: Option<usize> = None;
    let mut at = 0_usize;
    while at < body.len() {
        let line = next_line(body, at);
        let after = at.saturating_add(line.len());
        let delimiter = delimiter(trim_line_end(line), boundary.as_bytes());
        if let Some(is_close) = delimiter {
            if let Some(start) = part_start {
                let octets = body.get(start..at).unwrap_or_default();
                found.push(trim_line_end(octets));
            }
            if is_close {
                return Ok(found);
            }
            if found.len() >= MAX_PARTS {
                return Err(SplitError::TooManyParts);
            }
            part_start = Some(after);
        }
        at = after;
    }
    Err(SplitError::NotClosed)
}

/// The two parts of a multipart/signed body (RFC 1847 section 2.1): the signed octets and the
/// entity that holds the signature.
///
/// # Errors
/// [`SplitError::NotTwoParts`] and those of [`parts`].
pub fn signed_parts<'a>(body: &'a [u8], boundary: &str) -> Result<(&'a [u8], &'a [u8]), SplitError> {
    match parts(body, boundary)?.as_slice() {
        [signed, signature] => Ok((signed, signature)),
        other => Err(SplitError::NotTwoParts(other.len())),
    }
}

/// `Some(true)` for a close delimiter, `Some(false)` for one that begins a part.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (rest, is_close) = match rest.strip_prefix(b"--") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    rest.iter().all(|b| matches!(b, b' ' | b'\t')).then_some(is_close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_octets_of_the_parts_are_exact() {
        let body = b"preamble\r\n--b\r\nA: 1\r\n\r\nx \r\n\r\n--b \t\r\ntwo\r\n--b--\r\nepilogue\r\n--b\r\n";
        assert_eq!(parts(body, "b").unwrap(), [&b"A: 1\r\n\r\nx \r\n"[..], b"two"]);
        let lf = b"--b\none\n\n--b\ntwo\n--b--";
        assert_eq!(parts(lf, "b").unwrap(), [&b"one\n"[..], b"two"]);
    }

    #[test]
    fn a_longer_boundary_is_another_boundary() {
        // mail-parser takes --bx for --b
        let body = b"--b\r\none\r\n--bx\r\nstill one\r\n--b--\r\n";
        assert_eq!(parts(body, "b").unwrap(), [&b"one\r\n--bx\r\nstill one"[..]]);
    }

    #[test]
    fn what_is_cut_off_or_has_another_number_of_parts_is_refused() {
        assert_eq!(signed_parts(b"--b\r\none\r\n--b\r\ntwo\r\n", "b"), Err(SplitError::NotClosed));
        assert_eq!(signed_parts(b"--b\r\none\r\n--b--\r\n", "b"), Err(SplitError::NotTwoParts(1)));
        let three = b"--b\r\n1\r\n--b\r\n2\r\n--b\r\nfooter of a list\r\n--b--\r\n";
        assert_eq!(signed_parts(three, "b"), Err(SplitError::NotTwoParts(3)));
        assert_eq!(parts(b"", ""), Err(SplitError::BadBoundary));
        assert_eq!(parts(b"--b--", "b"), Ok(vec![]));
        assert_eq!(parts(&b"--b\n".repeat(20_000), "b"), Err(SplitError::TooManyParts));
    }

    proptest::proptest! {
        #[test]
        fn parts_lie_in_the_body(body in "[-b\r\n x]{0,200}") {
            if let Ok(found) = parts(body.as_bytes(), "b") {
                let total: usize = found.iter().map(|p| p.len()).sum();
                assert!(total <= body.len());
            }
        }
    }
}
