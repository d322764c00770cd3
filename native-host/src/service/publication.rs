//! Whether the DNS serves what the user's own keys need.

use serde_json::{Value, json};

use super::failure::dns as words;
use crate::directory::{Finding, Status};
use crate::keys::HeldKey;

/// What the DNS serves for an address beside the keys held for it.
pub struct Publication<'a> {
    /// What was found.
    pub finding: &'a Finding,
    /// The keys in use for the address, and whether a proven record names the certificate.
    pub keys: Vec<(&'a HeldKey, bool)>,
    /// How many proven, usable records name none of the keys held, retired ones included.
    pub foreign: usize,
}

impl<'a> Publication<'a> {
    /// Compares. `held` are all keys of the address; those that are retired need no record.
    pub fn compare(finding: &'a Finding, held: &'a [HeldKey]) -> Self {
        let published = |key: &HeldKey| finding.records().iter().any(|record| record.names(&key.certificate));
        let in_use = held.iter().filter(|key| key.selected_sign || key.selected_encrypt);
        let usable = finding.records().iter().filter(|record| record.meaning.is_ok());
        let foreign = usable.filter(|record| !held.iter().any(|key| record.names(&key.certificate))).count();
        Self { finding, keys: in_use.map(|key| (key, published(key))).collect(), foreign }
    }

    /// Whether correspondents find every key in use, and no other.
    pub fn is_live(&self) -> bool {
        self.finding.status() == Status::Secure
            && self.keys.iter().all(|(_, published)| *published)
            && self.foreign == 0
    }

    /// For programs.
    pub fn describe(&self) -> Value {
        let key = |(key, published): &(&HeldKey, bool)| {
            json!({
                "sha256": key.certificate.sha256().to_string(), "published": published,
                "selected_sign": key.selected_sign, "selected_encrypt": key.selected_encrypt,
            })
        };
        json!({
            "address": self.finding.address.to_string(),
            "owner_name": self.finding.owner_name.to_string(),
            "status": self.finding.status().word(),
            "reason": words::reason(self.finding),
            "live": self.is_live(),
            "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
            "foreign_records": self.foreign,
        })
    }

    /// For people: what was compared, and what to do.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.finding.address, words::reason(self.finding));
        for (key, published) in &self.keys {
            let fingerprint = key.certificate.sha256();
            text += &if *published {
                format!("  {fingerprint}  published\n")
            } else {
                format!("  {fingerprint}  NOT published; `dane-smime record` prints the line to add\n")
            };
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
