//! What a directory found for one address.

use crate::clock::UnixTime;
use crate::config::Profile;
use crate::dns::answer::{Fault, Insecurity, Outage};
use crate::dns::{Answer, Denial, RecordSet, Validated, is_outside};
use crate::mime::EmailAddress;
use crate::smimea::{OwnerName, SmimeaRecord, Usage};
use crate::x509::{Certificate, Fitness, Validity};

/// What was found for one address.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The address.
    pub address: EmailAddress,
    /// Where it was looked for.
    pub owner_name: OwnerName,
    /// The spelling under which records were found, where it is not the address as given: only if
    /// the user allows guessing, and only after a proven absence.
    pub other_spelling: Option<EmailAddress>,
    /// How that ended.
    pub outcome: Outcome,
    /// Certificates that the proven records name and do not hold, all fit to encrypt to.
    named: Vec<Certificate>,
}

/// How a search ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Records, proven.
    Secure(Published),
    /// No records, proven.
    Absent(Validated<Denial>),
    /// The domain is provably not signed.
    Insecure(Insecurity),
    /// The answer failed validation.
    Bogus(Fault),
    /// No answer that proves anything.
    Unreachable(Outage),
}

/// The five words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Validated and present.
    Secure,
    /// Validated denial.
    Absent,
    /// Provably not signed.
    Insecure,
    /// Validation failed.
    Bogus,
    /// No answer that proves anything.
    Unreachable,
}

impl Status {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Absent => "absent",
            Self::Insecure => "insecure",
            Self::Bogus => "bogus",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Proven records and what they hold.
#[derive(Clone, Debug)]
pub struct Published {
    set: Validated<RecordSet>,
    records: Vec<SmimeaRecord>,
    certificates: Vec<FoundCertificate>,
}

/// A certificate that stood whole in a proven record as the user's own (usage 1 or 3).
#[derive(Clone, Debug)]
pub struct FoundCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// The usage of its record. Where it [needs a CA path](Usage::needs_ca_path), whoever uses the
    /// certificate must check that path first.
    pub usage: Usage,
    /// Whether a signature by it may be accepted at the moment asked about.
    pub signing: Result<(), Unfit>,
    /// Whether mail may be encrypted to it at that moment.
    pub encryption: Result<(), Unfit>,
}

/// Why a certificate may not be used for something. RFC 8162 section 9: never an expired one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Its last moment has passed.
    Expired(UnixTime),
    /// Its first moment is to come.
    NotYetValid(UnixTime),
    /// Its kind of key or its extensions forbid it.
    Purpose(Fitness),
}

impl Finding {
    /// Judges an answer as of `now`.
    pub fn judge(
        address: &EmailAddress,
        owner_name: OwnerName,
        answer: Answer,
        profile: Profile,
        now: UnixTime,
    ) -> Self {
        let outcome = match answer {
            Answer::Secure(set) => Outcome::Secure(Published::read(set, profile, now)),
            Answer::Absent(denial) => Outcome::Absent(denial),
            Answer::Insecure(insecurity) => Outcome::Insecure(insecurity),
            Answer::Bogus(fault) => Outcome::Bogus(fault),
            Answer::Unreachable(outage) => Outcome::Unreachable(outage),
        };
        Self { address: address.clone(), owner_name, other_spelling: None, outcome, named: Vec::new() }
    }

    /// Adds certificates from elsewhere. The caller has seen that a proven record names each, that it
    /// is good now, and that it may be encrypted to.
    #[must_use]
    pub fn with_named(self, named: Vec<Certificate>) -> Self {
        Self { named, ..self }
    }

    /// Whether the address's own name is of those that are not in the DNS, and was not asked for.
    pub fn is_outside_dns(&self) -> bool {
        matches!(self.outcome, Outcome::Unreachable(Outage::NotInDns)) && is_outside(self.owner_name.name())
    }

    /// The contract's word for the outcome.
    pub fn status(&self) -> Status {
        match self.outcome {
            Outcome::Secure(_) => Status::Secure,
            Outcome::Absent(_) => Status::Absent,
            Outcome::Insecure(_) => Status::Insecure,
            Outcome::Bogus(_) => Status::Bogus,
            Outcome::Unreachable(_) => Status::Unreachable,
        }
    }

    /// All proven records, the unusable ones too; none unless [`Status::Secure`].
    pub fn records(&self) -> &[SmimeaRecord] {
        match &self.outcome {
            Outcome::Secure(published) => published.records(),
            _ => &[],
        }
    }

    /// The certificates that stood whole in proven records of usage 1 or 3, each once.
    pub fn certificates(&self) -> &[FoundCertificate] {
        match &self.outcome {
            Outcome::Secure(published) => published.certificates(),
            _ => &[],
        }
    }

    /// The certificates to encrypt to, each once: all that may be used now and need no CA path
    /// (RFC 8162 section 4: during a roll-over there are several), and those the records [name](Self::with_named).
    pub fn encryption_certificates(&self) -> impl Iterator<Item = &Certificate> {
        let usable = |found: &&FoundCertificate| found.encryption.is_ok() && !found.usage.needs_ca_path();
        let held: Vec<&Certificate> =
            self.certificates().iter().filter(usable).map(|found| &found.certificate).collect();
        let named = self.named.iter().filter(|named| !held.contains(named)).collect::<Vec<_>>();
        held.into_iter().chain(named)
    }
}

impl Published {
    fn read(set: Validated<RecordSet>, profile: Profile, now: UnixTime) -> Self {
        let records = SmimeaRecord::of(&set, profile);
        let mut certificates: Vec<FoundCertificate> = Vec::new();
        for record in &records {
            let Ok(association) = record.meaning else { continue };
            let Some(certificate) = record.certificate() else { continue };
            if !association.usage.names_end_entity() {
                continue;
            }
            let known = certificates.iter_mut().find(|found| found.certificate.der() == certificate.der());
            match known {
                // The same certificate under usage 1 and 3: 3 asks less and is enough.
                Some(found) if found.usage.needs_ca_path() => found.usage = association.usage,
                Some(_) => {}
                None => certificates.push(FoundCertificate::judge(certificate, association.usage, now)),
            }
        }
        Self { set, records, certificates }
    }

    /// The proven answer.
    pub fn set(&self) -> &Validated<RecordSet> {
        &self.set
    }

    /// Its records as SMIMEA.
    pub fn records(&self) -> &[SmimeaRecord] {
        &self.records
    }

    /// The certificates in them.
    pub fn certificates(&self) -> &[FoundCertificate] {
        &self.certificates
    }
}

impl FoundCertificate {
    fn judge(certificate: Certificate, usage: Usage, now: UnixTime) -> Self {
        let dates = match certificate.validity_at(now) {
            Validity::Good => Ok(()),
            Validity::Expired => Err(Unfit::Expired(certificate.not_after())),
            Validity::NotYet => Err(Unfit::NotYetValid(certificate.not_before())),
        };
        let fit = |fitness: Fitness| if fitness.is_fit() { Ok(()) } else { Err(Unfit::Purpose(fitness)) };
        let signing = dates.and_then(|()| fit(certificate.signing_fitness()));
        // OpenSSL encrypts, and does not read all that reads records.
        let usable = match certificate.openssl_reads() {
            true => Ok(()),
            false => Err(Unfit::Purpose(Fitness::Unreadable)),
        };
        let encryption = dates.and_then(|()| fit(certificate.encryption_fitness())).and(usable);
        Self { certificate, usage, signing, encryption }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::{Sample, p256};

    #[test]
    fn nothing_is_encrypted_to_what_only_one_of_two_readers_reads() {
        let good = Sample { subject: &[("CN", "Bob of old")], ..Sample::default() }.signed_by(&p256());
        let judge = |der: &[u8]| {
            let certificate = Certificate::from_der(der).unwrap();
            FoundCertificate::judge(certificate, Usage::DaneEe, UnixTime::from_seconds(1_500_000_000))
                .encryption
        };
        assert_eq!(judge(good.der()), Ok(()));
        // A name that says it is UTF-8 and is not.
        let mut odd = good.der().to_vec();
        for at in 0..odd.len() {
            if odd[at..].starts_with(b"Bob of old") {
                odd[at] = 0xff;
            }
        }
        assert_eq!(judge(&odd), Err(Unfit::Purpose(Fitness::Unreadable)));
    }
}
