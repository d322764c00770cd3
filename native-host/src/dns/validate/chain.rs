//! From a trust anchor down to a zone's keys (RFC 4035 section 5.2).

use std::sync::Arc;

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_resolver::proto::dnssec::{DigestType, PublicKey};
use hickory_resolver::proto::rr::{LowerName, RData, Record};

use super::denial::{Cut, Evidence, Gap};
use super::rrset::{Key, Set};
use super::session::{Session, Stop};
use crate::clock::UnixTime;
use crate::dns::anchors::AnchorKey;
use crate::dns::answer::{Defect, InsecureCause, Insecurity, Link, Outage};
use crate::dns::cache::Question;
use crate::dns::{DomainName, RecordType};

/// Keys of one zone that are kept; honest zones have up to eight.
const MOST_KEYS: usize = 64;

/// A zone whose keys are proven.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) apex: DomainName,
    pub(super) keys: Vec<Key>,
    /// The zones from the anchor down to this one.
    pub(super) chain: Vec<Link>,
    /// When the first signature of the chain ends.
    pub(super) until: UnixTime,
}

/// What lies at a name on the way down.
pub(super) enum Step {
    /// A zone of its own, with these DS records, proven until then.
    Zone(Vec<AnchorKey>, UnixTime),
    /// Nothing that ends the zone.
    Onward,
    /// Nothing, and nothing below.
    End,
}

impl Session<'_> {
    /// The zone `apex`, proven to be one, and its keys.
    pub(super) async fn zone(
        &mut self,
        apex: &DomainName,
        asked: &DomainName,
        record_type: RecordType,
    ) -> Result<Arc<Zone>, Stop> {
        let zone = self.descend(apex).await?;
        if zone.apex == *apex {
            return Ok(zone);
        }
        // A signature in the name of what is no zone is as good as none.
        Err(Stop::unsigned(asked, record_type, Defect::Foreign))
    }

    /// The deepest proven zone at or above `target`, with every name in between looked at.
    pub(super) async fn descend(&mut self, target: &DomainName) -> Result<Arc<Zone>, Stop> {
        let anchored = self.anchors.closest(target).ok_or(Stop::Unreachable(Outage::NoAnchor))?.clone();
        let known =
            self.zones.values().filter(|zone| zone.apex.zone_of(target) && anchored.zone_of(&zone.apex));
        let known = known.max_by_key(|zone| zone.apex.iter().count()).cloned();
        let from = known.as_ref().map_or(&anchored, |zone| &zone.apex);
        let mut ahead = way_down(from, &likely_zone(target));
        if known.is_none() {
            ahead.push((LowerName::new(from), RecordType::DNSKEY));
        }
        self.fetch_all(&ahead).await?;
        let mut zone = match known {
            Some(zone) => zone,
            None => self.enter_anchor(&anchored).await?,
        };
        for depth in zone.apex.iter().count() + 1..=target.iter().count() {
            let name = target.trim_to(depth);
            match self.step(&zone, &name).await? {
                Step::Zone(keys, until) => zone = self.enter(&name, &keys, Some(&zone), until).await?,
                Step::Onward => {}
                Step::End => break,
            }
        }
        Ok(zone)
    }

    /// What will be needed to prove an answer for `name`, where the names tell. Asked for together
    /// with the question itself, this saves a round trip.
    pub(super) fn likely_needed(&self, name: &DomainName) -> Vec<Question> {
        let likely = likely_zone(name);
        match self.anchors.closest(&likely) {
            Some(anchor) if likely != *name => {
                let mut questions = way_down(anchor, &likely);
                questions.push((LowerName::new(anchor), RecordType::DNSKEY));
                questions
            }
            _ => Vec::new(),
        }
    }

    async fn enter_anchor(&mut self, apex: &DomainName) -> Result<Arc<Zone>, Stop> {
        let anchors: Vec<AnchorKey> = self.anchors.of(apex).cloned().collect();
        self.enter(apex, &anchors, None, UnixTime::from_seconds(i64::MAX)).await
    }

    /// Proves a zone's keys by what its parent or the anchors say of them.
    async fn enter(
        &mut self,
        apex: &DomainName,
        vouchers: &[AnchorKey],
        parent: Option<&Zone>,
        until: UnixTime,
    ) -> Result<Arc<Zone>, Stop> {
        let vouchers = strongest(vouchers);
        if vouchers.is_empty() && parent.is_none() {
            // Whoever gives an anchor wants the zone secure.
            return Err(Stop::bogus(apex, RecordType::DNSKEY, Some(apex), Defect::KeysNotTrusted));
        }
        if vouchers.is_empty() {
            // RFC 4035 section 5.2: as if the zone were not signed.
            let cause = InsecureCause::UnknownAlgorithm;
            return Err(Stop::Insecure(Insecurity { zone: apex.clone(), cause }));
        }
        let message = self.fetch(apex, RecordType::DNSKEY).await?;
        let bogus = |defect| {
            let defect = match defect {
                Defect::NoKeys | Defect::NoSignature if parent.is_none() => Defect::SignaturesStripped,
                Defect::KeysNotVouchedFor if parent.is_none() => Defect::KeysNotTrusted,
                other => other,
            };
            Stop::bogus(apex, RecordType::DNSKEY, Some(apex), defect)
        };
        let set =
            Set::find(&message.answers, apex, RecordType::DNSKEY).ok_or_else(|| bogus(Defect::NoKeys))?;
        let keys: Vec<Key> =
            set.records.iter().filter_map(|r| dnskey(r)).filter_map(Key::usable).take(MOST_KEYS).collect();
        let vouched: Vec<Key> =
            keys.iter().filter(|key| is_vouched_for(key, apex, &vouchers)).cloned().collect();
        if vouched.is_empty() {
            return Err(bogus(Defect::KeysNotVouchedFor));
        }
        let proof =
            set.verify(apex, &vouched, self.now, &mut self.budget).map_err(|defect| match defect {
                Defect::UnknownKey { .. } => bogus(Defect::KeysNotVouchedFor),
                other => bogus(other),
            })?;
        if proof.wildcard {
            return Err(bogus(Defect::WildcardUnproven));
        }
        let mut chain = parent.map(|zone| zone.chain.clone()).unwrap_or_default();
        chain.push(Link { zone: apex.clone(), key_tag: proof.key_tag, algorithm: proof.algorithm });
        let until = parent.map_or(until, |zone| zone.until.min(until)).min(proof.until);
        let zone = Arc::new(Zone { apex: apex.clone(), keys, chain, until });
        self.zones.insert(LowerName::new(apex), Arc::clone(&zone));
        Ok(zone)
    }

    /// What `zone` says of `name`, a label below it or more: a delegation, signed or not, or none.
    pub(super) async fn step(&mut self, zone: &Zone, name: &DomainName) -> Result<Step, Stop> {
        let step = self.ask_for_ds(zone, name).await;
        let unanswered = match &step {
            Err(Stop::Unreachable(_)) => true,
            Err(Stop::Bogus(fault)) => fault.defect == Defect::NoDenial,
            _ => false,
        };
        let cause = if unanswered { self.told_unasked(zone, name) } else { None };
        cause.map_or(step, |cause| Err(Stop::Insecure(Insecurity { zone: name.clone(), cause })))
    }

    /// What makes a delegation insecure by the proofs of another answer: that of an alias into it
    /// often carries them (RFC 4035 section 3.1.4.1).
    fn told_unasked(&mut self, zone: &Zone, name: &DomainName) -> Option<InsecureCause> {
        let heard: Vec<_> = self.heard().map(|(_, heard)| Arc::clone(&heard.message)).collect();
        heard.iter().find_map(|message| {
            let mut evidence = Evidence::gather(&message.authorities, zone, self.now, &mut self.budget, true);
            match evidence.cut(name, &mut self.budget) {
                Ok(Cut::Unsigned) => Some(InsecureCause::NoDs),
                Ok(Cut::OptOut) => Some(InsecureCause::OptOut),
                _ => None,
            }
        })
    }

    async fn ask_for_ds(&mut self, zone: &Zone, name: &DomainName) -> Result<Step, Stop> {
        let message = self.fetch(name, RecordType::DS).await?;
        let bogus = |defect| Stop::bogus(name, RecordType::DS, Some(&zone.apex), defect);
        let insecure = |cause| Stop::Insecure(Insecurity { zone: name.clone(), cause });
        if let Some(set) = Set::find(&message.answers, name, RecordType::DS) {
            let proof = set.verify(&zone.apex, &zone.keys, self.now, &mut self.budget).map_err(bogus)?;
            if proof.wildcard {
                return Err(bogus(Defect::WildcardUnproven));
            }
            let records = set.records.iter().filter_map(|record| ds(record).cloned().map(AnchorKey::Digest));
            return Ok(Step::Zone(records.collect(), proof.until));
        }
        if let Some(set) = Set::find(&message.answers, name, RecordType::CNAME) {
            // A name with an alias has nothing else, no delegation either (RFC 2181 section 10.1).
            let proof = set.verify(&zone.apex, &zone.keys, self.now, &mut self.budget);
            if proof.is_ok_and(|proof| !proof.wildcard) {
                return Ok(Step::Onward);
            }
        }
        let mut evidence = Evidence::gather(&message.authorities, zone, self.now, &mut self.budget, true);
        match evidence.cut(name, &mut self.budget) {
            Ok(Cut::Unsigned) => Err(insecure(InsecureCause::NoDs)),
            Ok(Cut::OptOut) => Err(insecure(InsecureCause::OptOut)),
            Ok(Cut::None) => Ok(Step::Onward),
            Ok(Cut::Nothing) => Ok(Step::End),
            Err(Gap::Iterations(count)) => Err(insecure(InsecureCause::TooManyIterations(count))),
            Err(Gap::Defect(defect)) => Err(bogus(defect)),
        }
    }
}

/// Labels with an underscore (RFC 8552) seldom begin a zone, what is behind them mostly does. Only
/// a guess at what to ask first: what is proven does not rest on it, and no broken server below
/// an unsigned delegation is waited for.
pub(super) fn likely_zone(name: &DomainName) -> DomainName {
    name.trim_to(name.iter().rev().take_while(|label| !label.starts_with(b"_")).count())
}

/// The questions on the way down, for all to be asked at once. Names far below their zone would
/// spend the budget on questions that nobody needs.
pub(super) fn way_down(from: &DomainName, to: &DomainName) -> Vec<Question> {
    let depths = from.iter().count() + 1..=to.iter().count();
    let names = depths.map(|depth| LowerName::new(&to.trim_to(depth))).take(6);
    names.flat_map(|name| [(name.clone(), RecordType::DS), (name, RecordType::DNSKEY)]).collect()
}

/// The vouchers that can be checked. RFC 4509 section 3: SHA-1 digests do not count beside others. RFC
/// 5011 section 2.1: an anchor that has been revoked is none any more.
fn strongest(vouchers: &[AnchorKey]) -> Vec<&AnchorKey> {
    let known = vouchers.iter().filter(|voucher| match voucher {
        AnchorKey::Key(key) => !key.revoke() && key.public_key().algorithm().is_supported(),
        AnchorKey::Digest(ds) => ds.algorithm().is_supported() && ds.digest_type().is_supported(),
    });
    let known: Vec<&AnchorKey> = known.collect();
    let is_sha1 = |voucher: &AnchorKey| matches!(voucher, AnchorKey::Digest(ds) if ds.digest_type() == DigestType::SHA1);
    if known.iter().all(|voucher| is_sha1(voucher)) {
        return known;
    }
    known.into_iter().filter(|voucher| !is_sha1(voucher)).collect()
}

/// Whether a voucher names the key. Each digest of it is made once, however many DS records ask.
fn is_vouched_for(key: &Key, apex: &DomainName, vouchers: &[&AnchorKey]) -> bool {
    let public = key.dnskey.public_key();
    let mut digests: Vec<(DigestType, Option<Vec<u8>>)> = Vec::new();
    vouchers.iter().any(|voucher| match voucher {
        AnchorKey::Key(anchor) => {
            let anchor = anchor.public_key();
            anchor.public_bytes() == public.public_bytes() && anchor.algorithm() == public.algorithm()
        }
        AnchorKey::Digest(ds) if ds.key_tag() == key.tag && ds.algorithm() == public.algorithm() => {
            let kind = ds.digest_type();
            if !digests.iter().any(|(made, _)| *made == kind) {
                let digest = key.dnskey.to_digest(apex, kind);
                digests.push((kind, digest.ok().map(|digest| digest.as_ref().to_vec())));
            }
            let mut made = digests.iter().filter(|(made, _)| *made == kind);
            made.any(|(_, digest)| digest.as_deref() == Some(ds.digest()))
        }
        AnchorKey::Digest(_) => false,
    })
}

fn dnskey(record: &Record) -> Option<&DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    }
}

fn ds(record: &Record) -> Option<&DS> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DS(ds)) => Some(ds),
        _ => None,
    }
}
