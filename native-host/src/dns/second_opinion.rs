//! hickory's own proof of a positive answer, over the very messages that ours rests on.
//!
//! It can only take away: an answer that hickory does not find secure is bogus. It is asked where
//! it is known to be able to judge, that is for records at the name itself: hickory 0.26.3 calls
//! good wildcards, CNAMEs to denied names and DNAMEs bogus, and chains with a key of a form that it
//! cannot read.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::Stream;
use hickory_resolver::net::NetError;
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::{LowerName, RData, Record};

use super::answer::{Answer, Defect, Fault, Link};
use super::cache::Question;
use super::message::each_once;
use super::runtime::Provider;
use super::upstream::Upstream;
use super::validate::Session;
use super::{DomainName, RecordType};
use crate::clock::UnixTime;

/// Agreements remembered at the most.
const MOST: usize = 4096;

/// hickory's agreements. One holds for the very answers that it was given on, and from the moment
/// it was given until the first signature of the proof ends: asked again in between, hickory could
/// only repeat itself.
#[derive(Default)]
pub(super) struct Opinions(Mutex<HashMap<Evidence, (UnixTime, UnixTime)>>);

/// A question, and the serial numbers of the answers that its proof rests on.
type Evidence = (Question, Vec<u64>);

/// What hickory is asked: whether this question has a secure answer, with the keys of one zone
/// believed.
struct Step {
    question: Question,
    believed: DomainName,
    /// The answers that it may use.
    uses: Vec<Question>,
}

impl Opinions {
    /// The answer, or bogus if hickory disagrees. It is asked about each zone of the chain, with
    /// the keys of the one above believed, so that what many answers share is judged once.
    pub(super) async fn confirm(
        &self,
        answer: Answer,
        name: &DomainName,
        record_type: RecordType,
        session: &Session<'_>,
    ) -> Answer {
        let Answer::Secure(set) = &answer else { return answer };
        let proven = set.get();
        if !proven.aliases.is_empty() || proven.from_wildcard {
            return answer;
        }
        for step in steps(&proven.chain, (LowerName::new(name), record_type)) {
            if !self.agrees(step, proven.valid_until, session).await {
                let zone = proven.chain.last().map(|link| link.zone.clone());
                let defect = Defect::SecondOpinion;
                return Answer::Bogus(Fault { name: name.clone(), record_type, zone, defect });
            }
        }
        answer
    }

    async fn agrees(&self, step: Step, until: UnixTime, session: &Session<'_>) -> bool {
        let heard: Vec<_> = session.heard().filter(|(question, _)| step.uses.contains(question)).collect();
        if heard.iter().any(|(_, heard)| beyond_hickory(&heard.message)) {
            return true;
        }
        let mut serials: Vec<u64> = heard.iter().map(|(_, heard)| heard.serial).collect();
        serials.sort_unstable();
        let evidence = (step.question, serials);
        if self.agreed(&evidence, session.now) {
            return true;
        }
        let keys = session.proven_keys(&step.believed);
        let mut anchors = TrustAnchors::empty();
        for key in &keys {
            anchors.insert_with_name(key.public_key(), (&step.believed).into());
        }
        let believed = (LowerName::new(&step.believed), RecordType::DNSKEY);
        let heard = heard.iter().map(|(question, heard)| {
            let mut message = readable(&heard.message);
            if **question == believed {
                take_as_believed(&mut message, &keys);
            }
            ((*question).clone(), message)
        });
        let asked_more = Arc::<AtomicBool>::default();
        let handle = Handle {
            heard: Arc::new(heard.collect()),
            upstream: Arc::clone(session.upstream),
            asked_more: Arc::clone(&asked_more),
        };
        // Made anew each time: hickory keeps proofs under keys that can be made to collide.
        let validating = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(anchors));
        let (name, record_type) = &evidence.0;
        let query = Query::query(name.into(), *record_type);
        let opinion = validating.lookup(query, DnsRequestOptions::default()).first_answer().await;
        let agrees = opinion.is_ok_and(|response| agrees(&response, name, *record_type));
        if agrees && !asked_more.load(Ordering::Relaxed) {
            self.remember(evidence, session.now, until);
        }
        agrees
    }

    fn agreed(&self, evidence: &Evidence, now: UnixTime) -> bool {
        let agreements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        agreements.get(evidence).is_some_and(|(from, until)| *from <= now && now <= *until)
    }

    fn remember(&self, evidence: Evidence, from: UnixTime, until: UnixTime) {
        let mut agreements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if agreements.len() >= MOST {
            agreements.clear();
        }
        // Of one zone's two ends, as its children tell them, the later is as good.
        let end = agreements.get(&evidence).map_or(until, |(_, other)| until.max(*other));
        agreements.insert(evidence, (from, end));
    }
}

/// hickory reads the message alone; the octets that a response carries beside it are not written for nothing.
fn response(message: Message) -> Result<DnsResponse, NetError> {
    let mut response = DnsResponse::from_message(Message::query().into_response())?;
    *response = message;
    Ok(response)
}

/// Whether there is a key or a DS record that hickory cannot read, and takes for proof of a forgery.
/// It is signed with the others, so that only the zone's owner can put it there.
fn beyond_hickory(message: &Message) -> bool {
    message.answers.iter().any(|record| {
        let of_a_chain = matches!(record.record_type(), RecordType::DNSKEY | RecordType::DS);
        of_a_chain && matches!(record.data, RData::Unknown { .. })
    })
}

/// A signature of an algorithm that hickory does not know. It proves nothing, and where a key fits, hickory
/// asserts that it never came this far.
fn is_beyond_checking(record: &Record) -> bool {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => !signature.input().algorithm.is_supported(),
        _ => false,
    }
}

/// What hickory is to judge of a message.
fn readable(message: &Message) -> Message {
    let mut read = Message::query();
    read.metadata = message.metadata;
    read.queries.clone_from(&message.queries);
    if message.answers.is_empty() {
        read.authorities.clone_from(&message.authorities);
        return read;
    }
    // Only the answer is in question; the rest would send hickory after other zones.
    // RFC 4034 section 6.3: a repeated record counts once; hickory would count it twice.
    let once = each_once(message.answers.iter().collect());
    read.answers.extend(once.into_iter().filter(|record| !is_beyond_checking(record)).cloned());
    // hickory sorts records by TTL before data; what was signed has one TTL (RFC 4034 section 3.1.8.1).
    let shortest = read.answers.iter().map(|record| record.ttl).min().unwrap_or(0);
    read.answers.iter_mut().for_each(|record| record.ttl = shortest);
    read
}

/// Where every key of a zone is believed, hickory takes them without a signature. They were judged, signature
/// and all, in the step before, or are the anchor's.
fn take_as_believed(message: &mut Message, keys: &[DNSKEY]) {
    let is_believed = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => keys.contains(key),
        _ => true,
    };
    if message.answers.iter().all(is_believed) {
        message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
    }
}

/// Each zone from the one below the anchor's down to the last but one, then the answer together
/// with its own zone. The anchor's own keys are believed.
fn steps(chain: &[Link], question: Question) -> Vec<Step> {
    let keys = |zone: &DomainName| (LowerName::new(zone), RecordType::DNSKEY);
    let mut steps: Vec<Step> = Vec::new();
    for pair in chain.windows(2) {
        let [above, zone] = pair else { continue };
        let delegation = (LowerName::new(&zone.zone), RecordType::DS);
        let uses = vec![keys(&above.zone), delegation, keys(&zone.zone)];
        steps.push(Step { question: keys(&zone.zone), believed: above.zone.clone(), uses });
    }
    match steps.last_mut() {
        Some(last) => {
            last.question = question.clone();
            last.uses.push(question);
        }
        None => steps.extend(chain.first().map(|only| Step {
            question: question.clone(),
            believed: only.zone.clone(),
            uses: vec![keys(&only.zone), question],
        })),
    }
    steps
}

fn agrees(response: &Message, name: &DomainName, record_type: RecordType) -> bool {
    let ours = response.answers.iter().filter(|r| r.name == *name && r.record_type() == record_type);
    let proofs: Vec<Proof> = ours.map(|record| record.proof).collect();
    !proofs.is_empty() && proofs.iter().all(|proof| *proof == Proof::Secure)
}

/// Answers hickory's questions with what was heard.
#[derive(Clone)]
struct Handle {
    heard: Arc<HashMap<Question, Message>>,
    upstream: Arc<Upstream>,
    /// Whether what was heard was not enough.
    asked_more: Arc<AtomicBool>,
}

impl DnsHandle for Handle {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = Provider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let handle = self.clone();
        Box::pin(futures_util::stream::once(async move {
            let query = request.queries.first().ok_or(NetError::Message("no question"))?;
            let question = (LowerName::new(query.name()), query.query_type());
            let message = match handle.heard.get(&question) {
                Some(message) => message.clone(),
                None => {
                    handle.asked_more.store(true, Ordering::Relaxed);
                    match handle.upstream.ask(&question).await {
                        Ok(heard) => readable(&heard.message),
                        Err(_) => return Err(NetError::NoConnections),
                    }
                }
            };
            response(message)
        }))
    }
}
