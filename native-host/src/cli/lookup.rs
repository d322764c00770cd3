//! `dane-smime lookup`: finds the certificates that a domain publishes for its users.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Context, Output};
use crate::clock::{Clock, SystemClock};
use crate::directory::{Finding, FoundCertificate, Outcome, Status};
use crate::dns::Link;
use crate::mime::EmailAddress;
use crate::service::engine::Engine;
use crate::service::failure::dns as words;
use crate::service::recipients::{self, PATIENCE};
use crate::service::{Code, Failure};
use crate::x509::{Certificate, NameMatch};

/// Arguments of `lookup`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Mail addresses
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let addresses = arguments.addresses.iter().map(|text| {
        EmailAddress::parse(text).map_err(|error| {
            Failure::new(Code::InvalidAddress, format!("`{text}` is not a mail address: {error}."))
                .with("address", json!(text))
        })
    });
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let directory = Engine::new(context.settings.clone()).directory()?;
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    let described = recipients::find_all_as(&*directory, &addresses, now, PATIENCE, |found| {
        found.map(|finding| {
            let text = if context.json { String::new() } else { for_people(&finding) };
            (exit_status(finding.status()), recipients::describe(&finding), text)
        })
    });
    let (mut status, mut objects, mut texts) = (0, Vec::new(), Vec::new());
    for (described, address) in described.into_iter().zip(&addresses) {
        let (exit, object, text) = described.map_err(|error| {
            Failure::new(Code::InvalidAddress, format!("{address}: {error}."))
                .with("address", json!(address.to_string()))
        })?;
        status = status.max(exit);
        objects.push(object);
        texts.push(text);
    }
    let json = if objects.len() == 1 { objects.pop() } else { Some(Value::Array(objects)) };
    Ok(Output { json, text: texts.join("\n").into_bytes(), status })
}

/// The contract's order; the highest is the worst of several.
fn exit_status(status: Status) -> u8 {
    match status {
        Status::Secure => 0,
        Status::Absent => 1,
        Status::Insecure | Status::Bogus => 3,
        Status::Unreachable => 4,
    }
}

fn for_people(finding: &Finding) -> String {
    let mut text = format!("{}: {}\n", finding.address, finding.status().word());
    line(&mut text, "", &words::reason(finding));
    line(&mut text, "name", &finding.owner_name.to_string());
    match &finding.outcome {
        Outcome::Secure(published) => {
            let set = published.set().get();
            // The first alias is the name itself.
            let led = set.aliases.iter().chain([&set.owner]).skip(1);
            led.for_each(|name| line(&mut text, "alias of", &name.to_ascii()));
            if set.from_wildcard {
                line(&mut text, "wildcard", "it stands for all addresses that have no entry of their own");
            }
            chain(&mut text, &set.chain);
            line(&mut text, "until", &set.valid_until.to_string());
        }
        Outcome::Absent(denial) => {
            chain(&mut text, &denial.get().chain);
            line(&mut text, "until", &denial.get().valid_until.to_string());
        }
        Outcome::Bogus(fault) => {
            let place = format!("{} {}", fault.name.to_ascii(), fault.record_type);
            line(&mut text, "failed at", &place);
        }
        Outcome::Insecure(_) | Outcome::Unreachable(_) => {}
    }
    for record in finding.records() {
        let fields =
            format!("{} {} {}, {} octets", record.usage, record.selector, record.matching, record.data.len());
        match record.meaning {
            Ok(_) => line(&mut text, "record", &fields),
            Err(unusable) => {
                line(&mut text, "record", &format!("{fields}: {}", words::unusable_words(unusable)))
            }
        }
    }
    for found in finding.certificates() {
        describe(&mut text, found, finding);
    }
    text
}

/// A certificate, and what it can be used for.
fn describe(text: &mut String, found: &FoundCertificate, finding: &Finding) {
    let certificate = &found.certificate;
    line(text, "certificate", &certificate.subject());
    let (algorithm, from, until) =
        (certificate.key_algorithm(), certificate.not_before(), certificate.not_after());
    line(text, "", &format!("{algorithm}, {from} to {until}"));
    line(text, "", &format!("SHA-256 {}", certificate.sha256()));
    let signing = match found.signing {
        Ok(()) if is_foreign(certificate, finding) => {
            let named: Vec<String> = certificate.email_addresses().iter().map(ToString::to_string).collect();
            Err(format!("names {} and not this address", named.join(", ")))
        }
        other => other.map_err(words::unfit_words),
    };
    let encryption = match found.encryption {
        Ok(()) if finding.encryption_certificates().all(|usable| usable != certificate) => {
            Err("needs a certificate authority's word as well (usage 1)".to_owned())
        }
        other => other.map_err(words::unfit_words),
    };
    for (purpose, fitness) in [("verify signatures", signing), ("encrypt", encryption)] {
        let said = match fitness {
            Ok(()) => format!("can be used to {purpose}"),
            Err(why) => format!("cannot be used to {purpose}: it {why}"),
        };
        line(text, "", &said);
    }
}

/// Whether the certificate names addresses and not this one: that is enough to encrypt by DANE-EE, and
/// no mail from the address is believed to be signed with it.
fn is_foreign(certificate: &Certificate, finding: &Finding) -> bool {
    let spellings = [Some(&finding.address), finding.other_spelling.as_ref()];
    let names_others = |address: &EmailAddress| certificate.names_address(address) == NameMatch::NamesOthers;
    spellings.into_iter().flatten().all(names_others)
}

/// A line for each zone, from the anchor down to the one that signed: mostly three.
fn chain(text: &mut String, links: &[Link]) {
    for (index, link) in links.iter().enumerate() {
        let zone = words::plain(&link.zone);
        let key = format!("{zone}, key {} ({})", link.key_tag, algorithm(link.algorithm));
        line(text, if index == 0 { "proven by" } else { "" }, &key);
    }
}

/// Names of the registry of DNSSEC algorithms, as people say them.
fn algorithm(number: u8) -> String {
    match number {
        5 | 7 => "RSA with SHA-1".into(),
        8 => "RSA with SHA-256".into(),
        10 => "RSA with SHA-512".into(),
        13 => "ECDSA P-256".into(),
        14 => "ECDSA P-384".into(),
        15 => "Ed25519".into(),
        other => format!("algorithm {other}"),
    }
}

fn line(text: &mut String, label: &str, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label:<12}{}", printable(content));
}

/// Text from certificates and the DNS must not steer the terminal.
fn printable(content: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    content.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}
