//! What is known of recipients: certificate and DNSSEC state, as `lookup` answers on the command
//! line and on the wire.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Failure;
use super::failure::dns as words;
use super::failure::hindrance::Hindrance;
use crate::clock::{Clock, FixedClock, SystemClock, UnixTime};
use crate::config::Settings;
use crate::directory::{Directory, Finding, Found, FoundCertificate, SmimeaDirectory, Status};
use crate::dns::{Anchors, DomainName, Resolver, ResolverConfig, Servers};
use crate::mime::EmailAddress;
use crate::smimea::SmimeaRecord;

/// Addresses in one request at the most.
pub const MOST_ADDRESSES: usize = 500;

/// How long one look-up may take where the caller does not say.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// Makes the directory that the settings describe.
///
/// # Errors
/// `bad-resolver` or `bad-trust-anchor`.
pub fn open_directory(settings: &Settings) -> Result<SmimeaDirectory, Failure> {
    let (resolver, _) = open_resolver(settings)?;
    let directory = SmimeaDirectory::new(Arc::new(resolver), settings.profile);
    Ok(directory.with_other_spellings(settings.other_spellings))
}

/// Makes the resolver that the settings describe, and names the zone nearest to the root in which its belief begins.
///
/// # Errors
/// `bad-resolver` or `bad-trust-anchor`.
pub fn open_resolver(settings: &Settings) -> Result<(Resolver, DomainName), Failure> {
    let servers = settings.resolver.as_deref().map(str::parse::<Servers>).transpose()?.unwrap_or_default();
    let anchors = match &settings.trust_anchor {
        Some(file) => Anchors::from_file(file)?,
        None => Anchors::built_in()?,
    };
    let clock: Arc<dyn Clock> = match settings.dnssec_at {
        Some(at) => Arc::new(FixedClock(at)),
        None => Arc::new(SystemClock),
    };
    let zones = anchors.iter().map(|anchor| &anchor.zone);
    let zone = zones.min_by_key(|zone| zone.num_labels()).cloned().unwrap_or_else(DomainName::root);
    Ok((Resolver::new(ResolverConfig { servers, anchors, clock }), zone))
}

/// Looks all addresses up side by side, within `deadline` for all of them together. The results
/// stand in the order of the addresses.
pub fn find_all(
    directory: &dyn Directory,
    addresses: &[EmailAddress],
    now: UnixTime,
    deadline: Duration,
) -> Vec<Found> {
    find_all_telling(directory, addresses, now, deadline, &|_| true)
}

/// As [`find_all`], but what is kept of each is made when it comes, while the others are on their way.
pub fn find_all_as<T>(
    directory: &dyn Directory,
    addresses: &[EmailAddress],
    now: UnixTime,
    deadline: Duration,
    read: impl Fn(Found) -> T,
) -> Vec<T> {
    in_order(directory, addresses, now, deadline, read, &|_| true)
}

/// As [`find_all`]; `told` hears how many were found each time, and says whether anybody still waits.
/// Where nobody does, results are missing.
pub fn find_all_telling(
    directory: &dyn Directory,
    addresses: &[EmailAddress],
    now: UnixTime,
    deadline: Duration,
    told: &dyn Fn(usize) -> bool,
) -> Vec<Found> {
    in_order(directory, addresses, now, deadline, |found| found, told)
}

fn in_order<T>(
    directory: &dyn Directory,
    addresses: &[EmailAddress],
    now: UnixTime,
    deadline: Duration,
    read: impl Fn(Found) -> T,
    told: &dyn Fn(usize) -> bool,
) -> Vec<T> {
    let mut found: Vec<(usize, T)> = Vec::new();
    directory.find_each(addresses, now, deadline, &mut |place, finding| {
        if let Ok(known) = &finding {
            let (address, status) = (&known.address, known.status().word());
            tracing::debug!(%address, status, "a certificate was looked for");
        }
        found.push((place, read(finding)));
        told(found.len())
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The `results` of the wire's `lookup`: one object for each address, in order, bad ones too.
pub fn results(
    directory: &dyn Directory,
    addresses: &[String],
    now: UnixTime,
    deadline: Duration,
) -> Vec<Value> {
    let parsed: Vec<Option<EmailAddress>> =
        addresses.iter().map(|text| EmailAddress::parse(text).ok()).collect();
    let good: Vec<EmailAddress> = parsed.iter().flatten().cloned().collect();
    let described = |found: Found| found.ok().map(|finding| with_recipient(&finding));
    let mut found = find_all_as(directory, &good, now, deadline, described).into_iter();
    let describe_next = |(text, address): (&String, &Option<EmailAddress>)| match address {
        Some(_) => match found.next() {
            Some(Some(described)) => described,
            _ => invalid(text, "The domain of this address is too long to hold certificates in the DNS."),
        },
        None => invalid(text, "This is not a mail address."),
    };
    addresses.iter().zip(&parsed).map(describe_next).collect()
}

fn with_recipient(finding: &Finding) -> Value {
    let mut value = describe(finding);
    if let Value::Object(object) = &mut value {
        object.insert("recipient".into(), json!(recipient_state(finding)));
        if let Some(hindrance) = Hindrance::of(finding) {
            object.insert("hindrance".into(), hindrance.describe());
        }
    }
    value
}

fn invalid(text: &str, reason: &str) -> Value {
    json!({
        "address": text, "owner_name": null, "status": "absent", "recipient": "invalid-address",
        "reason": reason, "records": [], "certificates": [],
    })
}

/// The word of the protocol for what can be done with a recipient.
pub fn recipient_state(finding: &Finding) -> &'static str {
    match finding.status() {
        Status::Secure if finding.encryption_certificates().next().is_some() => "ready",
        Status::Secure => "unusable",
        // Nothing was kept away: there is nothing to keep.
        _ if finding.is_outside_dns() => "not-in-dns",
        other => other.word(),
    }
}

/// The object of `dane-smime lookup --json` for one address.
pub fn describe(finding: &Finding) -> Value {
    let mut value = json!({
        "address": finding.address.to_string(),
        "owner_name": finding.owner_name.to_string(),
        "status": finding.status().word(),
        "reason": words::reason(finding),
        "records": finding.records().iter().map(record).collect::<Vec<_>>(),
        "certificates": finding.certificates().iter().map(certificate).collect::<Vec<_>>(),
        "dnssec": words::facts(finding),
    });
    if let (Some(other), Value::Object(object)) = (&finding.other_spelling, &mut value) {
        object.insert("other_spelling".into(), json!(other.to_string()));
    }
    value
}

fn record(record: &SmimeaRecord) -> Value {
    let mut value = json!({
        "usage": record.usage, "selector": record.selector, "matching": record.matching,
        "data": hex::encode(&record.data), "ttl": record.ttl,
    });
    if let (Err(unusable), Value::Object(object)) = (record.meaning, &mut value) {
        object.insert("unusable".into(), json!(format!("The record {}.", words::unusable_words(unusable))));
    }
    value
}

fn certificate(found: &FoundCertificate) -> Value {
    let certificate = &found.certificate;
    json!({
        "sha256": certificate.sha256().to_string(),
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "algorithm": certificate.key_algorithm().to_string(),
        "can_sign": found.signing.is_ok(),
        "can_encrypt": found.encryption.is_ok(),
        "pem": certificate.to_pem(),
    })
}
