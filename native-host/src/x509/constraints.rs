//! For which addresses an authority may vouch: the rfc822Name constraints of RFC 5280 section 4.2.1.10, over every form
//! of an address and in A-labels (RFC 9598 section 6). OpenSSL 3.0 knows them too, and passes over addresses that are
//! spelled otherwise than the constraint: `xn--bcher-kva.test` in an SmtpUTF8Mailbox, `bücher.test` in an rfc822Name,
//! any SmtpUTF8Mailbox where a constraint names one mailbox. An excluded domain was none for those.
//!
//! # Limitations
//! This forbids besides what OpenSSL forbids, and allows nothing that it does not.

use der::asn1::AnyRef;
use der::{Class, Decode, Tagged};

use super::asn1::children;
use crate::mime::EmailAddress;

/// One rfc822Name as a constraint.
enum Pattern {
    /// All addresses at this host.
    Host(String),
    /// This address.
    Mailbox(EmailAddress),
    /// What cannot be read.
    Unreadable,
    /// All addresses in domains below this one.
    Within(String),
}

/// Whether the value of a nameConstraints extension lets its owner vouch for all of these. `None` where it cannot be
/// read.
pub(super) fn allow(der: &[u8], addresses: &[EmailAddress]) -> Option<bool> {
    const PERMITTED: u8 = 0;
    const EXCLUDED: u8 = 1;
    const OTHER_NAME: u8 = 0;
    let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
    let mut has_other_names = false;
    for list in children(AnyRef::from_der(der).ok()?)? {
        let found = match list.tag().number().value() {
            PERMITTED => &mut permitted,
            EXCLUDED => &mut excluded,
            _ => return None,
        };
        for subtree in children(list)? {
            let name = *children(subtree)?.first()?;
            has_other_names |= name.tag().number().value() == OTHER_NAME;
            found.extend(Pattern::read(name));
        }
    }
    let is_allowed = |address: &EmailAddress| {
        let is_excluded = excluded.iter().any(|p| matches!(p, Pattern::Unreadable) || p.covers(address));
        // Such constraints are not processed here, so names of that form are not accepted (RFC 5280).
        let is_other_name = has_other_names && !address.local().is_ascii();
        !is_excluded
            && !is_other_name
            && (permitted.is_empty() || permitted.iter().any(|pattern| pattern.covers(address)))
    };
    Some(addresses.iter().all(is_allowed))
}

impl Pattern {
    /// `None` for names of other kinds.
    fn read(name: AnyRef<'_>) -> Option<Self> {
        const RFC822_NAME: u8 = 1;
        let tag = name.tag();
        if tag.class() != Class::ContextSpecific || tag.number().value() != RFC822_NAME {
            return None;
        }
        let text = std::str::from_utf8(name.value()).unwrap_or_default();
        let domain = |text: &str| EmailAddress::parse(&format!("x@{text}")).map(|a| a.domain().to_owned());
        let read = match (text.contains('@'), text.strip_prefix('.')) {
            (true, _) => EmailAddress::parse(text).map(Self::Mailbox),
            (false, Some(above)) => domain(above).map(Self::Within),
            (false, None) => domain(text).map(Self::Host),
        };
        Some(read.unwrap_or(Self::Unreadable))
    }

    fn covers(&self, address: &EmailAddress) -> bool {
        match self {
            Self::Host(host) => address.domain() == host,
            Self::Mailbox(mailbox) => {
                address.domain() == mailbox.domain() && address.local().eq_ignore_ascii_case(mailbox.local())
            }
            Self::Unreadable => false,
            Self::Within(above) => {
                address.domain().strip_suffix(above.as_str()).is_some_and(|below| below.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints(permitted: &[&str], excluded: &[&str]) -> Vec<u8> {
        let value =
            |tag: u8, content: Vec<u8>| [vec![tag, u8::try_from(content.len()).unwrap()], content].concat();
        let list = |tag: u8, names: &[&str]| match names {
            [] => Vec::new(),
            names => value(
                tag,
                names.iter().flat_map(|name| value(0x30, value(0x81, name.as_bytes().to_vec()))).collect(),
            ),
        };
        value(0x30, [list(0xa0, permitted), list(0xa1, excluded)].concat())
    }

    #[test]
    fn every_spelling_of_an_address_is_constrained() {
        let allows = |permitted: &[&str], excluded: &[&str], address: &str| {
            allow(&constraints(permitted, excluded), &[EmailAddress::parse(address).unwrap()]).unwrap()
        };
        for address in
            ["bob@xn--bcher-kva.test", "bob@bücher.test", "bób@xn--bcher-kva.test", "bob@BÜCHER.test"]
        {
            for domain in ["xn--bcher-kva.test", "XN--BCHER-KVA.TEST", "bücher.test"] {
                assert!(!allows(&[], &[domain], address), "{address}: {domain}");
                assert!(allows(&[domain], &[], address), "{address}: {domain}");
                assert!(allows(&["a.test", domain], &["b.test", ".test.test"], address));
            }
            assert!(!allows(&["b.test"], &[], address));
            assert!(!allows(&[], &[".test"], address) && allows(&[".test"], &[], address));
            assert!(allows(&[], &[".xn--bcher-kva.test"], address) && allows(&[], &[], address));
        }
        assert!(!allows(&[], &["bob@b.test"], "BOB@b.test") && allows(&[], &["bob@b.test"], "eve@b.test"));
        assert!(!allows(&["bob@b.test"], &[], "eve@b.test") && allows(&["bob@b.test"], &[], "bob@b.test"));
        assert!(!allows(&[], &["a b@"], "eve@b.test"), "it may have meant this one");
        assert!(!allows(&["a b@"], &[], "eve@b.test"));
        assert!(!allows(&[".b.test"], &[], "eve@ab.test") && !allows(&[".b.test"], &[], "eve@b.test"));
    }

    #[test]
    fn each_address_must_be_allowed() {
        let [good, bad] = ["a@a.test", "b@b.test"].map(|text| EmailAddress::parse(text).unwrap());
        let der = constraints(&["a.test"], &[]);
        assert_eq!(allow(&der, std::slice::from_ref(&good)), Some(true));
        assert_eq!(allow(&der, &[good, bad]), Some(false));
        assert_eq!(allow(&der, &[]), Some(true));
        let other_name = b"\x30\x08\xa1\x06\x30\x04\xa0\x02\x05\x00";
        let [ascii, utf8] = ["a@a.test", "\u{e4}@a.test"].map(|text| EmailAddress::parse(text).unwrap());
        assert_eq!((allow(other_name, &[ascii]), allow(other_name, &[utf8])), (Some(true), Some(false)));
        assert_eq!(allow(b"\x30\x01", &[]), None);
        assert_eq!(allow(b"\x30\x02\xa2\x00", &[]), None);
    }
}
