//! Trust anchors: where belief in the DNS begins.
//!
//! Built in are the root zone's two keys as IANA publishes them (RFC 7958, <https://data.iana.org/root-anchors/root-anchors.xml>):
//! 20326 (2017) and 38696 (2024). To renew them without a new version of this program, write the
//! lines of the new keys to a file and name it with `--trust-anchor`.
//!
//! # Limitations
//! RFC 5011 (automatic renewal) is not done: the program keeps no state that an attacker could
//! poison, and the root announces new keys years ahead.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, PublicKeyBuf};

use super::DomainName;

/// The root's keys as DS records.
const ROOT: &str = "\
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// The keys from which everything else is proven. There is at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors(Vec<Anchor>);

/// One trusted key of one zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// The zone.
    pub zone: DomainName,
    /// Its key.
    pub key: AnchorKey,
}

/// The key itself, or its digest.
#[derive(Clone, Debug, PartialEq)]
pub enum AnchorKey {
    /// The key.
    Key(DNSKEY),
    /// A digest of it.
    Digest(DS),
}

/// Why there are no anchors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// A line is no DNSKEY or DS record.
    #[error("line {line} is no DNSKEY or DS record")]
    BadLine {
        /// Counted from 1; of a record over several lines, the last.
        line: usize,
    },
    /// The file has no record.
    #[error("there is no DNSKEY or DS record in it")]
    Empty,
    /// The file cannot be read.
    #[error("the file {file} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
}

impl Anchors {
    /// The root's keys, built in.
    ///
    /// # Errors
    /// None as long as the constant above is well-formed, which a test checks.
    pub fn built_in() -> Result<Self, AnchorError> {
        Self::parse(ROOT)
    }

    /// Reads anchors in zone-file form.
    ///
    /// # Errors
    /// [`AnchorError`]; a wrong line is never skipped.
    pub fn from_file(file: &Path) -> Result<Self, AnchorError> {
        let text = std::fs::read_to_string(file)
            .map_err(|reason| AnchorError::Unreadable { file: file.to_owned(), reason })?;
        Self::parse(&text)
    }

    /// Parses `OWNER [TTL] [IN] DNSKEY|DS …` lines; comments, parentheses, an owner left out and
    /// directives (`$TTL`, `$ORIGIN .`) as in zone files. Owners are absolute, with or without the last
    /// dot, and `@` is the root.
    ///
    /// # Errors
    /// [`AnchorError::BadLine`] or [`AnchorError::Empty`].
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let mut anchors: Vec<Anchor> = Vec::new();
        let mut tokens: Vec<String> = Vec::new();
        let mut open = false;
        for (index, line) in text.lines().enumerate() {
            let wrong = || AnchorError::BadLine { line: index + 1 };
            let content = line.split(';').next().unwrap_or_default();
            if !open && owner_is_left_out(content) {
                // RFC 1035 section 5.1: the owner of the record before.
                tokens.push(anchors.last().ok_or_else(wrong)?.zone.to_ascii());
            }
            for token in content.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
                match token {
                    "(" => open = true,
                    ")" => open = false,
                    other => tokens.push(other.trim_matches('"').to_owned()),
                }
            }
            if !open && !tokens.is_empty() {
                if !is_idle_directive(&tokens) {
                    anchors.push(record(&tokens).ok_or_else(wrong)?);
                }
                tokens.clear();
            }
        }
        if open || !tokens.is_empty() {
            return Err(AnchorError::BadLine { line: text.lines().count() });
        }
        if anchors.is_empty() { Err(AnchorError::Empty) } else { Ok(Self(anchors)) }
    }

    /// All anchors.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor> {
        self.0.iter()
    }

    /// The deepest zone with an anchor that holds `name`.
    pub fn closest(&self, name: &DomainName) -> Option<&DomainName> {
        let holding = self.0.iter().filter(|anchor| anchor.zone.zone_of(name));
        holding.max_by_key(|anchor| anchor.zone.num_labels()).map(|anchor| &anchor.zone)
    }

    /// The anchors of exactly this zone.
    pub fn of<'a>(&'a self, zone: &'a DomainName) -> impl Iterator<Item = &'a AnchorKey> {
        self.0.iter().filter(move |anchor| anchor.zone == *zone).map(|anchor| &anchor.key)
    }
}

/// Whether a line begins with white space and then with what follows an owner.
fn owner_is_left_out(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let is_type = ["DNSKEY", "DS"].iter().any(|known| first.eq_ignore_ascii_case(known));
    line.starts_with(char::is_whitespace) && (is_type || is_ttl_or_class(first))
}

fn is_ttl_or_class(token: &str) -> bool {
    token.eq_ignore_ascii_case("IN") || token.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether it is a directive that changes nothing about the anchors.
fn is_idle_directive(tokens: &[String]) -> bool {
    match tokens {
        [word, _] if word.eq_ignore_ascii_case("$TTL") => true,
        [word, origin] if word.eq_ignore_ascii_case("$ORIGIN") => origin == ".",
        _ => false,
    }
}

fn record(tokens: &[String]) -> Option<Anchor> {
    let mut tokens = tokens.iter().map(String::as_str);
    let mut zone = match tokens.next()? {
        "@" => DomainName::root(),
        directive if directive.starts_with('$') => return None,
        owner => DomainName::from_ascii(owner).ok()?.to_lowercase(),
    };
    zone.set_fqdn(true);
    let record_type = tokens.find(|token| !is_ttl_or_class(token))?;
    let fields: Vec<&str> = tokens.collect();
    let (numbers, data) = fields.split_at_checked(3)?;
    let data = data.concat();
    let [first, second, third] = numbers else { return None };
    let first: u16 = first.parse().ok()?;
    let key = if record_type.eq_ignore_ascii_case("DNSKEY") {
        if *second != "3" {
            return None; // RFC 4034 section 2.1.2: the protocol field MUST be 3
        }
        let key = STANDARD.decode(data).ok()?;
        AnchorKey::Key(DNSKEY::with_flags(
            first,
            PublicKeyBuf::new(key, Algorithm::from_u8(third.parse().ok()?)),
        ))
    } else if record_type.eq_ignore_ascii_case("DS") {
        let algorithm = Algorithm::from_u8(second.parse().ok()?);
        let digest_type = DigestType::from(third.parse::<u8>().ok()?);
        AnchorKey::Digest(DS::new(first, algorithm, digest_type, hex::decode(data).ok()?))
    } else {
        return None;
    };
    Some(Anchor { zone, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_digests_are_those_of_the_root_keys() {
        use hickory_resolver::proto::dnssec::TrustAnchors;
        let keys = TrustAnchors::default();
        let anchors = Anchors::built_in().unwrap();
        assert_eq!(anchors.0.len(), 2);
        for (index, anchor) in anchors.iter().enumerate() {
            let key = DNSKEY::with_flags(257, keys.get(index).unwrap().clone());
            let AnchorKey::Digest(ds) = &anchor.key else { panic!() };
            assert_eq!(ds.key_tag(), key.calculate_key_tag().unwrap());
            assert!(ds.covers(&DomainName::root(), &key).unwrap());
        }
    }

    #[test]
    fn zone_file_forms() {
        let anchors = Anchors::parse(
            "$TTL 300\n; comment\nexample.test. 3600 IN DNSKEY 257 3 13 ( AQID ; part\n BAUG )\n\
             Example.TEST DS 1 13 2 00ff 00\n. IN DNSKEY 257 3 8 AwEAAQ==\n",
        )
        .unwrap();
        assert_eq!(anchors.0.len(), 3);
        let example = DomainName::from_ascii("example.test.").unwrap();
        assert_eq!(anchors.of(&example).count(), 2);
        assert_eq!(anchors.closest(&DomainName::from_ascii("a.example.test.").unwrap()), Some(&example));
        assert_eq!(
            anchors.closest(&DomainName::from_ascii("other.test.").unwrap()),
            Some(&DomainName::root())
        );
    }

    #[test]
    fn an_owner_left_out_is_the_one_before() {
        let zones = |text: &str| -> Vec<String> {
            Anchors::parse(text).unwrap().iter().map(|anchor| anchor.zone.to_ascii()).collect()
        };
        let rest = "DS 1 13 2 00";
        assert_eq!(zones(&format!("$ORIGIN .\n@ {rest}\n\tIN {rest}\n  300 {rest}\n {rest}")), ["."; 4]);
        assert_eq!(
            zones(&format!("a.test. {rest}\n DS 1 (\n 13 2 00 )\nIN {rest}")),
            ["a.test.", "a.test.", "in."]
        );
        assert_eq!(zones(&format!("  a.test. {rest}")), ["a.test."]);
    }

    #[test]
    fn wrong_lines_are_never_skipped() {
        for text in [
            "",
            "; nothing",
            ". IN A 1.2.3.4",
            ". IN DS 1 13 2 zz",
            ". IN DNSKEY 257 2 13 AQID",
            ". DS 1",
            " IN DS 1 13 2 00",
            "$ORIGIN test.\na DS 1 13 2 00",
            "$INCLUDE keys\n. DS 1 13 2 00",
        ] {
            assert!(Anchors::parse(text).is_err(), "{text}");
        }
        assert!(matches!(Anchors::parse(". DS 1 13 2 00\nx"), Err(AnchorError::BadLine { line: 2 })));
    }
}
