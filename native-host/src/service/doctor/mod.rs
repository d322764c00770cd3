//! Looks at everything that must be right for mail to work, and says of each thing whether it is, and what to do.
//!
//! * [`findings`]: all that can be found, with its words.
//! * `registration`, `policies`, `network`, `keys`: the checks.
//! * [`report`]: the result as text, as JSON, and as a report that can be attached to a bug.
//!
//! Nothing is changed, and nobody is asked but the program itself, the keyring, and the DNS that the settings name.

pub mod findings;
pub mod report;

mod keys;
mod network;
mod policies;
mod registration;

use std::time::Duration;

use super::engine::load_anchors;
use super::{Failure, audit, provisioning};
use crate::clock::UnixTime;
use crate::config::Settings;
use crate::installation::Surroundings;
use crate::mime::EmailAddress;

pub use findings::{Finding, State};
pub use report::Report;

/// What is looked at.
pub struct Examination<'a> {
    /// The computer.
    pub around: &'a Surroundings,
    /// The settings, or why there are none.
    pub settings: Result<&'a Settings, &'a Failure>,
    /// Senders to look at beside those that have keys.
    pub accounts: &'a [EmailAddress],
    /// The moment.
    pub now: UnixTime,
    /// How long all questions to the DNS together may take.
    pub patience: Duration,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, a word.
    pub name: &'static str,
    /// What was found.
    pub finding: Finding,
    /// The values of its gaps.
    pub values: Vec<String>,
    /// The sender that it is about.
    pub about: Option<EmailAddress>,
    /// What a developer wants to know, without any address.
    pub facts: Vec<String>,
}

impl Check {
    fn new(name: &'static str, finding: Finding, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Self { name, finding, values, about: None, facts: Vec::new() }
    }

    fn of(mut self, address: &EmailAddress) -> Self {
        self.about = Some(address.clone());
        self
    }

    fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }
}

impl Examination<'_> {
    /// Looks at everything.
    pub fn run(&self) -> Report {
        let mut checks = registration::look(self.around);
        checks.extend(self.look_at_settings());
        checks.extend(policies::look(self.around));
        if let Ok(settings) = self.settings {
            checks.extend(network::look(settings, self.now, self.patience));
            checks.extend(look_at_authorities(settings));
            checks.extend(keys::look(settings, self.accounts, self.now, self.patience));
            checks.extend(look_at_provision(settings));
            checks.extend(look_at_audit_log(settings));
        }
        Report { checks, home: self.around.home() }
    }

    fn look_at_settings(&self) -> Vec<Check> {
        let settings = match self.settings {
            Ok(settings) => settings,
            Err(failure) => {
                let why = failure.message.trim_end_matches('.');
                return vec![Check::new("settings", Finding::SettingsWrong, &[why])];
            }
        };
        let origin = &settings.origin;
        let mut checks = vec![match &origin.file {
            Some(file) => Check::new("settings", Finding::SettingsGood, &[&file.display().to_string()]),
            None => Check::new("settings", Finding::SettingsDefault, &[]),
        }];
        if let Some(policy) = &origin.policy {
            let keys = origin.fixed.join(", ");
            checks.push(Check::new(
                "settings",
                Finding::SettingsFixed,
                &[&policy.display().to_string(), &keys],
            ));
        }
        checks
    }
}

/// Of authorities that can be used nothing is told: nobody needs any.
fn look_at_authorities(settings: &Settings) -> Option<Check> {
    let failed = load_anchors(settings).err()?;
    Some(Check::new("authorities", Finding::AuthoritiesWrong, &[&failed.message]))
}

fn look_at_provision(settings: &Settings) -> Option<Check> {
    let wanted = settings.provision.as_ref()?;
    Some(match provisioning::fault(wanted) {
        None => Check::new("provision", Finding::ProvisionGood, &[&wanted.addresses.join(", ")]),
        Some(fault) => Check::new("provision", Finding::ProvisionWrong, &[&fault]),
    })
}

fn look_at_audit_log(settings: &Settings) -> Option<Check> {
    let file = settings.audit_log.as_ref()?;
    let name = file.display().to_string();
    Some(match audit::open(file) {
        Ok(_) => Check::new("audit-log", Finding::AuditGood, &[&name]),
        Err(error) => Check::new("audit-log", Finding::AuditUnwritable, &[&name, &error.to_string()]),
    })
}
