//! Header fields, byte for byte (RFC 5322 section 2.2), and the entity they begin (RFC 2045).
//!
//! # Limitations
//! Field names are ASCII; a line without a colon ends nothing and is kept as part of the block, but
//! belongs to no field.

use std::borrow::Cow;

use memchr::memchr;

use super::content_type::ContentType;

/// Most octets a header block may have; Thunderbird and mail servers refuse far less.
const MAX_HEADER_OCTETS: usize = 1024 * 1024;
/// Most fields a header block may have.
const MAX_FIELDS: usize = 4096;

/// One header field as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    name: &'a str,
    value: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// The name as spelled, without the colon.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Whether the field has this name; case does not count.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The whole field with its folds and its last line end.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value with folds removed (RFC 5322 section 2.2.3) and ends trimmed. Octets that are not
    /// UTF-8 become U+FFFD, which no address and no media type contains.
    pub fn value(&self) -> String {
        let text = String::from_utf8_lossy(self.value);
        let unfolded: Cow<'_, str> =
            if text.contains(['\r', '\n']) { Cow::Owned(text.replace(['\r', '\n'], "")) } else { text };
        unfolded.trim().to_owned()
    }
}

/// The fields of one entity, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    fields: Vec<Field<'a>>,
}

/// Why a header block is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The media type cannot be read.
    #[error("the Content-Type field cannot be read")]
    BadContentType,
    /// A field that may stand once stands several times, so that readers may differ in their choice.
    #[error("the header field {name} stands there {count} times")]
    Duplicate {
        /// The field's name.
        name: &'static str,
        /// How often it stands there.
        count: usize,
    },
    /// The header block is larger than any honest one.
    #[error("the header is too large")]
    TooLarge,
}

impl<'a> Headers<'a> {
    /// All fields in order.
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields of this name, in order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Field<'a>> {
        self.fields.iter().filter(move |field| field.is(name))
    }

    /// The one field of this name.
    ///
    /// # Errors
    /// [`HeaderError::Duplicate`] where there are several: different readers would take different ones.
    pub fn single(&self, name: &'static str) -> Result<Option<&Field<'a>>, HeaderError> {
        let mut found = self.all(name);
        let first = found.next();
        match found.count() {
            0 => Ok(first),
            more => Err(HeaderError::Duplicate { name, count: more.saturating_add(1) }),
        }
    }

    /// The media type; `text/plain` where there is none (RFC 2045 section 5.2).
    ///
    /// # Errors
    /// [`HeaderError`] where it stands twice or cannot be read.
    pub fn content_type(&self) -> Result<ContentType, HeaderError> {
        match self.single("Content-Type")? {
            None => Ok(ContentType::text_plain()),
            Some(field) => ContentType::parse(&field.value()).ok_or(HeaderError::BadContentType),
        }
    }
}

/// A MIME entity or a whole message: header fields and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity<'a> {
    /// The fields.
    pub headers: Headers<'a>,
    /// What follows the blank line; empty where there is none.
    pub body: &'a [u8],
}

impl<'a> Entity<'a> {
    /// Splits `raw` at its first blank line. Lines may end in CRLF or LF.
    ///
    /// # Errors
    /// [`HeaderError::TooLarge`].
    pub fn parse(raw: &'a [u8]) -> Result<Self, HeaderError> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut open: Option<(usize, usize)> = None; // start of the field in `raw`, length of its name
        let mut at = 0_usize;
        loop {
            let line = next_line(raw, at);
            let content = trim_line_end(line);
            let folded = matches!(content.first(), Some(b' ' | b'\t'));
            if !folded {
                if let Some((start, name_length)) = open.take()
                    && let Some(field) = field_at(raw, start, name_length, at)
                {
                    fields.push(field);
                }
                open = name_length(content).map(|length| (at, length));
            }
            at = at.saturating_add(line.len());
            if content.is_empty() {
                break; // the blank line, or the end of the octets
            }
            if at > MAX_HEADER_OCTETS || fields.len() > MAX_FIELDS {
                return Err(HeaderError::TooLarge);
            }
        }
        Ok(Self { headers: Headers { fields }, body: raw.get(at..).unwrap_or_default() })
    }
}

/// Whether every reader finds the same lines in a header, and one From at the most: some programs take a lone CR for
/// the end of a line, or stop at a NUL, and so would find another From. Others, Thunderbird among them, pass over blanks
/// of all kinds round a name, or take for a name all that stands before the next colon, or do with its beginning.
pub fn has_plain_lines(head: &[u8]) -> bool {
    let is_lone = |at: usize| at.checked_add(1).and_then(|next| head.get(next)) != Some(&b'\n');
    let count = from_by_lines(head);
    !head.contains(&0)
        && !memchr::memchr_iter(b'\r', head).any(is_lone)
        && count <= 1
        && count == from_by_colons(head)
}

/// How many lines begin with what somebody may take for From.
fn from_by_lines(head: &[u8]) -> usize {
    let (mut count, mut at) = (0_usize, 0_usize);
    while at < head.len() {
        let line = next_line(head, at);
        let name = line.split(|octet| *octet == b':').next().filter(|name| name.len() < line.len());
        let is_fold = at > 0 && matches!(line.first(), Some(b' ' | b'\t'));
        count = count.saturating_add(usize::from(!is_fold && name.is_some_and(may_be_from)));
        at = at.saturating_add(line.len());
    }
    count
}

/// The same where a name ends at the next colon, however many lines below, and a mailbox's own first line is none.
fn from_by_colons(head: &[u8]) -> usize {
    let (mut count, mut at) = (0_usize, 0_usize);
    if head.starts_with(b"From ") {
        at = next_line(head, 0).len();
    }
    while let Some(rest) = head.get(at..)
        && let Some(colon) = memchr(b':', rest)
    {
        count = count.saturating_add(usize::from(rest.get(..colon).is_some_and(may_be_from)));
        at = at.saturating_add(colon);
        loop {
            at = at.saturating_add(next_line(head, at).len());
            if !matches!(head.get(at), Some(b' ' | b'\t')) {
                break;
            }
        }
    }
    count
}

fn may_be_from(name: &[u8]) -> bool {
    let letters = name.iter().filter(|octet| octet.is_ascii_alphanumeric()).take(5);
    let letters: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    !letters.is_empty() && b"from".starts_with(&letters)
}

/// Whether the octets are text and no MIME entity: programs that sign or encrypt a file often leave the
/// header out, and what they sent would be taken for one. Any field that describes content makes it an
/// entity; without one a header has nothing but fields, and a blank line ends it.
pub fn is_bare_text(octets: &[u8]) -> bool {
    // Text without a blank line looks like an endless header, which nobody would read as one.
    let Ok(entity) = Entity::parse(octets) else { return true };
    let describes = |field: &Field<'_>| {
        let name = field.name().to_ascii_lowercase();
        name.starts_with("content-") || name == "mime-version"
    };
    if entity.headers.fields().iter().any(describes) {
        return false;
    }
    let mut at = 0_usize;
    while at < octets.len() {
        let line = next_line(octets, at);
        let content = trim_line_end(line);
        let is_fold = at > 0 && matches!(content.first(), Some(b' ' | b'\t'));
        if content.is_empty() {
            return false;
        }
        if !is_fold && name_length(content).is_none() {
            return true;
        }
        at = at.saturating_add(line.len());
    }
    !octets.is_empty()
}

/// The line that begins at `at`, with its line end.
pub(super) fn next_line(raw: &[u8], at: usize) -> &[u8] {
    let rest = raw.get(at..).unwrap_or_default();
    let length = memchr(b'\n', rest).map_or(rest.len(), |i| i.saturating_add(1));
    rest.get(..length).unwrap_or_default()
}

/// The line without its CRLF or LF.
pub(super) fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn name_length(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let legal = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    legal.then_some(name.len())
}

fn field_at(raw: &[u8], start: usize, name_length: usize, end: usize) -> Option<Field<'_>> {
    let whole = raw.get(start..end)?;
    let (name, rest) = whole.split_at_checked(name_length)?;
    let colon = rest.iter().position(|b| *b == b':')?;
    Some(Field {
        name: std::str::from_utf8(name).ok()?,
        value: rest.get(colon.saturating_add(1)..)?,
        raw: whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_octets() {
        let raw = b"Subject: a\r\n folded\r\nFROM : x@y.test\nbroken line\r\nX:\r\n\r\nbody";
        let entity = Entity::parse(raw).unwrap();
        let names: Vec<_> = entity.headers.fields().iter().map(Field::name).collect();
        assert_eq!(names, ["Subject", "FROM", "X"]);
        assert_eq!(entity.headers.fields()[0].value(), "a folded");
        assert_eq!(entity.headers.fields()[0].raw(), b"Subject: a\r\n folded\r\n");
        assert_eq!(entity.headers.single("from").unwrap().unwrap().value(), "x@y.test");
        assert_eq!(entity.body, b"body");
    }

    #[test]
    fn two_of_what_may_stand_once_are_refused() {
        let entity = Entity::parse(b"Content-Type: text/plain\nContent-Type: text/html\n\n").unwrap();
        let error = entity.headers.content_type().unwrap_err();
        assert_eq!(error, HeaderError::Duplicate { name: "Content-Type", count: 2 });
    }

    #[test]
    fn a_body_without_header_and_a_header_without_body() {
        assert_eq!(Entity::parse(b"\r\nx").unwrap().body, b"x");
        assert_eq!(Entity::parse(b"A: b").unwrap().headers.fields().len(), 1);
        assert!(Entity::parse(b"").unwrap().headers.fields().is_empty());
    }

    #[test]
    fn programs_that_look_for_from_in_other_ways_find_the_same() {
        for head in [
            "From: a@a.test\r\n\r\n",
            "Subject: x\r\nFROM :\r\n a@a.test\r\nSender: b@b.test\r\nX-From: c@c.test\r\n\r\n",
            "From b@b.test Mon Jan 1 00:00:00 2024\r\n>From b@b.test Mon Jan 1 00:00:00 2024\r\nFrom: a@a.test\r\n",
            "From b@b.test\r\nFrom: a@a.test\r\n",
            "From: a@a.test\njunk\nSubject: x\n From: b@b.test\n\n",
            "Subject: x\r\n\r\n",
            "",
        ] {
            assert!(has_plain_lines(head.as_bytes()), "{head:?}");
        }
        for head in [
            "From: a@a.test\r\nFrom\r\n: b@b.test\r\n",
            "From: a@a.test\r\nFrom\u{b}: b@b.test\r\n",
            "From\u{a0}: b@b.test\r\nFrom: a@a.test\r\n",
            "\u{feff}From: b@b.test\r\nFrom: a@a.test\r\n",
            " From: b@b.test\r\nFrom: a@a.test\r\n",
            "From: a@a.test\r\nF: b@b.test\r\n",
            "From : a@a.test\r\nSubject: x\r\n",
            "junk\r\nFrom: a@a.test\r\n",
            "From: a@a.test\r\n>From: b@b.test\r\n",
            "From: a@a.test\rFrom: b@b.test\r\n",
        ] {
            assert!(!has_plain_lines(head.as_bytes()), "{head:?}");
        }
    }

    #[test]
    fn text_that_somebody_forgot_to_give_a_header() {
        for text in [
            "meet me at noon\r\n",
            "meet me\r\n\r\nat noon",
            "Note: meet me at noon",
            "Note: meet me\nat noon\n\nAlice",
            " meet me\r\n\r\n",
            "--b\r\n\r\n",
        ] {
            assert!(is_bare_text(text.as_bytes()), "{text:?}");
        }
        assert!(is_bare_text(&b"meet me at noon\r\n".repeat(100_000)));
        for entity in [
            "",
            "\r\nmeet me",
            "Content-Type: text/plain",
            "junk\r\nContent-Type: text/plain\r\n\r\nmeet me",
            "Subject: x\r\n y\r\n\r\nmeet me",
        ] {
            assert!(!is_bare_text(entity.as_bytes()), "{entity:?}");
        }
    }

    #[test]
    fn endless_headers_are_refused() {
        let raw = b"A: b\n".repeat(5000);
        assert_eq!(Entity::parse(&raw), Err(HeaderError::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(raw: Vec<u8>) {
            if let Ok(entity) = Entity::parse(&raw) {
                assert!(entity.body.len() <= raw.len());
                let _ = entity.headers.content_type();
            }
        }
    }
}
