//! SMIMEA records as a source of certificates.

use std::sync::Arc;
use std::time::Duration;

use super::{Directory, Finding};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::dns::Resolver;
use crate::mime::EmailAddress;
use crate::smimea::{NameTooLong, OwnerName};

/// Certificates that domains publish for their users (RFC 8162).
pub struct SmimeaDirectory {
    resolver: Arc<Resolver>,
    profile: Profile,
}

impl SmimeaDirectory {
    /// Looks up through `resolver` by the rules of `profile`.
    pub fn new(resolver: Arc<Resolver>, profile: Profile) -> Self {
        Self { resolver, profile }
    }
}

impl Directory for SmimeaDirectory {
    fn find(
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
