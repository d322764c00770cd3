//! Canonical line ends and safe transport (RFC 8551 section 3.1).

use std::borrow::Cow;

/// The octets with every line end as CRLF. A CR that no LF follows is left alone: it is content.
pub fn to_crlf(octets: &[u8]) -> Cow<'_, [u8]> {
    let bare = octets.iter().enumerate().filter(|(at, b)| **b == b'\n' && !follows_cr(octets, *at)).count();
    if bare == 0 {
        return Cow::Borrowed(octets);
    }
    let mut out = Vec::with_capacity(octets.len().saturating_add(bare));
    let mut previous = 0_u8;
    for &octet in octets {
        if octet == b'\n' && previous != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        previous = octet;
    }
    Cow::Owned(out)
}

fn follows_cr(octets: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| octets.get(before)) == Some(&b'\r')
}

/// Whether every relay hands the octets on unchanged: 7-bit, lines of at most 998 octets, no line
/// that begins with `From ` or is a lone dot, none that ends in white space, CRLF throughout.
pub fn is_transport_safe(octets: &[u8]) -> bool {
    octets.split(|b| *b == b'\n').all(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= 998
            && line.iter().all(|b| b.is_ascii() && *b != 0 && *b != b'\r')
            && !line.starts_with(b"From ")
            && line != b"."
            && !matches!(line.last(), Some(b' ' | b'\t'))
    })
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

    #[test]
    fn transport() {
        assert!(is_transport_safe(b"Content-Type: text/plain\r\n\r\nhello\r\n"));
        for unsafe_text in ["From here", "a\r\n.\r\nb", "trailing \r\n", "gr\u{fc}n"] {
            assert!(!is_transport_safe(unsafe_text.as_bytes()), "{unsafe_text}");
        }
        assert!(!is_transport_safe(&[b'x'; 1000]));
    }
}
