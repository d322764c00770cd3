//! The question itself: its answer, a wildcard's answer, a denial, or an alias that leads on.

use std::sync::Arc;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{LowerName, RData, Record as WireRecord};

use super::chain::{Step, Zone, likely_zone, way_down};
use super::denial::{Denied, Evidence, Gap};
use super::rrset::{Proof, Set, whole_data};
use super::session::{Session, Stop};
use crate::clock::UnixTime;
use crate::dns::answer::{
    Answer, Defect, Denial, InsecureCause, Insecurity, Link, Missing, Outage, Record, RecordSet, Validated,
};
use crate::dns::{DomainName, RecordType, is_outside};

/// Aliases that are followed.
const MOST_ALIASES: usize = 11;

/// Zones whose signatures over one answer are tried.
const MOST_SIGNERS: usize = 2;

/// Where one message leads.
enum Hop {
    Records(Vec<Record>, Verified),
    Alias(DomainName, Verified),
    Denied(Denial),
}

/// A set that is proven, the absence of closer names included where it needs that.
struct Verified {
    zone: Arc<Zone>,
    wildcard: bool,
    until: UnixTime,
}

/// What the aliases so far add to the answer.
struct Trail {
    aliases: Vec<DomainName>,
    wildcard: bool,
    until: UnixTime,
    chain: Vec<Link>,
}

impl Trail {
    fn has_room_for(&self, target: &DomainName) -> bool {
        !self.aliases.contains(target) && self.aliases.len() <= MOST_ALIASES
    }

    fn extend(&mut self, chain: &[Link], until: UnixTime) {
        self.until = self.until.min(until);
        for link in chain {
            if !self.chain.contains(link) {
                self.chain.push(link.clone());
            }
        }
    }
}

impl Session<'_> {
    /// Answers the question; every alias on the way must be proven.
    pub(in crate::dns) async fn answer(&mut self, name: &DomainName, record_type: RecordType) -> Answer {
        match self.follow(name, record_type).await {
            Ok(answer) => answer,
            Err(stop) => stop.into(),
        }
    }

    async fn follow(&mut self, asked: &DomainName, record_type: RecordType) -> Result<Answer, Stop> {
        let until = UnixTime::from_seconds(i64::MAX);
        let mut trail = Trail { aliases: Vec::new(), wildcard: false, until, chain: Vec::new() };
        let mut name = asked.clone();
        let mut carried: Option<Arc<Message>> = None;
        if is_outside(asked) {
            return Err(Stop::Unreachable(Outage::NotInDns)); // nor need anything be asked to prove it
        }
        if self.anchors.closest(&zone_side(asked, record_type)).is_none() {
            return Err(Stop::Unreachable(Outage::NoAnchor));
        }
        let mut together = self.likely_needed(asked);
        together.push((LowerName::new(asked), record_type));
        self.fetch_all(&together).await?;
        let mut insecure: Option<Insecurity> = None;
        loop {
            let hop = match self.hop(carried.take(), &name, record_type).await {
                Err(Stop::Insecure(here)) => {
                    // The worst hop decides: what an unsigned alias leads to may still be forged.
                    let stop = insecure.get_or_insert(here).clone();
                    let target = self.unsigned_alias(&name, record_type).await;
                    trail.aliases.push(name);
                    let Some(target) = target else { return Err(Stop::Insecure(stop)) };
                    if !trail.has_room_for(&target) {
                        return Err(Stop::bogus(&target, RecordType::CNAME, None, Defect::AliasLoop));
                    }
                    name = target;
                    continue;
                }
                Err(Stop::Unreachable(_)) if let Some(insecure) = insecure => {
                    return Err(Stop::Insecure(insecure));
                }
                other => other?,
            };
            match (hop, &insecure) {
                ((Hop::Records(..) | Hop::Denied(_), _), Some(insecure)) => {
                    return Err(Stop::Insecure(insecure.clone()));
                }
                ((Hop::Records(records, verified), _), None) => {
                    trail.extend(&verified.zone.chain, verified.until);
                    return Ok(Answer::Secure(Validated::proven(RecordSet {
                        owner: name,
                        record_type,
                        records,
                        aliases: trail.aliases,
                        from_wildcard: trail.wildcard || verified.wildcard,
                        chain: trail.chain,
                        valid_until: trail.until,
                    })));
                }
                ((Hop::Denied(mut denial), _), None) => {
                    trail.extend(&denial.chain, denial.valid_until);
                    (denial.chain, denial.valid_until) = (trail.chain, trail.until);
                    return Ok(Answer::Absent(Validated::proven(denial)));
                }
                ((Hop::Alias(target, verified), message), _) => {
                    trail.extend(&verified.zone.chain, verified.until);
                    trail.wildcard |= verified.wildcard;
                    trail.aliases.push(name.clone());
                    if !trail.has_room_for(&target) {
                        return Err(Stop::bogus(
                            &name,
                            RecordType::CNAME,
                            Some(&verified.zone.apex),
                            Defect::AliasLoop,
                        ));
                    }
                    name = target;
                    carried = Some(message);
                }
            }
        }
    }

    /// Where an alias leads that nobody signed.
    async fn unsigned_alias(&mut self, name: &DomainName, record_type: RecordType) -> Option<DomainName> {
        let message = self.fetch(name, record_type).await.ok()?;
        match Set::find(&message.answers, name, RecordType::CNAME) {
            Some(set) => cname_target(&set),
            None => dname_target(&dname_above(&message.answers, name)?, name),
        }
    }

    /// A zone that delegates the name to another has no word on it, though what it once signed may
    /// be replayed. Looks only as far as delegations were asked for anyway.
    async fn still_speaks(
        &mut self,
        zone: &Zone,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<(), Stop> {
        let likely = likely_zone(&zone_side(name, record_type));
        self.fetch_all(&way_down(&zone.apex, &likely)).await?;
        for depth in zone.apex.iter().count() + 1..=likely.iter().count() {
            let below = likely.trim_to(depth);
            match self.step(zone, &below).await {
                // Whether its keys can be had or not.
                Ok(Step::Zone(..)) => {
                    return Err(Stop::bogus(name, record_type, Some(&below), Defect::Foreign));
                }
                Ok(Step::Onward) => {}
                Err(Stop::Insecure(insecurity)) if insecurity.cause == InsecureCause::NoDs => {
                    return Err(Stop::Insecure(insecurity));
                }
                Ok(Step::End) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// One hop: from the message that brought us here, if that is enough, else from a new one.
    async fn hop(
        &mut self,
        carried: Option<Arc<Message>>,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<(Hop, Arc<Message>), Stop> {
        if let Some(message) = carried {
            match self.judge(&message, name, record_type).await {
                Ok(hop) => return Ok((hop, message)),
                Err(stop @ (Stop::Insecure(_) | Stop::Unreachable(Outage::NoAnchor))) => return Err(stop),
                Err(_) => {}
            }
        }
        if self.anchors.closest(&zone_side(name, record_type)).is_none() {
            return Err(Stop::Unreachable(Outage::NoAnchor));
        }
        let message = match self.fetch(name, record_type).await {
            Ok(message) => message,
            Err(stop) => return Err(self.insecure_without_answer(name, record_type).await.unwrap_or(stop)),
        };
        let hop = self.judge(&message, name, record_type).await?;
        Ok((hop, message))
    }

    /// Some servers never answer a question for a type that they do not know. Where the zone is proven to
    /// be unsigned, no answer of theirs could say anything else.
    async fn insecure_without_answer(&mut self, name: &DomainName, record_type: RecordType) -> Option<Stop> {
        let likely = likely_zone(&zone_side(name, record_type));
        self.descend(&likely).await.err().filter(|stop| matches!(stop, Stop::Insecure(_)))
    }

    /// What the message says of the name, or why it proves nothing. What nobody signed is bogus
    /// only if the name cannot be proven insecure.
    async fn judge(
        &mut self,
        message: &Message,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<Hop, Stop> {
        let judged = self.judge_as_secure(message, name, record_type).await;
        let Err(Stop::Unsigned(fault)) = judged else { return judged };
        match self.descend(&zone_side(name, record_type)).await {
            Err(stop @ Stop::Insecure(_)) => Err(stop),
            Err(Stop::Bogus(above)) if above.defect == Defect::SignaturesStripped => Err(Stop::Bogus(above)),
            // The resolver answers, but not the one question that could clear the answer.
            Err(Stop::Unreachable(Outage::ServerError(_))) => Err(Stop::Bogus(fault)),
            Err(stop @ Stop::Unreachable(_)) => Err(stop),
            _ => Err(Stop::Bogus(fault)),
        }
    }

    async fn judge_as_secure(
        &mut self,
        message: &Message,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<Hop, Stop> {
        if let Some(set) = Set::find(&message.answers, name, record_type) {
            let (verified, proof) = self.positive(message, &set, name).await?;
            let records = set.records.iter().map(|record| {
                let rdata = whole_data(&record.data);
                let rdata = rdata.ok_or_else(|| Stop::bogus(name, record_type, None, Defect::Foreign))?;
                Ok(Record { ttl: proof.ttl, rdata })
            });
            return Ok(Hop::Records(records.collect::<Result<_, Stop>>()?, verified));
        }
        let cname = Set::find(&message.answers, name, RecordType::CNAME);
        if let Some(set) = cname.as_ref().filter(|set| !set.signatures.is_empty()) {
            let (verified, _) = self.positive(message, set, name).await?;
            let target = cname_target(set)
                .ok_or_else(|| Stop::bogus(name, RecordType::CNAME, None, Defect::Foreign))?;
            return Ok(Hop::Alias(target, verified));
        }
        if let Some(set) = dname_above(&message.answers, name) {
            let (verified, _) = self.positive(message, &set, name).await?;
            let target = dname_target(&set, name);
            let foreign = || Stop::bogus(name, RecordType::DNAME, Some(&verified.zone.apex), Defect::Foreign);
            let target = target.filter(|_| !verified.wildcard).ok_or_else(foreign)?;
            // RFC 6672 section 3.1: the CNAME beside it is made from it and is not signed.
            if cname.as_ref().is_some_and(|set| cname_target(set).as_ref() != Some(&target)) {
                return Err(foreign());
            }
            return Ok(Hop::Alias(target, verified));
        }
        if cname.is_some() {
            return Err(Stop::unsigned(name, RecordType::CNAME, Defect::NoSignature));
        }
        self.negative(message, name, record_type).await.map(Hop::Denied)
    }

    /// Proves a set that stands in the answer to a question for the name `asked`.
    async fn positive(
        &mut self,
        message: &Message,
        set: &Set<'_>,
        asked: &DomainName,
    ) -> Result<(Verified, Proof), Stop> {
        let (name, record_type) = (set.owner, set.record_type);
        let mut fault = Stop::unsigned(name, record_type, Defect::NoSignature);
        let mut signers = set.signers();
        signers.retain(|signer| self.may_speak(signer, asked, record_type));
        for signer in signers.into_iter().take(MOST_SIGNERS) {
            let zone = match self.zone(signer, name, record_type).await {
                Ok(zone) => zone,
                Err(stop @ (Stop::Bogus(_) | Stop::Unsigned(_))) => {
                    fault = stop;
                    continue;
                }
                Err(stop) => return Err(stop),
            };
            match set.verify(&zone.apex, &zone.keys, self.now, &mut self.budget) {
                Ok(proof) => {
                    self.still_speaks(&zone, name, record_type).await?;
                    let verified = self.settle_wildcard(message, set, zone, proof)?;
                    return Ok((verified, proof));
                }
                Err(defect) => fault = Stop::bogus(name, record_type, Some(&zone.apex), defect),
            }
        }
        Err(fault)
    }

    fn settle_wildcard(
        &mut self,
        message: &Message,
        set: &Set<'_>,
        zone: Arc<Zone>,
        proof: Proof,
    ) -> Result<Verified, Stop> {
        let mut until = zone.until.min(proof.until);
        if proof.wildcard {
            let mut evidence =
                Evidence::gather(&message.authorities, &zone, self.now, &mut self.budget, false);
            let insecure = |zone, cause| Err(Stop::Insecure(Insecurity { zone, cause }));
            match evidence.allows_wildcard(set.owner, proof.labels, &mut self.budget) {
                Ok(false) => until = until.min(evidence.until),
                Ok(true) => {
                    let next_closer = set.owner.trim_to(usize::from(proof.labels) + 1);
                    return insecure(next_closer, InsecureCause::OptOut);
                }
                Err(Gap::Iterations(count)) => {
                    return insecure(zone.apex.clone(), InsecureCause::TooManyIterations(count));
                }
                Err(Gap::Defect(defect)) => {
                    return Err(Stop::bogus(set.owner, set.record_type, Some(&zone.apex), defect));
                }
            }
        }
        Ok(Verified { zone, wildcard: proof.wildcard, until })
    }

    /// Whether a zone can have a word on a name: it holds it, for DS it is the parent, and it does not
    /// lie above the closest anchor, from which on down the name has to be proven. One above may be
    /// unsigned, so that a signature in its name would make the whole answer seem insecure.
    fn may_speak(&self, signer: &DomainName, name: &DomainName, record_type: RecordType) -> bool {
        let anchor = self.anchors.closest(&zone_side(name, record_type));
        signer.zone_of(name)
            && (record_type != RecordType::DS || signer != name || name.is_root())
            && anchor.is_some_and(|anchor| anchor.zone_of(signer))
    }

    /// Proves that there is nothing.
    async fn negative(
        &mut self,
        message: &Message,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<Denial, Stop> {
        let mut fault = Stop::unsigned(name, record_type, Defect::NoDenial);
        let mut signers = denial_signers(&message.authorities);
        signers.retain(|signer| self.may_speak(signer, name, record_type));
        for signer in signers.into_iter().take(MOST_SIGNERS) {
            let zone = match self.zone(&signer, name, record_type).await {
                Ok(zone) => zone,
                Err(stop @ (Stop::Bogus(_) | Stop::Unsigned(_))) => {
                    fault = stop;
                    continue;
                }
                Err(stop) => return Err(stop),
            };
            let mut evidence =
                Evidence::gather(&message.authorities, &zone, self.now, &mut self.budget, false);
            let insecure = |zone, cause| Err(Stop::Insecure(Insecurity { zone, cause }));
            let (what, closest_encloser) = match evidence.denies(name, record_type, &mut self.budget) {
                Ok(Denied::Type) => (Missing::Type, None),
                Ok(Denied::Name(above)) => (Missing::Name, above),
                Ok(Denied::OptOut(cut)) => return insecure(cut, InsecureCause::OptOut),
                Err(Gap::Iterations(count)) => {
                    return insecure(zone.apex.clone(), InsecureCause::TooManyIterations(count));
                }
                Err(Gap::Defect(defect)) => {
                    fault = Stop::bogus(name, record_type, Some(&zone.apex), defect);
                    continue;
                }
            };
            self.still_speaks(&zone, name, record_type).await?;
            return Ok(Denial {
                what,
                name: name.clone(),
                closest_encloser,
                zone: zone.apex.clone(),
                ttl: evidence.ttl,
                chain: zone.chain.clone(),
                valid_until: evidence.until,
            });
        }
        Err(fault)
    }
}

/// The name whose zone holds records of this type: for DS the parent's.
fn zone_side(name: &DomainName, record_type: RecordType) -> DomainName {
    if record_type == RecordType::DS { name.base_name() } else { name.clone() }
}

/// Who signed the denial records, deepest first.
fn denial_signers(section: &[WireRecord]) -> Vec<DomainName> {
    let mut signers: Vec<DomainName> = Vec::new();
    for record_type in [RecordType::NSEC, RecordType::NSEC3] {
        for set in Set::all(section, record_type, 12) {
            for signer in set.signers() {
                if !signers.contains(signer) {
                    signers.push(signer.clone());
                }
            }
        }
    }
    signers.sort_by_key(|signer| std::cmp::Reverse(signer.iter().count()));
    signers
}

fn cname_target(set: &Set<'_>) -> Option<DomainName> {
    match set.records.as_slice() {
        [WireRecord { data: RData::CNAME(target), .. }] => Some(target.0.clone()),
        _ => None,
    }
}

/// A DNAME set above `name`.
fn dname_above<'m>(section: &'m [WireRecord], name: &DomainName) -> Option<Set<'m>> {
    let above = |set: &Set<'_>| set.owner.zone_of(name) && set.owner != name;
    Set::all(section, RecordType::DNAME, 12).into_iter().find(above)
}

/// RFC 6672 section 2.2: the owner at the end of the name replaced by the target.
fn dname_target(set: &Set<'_>, name: &DomainName) -> Option<DomainName> {
    let [record] = set.records.as_slice() else { return None };
    let target = match &record.data {
        RData::Unknown { rdata, .. } => read_name(&rdata.anything)?,
        _ => return None,
    };
    let kept = name.iter().count().checked_sub(set.owner.iter().count())?;
    let labels: Vec<&[u8]> = name.iter().take(kept).chain(target.iter()).collect();
    let mut made = DomainName::from_labels(labels).ok()?;
    made.set_fqdn(true);
    Some(made)
}

/// A name that fills the record data, not compressed (RFC 6672 section 2.5).
fn read_name(rdata: &[u8]) -> Option<DomainName> {
    use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};
    let mut decoder = BinDecoder::new(rdata);
    let name = DomainName::read(&mut decoder).ok()?;
    decoder.is_empty().then_some(name)
}
