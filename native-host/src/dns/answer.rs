//! What a question to the DNS can end in, and the facts behind each end.
//!
//! Texts for people are made elsewhere; here are names, key tags and moments.

use std::time::Duration;

use super::{DomainName, RecordType};
use crate::clock::UnixTime;

/// A value that DNSSEC proved, from a trust anchor down, at the moment it was asked for.
///
/// Only the validator of this module makes one. There is no way to change the value within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated<T>(T);

impl<T> Validated<T> {
    /// The one place where proof is declared. Callers have just checked every rule.
    pub(in crate::dns) fn proven(value: T) -> Self {
        Self(value)
    }

    /// The proven value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The records are there, and proven.
    Secure(Validated<RecordSet>),
    /// There are none, and that is proven.
    Absent(Validated<Denial>),
    /// It is proven that this part of the DNS is not signed. What it says proves nothing.
    Insecure(Insecurity),
    /// An answer came that fails validation: forged, broken or expired.
    Bogus(Fault),
    /// Nothing came that proves anything.
    Unreachable(Outage),
}

/// The records of one type at one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The name that holds the records: the one asked for, or where aliases led.
    pub owner: DomainName,
    /// Their type.
    pub record_type: RecordType,
    /// The records; never empty.
    pub records: Vec<Record>,
    /// Names of the aliases (CNAME, DNAME) that were followed, the one asked for first.
    pub aliases: Vec<DomainName>,
    /// Whether a wildcard stands behind the answer (RFC 4592), here or at an alias.
    pub from_wildcard: bool,
    /// The zones from the trust anchor down to the one that signed the records.
    pub chain: Vec<Link>,
    /// The proof holds until then: the earliest end of all signatures it rests on.
    pub valid_until: UnixTime,
}

/// One record's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How long it may be kept, in seconds; never more than the signed original TTL.
    pub ttl: u32,
    /// The record data as on the wire, names within not compressed.
    pub rdata: Vec<u8>,
}

/// A zone on the way from the trust anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The zone's apex.
    pub zone: DomainName,
    /// The key whose signature was relied on.
    pub key_tag: u16,
    /// Its algorithm's number in the IANA registry.
    pub algorithm: u8,
}

/// A proven "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What does not exist.
    pub what: Missing,
    /// The name that was asked for, or the one that its aliases lead to.
    pub name: DomainName,
    /// The deepest name above it that exists. `None` where the name itself exists, where a wildcard answers in its
    /// place, and where the denial was made on demand and does not tell (RFC 9824).
    pub closest_encloser: Option<DomainName>,
    /// The zone that says so.
    pub zone: DomainName,
    /// How long the "no" may be kept, in seconds (RFC 2308 section 5).
    pub ttl: u32,
    /// The zones from the trust anchor down.
    pub chain: Vec<Link>,
    /// The proof holds until then.
    pub valid_until: UnixTime,
}

impl Denial {
    /// Whether it proves that there is nothing at `domain`, and nothing below it.
    pub fn covers_all_of(&self, domain: &DomainName) -> bool {
        let above = self.closest_encloser.as_ref().filter(|encloser| *encloser != domain);
        domain.zone_of(&self.name) && above.is_some_and(|encloser| encloser.zone_of(domain))
    }
}

/// What a denial denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The name itself (NXDOMAIN).
    Name,
    /// Records of the type asked for; the name exists (NODATA).
    Type,
}

/// Why a part of the DNS is provably not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insecurity {
    /// The first zone or name on the way down that is not secured.
    pub zone: DomainName,
    /// What makes it so.
    pub cause: InsecureCause,
}

/// What makes a zone insecure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsecureCause {
    /// The parent proves that there is no DS record (RFC 4035 section 5.2).
    NoDs,
    /// The parent's opt-out span may hold an unsigned delegation (RFC 5155 section 6).
    OptOut,
    /// More NSEC3 iterations than RFC 9276 section 3.2 wants a validator to compute.
    TooManyIterations(u16),
    /// The zone is signed with algorithms or digests only that this program does not know.
    UnknownAlgorithm,
}

/// What failed, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name whose records failed.
    pub name: DomainName,
    /// Their type.
    pub record_type: RecordType,
    /// The zone that should have proven them, where that is known.
    pub zone: Option<DomainName>,
    /// What is wrong.
    pub defect: Defect,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Aliases lead round in a circle or on for too long.
    AliasLoop,
    /// The answer is not one to the question.
    Foreign,
    /// None of the keys of an anchor's own zone is the trusted one, or the one that is has been revoked.
    KeysNotTrusted,
    /// None of the zone's keys is the one its parent names.
    KeysNotVouchedFor,
    /// The zone has no keys although its parent says it is signed.
    NoKeys,
    /// Nothing proves that the records, or the name, do not exist.
    NoDenial,
    /// The records carry no signature.
    NoSignature,
    /// An NSEC or NSEC3 record reaches out of the zone that signed it.
    OutOfZone,
    /// A second validator calls the answer forged although this one does not.
    SecondOpinion,
    /// The signature has ended.
    SignatureExpired {
        /// The key that made it.
        key_tag: u16,
        /// When it ended.
        at: UnixTime,
    },
    /// The signature has not begun.
    SignatureNotYetValid {
        /// The key that made it.
        key_tag: u16,
        /// When it begins.
        from: UnixTime,
    },
    /// The signature does not fit the records.
    SignatureWrong {
        /// The key that it names.
        key_tag: u16,
    },
    /// More keys, signatures or records than a look-up may cost.
    TooMuchWork,
    /// Not even the keys of the anchor's own zone came with a signature: somebody on the way takes
    /// signatures out of all answers, as many home routers do.
    SignaturesStripped,
    /// Signed by a key that the zone does not have.
    UnknownKey {
        /// The key that the signature names.
        key_tag: u16,
    },
    /// An answer made from a wildcard, without the proof that the name itself does not exist.
    WildcardUnproven,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outage {
    /// No trust anchor stands at or above the name.
    NoAnchor,
    /// The name is of those that are not in the DNS. Nothing was asked.
    NotInDns,
    /// The system names no resolver.
    NoServers,
    /// The address of the resolver that is given by its host's name (DoH) cannot be found.
    HostNotFound,
    /// Nothing came in time.
    TimedOut(Duration),
    /// No connection to a resolver.
    Refused(std::io::ErrorKind),
    /// TLS to the resolver failed, or its certificate is not trusted.
    Tls,
    /// The resolver answered with an error (RFC 1035 section 4.1.1, `SERVFAIL` and the like).
    ServerError(u16),
    /// What came is no DNS message.
    Garbled,
    /// The answer is too large for UDP, and TCP does not work.
    Truncated,
}
