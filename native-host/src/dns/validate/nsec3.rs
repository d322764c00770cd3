//! What NSEC3 records say (RFC 5155).

use std::collections::HashMap;

use data_encoding::BASE32HEX_NOPAD;
use hickory_resolver::proto::dnssec::rdata::NSEC3;

use super::session::{Budget, Spent};
use crate::dns::{DomainName, RecordType};

/// RFC 9276 section 3.2: above this a zone is treated as insecure. Other validators compute as many.
const MOST_ITERATIONS: u16 = 150;

/// A proven NSEC3 record.
#[derive(Clone, Debug)]
pub(super) struct Nsec3<'m> {
    hash: Vec<u8>,
    record: &'m NSEC3,
}

/// The proven NSEC3 records of a message that belong to one chain.
#[derive(Clone, Debug)]
pub(super) struct Nsec3Chain<'m> {
    apex: &'m DomainName,
    records: Vec<Nsec3<'m>>,
    hashes: HashMap<DomainName, Vec<u8>>,
}

/// The closest encloser and the name one label longer on the way to the name sought (RFC 5155
/// section 8.3).
#[derive(Clone, Debug)]
pub(super) struct Closest {
    pub(super) encloser: DomainName,
    pub(super) next_closer: DomainName,
}

impl<'m> Nsec3<'m> {
    /// Takes a record whose signature by the zone `apex` has been checked. `None` if its owner is
    /// not one hash below the apex.
    pub(super) fn new(owner: &DomainName, record: &'m NSEC3, apex: &DomainName) -> Option<Self> {
        let label = owner.iter().next().filter(|_| owner.base_name() == *apex)?;
        let hash = BASE32HEX_NOPAD.decode(&label.to_ascii_uppercase()).ok()?;
        let sound = hash.len() == 20 && record.next_hashed_owner_name().len() == 20;
        sound.then_some(Self { hash, record })
    }

    pub(super) fn has(&self, record_type: RecordType) -> bool {
        self.record.type_set().contains(record_type)
    }

    pub(super) fn opts_out(&self) -> bool {
        self.record.opt_out()
    }

    /// Whether it stands at a delegation: the parent's side.
    pub(super) fn is_delegation(&self) -> bool {
        self.has(RecordType::NS) && !self.has(RecordType::SOA)
    }

    fn covers(&self, hash: &[u8]) -> bool {
        let (owner, next) = (self.hash.as_slice(), self.record.next_hashed_owner_name());
        if owner < next { owner < hash && hash < next } else { owner < hash || hash < next }
    }
}

impl<'m> Nsec3Chain<'m> {
    /// The records by the parameters that they share (RFC 5155 section 8.2): those of a chain that is being
    /// built or taken down may stand beside the zone's own. One of those, replayed, must not make a zone
    /// insecure by its iterations.
    pub(super) fn sort(apex: &'m DomainName, records: Vec<Nsec3<'m>>) -> Vec<Self> {
        let mut chains: Vec<Self> = Vec::new();
        for record in records {
            let same = |other: &&mut Self| {
                other.records.iter().all(|first| {
                    let (first, record) = (first.record, record.record);
                    first.salt() == record.salt() && first.iterations() == record.iterations()
                })
            };
            match chains.iter_mut().find(same) {
                Some(chain) => chain.records.push(record),
                None => chains.push(Self { apex, records: vec![record], hashes: HashMap::new() }),
            }
        }
        if chains.iter().any(|chain| chain.excess().is_none()) {
            chains.retain(|chain| chain.excess().is_none());
        }
        chains
    }

    /// The iterations, where they are more than may be asked of a validator.
    pub(super) fn excess(&self) -> Option<u16> {
        let iterations = self.records.first()?.record.iterations();
        (iterations > MOST_ITERATIONS).then_some(iterations)
    }

    /// The record at `name` (RFC 5155 section 8.5).
    pub(super) fn at(
        &mut self,
        name: &DomainName,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Nsec3<'m>>, Spent> {
        let hash = self.hash(name, budget)?;
        Ok(self.records.iter().find(|record| record.hash == hash).cloned())
    }

    /// The record that covers `name`.
    pub(super) fn covering(
        &mut self,
        name: &DomainName,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Nsec3<'m>>, Spent> {
        let hash = self.hash(name, budget)?;
        Ok(self.records.iter().find(|record| record.covers(&hash)).cloned())
    }

    /// The closest encloser of `name` that a record shows; never `name` itself. A record at a
    /// delegation or a DNAME may not serve (RFC 5155 section 8.3).
    pub(super) fn closest(
        &mut self,
        name: &DomainName,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Closest>, Spent> {
        let mut next_closer = name.clone();
        while self.apex.zone_of(&next_closer) && next_closer != *self.apex {
            let encloser = next_closer.base_name();
            if let Some(record) = self.at(&encloser, budget)? {
                let speaks = !record.is_delegation() && !record.has(RecordType::DNAME);
                return Ok(speaks.then_some(Closest { encloser, next_closer }));
            }
            next_closer = encloser;
        }
        Ok(None)
    }

    fn hash(&mut self, name: &DomainName, budget: &mut Budget<'_>) -> Result<Vec<u8>, Spent> {
        if let Some(hash) = self.hashes.get(name) {
            return Ok(hash.clone());
        }
        let record = self.records.first().ok_or(Spent)?.record;
        budget.hash(record.iterations())?;
        let hash = record.hash_algorithm().hash(record.salt(), name, record.iterations());
        let hash = hash.map_err(|_| Spent)?.as_ref().to_vec();
        self.hashes.insert(name.clone(), hash.clone());
        Ok(hash)
    }
}
