//! Putting header fields inside the cryptographic envelope: RFC 9788 section 5.2 with the policies
//! `hcp_baseline` and `hcp_no_confidentiality` (section 3.2), and the older `protected-headers="v1"`, by which mail programs that
//! do not know RFC 9788 find the subject.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::content_type::ContentType;
use super::header::{Field, Headers};
use super::protected::Intent;

/// What stands outside in place of a subject that is hidden.
const HIDDEN_SUBJECT: &str = "[...]";

/// Where lines are folded (RFC 5322 section 2.1.1).
const LINE: usize = 76;

/// Fields of the structure, of this computer alone, of the transport, and those that would tell a
/// reader of the blind ones.
const NOT_PROTECTED: [&str; 22] = [
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
    "authentication-results",
    "bcc",
    "delivered-to",
    "dkim-signature",
    "fcc",
    "hp-outer",
    "mime-version",
    "received",
    "received-spf",
    "resent-bcc",
    "return-path",
    "x-account-key",
    "x-identity-key",
    "x-mozilla-draft-info",
    "x-mozilla-status",
    "x-mozilla-status2",
    "x-received",
    "x-template",
    "x-unsent",
];

/// A field as its author wrote it, unfolded: no line ends or other control characters in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OuterField {
    name: String,
    value: String,
}

impl OuterField {
    /// `None` where the name is none (RFC 5322 section 2.2). Line ends in the value are removed with
    /// the folds, other control characters become blanks.
    pub fn new(name: &str, value: &str) -> Option<Self> {
        let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let value: String = value
            .chars()
            .filter(|c| !matches!(c, '\r' | '\n'))
            .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
            .collect();
        legal.then(|| Self { name: name.to_owned(), value: value.trim().to_owned() })
    }

    /// A field of a message. Octets that are not UTF-8 are taken for Latin-1, which is what old
    /// programs that write such fields mean.
    pub fn of(field: &Field<'_>) -> Option<Self> {
        let raw = field.raw();
        let value = match std::str::from_utf8(raw) {
            Ok(_) => field.value(),
            Err(_) => {
                let text: String = raw.iter().copied().map(char::from).collect();
                text.split_once(':').map(|(_, value)| value.to_owned()).unwrap_or_default()
            }
        };
        Self::new(field.name(), &value)
    }

    /// The name as spelled.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole field as it may travel: free text in ASCII, long lines folded.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        write_field(&mut octets, &self.name, &self.encoded());
        octets
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_protected(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        !name.starts_with("content-") && !NOT_PROTECTED.contains(&&*name)
    }

    /// The value in ASCII where that is possible without knowing the field's grammar: fields of
    /// free text as encoded words (RFC 2047). Others stay as they are (RFC 6532).
    fn encoded(&self) -> Cow<'_, str> {
        let is_text = ["Subject", "Comments", "Keywords"].iter().any(|name| self.is(name));
        if is_text && !self.value.is_ascii() {
            Cow::Owned(encoded_words(&self.value))
        } else {
            Cow::Borrowed(&self.value)
        }
    }
}

/// A change to the outer header: the field's name, and the value that takes the place of its own;
/// `None` where the field is left out.
pub type OuterChange = (String, Option<String>);

/// What an encrypted mail hides of its header (RFC 9788 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hiding {
    /// `hcp_baseline`: Subject is obscured, Comments and Keywords are left out.
    #[default]
    Baseline,
    /// `hcp_no_confidentiality`: nothing; what stands outside is the same as inside.
    Nothing,
}

/// The fields that go inside, and what becomes of those outside.
#[derive(Debug)]
pub struct ProtectedFields {
    intent: Intent,
    inside: Vec<u8>,
    changes: Vec<OuterChange>,
    hidden: Vec<OuterField>,
}

impl ProtectedFields {
    /// Applies the policy to the fields of a message that is encrypted; `None` for one that is signed
    /// only, where nothing can be hidden.
    pub fn new(fields: &[OuterField], encrypted: Option<Hiding>) -> Self {
        let intent = if encrypted.is_some() { Intent::Cipher } else { Intent::Clear };
        let mut made = Self { intent, inside: Vec::new(), changes: Vec::new(), hidden: Vec::new() };
        let mut outer = Vec::new();
        for field in fields.iter().filter(|field| field.is_protected()) {
            let value = field.encoded();
            write_field(&mut made.inside, &field.name, &value);
            match outside(field, encrypted) {
                Outside::AsItIs => write_field(&mut outer, "HP-Outer", &format!("{}: {value}", field.name)),
                Outside::Is(other) => {
                    write_field(&mut outer, "HP-Outer", &format!("{}: {other}", field.name));
                    made.hide(field, Some(other.to_owned()));
                }
                Outside::Nothing => made.hide(field, None),
            }
        }
        if encrypted.is_some() {
            made.inside.extend_from_slice(&outer);
        }
        made
    }

    fn hide(&mut self, field: &OuterField, instead: Option<String>) {
        if !self.changes.iter().any(|(name, _)| field.is(name)) {
            self.changes.push((field.name.clone(), instead));
        }
        self.hidden.push(field.clone());
    }

    /// The protected fields as they go inside, and no others.
    pub fn fields(&self) -> &[u8] {
        &self.inside
    }

    /// What the caller must do to the outer header.
    pub fn changes(&self) -> &[OuterChange] {
        &self.changes
    }

    /// The hidden fields for people whose mail program does not show protected ones, one a line, as
    /// they are spelled in the header (encoded words are the caller's to decode).
    pub fn hidden(&self) -> impl Iterator<Item = (&str, &str)> {
        self.hidden.iter().map(|field| (&*field.name, &*field.value))
    }

    /// The header of the payload: the entity's own fields with the parameters that say what follows,
    /// and the protected fields. Without the blank line.
    pub fn header(&self, entity: &Headers<'_>) -> Vec<u8> {
        let parameters = match self.intent {
            Intent::Cipher => ";\r\n hp=\"cipher\"; protected-headers=\"v1\"\r\n",
            _ => ";\r\n hp=\"clear\"; protected-headers=\"v1\"\r\n",
        };
        let mut out = Vec::new();
        let mut typed = false;
        for field in entity.fields().iter().filter(|field| !field.is("HP-Outer")) {
            if field.is("Content-Type") {
                typed = true;
                out.extend_from_slice(&with_parameters(field, parameters));
            } else {
                out.extend_from_slice(field.raw());
            }
        }
        if !typed {
            out.extend_from_slice(b"Content-Type: text/plain");
            out.extend_from_slice(parameters.as_bytes());
        }
        out.extend_from_slice(&self.inside);
        out
    }
}

/// What the policy makes of a field.
enum Outside {
    AsItIs,
    Is(&'static str),
    Nothing,
}

fn outside(field: &OuterField, policy: Option<Hiding>) -> Outside {
    if policy != Some(Hiding::Baseline) {
        Outside::AsItIs
    } else if field.is("Subject") {
        Outside::Is(HIDDEN_SUBJECT)
    } else if field.is("Comments") || field.is("Keywords") {
        Outside::Nothing
    } else {
        Outside::AsItIs
    }
}

/// The Content-Type field with `parameters` at its end. Those that say the same already, because the
/// entity was protected before, are taken out.
fn with_parameters(field: &Field<'_>, parameters: &str) -> Vec<u8> {
    let said_already = ["hp", "protected-headers"];
    let mut out = match ContentType::parse(&field.value()) {
        Some(parsed) if said_already.iter().any(|name| parsed.parameter(name).is_some()) => {
            parsed.field_without(&said_already).into_bytes()
        }
        _ => field.raw().trim_ascii_end().to_vec(),
    };
    while out.last().is_some_and(|b| *b == b';' || b.is_ascii_whitespace()) {
        out.pop();
    }
    out.extend_from_slice(parameters.as_bytes());
    out
}

/// Writes a field, folded at blanks where it is long, so that unfolding gives the value again.
pub(super) fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut line = format!("{name}:");
    let mut rest = value;
    loop {
        // A word goes with the blanks before it: a fold stands before them.
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let end = rest.get(blanks..).and_then(|r| r.find([' ', '\t'])).map_or(rest.len(), |i| i + blanks);
        let (word, later) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let begins = line.ends_with(':') && line.len() == name.len() + 1;
        let space = if begins { " " } else { "" };
        if !begins && line.len() + word.len() > LINE && word.len() > blanks {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
            line.clear();
        }
        line.push_str(space);
        line.push_str(word);
        if later.is_empty() {
            break;
        }
        rest = later;
    }
    out.extend_from_slice(line.trim_end().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// RFC 2047 section 2: at most 75 characters each, no character cut in two.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    let words: Vec<_> = words.iter().map(|piece| format!("=?utf-8?B?{}?=", STANDARD.encode(piece))).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::Entity;
    use crate::mime::protected::ProtectedHeaders;

    fn fields(list: &[(&str, &str)]) -> Vec<OuterField> {
        list.iter().map(|(name, value)| OuterField::new(name, value).unwrap()).collect()
    }

    fn payload(entity: &str, protected: &ProtectedFields) -> String {
        let entity = Entity::parse(entity.as_bytes()).unwrap();
        String::from_utf8([&protected.header(&entity.headers)[..], b"\r\n", entity.body].concat()).unwrap()
    }

    #[test]
    fn the_baseline_policy_hides_what_people_wrote_and_leaves_what_carries_the_mail() {
        let fields = fields(&[
            ("From", "Alice <alice@a.test>"),
            ("Subject", "The plan"),
            ("Keywords", "secret, urgent"),
            ("Message-ID", "<1@a.test>"),
            ("Bcc", "eve@e.test"),
            ("X-Mozilla-Draft-Info", "internal/draft"),
            ("Content-Language", "en"),
        ]);
        let protected = ProtectedFields::new(&fields, Some(Hiding::Baseline));
        let text = payload("Content-Type: text/plain; charset=utf-8;\r\n format=flowed\r\n\r\nx", &protected);
        assert_eq!(
            text,
            "Content-Type: text/plain; charset=utf-8;\r\n format=flowed;\r\n hp=\"cipher\"; \
             protected-headers=\"v1\"\r\nFrom: Alice <alice@a.test>\r\nSubject: The plan\r\nKeywords: secret, \
             urgent\r\nMessage-ID: <1@a.test>\r\nHP-Outer: From: Alice <alice@a.test>\r\nHP-Outer: Subject: \
             [...]\r\nHP-Outer: Message-ID: <1@a.test>\r\n\r\nx"
        );
        let changes = [("Subject".to_owned(), Some("[...]".to_owned())), ("Keywords".to_owned(), None)];
        assert_eq!(protected.changes(), changes);
        let read = Entity::parse(text.as_bytes()).unwrap();
        let read = ProtectedHeaders::of(&read).unwrap();
        assert_eq!(read.intent(), Intent::Cipher);
        let outer = Entity::parse(b"Subject: [...]\r\n\r\n").unwrap();
        for (name, hidden) in [("Subject", true), ("Keywords", true), ("From", false), ("Message-ID", false)]
        {
            assert_eq!(read.is_hidden(name, &outer.headers), hidden, "{name}");
        }
    }

    #[test]
    fn a_signed_mail_hides_nothing() {
        let protected = ProtectedFields::new(&fields(&[("Subject", "x")]), None);
        let text = payload("\r\nbody", &protected);
        let expected =
            "Content-Type: text/plain;\r\n hp=\"clear\"; protected-headers=\"v1\"\r\nSubject: x\r\n\r\nbody";
        assert_eq!(text, expected);
        assert!(protected.changes().is_empty());
    }

    #[test]
    fn an_entity_that_was_protected_before_is_protected_once() {
        let before = "Content-Type: multipart/mixed; boundary=\"a b\"; hp=\"cipher\"; protected-headers=v1\r\n\
                      HP-Outer: Subject: x\r\n\r\n";
        let text = payload(before, &ProtectedFields::new(&fields(&[("Subject", "y")]), None));
        let read = Entity::parse(text.as_bytes()).unwrap();
        let content_type = read.headers.content_type().unwrap();
        assert_eq!(content_type.parameter("boundary").as_deref(), Some("a b"));
        assert_eq!(content_type.parameter("hp").as_deref(), Some("clear"));
        assert!(read.headers.all("HP-Outer").next().is_none());
    }

    #[test]
    fn nothing_in_a_value_begins_a_new_field() {
        let field = OuterField::new("Subject", "x\r\nBcc: eve@e.test\u{0}").unwrap();
        assert_eq!(field.value, "xBcc: eve@e.test");
        for name in ["", "Sub ject", "Sub:ject", "S\u{fc}bject", "A\r\nB"] {
            assert_eq!(OuterField::new(name, "x"), None, "{name:?}");
        }
    }

    #[test]
    fn old_octets_become_text() {
        let entity = Entity::parse(b"Subject: Gr\xfcn\r\n\r\n").unwrap();
        let field = OuterField::of(&entity.headers.fields()[0]).unwrap();
        assert_eq!(field.to_octets(), b"Subject: =?utf-8?B?R3LDvG4=?=\r\n");
    }

    proptest::proptest! {
        #[test]
        fn a_field_reads_back_as_it_was(value in "\\PC{0,300}") {
            let Some(field) = OuterField::new("X-Any", &value) else { panic!("a legal name") };
            let mut raw = Vec::new();
            write_field(&mut raw, &field.name, &field.value);
            raw.extend_from_slice(b"\r\nbody");
            let read = Entity::parse(&raw).unwrap();
            assert_eq!(read.headers.fields().len(), 1);
            assert_eq!(read.headers.fields()[0].value(), field.value);
            assert_eq!(read.body, b"body");
        }

        #[test]
        fn encoded_words_read_back(text in "\\PC{1,200}") {
            proptest::prop_assume!(text.trim() == text && !text.is_ascii());
            let field = format!("Subject: {}\r\n\r\n", encoded_words(&text));
            let read = mail_parser::MessageParser::default().parse_headers(&field).unwrap();
            assert_eq!(read.subject().unwrap(), text);
        }
    }
}
