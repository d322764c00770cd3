//! The validator against scenarios that others wrote, each with its own clock, anchors and
//! answers. Prints the agreement; fails where we say more than a scenario allows, where we differ
//! and it is not known why, and where a known difference is gone.
//!
//! With `DNSSEC_SCENARIOS=FOLDER` the scenarios of that folder are run instead; those that ask for
//! what is not in the dialect are told and left out.

#[path = "../support/rpl/mod.rs"]
mod rpl;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dane_smime::clock::{Clock, FixedClock, SystemClock, UnixTime};
use dane_smime::dns::answer::Outage;
use dane_smime::dns::{Anchors, Answer, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use rpl::forwarder::Forwarder;
use rpl::records::type_number;
use rpl::scenario::{Check, Scenario};

/// Differences that are understood: `file question verdict`, `#` and the reason.
const KNOWN: &str = include_str!("dns_scenarios.known");

#[test]
#[ignore = "needs ../shared"]
fn no_scenario_is_overstated_and_nearly_all_agree() {
    let Some(folder) = rpl::corpus() else {
        println!("SKIPPED: 96 scenarios; there is no corpora/dnssec-rpl in ../shared");
        return;
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut outcomes = Vec::new();
    for file in &files {
        outcomes.extend(run(file));
    }
    report(&outcomes, files.len());
    let lines = |rows: Vec<&Outcome>| rows.iter().map(|row| row.line()).collect::<Vec<_>>();
    let unsound = lines(outcomes.iter().filter(|row| row.overstates()).collect());
    assert!(unsound.is_empty(), "said more than the scenario allows: {unsound:#?}");
    if std::env::var_os(rpl::OTHERS).is_some() {
        return; // of those nothing is known
    }
    let known: Vec<&str> =
        KNOWN.lines().map(|line| line.split('#').next().unwrap().trim()).filter(|l| !l.is_empty()).collect();
    let different = lines(outcomes.iter().filter(|row| row.expected != row.verdict).collect());
    let surprising: Vec<_> = different.iter().filter(|line| !known.contains(&line.as_str())).collect();
    assert!(surprising.is_empty(), "differs, and it is not known why: {surprising:#?}");
    let gone: Vec<_> = known.iter().filter(|line| !different.iter().any(|d| d == *line)).collect();
    assert!(gone.is_empty(), "listed as different, and agrees: {gone:#?}");
    let agreed = outcomes.len() - different.len();
    assert!(agreed * 100 >= outcomes.len() * 95, "{agreed} of {} agree", outcomes.len());
}

struct Outcome {
    file: String,
    question: String,
    expected: &'static str,
    verdict: &'static str,
    detail: String,
}

impl Outcome {
    fn line(&self) -> String {
        format!("{} {} {}", self.file, self.question, self.verdict)
    }

    /// Secure where it is not, or a downgrade: insecure where it is bogus. A resolver answers questions for
    /// a sentinel (RFC 8509) by what it trusts itself; the records are good, whatever it says.
    fn overstates(&self) -> bool {
        let is_sentinel = self.question.starts_with("root-key-sentinel-");
        (self.verdict == "secure" && self.expected != "secure" && !is_sentinel)
            || (self.verdict == "insecure" && self.expected == "bogus")
    }
}

fn run(file: &Path) -> Vec<Outcome> {
    let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
    let scenario = match Scenario::parse(&text) {
        Ok(scenario) => scenario,
        Err(line) => {
            assert!(std::env::var_os(rpl::OTHERS).is_some(), "{file:?} is not understood: {line}");
            println!("LEFT OUT: {}: {line}", file.display());
            return vec![];
        }
    };
    let anchors = Anchors::parse(&scenario.anchors.join("\n"));
    let clock: Arc<dyn Clock> = match scenario.clock {
        Some(seconds) => Arc::new(FixedClock(UnixTime::from_seconds(seconds))),
        None => Arc::new(SystemClock),
    };
    let mut outcomes = Vec::new();
    for check in scenario.checks.iter().filter(|check| applies(check)) {
        let Ok(anchors) = &anchors else {
            println!("LEFT OUT: {}: its anchors: {:?}", file.display(), scenario.anchors);
            break;
        };
        let forwarder = Forwarder::start(&scenario.entries, check.step);
        let resolver = Resolver::new(ResolverConfig {
            servers: Servers::Plain(forwarder.address),
            anchors: anchors.clone(),
            clock: Arc::clone(&clock),
        });
        let name = DomainName::from_ascii(rpl::records::absolute(&check.name)).unwrap();
        let record_type = RecordType::from(type_number(&check.record_type).unwrap());
        let answer = resolver.lookup(&name, record_type, Duration::from_secs(10));
        outcomes.push(Outcome {
            file: file.file_name().unwrap().to_string_lossy().into_owned(),
            question: format!("{}/{}", check.name, check.record_type),
            expected: expected(check),
            verdict: verdict(&answer),
            detail: format!("{answer:?}").chars().take(300).collect(),
        });
    }
    outcomes
}

/// Questions that ask a validating resolver to validate, and for something that is validated:
/// without DO or AD the answer does not say, with CD nothing is checked; RRSIG and ANY have no
/// proof of their own.
fn applies(check: &Check) -> bool {
    let asks = |flag: &str| check.query_flags.iter().any(|f| f == flag);
    (asks("DO") || asks("AD")) && !asks("CD") && !matches!(check.record_type.as_str(), "RRSIG" | "ANY")
}

fn expected(check: &Check) -> &'static str {
    let says = |flag: &str| check.reply_flags.iter().any(|f| f == flag);
    if says("SERVFAIL") {
        "bogus"
    } else if says("AD") {
        "secure"
    } else {
        "insecure"
    }
}

fn verdict(answer: &Answer) -> &'static str {
    match answer {
        Answer::Secure(_) | Answer::Absent(_) => "secure",
        Answer::Insecure(_) | Answer::Unreachable(Outage::NoAnchor) => "insecure",
        Answer::Bogus(_) => "bogus",
        Answer::Unreachable(_) => "unreachable",
    }
}

fn report(outcomes: &[Outcome], files: usize) {
    let mut table: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in outcomes {
        *table.entry((row.expected, row.verdict)).or_default() += 1;
        if row.expected != row.verdict {
            println!("{:<12} expected {:<9} {}: {}", row.verdict, row.expected, row.line(), row.detail);
        }
    }
    println!(
        "\n{files} files, {} questions\n{:<10} {:>8} {:>8} {:>9} {:>12}",
        outcomes.len(),
        "expected",
        "secure",
        "bogus",
        "insecure",
        "unreachable"
    );
    for expected in ["secure", "bogus", "insecure"] {
        let count = |verdict| table.get(&(expected, verdict)).copied().unwrap_or(0);
        println!(
            "{expected:<10} {:>8} {:>8} {:>9} {:>12}",
            count("secure"),
            count("bogus"),
            count("insecure"),
            count("unreachable")
        );
    }
}
