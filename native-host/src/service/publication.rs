//! Whether the DNS serves what the user's own keys need.

use serde_json::{Value, json};

use super::failure::dns as words;
use crate::clock::UnixTime;
use crate::directory::{Finding, Status};
use crate::keys::{HeldKey, Overview, Purpose};
use crate::smimea::SmimeaRecord;
use crate::x509::Certificate;

/// What the DNS serves for an address beside the keys held for it.
pub struct Publication<'a> {
    /// What was found.
    pub finding: &'a Finding,
    /// The keys in use for the address and the next one, and whether a proven record names the
    /// certificate.
    pub keys: Vec<Wanted<'a>>,
    /// Retired keys that a proven record still names: correspondents may go on using them.
    pub retired: Vec<&'a HeldKey>,
    /// How many proven, usable records name a certificate of the address's own, and none of the keys held.
    pub foreign: usize,
}

/// A key that correspondents have to find.
pub struct Wanted<'a> {
    /// The key.
    pub key: &'a HeldKey,
    /// It signs for the address now.
    pub signs: bool,
    /// Own copies are encrypted to it now.
    pub encrypts: bool,
    /// A proven record names it, or an authority above it (usage 0 or 2).
    pub published: bool,
}

impl<'a> Publication<'a> {
    /// Compares. Keys that are retired, or have been replaced, need no record.
    pub fn compare(finding: &'a Finding, held: &'a Overview, now: UnixTime) -> Self {
        let address = &finding.address;
        let vouches = |record: &SmimeaRecord, key: &HeldKey| match record.meaning {
            Ok(association) if association.usage.names_end_entity() => record.names(&key.certificate),
            Ok(_) => key.chain.iter().any(|above| above.is_ca() && record.names(above)),
            Err(_) => false,
        };
        let names = |key: &HeldKey| finding.records().iter().any(|record| vouches(record, key));
        let sign = held.in_use(address, Purpose::Sign, now).ok();
        let encrypt = held.in_use(address, Purpose::Encrypt, now).ok();
        let mut keys: Vec<Wanted<'a>> = Vec::new();
        for key in [sign, encrypt, held.next(address, now)].into_iter().flatten() {
            if keys.iter().all(|wanted| wanted.key.certificate != key.certificate) {
                let is =
                    |used: Option<&HeldKey>| used.is_some_and(|used| used.certificate == key.certificate);
                let (signs, encrypts) = (is(sign), is(encrypt));
                keys.push(Wanted { key, signs, encrypts, published: names(key) });
            }
        }
        // What an authority's record names is the authority's to take back.
        let own = |record: &&SmimeaRecord| record.meaning.is_ok_and(|it| it.usage.names_end_entity());
        let own = || finding.records().iter().filter(own);
        let is_named = |key: &HeldKey| own().any(|record| record.names(&key.certificate));
        let retired = held.of(address).filter(|key| key.retired && is_named(key)).collect();
        let is_foreign = |record: &&SmimeaRecord| !held.of(address).any(|key| record.names(&key.certificate));
        let foreign = own().filter(is_foreign).count();
        Self { finding, keys, retired, foreign }
    }

    /// Whether correspondents find every key that they should.
    pub fn is_published(&self) -> bool {
        self.finding.status() == Status::Secure && self.keys.iter().all(|wanted| wanted.published)
    }

    /// Whether correspondents find every key that they should, and no other.
    pub fn is_live(&self) -> bool {
        self.is_published() && self.retired.is_empty() && self.foreign == 0
    }

    /// For programs.
    pub fn describe(&self) -> Value {
        let key = |wanted: &Wanted<'_>| {
            json!({
                "sha256": wanted.key.certificate.sha256().to_string(), "published": wanted.published,
                "selected_sign": wanted.signs, "selected_encrypt": wanted.encrypts,
            })
        };
        json!({
            "address": self.finding.address.to_string(),
            "owner_name": self.finding.owner_name.to_string(),
            "status": self.finding.status().word(),
            "reason": words::reason(self.finding),
            "live": self.is_live(),
            "published": self.is_published(),
            "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
            "retired_published":
                self.retired.iter().map(|key| key.certificate.sha256().to_string()).collect::<Vec<_>>(),
            "foreign_records": self.foreign,
        })
    }

    /// For people: what was compared, and what to do.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.finding.address, words::reason(self.finding));
        for Wanted { key, published, .. } in &self.keys {
            let fingerprint = key.certificate.sha256();
            text += &format!("  {fingerprint}  {}\n", state(self.finding, *published));
        }
        for key in &self.retired {
            text += &format!(
                "  {}  retired here, and still published; remove its record, or others go on using it\n",
                key.certificate.sha256()
            );
        }
        if self.foreign > 0 {
            text += &format!(
                "  {} further record(s) name certificates whose keys are not held here; remove them unless another \
                 device of yours has those keys\n",
                self.foreign
            );
        }
        text
    }
}

/// What the DNS serves for an address beside one certificate: for the owner of a domain, who has no keys of its users.
pub struct CertificatePublication<'a> {
    finding: &'a Finding,
    certificate: &'a Certificate,
    /// A proven record names it.
    pub published: bool,
    /// How many proven, usable records name something else.
    others: usize,
}

impl<'a> CertificatePublication<'a> {
    /// Compares. Not checked: whether the certificate is good for the address, or still valid.
    pub fn compare(finding: &'a Finding, certificate: &'a Certificate) -> Self {
        let usable = || finding.records().iter().filter_map(|record| Some((record, record.meaning.ok()?)));
        let (own, others): (Vec<_>, Vec<_>) = usable().partition(|(record, association)| {
            let is_of_its_kind = association.usage.names_end_entity() || certificate.is_ca();
            is_of_its_kind && record.names(certificate)
        });
        Self { finding, certificate, published: !own.is_empty(), others: others.len() }
    }

    /// For programs.
    pub fn describe(&self) -> Value {
        json!({
            "address": self.finding.address.to_string(),
            "owner_name": self.finding.owner_name.to_string(),
            "status": self.finding.status().word(),
            "reason": words::reason(self.finding),
            "sha256": self.certificate.sha256().to_string(),
            "published": self.published,
            "other_records": self.others,
        })
    }

    /// For people: what was compared, and what to do.
    pub fn text(&self) -> String {
        let Self { finding, certificate, published, others } = self;
        let mut text = format!("{}: {}\n", finding.address, words::reason(finding));
        text += &format!("  {}  {}\n", certificate.sha256(), state(finding, *published));
        if *others > 0 {
            text += &format!("  {others} further record(s) name something else\n");
        }
        text
    }
}

/// Whether something is published, or what that hangs on.
fn state(finding: &Finding, published: bool) -> &'static str {
    match finding.status() {
        _ if published => "published",
        Status::Secure | Status::Absent => "NOT published; `dane-smime record` prints the line to add",
        Status::Insecure => "of no use to others until the domain is signed, published or not",
        Status::Bogus | Status::Unreachable => {
            "whether it is published cannot be told until the DNS gives an answer that stands"
        }
    }
}
