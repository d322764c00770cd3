//! Canonical line ends and safe transport (RFC 8551 section 3.1).

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

/// The octets with every line end as CRLF. A CR that no LF follows is left alone: it is content.
pub fn to_crlf(octets: &[u8]) -> Cow<'_, [u8]> {
    let mut lines = CrlfLines::default();
    let Some(first) = memchr_iter(b'\n', octets).find(|at| !follows_cr(octets, *at)) else {
        return Cow::Borrowed(octets);
    };
    let (clean, rest) = octets.split_at_checked(first).unwrap_or((octets, &[]));
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32);
    out.extend_from_slice(clean);
    lines.push(rest, &mut out);
    Cow::Owned(out)
}

fn follows_cr(octets: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| octets.get(before)) == Some(&b'\r')
}

/// [`to_crlf`] for octets that come in pieces.
#[derive(Debug, Default)]
pub struct CrlfLines {
    after_cr: bool,
}

impl CrlfLines {
    /// Appends the next piece to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        for end in memchr_iter(b'\n', piece) {
            let is_crlf = if end == 0 { self.after_cr } else { follows_cr(piece, end) };
            if !is_crlf {
                out.extend_from_slice(piece.get(at..end).unwrap_or_default());
                out.push(b'\r');
                at = end;
            }
        }
        out.extend_from_slice(piece.get(at..).unwrap_or_default());
        if let Some(last) = piece.last() {
            self.after_cr = *last == b'\r';
        }
    }
}

/// Whether every relay hands the octets on unchanged: 7-bit, lines of at most 998 octets, no line
/// that begins with `From ` or is a lone dot, none that ends in white space, CRLF throughout.
pub fn is_transport_safe(octets: &[u8]) -> bool {
    let mut start = 0;
    let lines = memchr_iter(b'\n', octets).chain(std::iter::once(octets.len())).all(|end| {
        let line = octets.get(start..end).unwrap_or_default();
        start = end.saturating_add(1);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= 998
            && !line.starts_with(b"From ")
            && line != b"."
            && !matches!(line.last(), Some(b' ' | b'\t' | b'\r'))
    });
    // A CR that no LF follows is looked for over the whole: it is rare to find any in a line.
    lines
        && octets.is_ascii()
        && memchr(0, octets).is_none()
        && memchr_iter(b'\r', octets).all(|at| octets.get(at.saturating_add(1)).is_none_or(|b| *b == b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends() {
        assert_eq!(&*to_crlf(b"a\nb\r\nc\rd\n"), b"a\r\nb\r\nc\rd\r\n");
        assert!(matches!(to_crlf(b"a\r\nb"), Cow::Borrowed(_)));
        assert_eq!(&*to_crlf(b"\n\n"), b"\r\n\r\n");
    }

    proptest::proptest! {
        #[test]
        fn pieces_give_the_same_as_the_whole(text in "[a\r\n]{0,40}", size in 1_usize..5) {
            let (mut lines, mut out) = (CrlfLines::default(), Vec::new());
            text.as_bytes().chunks(size).for_each(|piece| lines.push(piece, &mut out));
            assert_eq!(&*to_crlf(text.as_bytes()), out.as_slice());
            let again = to_crlf(&out).into_owned();
            assert_eq!(again, out);
        }
    }

    #[test]
    fn transport() {
        assert!(is_transport_safe(b"Content-Type: text/plain\r\n\r\nhello\r\n"));
        for unsafe_text in
            ["From here", "a\r\n.\r\nb", "trailing \r\n", "gr\u{fc}n", "a\rb", "a\r\r\n", "a\0", "b\r\nFrom "]
        {
            assert!(!is_transport_safe(unsafe_text.as_bytes()), "{unsafe_text}");
        }
        assert!(!is_transport_safe(&[b'x'; 1000]));
    }
}
