//! An attacker on the path does what it can: never a false `secure`, `absent` or `insecure`, an
//! answer within the deadline, bounded memory.

#[path = "../../support/answers.rs"]
mod answers;
mod cases;
mod meddling;
#[path = "../../support/on_path.rs"]
mod on_path;
#[path = "../../support/referee.rs"]
mod referee;
#[path = "../../support/signed_tree.rs"]
mod signed_tree;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use answers::word;
use cases::{ATTACKS, SLOW};
use dane_smime::clock::SystemClock;
use dane_smime::dns::answer::{Defect, Outage};
use dane_smime::dns::{Anchors, Answer, Resolver, ResolverConfig, Servers};
use hickory_resolver::proto::rr::{Name, RecordType};
use on_path::{Attack, Truth, between};
use referee::{Referee, referees};
use signed_tree::{Fate, Tree, Zone};

const DEADLINE: Duration = Duration::from_secs(4);

/// How late a busy machine may wake who waits.
const SLACK: Duration = Duration::from_secs(2);

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
    resolver.lookup(&name(target), RecordType::SMIMEA, DEADLINE)
}

/// The validators of others.
static REFEREES: LazyLock<Vec<Referee>> = LazyLock::new(|| {
    let anchor = std::fs::read_to_string(TREE.anchor_file()).unwrap();
    let line = anchor.lines().find(|line| line.contains("DNSKEY 257")).unwrap();
    referees(&TREE.path("referees"), line)
});

/// Where a referee says less than is proven: both believe the response code, which nobody signed,
/// and delv does not look for the insecure span behind an answer that fails.
const STRICTER: &[(&str, &str)] = &[
    ("NXDOMAIN over a true answer", "delv"),
    ("NXDOMAIN over a true answer", "unbound-host"),
    ("an extra record", "delv"),
    ("another owner's record under this name", "delv"),
];

/// Whether the referees allow what we say under an attack.
fn dispute(label: &str, server: SocketAddr, target: &str, verdict: &str) -> Option<String> {
    let stricter = |referee: &&Referee| !STRICTER.contains(&(label, referee.name));
    REFEREES.iter().filter(stricter).find_map(|referee| {
        let ruling = referee.rule(server, target, "SMIMEA");
        let word = ruling.word();
        (!ruling.allows(verdict))
            .then(|| format!("{label}: {target}: {} says {word}, we {verdict}", referee.name))
    })
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
        assert!(took < DEADLINE + SLACK, "{label}: {target} took {took:?}");
        assert!(
            verdict == *truly || verdict == "bogus" || verdict == "unreachable",
            "{label}: {target} is {truly}, and we said {answer:?}"
        );
        if let Answer::Secure(set) = &answer {
            let told: Vec<Vec<u8>> = set.get().records.iter().map(|record| record.rdata.clone()).collect();
            assert_eq!(told, genuine(truth, target), "{label}: {target}: other records than the zone's");
        }
        if verdict != *truly {
            println!("{label}: {target} is {truly}: {answer:?}, {took:.0?}");
        }
        // Only of an attack that costs time is a time-out the work; else the machine is busy.
        let late = matches!(answer, Answer::Unreachable(Outage::TimedOut(_)));
        let slow = SLOW.iter().any(|(slow, _)| *slow == label);
        changed |= verdict != *truly && (slow || !late);
    }
    changed
}

fn genuine(truth: Truth, target: &str) -> Vec<Vec<u8>> {
    use hickory_resolver::proto::serialize::binary::BinEncodable;
    let answer = truth.ask(&name(target), RecordType::SMIMEA);
    let records = answer.answers.iter().filter(|record| record.record_type() == RecordType::SMIMEA);
    records.map(|record| record.data.to_bytes().unwrap()).collect()
}

#[test]
fn no_referee_forbids_what_we_say_under_attack() {
    LazyLock::force(&REFEREES);
    let attacks = Mutex::new(ATTACKS.iter().enumerate());
    let disputes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((number, (label, _, attack))) = { attacks.lock().unwrap().next() } {
                    let server = between(Truth(TREE.address), *attack);
                    // A few for each attack, others for each.
                    for (target, _) in TARGETS.iter().skip(number % 5).step_by(5) {
                        let verdict = word(&lookup(server, target));
                        if matches!(verdict, "secure" | "absent" | "insecure") {
                            disputes.lock().unwrap().extend(dispute(label, server, target, verdict));
                        }
                    }
                }
            });
        }
    });
    let disputes = disputes.into_inner().unwrap();
    assert!(disputes.is_empty(), "{}", disputes.join("\n"));
}

/// `ATTACK=flood` runs those with "flood" in their label alone.
fn wanted(label: &str) -> bool {
    std::env::var("ATTACK").map_or(true, |part| label.contains(&part))
}

#[test]
fn no_attack_makes_anything_false() {
    LazyLock::force(&TREE);
    std::thread::scope(|scope| {
        for some in ATTACKS.chunks(ATTACKS.len().div_ceil(4)) {
            scope.spawn(move || {
                for (label, harmful, attack) in some.iter().filter(|(label, ..)| wanted(label)) {
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

/// Whom to ask instead, the doctor tells.
#[test]
fn a_router_that_takes_signatures_out_is_told_from_a_forger() {
    let (_, _, strips) =
        ATTACKS.iter().find(|(label, ..)| *label == "signatures stripped from everything").unwrap();
    let router = between(Truth(TREE.address), *strips);
    for (target, _) in TARGETS {
        let Answer::Bogus(fault) = lookup(router, target) else { panic!("{target} is believed") };
        assert_eq!(fault.defect, Defect::SignaturesStripped, "{target}");
    }
}

#[test]
fn what_only_costs_time_costs_no_more_than_the_deadline() {
    LazyLock::force(&TREE);
    std::thread::scope(|scope| {
        for (label, attack) in SLOW {
            scope.spawn(move || assert!(endure(label, *attack, &TARGETS[..2]), "{label}"));
        }
    });
}
