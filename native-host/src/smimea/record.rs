//! SMIMEA record data (RFC 8162 section 2; the TLSA format of RFC 6698 section 2).

use der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::config::Profile;
use crate::dns::{RecordSet, Validated};
use crate::x509::Certificate;

/// One record as published. Any octets can be read; what cannot be used says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmimeaRecord {
    /// The certificate usage field; 0 if the data is too short to have one, and so below.
    pub usage: u8,
    /// The selector field.
    pub selector: u8,
    /// The matching type field.
    pub matching: u8,
    /// The certificate association data.
    pub data: Vec<u8>,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// What it means, or why it means nothing here.
    pub meaning: Result<Association, Unusable>,
    /// The certificate that it holds whole, where it may be used.
    certificate: Option<Certificate>,
}

/// What a usable record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Association {
    /// What kind of certificate it names, and which rules it adds.
    pub usage: Usage,
    /// Which part of the certificate is named.
    pub selector: Selector,
    /// How that part is given.
    pub matching: Matching,
}

/// RFC 6698 section 2.1.1 with the names of RFC 7218.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// 0: an authority in an ordinary CA path.
    PkixTa,
    /// 1: this certificate, and an ordinary CA path must hold too.
    PkixEe,
    /// 2: an authority of the domain's own.
    DaneTa,
    /// 3: this certificate, nothing else asked.
    DaneEe,
}

impl Usage {
    /// Whether the record names the user's own certificate, not an authority's.
    pub const fn names_end_entity(self) -> bool {
        matches!(self, Self::PkixEe | Self::DaneEe)
    }

    /// Whether the ordinary CA path must hold too.
    pub const fn needs_ca_path(self) -> bool {
        matches!(self, Self::PkixTa | Self::PkixEe)
    }
}

/// RFC 6698 section 2.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// 0: the whole certificate.
    Certificate,
    /// 1: its SubjectPublicKeyInfo.
    PublicKey,
}

/// RFC 6698 section 2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// 0: the octets themselves.
    Exact,
    /// 1: their SHA-256.
    Sha256,
    /// 2: their SHA-512.
    Sha512,
}

/// Why a record is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// Association data of no octets.
    Empty,
    /// The 2014 guide takes `3 0 0` alone.
    NotInProfile,
    /// Selector 0 with matching type 0, and the data is no certificate.
    NotACertificate,
    /// Selector 1 with matching type 0, and the data is no SubjectPublicKeyInfo.
    NotAKey,
    /// Fewer than three octets.
    TooShort,
    /// A usage other than 0 to 3.
    UnknownUsage,
    /// A selector other than 0 and 1.
    UnknownSelector,
    /// A matching type other than 0, 1 and 2.
    UnknownMatching,
    /// A digest of another length than its kind has.
    WrongDigestLength,
}

impl SmimeaRecord {
    /// The records of a proven answer, in its order.
    pub fn of(set: &Validated<RecordSet>, profile: Profile) -> Vec<Self> {
        set.get().records.iter().map(|record| Self::parse(&record.rdata, record.ttl, profile)).collect()
    }

    /// Reads one record's data; never fails.
    pub fn parse(rdata: &[u8], ttl: u32, profile: Profile) -> Self {
        let (fields, data) = rdata.split_first_chunk().unwrap_or((&[0; 3], rdata));
        let [usage, selector, matching] = *fields;
        let mut certificate = None;
        let meaning = if rdata.len() < fields.len() {
            Err(Unusable::TooShort)
        } else if profile.is_guide() && *fields != [3, 0, 0] {
            // What the fields themselves lack is told first.
            Association::read(fields, data).and(Err(Unusable::NotInProfile))
        } else {
            Association::read(fields, data).map(|(association, whole)| {
                certificate = whole;
                association
            })
        };
        Self { usage, selector, matching, data: data.to_vec(), ttl, meaning, certificate }
    }

    /// The record data on the wire.
    pub fn rdata(&self) -> Vec<u8> {
        let mut rdata = vec![self.usage, self.selector, self.matching];
        rdata.extend_from_slice(&self.data);
        rdata
    }

    /// The certificate that the record holds whole (selector 0, matching type 0).
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.clone()
    }
}

impl Association {
    /// `3 0 0`: the record holds all that it names, and asks for nothing else.
    pub fn is_whole(self) -> bool {
        (self.usage, self.selector, self.matching) == (Usage::DaneEe, Selector::Certificate, Matching::Exact)
    }

    fn read(fields: &[u8; 3], data: &[u8]) -> Result<(Self, Option<Certificate>), Unusable> {
        let [usage, selector, matching] = *fields;
        let usage = match usage {
            0 => Usage::PkixTa,
            1 => Usage::PkixEe,
            2 => Usage::DaneTa,
            3 => Usage::DaneEe,
            _ => return Err(Unusable::UnknownUsage),
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::PublicKey,
            _ => return Err(Unusable::UnknownSelector),
        };
        let matching = match matching {
            0 => Matching::Exact,
            1 => Matching::Sha256,
            2 => Matching::Sha512,
            _ => return Err(Unusable::UnknownMatching),
        };
        let mut certificate = None;
        match (matching, selector) {
            _ if data.is_empty() => return Err(Unusable::Empty),
            (Matching::Sha256, _) if data.len() != 32 => return Err(Unusable::WrongDigestLength),
            (Matching::Sha512, _) if data.len() != 64 => return Err(Unusable::WrongDigestLength),
            (Matching::Exact, Selector::Certificate) => {
                certificate = Some(Certificate::from_der(data).map_err(|_| Unusable::NotACertificate)?);
            }
            (Matching::Exact, Selector::PublicKey) => {
                SubjectPublicKeyInfoRef::from_der(data).map_err(|_| Unusable::NotAKey)?;
            }
            (Matching::Sha256 | Matching::Sha512, _) => {}
        }
        Ok((Self { usage, selector, matching }, certificate))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meaning(rdata: &[u8]) -> Result<Association, Unusable> {
        SmimeaRecord::parse(rdata, 300, Profile::Rfc8162).meaning
    }

    #[test]
    fn what_is_unusable_says_why() {
        let digest = |fields: [u8; 3], length: usize| [fields.to_vec(), vec![7; length]].concat();
        assert_eq!(meaning(&[]), Err(Unusable::TooShort));
        assert_eq!(meaning(&[3, 0]), Err(Unusable::TooShort));
        assert_eq!(meaning(&[3, 1, 1]), Err(Unusable::Empty));
        assert_eq!(meaning(&digest([4, 0, 1], 32)), Err(Unusable::UnknownUsage));
        assert_eq!(meaning(&digest([255, 0, 1], 32)), Err(Unusable::UnknownUsage));
        assert_eq!(meaning(&digest([3, 2, 1], 32)), Err(Unusable::UnknownSelector));
        assert_eq!(meaning(&digest([3, 0, 3], 32)), Err(Unusable::UnknownMatching));
        assert_eq!(meaning(&digest([3, 1, 1], 31)), Err(Unusable::WrongDigestLength));
        assert_eq!(meaning(&digest([3, 1, 2], 32)), Err(Unusable::WrongDigestLength));
        assert_eq!(meaning(&digest([3, 0, 0], 20)), Err(Unusable::NotACertificate));
        assert_eq!(meaning(&digest([3, 1, 0], 20)), Err(Unusable::NotAKey));
    }

    #[test]
    fn all_usages_selectors_and_digests_are_read() {
        for usage in 0..=3 {
            for selector in 0..=1 {
                for (matching, length) in [(1, 32), (2, 64)] {
                    let rdata = [vec![usage, selector, matching], vec![7; length]].concat();
                    let record = SmimeaRecord::parse(&rdata, 1, Profile::Rfc8162);
                    assert!(record.meaning.is_ok());
                    assert_eq!(record.rdata(), rdata);
                    assert_eq!(
                        SmimeaRecord::parse(&rdata, 1, Profile::GUIDE).meaning,
                        Err(Unusable::NotInProfile)
                    );
                }
            }
        }
    }

    /// The 2014 guide prints its `3 1 0` record twice with a zero too much (`300820122…`), and once
    /// right. The wrong one has an odd number of digits; made even in either way it is no key.
    #[test]
    fn the_misprint_of_the_2014_guide() {
        let right = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100a9380fcfc9ca2318047bcd\
            6902ba436e4ebdea834d725b29e47ca338aaedde5f13ac99b74f73c977e7f89c47f9c965890f3ba292c0b8ee0a9ea2ed81627c98ce\
            be56dc276bbabe982807c0b9b613eed882ad97958391dc3dd3f4f2773b906f154096c5a6cf9f9e05f7bb9a4057ad1923a4c7c444f4\
            f5b84c94c05e19a2e57bbcb35eb0fbc4f648292c80d4184c95ffe74c4a8ba7ddb1638989e7c405d399e39ecf78cef6bd4d2d009af9\
            80fba463d5427c8da4ae37e01ca491803b2711c4eba23d12623985f12931a576424470b6b5efdcbb1f382ee503fd4aeae79568e452\
            0731c8bbef8618b1c8b2ac98258273b3c92fed36164c63f52467241e719bf178350203010001";
        let wrong = right.replacen("3082", "30082", 1);
        let key = hex::decode(right).unwrap();
        assert_eq!(key.len(), 294);
        assert!(meaning(&[vec![3, 1, 0], key].concat()).is_ok());
        assert!(hex::decode(&wrong).is_err());
        for padded in [format!("{wrong}0"), format!("0{wrong}")] {
            let rdata = [vec![3, 1, 0], hex::decode(padded).unwrap()].concat();
            assert_eq!(meaning(&rdata), Err(Unusable::NotAKey));
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(rdata: Vec<u8>, ttl: u32) {
            let record = SmimeaRecord::parse(&rdata, ttl, Profile::Rfc8162);
            if rdata.len() >= 3 {
                prop_assert_eq!(record.rdata(), rdata);
            }
        }
    }
}
