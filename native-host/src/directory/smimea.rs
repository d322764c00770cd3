//! SMIMEA records as a source of certificates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Directory, Finding, Status};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::dns::Resolver;
use crate::mime::EmailAddress;
use crate::smimea::{NameTooLong, OwnerName};

/// Certificates that domains publish for their users (RFC 8162).
pub struct SmimeaDirectory {
    resolver: Arc<Resolver>,
    profile: Profile,
    other_spellings: bool,
}

impl SmimeaDirectory {
    /// Looks up through `resolver` by the rules of `profile`.
    pub fn new(resolver: Arc<Resolver>, profile: Profile) -> Self {
        Self { resolver, profile, other_spellings: false }
    }

    /// Whether other spellings are tried where an address provably has no records. RFC 8162
    /// section 4 forbids it; the 2014 guide suggests it; a user may want it.
    #[must_use]
    pub fn with_other_spellings(self, other_spellings: bool) -> Self {
        Self { other_spellings, ..self }
    }

    fn find_as_spelled(
        &self,
        address: &EmailAddress,
        now: UnixTime,
        deadline: Duration,
    ) -> Result<Finding, NameTooLong> {
        let owner_name = OwnerName::of(address, self.profile)?;
        let answer = self.resolver.lookup(owner_name.name(), owner_name.record_type(), deadline);
        Ok(Finding::judge(address, owner_name, answer, self.profile, now))
    }
}

impl Directory for SmimeaDirectory {
    fn find(
        &self,
        address: &EmailAddress,
        now: UnixTime,
        deadline: Duration,
    ) -> Result<Finding, NameTooLong> {
        let end = Instant::now() + deadline;
        let exact = self.find_as_spelled(address, now, deadline)?;
        if !self.other_spellings || exact.status() != Status::Absent {
            return Ok(exact);
        }
        for other in other_spellings(address) {
            let left = end.saturating_duration_since(Instant::now());
            let mut found = self.find_as_spelled(&other, now, left)?;
            if found.status() == Status::Secure {
                found.address = address.clone();
                found.other_spelling = Some(other);
                return Ok(found);
            }
        }
        Ok(exact)
    }
}

/// In lower case, without `+tag`, and both; each once, the least changed first.
fn other_spellings(address: &EmailAddress) -> Vec<EmailAddress> {
    let local = address.local();
    let lower = local.to_lowercase();
    let untagged = |text: &str| text.split_once('+').map_or(text, |(before, _)| before).to_owned();
    let mut others: Vec<EmailAddress> = Vec::new();
    for other in [lower.clone(), untagged(local), untagged(&lower)] {
        let quoted = other.replace('\\', "\\\\").replace('"', "\\\"");
        let Ok(other) = EmailAddress::parse(&format!("\"{quoted}\"@{}", address.domain())) else { continue };
        if other != *address && !others.contains(&other) {
            others.push(other);
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_may_be_tried() {
        let others = |text: &str| -> Vec<String> {
            other_spellings(&text.parse().unwrap()).iter().map(ToString::to_string).collect()
        };
        assert_eq!(others("bob@a.test"), Vec::<String>::new());
        assert_eq!(others("Bob@a.test"), ["bob@a.test"]);
        assert_eq!(others("Bob+x@a.test"), ["bob+x@a.test", "Bob@a.test", "bob@a.test"]);
        assert_eq!(others("+x@a.test"), Vec::<String>::new());
        assert_eq!(others("\"A b\"@a.test"), ["\"a b\"@a.test"]);
    }
}
