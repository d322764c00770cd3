//! The mail addresses that a certificate names (RFC 8550 section 3, RFC 9598).

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Class, Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::name::Name;

use crate::mime::EmailAddress;

const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
const SMTP_UTF8_MAILBOX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.9");
/// `[0]`, an otherName, and the explicit tag of its value.
const OTHER_NAME: TagNumber = TagNumber::new(0);
/// `[1]`, an rfc822Name.
const RFC822_NAME: TagNumber = TagNumber::new(1);

/// Most addresses of a certificate that are looked at. Those of a whole department are fewer.
const MAX_ADDRESSES: usize = 1000;

/// What a certificate says about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// It names this address.
    Names,
    /// It names no address at all.
    NamesNone,
    /// It names addresses, and not this one.
    NamesOthers,
}

/// The addresses in the value of a subjectAltName extension; `None` if an entry cannot be read.
pub fn addresses_of_alternative_name(der: &[u8]) -> Option<Vec<EmailAddress>> {
    let names = Names::read(&Name::default(), Some(der));
    (!names.unreadable).then_some(names.addresses)
}

/// The addresses of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) addresses: Vec<EmailAddress>,
    /// An entry that should hold an address holds something else, or there are too many. It then counts as an address
    /// of somebody else's: unreadable must never mean unrestricted.
    unreadable: bool,
}

impl Names {
    /// Collects the subject's emailAddress attributes and the rfc822Name and SmtpUTF8Mailbox entries of the
    /// subjectAltName extension's value, if there is one. Both count: RFC 8550 section 3 has both
    /// recognised, and an authority vouches for the whole of what it signs.
    pub(super) fn read(subject: &Name, alternative: Option<&[u8]>) -> Self {
        let mut names = Self::default();
        let attributes = subject.0.iter().flat_map(|rdn| rdn.0.iter());
        for attribute in attributes.filter(|attribute| attribute.oid == EMAIL_ADDRESS) {
            names.add(std::str::from_utf8(attribute.value.value()).ok());
        }
        if alternative.is_some_and(|der| names.add_alternative(der).is_err()) {
            names.unreadable = true;
        }
        names
    }

    /// Marks the whole as unreadable (the extension stands twice).
    pub(super) fn unreadable(mut self) -> Self {
        self.unreadable = true;
        self
    }

    /// Local parts are compared without regard to ASCII case, domains in their A-label form.
    pub(super) fn judge(&self, address: &EmailAddress) -> NameMatch {
        if self.addresses.iter().any(|named| named.is_same_mailbox(address)) {
            NameMatch::Names
        } else if self.addresses.is_empty() && !self.unreadable {
            NameMatch::NamesNone
        } else {
            NameMatch::NamesOthers
        }
    }

    fn add_alternative(&mut self, der: &[u8]) -> der::Result<()> {
        let whole = AnyRef::from_der(der)?;
        if whole.tag() != Tag::Sequence {
            return Err(whole.tag().value_error());
        }
        let mut entries = SliceReader::new(whole.value())?;
        while !entries.is_finished() {
            let entry = AnyRef::decode(&mut entries)?;
            if entry.tag().class() != Class::ContextSpecific {
                return Err(entry.tag().value_error());
            }
            match entry.tag().number() {
                RFC822_NAME => self.add(std::str::from_utf8(entry.value()).ok()),
                OTHER_NAME => self.add_other_name(entry.value())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn add_other_name(&mut self, value: &[u8]) -> der::Result<()> {
        let mut reader = SliceReader::new(value)?;
        if ObjectIdentifier::decode(&mut reader)? != SMTP_UTF8_MAILBOX {
            return Ok(());
        }
        let explicit = AnyRef::decode(&mut reader)?;
        let text = AnyRef::from_der(explicit.value())?;
        // RFC 9598 section 3: a UTF8String, nothing else, and only for local parts that are not ASCII. Others belong
        // into an rfc822Name, where every reader looks for them, and constraints too.
        let text = std::str::from_utf8(text.value()).ok().filter(|_| text.tag() == Tag::Utf8String);
        self.add(text.filter(|text| text.rsplit_once('@').is_some_and(|(local, _)| !local.is_ascii())));
        Ok(())
    }

    fn add(&mut self, text: Option<&str>) {
        if self.addresses.len() >= MAX_ADDRESSES {
            self.unreadable = true;
            return;
        }
        // Comments and folding white space have no place in a certificate (RFC 5280 section
        // 4.2.1.6); an address that only parses without them could be shown as another.
        let plain = |text: &&str| !text.contains(|c: char| c.is_whitespace() || "()<>,;:".contains(c));
        match text.filter(plain).and_then(|text| EmailAddress::parse(text).ok()) {
            Some(address) if self.addresses.contains(&address) => {}
            Some(address) => self.addresses.push(address),
            None => self.unreadable = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn san(entries: &[u8]) -> Names {
        let mut der = vec![0x30, u8::try_from(entries.len()).unwrap()];
        der.extend(entries);
        Names::read(&Name::default(), Some(&der))
    }

    #[test]
    fn local_part_case_blind_domain_exact() {
        let names = san(b"\x81\x10Bob@Example.test");
        assert_eq!(names.judge(&address("bOB@example.test")), NameMatch::Names);
        assert_eq!(names.judge(&address("bob@sub.example.test")), NameMatch::NamesOthers);
    }

    #[test]
    fn an_unreadable_name_is_somebody_elses() {
        for entries in [
            &b"\x81\x08bob\x00@b.t"[..],         // a NUL at the end
            b"\x81\x08bo\x00b@b.t",              // a NUL inside
            b"\x81\x10bob(x)@b.test   ",         // a comment
            b"\x81\x0bbob,e@b.tes",              // two addresses?
            b"\x81\x00",                         // nothing
            b"\x13\x03abc",                      // no GeneralName at all
            b"\xa0\x04\x06\x02\x2a\x03\x01\x00", // trailing entry of a universal type
        ] {
            assert_eq!(san(entries).judge(&address("bob@b.t")), NameMatch::NamesOthers, "{entries:02x?}");
        }
    }

    #[test]
    fn of_endless_names_the_first_count() {
        let names: Vec<u8> = (0..300_000_u32)
            .flat_map(|i| [&b"\x81\x0e"[..], format!("a{i:06}@b.test").as_bytes()].concat())
            .collect();
        let length = u32::try_from(names.len()).unwrap().to_be_bytes();
        let names = Names::read(&Name::default(), Some(&[&[0x30, 0x83], &length[1..], &names].concat()));
        assert_eq!(names.judge(&address("a000999@b.test")), NameMatch::Names);
        assert_eq!(names.judge(&address("a299999@b.test")), NameMatch::NamesOthers);
        assert_eq!(names.judge(&address("z@b.test")), NameMatch::NamesOthers);
    }

    #[test]
    fn other_kinds_of_names_are_no_addresses() {
        assert_eq!(san(b"\x82\x06b.test").judge(&address("bob@b.test")), NameMatch::NamesNone);
        assert_eq!(Names::read(&Name::default(), None).judge(&address("bob@b.test")), NameMatch::NamesNone);
    }

    #[test]
    fn smtp_utf8_mailbox() {
        // otherName { id-on-SmtpUTF8Mailbox, [0] EXPLICIT UTF8String "é@b.test" }
        let names = san(b"\xa0\x17\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x0b\x0c\x09\xc3\xa9@b.test");
        assert_eq!(names.addresses, [address("é@b.test")]);
        let ascii = san(b"\xa0\x16\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x0a\x0c\x08e@b.test");
        assert_eq!(ascii.judge(&address("e@b.test")), NameMatch::NamesOthers);
    }
}
