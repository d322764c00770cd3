//! SMIMEA records as a source of certificates.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Directory, Finding, Found, Status};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::dns::Resolver;
use crate::mime::EmailAddress;
use crate::smimea::OwnerName;

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
}

/// An address whose look-up is not at its end.
struct Open {
    /// In the caller's list.
    place: usize,
    /// As it is asked for now.
    spelling: EmailAddress,
    /// What else may be tried.
    others: VecDeque<EmailAddress>,
    /// What was found for the address itself, when other spellings are tried.
    exact: Option<Finding>,
}

impl Directory for SmimeaDirectory {
    fn find_each(
        &self,
        addresses: &[EmailAddress],
        now: UnixTime,
        deadline: Duration,
        found: &mut dyn FnMut(usize, Found) -> bool,
    ) {
        let end = Instant::now() + deadline;
        let others = |address| if self.other_spellings { other_spellings(address) } else { Vec::new() };
        let mut round: Vec<Open> = Vec::new();
        for (place, address) in addresses.iter().enumerate() {
            let (spelling, others) = (address.clone(), others(address).into());
            round.push(Open { place, spelling, others, exact: None });
        }
        let mut wanted = true;
        while wanted && !round.is_empty() {
            let mut asked: Vec<Option<(Open, OwnerName)>> = Vec::new();
            for open in round.drain(..) {
                match OwnerName::of(&open.spelling, self.profile) {
                    Ok(owner_name) => asked.push(Some((open, owner_name))),
                    Err(too_long) => wanted = wanted && found(open.place, Err(too_long)),
                }
            }
            let question = |(_, owner): &(Open, OwnerName)| (owner.name().clone(), owner.record_type());
            let questions: Vec<_> = asked.iter().flatten().map(question).collect();
            let left = end.saturating_duration_since(Instant::now());
            self.resolver.lookup_each(&questions, left, &mut |at, answer| {
                let Some((open, owner_name)) = asked.get_mut(at).and_then(Option::take) else {
                    return wanted;
                };
                let place = open.place;
                let finding = Finding::judge(&open.spelling, owner_name, answer, self.profile, now);
                match open.then(finding, addresses) {
                    Then::Told(finding) => wanted = wanted && found(place, Ok(*finding)),
                    Then::Asked(open) => round.push(*open),
                }
                wanted
            });
        }
    }
}

/// What follows from an answer.
enum Then {
    /// The caller is told.
    Told(Box<Finding>),
    /// The next spelling is tried.
    Asked(Box<Open>),
}

impl Open {
    fn then(mut self, mut finding: Finding, addresses: &[EmailAddress]) -> Then {
        let exact = match (self.exact.take(), finding.status()) {
            (None, Status::Absent) => finding,
            (None, _) => return Then::Told(Box::new(finding)),
            (Some(_), Status::Secure) => {
                if let Some(address) = addresses.get(self.place) {
                    finding.other_spelling = Some(std::mem::replace(&mut finding.address, address.clone()));
                }
                return Then::Told(Box::new(finding));
            }
            (Some(exact), _) => exact,
        };
        match self.others.pop_front() {
            None => Then::Told(Box::new(exact)),
            Some(spelling) => Then::Asked(Box::new(Self { spelling, exact: Some(exact), ..self })),
        }
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
