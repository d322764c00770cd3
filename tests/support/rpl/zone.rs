//! A signed zone of a few names: its sets, its denials, and where in it a name would lie.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE32HEX_NOPAD;

use super::records::{Record, parse_record};
use super::signer::{DNSKEY, Keys, Quirks, nsec3_hash};

/// A name, its labels from the root down: so they sort as RFC 4034 section 6.1 has it.
pub type Labels = Vec<String>;

/// Records of one name and type, and their signatures.
pub type Set = (Vec<Record>, Vec<Record>);

pub fn labels(name: &str) -> Labels {
    name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()).rev().map(str::to_owned).collect()
}

pub fn text(name: &[String]) -> String {
    name.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".") + "."
}

pub fn record(owner: &[String], rest: &str) -> Record {
    parse_record(&format!("{} 300 IN {rest}", text(owner))).unwrap()
}

/// How a zone denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsigned,
    Nsec,
    Nsec3,
    OptOut,
}

pub struct Zone {
    pub apex: Labels,
    pub kind: Kind,
    /// Whether it can be proven from the root down.
    pub secure: bool,
    /// For its keys, and for everything else.
    pub keys: [Keys; 2],
    pub salt: Vec<u8>,
    pub iterations: u16,
    pub sets: BTreeMap<(Labels, u16), Set>,
    /// Zones below, and whether they are delegated with DS.
    pub cuts: BTreeMap<Labels, bool>,
    /// By owner, and by hash.
    pub nsec: BTreeMap<Labels, Set>,
    pub nsec3: BTreeMap<Vec<u8>, Set>,
    names: BTreeSet<Labels>,
}

impl Zone {
    pub fn new(apex: &str, kind: Kind, secure: bool, salt: Vec<u8>, iterations: u16) -> Self {
        Self {
            apex: labels(apex),
            kind,
            secure,
            keys: [Keys::make(apex), Keys::make(apex)],
            salt,
            iterations,
            sets: BTreeMap::new(),
            cuts: BTreeMap::new(),
            nsec: BTreeMap::new(),
            nsec3: BTreeMap::new(),
            names: BTreeSet::new(),
        }
    }

    /// Signs a set. What is wrong with another signature beside the good one must not count.
    pub fn sign(&self, records: Vec<Record>, also: Option<&Quirks>) -> Set {
        if self.kind == Kind::Unsigned {
            return (records, Vec::new());
        }
        let (keys, flags) =
            if records[0].type_number == DNSKEY { (&self.keys[0], 257) } else { (&self.keys[1], 256) };
        let good = Quirks { tag_of: Some(flags), ..Quirks::default() };
        let signatures = also.into_iter().chain([&good]).map(|quirks| {
            let quirks = Quirks { tag_of: Some(flags), ..quirks.clone() };
            keys.sign(&records, &quirks)
        });
        let signatures = signatures.collect();
        (records, signatures)
    }

    pub fn put(&mut self, owner: &[String], records: Vec<Record>, also: Option<&Quirks>) {
        let type_number = records[0].type_number;
        let set = self.sign(records, also);
        self.sets.insert((owner.to_vec(), type_number), set);
    }

    pub fn has(&self, name: &[String], type_number: u16) -> bool {
        self.sets.contains_key(&(name.to_vec(), type_number))
    }

    /// Whether a name has records, or is one above names that do.
    pub fn exists(&self, name: &[String]) -> bool {
        self.names.iter().any(|other| other.starts_with(name))
    }

    pub fn closest_encloser(&self, name: &[String]) -> Labels {
        let above = (self.apex.len()..name.len()).rev().map(|depth| &name[..depth]);
        above.into_iter().find(|above| self.exists(above)).unwrap().to_vec()
    }

    /// Makes the denials, when all sets are there.
    pub fn finish(&mut self) {
        self.names = self.sets.keys().map(|(name, _)| name).chain(self.cuts.keys()).cloned().collect();
        match self.kind {
            Kind::Unsigned => {}
            Kind::Nsec => self.make_nsec(),
            Kind::Nsec3 | Kind::OptOut => self.make_nsec3(),
        }
    }

    fn make_nsec(&mut self) {
        let names: Vec<Labels> = self.names.iter().cloned().collect();
        for (at, name) in names.iter().enumerate() {
            let next = text(&names[(at + 1) % names.len()]);
            let nsec = record(name, &format!("NSEC {next} {} RRSIG NSEC", self.types(name)));
            let set = self.sign(vec![nsec], None);
            self.nsec.insert(name.clone(), set);
        }
    }

    /// RFC 5155 section 7.1: with names above names, without what is opted out.
    fn make_nsec3(&mut self) {
        let opted_out = self.kind == Kind::OptOut;
        let is_hashed = |name: &&Labels| !opted_out || self.cuts.get(*name) != Some(&false);
        let above = |name: &Labels| -> Vec<Labels> {
            (self.apex.len()..=name.len()).map(|depth| name[..depth].to_vec()).collect()
        };
        let all: BTreeSet<Labels> = self.names.iter().filter(is_hashed).flat_map(above).collect();
        let hashes: BTreeMap<Vec<u8>, Labels> =
            all.into_iter().map(|name| (self.hash(&name), name)).collect();
        let order: Vec<&Vec<u8>> = hashes.keys().collect();
        let encode = |hash: &[u8]| BASE32HEX_NOPAD.encode(hash).to_ascii_lowercase();
        let salt = if self.salt.is_empty() { "-".to_owned() } else { hex::encode(&self.salt) };
        for (at, hash) in order.iter().enumerate() {
            let next = encode(order[(at + 1) % order.len()]);
            let owner = [self.apex.clone(), vec![encode(hash)]].concat();
            let (flags, iterations, types) =
                (u8::from(opted_out), self.iterations, self.types(&hashes[*hash]));
            let nsec3 = record(&owner, &format!("NSEC3 1 {flags} {iterations} {salt} {next} {types}"));
            let set = self.sign(vec![nsec3], None);
            self.nsec3.insert(hash.to_vec(), set);
        }
    }

    /// The types at a name, for the parent's side of a delegation NS and DS.
    fn types(&self, name: &Labels) -> String {
        let own = self.sets.keys().filter(|(owner, _)| owner == name);
        let mut types: Vec<String> = own.map(|(_, number)| format!("TYPE{number}")).collect();
        if self.cuts.contains_key(name) {
            types.push("NS".to_owned());
        }
        types.join(" ")
    }

    fn hash(&self, name: &[String]) -> Vec<u8> {
        nsec3_hash(&text(name), &self.salt, self.iterations).to_vec()
    }

    /// Whether there is a denial record at exactly this name.
    pub fn denies_at(&self, name: &[String]) -> bool {
        self.nsec.contains_key(name) || self.nsec3.contains_key(&self.hash(name))
    }

    /// The denial record at a name, or the one that covers it.
    pub fn denial(&self, name: &[String]) -> &Set {
        fn at_or_before<K: Ord>(records: &BTreeMap<K, Set>, key: K) -> &Set {
            records.range(..=key).next_back().or(records.last_key_value()).unwrap().1
        }
        match self.kind {
            Kind::Nsec => at_or_before(&self.nsec, name.to_vec()),
            _ => at_or_before(&self.nsec3, self.hash(name)),
        }
    }
}
