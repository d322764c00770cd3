//! One look-up: what it asks and remembers, what it may cost, why it stops.

use std::collections::HashMap;
use std::sync::Arc;

use hickory_resolver::proto::dnssec::rdata::DNSKEY;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::LowerName;

use super::chain::Zone;
use crate::clock::UnixTime;
use crate::dns::anchors::Anchors;
use crate::dns::answer::{Answer, Defect, Fault, Insecurity, Outage};
use crate::dns::cache::Question;
use crate::dns::signatures::Signatures;
use crate::dns::upstream::{Heard, Upstream};
use crate::dns::{DomainName, RecordType};

/// Why a look-up cannot go on to "secure" or "absent".
#[derive(Clone, Debug)]
pub(in crate::dns) enum Stop {
    /// It is proven that nothing can be proven.
    Insecure(Insecurity),
    /// Signed, and wrong.
    Bogus(Box<Fault>),
    /// Not signed by any zone that could: bogus, unless the name is proven insecure.
    Unsigned(Box<Fault>),
    /// There is no answer.
    Unreachable(Outage),
}

impl Stop {
    /// A fault in the records of `record_type` at `name`.
    pub(super) fn bogus(
        name: &DomainName,
        record_type: RecordType,
        zone: Option<&DomainName>,
        defect: Defect,
    ) -> Self {
        Self::Bogus(Box::new(Fault { name: name.clone(), record_type, zone: zone.cloned(), defect }))
    }

    /// The same, where no zone that could have signed the records did.
    pub(super) fn unsigned(name: &DomainName, record_type: RecordType, defect: Defect) -> Self {
        Self::Unsigned(Box::new(Fault { name: name.clone(), record_type, zone: None, defect }))
    }
}

impl From<Stop> for Answer {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Insecure(insecurity) => Self::Insecure(insecurity),
            Stop::Bogus(fault) | Stop::Unsigned(fault) => Self::Bogus(*fault),
            Stop::Unreachable(outage) => Self::Unreachable(outage),
        }
    }
}

/// What a look-up may still cost. Without it a hostile zone buys hours of work with one message
/// (KeyTrap, CVE-2023-50387; NSEC3 closest-encloser attacks, CVE-2023-50868).
pub(super) struct Budget<'a> {
    questions: u16,
    signatures: u16,
    hashes: u32,
    known: &'a Signatures,
}

/// The budget is spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent;

impl<'a> Budget<'a> {
    /// The longest name has 127 labels, an honest look-up a dozen questions, a few dozen
    /// signatures and a hundred hashes.
    fn full(known: &'a Signatures) -> Self {
        Self { questions: 120, signatures: 160, hashes: 20_000, known }
    }

    /// One more question.
    fn question(&mut self) -> Result<(), Spent> {
        self.questions = self.questions.checked_sub(1).ok_or(Spent)?;
        Ok(())
    }

    /// One more signature check: whether it fits the octets and the key.
    pub(super) fn fits(&mut self, key: &DNSKEY, signed: &[u8], signature: &[u8]) -> Result<bool, Spent> {
        self.signatures = self.signatures.checked_sub(1).ok_or(Spent)?;
        Ok(self.known.fits(key, signed, signature))
    }

    /// One more NSEC3 hash with so many additional iterations.
    pub(super) fn hash(&mut self, iterations: u16) -> Result<(), Spent> {
        self.hashes = self.hashes.checked_sub(u32::from(iterations) + 1).ok_or(Spent)?;
        Ok(())
    }
}

/// One look-up.
pub(in crate::dns) struct Session<'a> {
    pub(in crate::dns) upstream: &'a Arc<Upstream>,
    pub(super) anchors: &'a Anchors,
    pub(in crate::dns) now: UnixTime,
    pub(super) budget: Budget<'a>,
    messages: HashMap<Question, Result<Heard, Outage>>,
    /// Zones whose keys are proven.
    pub(super) zones: HashMap<LowerName, Arc<Zone>>,
}

impl<'a> Session<'a> {
    /// A look-up as of `now`.
    pub(in crate::dns) fn new(
        upstream: &'a Arc<Upstream>,
        anchors: &'a Anchors,
        known: &'a Signatures,
        now: UnixTime,
    ) -> Self {
        Self {
            upstream,
            anchors,
            now,
            budget: Budget::full(known),
            messages: HashMap::new(),
            zones: HashMap::new(),
        }
    }

    /// The answer to a question; the same one throughout the look-up.
    pub(super) async fn fetch(
        &mut self,
        name: &DomainName,
        record_type: RecordType,
    ) -> Result<Arc<Message>, Stop> {
        let question = (LowerName::new(name), record_type);
        if !self.messages.contains_key(&question) {
            self.fetch_all(std::slice::from_ref(&question)).await?;
        }
        match self.messages.get(&question) {
            Some(Ok(heard)) => Ok(Arc::clone(&heard.message)),
            Some(Err(outage)) => Err(Stop::Unreachable(outage.clone())),
            None => Err(Stop::Unreachable(Outage::Garbled)),
        }
    }

    /// Asks several questions side by side, for [`Session::fetch`] to find.
    pub(super) async fn fetch_all(&mut self, questions: &[Question]) -> Result<(), Stop> {
        let mut open: Vec<&Question> = Vec::new();
        for question in questions {
            if !self.messages.contains_key(question) && !open.contains(&question) {
                self.budget
                    .question()
                    .map_err(|Spent| Stop::bogus(&question.0, question.1, None, Defect::TooMuchWork))?;
                open.push(question);
            }
        }
        let upstream = self.upstream;
        let asked = open.iter().map(|question| upstream.ask(question));
        let answers = futures_util::future::join_all(asked).await;
        for (question, answer) in open.into_iter().zip(answers) {
            self.messages.insert(question.clone(), answer);
        }
        Ok(())
    }

    /// Everything that was heard.
    pub(in crate::dns) fn heard(&self) -> impl Iterator<Item = (&Question, &Heard)> {
        self.messages.iter().filter_map(|(question, answer)| Some((question, answer.as_ref().ok()?)))
    }

    /// The keys of a zone that this look-up has proven.
    pub(in crate::dns) fn proven_keys(&self, zone: &DomainName) -> Vec<DNSKEY> {
        let zone = self.zones.get(&LowerName::new(zone));
        zone.map(|zone| zone.keys.iter().map(|key| key.dnskey.clone()).collect()).unwrap_or_default()
    }
}
