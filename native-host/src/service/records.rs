//! The lines that publish a certificate, as `record` says them on the command line and the wire.

use serde_json::{Value, json};

use super::failure::record as words;
use super::{Code, Failure};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::mime::EmailAddress;
use crate::smimea::lint::{self, Lint};
use crate::smimea::{Matching, OwnerName, Selector, SmimeaRecord, ZoneRecord};
use crate::x509::Certificate;

/// How long others may keep a record that was put there by an update, in seconds.
pub const TTL: u32 = 3600;

/// The name under which the records of an address lie.
///
/// # Errors
/// `invalid-address` where no record can exist.
pub fn owner_name(address: &EmailAddress, profile: Profile) -> Result<OwnerName, Failure> {
    OwnerName::of(address, profile)
        .map_err(|error| Failure::new(Code::InvalidAddress, format!("{address}: {error}.")))
}

/// The record that lets others verify and encrypt on first contact: `3 0 0`.
///
/// # Errors
/// As [`owner_name`].
pub fn usual(
    address: &EmailAddress,
    certificate: &Certificate,
    profile: Profile,
) -> Result<ZoneRecord, Failure> {
    let owner = owner_name(address, profile)?;
    Ok(ZoneRecord::naming(certificate, owner, 3, Selector::Certificate, Matching::Exact))
}

/// What is to be known of a record before it is published.
pub fn lints(
    record: &ZoneRecord,
    certificate: &Certificate,
    address: &EmailAddress,
    profile: Profile,
    now: UnixTime,
) -> Vec<Lint> {
    let rdata = [&record.fields[..], &record.data].concat();
    let read = SmimeaRecord::parse(&rdata, TTL, profile);
    let mut lints = lint::of_record(&read, Some(address), now);
    if read.certificate().is_none() {
        lints.extend(lint::of_certificate(certificate, read.usage, Some(address), now));
    }
    lints
}

/// For programs.
pub fn describe(
    record: &ZoneRecord,
    certificate: &Certificate,
    address: &EmailAddress,
    lints: &[Lint],
) -> Value {
    let [usage, selector, matching] = record.fields;
    json!({
        "address": address.to_string(),
        "owner_name": record.owner_name.to_string(),
        "type": u16::from(record.owner_name.record_type()),
        "usage": usage, "selector": selector, "matching": matching,
        "data": hex::encode(&record.data),
        "sha256": certificate.sha256().to_string(),
        "smimea": record.mnemonic(),
        "generic": record.generic(),
        "update": record.update_add(TTL),
        "octets": record.length(),
        "lints": lints.iter().map(words::describe).collect::<Vec<_>>(),
    })
}

/// The way of publishing over HTTPS that one author proposed (2024): a file below `.well-known` and a TXT record that
/// points to it. No standard, proven by nothing but the web server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellKnown {
    /// Path below the web server's root, without a leading slash.
    pub path: String,
    /// The zone-file line.
    pub txt: String,
}

/// The file's path and the pointer for an address. `first.last@example.com` becomes
/// `.well-known/smime/first_last.crt` and `first.last._smime.example.com`.
///
/// # Errors
/// `invalid-address` for local parts that are no sequence of DNS labels and file name alike.
pub fn well_known(address: &EmailAddress) -> Result<WellKnown, Failure> {
    let local = address.local();
    let plain = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if !local.split('.').all(plain) {
        return Err(Failure::new(
            Code::InvalidAddress,
            format!("{address}: this way of publishing has no form for a local part with such characters."),
        ));
    }
    let domain = address.domain();
    let path = format!(".well-known/smime/{}.crt", local.replace('.', "_"));
    let txt = format!("{local}._smime.{domain}. IN TXT \"https://{domain}/{path}\"");
    Ok(WellKnown { path, txt })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_proposal() {
        let found = well_known(&EmailAddress::parse("firstname.lastname@example.com").unwrap()).unwrap();
        assert_eq!(found.path, ".well-known/smime/firstname_lastname.crt");
        assert_eq!(
            found.txt,
            "firstname.lastname._smime.example.com. IN TXT \
             \"https://example.com/.well-known/smime/firstname_lastname.crt\""
        );
        for odd in ["\"a b\"@example.com", "a+b@example.com", "jürgen@example.com", "../x@example.com"] {
            let Ok(address) = EmailAddress::parse(odd) else { continue };
            assert!(well_known(&address).is_err(), "{odd}");
        }
    }
}
