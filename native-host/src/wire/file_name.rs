//! The name of a file in the folder through which large bodies are handed over.

use std::fmt;

/// A name that can be nothing but a file of that folder: ASCII letters, digits and `-`, at most
/// [`FileName::LONGEST`] of them. So it is never a path, never `..`, never hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Characters at most.
    pub const LONGEST: usize = 64;

    /// Takes what is such a name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let is_name = !text.is_empty() && text.len() <= Self::LONGEST && text.bytes().all(is_plain);
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_names_are_names() {
        assert_eq!(FileName::parse("Body-1").map(|name| name.to_string()).as_deref(), Some("Body-1"));
        assert!(FileName::parse(&"a".repeat(FileName::LONGEST)).is_some());
        let long = "a".repeat(FileName::LONGEST + 1);
        for text in ["", ".", "..", "a/b", "/etc/passwd", "../a", "a\\b", "a.b", "a\0", "a b", "ä", &long] {
            assert_eq!(FileName::parse(text), None, "{text:?}");
        }
    }
}
