//! hickory's own proof of a positive answer, over the very messages that ours rests on.
//!
//! It can only take away: an answer that hickory does not find secure is bogus. It is asked where
//! it is known to be able to judge, that is for records at the name itself: hickory 0.26.3 calls
//! good wildcards, CNAMEs to denied names and DNAMEs bogus.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use hickory_resolver::net::NetError;
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};

use super::answer::{Answer, Defect, Fault};
use super::cache::Question;
use super::runtime::Provider;
use super::upstream::Upstream;
use super::validate::Session;
use super::{DomainName, RecordType};

/// The answer, or bogus if hickory disagrees.
pub(super) async fn confirm(
    answer: Answer,
    name: &DomainName,
    record_type: RecordType,
    session: &Session<'_>,
    upstream: &Arc<Upstream>,
) -> Answer {
    let Answer::Secure(set) = &answer else { return answer };
    let proven = set.get();
    let Some(anchor) = proven.chain.first().filter(|_| proven.aliases.is_empty() && !proven.from_wildcard)
    else {
        return answer;
    };
    let mut anchors = TrustAnchors::empty();
    for key in session.proven_keys(&anchor.zone) {
        anchors.insert_with_name(key.public_key(), (&anchor.zone).into());
    }
    let handle = Handle { heard: Arc::new(session.heard()), upstream: Arc::clone(upstream) };
    // Made anew for each look-up: hickory keeps proofs under keys that can be made to collide.
    let validating = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(anchors));
    let query = Query::query(name.clone(), record_type);
    let opinion = validating.lookup(query, DnsRequestOptions::default()).first_answer().await;
    if opinion.is_ok_and(|response| agrees(&response, name, record_type)) {
        return answer;
    }
    let zone = proven.chain.last().map(|link| link.zone.clone());
    Answer::Bogus(Fault { name: name.clone(), record_type, zone, defect: Defect::SecondOpinion })
}

fn agrees(response: &Message, name: &DomainName, record_type: RecordType) -> bool {
    let ours = response.answers.iter().filter(|r| r.name == *name && r.record_type() == record_type);
    let proofs: Vec<Proof> = ours.map(|record| record.proof).collect();
    !proofs.is_empty() && proofs.iter().all(|proof| *proof == Proof::Secure)
}

/// Answers hickory's questions with what was heard.
#[derive(Clone)]
struct Handle {
    heard: Arc<HashMap<Question, Arc<Message>>>,
    upstream: Arc<Upstream>,
}

impl DnsHandle for Handle {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = Provider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let handle = self.clone();
        Box::pin(futures_util::stream::once(async move {
            let query = request.queries.first().ok_or(NetError::Message("no question"))?;
            let question = (query.name().to_lowercase(), query.query_type());
            let heard = match handle.heard.get(&question) {
                Some(message) => Arc::clone(message),
                None => match handle.upstream.ask(&question.0, question.1).await {
                    Ok(heard) => heard.message,
                    Err(_) => return Err(NetError::NoConnections),
                },
            };
            let mut message = Message::clone(&heard);
            if !message.answers.is_empty() {
                // Only the answer is in question; the rest would send hickory after other zones.
                message.authorities.clear();
            }
            message.additionals.clear();
            // RFC 4034 section 6.3: a repeated record counts once; hickory would count it twice.
            let mut seen = HashSet::new();
            message.answers.retain(|record| seen.insert((record.name.clone(), record.data.clone())));
            DnsResponse::from_message(message).map_err(NetError::from)
        }))
    }
}
