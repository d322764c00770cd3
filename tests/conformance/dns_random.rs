//! Small DNS trees made at random: honest answers get the verdict that is true, and of an attacker who mixes
//! everything that was ever signed in them none says more.
//!
//! `SEED=1 TREES=1000` runs others, and more of them; those that are run without are known to catch a validator that
//! forgets a rule.

#[path = "../support/answers.rs"]
mod answers;
#[path = "../support/rpl/mod.rs"]
mod rpl;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use answers::word;
use dane_smime::clock::SystemClock;
use dane_smime::dns::{Anchors, Answer, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use rpl::forwarder::{Forwarder, Reply};
use rpl::signer::{DS, RRSIG};
use rpl::tree::{APEX_TYPES, Labels, Random, SMIMEA, Set, Tree, Truth, labels, push, record, renamed, text};

const QUESTIONS: usize = 15;
const ATTACKS: usize = 7;
const CNAME: u16 = 5;

#[test]
fn nothing_false_is_said_of_random_trees() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SEED").unwrap_or(72);
    let seeds = Mutex::new(first..first + number("TREES").unwrap_or(24));
    let (tally, wrong) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(seed) = { seeds.lock().unwrap().next() } {
                    for (what, truth, answer, detail) in explore(seed) {
                        *tally.lock().unwrap().entry((what, truth.word(), word(&answer))).or_insert(0) += 1;
                        if !is_fair(what, &truth, &answer) {
                            let line =
                                format!("{what}, seed {seed}: {truth:?}, and we said {answer:?}\n{detail}");
                            wrong.lock().unwrap().push(line);
                        }
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    tally.iter().for_each(|((what, truth, said), count)| println!("{what:<9} {truth:<9} {said:<12} {count}"));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for truth in ["secure", "absent", "insecure"] {
        let count = |what, said| tally.get(&(what, truth, said)).copied().unwrap_or(0);
        assert!(count(HONEST, truth) > 0 && count(ATTACKED, "bogus") > 0, "{truth} was not tried");
    }
}

const HONEST: &str = "honest";
const ATTACKED: &str = "attacked";
/// Honest again, to a resolver that has heard the attacker.
const HEALED: &str = "healed";

type Outcome = (&'static str, Truth, Answer, String);

/// Asks one tree.
fn explore(seed: u64) -> Vec<Outcome> {
    let random = Arc::new(Random::new(seed));
    let tree = Arc::new(Tree::grow(&random));
    let anchors = Anchors::parse(&tree.anchor()).unwrap();
    // One question in so many is answered by the attacker; the one that is asked, and all: 1; none: 0.
    let (rate, wanted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let forwarder = {
        let (random, tree, rate, wanted, log) = (
            Arc::clone(&random),
            Arc::clone(&tree),
            Arc::clone(&rate),
            Arc::clone(&wanted),
            Arc::clone(&log),
        );
        let sets = tree.sets();
        Forwarder::answering(move |asked, number| {
            let rate = rate.load(Ordering::Relaxed);
            let is_wanted = usize::from(number) == wanted.load(Ordering::Relaxed) && !random.one_in(8);
            if rate == 0 || !(is_wanted || random.one_in(rate)) {
                return tree.answer(&labels(asked), number).0;
            }
            let reply = bend(&tree, &sets, &random, &labels(asked), number);
            log.lock().unwrap().push(format!("  {asked} {number}: {}", brief(&reply)));
            reply
        })
    };
    let resolver = || {
        Resolver::new(ResolverConfig {
            servers: Servers::Plain(forwarder.address),
            anchors: anchors.clone(),
            clock: Arc::new(SystemClock),
        })
    };
    let lasting = resolver();
    let mut outcomes = Vec::new();
    for _ in 0..QUESTIONS {
        let name = tree.some_name(&random);
        let number = if random.one_in(3) { random.pick(&APEX_TYPES) } else { SMIMEA };
        wanted.store(usize::from(number), Ordering::Relaxed);
        let (_, truth) = tree.answer(&name, number);
        let mut ask = |what, resolver: &Resolver, chosen| {
            rate.store(chosen, Ordering::Relaxed);
            let answer = lookup(resolver, &name, number);
            let detail =
                [vec![format!("{} {number}", text(&name))], std::mem::take(&mut *log.lock().unwrap())];
            outcomes.push((what, truth.clone(), answer, detail.concat().join("\n")));
        };
        ask(HONEST, &resolver(), 0);
        for _ in 0..ATTACKS {
            ask(ATTACKED, &resolver(), random.pick(&[1, 2, 4, 1000]));
        }
        ask(ATTACKED, &lasting, 1);
        ask(HEALED, &lasting, 0);
    }
    outcomes
}

fn lookup(resolver: &Resolver, name: &Labels, number: u16) -> Answer {
    let name = DomainName::from_ascii(text(name)).unwrap();
    resolver.lookup(&name, RecordType::from(number), Duration::from_secs(10))
}

/// Whether the answer is the truth, or, under attack, no answer.
fn is_fair(what: &str, truth: &Truth, answer: &Answer) -> bool {
    match (answer, truth) {
        (Answer::Secure(set), Truth::Secure(data)) => {
            set.get().records.iter().map(|record| &record.rdata).eq(data)
        }
        (Answer::Absent(_), Truth::Absent) => true,
        (Answer::Insecure(_), Truth::Insecure | Truth::Endless) => true,
        (Answer::Bogus(_), truth) => what == ATTACKED || *truth == Truth::Endless,
        (Answer::Unreachable(_), _) => what == ATTACKED,
        _ => false,
    }
}

/// What the attacker says: the truth, bent up to three times.
fn bend(tree: &Tree, sets: &[Set], random: &Random, asked: &Labels, number: u16) -> Reply {
    let (mut reply, _) = tree.answer(asked, number);
    let own = text(asked);
    let near: Vec<&Set> = sets.iter().filter(|set| is_near(&labels(&set.0[0].owner), asked)).collect();
    let any =
        || if random.one_in(3) { &sets[random.below(sets.len())] } else { near[random.below(near.len())] };
    for _ in 0..=random.below(3) {
        match random.below(15) {
            0 => reply.answer.clear(),
            1 => reply.authority.clear(),
            2 => push(&mut reply.answer, any()),
            3 | 4 => push(&mut reply.authority, any()),
            5 => push(&mut reply.answer, &renamed(any(), &own)),
            6..=8 => {
                // A wildcard's records, made for this name.
                let fits = |set: &&&Set| [number, CNAME].contains(&set.0[0].type_number);
                let wild = near.iter().filter(|set| set.0[0].owner.starts_with("*.")).filter(fits);
                let wild: Vec<&Set> = wild.copied().collect();
                if !wild.is_empty() {
                    reply.answer.clear();
                    push(&mut reply.answer, &renamed(random.pick(&wild), &own));
                }
            }
            9 => {
                // What one zone denies, as much of it as is looked at.
                let zone = &tree.zones[random.below(tree.zones.len())];
                let mut denials: Vec<&Set> = zone.nsec.values().chain(zone.nsec3.values()).collect();
                while denials.len() > 10 {
                    denials.remove(random.below(denials.len()));
                }
                (reply.answer, reply.authority) = (Vec::new(), Vec::new());
                denials.into_iter().for_each(|set| push(&mut reply.authority, set));
            }
            10 => reply.rcode = random.pick(&[0, 3]),
            11 => {
                reply.answer.retain(|record| record.type_number != RRSIG);
                if random.one_in(2) {
                    reply.authority.retain(|record| record.type_number != RRSIG);
                }
            }
            12 => reply.answer = vec![record(asked, &format!("TYPE{number} \\# 5 0301010bad"))],
            13 => {
                // What is true of another name.
                let mut other = asked[..random.below(asked.len() + 1)].to_vec();
                other.push(random.pick(&["x", "y", "*", "q", "b", "v"]).to_owned());
                let (other, _) = tree.answer(&other, random.pick(&[number, DS, SMIMEA]));
                if random.one_in(2) {
                    reply.answer = other.answer;
                }
                reply.authority = other.authority;
            }
            _ if reply.authority.is_empty() => {}
            _ => drop(reply.authority.remove(random.below(reply.authority.len()))),
        }
    }
    reply
}

/// Whether a set's name has something to do with the one that is asked for.
fn is_near(owner: &Labels, asked: &Labels) -> bool {
    asked.starts_with(&owner[..owner.len().saturating_sub(1)]) || owner.starts_with(asked)
}

fn brief(reply: &Reply) -> String {
    let list = |section: &[rpl::records::Record]| -> Vec<String> {
        section
            .iter()
            .map(|record| format!("{}/{}/{}", record.owner, record.type_number, record.covers()))
            .collect()
    };
    format!("rcode {}, answer {:?}, authority {:?}", reply.rcode, list(&reply.answer), list(&reply.authority))
}
