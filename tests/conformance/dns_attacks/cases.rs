//! The attacks: each sees a question and the true answer to it, and says what the victim gets.

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_resolver::proto::dnssec::{Algorithm, PublicKeyBuf};
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, NS, SMIMEA, tlsa};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::name;
use crate::on_path::{Attack, Reply, Truth};

/// Attacks, and whether they can be expected to change a verdict.
pub const ATTACKS: &[(&str, bool, Attack)] = &[
    ("nothing", false, |_, _, answer| Reply::Message(answer)),
    ("wildcard replay with a stray SOA", true, |truth, query, answer| {
        if !is_target(query) {
            return Reply::Message(answer);
        }
        let source =
            truth.ask(&name("mallory.wild").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
        reply_with(answer, renamed(&source.answers, query.name()), stray_soa(truth))
    }),
    ("wildcard replay with its own denial", true, |truth, query, answer| {
        if !is_target(query) {
            return Reply::Message(answer);
        }
        let source =
            truth.ask(&name("mallory.wild").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
        reply_with(answer, renamed(&source.answers, query.name()), source.authorities)
    }),
    ("wildcard replay without denial", true, |truth, query, answer| {
        if !is_target(query) {
            return Reply::Message(answer);
        }
        let source =
            truth.ask(&name("mallory.wild").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
        reply_with(answer, renamed(&source.answers, query.name()), vec![])
    }),
    ("wildcard alias replay with a stray SOA", true, |truth, query, answer| {
        if !is_target(query) || zone_of(query) == name("other.test.") {
            return Reply::Message(answer);
        }
        let source =
            truth.ask(&name("eve.wildalias").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
        let own: Vec<Record> =
            source.answers.into_iter().filter(|r| r.name.to_string().starts_with("eve")).collect();
        reply_with(answer, renamed(&own, query.name()), stray_soa(truth))
    }),
    ("wildcard alias replay with its own denial", true, |truth, query, answer| {
        if !is_target(query) || zone_of(query) == name("other.test.") {
            return Reply::Message(answer);
        }
        let source =
            truth.ask(&name("eve.wildalias").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
        let own: Vec<Record> =
            source.answers.iter().filter(|r| r.name.to_string().starts_with("eve")).cloned().collect();
        reply_with(answer, renamed(&own, query.name()), source.authorities)
    }),
    ("forged NXDOMAIN with a stray SOA", true, |truth, query, answer| {
        if !is_target(query) {
            return Reply::Message(answer);
        }
        let Reply::Message(mut forged) = reply_with(answer, vec![], stray_soa(truth)) else { unreachable!() };
        forged.metadata.response_code = ResponseCode::NXDomain;
        Reply::Message(forged)
    }),
    ("forged NODATA with a stray SOA", true, |truth, query, answer| match is_target(query) {
        true => reply_with(answer, vec![], stray_soa(truth)),
        false => Reply::Message(answer),
    }),
    ("empty NXDOMAIN", true, |_, query, mut answer| {
        if is_target(query) {
            answer.answers.clear();
            answer.authorities.clear();
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        Reply::Message(answer)
    }),
    ("another name's true denial", true, |truth, query, answer| match is_target(query) {
        true => {
            let other = truth
                .ask(&name("zzzz._smimecert").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
            reply_with(answer, vec![], other.authorities)
        }
        false => Reply::Message(answer),
    }),
    ("another name's true NODATA", true, |truth, query, answer| match is_target(query) {
        true => {
            let other = truth
                .ask(&name("text._smimecert").append_domain(&zone_of(query)).unwrap(), RecordType::SMIMEA);
            reply_with(answer, vec![], other.authorities)
        }
        false => Reply::Message(answer),
    }),
    ("denial from the apex", true, |truth, query, answer| match is_target(query) {
        true => {
            let other = truth.ask(&zone_of(query), RecordType::SMIMEA);
            reply_with(answer, vec![], other.authorities)
        }
        false => Reply::Message(answer),
    }),
    ("the parent's word on names of the child", true, |truth, query, answer| match is_target(query) {
        true => {
            let parent = truth.ask(&name("zzzz.test."), RecordType::SMIMEA);
            reply_with(answer, vec![], parent.authorities)
        }
        false => Reply::Message(answer),
    }),
    ("the parent's proof that there is no DS", true, |truth, query, answer| match is_target(query) {
        true => {
            let parent = truth.ask(&name("unsigned.test."), RecordType::DS);
            reply_with(answer, vec![], parent.authorities)
        }
        false => Reply::Message(answer),
    }),
    ("another owner's record", true, |truth, query, answer| match is_target(query) {
        true => {
            reply_with(answer, truth.ask(&name("mallory.other.test."), RecordType::SMIMEA).answers, vec![])
        }
        false => Reply::Message(answer),
    }),
    ("another owner's record under this name", true, |truth, query, answer| match is_target(query) {
        true => {
            let other = truth.ask(&name("mallory.other.test."), RecordType::SMIMEA).answers;
            reply_with(answer, renamed(&other, query.name()), stray_soa(truth))
        }
        false => Reply::Message(answer),
    }),
    ("a neighbour's record under this name", true, |truth, query, answer| match is_target(query) {
        true => {
            let neighbour = name("carol._smimecert").append_domain(&zone_of(query)).unwrap();
            let other = truth.ask(&neighbour, RecordType::SMIMEA).answers;
            reply_with(answer, renamed(&other, query.name()), vec![])
        }
        false => Reply::Message(answer),
    }),
    ("signatures stripped from the answer", true, |_, query, answer| match is_target(query) {
        true => Reply::Message(without_signatures(answer)),
        false => Reply::Message(answer),
    }),
    ("signatures stripped from everything", true, |_, _, answer| Reply::Message(without_signatures(answer))),
    ("signatures of another zone", true, |truth, query, answer| match is_target(query) {
        true => {
            let foreign = truth.ask(&name("mallory.other.test."), RecordType::SMIMEA).answers;
            let signatures: Vec<Record> =
                foreign.into_iter().filter(|r| r.record_type() == RecordType::RRSIG).collect();
            let mut answers = without_signatures(answer.clone()).answers;
            answers.extend(renamed(&signatures, query.name()));
            reply_with(answer, answers, vec![])
        }
        false => Reply::Message(answer),
    }),
    ("an extra record", true, |_, query, mut answer| {
        if is_target(query) {
            answer.answers.push(Record::from_rdata(query.name().clone(), 300, forged()));
        }
        Reply::Message(answer)
    }),
    ("forged records alone", true, |truth, query, answer| match is_target(query) {
        true => {
            let record = Record::from_rdata(query.name().clone(), 300, forged());
            reply_with(answer, vec![record], stray_soa(truth))
        }
        false => Reply::Message(answer),
    }),
    ("forged alias to the attacker's signed name", true, |truth, query, answer| {
        if !is_target(query) || zone_of(query) == name("other.test.") {
            return Reply::Message(answer);
        }
        let alias = RData::CNAME(CNAME(name("mallory.other.test.")));
        reply_with(answer, vec![Record::from_rdata(query.name().clone(), 300, alias)], stray_soa(truth))
    }),
    ("forged alias with its whole answer", true, |truth, query, answer| {
        if !is_target(query) {
            return Reply::Message(answer);
        }
        let alias = RData::CNAME(CNAME(name("mallory.other.test.")));
        let mut answers = vec![Record::from_rdata(query.name().clone(), 300, alias)];
        answers.extend(truth.ask(&name("mallory.other.test."), RecordType::SMIMEA).answers);
        reply_with(answer, answers, vec![])
    }),
    ("forged delegation without DS", true, |_, query, answer| {
        let answer = without_signatures(answer);
        if query.query_type() == RecordType::DS && query.name().num_labels() >= 2 {
            let ns = Record::from_rdata(query.name().clone(), 300, RData::NS(NS(name("ns.test."))));
            return reply_with(answer, vec![], vec![ns]);
        }
        Reply::Message(answer)
    }),
    ("DS denied by the unsigned neighbour's proof", true, |truth, query, answer| {
        if query.query_type() == RecordType::DS && query.name().num_labels() == 2 {
            let proof = truth.ask(&name("unsigned.test."), RecordType::DS).authorities;
            return reply_with(answer, vec![], proof);
        }
        Reply::Message(without_signatures(answer))
    }),
    ("DS denied by the child's own apex", true, |truth, query, answer| {
        if query.query_type() == RecordType::DS && query.name().num_labels() == 2 {
            let proof = truth.ask(query.name(), RecordType::TXT).authorities;
            return reply_with(answer, vec![], proof);
        }
        Reply::Message(answer)
    }),
    ("a delegation inside the zone", true, |truth, query, answer| {
        // A true NODATA for DS at an ordinary name, dressed up as an unsigned delegation.
        if query.query_type() == RecordType::DS && query.name().num_labels() == 3 {
            let mut proof = truth.ask(query.name(), RecordType::DS).authorities;
            proof.push(Record::from_rdata(query.name().clone(), 300, RData::NS(NS(name("ns.test.")))));
            return reply_with(answer, vec![], proof);
        }
        Reply::Message(without_signatures(answer))
    }),
    ("a class that is not IN", true, |_, query, mut answer| {
        if is_target(query) {
            for record in answer.answers.iter_mut().chain(&mut answer.authorities) {
                record.dns_class = DNSClass::CH;
            }
        }
        Reply::Message(answer)
    }),
    ("SERVFAIL for everything", true, |_, _, mut answer| {
        answer.metadata.response_code = ResponseCode::ServFail;
        Reply::Message(answer)
    }),
    ("NXDOMAIN over a true answer", false, |_, query, mut answer| {
        if is_target(query) {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        Reply::Message(answer)
    }),
    ("keys swapped for another zone's", true, |truth, query, answer| match query.query_type() {
        RecordType::DNSKEY if query.name().num_labels() == 2 => {
            let other = truth.ask(&name("other.test."), RecordType::DNSKEY).answers;
            reply_with(answer, renamed(&other, query.name()), vec![])
        }
        _ => Reply::Message(answer),
    }),
    ("a flood of keys with the right tag", true, |_, query, mut answer| {
        if query.query_type() == RecordType::DNSKEY && query.name().num_labels() == 2 {
            let tags: Vec<u16> = answer.answers.iter().filter_map(key_tag).collect();
            for number in (0..600_u16).filter(|_| !tags.is_empty()) {
                let tag = tags[usize::from(number) % tags.len()];
                let key = RData::DNSSEC(DNSSECRData::DNSKEY(colliding_key(tag, number)));
                answer.answers.push(Record::from_rdata(query.name().clone(), 300, key));
            }
        }
        Reply::Message(answer)
    }),
    ("a flood of signatures", false, |_, query, mut answer| {
        let signatures: Vec<Record> =
            answer.answers.iter().filter(|r| r.record_type() == RecordType::RRSIG).cloned().collect();
        if is_target(query) {
            for number in 0..100 {
                for signature in &signatures {
                    let mut copy = signature.clone();
                    copy.ttl = number;
                    answer.answers.push(copy);
                }
            }
        }
        Reply::Message(answer)
    }),
    ("thousands of records", true, |_, query, mut answer| {
        if is_target(query) {
            for number in 0..1200_u16 {
                let mut data = vec![0x77; 30];
                data.extend(number.to_be_bytes());
                let record = RData::SMIMEA(SMIMEA(tlsa::TLSA::new(3.into(), 1.into(), 1.into(), data)));
                answer.answers.push(Record::from_rdata(query.name().clone(), 300, record));
            }
        }
        Reply::Message(answer)
    }),
    ("thousands of denial records", true, |_, query, mut answer| {
        if is_target(query) {
            let denials: Vec<Record> = answer.authorities.clone();
            for number in 0..300_u16 {
                for denial in denials.iter().filter(|r| r.record_type() != RecordType::SOA) {
                    let mut copy = denial.clone();
                    copy.name = name(&format!("n{number}")).append_domain(&zone_of(query)).unwrap();
                    answer.authorities.push(copy);
                }
            }
        }
        Reply::Message(answer)
    }),
    ("an alias to itself", true, |_, query, answer| match is_target(query) {
        true => {
            let alias = RData::CNAME(CNAME(query.name().clone()));
            reply_with(answer, vec![Record::from_rdata(query.name().clone(), 300, alias)], vec![])
        }
        false => Reply::Message(answer),
    }),
    ("hangs up", true, |_, _, _| Reply::Hangup),
];

/// Attacks that only cost time; two targets are enough.
pub const SLOW: &[(&str, Attack)] = &[
    ("garbage", |_, _, _| Reply::Octets(vec![0xa5; 700])),
    ("an empty frame", |_, _, _| Reply::Octets(vec![])),
    ("a wrong id", |_, _, answer| {
        let mut wire = answer.to_vec().unwrap();
        wire[0] ^= 0x55;
        Reply::Octets(wire)
    }),
    ("a slow drip", |_, _, answer| Reply::Drip(answer)),
    ("silence", |_, _, _| Reply::Silence),
];

fn is_target(query: &Query) -> bool {
    query.query_type() == RecordType::SMIMEA
}

/// The unsigned SOA of an unsigned zone, which once opened hickory's door.
fn stray_soa(truth: &Truth) -> Vec<Record> {
    truth.ask(&name("unsigned.test."), RecordType::SOA).answers
}

fn reply_with(mut message: Message, answers: Vec<Record>, authorities: Vec<Record>) -> Reply {
    message.answers = answers;
    message.authorities = authorities;
    message.additionals.clear();
    message.metadata.response_code = ResponseCode::NoError;
    Reply::Message(message)
}

pub fn renamed(records: &[Record], to: &Name) -> Vec<Record> {
    let rename = |record: &Record| {
        let mut record = record.clone();
        record.name = to.clone();
        record
    };
    records.iter().map(rename).collect()
}

fn zone_of(query: &Query) -> Name {
    query.name().trim_to(2)
}

fn forged() -> RData {
    RData::SMIMEA(SMIMEA(tlsa_forged()))
}

fn tlsa_forged() -> tlsa::TLSA {
    tlsa::TLSA::new(3.into(), 1.into(), 1.into(), vec![0x66; 32])
}

fn without_signatures(mut message: Message) -> Message {
    message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
    message.authorities.retain(|record| record.record_type() != RecordType::RRSIG);
    message
}
fn key_tag(record: &Record) -> Option<u16> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => key.calculate_key_tag().ok(),
        _ => None,
    }
}

/// A key that is no key, with this tag.
fn colliding_key(tag: u16, number: u16) -> DNSKEY {
    let mut octets = vec![0x11; 64];
    octets[..2].copy_from_slice(&number.to_be_bytes());
    let made = |octets: &[u8]| {
        DNSKEY::with_flags(257, PublicKeyBuf::new(octets.to_vec(), Algorithm::ECDSAP256SHA256))
    };
    // The tag is a sum of 16-bit words: what is missing is known (RFC 4034 appendix B).
    octets[62..].fill(0);
    let missing = u32::from(tag) + 0xffff - u32::from(made(&octets).calculate_key_tag().unwrap());
    for near in 0..3 {
        let last = u16::try_from((missing + 0xfffe + near) % 0xffff).unwrap();
        octets[62..].copy_from_slice(&last.to_be_bytes());
        if made(&octets).calculate_key_tag().unwrap() == tag {
            return made(&octets);
        }
    }
    panic!("no key has the tag {tag}");
}
