//! An attacker on the path does what it can: never a false `secure`, `absent` or `insecure`, an
//! answer within the deadline, bounded memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test program"
)]
#![allow(clippy::print_stdout, missing_docs, dead_code, unreachable_pub, reason = "a test program")]

#[path = "../support/on_path.rs"]
mod on_path;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dane_smime::clock::SystemClock;
use dane_smime::dns::{Anchors, Answer, Resolver, ResolverConfig, Servers};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_resolver::proto::dnssec::{Algorithm, PublicKeyBuf};
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, NS, SMIMEA, tlsa};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use on_path::{Attack, Reply, Truth, between, by_udp_alone, truncating};
use signed_tree::{Fate, Tree, Zone};

const DEADLINE: Duration = Duration::from_secs(4);

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let lines = |zone: &str, mark: &str| {
        vec![
            format!("alice._smimecert.{zone} SMIMEA 3 1 1 {}", mark.repeat(32)),
            format!("carol._smimecert.{zone} SMIMEA 3 1 1 {}", "cc".repeat(32)),
            format!("text._smimecert.{zone} TXT no-certificate"),
            format!("alias._smimecert.{zone} CNAME alice._smimecert.{zone}"),
            format!("*.wild.{zone} SMIMEA 3 1 1 {}", "ee".repeat(32)),
            format!("there.wild.{zone} SMIMEA 3 1 1 {}", mark.repeat(32)),
            format!("*.wildalias.{zone} CNAME mallory.other.test."),
            format!("there.wildalias.{zone} SMIMEA 3 1 1 {}", mark.repeat(32)),
        ]
    };
    Tree::grow(vec![
        Zone::signed("test.", Vec::new()).nsec3(true, 0),
        Zone::signed("nsec.test.", lines("nsec.test.", "aa")),
        Zone::signed("nsec3.test.", lines("nsec3.test.", "ab")).nsec3(false, 1),
        Zone::signed("optout.test.", lines("optout.test.", "ac")).nsec3(true, 0),
        Zone::signed("unsigned.test.", lines("unsigned.test.", "ad")).fate(Fate::Unsigned),
        Zone::signed("other.test.", vec![format!("mallory.other.test. SMIMEA 3 1 1 {}", "ff".repeat(32))]),
        Zone::signed("expired.test.", lines("expired.test.", "ae")).fate(Fate::Expired),
        Zone::signed("early.test.", lines("early.test.", "af")).fate(Fate::NotYetValid),
    ])
});

/// Names and what is true of them.
const TARGETS: &[(&str, &str)] = &[
    ("alice._smimecert.nsec.test.", "secure"),
    ("alice._smimecert.nsec3.test.", "secure"),
    ("alice._smimecert.optout.test.", "secure"),
    ("alias._smimecert.nsec.test.", "secure"),
    ("there.wild.nsec.test.", "secure"),
    ("there.wild.nsec3.test.", "secure"),
    ("there.wildalias.nsec.test.", "secure"),
    ("there.wildalias.nsec3.test.", "secure"),
    ("anyone.wild.nsec.test.", "secure"),
    ("anyone.wild.nsec3.test.", "secure"),
    ("nobody._smimecert.nsec.test.", "absent"),
    ("nobody._smimecert.nsec3.test.", "absent"),
    ("text._smimecert.nsec.test.", "absent"),
    ("text._smimecert.nsec3.test.", "absent"),
    ("_smimecert.nsec.test.", "absent"),
    ("nobody._smimecert.optout.test.", "insecure"),
    ("alice._smimecert.unsigned.test.", "insecure"),
    ("alice._smimecert.expired.test.", "bogus"),
    ("alice._smimecert.early.test.", "bogus"),
];

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn lookup(server: SocketAddr, target: &str) -> Answer {
    let resolver = Resolver::new(ResolverConfig {
        servers: Servers::Plain(server),
        anchors: Anchors::from_file(&TREE.anchor_file()).unwrap(),
        clock: Arc::new(SystemClock),
    });
    resolver.unwrap().lookup(&name(target), RecordType::SMIMEA, DEADLINE)
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Secure(_) => "secure",
        Answer::Absent(_) => "absent",
        Answer::Insecure(_) => "insecure",
        Answer::Bogus(_) => "bogus",
        Answer::Unreachable(_) => "unreachable",
    }
}

/// Runs one attack on all targets; true if it changed any verdict.
fn endure(label: &str, attack: Attack, targets: &[(&str, &str)]) -> bool {
    let truth = Truth(TREE.address);
    let server = between(truth, attack);
    let mut changed = false;
    for (target, truly) in targets {
        let begun = Instant::now();
        let answer = lookup(server, target);
        let took = begun.elapsed();
        let verdict = word(&answer);
        assert!(took < DEADLINE + Duration::from_millis(500), "{label}: {target} took {took:?}");
        assert!(
            verdict == *truly || verdict == "bogus" || verdict == "unreachable",
            "{label}: {target} is {truly}, and we said {answer:?}"
        );
        if let Answer::Secure(set) = &answer {
            let told: Vec<Vec<u8>> = set.get().records.iter().map(|record| record.rdata.clone()).collect();
            assert_eq!(told, genuine(truth, target), "{label}: {target}: other records than the zone's");
        }
        changed |= verdict != *truly;
    }
    changed
}

fn genuine(truth: Truth, target: &str) -> Vec<Vec<u8>> {
    use hickory_resolver::proto::serialize::binary::BinEncodable;
    let answer = truth.ask(&name(target), RecordType::SMIMEA);
    let records = answer.answers.iter().filter(|record| record.record_type() == RecordType::SMIMEA);
    records.map(|record| record.data.to_bytes().unwrap()).collect()
}

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

fn renamed(records: &[Record], to: &Name) -> Vec<Record> {
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

/// Attacks, and whether they can be expected to change a verdict.
const ATTACKS: &[(&str, bool, Attack)] = &[
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
const SLOW: &[(&str, Attack)] = &[
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
    for last in 0..=u16::MAX {
        octets[62..].copy_from_slice(&last.to_be_bytes());
        let key = made(&octets);
        if key.calculate_key_tag().unwrap() == tag {
            return key;
        }
    }
    made(&octets)
}

#[test]
fn no_attack_makes_anything_false() {
    LazyLock::force(&TREE);
    std::thread::scope(|scope| {
        for some in ATTACKS.chunks(ATTACKS.len().div_ceil(4)) {
            scope.spawn(move || {
                for (label, harmful, attack) in some {
                    let changed = endure(label, *attack, TARGETS);
                    assert_eq!(changed, *harmful, "{label}: an attack that changes no verdict tests nothing");
                }
            });
        }
    });
    // In KiB; the test program holds a victim, the attackers and their floods.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak < 300 * 1024, "memory grew to {peak} KiB");
}

/// Genuine messages of all zones, to be mixed into answers.
static POOL: LazyLock<Vec<Message>> = LazyLock::new(|| {
    let truth = Truth(TREE.address);
    let mut pool = Vec::new();
    for zone in ["nsec.test.", "nsec3.test.", "optout.test.", "unsigned.test.", "other.test.", "test."] {
        for label in [
            "alice._smimecert.",
            "nobody._smimecert.",
            "text._smimecert.",
            "x.wild.",
            "x.wildalias.",
            "zz.",
            "",
        ] {
            pool.push(truth.ask(&name(&format!("{label}{zone}")), RecordType::SMIMEA));
        }
        for record_type in [RecordType::DS, RecordType::DNSKEY, RecordType::SOA] {
            pool.push(truth.ask(&name(zone), record_type));
        }
        pool.push(truth.ask(&name(&format!("_smimecert.{zone}")), RecordType::DS));
    }
    pool
});

static SEED: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);

/// xorshift64*: the same sequence in every run.
fn random(below: usize) -> usize {
    let next = |mut x: u64| {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        Some(x)
    };
    let x = SEED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
    usize::try_from(x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below.max(1)
}

fn meddle(_: &Truth, query: &Query, mut answer: Message) -> Reply {
    if random(3) == 0 {
        return Reply::Message(answer);
    }
    for _ in 0..=random(3) {
        let other = &POOL[random(POOL.len())];
        match random(10) {
            0 => drop_one(&mut answer.answers),
            1 => drop_one(&mut answer.authorities),
            2 => answer.answers.extend(other.answers.iter().cloned()),
            3 => answer.authorities.extend(other.authorities.iter().cloned()),
            4 => answer.authorities = other.authorities.clone(),
            5 => {
                answer.answers = renamed(&other.answers, query.name());
                answer.authorities = other.authorities.clone();
            }
            6 => answer.metadata.response_code = [ResponseCode::NoError, ResponseCode::NXDomain][random(2)],
            7 => {
                answer.answers.clear();
                answer.authorities = other.authorities.clone();
            }
            8 => answer.authorities.extend(renamed(&other.authorities, query.name())),
            _ => std::mem::swap(&mut answer.answers, &mut answer.authorities),
        }
    }
    let mut wire = answer.to_vec().unwrap();
    if random(8) == 0 {
        let at = 12 + random(wire.len() - 12);
        wire[at] ^= 1 << random(8);
    }
    Message::from_vec(&wire).map_or(Reply::Octets(wire), Reply::Message)
}

fn drop_one(section: &mut Vec<Record>) {
    if !section.is_empty() {
        section.remove(random(section.len()));
    }
}

#[test]
fn random_meddling_makes_nothing_false() {
    LazyLock::force(&POOL);
    let rounds = std::env::var("MEDDLING_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    for _ in 0..rounds {
        assert!(endure("random meddling", meddle, TARGETS));
    }
}

#[test]
fn what_only_costs_time_costs_no_more_than_the_deadline() {
    LazyLock::force(&TREE);
    std::thread::scope(|scope| {
        for (label, attack) in SLOW {
            scope.spawn(move || assert!(endure(label, *attack, &TARGETS[..2]), "{label}"));
        }
        scope.spawn(|| {
            let answer = lookup(truncating(), TARGETS[0].0);
            assert_eq!(word(&answer), "unreachable", "TC and no TCP: {answer:?}");
        });
        scope.spawn(|| {
            let answer = lookup(by_udp_alone(Truth(TREE.address)), TARGETS[0].0);
            assert_eq!(word(&answer), "secure", "UDP where TCP is refused: {answer:?}");
        });
        scope.spawn(|| {
            let begun = Instant::now();
            let answer = lookup(signed_tree::free_port(), TARGETS[0].0);
            assert_eq!(word(&answer), "unreachable", "nobody there: {answer:?}");
            assert!(begun.elapsed() < Duration::from_secs(1), "a refused connection is known at once");
        });
    });
}
