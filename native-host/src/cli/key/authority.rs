//! `dane-smime key authority` and `key issue`: a certificate authority for a domain's own users.

use std::path::PathBuf;

use serde_json::json;

use super::{Output, parse_address, read};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::keys::{CertificateRequest, KeyStore, NewAlgorithm, NewKey};
use crate::service::{Failure, key_list, records};
use crate::smimea::{Matching, Selector, ZoneRecord};
use crate::x509::Fingerprint;

/// Arguments of `key authority`.
#[derive(Debug, clap::Args)]
pub(super) struct Make {
    /// An address of the domain whose users it is for, such as hostmaster@example.org
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// The authority's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// rsa-2048, rsa-3072, rsa-4096, p-256 or p-384
    #[arg(long, default_value = "p-384", value_name = "ALGORITHM")]
    algorithm: NewAlgorithm,
    /// For how many days the certificate is valid
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u16).range(1..=7300), value_name = "DAYS")]
    days: u16,
}

/// Arguments of `key issue`.
#[derive(Debug, clap::Args)]
pub(super) struct Issue {
    /// The user's request, PEM or DER
    request: PathBuf,
    /// SHA-256 of the authority's certificate
    #[arg(long, value_name = "FINGERPRINT")]
    authority: Fingerprint,
    /// An address that the user may have, as you know it and not as the request says; once more for each further one
    #[arg(long, required = true, value_name = "ADDRESS")]
    address: Vec<String>,
    /// For how many days the user's certificate is valid, as far as the authority's own is
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u16).range(1..=7300), value_name = "DAYS")]
    days: u16,
}

pub(super) fn make(store: &KeyStore, arguments: &Make, now: UnixTime) -> Result<Output, Failure> {
    let new = NewKey {
        address: parse_address(&arguments.address)?,
        name: Some(arguments.name.clone()),
        algorithm: arguments.algorithm,
        days: arguments.days,
    };
    let held = store.generate_authority(&new, now)?;
    let sha256 = held.certificate.sha256();
    let text = format!(
        "Made an authority for {}.\n  fingerprint  {sha256}\n\nSign your users’ requests with it:\n  \
         dane-smime key issue REQUEST --address ADDRESS --authority {sha256}\n",
        held.address.domain()
    );
    Ok(Output::good(key_list::row(&held), text))
}

pub(super) fn issue(
    store: &KeyStore,
    arguments: &Issue,
    profile: Profile,
    now: UnixTime,
) -> Result<Output, Failure> {
    let request = CertificateRequest::read(&read(&arguments.request)?).map_err(Failure::from)?;
    let addresses: Result<Vec<_>, Failure> =
        arguments.address.iter().map(|text| parse_address(text)).collect();
    let (certificate, authority) =
        store.issue(arguments.authority, &request, &addresses?, arguments.days, now)?;
    let pem = certificate.to_pem() + &authority.certificate.to_pem();
    let mut lines = Vec::new();
    let names: Vec<String> = request.addresses.iter().map(ToString::to_string).collect();
    for address in &request.addresses {
        let owner = records::owner_name(address, profile)?;
        let (whole, exact) = (Selector::Certificate, Matching::Exact);
        lines.push(ZoneRecord::naming(&authority.certificate, owner, 2, whole, exact).mnemonic());
        lines.push(records::usual(address, &certificate, profile)?.mnemonic());
    }
    let text = format!(
        "{pem}\nMade out to {} ({}). The user installs this with `dane-smime key install --cert FILE`. Lines for the DNS: the authority \
         vouches\nfor the user (2 0 0), and the user’s certificate is there for a first encrypted mail (3 0 0).\n{}\n",
        names.join(", "),
        certificate.subject(),
        lines.join("\n")
    );
    Ok(Output::good(
        json!({"certificate": pem, "sha256": certificate.sha256().to_string(), "addresses": names, "lines": lines}),
        text,
    ))
}
