//! Legacy display elements in decoded text and HTML: finding them, and writing what goes into them.

use super::CLASS;

/// Behind the start tag of the body; the beginning, where the text has no structure at all.
pub(super) fn body_element(html: &[u8]) -> Option<usize> {
    let lower = html.to_ascii_lowercase();
    match memchr::memmem::find(&lower, b"<body") {
        Some(at) => {
            let tag = lower.get(at..)?;
            Some(at + memchr::memchr(b'>', tag)? + 1)
        }
        None if memchr::memmem::find(&lower, b"<html").is_none() => Some(0),
        None => None,
    }
}

/// RFC 9788 section 4.5.3.2: the lines up to the first blank one.
pub(super) fn strip_text(text: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let length = memchr::memchr(b'\n', rest)? + 1;
        at += length;
        if rest.get(..length)?.trim_ascii().is_empty() {
            return Some(text.get(at..)?.to_vec());
        }
    }
}

/// RFC 9788 section 4.5.3.3: the element of the class, whole. Once through the text, whatever it is.
pub(super) fn strip_html(html: &[u8]) -> Option<Vec<u8>> {
    let lower = html.to_ascii_lowercase();
    let mut from = 0_usize;
    let inside = loop {
        from += memchr::memmem::find(lower.get(from..)?, b"<div")?;
        let tag = lower.get(from..)?;
        let end = memchr::memchr(b'>', tag)?;
        if memchr::memmem::find(tag.get(..end)?, CLASS.as_bytes()).is_some() {
            break from + end + 1;
        }
        from += end + 1;
    };
    let rest = lower.get(inside..)?;
    let mut depth = 1_usize;
    let close = memchr::memchr_iter(b'<', rest).find(|at| {
        let tag = rest.get(*at..).unwrap_or_default();
        if tag.starts_with(b"<div") {
            depth += 1;
        } else if tag.starts_with(b"</div") {
            depth -= 1;
        }
        depth == 0
    })?;
    let close = inside + close;
    let end = close + memchr::memchr(b'>', lower.get(close..)?)? + 1;
    let after = html.get(end..)?;
    let after = after.strip_prefix(b"\r\n").unwrap_or(after);
    Some([html.get(..from)?, after].concat())
}

/// As HTML that needs no charset.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

/// The text in a part's charset; `None` where that cannot hold it, or we do not know whether it can.
pub(super) fn in_charset(text: &str, charset: &str) -> Option<Vec<u8>> {
    match charset {
        "utf-8" => Some(text.as_bytes().to_vec()),
        // Both have U+00A0 to U+00FF at their own numbers.
        "iso-8859-1" | "windows-1252" => {
            let octet = |c: char| u8::try_from(c).ok().filter(|octet| !(0x80..0xa0).contains(octet));
            text.chars().map(octet).collect()
        }
        other if text.is_ascii() && (other == "us-ascii" || other.starts_with("iso-8859-")) => {
            Some(text.as_bytes().to_vec())
        }
        _ => None,
    }
}

/// RFC 2045 section 6.7, lines of at most 76 characters.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut width = 0;
    let mut octets = text.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        let ends_line = octets.peek().is_none_or(|next| *next == b'\r');
        if octet == b'\r' && octets.next_if_eq(&b'\n').is_some() {
            out.extend_from_slice(b"\r\n");
            width = 0;
            continue;
        }
        let literal = matches!(octet, b'!'..=b'<' | b'>'..=b'~') || (octet == b' ' && !ends_line);
        let piece = if literal { vec![octet] } else { format!("={octet:02X}").into_bytes() };
        if width + piece.len() > 73 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        width += piece.len();
        out.extend_from_slice(&piece);
    }
    out
}
