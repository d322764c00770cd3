//! Certificates to encrypt to that proven records name without holding them (RFC 8162 section 2).
//!
//! A record `3 0 0` holds the certificate. All others say which one it is, or which authority
//! issues it; usages 0 and 1 ask for a local authority's word besides. Candidates come from the records
//! and from mail with valid signatures, and the same rules as for verifying decide.

use std::sync::Arc;
use std::time::Duration;

use super::Anchors;
use super::anchors::Purpose;
use super::rules::{Paths, Rules};
use crate::clock::UnixTime;
use crate::directory::{Brought, Directory, Finding, Found, Status};
use crate::mime::EmailAddress;
use crate::smimea::SmimeaRecord;
use crate::x509::{Certificate, NameMatch, Validity};

/// A directory whose findings hold every certificate that mail may be encrypted to.
pub struct Correspondents {
    directory: Arc<dyn Directory>,
    anchors: Arc<Anchors>,
    brought: Option<Brought>,
}

impl Correspondents {
    /// Adds to what `directory` finds, from its own certificates and from those that mail brought, if any
    /// are to count.
    pub fn new(directory: Arc<dyn Directory>, anchors: Arc<Anchors>, brought: Option<Brought>) -> Self {
        Self { directory, anchors, brought }
    }

    fn with_named(&self, finding: Finding, now: UnixTime) -> Finding {
        if finding.status() != Status::Secure {
            return finding;
        }
        let named = self.named_by_records(&finding, now);
        finding.with_named(named)
    }

    fn named_by_records(&self, finding: &Finding, now: UnixTime) -> Vec<Certificate> {
        let is_wanting = |record: &SmimeaRecord| record.meaning.is_ok_and(|meaning| !meaning.is_whole());
        let wanting = finding.records().iter().any(is_wanting);
        let all_brought = self.brought.as_ref().filter(|_| wanting);
        let brought = all_brought.map(|all| all.recall(&finding.address)).unwrap_or_default();
        let published = finding.certificates().iter().map(|found| &found.certificate);
        let candidates = published
            .chain(&brought)
            .filter(|candidate| candidate.can_encrypt() && candidate.validity_at(now) == Validity::Good);
        let paths = Paths::default();
        let rules = Rules { anchors: &self.anchors, purpose: Purpose::Encryption, now, paths: &paths };
        let mut named: Vec<Certificate> = Vec::new();
        for candidate in candidates {
            let names = candidate.names_address(&finding.address);
            let is_named = names != NameMatch::NamesOthers
                && rules.by_records(finding.records(), candidate, &brought, names).is_ok();
            if is_named && !named.contains(candidate) {
                named.push(candidate.clone());
            }
        }
        named
    }
}

impl Directory for Correspondents {
    fn find_each(
        &self,
        addresses: &[EmailAddress],
        now: UnixTime,
        deadline: Duration,
        found: &mut dyn FnMut(usize, Found) -> bool,
    ) {
        self.directory.find_each(addresses, now, deadline, &mut |place, finding| {
            found(place, finding.map(|finding| self.with_named(finding, now)))
        });
    }
}
