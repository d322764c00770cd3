//! `dane-smime record`: the zone-file lines that publish a certificate.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Context, Output};
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::config::Profile;
use crate::directory::{Directory, Finding, Status};
use crate::keys::Purpose;
use crate::mime::EmailAddress;
use crate::service::engine::open_keys;
use crate::service::failure::record as words;
use crate::service::publication::{CertificatePublication, Publication};
use crate::service::{Code, Failure, recipients, records};
use crate::smimea::{Matching, Selector, ZoneRecord, lint};
use crate::x509::{Certificate, NameMatch};

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The address that the certificate is for; or `check ADDRESS`; or `lint FILE`
    #[arg(required = true, num_args = 1..=2, value_name = "ADDRESS")]
    address: Vec<String>,
    /// The certificate, PEM or DER [default: the one in use for the address; with `check`, all keys held for it]
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
    /// smimea: readable by new name servers; generic: by all (RFC 3597); nsupdate: orders for it
    #[arg(long, value_enum, value_name = "FORM")]
    form: Option<Form>,
    /// Print the lines even if the certificate does not fit the address
    #[arg(long)]
    force: bool,
    /// Also write the file of the HTTPS proposal below this web server's root, and print its TXT line
    #[arg(long, value_name = "DIR")]
    well_known: Option<PathBuf>,
}

/// How the record data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Smimea,
    Generic,
    Both,
    Nsupdate,
}

impl Arguments {
    /// Refuses what says how lines are printed where none are.
    fn must_print_nothing(&self) -> Result<(), Failure> {
        if self.form.is_none() && !self.force && self.well_known.is_none() {
            return Ok(());
        }
        let words =
            "`check` and `lint` print no lines: --form, --force and --well-known mean nothing with them.";
        Err(Failure::new(Code::BadRequest, words))
    }
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let address = match arguments.address.as_slice() {
        [word, address] if word == "check" => {
            arguments.must_print_nothing()?;
            return check(context, &parse(address)?, arguments.cert.as_deref());
        }
        [word, file] if word == "lint" => {
            arguments.must_print_nothing()?;
            return lint_file(context, Path::new(file));
        }
        [address] if address != "check" && address != "lint" => address,
        _ => {
            let words = "Give one address, `check` and an address, or `lint` and a zone file.";
            return Err(Failure::new(Code::BadRequest, words));
        }
    };
    let profile = context.settings.profile;
    let address = parse(address)?;
    let owner_name = records::owner_name(&address, profile)?;
    let certificate = match &arguments.cert {
        Some(file) => read_certificate(file)?,
        None => certificate_held(context, &address)?,
    };
    if !arguments.force {
        check_fit(&certificate, &address, arguments.usage)?;
    }
    let selector = if arguments.selector == 0 { Selector::Certificate } else { Selector::PublicKey };
    let matching = match arguments.matching {
        0 => Matching::Exact,
        1 => Matching::Sha256,
        _ => Matching::Sha512,
    };
    let record = ZoneRecord::naming(&certificate, owner_name, arguments.usage, selector, matching);
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    let lints = records::lints(&record, &certificate, &address, profile, now);
    let (smimea, generic) = (record.mnemonic(), record.generic());
    let lines: Vec<String> = match (arguments.form.unwrap_or(Form::Both), profile) {
        (Form::Nsupdate, _) => vec![record.update_add(records::TTL), "send".to_owned()],
        // The private type of the guide has no mnemonic of its own.
        (_, Profile::Guide2014 { .. }) | (Form::Generic, _) => vec![generic],
        (Form::Smimea, _) => vec![smimea],
        (Form::Both, _) => vec![smimea, generic],
    };
    let mut json = records::describe(&record, &certificate, &address, &lints);
    let mut text = lines.join("\n") + "\n";
    for lint in &lints {
        text += &format!("; {}\n", words::words(lint));
    }
    if let Some(root) = &arguments.well_known {
        text += &write_well_known(root, &address, &certificate, &mut json)?;
    }
    if let Some(object) = json.as_object_mut() {
        object.insert("lines".to_owned(), json!(lines));
    }
    Ok(Output::good(json, text))
}

/// Writes the file of the HTTPS proposal below a web server's root; the TXT line that points to it.
fn write_well_known(
    root: &Path,
    address: &EmailAddress,
    certificate: &Certificate,
    json: &mut Value,
) -> Result<String, Failure> {
    let records::WellKnown { path, txt } = records::well_known(address)?;
    let file = root.join(&path);
    let folder = file.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, certificate.to_pem())).map_err(
        |reason| {
            Failure::new(Code::UnwritableOutput, format!("{} cannot be written: {reason}.", file.display()))
        },
    )?;
    if let Some(object) = json.as_object_mut() {
        object.insert("well_known".to_owned(), json!({"file": file.display().to_string(), "txt": txt}));
    }
    Ok(format!(
        "; One author’s way over HTTPS (2024), no standard, proven by nothing but the web server’s certificate:\n\
         ; {} has been written\n{txt}\n",
        file.display()
    ))
}

/// Says what is wrong with the records in a zone file. A fault is a clean negative.
fn lint_file(context: &Context, file: &Path) -> Result<Output, Failure> {
    let content = super::files::read(Some(file))?;
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    let found = lint::of_zone_text(&String::from_utf8_lossy(&content), now);
    let mut text = String::new();
    for line in &found {
        for lint in &line.lints {
            let kind = if lint.is_fault() { "wrong" } else { "note" };
            text += &format!("{}:{}: {kind}: {}\n", file.display(), line.line, words::words(lint));
        }
    }
    let faults = found.iter().flat_map(|line| &line.lints).filter(|lint| lint.is_fault()).count();
    text += &format!("{} record(s) looked at, {faults} fault(s).\n", found.len());
    let rows: Vec<Value> = found
        .iter()
        .map(|line| {
            let lints: Vec<Value> = line.lints.iter().map(words::describe).collect();
            json!({"line": line.line, "owner": line.owner, "lints": lints})
        })
        .collect();
    let status = u8::from(faults > 0);
    Ok(Output { json: Some(json!({"records": rows, "faults": faults})), text: text.into_bytes(), status })
}

fn parse(address: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(address).map_err(|error| {
        Failure::new(Code::InvalidAddress, format!("`{address}` is not a mail address: {error}."))
    })
}

/// Compares what the DNS serves with one certificate, or with the keys held.
fn check(context: &Context, address: &EmailAddress, file: Option<&Path>) -> Result<Output, Failure> {
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    if let Some(file) = file {
        let certificate = read_certificate(file)?;
        let finding = find(context, address, now)?;
        let publication = CertificatePublication::compare(&finding, &certificate);
        let (json, text) = (publication.describe(), publication.text());
        return Ok(compared(&finding, publication.published, json, text));
    }
    let held = open_keys(&context.settings).overview(now)?;
    if held.of(address).next().is_none() {
        let words =
            format!("No key is held for {address}. `dane-smime lookup` shows what the DNS serves for it.");
        return Err(Failure::new(Code::NoSuchKey, words));
    }
    let finding = find(context, address, now)?;
    let publication = Publication::compare(&finding, &held, now);
    let (json, text) = (publication.describe(), publication.text());
    Ok(compared(&finding, publication.is_live(), json, text))
}

fn find(context: &Context, address: &EmailAddress, now: UnixTime) -> Result<Finding, Failure> {
    recipients::open_directory(&context.settings)?
        .find(address, now, recipients::PATIENCE)
        .map_err(|error| Failure::new(Code::InvalidAddress, format!("{address}: {error}.")))
}

fn compared(finding: &Finding, is_as_wanted: bool, json: Value, text: String) -> Output {
    let status = match finding.status() {
        Status::Secure if is_as_wanted => 0,
        Status::Secure | Status::Absent => 1,
        Status::Insecure | Status::Bogus => 3,
        Status::Unreachable => 4,
    };
    Output { json: Some(json), text: text.into_bytes(), status }
}

/// The certificate in use for an address: the one that others have to find.
fn certificate_held(context: &Context, address: &EmailAddress) -> Result<Certificate, Failure> {
    let now = context.settings.at.unwrap_or_else(|| SystemClock.now());
    let held = open_keys(&context.settings).overview(now)?;
    let in_use =
        held.in_use(address, Purpose::Encrypt, now).or_else(|_| held.in_use(address, Purpose::Sign, now));
    in_use.map(|key| key.certificate.clone()).map_err(|_| {
        let words = format!("No key for {address} is in use here. Name the certificate's file with --cert.");
        Failure::new(Code::NoSuchKey, words)
    })
}

fn read_certificate(file: &Path) -> Result<Certificate, Failure> {
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
