//! A record set and its signatures (RFC 4035 section 5.3).

use hickory_resolver::proto::dnssec::PublicKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG, SigInput};
use hickory_resolver::proto::rr::{DNSClass, RData, Record};
use hickory_resolver::proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use super::session::{Budget, Spent};
use crate::clock::UnixTime;
use crate::dns::answer::Defect;
use crate::dns::message::each_once;
use crate::dns::{DomainName, RecordType};

/// Signatures over one set that are looked at.
const MOST_SIGNATURES: usize = 8;

/// Keys with one tag that are tried for one signature; honest zones have one, rarely two.
const MOST_KEYS_PER_TAG: usize = 4;

/// The records of one type at one name in a section of a message, and the signatures that claim
/// to cover them.
#[derive(Clone, Debug)]
pub(super) struct Set<'m> {
    pub(super) owner: &'m DomainName,
    pub(super) record_type: RecordType,
    /// Each once (RFC 4034 section 6.3).
    pub(super) records: Vec<&'m Record>,
    pub(super) signatures: Vec<&'m RRSIG>,
}

/// A zone's key with its tag.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) tag: u16,
    pub(super) dnskey: DNSKEY,
}

/// A set's signature has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// Labels of the name that was signed; fewer than the owner has for a wildcard's answer.
    pub(super) labels: u8,
    /// Whether the owner was made from a wildcard.
    pub(super) wildcard: bool,
    /// The key.
    pub(super) key_tag: u16,
    /// Its algorithm's number.
    pub(super) algorithm: u8,
    /// When the signature ends.
    pub(super) until: UnixTime,
    /// How long the records may be kept, in seconds (RFC 4035 section 5.3.3).
    pub(super) ttl: u32,
}

impl Key {
    /// A key that may sign zone data (RFC 4034 section 2.1.1, RFC 5011 section 2.1) with an
    /// algorithm that is known.
    pub(super) fn usable(dnskey: &DNSKEY) -> Option<Self> {
        if !dnskey.zone_key() || dnskey.revoke() || !dnskey.public_key().algorithm().is_supported() {
            return None;
        }
        let tag = dnskey.calculate_key_tag().ok()?;
        Some(Self { tag, dnskey: dnskey.clone() })
    }
}

impl<'m> Set<'m> {
    /// The set of one type at one name, if the section has a record of it.
    pub(super) fn find(section: &'m [Record], owner: &DomainName, record_type: RecordType) -> Option<Self> {
        let here = |record: &&'m Record| record.name == *owner && record.dns_class == DNSClass::IN;
        let wanted = |record: &&'m Record| record.record_type() == record_type;
        let records = each_once(section.iter().filter(here).filter(wanted).collect());
        let owner = &records.first()?.name;
        let covering =
            |record: &'m Record| signature(record).filter(|s| s.input().type_covered == record_type);
        let signatures = section.iter().filter(here).filter_map(covering).collect();
        Some(Self { owner, record_type, records, signatures })
    }

    /// All sets of a type in a section, in order, at the most so many.
    pub(super) fn all(section: &'m [Record], record_type: RecordType, most: usize) -> Vec<Self> {
        let mut owners: Vec<&DomainName> = Vec::new();
        for record in section.iter().filter(|record| record.record_type() == record_type) {
            if owners.len() < most && !owners.contains(&&record.name) {
                owners.push(&record.name);
            }
        }
        owners.into_iter().filter_map(|owner| Self::find(section, owner, record_type)).collect()
    }

    /// Names of the zones that signed it, as far as they may: at or above the owner, deepest
    /// first.
    pub(super) fn signers(&self) -> Vec<&'m DomainName> {
        let mut signers: Vec<&DomainName> = Vec::new();
        for signature in &self.signatures {
            let signer = &signature.input().signer_name;
            if signer.zone_of(self.owner) && !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        signers.sort_by_key(|signer| std::cmp::Reverse(signer.iter().count()));
        signers
    }

    /// Checks the set against the keys of the zone `apex` (RFC 4035 section 5.3.1 and 5.3.2).
    pub(super) fn verify(
        &self,
        apex: &DomainName,
        keys: &[Key],
        now: UnixTime,
        budget: &mut Budget<'_>,
    ) -> Result<Proof, Defect> {
        let mut defect = Defect::NoSignature;
        let ours = |signature: &&&RRSIG| signature.input().signer_name == *apex && apex.zone_of(self.owner);
        for signature in self.signatures.iter().filter(ours).take(MOST_SIGNATURES) {
            match self.verify_one(signature, keys, now, budget) {
                Ok(proof) => return Ok(proof),
                Err(other) => defect = more_telling(defect, other),
            }
        }
        Err(defect)
    }

    fn verify_one(
        &self,
        signature: &RRSIG,
        keys: &[Key],
        now: UnixTime,
        budget: &mut Budget<'_>,
    ) -> Result<Proof, Defect> {
        let input = signature.input();
        let key_tag = input.key_tag;
        // Whether it ends before it begins, RFC 1982 cannot tell for longer than half of its circle.
        let lasts = input.sig_expiration.get().wrapping_sub(input.sig_inception.get());
        if input.num_labels > self.owner.num_labels() || !input.algorithm.is_supported() || lasts > 1 << 31 {
            return Err(Defect::SignatureWrong { key_tag });
        }
        let (from, until) = (moment(input.sig_inception.get(), now), moment(input.sig_expiration.get(), now));
        if until < now {
            return Err(Defect::SignatureExpired { key_tag, at: until });
        }
        if from > now {
            return Err(Defect::SignatureNotYetValid { key_tag, from });
        }
        let fitting = keys
            .iter()
            .filter(|key| key.tag == key_tag && key.dnskey.public_key().algorithm() == input.algorithm);
        let mut fitting = fitting.take(MOST_KEYS_PER_TAG).peekable();
        if fitting.peek().is_none() {
            return Err(Defect::UnknownKey { key_tag });
        }
        let wrong = Defect::SignatureWrong { key_tag };
        let Some(signed) = self.signed_octets(input) else { return Err(wrong) };
        for key in fitting {
            let fits = budget.fits(&key.dnskey, &signed, signature.sig());
            if fits.map_err(|Spent| Defect::TooMuchWork)? {
                let left = u32::try_from(until.seconds() - now.seconds()).unwrap_or(u32::MAX);
                let ttl = self.records.iter().map(|record| record.ttl).min().unwrap_or(0);
                return Ok(Proof {
                    labels: input.num_labels,
                    wildcard: input.num_labels < self.owner.num_labels(),
                    key_tag,
                    algorithm: input.algorithm.into(),
                    until,
                    ttl: ttl.min(input.original_ttl).min(left),
                });
            }
        }
        Err(wrong)
    }

    /// What a signature covers (RFC 4034 section 3.1.8.1): its own fields, then the records in
    /// canonical form and order, under the name that was signed (RFC 4035 section 5.3.2). hickory's
    /// own go by TTL before data, and leave DNAME as it is.
    fn signed_octets(&self, input: &SigInput) -> Option<Vec<u8>> {
        let labels = usize::from(input.num_labels);
        let from_wildcard = input.num_labels < self.owner.num_labels();
        let wildcard = from_wildcard.then(|| self.owner.trim_to(labels).prepend_label("*"));
        let wildcard = wildcard.transpose().ok()?;
        let mut head = canonical(wildcard.as_ref().unwrap_or(self.owner))?;
        head.extend(u16::from(self.record_type).to_be_bytes());
        head.extend(u16::from(DNSClass::IN).to_be_bytes());
        head.extend(input.original_ttl.to_be_bytes());
        let mut all: Vec<Vec<u8>> =
            self.records.iter().map(|record| canonical_data(&record.data)).collect::<Option<_>>()?;
        all.sort_unstable();
        all.dedup(); // RFC 4034 section 6.3
        let mut octets = canonical(input)?;
        for data in all {
            octets.extend(&head);
            octets.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
            octets.extend(data);
        }
        Some(octets)
    }
}

/// RFC 4034 section 6.2 and RFC 6840 section 5.1. In a name no length is a letter.
fn canonical_data(data: &RData) -> Option<Vec<u8>> {
    match data {
        RData::Unknown { code: RecordType::DNAME, rdata } => Some(rdata.anything.to_ascii_lowercase()),
        other => canonical(other),
    }
}

/// As it was sent, names within not compressed.
pub(super) fn whole_data(data: &RData) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(octets)
}

/// Names not compressed, and in lower case where it is not part of what is said.
fn canonical(part: &impl BinEncodable) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_canonical_form(true);
    encoder.set_name_encoding(NameEncoding::UncompressedLowercase);
    part.emit(&mut encoder).ok()?;
    Some(octets)
}

fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

/// Of two defects the one that explains more.
pub(super) fn more_telling(one: Defect, other: Defect) -> Defect {
    let rank = |defect: &Defect| match defect {
        Defect::TooMuchWork => 5,
        Defect::SignatureExpired { .. } | Defect::SignatureNotYetValid { .. } => 4,
        Defect::SignatureWrong { .. } => 3,
        Defect::OutOfZone => 2,
        Defect::UnknownKey { .. } => 1,
        _ => 0,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// The moment with these 32 low bits that is nearest to now (RFC 4034 section 3.1.5, RFC 1982).
fn moment(serial: u32, now: UnixTime) -> UnixTime {
    let ahead = (i64::from(serial) - now.seconds()).rem_euclid(1 << 32);
    now.plus(if ahead >= 1 << 31 { ahead - (1 << 32) } else { ahead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_data_are_whole_and_keep_their_case() {
        use hickory_resolver::proto::rr::rdata::MX;
        use hickory_resolver::proto::rr::rdata::SOA;
        let name = |text| DomainName::from_ascii(text).unwrap();
        let soa = RData::SOA(SOA::new(name("Ns.test."), name("h.test."), 1, 2, 3, 4, 5));
        let numbers = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5];
        let whole = [&b"\x02Ns\x04test\0\x01h\x04test\0"[..], &numbers].concat();
        assert_eq!(whole_data(&soa), Some(whole));
        let mx = RData::MX(MX::new(7, name("MX.test.")));
        assert_eq!(whole_data(&mx), Some(b"\0\x07\x02MX\x04test\0".to_vec()));
    }

    #[test]
    fn times_wrap_in_2106() {
        let now = UnixTime::from_seconds((1 << 32) - 100);
        assert_eq!(moment(50, now), UnixTime::from_seconds((1 << 32) + 50));
        assert_eq!(moment(u32::MAX - 200, now), UnixTime::from_seconds((1 << 32) - 201));
        let today = UnixTime::from_seconds(1_795_000_000);
        assert_eq!(moment(1_794_000_000, today), UnixTime::from_seconds(1_794_000_000));
    }
}
