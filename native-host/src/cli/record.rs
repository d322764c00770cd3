//! `dane-smime record`: the zone-file lines that publish a certificate.

use std::path::PathBuf;

use serde_json::json;

use super::{Context, Output};
use crate::clock::{Clock, SystemClock};
use crate::config::Profile;
use crate::directory::{Directory, Status};
use crate::mime::EmailAddress;
use crate::service::engine::open_keys;
use crate::service::publication::Publication;
use crate::service::{Code, Failure, recipients};
use crate::smimea::{Matching, OwnerName, Selector, SmimeaRecord};
use crate::x509::{Certificate, NameMatch};

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The address that the certificate is for, or `check ADDRESS`
    #[arg(required = true, num_args = 1..=2, value_name = "ADDRESS")]
    address: Vec<String>,
    /// The certificate, PEM or DER
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// 0 and 2: an authority's certificate; 1 and 3: the user's own
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=3), value_name = "N")]
    usage: u8,
    /// 0: the whole certificate; 1: its public key
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1), value_name = "N")]
    selector: u8,
    /// 0: the octets themselves; 1: their SHA-256; 2: their SHA-512
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2), value_name = "N")]
    matching: u8,
    /// smimea: readable by new name servers; generic: by all (RFC 3597)
    #[arg(long, value_enum, value_name = "FORM")]
    form: Option<Form>,
    /// Print the lines even if the certificate does not fit the address
    #[arg(long)]
    force: bool,
}

/// How the record data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Smimea,
    Generic,
    Both,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let address = match arguments.address.as_slice() {
        [address] => address,
        [word, address] if word == "check" => return check(context, &parse(address)?),
        _ => return Err(Failure::new(Code::BadRequest, "Give one address, or `check` and an address.")),
    };
    let profile = context.settings.profile;
    let address = parse(address)?;
    let owner_name = OwnerName::of(&address, profile)
        .map_err(|error| Failure::new(Code::InvalidAddress, format!("{address}: {error}.")))?;
    let certificate = read_certificate(arguments)?;
    if !arguments.force {
        check_fit(&certificate, &address, arguments.usage)?;
    }
    let selector = if arguments.selector == 0 { Selector::Certificate } else { Selector::PublicKey };
    let matching = match arguments.matching {
        0 => Matching::Exact,
        1 => Matching::Sha256,
        _ => Matching::Sha512,
    };
    let data = SmimeaRecord::data_for(&certificate, selector, matching);
    let fields = [arguments.usage, arguments.selector, arguments.matching];
    let [usage, selector, matching] = fields;
    let hex = hex::encode(&data);
    let rdata = hex::encode(fields) + &hex;
    let smimea = format!("{owner_name} IN SMIMEA {usage} {selector} {matching} {hex}");
    let number = u16::from(owner_name.record_type());
    let generic = format!("{owner_name} IN TYPE{number} \\# {} {rdata}", rdata.len() / 2);
    // The private type of the guide has no mnemonic of its own.
    let form = arguments.form.unwrap_or(Form::Both);
    let lines: Vec<String> = match (form, profile) {
        (_, Profile::Guide2014) | (Form::Generic, _) => vec![generic],
        (Form::Smimea, _) => vec![smimea],
        (Form::Both, _) => vec![smimea, generic],
    };
    let json = json!({
        "address": address.to_string(), "owner_name": owner_name.to_string(), "type": number,
        "usage": usage, "selector": selector, "matching": matching, "data": hex, "lines": lines,
        "sha256": certificate.sha256().to_string(),
    });
    Ok(Output::good(json, lines.join("\n") + "\n"))
}

fn parse(address: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(address).map_err(|error| {
        Failure::new(Code::InvalidAddress, format!("`{address}` is not a mail address: {error}."))
    })
}

/// Compares what the DNS serves with the keys held.
fn check(context: &Context, address: &EmailAddress) -> Result<Output, Failure> {
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    let mut held = open_keys(&context.settings).list(now)?;
    held.retain(|key| key.serves(address));
    if held.is_empty() {
        return Err(Failure::new(Code::NoSuchKey, format!("No key is held for {address}.")));
    }
    let directory = recipients::open_directory(&context.settings)?;
    let finding = directory
        .find(address, now, recipients::PATIENCE)
        .map_err(|error| Failure::new(Code::InvalidAddress, format!("{address}: {error}.")))?;
    let publication = Publication::compare(&finding, &held);
    let status = match finding.status() {
        Status::Secure if publication.is_live() => 0,
        Status::Secure | Status::Absent => 1,
        Status::Insecure | Status::Bogus => 3,
        Status::Unreachable => 4,
    };
    let text = publication.text().into_bytes();
    Ok(Output { json: Some(publication.describe()), text, status })
}

fn read_certificate(arguments: &Arguments) -> Result<Certificate, Failure> {
    let Some(file) = &arguments.cert else {
        return Err(Failure::new(Code::BadRequest, "Name the certificate's file with --cert."));
    };
    let unreadable = |reason: &dyn std::fmt::Display| {
        Failure::new(
            Code::UnreadableInput,
            format!("The certificate {} cannot be read: {reason}.", file.display()),
        )
    };
    let content = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let mut found = Certificate::from_pem_or_der(&content).map_err(|error| unreadable(&error))?.into_iter();
    found.next().ok_or_else(|| unreadable(&"there is none in it"))
}

/// The user's own certificate must name the address or no address at all; an authority's must be
/// one.
fn check_fit(certificate: &Certificate, address: &EmailAddress, usage: u8) -> Result<(), Failure> {
    let why = if matches!(usage, 0 | 2) {
        if certificate.is_ca() {
            return Ok(());
        }
        format!("With usage {usage} the certificate must be an authority's, and this one is not.")
    } else {
        match certificate.names_address(address) {
            NameMatch::Names | NameMatch::NamesNone
                if certificate.can_sign() || certificate.can_encrypt() =>
            {
                return Ok(());
            }
            NameMatch::Names | NameMatch::NamesNone => {
                "The certificate can neither sign mail nor encrypt it.".to_owned()
            }
            NameMatch::NamesOthers => {
                let named: Vec<String> =
                    certificate.email_addresses().iter().map(ToString::to_string).collect();
                format!("The certificate is not for {address}; it names {}.", named.join(", "))
            }
        }
    };
    Err(Failure::new(Code::CertificateDoesNotFit, format!("{why} Use --force to publish it nevertheless.")))
}
