//! The keyring, the keys, and what the DNS says of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Check, Finding};
use crate::clock::UnixTime;
use crate::config::Settings;
use crate::directory::{Outcome, Status};
use crate::dns::answer::Defect;
use crate::keys::{HeldKey, KeyError, KeyStore, Overview, Purpose, TokenError, TokenName, TokenSight};
use crate::mime::EmailAddress;
use crate::pinentry::Pinentry;
use crate::service::engine::open_keys;
use crate::service::failure::dns as words;
use crate::service::publication::Publication;
use crate::service::{Failure, recipients};

/// A certificate that ends within this is told: time to publish the next one beside it.
const SOON: i64 = 30 * 24 * 3600;

pub(super) fn look(
    settings: &Settings,
    accounts: &[EmailAddress],
    now: UnixTime,
    patience: Duration,
) -> Vec<Check> {
    let now = settings.at.unwrap_or(now);
    let store = open_keys(settings);
    let mut checks = vec![look_at_keyring(settings, &store)];
    let held = match store.overview(now) {
        Ok(held) => held,
        Err(error) => {
            let why = Failure::from(error).message;
            checks.push(Check::new("keys", Finding::KeysUnreadable, &[&why]));
            return checks;
        }
    };
    if held.keys.is_empty() {
        checks.push(Check::new("keys", Finding::KeysNone, &[]));
    }
    let in_use = held.keys.iter().filter(|key| !key.retired).map(|key| &key.address);
    let senders: BTreeSet<&EmailAddress> = in_use.chain(accounts).collect();
    let with_key: Vec<EmailAddress> = senders
        .iter()
        .filter(|sender| held.of(sender).next().is_some())
        .map(|sender| (*sender).clone())
        .collect();
    let found = match recipients::open_directory(settings) {
        Ok(directory) => recipients::find_all(&directory, &with_key, now, patience),
        Err(_) => Vec::new(), // told with the resolver
    };
    let mut found = found.into_iter();
    for sender in senders {
        checks.push(look_at_keys(sender, &held, now));
        checks.extend(look_at_tokens(sender, &held, &store));
        if with_key.contains(sender)
            && let Some(Ok(found)) = found.next()
        {
            checks.push(look_at_records(&Publication::compare(&found, &held, now), &store));
        }
    }
    if held.keys.iter().any(|key| key.token.is_some() && !key.retired) {
        let there = Pinentry::new(settings.pinentry.as_deref()).is_there();
        let finding = if there { Finding::PinentryGood } else { Finding::PinentryMissing };
        checks.push(Check::new("pinentry", finding, &[]));
    }
    checks
}

/// The tokens with the keys that a sender uses. Nobody is asked for a PIN.
fn look_at_tokens(sender: &EmailAddress, held: &Overview, store: &KeyStore) -> Vec<Check> {
    let own = held.of(sender).filter(|key| !key.retired);
    own.filter_map(|key| Some(look_at_token(sender, key, key.token.as_ref()?, store))).collect()
}

fn look_at_token(sender: &EmailAddress, key: &HeldKey, token: &TokenName, store: &KeyStore) -> Check {
    let address = sender.to_string();
    let check =
        |finding, more: &str| Check::new("token", finding, &[&token.label, &address, more]).of(sender);
    let finding = match store.look_at_token(key) {
        Ok(Some(TokenSight::Hidden)) => Finding::TokenHidden,
        Ok(Some(TokenSight::Key) | None) => Finding::TokenGood,
        Ok(Some(TokenSight::Locked)) => Finding::TokenLocked,
        Ok(Some(TokenSight::OtherKey)) => Finding::TokenOtherKey,
        Err(KeyError::Token(TokenError::Absent(_))) => Finding::TokenMissing,
        Err(error) => {
            let failure = Failure::from(error);
            return check(Finding::TokenBroken, &failure.message).fact(failure.code.word());
        }
    };
    check(finding, "")
}

fn look_at_keyring(settings: &Settings, store: &KeyStore) -> Check {
    let finding = match store.check_secret() {
        Ok(()) if settings.unlock_file.is_some() => Finding::UnlockFileGood,
        Ok(()) => Finding::KeyringGood,
        Err(KeyError::KeyringLocked) => Finding::KeyringLocked,
        Err(KeyError::KeyringMissing(_)) => Finding::KeyringMissing,
        Err(error) => {
            let failure = Failure::from(error);
            let check = Check::new("keyring", Finding::KeyringOther, &[&failure.message]);
            return check.fact(failure.code.word());
        }
    };
    Check::new("keyring", finding, &[])
}

fn look_at_keys(sender: &EmailAddress, held: &Overview, now: UnixTime) -> Check {
    let address = sender.to_string();
    let check = |finding, more: &[&str]| {
        let values = [&[address.as_str()], more].concat();
        Check::new("key", finding, &values).of(sender)
    };
    let own = held.of(sender).count();
    if own == 0 {
        return check(Finding::KeyNone, &[]);
    }
    let in_use = |purpose| held.in_use(sender, purpose, now);
    let (Ok(signs), Ok(decrypts)) = (in_use(Purpose::Sign), in_use(Purpose::Encrypt)) else {
        return check(Finding::KeyNotUsable, &[]).fact(format!("{own} held"));
    };
    let until = signs.certificate.not_after().min(decrypts.certificate.not_after());
    let ends = until < now.plus(SOON) && held.next(sender, now).is_none();
    let finding = if ends { Finding::KeyExpiresSoon } else { Finding::KeyGood };
    let check = check(finding, &[&until.to_string()]);
    check.fact(signs.certificate.key_algorithm().to_string()).fact(format!("until {until}"))
}

fn look_at_records(publication: &Publication<'_>, store: &KeyStore) -> Check {
    let sender = &publication.finding.address;
    let address = sender.to_string();
    let check = |finding, more: &str| Check::new("record", finding, &[&address, more]).of(sender);
    let missing = publication.keys.iter().find(|wanted| !wanted.published);
    let file = missing.map(|wanted| store.certificate_path(wanted.key.certificate.sha256()));
    let file = file.map(|file| file.display().to_string()).unwrap_or_default();
    let status = publication.finding.status();
    let check = match status {
        Status::Secure if publication.is_live() => check(Finding::RecordGood, ""),
        Status::Secure if !publication.is_published() => check(Finding::RecordOther, &file),
        Status::Secure if publication.foreign > 0 => {
            check(Finding::RecordForeign, &publication.foreign.to_string())
        }
        Status::Secure => check(Finding::RecordRetired, ""),
        Status::Absent => check(Finding::RecordMissing, &file),
        Status::Insecure => check(Finding::RecordInsecure, ""),
        // Lost on the way to here, which is told of the DNS; the domain's own may be as good as ever.
        Status::Bogus if is_stripped(&publication.finding.outcome) => check(Finding::RecordUnreachable, ""),
        Status::Bogus => check(Finding::RecordBogus, &words::reason(publication.finding)),
        Status::Unreachable => check(Finding::RecordUnreachable, ""),
    };
    check.fact(status.word())
}

fn is_stripped(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Bogus(fault) if fault.defect == Defect::SignaturesStripped)
}
