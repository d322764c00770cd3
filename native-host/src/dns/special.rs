//! Names that look like the DNS's and are not in it.

use super::DomainName;

/// Top-level labels whose names are not to be asked for: `alt` (RFC 9476), `invalid` and `localhost` (RFC
/// 6761), `onion` (RFC 7686). Not `local`: companies have it in their own DNS.
const OUTSIDE: [&[u8]; 4] = [b"alt", b"invalid", b"localhost", b"onion"];

/// Whether a name is not in the DNS, so that a question for it would tell strangers and learn nothing.
pub fn is_outside(name: &DomainName) -> bool {
    name.iter().next_back().is_some_and(|last| OUTSIDE.iter().any(|label| last.eq_ignore_ascii_case(label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_label_tells() {
        for (name, outside) in [
            ("x._smimecert.2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion.", true),
            ("A.Onion.", true),
            ("onion.", true),
            ("localhost.", true),
            ("a.invalid.", true),
            ("a.alt.", true),
            (".", false),
            ("onion.test.", false),
            ("a.onions.", false),
            ("a.local.", false),
            ("a.test.", false),
        ] {
            assert_eq!(is_outside(&DomainName::from_ascii(name).unwrap()), outside, "{name}");
        }
    }
}
