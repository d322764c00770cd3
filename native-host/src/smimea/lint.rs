//! What is wrong with a record, before anybody relies on it.
//!
//! [`of_record`] looks at one that is to be published, [`of_zone_text`] at lines that somebody
//! wrote into a zone file.
//!
//! # Limitations
//! - Of a zone file's syntax only what such records need is read: comments, parentheses, `$ORIGIN`,
//!   an owner left out, quotes that end on their line. No `$INCLUDE`.
//! - A record by digest or key alone says nothing about the certificate, so nothing is said of it.

use super::record::Unusable;
use super::{OwnerName, SmimeaRecord};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::mime::EmailAddress;
use crate::x509::{Certificate, Fitness, NameMatch, Validity};

/// Record data above this is refused by some providers' forms and does not fit into one packet.
const COMMON_LIMIT: usize = 2048;
/// RFC 8162 section 3: 28 octets.
const LABEL_DIGITS: usize = 56;
/// SHA-256 not cut.
const WHOLE_DIGEST_DIGITS: usize = 64;

/// One thing to know about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// The hexadecimal data is no hexadecimal, or has an odd number of digits.
    BadHex,
    /// Nobody can encrypt to the certificate.
    CannotEncrypt(Fitness),
    /// Nobody accepts a signature by the certificate.
    CannotSign(Fitness),
    /// A digest: a correspondent cannot encrypt on first contact.
    DigestOnly,
    /// The certificate has expired.
    Expired(UnixTime),
    /// The bare public key: a correspondent cannot encrypt to it, CMS names certificates.
    KeyOnly,
    /// The record is larger than common limits.
    Large(usize),
    /// The owner name is that of no address which the certificate names.
    NameForeign,
    /// The first label is not 56 hexadecimal digits, or the second not `_smimecert`.
    NameMalformed,
    /// The first label is a whole SHA-256, not cut to 28 octets.
    NameUntruncated,
    /// The certificate names no address, so only DANE-EE binds it.
    NamesNoAddress,
    /// The line is no SMIMEA or TYPE53 record.
    NotARecord,
    /// With usage 0 or 2 the certificate must be an authority's.
    NotAnAuthority,
    /// The certificate names other addresses than this one.
    NotForAddress,
    /// The certificate is not valid yet.
    NotYetValid(UnixTime),
    /// The data means nothing.
    Unusable(Unusable),
}

impl Lint {
    /// Whether correspondents cannot use the record as it is; else it is something to know.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::DigestOnly | Self::KeyOnly | Self::Large(_) | Self::NamesNoAddress)
    }
}

/// What the lint found at one place of a zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineLint {
    /// Counted from 1; of a record over several lines, the first.
    pub line: usize,
    /// The record's owner, as written; empty where there is none.
    pub owner: String,
    /// What is wrong; nothing if nothing is.
    pub lints: Vec<Lint>,
}

/// Looks at a record for an address.
pub fn of_record(record: &SmimeaRecord, address: Option<&EmailAddress>, now: UnixTime) -> Vec<Lint> {
    let mut lints = Vec::new();
    if let Err(unusable) = record.meaning {
        return vec![Lint::Unusable(unusable)];
    }
    match (record.selector, record.matching) {
        (_, 1 | 2) => lints.push(Lint::DigestOnly),
        (1, 0) => lints.push(Lint::KeyOnly),
        _ => {}
    }
    if record.rdata().len() > COMMON_LIMIT {
        lints.push(Lint::Large(record.rdata().len()));
    }
    if let Some(certificate) = record.certificate() {
        lints.extend(of_certificate(&certificate, record.usage, address, now));
    }
    lints
}

/// Looks at a certificate that is to be named by a record of this usage.
pub fn of_certificate(
    certificate: &Certificate,
    usage: u8,
    address: Option<&EmailAddress>,
    now: UnixTime,
) -> Vec<Lint> {
    let mut lints = Vec::new();
    if matches!(usage, 0 | 2) {
        if !certificate.is_ca() {
            lints.push(Lint::NotAnAuthority);
        }
    } else {
        match address.map(|address| certificate.names_address(address)) {
            Some(NameMatch::NamesOthers) => lints.push(Lint::NotForAddress),
            Some(NameMatch::NamesNone) => lints.push(Lint::NamesNoAddress),
            Some(NameMatch::Names) | None => {}
        }
        let (sign, encrypt) = (certificate.signing_fitness(), certificate.encryption_fitness());
        if !encrypt.is_fit() {
            lints.push(Lint::CannotEncrypt(encrypt));
        }
        if !sign.is_fit() {
            lints.push(Lint::CannotSign(sign));
        }
    }
    match certificate.validity_at(now) {
        Validity::Expired => lints.push(Lint::Expired(certificate.not_after())),
        Validity::NotYet => lints.push(Lint::NotYetValid(certificate.not_before())),
        Validity::Good => {}
    }
    lints
}

/// Looks at every record in a zone file's text; other types are passed over.
pub fn of_zone_text(text: &str, now: UnixTime) -> Vec<LineLint> {
    let mut found = Vec::new();
    let (mut origin, mut owner) = (String::new(), String::new());
    for Entry { line, indented, tokens } in entries(text) {
        let mut tokens = tokens.into_iter().peekable();
        match tokens.peek().map(String::as_str) {
            Some(directive) if directive.eq_ignore_ascii_case("$ORIGIN") => {
                origin = absolute(&tokens.nth(1).unwrap_or_default(), &origin);
                continue;
            }
            Some(directive) if directive.starts_with('$') => continue,
            Some(_) if !indented => owner = absolute(&tokens.next().unwrap_or_default(), &origin),
            _ => {}
        }
        let mut rest = tokens.skip_while(|token| is_ttl_or_class(token));
        let kind = rest.next().unwrap_or_default().to_ascii_uppercase();
        let profile = match kind.as_str() {
            "SMIMEA" | "TYPE53" => Profile::Rfc8162,
            private if is_private_type(private) && has_smimecert(&owner) => Profile::GUIDE,
            _ => continue,
        };
        let lints = match rdata(&rest.collect::<Vec<_>>()) {
            Ok(rdata) => {
                let record = SmimeaRecord::parse(&rdata, 0, Profile::Rfc8162);
                let mut lints = of_owner(&owner, &record, profile);
                lints.extend(of_record(&record, None, now));
                lints
            }
            Err(lint) => vec![lint],
        };
        found.push(LineLint { line, owner: owner.clone(), lints });
    }
    found
}

/// The 2014 guide's records have one of these (RFC 6895 section 3.1).
fn is_private_type(word: &str) -> bool {
    let number = word.strip_prefix("TYPE").and_then(|number| number.parse::<u16>().ok());
    number.is_some_and(|number| (65280..=65534).contains(&number))
}

/// Whether `_smimecert` is the name's second label.
fn has_smimecert(owner: &str) -> bool {
    owner.split('.').nth(1).is_some_and(|label| label.eq_ignore_ascii_case("_smimecert"))
}

/// What is wrong with the name, alone and beside the certificate that stands there. Of a name that is not
/// absolute only the server's settings know the end.
fn of_owner(owner: &str, record: &SmimeaRecord, profile: Profile) -> Vec<Lint> {
    let owner = owner.to_ascii_lowercase();
    let (label, below) = owner.split_once('.').unwrap_or((&owner, ""));
    let is_hex = label.chars().all(|c| c.is_ascii_hexdigit());
    let domain = match below {
        "" | "_smimecert" if !owner.ends_with('.') => Some(""),
        below => below.strip_prefix("_smimecert.").filter(|domain| !domain.is_empty()),
    };
    let Some(domain) = domain else { return vec![Lint::NameMalformed] };
    if is_hex && label.len() == WHOLE_DIGEST_DIGITS {
        return vec![Lint::NameUntruncated];
    } else if (!is_hex || label.len() != LABEL_DIGITS) && label != "*" {
        return vec![Lint::NameMalformed];
    }
    let Some(certificate) = record.certificate().filter(|_| matches!(record.usage, 1 | 3)) else {
        return Vec::new();
    };
    let is_whole = domain.ends_with('.');
    let domain = domain.trim_end_matches('.');
    let named = certificate.email_addresses();
    let fits = |address: &EmailAddress| {
        let name = OwnerName::of(address, profile).map(|name| name.to_string()).unwrap_or_default();
        let of_domain = !is_whole || address.domain().eq_ignore_ascii_case(domain);
        // The local part may be published in other spellings, too; its case is not ours to judge.
        of_domain && (label == "*" || name.starts_with(label))
    };
    if named.is_empty() || named.iter().any(fits) { Vec::new() } else { vec![Lint::NameForeign] }
}

fn rdata(tokens: &[String]) -> Result<Vec<u8>, Lint> {
    let decode = |digits: &[String]| hex::decode(digits.concat()).map_err(|_| Lint::BadHex);
    match tokens {
        [mark, length, digits @ ..] if mark == "\\#" => {
            let rdata = decode(digits)?;
            if length.parse() == Ok(rdata.len()) { Ok(rdata) } else { Err(Lint::BadHex) }
        }
        [usage, selector, matching, digits @ ..] => {
            let field = |text: &String| text.parse::<u8>().map_err(|_| Lint::NotARecord);
            let mut rdata = vec![field(usage)?, field(selector)?, field(matching)?];
            rdata.extend(decode(digits)?);
            Ok(rdata)
        }
        _ => Err(Lint::NotARecord),
    }
}

fn is_ttl_or_class(token: &str) -> bool {
    let class = ["IN", "CH", "HS"].iter().any(|class| token.eq_ignore_ascii_case(class));
    class || token.starts_with(|c: char| c.is_ascii_digit())
}

fn absolute(name: &str, origin: &str) -> String {
    match (name, origin) {
        ("@", origin) => origin.to_owned(),
        (name, origin) if name.ends_with('.') || origin.is_empty() => name.to_owned(),
        (name, origin) => format!("{name}.{origin}"),
    }
}

/// One entry of a zone file: its tokens, over as many lines as its parentheses span.
struct Entry {
    line: usize,
    indented: bool,
    tokens: Vec<String>,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut depth = 0_usize;
    for (number, line) in text.lines().enumerate() {
        let spaced = unquoted(line).replace('(', " ( ").replace(')', " ) ");
        let mut tokens = Vec::new();
        let begins = depth == 0;
        for token in spaced.split_whitespace() {
            match token {
                "(" => depth = depth.saturating_add(1),
                ")" => depth = depth.saturating_sub(1),
                token => tokens.push(token.to_owned()),
            }
        }
        match entries.last_mut() {
            Some(entry) if !begins => entry.tokens.extend(tokens),
            _ if tokens.is_empty() => {}
            _ => {
                let indented = line.starts_with([' ', '\t']);
                entries.push(Entry { line: number.saturating_add(1), indented, tokens });
            }
        }
    }
    entries
}

/// A line without its comment and without what stands in quotes, where neither `;` nor a parenthesis means
/// anything (RFC 1035 section 5.1). No record looked at here has any of it.
fn unquoted(line: &str) -> String {
    let (mut kept, mut quoted, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => break,
            _ => {}
        }
        if !quoted {
            kept.push(c);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::{Sample, p256};

    const NOW: UnixTime = UnixTime::from_seconds(1_500_000_000);
    /// SHA-256 of `hugh`, cut (RFC 8162 section 3) and whole.
    const HUGH: &str = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";

    fn lint(text: &str) -> Vec<Lint> {
        let found = of_zone_text(text, NOW);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].lints.clone()
    }

    fn certificate(subject: &[(&str, &str)], extensions: &[(&str, bool, &[u8])]) -> String {
        hex::encode(Sample { subject, extensions, ..Sample::default() }.signed_by(&p256()).der())
    }

    #[test]
    fn lines_with_their_verdicts() {
        let good = certificate(&[("emailAddress", "hugh@example.com")], &[]);
        let owner = format!("{HUGH}._smimecert.example.com.");
        for (text, verdict) in [
            (format!("{owner} 300 IN SMIMEA 3 0 0 {good}"), vec![]),
            (format!("$ORIGIN example.com.\n{HUGH}._smimecert SMIMEA 3 0 0 (\n {good} ) ; his"), vec![]),
            (format!("{owner} SMIMEA 3 1 1 {}", "ab".repeat(32)), vec![Lint::DigestOnly]),
            (format!("k._domainkey TXT ( \"v=DKIM1; p=AB\\\" (\" )\n{owner} SMIMEA 3 0 0 {good}"), vec![]),
            (format!("{owner} IN TYPE53 \\# {} 030000{good}", good.len() / 2 + 3), vec![]),
            (format!("{owner} IN TYPE53 \\# 9 030000{good}"), vec![Lint::BadHex]),
            (format!("{owner} SMIMEA 3 0 0 {good}0"), vec![Lint::BadHex]),
            (format!("{owner} SMIMEA 3 0 x"), vec![Lint::NotARecord]),
            (format!("{owner} SMIMEA 3 0 0 abcd"), vec![Lint::Unusable(Unusable::NotACertificate)]),
            (
                format!("{HUGH}0badc0de._smimecert.example.com. SMIMEA 3 0 0 {good}"),
                vec![Lint::NameUntruncated],
            ),
            (format!("hugh._smimecert.example.com. SMIMEA 3 0 0 {good}"), vec![Lint::NameMalformed]),
            (format!("{HUGH}.example.com. SMIMEA 3 0 0 {good}"), vec![Lint::NameMalformed]),
            (format!("{HUGH}._smimecert.example.org. SMIMEA 3 0 0 {good}"), vec![Lint::NameForeign]),
            (format!("{owner} SMIMEA 2 0 0 {good}"), vec![Lint::NotAnAuthority]),
            (format!("{} SMIMEA 3 0 0 {good}", owner.to_ascii_uppercase()), vec![]),
            (format!("{HUGH}._smimecert SMIMEA 3 0 0 {good}"), vec![]), // the zone is named elsewhere
            (format!("{HUGH} SMIMEA 3 0 0 {good}"), vec![]),
            (format!("{HUGH}._smimecert.mail SMIMEA 3 0 0 {good}"), vec![]),
            (format!("{HUGH}._smimecert. SMIMEA 3 0 0 {good}"), vec![Lint::NameMalformed]),
            (format!("hugh._smimecert SMIMEA 3 0 0 {good}"), vec![Lint::NameMalformed]),
            (format!("$origin com.\n$ORIGIN example\n{HUGH}._smimecert SMIMEA 3 0 0 {good}"), vec![]),
            (
                format!("$ORIGIN org.\n$ORIGIN example\n{HUGH}._smimecert SMIMEA 3 0 0 {good}"),
                vec![Lint::NameForeign],
            ),
        ] {
            assert_eq!(lint(&text), verdict, "{text}");
        }
    }

    #[test]
    fn of_the_certificate() {
        let sign_only = certificate(&[("CN", "Hugh")], &[("2.5.29.15", true, b"\x03\x02\x07\x80")]);
        let record = |hex: &str| {
            let rdata = hex::decode(format!("030000{hex}")).unwrap();
            SmimeaRecord::parse(&rdata, 0, Profile::Rfc8162)
        };
        let hugh = EmailAddress::parse("hugh@example.com").unwrap();
        assert_eq!(
            of_record(&record(&sign_only), Some(&hugh), NOW),
            [Lint::NamesNoAddress, Lint::CannotEncrypt(Fitness::NotThisUsage)]
        );
        let other = certificate(&[("emailAddress", "other@example.com")], &[]);
        let late = UnixTime::from_seconds(2_000_000_001);
        assert_eq!(
            of_record(&record(&other), Some(&hugh), late),
            [Lint::NotForAddress, Lint::Expired(UnixTime::from_seconds(2_000_000_000))]
        );
        let large = SmimeaRecord::parse(&[&[3, 1, 0][..], &[0x30; 2100]].concat(), 0, Profile::Rfc8162);
        assert_eq!(of_record(&large, None, NOW), [Lint::Unusable(Unusable::NotAKey)]);
    }

    #[test]
    fn other_types_are_passed_over() {
        let text = "$TTL 300\nexample.com. IN SOA a. b. 1 2 3 4 5\n\n; SMIMEA\n  IN NS ns.example.com.\n";
        assert_eq!(of_zone_text(text, NOW), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text: String) {
            of_zone_text(&text, NOW);
        }
    }
}
