//! `dane-smime key`: make, import, list and choose keys.

mod authority;
mod token;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Context, Output, files};
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::keys::{
    HeldKey, ImportError, KeyFacts, KeyStore, NewAlgorithm, NewKey, Pkcs12Encryption, read_certificates,
    read_key_file,
};
use crate::mime::EmailAddress;
use crate::programs::shell_word;
use crate::service::engine::open_keys;
use crate::service::{Code, Failure, key_list};
use crate::x509::Fingerprint;

/// Key files and password files are far smaller.
const MAX_FILE: u64 = 1024 * 1024;
/// An organisation's backup holds some kilobytes for each of its keys.
const MAX_BACKUP: u64 = 256 * 1024 * 1024;

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key with a self-signed certificate
    Generate(Generate),
    /// Make the key that will follow the one in use, which stays in use until `select`
    Rotate(Rotate),
    /// Make a key and print a certificate request for an authority
    Request(Request),
    /// Install the certificate that an authority made for a request
    Install(Install),
    /// Take over a key from a PKCS#12 or PEM file
    Import(Import),
    /// Write a key and its certificate into a PKCS#12 file
    Export(Export),
    /// Show the keys held
    List,
    /// Choose the keys that an address signs and encrypts with
    Select(Select),
    /// Keep a key for old mail and use it for nothing new
    Retire(Retire),
    /// Destroy a key; mail encrypted to it cannot be read any more
    Delete(One),
    /// Write all keys into one file, under a password
    Backup(Backup),
    /// Take the keys of a backup in
    Restore(Restore),
    /// Make a certificate authority for a domain's users
    Authority(authority::Make),
    /// Sign a user's request with an authority held here
    Issue(authority::Issue),
    /// Use keys on a PKCS#11 token: a smart card, a stick
    Token(token::Arguments),
}

#[derive(Debug, clap::Args)]
struct Generate {
    /// The address that the certificate names
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// The name in the certificate [default: the address]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// rsa-2048, rsa-3072, rsa-4096, p-256 or p-384
    #[arg(long, default_value = "rsa-3072", value_name = "ALGORITHM")]
    algorithm: NewAlgorithm,
    /// For how many days the certificate is valid
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u16).range(1..=7300), value_name = "DAYS")]
    days: u16,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    new: Generate,
    /// Retire the present key after so many days; publish the next one before
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=365), value_name = "DAYS")]
    retire_after: Option<u16>,
}

#[derive(Debug, clap::Args)]
struct Request {
    /// The address that the certificate is to name
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// The name to ask for [default: the address]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// rsa-2048, rsa-3072, rsa-4096, p-256 or p-384
    #[arg(long, default_value = "rsa-3072", value_name = "ALGORITHM")]
    algorithm: NewAlgorithm,
}

#[derive(Debug, clap::Args)]
struct Install {
    /// The certificate, with those above it if they came along: PEM, DER or PKCS#7
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// A PKCS#12 file (.p12, .pfx), or PEM with key and certificate
    file: PathBuf,
    /// A file that holds the password; a last newline does not count
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Whose key it is [default: the address that the certificate names]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// SHA-256 of the certificate
    #[arg(long, value_name = "FINGERPRINT")]
    sha256: Fingerprint,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    p12: PathBuf,
    /// A file that holds the password to set; a last newline does not count
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// Encrypt so that old programs can read it (triple DES)
    #[arg(long)]
    legacy: bool,
}

#[derive(Debug, clap::Args)]
struct Select {
    /// The address to choose for
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// SHA-256 of the certificate to sign with
    #[arg(long, value_name = "FINGERPRINT", required_unless_present = "encrypt")]
    sign: Option<Fingerprint>,
    /// SHA-256 of the certificate to encrypt own copies to
    #[arg(long, value_name = "FINGERPRINT")]
    encrypt: Option<Fingerprint>,
}

#[derive(Debug, clap::Args)]
struct One {
    /// SHA-256 of the certificate
    #[arg(long, value_name = "FINGERPRINT")]
    sha256: Fingerprint,
}

#[derive(Debug, clap::Args)]
struct Retire {
    #[command(flatten)]
    key: One,
    /// From this moment on (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME", value_parser = UnixTime::parse_rfc3339)]
    from: Option<UnixTime>,
}

#[derive(Debug, clap::Args)]
struct Backup {
    /// The file to write
    file: PathBuf,
    /// A file that holds the password to set; a last newline does not count
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Restore {
    /// The backup
    file: PathBuf,
    /// A file that holds its password; a last newline does not count
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
}

impl Generate {
    fn new_key(&self) -> Result<NewKey, Failure> {
        let address = parse_address(&self.address)?;
        Ok(NewKey { address, name: self.name.clone(), algorithm: self.algorithm, days: self.days })
    }
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Output, Failure> {
    let settings = &context.settings;
    let store = open_keys(settings);
    let now = settings.at.unwrap_or_else(|| SystemClock.now());
    match &arguments.action {
        Action::Generate(arguments) => generate(&store, arguments, now),
        Action::Rotate(arguments) => rotate(&store, arguments, now),
        Action::Request(arguments) => request(&store, arguments),
        Action::Install(arguments) => install(&store, arguments, now),
        Action::Import(arguments) => import(&store, arguments, now),
        Action::Export(arguments) => export(&store, arguments),
        Action::List => list(&store, now),
        Action::Select(arguments) => select(&store, arguments, now),
        Action::Retire(arguments) => retire(&store, arguments),
        Action::Delete(one) => {
            let token = store.held(one.sha256, now)?.token;
            store.delete(one.sha256)?;
            let text = match token {
                Some(token) => {
                    format!(
                        "{} is forgotten here. Its key is still on the token “{}”.\n",
                        one.sha256, token.label
                    )
                }
                None => format!("{} and its private key are gone.\n", one.sha256),
            };
            Ok(Output::good(json!({"sha256": one.sha256.to_string(), "deleted": true}), text))
        }
        Action::Backup(arguments) => backup(&store, arguments),
        Action::Restore(arguments) => restore(&store, arguments, now),
        Action::Authority(arguments) => authority::make(&store, arguments, now),
        Action::Token(arguments) => token::run(&store, arguments, now),
        Action::Issue(arguments) => authority::issue(&store, arguments, settings.profile, now),
    }
}

fn generate(store: &KeyStore, arguments: &Generate, now: UnixTime) -> Result<Output, Failure> {
    let held = store.generate(&arguments.new_key()?, now)?;
    let mut text = format!("Made a key for {}.\n\n", held.address);
    describe(&mut text, &(&held).into());
    text.push_str(&how_to_publish(store, &held));
    Ok(Output::good(key_list::row(&held), text))
}

fn rotate(store: &KeyStore, arguments: &Rotate, now: UnixTime) -> Result<Output, Failure> {
    let retire_at = arguments.retire_after.map(|days| now.plus(i64::from(days).saturating_mul(24 * 3600)));
    let next = store.generate_next(&arguments.new.new_key()?, retire_at, now)?;
    let mut text = format!("Made the next key for {}.\n\n", next.address);
    describe(&mut text, &(&next).into());
    text.push_str(&how_to_publish(store, &next));
    text.push_str("\nLeave the present record in place beside it. ");
    match retire_at {
        Some(moment) => {
            let _ =
                writeln!(text, "The present key is retired on {moment}; from then on the next one is used.");
        }
        None => {
            let sha256 = next.certificate.sha256();
            let _ = write!(
                text,
                "When both have been in the DNS for a day, change over:\n  \
                 dane-smime key select --address {} --sign {sha256} --encrypt {sha256}\n",
                shell_word(&next.address.to_string())
            );
        }
    }
    Ok(Output::good(key_list::row(&next), text))
}

fn how_to_publish(store: &KeyStore, held: &HeldKey) -> String {
    let file = store.certificate_path(held.certificate.sha256());
    format!(
        "\nSo that others find it, publish it in the DNS of {}. This prints the lines:\n  \
         dane-smime record {} --cert {}\n",
        held.address.domain(),
        shell_word(&held.address.to_string()),
        shell_word(&file.display().to_string())
    )
}

fn request(store: &KeyStore, arguments: &Request) -> Result<Output, Failure> {
    let address = parse_address(&arguments.address)?;
    // A request says nothing of days: the authority decides.
    let new = NewKey { address, name: arguments.name.clone(), algorithm: arguments.algorithm, days: 0 };
    let pem = store.request(&new)?;
    Ok(Output::good(json!({"address": new.address.to_string(), "request": pem}), pem))
}

fn install(store: &KeyStore, arguments: &Install, now: UnixTime) -> Result<Output, Failure> {
    let certificates = read_certificates(&read(&arguments.cert)?)?;
    let held = store.install(&certificates, now)?;
    let mut text = format!("Installed the certificate for {}.\n\n", held.address);
    describe(&mut text, &(&held).into());
    text.push_str(&how_to_publish(store, &held));
    Ok(Output::good(key_list::row(&held), text))
}

fn import(store: &KeyStore, arguments: &Import, now: UnixTime) -> Result<Output, Failure> {
    let address = arguments.address.as_deref().map(parse_address).transpose()?;
    let content = read(&arguments.file)?;
    let password = match &arguments.password_file {
        Some(file) => read_password(file)?,
        None => Zeroizing::new(String::new()),
    };
    let found = read_key_file(&content, &password).map_err(|error| match error {
        ImportError::WrongPassword if arguments.password_file.is_none() => Failure::new(
            Code::WrongPassword,
            "The file is protected with a password. Name a file that holds it: --password-file FILE.",
        ),
        error => error.into(),
    })?;
    let mut text = String::new();
    let mut rows = Vec::new();
    for material in &found {
        let held = store.import(material, address.as_ref(), now)?;
        let _ = writeln!(text, "Imported a key for {}.\n", held.address);
        describe(&mut text, &(&held).into());
        rows.push(key_list::row(&held));
    }
    // One key is the rule: its row. A file may hold more, for signing and for encryption.
    let mut rows = rows.into_iter();
    let mut json = rows.next().unwrap_or(Value::Null);
    let further: Vec<Value> = rows.collect();
    if let (Value::Object(row), false) = (&mut json, further.is_empty()) {
        row.insert("further".to_owned(), Value::Array(further));
    }
    Ok(Output::good(json, text))
}

fn export(store: &KeyStore, arguments: &Export) -> Result<Output, Failure> {
    let password = read_password(&arguments.password_file)?;
    if password.is_empty() {
        return Err(Failure::new(Code::BadRequest, "A file with a private key needs a password."));
    }
    files::must_be_free(&arguments.p12)?;
    let encryption = if arguments.legacy { Pkcs12Encryption::Legacy } else { Pkcs12Encryption::Modern };
    store.export_pkcs12(arguments.sha256, &password, encryption, &arguments.p12)?;
    let text = format!("Wrote the key and its certificate to {}.\n", arguments.p12.display());
    Ok(Output::good(json!({"sha256": arguments.sha256.to_string()}), text))
}

fn list(store: &KeyStore, now: UnixTime) -> Result<Output, Failure> {
    let held = store.facts(now)?;
    let mut text = String::new();
    for key in &held {
        let _ = writeln!(text, "{}", key.address);
        describe(&mut text, key);
    }
    if held.is_empty() {
        text.push_str("No keys yet. Make one with: dane-smime key generate --address ADDRESS\n");
    }
    Ok(Output::good(held.iter().map(key_list::row_of_facts).collect(), text))
}

fn select(store: &KeyStore, arguments: &Select, now: UnixTime) -> Result<Output, Failure> {
    let address = parse_address(&arguments.address)?;
    store.select(&address, arguments.sign, arguments.encrypt, now)?;
    list(store, now)
}

fn retire(store: &KeyStore, arguments: &Retire) -> Result<Output, Failure> {
    let sha256 = arguments.key.sha256;
    if let Some(moment) = arguments.from {
        store.retire_at(sha256, moment)?;
        let text = format!("{sha256} will be kept for old mail only from {moment} on.\n");
        return Ok(Output::good(json!({"sha256": sha256.to_string(), "retires": moment.to_string()}), text));
    }
    store.retire(sha256)?;
    let text = format!(
        "{sha256} is kept for old mail and used for nothing new. Take its record out of the DNS, or others go on \
         using it.\n"
    );
    Ok(Output::good(json!({"sha256": sha256.to_string(), "retired": true}), text))
}

fn backup(store: &KeyStore, arguments: &Backup) -> Result<Output, Failure> {
    let password = read_password(&arguments.password_file)?;
    if password.is_empty() {
        return Err(Failure::new(Code::BadRequest, "A backup needs a password."));
    }
    files::must_be_free(&arguments.file)?;
    KeyStore::write_private(&arguments.file, &store.backup(&password)?)?;
    let mut text =
        format!("Wrote all keys to {}. Keep it and its password apart.\n", arguments.file.display());
    if !store.waiting_requests()?.is_empty() {
        text.push_str(
            "A key that still waits for its certificate is not in it: back up again when that has come.\n",
        );
    }
    Ok(Output::good(json!({"file": arguments.file.display().to_string()}), text))
}

fn restore(store: &KeyStore, arguments: &Restore, now: UnixTime) -> Result<Output, Failure> {
    let password = read_password(&arguments.password_file)?;
    let taken = store.restore(&read_up_to(MAX_BACKUP, &arguments.file)?, &password, now)?;
    let mut text = format!("Took {} key(s) out of the backup.\n", taken.len());
    for key in &taken {
        let _ = writeln!(text, "{}", key.address);
        describe(&mut text, &key.into());
    }
    if taken.iter().any(|key| key.token.is_some()) {
        text.push_str(
            "\nFrom a backup no software of a token is started. Name its module once, unless that was done here before:\n  \
             dane-smime key token add --module FILE\n",
        );
    }
    Ok(Output::good(taken.iter().map(key_list::row).collect(), text))
}

fn describe(text: &mut String, key: &KeyFacts) {
    let mut uses = Vec::new();
    if key.retired {
        uses.push("retired: old mail only");
    }
    if key.selected_sign {
        uses.push("signs");
    }
    if key.selected_encrypt {
        uses.push("encrypts");
    }
    let _ = writeln!(text, "  fingerprint  {}", key.sha256);
    let _ = writeln!(text, "  algorithm    {}", key.algorithm);
    if let Some(token) = &key.token {
        let _ = writeln!(text, "  token        {} ({})", token.label, token.serial);
    }
    let _ = writeln!(text, "  valid        {} to {}", key.not_before, key.not_after);
    let _ =
        writeln!(text, "  used         {}", if uses.is_empty() { "no".to_owned() } else { uses.join(", ") });
}

fn parse_address(text: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(text).map_err(|error| {
        Failure::new(Code::InvalidAddress, format!("`{text}` is not a mail address: {error}."))
    })
}

/// A password, without a last newline.
fn read_password(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let content = read(file)?;
    let text = std::str::from_utf8(&content).map_err(|_| {
        Failure::new(Code::UnreadableInput, format!("{} is not a password in UTF-8.", file.display()))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read_up_to(MAX_FILE, file)
}

fn read_up_to(most: u64, file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    use std::io::Read;
    // One allocation of the final size: a buffer that grows would leave unwiped copies behind.
    let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len()).min(most);
    let room = usize::try_from(length).unwrap_or_default().saturating_add(64);
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    std::fs::File::open(file)
        .and_then(|opened| opened.take(most.saturating_add(1)).read_to_end(&mut content))
        .map_err(|reason| {
            Failure::new(Code::UnreadableInput, format!("{} cannot be read: {reason}.", file.display()))
        })?;
    if u64::try_from(content.len()).is_ok_and(|length| length > most) {
        return Err(Failure::new(Code::TooLarge, format!("{} is too large.", file.display())));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE).unwrap();
        let length = |read: Result<Zeroizing<Vec<u8>>, Failure>| {
            read.map(|content| u64::try_from(content.len()).unwrap())
        };
        assert_eq!(length(read(file.path())).unwrap(), MAX_FILE);
        file.as_file().set_len(MAX_FILE + 1).unwrap();
        assert_eq!(length(read(file.path())).unwrap_err().code, Code::TooLarge);
        assert_eq!(length(read_up_to(MAX_BACKUP, file.path())).unwrap(), MAX_FILE + 1);
    }
}
