//! The requests about the user's own keys, each a few lines over the library.
//!
//! Where a password is needed, the host asks for it itself ([`crate::pinentry`]); none is ever in
//! a request or an answer. What crosses is public, or encrypted under such a password.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::accounts::{self, Account};
use super::engine::Engine;
use super::nsupdate::{self, Target};
use super::outgoing::parse_address;
use super::publication::Publication;
use super::requests::{object, patience};
use super::session::{Reply, Sent, Work};
use super::{Code, Failure, host_settings, key_list, recipients, records};
use crate::directory::{Directory, SmimeaDirectory};
use crate::keys::{
    HeldKey, NewAlgorithm, NewKey, Pkcs12Encryption, holds_key_in_the_clear, read_certificates, read_key_file,
};
use crate::mime::EmailAddress;
use crate::pinentry::{Question, Repeat};
use crate::wire::key_request::{
    Accounts, Asking, Configure, Export, Generate, Import, KeyCall, NewRequest, Prompt, Publish, Record,
    Select,
};
use crate::x509::Fingerprint;

/// What a new key is where nothing else is said: read by every program, strong until after 2030.
const ALGORITHM: NewAlgorithm = NewAlgorithm::Rsa3072;
/// Two years: long enough to forget, short enough that a lost key does not stay for ever.
const DAYS: u16 = 730;
const DAY_SECONDS: i64 = 24 * 3600;
/// How often a wrong password may be entered.
const TRIES: usize = 3;

impl Engine {
    pub(super) fn call_keys(&self, call: KeyCall, body: &[u8], work: &Work) -> Result<Reply, Failure> {
        match call {
            KeyCall::Accounts(request) => self.accounts(&request, work),
            KeyCall::Backup(request) => self.back_up(&request, work),
            KeyCall::Check(request) => self.check(&parse_address(&request.address)?, work),
            KeyCall::Configure(request) => self.configure(&request),
            KeyCall::Delete(request) => {
                self.keys().delete(fingerprint(&request.sha256)?)?;
                Ok(Reply::default())
            }
            KeyCall::Export(request) => self.export(&request, work),
            KeyCall::Generate(request) => self.generate(&request, work),
            KeyCall::Import(request) => self.import(&request, body, work),
            KeyCall::Install => {
                let held = self.keys().install(&read_certificates(body)?, self.now())?;
                Ok(result(json!({ "key": key_list::row(&held) })))
            }
            KeyCall::Publish(request) => self.publish(&request, work),
            KeyCall::Record(request) => self.records(&request),
            KeyCall::Request(request) => self.request_certificate(&request, work),
            KeyCall::Restore(request) => self.restore(&request, body, work),
            KeyCall::Retire(request) => {
                self.keys().retire(fingerprint(&request.sha256)?)?;
                Ok(Reply::default())
            }
            KeyCall::Select(request) => self.select(&request),
            KeyCall::Settings => Ok(result(json!({ "settings": host_settings::describe(self.settings()) }))),
        }
    }

    fn accounts(&self, request: &Accounts, work: &Work) -> Result<Reply, Failure> {
        if request.addresses.len() > recipients::MOST_ADDRESSES {
            let words =
                format!("At most {} accounts can be asked about at once.", recipients::MOST_ADDRESSES);
            return Err(Failure::new(Code::TooLarge, words));
        }
        let parsed: Vec<Option<EmailAddress>> =
            request.addresses.iter().map(|text| EmailAddress::parse(text).ok()).collect();
        let addresses: Vec<EmailAddress> = parsed.iter().flatten().cloned().collect();
        let now = self.now();
        let facts = self.keys().overview_of_facts(now)?;
        let waiting: BTreeSet<EmailAddress> =
            self.keys().waiting_requests()?.into_iter().map(|(address, _)| address).collect();
        // Certificates are read only to be compared with what the DNS serves: there may be a thousand.
        let (held, findings) = if request.dns {
            let directory = self.fresh_directory()?;
            let findings = recipients::find_all(&directory, &addresses, now, patience(work));
            (Some(self.keys().overview(now)?), findings)
        } else {
            (None, Vec::new())
        };
        let mut findings = findings.iter();
        let describe = |(text, address): (&String, &Option<EmailAddress>)| {
            let Some(address) = address else { return accounts::describe_invalid(text) };
            let finding = findings.next().and_then(|found| found.as_ref().ok());
            let compared = finding.zip(held.as_ref());
            let publication = compared.map(|(finding, held)| Publication::compare(finding, held, now));
            Account::judge(address, &facts, waiting.contains(address), publication, now).describe()
        };
        let rows: Vec<Value> = request.addresses.iter().zip(&parsed).map(describe).collect();
        Ok(result(json!({ "accounts": rows })))
    }

    fn check(&self, address: &EmailAddress, work: &Work) -> Result<Reply, Failure> {
        let held = self.keys().overview(self.now())?;
        let finding = self.fresh_directory()?.find(address, self.now(), patience(work));
        let finding =
            finding.map_err(|error| Failure::new(Code::InvalidAddress, format!("{address}: {error}.")))?;
        Ok(result(Publication::compare(&finding, &held, self.now()).describe()))
    }

    /// One that remembers nothing: whoever has just had a record published asks about it, and a
    /// "no" from before would hide it for its TTL.
    fn fresh_directory(&self) -> Result<SmimeaDirectory, Failure> {
        recipients::open_directory(self.settings())
    }

    fn generate(&self, request: &Generate, work: &Work) -> Result<Reply, Failure> {
        work.progress("generating", None, None);
        let days = request.days.unwrap_or(DAYS).clamp(1, 7300);
        let new = new_key(&request.address, request.name.as_deref(), request.algorithm.as_deref(), days)?;
        let now = self.now();
        let held = if request.next {
            let retire_at =
                request.retire_after_days.map(|days| now.plus(i64::from(days).saturating_mul(DAY_SECONDS)));
            self.keys_for(work).generate_next(&new, retire_at, now)?
        } else {
            self.keys_for(work).generate(&new, now)?
        };
        Ok(result(json!({ "key": key_list::row(&held) })))
    }

    fn request_certificate(&self, request: &NewRequest, work: &Work) -> Result<Reply, Failure> {
        let new = new_key(&request.address, request.name.as_deref(), request.algorithm.as_deref(), 0)?;
        // Whoever lost sight of it gets it again: the key that waits is the one that the answer must be for.
        let waiting =
            self.keys().waiting_requests()?.into_iter().find(|(address, _)| *address == new.address);
        let pem = match waiting {
            Some((_, pem)) => pem,
            None => self.keys_for(work).request(&new)?,
        };
        Ok(result(json!({ "address": new.address.to_string(), "request": pem })))
    }

    fn import(&self, request: &Import, file: &[u8], work: &Work) -> Result<Reply, Failure> {
        let address = request.address.as_deref().map(parse_address).transpose()?;
        if holds_key_in_the_clear(file) {
            let words = "The file holds the private key without a password. Take it over with `dane-smime key import \
                         FILE`, or put it into a PKCS#12 file with a password first.";
            return Err(Failure::new(Code::KeyInTheClear, words));
        }
        let question = question(&request.prompt, "The file with your key is protected with a password.");
        let found = self.with_password(&question, &request.prompt, work, |password| {
            read_key_file(file, password).map_err(Failure::from)
        })?;
        work.go_on()?;
        let mut rows = Vec::new();
        for material in &found {
            let held = self.keys_for(work).import(material, address.as_ref(), self.now())?;
            rows.push(key_list::row(&held));
        }
        Ok(result(json!({ "keys": rows })))
    }

    fn export(&self, request: &Export, work: &Work) -> Result<Reply, Failure> {
        let sha256 = fingerprint(&request.sha256)?;
        let encryption = if request.legacy { Pkcs12Encryption::Legacy } else { Pkcs12Encryption::Modern };
        self.keys().held(sha256, self.now())?; // before anybody is asked anything
        let password = self.new_password(
            &request.prompt,
            "Choose a password for the file. Whoever has both can read your mail.",
            work,
        )?;
        let body = self.keys_for(work).pkcs12(sha256, &password, encryption)?;
        Ok(Reply { body: work.hand_over(&body)?, ..Reply::default() })
    }

    fn back_up(&self, request: &Asking, work: &Work) -> Result<Reply, Failure> {
        let password = self.new_password(
            &request.prompt,
            "Choose a password for the backup. Whoever has both can read your mail.",
            work,
        )?;
        let body = self.keys_for(work).backup(&password)?;
        Ok(Reply { body: work.hand_over(&body)?, ..Reply::default() })
    }

    fn restore(&self, request: &Asking, file: &[u8], work: &Work) -> Result<Reply, Failure> {
        let question = question(&request.prompt, "The backup of your keys is protected with a password.");
        let held = self.with_password(&question, &request.prompt, work, |password| {
            self.keys_for(work).restore(file, password, self.now()).map_err(Failure::from)
        })?;
        Ok(result(json!({ "keys": held.iter().map(key_list::row).collect::<Vec<_>>() })))
    }

    fn select(&self, request: &Select) -> Result<Reply, Failure> {
        let address = parse_address(&request.address)?;
        let sign = request.sign.as_deref().map(fingerprint).transpose()?;
        let encrypt = request.encrypt.as_deref().map(fingerprint).transpose()?;
        self.keys().select(&address, sign, encrypt, self.now())?;
        Ok(Reply::default())
    }

    fn records(&self, request: &Record) -> Result<Reply, Failure> {
        let address = parse_address(&request.address)?;
        let (now, profile) = (self.now(), self.settings().profile);
        let held = self.keys().overview(now)?;
        let keys: Vec<&HeldKey> = match request.sha256.as_deref().map(fingerprint).transpose()? {
            Some(sha256) => held.keys.iter().filter(|key| key.certificate.sha256() == sha256).collect(),
            None => to_publish(&held, &address, now),
        };
        if keys.is_empty() {
            return Err(Failure::new(Code::NoSuchKey, format!("No key is held for {address}.")));
        }
        let mut rows = Vec::new();
        for key in keys {
            let record = records::usual(&address, &key.certificate, profile)?;
            let lints = records::lints(&record, &key.certificate, &address, profile, now);
            rows.push(records::describe(&record, &key.certificate, &address, &lints));
        }
        Ok(result(json!({ "domain": address.domain(), "records": rows })))
    }

    fn publish(&self, request: &Publish, work: &Work) -> Result<Reply, Failure> {
        let address = parse_address(&request.address)?;
        let (now, profile) = (self.now(), self.settings().profile);
        let held = self.keys().overview(now)?;
        let mut orders = Vec::new();
        for key in to_publish(&held, &address, now) {
            orders.push(records::usual(&address, &key.certificate, profile)?.update_add(records::TTL));
        }
        if orders.is_empty() {
            return Err(Failure::new(Code::NoSuchKey, format!("No key is held for {address}.")));
        }
        if request.remove_retired {
            for key in held.of(&address).filter(|key| key.retired) {
                orders.push(records::usual(&address, &key.certificate, profile)?.update_delete());
            }
        }
        let settings = self.settings();
        // What the administrator sets or locks is not the add-on's to name.
        let free = |key| !settings.origin.fixed.contains(&key);
        let server = request.server.clone().filter(|_| free("nsupdate-server"));
        let key_file = request.key_file.as_ref().filter(|_| free("nsupdate-key")).map(Into::into);
        let target = Target {
            server: server.or_else(|| settings.nsupdate_server.clone()),
            key_file: key_file.or_else(|| settings.nsupdate_key.clone()),
        };
        work.progress("publishing", None, None);
        nsupdate::send(&target, &orders, patience(work).max(std::time::Duration::from_secs(15)))?;
        Ok(Reply::default())
    }

    fn configure(&self, wish: &Configure) -> Result<Reply, Failure> {
        host_settings::change(wish, self.settings())?;
        Ok(Reply::default())
    }

    /// Does something with a password: the empty one first, for files that have none, then what
    /// the person enters.
    fn with_password<T>(
        &self,
        question: &Question,
        prompt: &Prompt,
        work: &Work,
        mut attempt: impl FnMut(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut question = question.clone();
        let mut outcome = attempt("");
        for _ in 0..TRIES {
            if !matches!(&outcome, Err(failure) if failure.code == Code::WrongPassword) {
                break;
            }
            let password = self.ask(&question, work)?;
            work.go_on()?;
            outcome = attempt(&password);
            question.error = said(&prompt.wrong, "This password does not open it.");
        }
        outcome
    }

    fn new_password(&self, prompt: &Prompt, why: &str, work: &Work) -> Result<Zeroizing<String>, Failure> {
        let mut question = question(prompt, why);
        question.repeat = Some(Repeat {
            label: said(&prompt.repeat, "Once more:"),
            mismatch: said(&prompt.mismatch, "The two are not the same."),
        });
        for _ in 0..TRIES {
            let password = self.ask(&question, work)?;
            work.go_on()?;
            if !password.is_empty() {
                return Ok(password);
            }
            question.error = said(&prompt.wrong, "A password is needed.");
        }
        Err(Failure::new(Code::Cancelled, "No password was chosen, so nothing was done."))
    }

    fn ask(&self, question: &Question, work: &Work) -> Result<Zeroizing<String>, Failure> {
        Ok(work.while_asked(|wanted| self.pinentry().ask(question, wanted))?)
    }
}

/// The keys whose records others have to find: those in use, and the next.
fn to_publish<'a>(
    held: &'a crate::keys::Overview,
    address: &EmailAddress,
    now: crate::clock::UnixTime,
) -> Vec<&'a HeldKey> {
    use crate::keys::Purpose;
    let used = [Purpose::Sign, Purpose::Encrypt].map(|purpose| held.in_use(address, purpose, now).ok());
    let mut keys: Vec<&HeldKey> = Vec::new();
    for key in used.into_iter().flatten().chain(held.next(address, now)) {
        if keys.iter().all(|other| other.certificate != key.certificate) {
            keys.push(key);
        }
    }
    keys
}

/// What a new key is to be.
///
/// # Errors
/// `bad-request`, `invalid-address`.
pub(super) fn new_key(
    address: &str,
    name: Option<&str>,
    algorithm: Option<&str>,
    days: u16,
) -> Result<NewKey, Failure> {
    let algorithm = match algorithm {
        Some(word) => {
            word.parse().map_err(|error| Failure::new(Code::BadRequest, format!("`algorithm`: {error}.")))?
        }
        None => ALGORITHM,
    };
    Ok(NewKey { address: parse_address(address)?, name: name.map(str::to_owned), algorithm, days })
}

fn question(prompt: &Prompt, why: &str) -> Question {
    Question {
        description: said(&prompt.description, why),
        label: said(&prompt.label, "Password:"),
        error: String::new(),
        repeat: None,
    }
}

fn said(words: &Option<String>, otherwise: &str) -> String {
    words.clone().unwrap_or_else(|| otherwise.to_owned())
}

fn fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    text.parse().map_err(|error| Failure::new(Code::BadRequest, format!("`sha256` is {error}.")))
}

fn result(fields: Value) -> Reply {
    Reply { fields: object(fields), body: Sent::Nothing }
}
