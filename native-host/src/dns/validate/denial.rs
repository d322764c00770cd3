//! What the denial records of a message prove together (RFC 4035 section 5.4, RFC 5155 section 8,
//! RFC 6840 section 4).

use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::rr::{RData, Record};

use super::chain::Zone;
use super::nsec::Nsec;
use super::nsec3::{Nsec3, Nsec3Chain};
use super::rrset::{Set, more_telling};
use super::session::{Budget, Spent};
use crate::clock::UnixTime;
use crate::dns::answer::Defect;
use crate::dns::{DomainName, RecordType};

/// Denial records of one kind that are looked at; an honest answer has up to four.
const MOST_RECORDS: usize = 12;

/// Among the types at a name: there is no such name (RFC 9824 section 3.1).
const NXNAME: RecordType = RecordType::Unknown(128);

/// The proven denial records of a message, all of one zone.
pub(super) struct Evidence<'m> {
    nsec: Vec<Nsec<'m>>,
    nsec3: Vec<Nsec3Chain<'m>>,
    /// What is missing, or wrong with one of them.
    defect: Defect,
    /// When the first of their signatures ends.
    pub(super) until: UnixTime,
    /// The shortest time that one of them may be kept, in seconds.
    pub(super) ttl: u32,
}

/// What is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The type does not exist at the name.
    Type,
    /// The name does not exist, and which one above it does, where that is told.
    Name(Option<DomainName>),
    /// It does not exist in this zone, but may in an unsigned delegation at this name (RFC 5155
    /// section 6).
    OptOut(DomainName),
}

/// What is proven of a possible delegation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A delegation without DS.
    Unsigned,
    /// There may be one: the span is opted out.
    OptOut,
    /// The name is an ordinary name of the zone.
    None,
    /// Neither the name nor any below it exists in the zone.
    Nothing,
}

/// Why nothing is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A record is missing, or does not count for this reason.
    Defect(Defect),
    /// So many NSEC3 iterations are not computed.
    Iterations(u16),
}

impl From<Spent> for Gap {
    fn from(Spent: Spent) -> Self {
        Self::Defect(Defect::TooMuchWork)
    }
}

impl<'m> Evidence<'m> {
    /// Checks the NSEC, NSEC3 and SOA records of a section that are the zone's to sign. Where the
    /// answer itself is in question, one that fails spoils all: the message has been meddled with.
    /// On the way down (`lenient`) each proven record stands for itself.
    pub(super) fn gather(
        section: &'m [Record],
        zone: &'m Zone,
        now: UnixTime,
        budget: &mut Budget<'_>,
        lenient: bool,
    ) -> Self {
        let mut evidence = Self {
            nsec: Vec::new(),
            nsec3: Vec::new(),
            defect: Defect::NoDenial,
            until: zone.until,
            ttl: u32::MAX,
        };
        let mut nsec3 = Vec::new();
        let mut spoiled = false;
        for record_type in [RecordType::SOA, RecordType::NSEC, RecordType::NSEC3] {
            let sets = Set::all(section, record_type, MOST_RECORDS);
            for set in sets.iter().filter(|set| concerns(zone, set) && !is_unknown_nsec3(set)) {
                match evidence.check(set, zone, now, budget) {
                    Ok(Checked::Soa) => {}
                    Ok(Checked::Nsec(record)) => evidence.nsec.push(record),
                    Ok(Checked::Nsec3(record)) => nsec3.push(record),
                    Err(defect) => {
                        spoiled |= !lenient;
                        evidence.defect = more_telling(evidence.defect.clone(), defect);
                    }
                }
            }
        }
        if spoiled {
            evidence.nsec.clear();
            nsec3.clear();
        }
        evidence.nsec3 = Nsec3Chain::sort(&zone.apex, nsec3);
        evidence
    }

    fn check(
        &mut self,
        set: &Set<'m>,
        zone: &'m Zone,
        now: UnixTime,
        budget: &mut Budget<'_>,
    ) -> Result<Checked<'m>, Defect> {
        let proof = set.verify(&zone.apex, &zone.keys, now, budget)?;
        let [record] = set.records.as_slice() else { return Err(Defect::OutOfZone) };
        let checked = match &record.data {
            // RFC 4035 section 5.4: an NSEC is itself never made from a wildcard.
            _ if proof.wildcard => None,
            RData::SOA(soa) if *set.owner == zone.apex => {
                self.ttl = self.ttl.min(soa.minimum); // RFC 2308 section 5
                Some(Checked::Soa)
            }
            RData::DNSSEC(DNSSECRData::NSEC(nsec)) => {
                Nsec::new(set.owner, nsec, &zone.apex).map(Checked::Nsec)
            }
            RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
                Nsec3::new(set.owner, nsec3, &zone.apex).map(Checked::Nsec3)
            }
            _ => None,
        };
        let checked = checked.ok_or(Defect::OutOfZone)?;
        self.until = self.until.min(proof.until);
        self.ttl = self.ttl.min(proof.ttl);
        Ok(checked)
    }

    /// Whether there are no records of `record_type` at `name`, and none that a wildcard would
    /// give it. The response code is not asked: it is not signed.
    pub(super) fn denies(
        &mut self,
        name: &DomainName,
        record_type: RecordType,
        budget: &mut Budget<'_>,
    ) -> Result<Denied, Gap> {
        if let Some(denied) = self.nsec_denies(name, record_type) {
            return Ok(denied);
        }
        let missing = Gap::Defect(self.defect.clone());
        self.by_a_chain(missing.clone(), |chain| nsec3_denies(chain, name, record_type, &missing, budget))
    }

    fn nsec_denies(&self, name: &DomainName, record_type: RecordType) -> Option<Denied> {
        if let Some(here) = self.nsec.iter().find(|nsec| nsec.owner() == name) {
            let lacks = lacks(|t| here.has(t), here.is_delegation(), name, record_type);
            // A compact denial says in its types whether there is such a name (RFC 9824 section 3.1).
            let denied = if here.has(NXNAME) { Denied::Name(None) } else { Denied::Type };
            return lacks.then_some(denied);
        }
        let covering = self.nsec.iter().find(|nsec| nsec.covers(name))?;
        if covering.shows_below(name) {
            return Some(Denied::Type); // an empty non-terminal has no records at all
        }
        let encloser = covering.closest_encloser(name);
        let star = wildcard(&encloser)?;
        if let Some(at_star) = self.nsec.iter().find(|nsec| *nsec.owner() == star) {
            let lacks = lacks(|t| at_star.has(t), at_star.is_delegation(), &star, record_type);
            return lacks.then_some(Denied::Type);
        }
        self.nsec.iter().any(|nsec| nsec.covers(&star)).then_some(Denied::Name(Some(encloser)))
    }

    /// Whether a record set at `name`, made from the wildcard below the closest encloser of so
    /// many labels, is rightly so: no name closer to `name` exists (RFC 4035 section 5.3.4, RFC
    /// 5155 section 8.8). `true` means that the proof is opted out.
    pub(super) fn allows_wildcard(
        &mut self,
        name: &DomainName,
        labels: u8,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Gap> {
        let depth = usize::from(labels);
        let same =
            |nsec: &&Nsec<'_>| nsec.covers(name) && nsec.closest_encloser(name).iter().count() == depth;
        if self.nsec.iter().any(|nsec| same(&nsec)) {
            return Ok(false);
        }
        let unproven = match &self.defect {
            Defect::NoDenial => Gap::Defect(Defect::WildcardUnproven),
            other => Gap::Defect(other.clone()),
        };
        let next_closer = name.trim_to(depth + 1);
        self.by_a_chain(unproven.clone(), |chain| {
            let covering = chain.covering(&next_closer, budget)?;
            covering.map(|covering| covering.opts_out()).ok_or_else(|| unproven.clone())
        })
    }

    /// What the zone says of a delegation at `name`, where there is no DS record (RFC 4035 section
    /// 5.2, RFC 5155 section 8.9).
    pub(super) fn cut(&mut self, name: &DomainName, budget: &mut Budget<'_>) -> Result<Cut, Gap> {
        let missing = Gap::Defect(self.defect.clone());
        if let Some(here) = self.nsec.iter().find(|nsec| nsec.owner() == name) {
            return cut_at(|t| here.has(t)).ok_or(missing);
        }
        if let Some(covering) = self.nsec.iter().find(|nsec| nsec.covers(name)) {
            return Ok(if covering.shows_below(name) { Cut::None } else { Cut::Nothing });
        }
        self.by_a_chain(missing.clone(), |chain| {
            if let Some(here) = chain.at(name, budget)? {
                return cut_at(|t| here.has(t)).ok_or_else(|| missing.clone());
            }
            let closest = chain.closest(name, budget)?.ok_or_else(|| missing.clone())?;
            let covering = chain.covering(&closest.next_closer, budget)?.ok_or_else(|| missing.clone())?;
            Ok(if covering.opts_out() { Cut::OptOut } else { Cut::Nothing })
        })
    }

    /// What the first chain proves that proves anything; else why the last one does not.
    fn by_a_chain<T>(
        &mut self,
        missing: Gap,
        mut proof: impl FnMut(&mut Nsec3Chain<'m>) -> Result<T, Gap>,
    ) -> Result<T, Gap> {
        let mut gap = missing;
        for chain in &mut self.nsec3 {
            match chain.excess().map_or_else(|| proof(chain), |iterations| Err(Gap::Iterations(iterations))) {
                Ok(proven) => return Ok(proven),
                Err(other) => gap = other,
            }
        }
        Err(gap)
    }
}

/// By the type bits at the name itself: DS would contradict the answer, SOA would be the child's side.
fn cut_at(has: impl Fn(RecordType) -> bool) -> Option<Cut> {
    let contradicts = has(RecordType::DS) || has(RecordType::SOA);
    (!contradicts).then(|| if has(RecordType::NS) { Cut::Unsigned } else { Cut::None })
}

/// What one chain of hashes denies.
fn nsec3_denies(
    chain: &mut Nsec3Chain<'_>,
    name: &DomainName,
    record_type: RecordType,
    missing: &Gap,
    budget: &mut Budget<'_>,
) -> Result<Denied, Gap> {
    if let Some(here) = chain.at(name, budget)? {
        let lacks = lacks(|t| here.has(t), here.is_delegation(), name, record_type);
        return if lacks { Ok(Denied::Type) } else { Err(missing.clone()) };
    }
    // RFC 5155 sections 8.4, 8.6 and 8.7
    let closest = chain.closest(name, budget)?.ok_or_else(|| missing.clone())?;
    let covering = chain.covering(&closest.next_closer, budget)?.ok_or_else(|| missing.clone())?;
    if covering.opts_out() && record_type == RecordType::DS {
        return Ok(Denied::OptOut(closest.next_closer));
    }
    let star = wildcard(&closest.encloser).ok_or_else(|| missing.clone())?;
    let denied = match chain.at(&star, budget)? {
        Some(at_star) => {
            lacks(|t| at_star.has(t), at_star.is_delegation(), &star, record_type).then_some(Denied::Type)
        }
        None => chain.covering(&star, budget)?.map(|_| Denied::Name(Some(closest.encloser.clone()))),
    };
    let denied = denied.ok_or_else(|| missing.clone())?;
    // RFC 5155 section 9.2: an opted-out span proves nothing of what is delegated unsigned.
    Ok(if covering.opts_out() { Denied::OptOut(closest.next_closer) } else { denied })
}

enum Checked<'m> {
    Soa,
    Nsec(Nsec<'m>),
    Nsec3(Nsec3<'m>),
}

/// RFC 5155 sections 8.1 and 8.2: an NSEC3 record with a hash or flags that nobody knows is ignored.
fn is_unknown_nsec3(set: &Set<'_>) -> bool {
    let unknown = |record: &&Record| matches!(record.data, RData::Unknown { .. });
    set.record_type == RecordType::NSEC3 && set.records.iter().all(unknown)
}

/// Whether a set is this zone's to sign. The proofs of an alias's own zone may stand beside.
fn concerns(zone: &Zone, set: &Set<'_>) -> bool {
    let signers = set.signers();
    let at_home = match set.record_type {
        RecordType::SOA => *set.owner == zone.apex,
        _ => zone.apex.zone_of(set.owner),
    };
    signers.contains(&&zone.apex) || (signers.is_empty() && at_home)
}

/// Whether the record at a name shows that it lacks a type (RFC 6840 section 4.3: no CNAME either)
/// and speaks for the right side of a zone cut.
fn lacks(
    has: impl Fn(RecordType) -> bool,
    delegation: bool,
    name: &DomainName,
    record_type: RecordType,
) -> bool {
    let right_side = match record_type {
        RecordType::DS => !has(RecordType::SOA) || name.is_root(),
        _ => !delegation,
    };
    right_side && !has(record_type) && !has(RecordType::CNAME)
}

/// `*.` in front of the encloser; `None` if that is too long to be a name.
fn wildcard(encloser: &DomainName) -> Option<DomainName> {
    encloser.prepend_label("*").ok()
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::dnssec::rdata::NSEC;

    use super::*;

    #[test]
    fn a_compact_denial_tells_a_name_from_a_type() {
        let name = |text| DomainName::from_ascii(text).unwrap();
        let (apex, owner) = (name("example."), name("x.example."));
        let denied = |types: &[RecordType]| {
            let next = owner.prepend_label([0_u8].as_slice()).unwrap();
            let nsec = NSEC::new(next, types.iter().copied());
            let evidence = Evidence {
                nsec: vec![Nsec::new(&owner, &nsec, &apex).unwrap()],
                nsec3: Vec::new(),
                defect: Defect::NoDenial,
                until: UnixTime::from_seconds(0),
                ttl: 0,
            };
            evidence.nsec_denies(&owner, RecordType::SMIMEA)
        };
        assert_eq!(denied(&[RecordType::RRSIG, RecordType::NSEC, NXNAME]), Some(Denied::Name(None)));
        assert_eq!(denied(&[RecordType::RRSIG, RecordType::NSEC]), Some(Denied::Type));
        assert_eq!(denied(&[RecordType::SMIMEA, RecordType::NSEC]), None);
    }
}
