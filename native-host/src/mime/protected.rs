//! Header fields inside the cryptographic envelope: RFC 9788, and the older
//! `protected-headers="v1"` that Enigmail began and many mailers still write.
//!
//! [`super::protecting`] writes them, [`super::legacy_display`] what stands in the text beside them.

use std::collections::HashSet;

use super::{Entity, Headers};

/// What the sender meant by putting header fields inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// `hp="cipher"`: the sender encrypted the mail and may have hidden some of them.
    Cipher,
    /// `hp="clear"`: signed only, hidden from nobody.
    Clear,
    /// `protected-headers="v1"`: which of them were hidden is not said.
    Old,
}

/// The header of a cryptographic payload that protects fields.
#[derive(Clone, Debug)]
pub struct ProtectedHeaders<'a> {
    intent: Intent,
    headers: Headers<'a>,
}

impl<'a> ProtectedHeaders<'a> {
    /// Looks at the root of the payload, the one place where the parameters count (RFC 9788
    /// section 4.1). `None` where there is no protection. Whether the payload really was signed or
    /// encrypted is the caller's to know.
    pub fn of(payload: &Entity<'a>) -> Option<Self> {
        let content_type = payload.headers.content_type().ok()?;
        let old = || content_type.parameter("protected-headers").filter(|value| value == "v1");
        let intent = match content_type.parameter("hp").as_deref() {
            Some("cipher") => Intent::Cipher,
            Some("clear") => Intent::Clear,
            _ => old().map(|_| Intent::Old)?,
        };
        Some(Self { intent, headers: payload.headers.clone() })
    }

    /// What the sender meant.
    pub fn intent(&self) -> Intent {
        self.intent
    }

    /// The protected fields, among them `Content-*` and `HP-Outer`.
    pub fn headers(&self) -> &Headers<'a> {
        &self.headers
    }

    /// Names and values of the protected fields in order, without those that describe the entity
    /// (`Content-*`) or the protection itself.
    pub fn fields(&self) -> Vec<(String, String)> {
        let told = self.headers.fields().iter().filter(|field| is_message_field(field.name()));
        told.map(|field| (field.name().to_owned(), field.value())).collect()
    }

    /// The names of the fields that the sender hid from those on the way (RFC 9788 section 4.3.1), each once, in
    /// order. An answer must then not carry them in the clear. For the old kind: those whose outer value, which
    /// anybody could have changed, is another.
    pub fn hidden(&self, outer: &Headers<'_>) -> Vec<String> {
        let Some(shown) = self.shown(outer) else { return Vec::new() };
        let mut told = HashSet::new();
        let own = self.headers.fields().iter().filter(|field| is_message_field(field.name()));
        let hidden = own.filter(|field| {
            let name = field.name().to_ascii_lowercase();
            !shown.contains(&(name.clone(), field.value())) && told.insert(name)
        });
        hidden.map(|field| field.name().to_owned()).collect()
    }

    #[cfg(test)]
    pub(super) fn is_hidden(&self, name: &str, outer: &Headers<'_>) -> bool {
        self.hidden(outer).iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// The fields as they were outside when the mail was sent, names in lower case; `None` where the sender hid
    /// nothing.
    fn shown(&self, outer: &Headers<'_>) -> Option<HashSet<(String, String)>> {
        match self.intent {
            Intent::Clear => None,
            Intent::Old => {
                let fields = outer.fields().iter();
                Some(fields.map(|field| (field.name().to_ascii_lowercase(), field.value())).collect())
            }
            Intent::Cipher => {
                let copies = self.headers.all("HP-Outer").map(|field| field.value());
                let split = |copy: String| {
                    let (name, value) = copy.split_once(':')?;
                    Some((name.to_ascii_lowercase(), value.trim().to_owned()))
                };
                Some(copies.filter_map(split).collect())
            }
        }
    }
}

/// RFC 9788 section 1.1: structural fields (`Content-*`, `MIME-Version`) are the entity's own.
pub(super) fn is_message_field(name: &str) -> bool {
    let starts =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    !starts("Content-") && !["MIME-Version", "HP-Outer"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hidden_is_told_by_the_inside() {
        let outer = Entity::parse(b"Subject: [...]\r\nFrom: a@a.test\r\n\r\n").unwrap();
        for (parameters, hidden) in [
            ("hp=\"cipher\"\r\nHP-Outer: Subject: [...]\r\nHP-Outer: From: a@a.test", true),
            ("hp=cipher\r\nHP-Outer: Subject: The plan\r\nHP-Outer: From: a@a.test", false),
            ("hp=clear", false),
            ("protected-headers=\"v1\"", true),
        ] {
            let text = format!(
                "Subject: The plan\r\nFrom: a@a.test\r\nContent-Type: text/plain; {parameters}\r\n\r\nx"
            );
            let payload = Entity::parse(text.as_bytes()).unwrap();
            let protected = ProtectedHeaders::of(&payload).unwrap();
            assert_eq!(protected.is_hidden("subject", &outer.headers), hidden, "{parameters}");
            assert!(!protected.is_hidden("From", &outer.headers), "{parameters}");
            assert!(!protected.is_hidden("Cc", &outer.headers));
        }
    }

    #[test]
    fn without_the_parameter_nothing_is_protected() {
        for content_type in ["text/plain", "text/plain; hp=maybe", "text/plain; protected-headers=v2"] {
            let text = format!("Subject: x\r\nContent-Type: {content_type}\r\n\r\n");
            assert!(ProtectedHeaders::of(&Entity::parse(text.as_bytes()).unwrap()).is_none());
        }
    }
}
