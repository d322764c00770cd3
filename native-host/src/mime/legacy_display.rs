//! Legacy display elements (RFC 9788 sections 4.5.3 and 5.2.2 to 5.2.4): a hidden subject, said once
//! more at the top of the text for people whose mail program cannot show protected fields, and taken
//! away again by those that can.
//!
//! # Limitations
//! - A part in quoted-printable or base64 whose element was taken out is written anew, in base64.
//! - In HTML that is cut off, or is base64 and longer than what the caller has read, none is put in.

mod part;
mod text;

use std::borrow::Cow;

use super::content_type::ContentType;
use super::header::Entity;
use super::split::parts;
use part::Part;
use text::{strip_html, strip_text};

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
    let part = Part { entity: &entity, begin: base, body, is_whole };
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
    let part = Part { entity: &entity, begin: base, body, is_whole: true };
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
        // Only then the line is looked at, or many delimiters in one long line would take its length each.
        if at != 0 && body.get(at - 1) != Some(&b'\n') {
            continue;
        }
        let after = body.get(at + delimiter.len()..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', after).map_or(after.len(), |i| i + 1);
        let rest = after.get(..line_end).unwrap_or_default().trim_ascii();
        if !(rest.is_empty() || rest == b"--") {
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

#[cfg(test)]
mod tests {
    use super::text::quoted_printable;
    use super::*;
    use crate::mime::transfer::{base64_lines, decode};

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

    /// Not every program that encrypts makes line ends CRLF, and gateways leave odd lines in headers.
    #[test]
    fn it_is_taken_out_whatever_the_lines_of_the_header_are_like() {
        for head in [
            "Content-Type: text/plain; charset=utf-8; hp-legacy-display=1",
            "X-First: a\r\nContent-Type: text/plain; charset=utf-8; hp-legacy-display=1",
            "X-First: a\r\nContent-Type: text/plain; charset=utf-8; hp-legacy-display=1\r\nno field",
            "no field\r\nContent-Type: text/plain; charset=utf-8; hp-legacy-display=1\r\nX-Last: b",
            "Content-Type: text/plain; charset=utf-8; hp-legacy-display=1\r\nX: b\r\nContent-Transfer-Encoding: base64",
        ] {
            let text = "Subject: x\r\n\r\nDear Bob\r\n";
            let body = if head.ends_with("base64") {
                String::from_utf8(base64_lines(text.as_bytes())).unwrap()
            } else {
                text.to_owned()
            };
            let whole = format!("{head}\r\n\r\n{body}");
            let kept = head.replace(
                "Content-Type: text/plain; charset=utf-8; hp-legacy-display=1",
                "Content-Type: text/plain;\r\n charset=\"utf-8\"",
            );
            for whole in [whole.replace("\r\n", "\n"), whole] {
                let without = remove(whole.as_bytes()).into_owned();
                assert_eq!(shown(&without).replace("\r\n", "\n"), "Dear Bob\n", "{whole}");
                let without = String::from_utf8(without).unwrap().replace("\r\n", "\n");
                assert_eq!(without.split_once("\n\n").unwrap().0, kept.replace("\r\n", "\n"));
            }
        }
        let tree = "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\nContent-Type: text/plain; hp-legacy-display=1\n\n\
                    Subject: x\n\nfirst\n--b\n\nsecond\n--b--\n";
        let without = remove(tree.as_bytes()).into_owned();
        assert!(without.ends_with(b"--b\nX: y\nContent-Type: text/plain\r\n\nfirst\n--b\n\nsecond\n--b--\n"));
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

    /// Whoever sends the mail chooses what is looked through; each of these took hours, not a second.
    #[test]
    fn hostile_text_is_gone_through_once() {
        let html = "Content-Type: text/html; hp-legacy-display=1\r\n\r\n";
        let mixed = "Content-Type: multipart/mixed; boundary=b; hp-legacy-display=1\r\n\r\n";
        let element = format!("<div class=\"{CLASS}\">");
        let texts = [
            format!("{mixed}{}", "--b".repeat(5_000_000)),
            format!("{html}{}", "<div".repeat(4_000_000)),
            format!("{html}{}>", "<div".repeat(4_000_000)),
            format!("{html}{element}{}</div", "<div>".repeat(3_000_000)),
        ];
        let (done, all) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            texts.iter().for_each(|text| done.send(remove(text.as_bytes()).len()).unwrap())
        });
        for _ in 0..4 {
            all.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        }
    }

    #[test]
    fn only_the_element_itself_is_taken_out_of_html() {
        let class = format!("class=\"{CLASS}\"");
        let stripped = |html: &str| strip_html(html.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        for (html, left) in [
            (format!("a<div {class}>x</div>b"), Some("ab")),
            (format!("a<DIV {class}>x<div>y</div><div/></div></DIV >\r\nb"), Some("ab")),
            (format!("<div id=1><div {class}>x</div>b</div>"), Some("<div id=1>b</div>")),
            (
                format!("<div {class}>x</div>a<div {class}>b</div>"),
                Some("a<div class=\"header-protection-legacy-display\">b</div>"),
            ),
            (format!("<div {class}>x<div></div>"), None),
            (format!("<div {class}>x</div"), None),
            ("<div>x</div>".to_owned(), None),
        ] {
            assert_eq!(stripped(&html).as_deref(), left, "{html}");
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
