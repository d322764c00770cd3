//! Raw answers that were heard lately. They are judged anew each time they are used, so nothing
//! here is trusted, and nothing outlives its signatures.
//!
//! # Limitations
//! Nothing is kept across restarts of the host. It would be safe, as answers are judged anew, but
//! it would write to disk whom the user writes to, to save the one round trip that a cold look-up
//! costs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{LowerName, RData, Record};

use super::RecordType;
use super::upstream::Heard;

/// Answers kept at the most.
const MOST_ENTRIES: usize = 4000;

/// Octets that they may take in memory together, as far as can be told.
const MOST_OCTETS: usize = 32 << 20;

/// What a record takes beside its octets on the wire.
const RECORD_OCTETS: usize = 2 * size_of::<Record>();

/// No answer is kept longer, whatever its TTL: a domain that repairs its records is soon heard.
const LONGEST: Duration = Duration::from_secs(3600);

/// A question: name, type.
pub(super) type Question = (LowerName, RecordType);

/// The answers.
#[derive(Default)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    kept: HashMap<Question, Entry>,
    octets: usize,
}

struct Entry {
    heard: Heard,
    since: Moment,
    lifetime: Duration,
    octets: usize,
}

/// A moment by both clocks: the one that nobody sets stands still while the computer sleeps.
#[derive(Clone, Copy)]
struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How much time has passed since `earlier`, by the clock that says more.
    fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default(); // it may be set back
        self.steady.duration_since(earlier.steady).max(wall)
    }
}

impl Cache {
    /// What was heard, its TTLs less the time that has passed.
    pub(super) fn get(&self, question: &Question) -> Option<Heard> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.kept.get(question)?;
        let age = Moment::now().since(entry.since);
        if age >= entry.lifetime {
            entries.remove(question);
            return None;
        }
        let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        let heard = Heard { from_cache: true, ..entry.heard.clone() };
        if age == 0 {
            return Some(heard);
        }
        let mut message = Message::clone(&heard.message);
        for record in message.answers.iter_mut().chain(&mut message.authorities) {
            record.ttl = record.ttl.saturating_sub(age);
        }
        Some(Heard { message: Arc::new(message), ..heard })
    }

    /// Keeps an answer for as long as its TTLs allow (RFC 2308 section 5 for a "no").
    pub(super) fn put(&self, question: &Question, heard: &Heard, octets: usize) {
        let Some(ttl) = lifetime(&heard.message).filter(|ttl| !ttl.is_zero()) else { return };
        let records = heard.message.answers.len() + heard.message.authorities.len();
        let octets = octets + records * RECORD_OCTETS;
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(question);
        if entries.kept.len() >= MOST_ENTRIES || entries.octets + octets > MOST_OCTETS {
            *entries = Entries::default();
        }
        let (heard, lifetime) = (heard.clone(), ttl.min(LONGEST));
        let entry = Entry { heard, since: Moment::now(), lifetime, octets };
        entries.octets += octets;
        entries.kept.insert(question.clone(), entry);
    }

    /// Forgets an answer that did not stand up.
    pub(super) fn forget(&self, question: &Question) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(question);
    }

    /// Forgets everything: the network has changed.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Entries::default();
    }
}

impl Entries {
    fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.kept.remove(question) {
            self.octets = self.octets.saturating_sub(entry.octets);
        }
    }
}

/// The shortest TTL, be it received or signed (RFC 4035 section 5.3.3); for a "no" also the SOA's
/// minimum. A "no" without SOA is not kept.
fn lifetime(message: &Message) -> Option<Duration> {
    let records = || message.answers.iter().chain(&message.authorities);
    let ttl = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => record.ttl.min(signature.input().original_ttl),
        _ => record.ttl,
    };
    let shortest = records().map(ttl).min()?;
    if !message.answers.is_empty() {
        return Some(Duration::from_secs(u64::from(shortest)));
    }
    let minimum = records().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.minimum),
        _ => None,
    });
    minimum.map(|minimum| Duration::from_secs(u64::from(minimum.min(shortest))))
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::dnssec::Algorithm;
    use hickory_resolver::proto::dnssec::rdata::{RRSIG, SigInput};
    use hickory_resolver::proto::rr::SerialNumber;
    use hickory_resolver::proto::rr::rdata::TXT;

    use super::*;
    use crate::dns::DomainName;

    #[test]
    fn sleep_makes_answers_older_and_a_clock_set_back_does_not_make_them_younger() {
        let then = Moment::now();
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        let later = |steady, wall| Moment { steady: then.steady + steady, wall }.since(then);
        assert_eq!(later(minute, then.wall + minute), minute);
        assert_eq!(later(minute, then.wall + hour), hour, "slept");
        assert_eq!(later(minute, then.wall - hour), minute, "set back");
    }

    #[test]
    fn nobody_on_the_way_makes_an_answer_live_longer_than_it_was_signed_for() {
        let name = DomainName::from_ascii("a.test.").unwrap();
        let moment = SerialNumber::new(0);
        let input = SigInput {
            type_covered: RecordType::TXT,
            algorithm: Algorithm::ED25519,
            num_labels: 2,
            original_ttl: 300,
            sig_expiration: moment,
            sig_inception: moment,
            key_tag: 1,
            signer_name: name.clone(),
        };
        let signature = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, vec![])));
        let mut message = Message::query();
        message.answers.push(Record::from_rdata(name.clone(), 86_400, RData::TXT(TXT::new(vec![]))));
        assert_eq!(lifetime(&message), Some(Duration::from_secs(86_400)));
        message.answers.push(Record::from_rdata(name, 86_400, signature));
        assert_eq!(lifetime(&message), Some(Duration::from_secs(300)));
    }
}
