//! Legacy display elements (RFC 9788 sections 4.5.3 and 5.2.2 to 5.2.4): a hidden subject, said once
//! more at the top of the text for people whose mail program cannot show protected fields, and taken
//! away again by those that can.
//!
//! # Limitations
//! - A part in quoted-printable or base64 whose element was taken out is written anew, in base64.
//! - In HTML that is cut off, or is base64 and longer than what the caller has read, none is put in.

use std::borrow::Cow;

use super::content_type::ContentType;
use super::header::{Entity, Field};
use super::split::parts;
use super::transfer::{base64_lines, decode};

/// The class of the element in HTML.
const CLASS: &str = "header-protection-legacy-display";

/// How deep main parts are looked for, and elements taken out.
const MAX_DEPTH: usize = 8;

/// One replacement of octets.
struct Edit {
    from: usize,
    to: usize,
    octets: Vec<u8>,
}

/// Puts `fields` (names and decoded values) at the top of each main body part. `entity` is an entity
/// or its beginning; `is_whole` says which. What cannot take an element is left as it is.
pub fn insert<'e>(entity: &'e [u8], is_whole: bool, fields: &[(String, String)]) -> Cow<'e, [u8]> {
    let mut edits = Vec::new();
    if !fields.is_empty() {
        insert_into(entity, 0, is_whole, fields, 0, &mut edits);
    }
    apply(entity, edits)
}

/// Takes every element out of an entity that came encrypted. Octets without any are handed back as
/// they are.
pub fn remove(entity: &[u8]) -> Cow<'_, [u8]> {
    let mut edits = Vec::new();
    if memchr::memmem::find(entity, b"hp-legacy-display").is_some() {
        remove_from(entity, 0, 0, &mut edits);
    }
    apply(entity, edits)
}

/// The same for the older kind (`protected-headers="v1"`): a whole part that stands first in the
/// `multipart/mixed` and is marked like the root. `None` where there is none.
pub fn remove_old(entity: &[u8]) -> Option<Vec<u8>> {
    let is_old = |content_type: &ContentType| {
        content_type.parameter("protected-headers").as_deref() == Some("v1")
            && content_type.parameter("hp").is_none()
    };
    let root = Entity::parse(entity).ok()?;
    let content_type = root.headers.content_type().ok()?;
    if content_type.media() != "multipart/mixed" || !is_old(&content_type) {
        return None;
    }
    let boundary = content_type.parameter("boundary")?;
    let parts = parts(root.body, &boundary).ok()?;
    let (first, rest) = parts.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let element = Entity::parse(first).ok()?;
    let kind = element.headers.content_type().ok()?;
    let is_attached = element
        .headers
        .all("Content-Disposition")
        .any(|field| field.value().to_ascii_lowercase().starts_with("attachment"));
    if is_attached || !is_old(&kind) || !["text/plain", "text/rfc822-headers"].contains(&kind.media()) {
        return None;
    }
    let mut out = entity.get(..entity.len().checked_sub(root.body.len())?)?.to_vec();
    for part in rest {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some(out)
}

fn apply(octets: &[u8], mut edits: Vec<Edit>) -> Cow<'_, [u8]> {
    if edits.is_empty() {
        return Cow::Borrowed(octets);
    }
    edits.sort_by_key(|edit| edit.from);
    let mut out = Vec::with_capacity(octets.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(octets.get(at..edit.from).unwrap_or_default());
        out.extend_from_slice(&edit.octets);
        at = edit.to;
    }
    out.extend_from_slice(octets.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// `base` is where `octets` begin in the whole.
fn insert_into(
    octets: &[u8],
    base: usize,
    is_whole: bool,
    fields: &[(String, String)],
    depth: usize,
    edits: &mut Vec<Edit>,
) {
    let Ok(entity) = Entity::parse(octets) else { return };
    let Ok(content_type) = entity.headers.content_type() else { return };
    let attached = entity.headers.all("Content-Disposition").any(|field| {
        let kind = field.value().to_ascii_lowercase();
        !kind.trim_start().starts_with("inline")
    });
    if attached || depth > MAX_DEPTH {
        return;
    }
    let body = base + octets.len() - entity.body.len();
    let part = Part { entity: &entity, body, is_whole };
    match content_type.media() {
        "text/plain" => edits.extend(part.with_text(fields).unwrap_or_default()),
        "text/html" => edits.extend(part.with_html(fields).unwrap_or_default()),
        kind if kind.starts_with("multipart/") => {
            let boundary = content_type.parameter("boundary").unwrap_or_default();
            let children = children(entity.body, &boundary, is_whole);
            // Only alternatives are all of them the main part (RFC 9788 section 5.2.4).
            let main = if kind == "multipart/alternative" { children.len() } else { 1 };
            for child in children.into_iter().take(main) {
                let octets = entity.body.get(child.from..child.to).unwrap_or_default();
                insert_into(octets, body + child.from, child.is_whole, fields, depth + 1, edits);
            }
        }
        _ => {}
    }
}

fn remove_from(octets: &[u8], base: usize, depth: usize, edits: &mut Vec<Edit>) {
    let Ok(entity) = Entity::parse(octets) else { return };
    let Ok(content_type) = entity.headers.content_type() else { return };
    if depth > MAX_DEPTH {
        return;
    }
    let body = base + octets.len() - entity.body.len();
    let marked = content_type.parameter("hp-legacy-display").as_deref() == Some("1");
    let part = Part { entity: &entity, body, is_whole: true };
    match content_type.media() {
        "text/plain" if marked => edits.extend(part.without(strip_text).unwrap_or_default()),
        "text/html" if marked => edits.extend(part.without(strip_html).unwrap_or_default()),
        kind if kind.starts_with("multipart/") => {
            let boundary = content_type.parameter("boundary").unwrap_or_default();
            for child in children(entity.body, &boundary, true) {
                let octets = entity.body.get(child.from..child.to).unwrap_or_default();
                remove_from(octets, body + child.from, depth + 1, edits);
            }
        }
        _ => {}
    }
}

struct Child {
    from: usize,
    to: usize,
    is_whole: bool,
}

/// The parts of a multipart body, the last of which may be cut off.
fn children(body: &[u8], boundary: &str, is_whole: bool) -> Vec<Child> {
    if boundary.is_empty() {
        return Vec::new();
    }
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    for at in memchr::memmem::find_iter(body, &delimiter) {
        let begins_line = at == 0 || body.get(at - 1) == Some(&b'\n');
        let after = body.get(at + delimiter.len()..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', after).map_or(after.len(), |i| i + 1);
        let rest = after.get(..line_end).unwrap_or_default().trim_ascii();
        if !begins_line || !(rest.is_empty() || rest == b"--") {
            continue;
        }
        if let Some(from) = open.take() {
            let to =
                at.saturating_sub(if body.get(..at).is_some_and(|b| b.ends_with(b"\r\n")) { 2 } else { 1 });
            found.push(Child { from: from.min(to), to, is_whole: true });
        }
        if rest == b"--" {
            return found;
        }
        open = Some(at + delimiter.len() + line_end);
    }
    if let Some(from) = open {
        found.push(Child { from: from.min(body.len()), to: body.len(), is_whole });
    }
    found
}

/// One leaf.
struct Part<'p, 'e> {
    entity: &'p Entity<'e>,
    /// Where its body begins in the whole.
    body: usize,
    is_whole: bool,
}

impl Part<'_, '_> {
    fn encoding(&self) -> String {
        let field = self.entity.headers.all("Content-Transfer-Encoding").next();
        field.map_or_else(|| "7bit".into(), |field| field.value().to_ascii_lowercase())
    }

    fn charset(&self) -> String {
        let content_type = self.entity.headers.content_type().ok();
        let charset = content_type.and_then(|content_type| content_type.parameter("charset"));
        charset.map_or_else(|| "us-ascii".into(), |charset| charset.to_ascii_lowercase())
    }

    /// `None` where the charset cannot take the text, or the encoding is unknown.
    fn with_text(&self, fields: &[(String, String)]) -> Option<Vec<Edit>> {
        let mut text: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        text.push_str("\r\n");
        let mut text = in_charset(&text, &self.charset())?;
        let is_ascii = text.is_ascii();
        let octets = match self.encoding().as_str() {
            "7bit" | "8bit" | "binary" => text,
            "quoted-printable" => quoted_printable(&text),
            "base64" => {
                // A whole number of triplets, so that the rest of the base64 can follow. The blanks
                // stand where format=flowed does not take them for a soft line break.
                let missing = (3 - text.len() % 3) % 3;
                let colon = memchr::memmem::find(&text, b": ").map_or(0, |at| at + 2);
                text.splice(colon..colon, std::iter::repeat_n(b' ', missing));
                base64_lines(&text)
            }
            _ => return None,
        };
        let mut edits = vec![self.insertion(0, octets)];
        edits.extend(self.marked("hp-legacy-display=\"1\""));
        edits.extend(self.eight_bit(is_ascii));
        Some(edits)
    }

    fn with_html(&self, fields: &[(String, String)]) -> Option<Vec<Edit>> {
        let lines: Vec<_> = fields.iter().map(|(name, value)| escaped(&format!("{name}: {value}"))).collect();
        let element = format!("<div class=\"{CLASS}\">\r\n<pre>{}</pre></div>\r\n", lines.join("\r\n"));
        let ascii_compatible = !self.charset().starts_with("utf-16") && !self.charset().starts_with("utf-32");
        let edit = match self.encoding().as_str() {
            _ if !ascii_compatible => return None,
            "7bit" | "8bit" | "binary" => {
                self.insertion(body_element(self.entity.body)?, element.into_bytes())
            }
            "quoted-printable" => {
                let at = body_element(self.entity.body)?;
                let soft = |octets: Vec<u8>| [b"=\r\n", &*octets, b"=\r\n"].concat();
                self.insertion(at, soft(quoted_printable(element.as_bytes())))
            }
            "base64" if self.is_whole => {
                let decoded = decode(&self.entity.headers, self.entity.body).ok()?;
                let (before, after) = decoded.split_at_checked(body_element(&decoded)?)?;
                let with = [before, element.as_bytes(), after].concat();
                Edit { from: self.body, to: self.body + self.entity.body.len(), octets: base64_lines(&with) }
            }
            _ => return None,
        };
        let mut edits = self.marked("hp-legacy-display=\"1\"");
        edits.push(edit);
        Some(edits)
    }

    /// The part with its decoded body changed by `strip`, and no mark any more.
    fn without(&self, strip: fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<Edit>> {
        let decoded = decode(&self.entity.headers, self.entity.body).ok()?;
        let stripped = strip(&decoded)?;
        let in_clear = matches!(self.encoding().as_str(), "7bit" | "8bit" | "binary");
        let octets = if in_clear { stripped } else { base64_lines(&stripped) };
        let mut edits = vec![Edit { from: self.body, to: self.body + self.entity.body.len(), octets }];
        // Without its mark, so that nobody takes the next paragraph away as well.
        let typed = self.entity.headers.all("Content-Type").next()?;
        let unmarked = self.entity.headers.content_type().ok()?.field_without(&["hp-legacy-display"]);
        edits.push(self.replaced(typed, format!("{unmarked}\r\n").into_bytes())?);
        if !in_clear {
            let field = self.entity.headers.all("Content-Transfer-Encoding").next()?;
            edits.push(self.replaced(field, b"Content-Transfer-Encoding: base64\r\n".to_vec())?);
        }
        Some(edits)
    }

    fn insertion(&self, at: usize, octets: Vec<u8>) -> Edit {
        Edit { from: self.body + at, to: self.body + at, octets }
    }

    /// The Content-Type with a further parameter.
    fn marked(&self, parameter: &str) -> Vec<Edit> {
        let Some(field) = self.entity.headers.all("Content-Type").next() else {
            let field = format!("Content-Type: text/plain;\r\n {parameter}\r\n");
            return self.before_body(field.into_bytes());
        };
        let mut raw = field.raw().trim_ascii_end().to_vec();
        while raw.last().is_some_and(|b| *b == b';' || b.is_ascii_whitespace()) {
            raw.pop();
        }
        raw.extend_from_slice(format!(";\r\n {parameter}\r\n").as_bytes());
        self.replaced(field, raw).into_iter().collect()
    }

    /// What was 7-bit before other text came in is so no more.
    fn eight_bit(&self, is_ascii: bool) -> Vec<Edit> {
        if is_ascii || self.encoding() != "7bit" {
            return Vec::new();
        }
        let line = b"Content-Transfer-Encoding: 8bit\r\n".to_vec();
        match self.entity.headers.all("Content-Transfer-Encoding").next() {
            Some(field) => self.replaced(field, line).into_iter().collect(),
            None => self.before_body(line),
        }
    }

    /// A field in front of the blank line.
    fn before_body(&self, octets: Vec<u8>) -> Vec<Edit> {
        let Some(at) = self.body.checked_sub(2) else { return Vec::new() };
        vec![Edit { from: at, to: at, octets }]
    }

    fn replaced(&self, field: &Field<'_>, octets: Vec<u8>) -> Option<Edit> {
        let last = self.entity.headers.fields().last()?;
        // Fields lie in one piece of memory, the blank line and the body behind them.
        let end_of_fields = self.body.checked_sub(2)?;
        let span = address(last.raw()).checked_sub(address(field.raw()))? + last.raw().len();
        let from = end_of_fields.checked_sub(span)?;
        Some(Edit { from, to: from + field.raw().len(), octets })
    }
}

/// Only for the distance between two fields of one header.
fn address(octets: &[u8]) -> usize {
    octets.as_ptr().addr()
}

/// Behind the start tag of the body; the beginning, where the text has no structure at all.
fn body_element(html: &[u8]) -> Option<usize> {
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
fn strip_text(text: &[u8]) -> Option<Vec<u8>> {
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

/// RFC 9788 section 4.5.3.3: the element of the class, whole.
fn strip_html(html: &[u8]) -> Option<Vec<u8>> {
    let lower = html.to_ascii_lowercase();
    let (from, inside) = memchr::memmem::find_iter(&lower, b"<div").find_map(|at| {
        let tag = lower.get(at..)?;
        let end = memchr::memchr(b'>', tag)?;
        let is_ours = memchr::memmem::find(tag.get(..end)?, CLASS.as_bytes()).is_some();
        is_ours.then_some((at, at + end + 1))
    })?;
    let mut depth = 1_usize;
    let mut at = inside;
    while depth > 0 {
        let rest = lower.get(at..)?;
        let close = memchr::memmem::find(rest, b"</div")?;
        match memchr::memmem::find(rest.get(..close)?, b"<div") {
            Some(open) => {
                depth += 1;
                at += open + 4;
            }
            None => {
                depth -= 1;
                at += close + 5;
            }
        }
    }
    let end = at + memchr::memchr(b'>', lower.get(at..)?)? + 1;
    let after = html.get(end..)?;
    let after = after.strip_prefix(b"\r\n").unwrap_or(after);
    Some([html.get(..from)?, after].concat())
}

/// As HTML that needs no charset.
fn escaped(text: &str) -> String {
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
fn in_charset(text: &str, charset: &str) -> Option<Vec<u8>> {
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
fn quoted_printable(text: &[u8]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Vec<(String, String)> {
        vec![("Subject".into(), text.into())]
    }

    /// What a reader that knows nothing shows of a part: its decoded body.
    fn shown(entity: &[u8]) -> String {
        let entity = Entity::parse(entity).unwrap();
        String::from_utf8(decode(&entity.headers, entity.body).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn text_gets_it_in_every_encoding_and_loses_it_again() {
        for (head, body) in [
            ("Content-Type: text/plain; charset=utf-8;", "Dear Bob,\r\n\r\nx\r\n"),
            ("Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit", "gr\u{fc}n\r\n"),
            ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit", "x\r\n"),
            (
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
                "gr=C3=BCn =\r\nx\r\n",
            ),
            ("Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8", "Z3LDvG4K\r\n"),
            ("Content-Type: text/plain; charset=utf-8", ""),
        ] {
            let original = format!("{head}\r\n\r\n{body}");
            for text in ["The plan", "Die \u{dc}bung \u{2028}", "Aa", "A"] {
                let with = insert(original.as_bytes(), false, &subject(text));
                let seen = shown(&with).replace(":   ", ": ").replace(":  ", ": ");
                let expected = format!("Subject: {text}\r\n\r\n{}", shown(original.as_bytes()));
                assert_eq!(seen, expected, "{head}");
                assert!(String::from_utf8_lossy(&with).contains("hp-legacy-display=\"1\""));
                let without = remove(&with).into_owned();
                assert_eq!(shown(&without), shown(original.as_bytes()), "{head}");
                assert_eq!(&*remove(&without), without, "nothing is taken away twice");
            }
        }
    }

    #[test]
    fn text_in_an_old_charset_gets_it_in_that() {
        let original = b"Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n";
        let with = insert(original, true, &subject("Gr\u{fc}n"));
        assert!(
            with.ends_with(b"\r\n\r\nSubject: Gr\xfcn\r\n\r\nGr\xfc\xdfe\r\n"),
            "{}",
            String::from_utf8_lossy(&with)
        );
        assert!(remove(&with).ends_with(b"\r\n\r\nGr\xfc\xdfe\r\n"));
    }

    #[test]
    fn html_gets_it_at_the_top_of_its_body() {
        let html = "<html><head></head><BODY class=\"a\"><p>Dear Bob</p></body></html>";
        let encoded = String::from_utf8(base64_lines(html.as_bytes())).unwrap();
        let printable = html.replace('=', "=3D");
        for (encoding, body) in [("8bit", html), ("base64", &encoded), ("quoted-printable", &printable)] {
            let original = format!(
                "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
            );
            let with = insert(original.as_bytes(), true, &subject("<b> & gr\u{fc}n"));
            let seen = shown(&with);
            let element = "<BODY class=\"a\"><div class=\"header-protection-legacy-display\">\r\n<pre>Subject: \
                           &#60;b&#62; &#38; gr&#252;n</pre></div>\r\n<p>Dear";
            assert!(seen.contains(element), "{encoding}: {seen}");
            assert_eq!(shown(&remove(&with)).trim_end(), html, "{encoding}");
        }
    }

    #[test]
    fn only_main_parts_of_a_tree_get_it() {
        let tree = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\
                    Content-Type: multipart/alternative; boundary=\"a\"\r\n\r\n--a\r\n\
                    Content-Type: text/plain\r\n\r\nplain\r\n--a\r\n\
                    Content-Type: text/html\r\n\r\n<p>html</p>\r\n--a--\r\n--m\r\n\
                    Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--m\r\n\
                    Content-Type: text/plain\r\n\r\nsecond\r\n--m--\r\n";
        let with = insert(tree.as_bytes(), true, &subject("x"));
        let text = String::from_utf8(with.to_vec()).unwrap();
        assert_eq!(text.matches("hp-legacy-display").count(), 2, "{text}");
        assert!(text.contains("Subject: x\r\n\r\nplain\r\n--a"), "{text}");
        assert!(text.contains("</div>\r\n<p>html</p>"), "{text}");
        assert!(text.contains("\r\n\r\nattached\r\n--m") && text.contains("\r\n\r\nsecond\r\n--m--"));
        let without = String::from_utf8(remove(text.as_bytes()).into_owned()).unwrap();
        assert!(!without.contains("Subject: x") && without.contains("\r\n\r\nplain\r\n"), "{without}");
        // The beginning of it is enough.
        let cut = tree.find("<p>html").unwrap();
        let with =
            String::from_utf8(insert(&tree.as_bytes()[..cut], false, &subject("x")).into_owned()).unwrap();
        assert!(with.contains("Subject: x\r\n\r\nplain"), "{with}");
    }

    #[test]
    fn what_cannot_take_it_is_left_alone() {
        for head in [
            "Content-Type: text/plain; charset=utf-16",
            "Content-Type: text/plain; charset=iso-8859-7",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment",
            "Content-Type: image/png",
            "Content-Type: message/rfc822",
            "Content-Type: multipart/mixed",
        ] {
            let entity = format!("{head}\r\n\r\nx\r\n");
            assert_eq!(&*insert(entity.as_bytes(), true, &subject("gr\u{fc}n")), entity.as_bytes(), "{head}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets: Vec<u8>, whole: bool) {
            let _ = insert(&octets, whole, &subject("x"));
            let _ = strip_html(&octets);
            let _ = strip_text(&octets);
            let mut marked = b"Content-Type: text/html; hp-legacy-display=1\r\n\r\n".to_vec();
            marked.extend(&octets);
            let _ = remove(&marked);
        }

        #[test]
        fn quoted_printable_reads_back(text in "[ -~\u{e4}\r\n]{0,200}") {
            let text = text.replace(['\r', '\n'], "\r\n");
            let mut message = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n".to_vec();
            message.extend(quoted_printable(text.as_bytes()));
            assert_eq!(shown(&message), text);
        }
    }
}
