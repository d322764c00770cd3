//! The DNS name under which an address's records lie (RFC 8162 section 3).

use std::fmt;

use crate::config::Profile;
use crate::dns::{DomainName, RecordType};
use crate::mime::EmailAddress;
use crate::sha256::sha256;

/// RFC 8162 section 3: the hash is cut to 28 octets.
const HASH_OCTETS: usize = 28;

/// The name and type to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerName {
    name: DomainName,
    record_type: RecordType,
}

/// The domain leaves no room for the labels in front of it: no such record can exist (RFC 1035
/// section 2.3.4, 255 octets).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the domain is too long to hold certificates in the DNS")]
pub struct NameTooLong;

impl OwnerName {
    /// The owner name of `address`.
    ///
    /// RFC 8162: SHA2-256 of the local part, cut to 28 octets, in hexadecimal, below
    /// `_smimecert`. The 2014 guide: SHA-224, which is as long and is not cut, and a private type.
    ///
    /// # Errors
    /// [`NameTooLong`].
    pub fn of(address: &EmailAddress, profile: Profile) -> Result<Self, NameTooLong> {
        let local = address.local().as_bytes();
        let (label, record_type) = match profile {
            Profile::Rfc8162 => {
                let hash = sha256(local);
                (hex::encode(hash.get(..HASH_OCTETS).unwrap_or(&hash)), RecordType::SMIMEA)
            }
            Profile::Guide2014 { record_type } => {
                (hex::encode(openssl::sha::sha224(local)), RecordType::from(record_type))
            }
        };
        let name = DomainName::from_ascii(format!("{label}._smimecert.{}.", address.domain()));
        name.map(|name| Self { name, record_type }).map_err(|_| NameTooLong)
    }

    /// The name, absolute.
    pub fn name(&self) -> &DomainName {
        &self.name
    }

    /// The type that its records have.
    pub fn record_type(&self) -> RecordType {
        self.record_type
    }
}

impl fmt::Display for OwnerName {
    /// `c93f1e40…._smimecert.example.com.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name.to_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(address: &str, profile: Profile) -> String {
        OwnerName::of(&EmailAddress::parse(address).unwrap(), profile).unwrap().to_string()
    }

    #[test]
    fn the_example_of_rfc_8162() {
        assert_eq!(
            owner("hugh@example.com", Profile::Rfc8162),
            "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com."
        );
    }

    #[test]
    fn the_examples_of_the_2014_guide() {
        for (address, name) in [
            (
                "sample@example.org",
                "9003e374bc726550c2c289447fd0533160f875709386dfa377bfd41c._smimecert.example.org.",
            ),
            (
                "robert@bigbank.com",
                "ecb453d83da2067efeb1243964d2b00aca62a7230c64e39ce69ac555._smimecert.bigbank.com.",
            ),
        ] {
            assert_eq!(owner(address, Profile::GUIDE), name);
        }
        for (profile, number) in [(Profile::GUIDE, 65444), (Profile::Guide2014 { record_type: 65500 }, 65500)]
        {
            let name = OwnerName::of(&"a@b.test".parse().unwrap(), profile).unwrap();
            assert_eq!(u16::from(name.record_type()), number);
        }
    }

    #[test]
    fn spelling_counts_and_quoting_does_not() {
        let of = |address| owner(address, Profile::Rfc8162);
        assert_ne!(of("Bob@example.test"), of("bob@example.test"));
        assert_eq!(of("\"b.ob\"@example.test"), of("b.ob@EXAMPLE.test."));
        assert_eq!(of("re\u{301}my@a.test"), of("r\u{e9}my@a.test"));
        assert!(of("bob@bücher.example").ends_with("._smimecert.xn--bcher-kva.example."));
    }

    #[test]
    fn a_domain_that_leaves_no_room_is_told() {
        let label = "a".repeat(60);
        let address = format!("bob@{label}.{label}.{label}.example");
        let address = EmailAddress::parse(&address).unwrap();
        assert_eq!(OwnerName::of(&address, Profile::Rfc8162), Err(NameTooLong));
    }
}
