//! Worlds of our own in which a validator can go wrong, as data with the verdict beside each; and
//! the validators of others as referees over the same worlds.

#[path = "../support/answers.rs"]
mod answers;
#[path = "../support/referee.rs"]
mod referee;
#[path = "../support/rpl/mod.rs"]
mod rpl;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use answers::word;
use dane_smime::clock::SystemClock;
use dane_smime::dns::{Anchors, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use referee::{Referee, Ruling, referees};
use rpl::forwarder::Forwarder;
use rpl::records::type_number;
use rpl::world::{Ask, World};

const WORLDS: &[&str] = &[
    include_str!("dns_worlds.txt"),
    include_str!("dns_worlds_nsec3.txt"),
    include_str!("dns_worlds_odd.txt"),
    include_str!("dns_worlds_edges.txt"),
];

#[test]
fn every_world_gets_its_verdict_and_no_referee_forbids_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let only = std::env::var("WORLD").ok(); // part of a title
    let worlds = WORLDS.iter().flat_map(|text| World::parse_all(text));
    let worlds = worlds.filter(|world| only.as_ref().is_none_or(|part| world.title.contains(part.as_str())));
    let worlds = Mutex::new(worlds.enumerate());
    let (rulings, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((number, world)) = take(&worlds) {
                    let disputes = judge(world, &dir.path().join(number.to_string()), &rulings);
                    wrong.lock().unwrap().extend(disputes);
                }
            });
        }
    });
    println!("{} rulings by referees", rulings.into_inner());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of every verdict but "bogus" each denial record is needed, unless it is marked as `spare`.
#[test]
fn no_proof_stands_without_one_of_its_records() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for world in WORLDS.iter().flat_map(|text| text.split("\n## ").skip(1)) {
        for line in world.lines().filter(|line| is_proof(line)) {
            let rest: Vec<&str> = world.lines().filter(|other| *other != line).collect();
            let mut world = World::parse_all(&format!("\n## {}", rest.join("\n"))).remove(0);
            let (title, anchors) = (world.title.clone(), Anchors::parse(&world.anchors).unwrap());
            let asks = std::mem::take(&mut world.asks);
            let [ask] = asks.as_slice() else { continue };
            if ask.verdict != "bogus" {
                let (verdict, _) = ours(&Forwarder::answering(world.server()), &anchors, ask);
                tried += 1;
                if verdict != "bogus" {
                    wrong.push(format!("{title}: {verdict} without {line}"));
                }
            }
        }
    }
    println!("{tried} proofs with a hole");
    assert!(tried > 40, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// RFC 7686 section 2: who is asked for a name learns it. One that an alias leads to is as secret.
#[test]
fn what_is_not_in_the_dns_is_not_asked_for() {
    let worlds = "
## an alias to a name that is not in the DNS
zones a.test.
ask y.onion. SMIMEA unreachable
ask y.ONION. SMIMEA unreachable
ask y.alt. SMIMEA unreachable
ask y.invalid. SMIMEA unreachable
ask localhost. SMIMEA unreachable
ask onion. DS unreachable
ask x.a.test. SMIMEA unreachable
reply x.a.test. SMIMEA
answer x.a.test. CNAME y.onion.

## an alias to a name that is not in the DNS, with the proof of that
zones a.test.
ask x.a.test. SMIMEA absent
reply x.a.test. SMIMEA NXDOMAIN
answer x.a.test. CNAME y.onion.
authority . SOA ns.test. h.test. 1 2 3 4 60
authority om. NSEC oo. NS DS RRSIG NSEC
authority . NSEC aaa. SOA NS RRSIG NSEC DNSKEY
";
    for mut world in World::parse_all(worlds) {
        let (asks, anchors) = (std::mem::take(&mut world.asks), Anchors::parse(&world.anchors).unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (server, log) = (world.server(), Arc::clone(&asked));
        let forwarder = Forwarder::answering(move |name, number| {
            log.lock().unwrap().push(name.to_owned());
            server(name, number)
        });
        for ask in &asks {
            asked.lock().unwrap().clear();
            let (verdict, detail) = ours(&forwarder, &anchors, ask);
            assert_eq!(verdict, ask.verdict, "{}: {detail}", ask.name);
            let asked = asked.lock().unwrap();
            assert_eq!(asked.is_empty(), ask.name != "x.a.test.", "{}: {asked:?}", ask.name);
            assert!(asked.iter().all(|name| !name.ends_with("onion.")), "{asked:?}");
        }
    }
}

fn is_proof(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let denies = line.starts_with("authority ") && words.any(|word| matches!(word, "NSEC" | "NSEC3"));
    denies && !line.contains("spare")
}

fn take<I: Iterator>(from: &Mutex<I>) -> Option<I::Item> {
    from.lock().unwrap().next()
}

/// What is wrong with our verdicts on a world, or with a referee's.
fn judge(mut world: World, dir: &Path, rulings: &AtomicUsize) -> Vec<String> {
    let referees = referees(dir, &world.anchors);
    let (title, asks) = (world.title.clone(), std::mem::take(&mut world.asks));
    let anchors = Anchors::parse(&world.anchors).unwrap();
    let forwarder = Forwarder::answering(world.server());
    let mut wrong = Vec::new();
    for ask in &asks {
        let (verdict, detail) = ours(&forwarder, &anchors, ask);
        if verdict != ask.verdict {
            wrong.push(format!("{title}: {} should be {}: {detail}", ask.name, ask.verdict));
        }
        for referee in &referees {
            rulings.fetch_add(1, Ordering::Relaxed);
            let ruling = referee.rule(forwarder.address, &ask.name, &ask.record_type);
            wrong.extend(dispute(ask, verdict, referee, ruling).map(|dispute| format!("{title}: {dispute}")));
        }
    }
    wrong
}

fn ours(forwarder: &Forwarder, anchors: &Anchors, ask: &Ask) -> (&'static str, String) {
    let resolver = Resolver::new(ResolverConfig {
        servers: Servers::Plain(forwarder.address),
        anchors: anchors.clone(),
        clock: Arc::new(SystemClock),
    });
    let record_type = RecordType::from(type_number(&ask.record_type).unwrap());
    let answer =
        resolver.lookup(&DomainName::from_ascii(&ask.name).unwrap(), record_type, Duration::from_secs(10));
    (word(&answer), format!("{answer:?}"))
}

/// What is wrong between a referee and us: it forbids what we say, or a difference that is listed
/// is gone.
fn dispute(ask: &Ask, verdict: &str, referee: &Referee, ruling: Ruling) -> Option<String> {
    let known = ask.known.get(referee.name);
    if let Some(known) = known {
        return (known != ruling.word())
            .then(|| format!("{} is said to say {known} and says {}", referee.name, ruling.word()));
    }
    (!ruling.allows(verdict))
        .then(|| format!("{} says {}, and we say {verdict}", referee.name, ruling.word()))
}
