//! The DNS: does it answer, do signatures arrive, do SMIMEA questions get through, and does the clock fit.

use std::path::PathBuf;
use std::time::Duration;

use super::{Check, Finding};
use crate::clock::UnixTime;
use crate::config::{self, Origin, Settings};
use crate::dns::answer::Defect;
use crate::dns::{Answer, RecordType};
use crate::service::Failure;
use crate::service::failure::dns as words;
use crate::service::recipients;

/// When this was written: an earlier clock is wrong, whatever it is compared with.
const WRITTEN: UnixTime = UnixTime::from_seconds(1_767_225_600); // 2026-01-01T00:00:00Z

pub(super) fn look(settings: &Settings, now: UnixTime, patience: Duration) -> Vec<Check> {
    let server = settings.resolver.clone().unwrap_or_else(|| "the system's resolvers".to_owned());
    let file = place_of_resolver(&settings.origin).map(|file| file.display().to_string()).unwrap_or_default();
    let (resolver, zone) = match recipients::open_resolver(settings) {
        Ok(opened) => opened,
        Err(Failure { message, .. }) => {
            return vec![Check::new("resolver", Finding::ResolverWrong, &[&message]), clock_unknown(now)];
        }
    };
    // Every zone has a SOA record, and no trust anchor's zone has SMIMEA records at its apex: one thing that is proven
    // to be there, and one that is proven not to be.
    let there = resolver.lookup(&zone, RecordType::SOA, patience / 2);
    let mut checks = judge_presence(&there, &server, &file, now);
    checks.push(match there {
        Answer::Secure(_) => {
            judge_smimea(&resolver.lookup(&zone, RecordType::SMIMEA, patience / 2), &server, &file)
        }
        _ => Check::new("smimea", Finding::SmimeaUnknown, &[]),
    });
    checks
}

/// Where another resolver is to be named: what a policy sets or locks counts nowhere else.
fn place_of_resolver(origin: &Origin) -> Option<PathBuf> {
    let policy = origin.policy.clone().filter(|_| origin.fixed.contains(&"resolver"));
    policy.or_else(|| origin.file.clone()).or_else(config::user_file)
}

fn judge_presence(answer: &Answer, server: &str, file: &str, now: UnixTime) -> Vec<Check> {
    let good = Check::new("resolver", Finding::ResolverGood, &[server]);
    match answer {
        Answer::Secure(_) => {
            vec![
                good,
                Check::new("dnssec", Finding::DnssecGood, &[]),
                Check::new("clock", Finding::ClockGood, &[]),
            ]
        }
        Answer::Unreachable(outage) => {
            let why = words::outage_sentence(outage);
            let silent = Check::new("resolver", Finding::ResolverSilent, &[server, &why, file]);
            vec![
                silent.fact(words::outage_word(outage)),
                Check::new("dnssec", Finding::DnssecUnknown, &[]),
                clock_unknown(now),
            ]
        }
        Answer::Bogus(fault) => {
            let word = words::defect_word(&fault.defect);
            let why = words::defect_sentence(fault);
            match fault.defect {
                Defect::SignatureExpired { .. } | Defect::SignatureNotYetValid { .. } => {
                    let clock = Check::new("clock", Finding::ClockWrong, &[&now.to_string(), &why]);
                    vec![good, Check::new("dnssec", Finding::DnssecUnknown, &[]), clock.fact(word)]
                }
                Defect::SignaturesStripped | Defect::NoSignature | Defect::NoDenial => {
                    let stripped = Check::new("dnssec", Finding::DnssecStripped, &[server, file]);
                    vec![good, stripped.fact(word), clock_unknown(now)]
                }
                _ => {
                    let forged = Check::new("dnssec", Finding::DnssecForged, &[server, &why, file]);
                    vec![good, forged.fact(word), clock_unknown(now)]
                }
            }
        }
        // The apex of a trust anchor's zone can be neither absent nor insecure.
        Answer::Absent(_) | Answer::Insecure(_) => {
            vec![good, Check::new("dnssec", Finding::DnssecUnknown, &[]), clock_unknown(now)]
        }
    }
}

fn judge_smimea(answer: &Answer, server: &str, file: &str) -> Check {
    let blocked =
        |why: &str, word: &str| Check::new("smimea", Finding::SmimeaBlocked, &[server, why, file]).fact(word);
    match answer {
        Answer::Absent(_) | Answer::Secure(_) => Check::new("smimea", Finding::SmimeaGood, &[]),
        Answer::Bogus(fault) => blocked(&words::defect_sentence(fault), words::defect_word(&fault.defect)),
        Answer::Unreachable(outage) => blocked(&words::outage_sentence(outage), words::outage_word(outage)),
        Answer::Insecure(_) => Check::new("smimea", Finding::SmimeaUnknown, &[]),
    }
}

fn clock_unknown(now: UnixTime) -> Check {
    if now < WRITTEN {
        return Check::new("clock", Finding::ClockWrong, &[&now.to_string(), ""]);
    }
    Check::new("clock", Finding::ClockUnknown, &[&now.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_resolver_is_named_where_that_counts() {
        let [file, policy] = ["/c", "/p"].map(PathBuf::from);
        let origin = |fixed| Origin { file: Some(file.clone()), policy: Some(policy.clone()), fixed };
        assert_eq!(place_of_resolver(&origin(vec!["log", "resolver"])), Some(policy.clone()));
        assert_eq!(place_of_resolver(&origin(vec!["log"])), Some(file.clone()));
        assert_eq!(place_of_resolver(&Origin::default()), config::user_file());
    }
}
