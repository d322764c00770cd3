//! Why a proven entry gives nothing to encrypt to.

use serde_json::{Value, json};

use super::dns::{unfit_words, unusable_words};
use crate::directory::{Finding, Status, Unfit};
use crate::smimea::Unusable;
use crate::x509::Fitness;

/// What stands in the way of encrypting to somebody whose records are proven.
#[derive(Clone, Copy, Debug)]
pub enum Hindrance {
    /// A certificate is there, and cannot be used.
    Certificate(Unfit),
    /// The records ask for the word of an authority (usage 0 and 1, RFC 6698 section 2.1.1), and no
    /// trusted one vouches.
    NeedsAuthority,
    /// No record can be used.
    Record(Unusable),
    /// The records name a certificate, and nothing has brought it yet.
    OnlyNamed,
}

impl Hindrance {
    /// `None` where the records are not proven, or there is a certificate to encrypt to.
    pub fn of(finding: &Finding) -> Option<Self> {
        if finding.status() != Status::Secure || finding.encryption_certificates().next().is_some() {
            return None;
        }
        let certificates = finding.certificates();
        if let Some(unfit) = certificates.iter().find_map(|found| found.encryption.err()) {
            return Some(Self::Certificate(unfit));
        }
        if certificates.iter().any(|found| found.usage.needs_ca_path()) {
            return Some(Self::NeedsAuthority);
        }
        let records = finding.records();
        match records.iter().find_map(|record| record.meaning.err()) {
            Some(unusable) if records.iter().all(|record| record.meaning.is_err()) => {
                Some(Self::Record(unusable))
            }
            _ => Some(Self::OnlyNamed),
        }
    }

    /// Goes on after "… has an entry for this address, proven by DNSSEC, but".
    pub fn words(self) -> String {
        match self {
            Self::Certificate(unfit) => format!("its certificate {}", unfit_words(unfit)),
            Self::NeedsAuthority => {
                "its record asks for a certificate authority's word as well (usage 0 or 1)".to_owned()
            }
            Self::Record(unusable) => format!("its record {}", unusable_words(unusable)),
            Self::OnlyNamed => {
                "it only names the certificate (by a digest, a key or an authority), and no signed \
                                mail from there has brought the certificate itself yet"
                    .to_owned()
            }
        }
    }

    /// For programs: `code`, and the time `at` that belongs to it, where one does.
    pub fn describe(self) -> Value {
        match self {
            Self::Certificate(Unfit::Expired(at)) => json!({"code": "expired", "at": at.to_string()}),
            Self::Certificate(Unfit::NotYetValid(at)) => {
                json!({"code": "not-yet-valid", "at": at.to_string()})
            }
            Self::Certificate(Unfit::Purpose(fitness)) => json!({"code": fitness_word(fitness)}),
            Self::NeedsAuthority => json!({"code": "needs-authority"}),
            Self::Record(_) => json!({"code": "bad-record"}),
            Self::OnlyNamed => json!({"code": "only-named"}),
        }
    }
}

fn fitness_word(fitness: Fitness) -> &'static str {
    match fitness {
        Fitness::NotForMail | Fitness::NotThisUsage => "not-for-this",
        Fitness::WeakKey(_) => "weak-key",
        _ => "not-understood",
    }
}
