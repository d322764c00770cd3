//! How each of the user's accounts stands: whether others can write to it securely, and if not,
//! the one thing to do next.

use serde_json::{Value, json};

use super::key_list;
use super::publication::Publication;
use crate::clock::UnixTime;
use crate::directory::Status;
use crate::keys::{KeyFacts, NoneUsable, Overview, Purpose};
use crate::mime::EmailAddress;

/// Days before the end of a certificate at which its owner is reminded.
const REMINDERS: [i64; 3] = [3, 14, 60];
const DAY_SECONDS: i64 = 24 * 3600;

/// What is most in need of doing. The order is that of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The sender's address is none that a certificate could be for.
    InvalidAddress,
    /// There is no key that could be used.
    NoKey,
    /// A certificate was asked for and has not come.
    Requested,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet: a clock may be wrong.
    NotYetValid,
    /// The certificate is not made for mail.
    Unfit,
    /// Own copies cannot be encrypted.
    CannotEncrypt,
    /// Nothing can be signed.
    CannotSign,
    /// The DNS gives an answer that cannot be trusted.
    Bogus,
    /// Correspondents do not find the certificate.
    NotPublished,
    /// The certificate expires soon, and none follows it.
    Expiring,
    /// The domain is not signed, so nobody can trust what it publishes.
    Insecure,
    /// The DNS did not answer.
    Unreachable,
    /// A record names a key that was retired here.
    RetiredPublished,
    /// A record names a key that is not held here.
    ForeignRecords,
    /// A next key is there and will follow.
    Changing,
    /// Nothing is wrong with the key; the DNS was not asked.
    Unchecked,
    /// All is well.
    Good,
}

impl State {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InvalidAddress => "invalid-address",
            Self::NoKey => "no-key",
            Self::Requested => "requested",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Unfit => "unfit",
            Self::CannotEncrypt => "cannot-encrypt",
            Self::CannotSign => "cannot-sign",
            Self::Bogus => "dns-bogus",
            Self::NotPublished => "not-published",
            Self::Expiring => "expiring",
            Self::Insecure => "dns-insecure",
            Self::Unreachable => "dns-unreachable",
            Self::RetiredPublished => "retired-published",
            Self::ForeignRecords => "foreign-records",
            Self::Changing => "changing",
            Self::Unchecked => "unchecked",
            Self::Good => "good",
        }
    }
}

/// For programs: a sender whose address is none. People name their senders as they like, for newsgroups too,
/// and the other senders have nothing to do with it.
pub fn describe_invalid(text: &str) -> Value {
    json!({
        "address": text, "state": State::InvalidAddress.word(), "sign": null, "encrypt": null, "next": null,
        "requested": false, "days_left": null, "reminder": null, "retires": null, "publication": null,
    })
}

/// One account.
pub struct Account<'a> {
    address: &'a EmailAddress,
    sign: Result<&'a KeyFacts, NoneUsable>,
    encrypt: Result<&'a KeyFacts, NoneUsable>,
    next: Option<&'a KeyFacts>,
    requested: bool,
    publication: Option<Publication<'a>>,
    now: UnixTime,
}

impl<'a> Account<'a> {
    /// Looks at an address. `publication` is what the DNS serves of it, if it was asked.
    pub fn judge(
        address: &'a EmailAddress,
        held: &'a Overview<KeyFacts>,
        requested: bool,
        publication: Option<Publication<'a>>,
        now: UnixTime,
    ) -> Self {
        Self {
            address,
            sign: held.in_use(address, Purpose::Sign, now),
            encrypt: held.in_use(address, Purpose::Encrypt, now),
            next: held.next(address, now),
            requested,
            publication,
            now,
        }
    }

    /// What is to be done next.
    pub fn state(&self) -> State {
        match (self.sign, self.encrypt) {
            (Err(why), Err(other)) => return self.without_key(why.max(other)),
            (Ok(_), Err(_)) => return State::CannotEncrypt,
            (Err(_), Ok(_)) => return State::CannotSign,
            (Ok(_), Ok(_)) => {}
        }
        let status = self.publication.as_ref().map(|publication| publication.finding.status());
        let lacks = self.publication.as_ref().is_some_and(|publication| !publication.is_published());
        match status {
            Some(Status::Bogus) => return State::Bogus,
            Some(Status::Absent) => return State::NotPublished,
            Some(Status::Secure) if lacks => return State::NotPublished,
            _ => {}
        }
        if self.reminder().is_some() && self.next.is_none() {
            return State::Expiring;
        }
        match (status, &self.publication) {
            (Some(Status::Insecure), _) => State::Insecure,
            (Some(Status::Unreachable), _) => State::Unreachable,
            (_, Some(publication)) if !publication.retired.is_empty() => State::RetiredPublished,
            (_, Some(publication)) if publication.foreign > 0 => State::ForeignRecords,
            _ if self.next.is_some() => State::Changing,
            (None, _) => State::Unchecked,
            _ => State::Good,
        }
    }

    fn without_key(&self, why: NoneUsable) -> State {
        match why {
            NoneUsable::NoneHeld | NoneUsable::Retired if self.requested => State::Requested,
            NoneUsable::NoneHeld | NoneUsable::Retired => State::NoKey,
            NoneUsable::NotFit => State::Unfit,
            NoneUsable::NotYetValid => State::NotYetValid,
            NoneUsable::Expired => State::Expired,
        }
    }

    /// Whole days until the first of the certificates in use ends.
    fn days_left(&self) -> Option<i64> {
        let ends = [self.sign, self.encrypt].into_iter().filter_map(|key| Some(key.ok()?.not_after));
        ends.min().map(|end| end.seconds().saturating_sub(self.now.seconds()).div_euclid(DAY_SECONDS))
    }

    /// The reminder that is due: 60, 14 or 3 days ahead.
    fn reminder(&self) -> Option<i64> {
        let left = self.days_left()?;
        REMINDERS.into_iter().find(|days| left < *days)
    }

    /// For programs.
    pub fn describe(&self) -> Value {
        let row = |key: Option<&KeyFacts>| key.map(key_list::row_of_facts);
        json!({
            "address": self.address.to_string(),
            "state": self.state().word(),
            "sign": row(self.sign.ok()),
            "encrypt": row(self.encrypt.ok()),
            "next": row(self.next),
            "requested": self.requested,
            "days_left": self.days_left(),
            "reminder": self.reminder().filter(|_| self.next.is_none()),
            "retires": self.sign.ok().and_then(|key| key.retires).map(|moment| moment.to_string()),
            "publication": self.publication.as_ref().map(Publication::describe),
        })
    }
}
