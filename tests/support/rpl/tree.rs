//! A small DNS made at random, its honest answers, and what is true of it.
//!
//! # Limitations
//! No name stands below a DNAME or a delegation of its zone, and unsigned delegations directly below the
//! apex alone in an opted-out zone: RFC 5155 leaves open how others are denied.

use std::sync::atomic::{AtomicU64, Ordering};

use super::forwarder::Reply;
use super::records::{Record, name};
use super::signer::{DNSKEY, DS, Keys, Quirks};
use super::zone::Zone;
pub use super::zone::{Kind, Labels, Set, labels, record, text};

pub const SMIMEA: u16 = 53;
const SOA: u16 = 6;
const CNAME: u16 = 5;
const DNAME: u16 = 39;

/// xorshift64*: the same sequence in every run.
pub struct Random(AtomicU64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    pub fn below(&self, below: usize) -> usize {
        let next = |mut x: u64| {
            x ^= x >> 12;
            x ^= x << 25;
            x ^= x >> 27;
            Some(x)
        };
        let x = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
        usize::try_from(x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below.max(1)
    }

    pub fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What a validator should find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    Secure(Vec<Vec<u8>>),
    Absent,
    Insecure,
    /// Aliases without an end.
    Endless,
}

impl Truth {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Secure(_) => "secure",
            Self::Absent => "absent",
            Self::Insecure => "insecure",
            Self::Endless => "endless",
        }
    }
}

pub struct Tree {
    pub zones: Vec<Zone>,
}

const APEXES: [&str; 8] = [".", "t.", "a.t.", "b.a.t.", "x.y.a.t.", "u.t.", "y.a.u.t.", "v.a.t."];

impl Tree {
    /// All zones but `.` of random kinds; `u.t.` is not signed, and `v.a.t.` and what is below `u.t.` have no DS.
    pub fn grow(random: &Random) -> Self {
        let signed = [Kind::Nsec, Kind::Nsec3, Kind::Nsec, Kind::Nsec3, Kind::OptOut];
        let mut zones: Vec<Zone> = Vec::new();
        for apex in APEXES {
            let kind = match apex {
                "." => Kind::Nsec, // hickory asserts so, in builds for tests
                "u.t." => Kind::Unsigned,
                _ => random.pick(&signed),
            };
            let secure = !apex.ends_with("u.t.") && apex != "v.a.t.";
            let salt = (0..random.below(3)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            let mut zone = Zone::new(apex, kind, secure, salt, u16::try_from(random.below(3)).unwrap());
            let owner = zone.apex.clone();
            for rest in ["SOA ns.t. h.t. 1 2 3 4 60", "NS ns.t."] {
                zone.put(&owner, vec![record(&owner, rest)], None);
            }
            if kind != Kind::Unsigned {
                let keys = keys_of(&zone, random);
                zone.put(&owner, keys, None);
            }
            zones.push(zone);
        }
        for at in 1..zones.len() {
            delegate(&mut zones, at, random);
        }
        for zone in &mut zones[1..] {
            for _ in 0..3 + random.below(6) {
                furnish(zone, random);
            }
        }
        zones.iter_mut().for_each(Zone::finish);
        Self { zones }
    }

    pub fn anchor(&self) -> String {
        self.zones[0].keys[0].anchor()
    }

    /// A name worth asking for: one that is there, or one near it.
    pub fn some_name(&self, random: &Random) -> Labels {
        let zone = &self.zones[1 + random.below(if random.one_in(3) { self.zones.len() - 1 } else { 4 })];
        let owners: Vec<&Labels> = zone.sets.keys().map(|(owner, _)| owner).collect();
        let mut name = random.pick(&owners).clone();
        match random.below(5) {
            0 if name.len() > zone.apex.len() => *name.last_mut().unwrap() = "q".to_owned(),
            1 => name.push(random.pick(&["x", "*", "q"]).to_owned()),
            2 => name.extend(["y", random.pick(&["x", "z"])].map(str::to_owned)),
            _ => {}
        }
        name
    }

    /// The zone that has a word on a name: for DS the parent's.
    fn home(&self, name: &[String], type_number: u16) -> &Zone {
        let fits = |zone: &&Zone| {
            name.starts_with(&zone.apex) && (type_number != DS || name.is_empty() || name != zone.apex)
        };
        self.zones.iter().filter(fits).max_by_key(|zone| zone.apex.len()).unwrap()
    }

    /// The honest answer, and what is true.
    pub fn answer(&self, asked: &[String], type_number: u16) -> (Reply, Truth) {
        let mut reply = Reply::default();
        let mut name = asked.to_vec();
        let mut insecure = false;
        for _ in 0..9 {
            let zone = self.home(&name, type_number);
            insecure |= !zone.secure;
            let mut above = (zone.apex.len()..name.len()).map(|depth| &name[..depth]);
            if let Some(owner) = above.find(|above| zone.has(above, DNAME)) {
                let set = &zone.sets[&(owner.to_vec(), DNAME)];
                push(&mut reply.answer, set);
                let made = [target(&set.0[0]), name[owner.len()..].to_vec()].concat();
                reply.answer.push(record(&name, &format!("CNAME {}", text(&made))));
                name = made;
                continue;
            }
            let source = source_of(zone, &name);
            let found = source.as_ref().and_then(|source| {
                [type_number, CNAME].iter().find_map(|number| zone.sets.get(&(source.clone(), *number)))
            });
            insecure |= deny(zone, &name, source.as_ref(), found.is_none(), &mut reply);
            let Some(set) = found else {
                reply.rcode = if source.is_some() { 0 } else { 3 };
                return (reply, if insecure { Truth::Insecure } else { Truth::Absent });
            };
            push(&mut reply.answer, &renamed(set, &text(&name)));
            if set.0[0].type_number == type_number {
                let data = set.0.iter().map(|record| record.rdata.clone()).collect();
                return (reply, if insecure { Truth::Insecure } else { Truth::Secure(data) });
            }
            name = target(&set.0[0]);
        }
        (reply, Truth::Endless)
    }

    /// Everything that was ever signed, or not.
    pub fn sets(&self) -> Vec<Set> {
        let of = |zone: &Zone| -> Vec<Set> {
            zone.sets.values().chain(zone.nsec.values()).chain(zone.nsec3.values()).cloned().collect()
        };
        self.zones.iter().flat_map(of).collect()
    }
}

/// Where the records of a name come from: the name itself, or the wildcard at its closest encloser.
fn source_of(zone: &Zone, name: &[String]) -> Option<Labels> {
    if zone.exists(name) {
        return Some(name.to_vec());
    }
    let star = [zone.closest_encloser(name), vec!["*".to_owned()]].concat();
    zone.exists(&star).then_some(star)
}

/// Adds what has to be denied: the name where it is not there, and the type where there is `nothing`. Whether an
/// opted-out record leaves it open.
fn deny(zone: &Zone, name: &[String], source: Option<&Labels>, nothing: bool, reply: &mut Reply) -> bool {
    let section = &mut reply.authority;
    if nothing {
        push(section, &zone.sets[&(zone.apex.clone(), SOA)]);
    }
    let is_there = source.is_some_and(|source| source == name);
    if zone.kind == Kind::Unsigned || (is_there && !nothing) {
        return false;
    }
    if is_there && (zone.kind == Kind::Nsec || zone.denies_at(name)) {
        push(section, zone.denial(name));
        return false;
    }
    // For an opted-out delegation there is as little as for a name that is not there.
    let encloser = match is_there {
        true => zone.apex.clone(),
        false => zone.closest_encloser(name),
    };
    let next_closer = &name[..=encloser.len()];
    push(section, zone.denial(if zone.kind == Kind::Nsec { name } else { next_closer }));
    if nothing {
        if zone.kind != Kind::Nsec {
            push(section, zone.denial(&encloser));
        }
        push(section, zone.denial(&[encloser, vec!["*".to_owned()]].concat()));
    }
    zone.kind == Kind::OptOut
}

/// Two keys in use, perhaps one to come.
fn keys_of(zone: &Zone, random: &Random) -> Vec<Record> {
    let key = |keys: &Keys, flags| Record { rdata: keys.dnskey_data(flags), ..keys.dnskey() };
    let mut keys = vec![key(&zone.keys[0], 257), key(&zone.keys[1], 256)];
    if random.one_in(3) {
        keys.insert(random.below(3), key(&Keys::make(&text(&zone.apex)), 256));
    }
    keys
}

/// DS records at the parent, perhaps with others that do not fit or that nobody knows.
fn delegate(zones: &mut [Zone], at: usize, random: &Random) {
    let (apex, secure) = (zones[at].apex.clone(), zones[at].secure);
    let mut ds = vec![zones[at].keys[0].ds()];
    let parent = zones[..at].iter_mut().filter(|zone| apex.starts_with(&zone.apex));
    let parent = parent.max_by_key(|zone| zone.apex.len()).unwrap();
    parent.cuts.insert(apex.clone(), secure);
    if secure {
        match random.below(5) {
            0 => ds.insert(0, Record { rdata: vec![1, 2, 13, 9, 1, 2, 3], ..ds[0].clone() }),
            1 => ds.push(Record { rdata: vec![1, 2, 16, 2, 1, 2, 3], ..ds[0].clone() }),
            2 => ds.push(Keys::make(&text(&apex)).ds()),
            _ => {}
        }
        parent.put(&apex, ds, None);
    }
}

/// Puts a set somewhere into a zone, if it may stand there.
fn furnish(zone: &mut Zone, random: &Random) {
    let mut owner = zone.apex.clone();
    for _ in 0..random.below(3) + usize::from(!random.one_in(4)) {
        owner.push(random.pick(&["x", "y", "*", "z"]).to_owned());
    }
    let hidden = zone.cuts.keys().any(|cut| owner.starts_with(cut))
        || zone.sets.keys().any(|(other, number)| match *number {
            DNAME => owner.starts_with(other),
            CNAME => owner == *other,
            _ => false,
        });
    if hidden {
        return;
    }
    let target = || text(&labels(random.pick(&APEXES[1..]))).to_owned();
    let target = || match random.below(3) {
        0 => target(),
        1 => format!("x.{}", target()),
        _ => format!("{}.{}", random.pick(&["x", "y"]), format_args!("*.{}", target())),
    };
    let is_empty = zone.sets.keys().all(|(other, _)| *other != owner);
    let is_last = zone
        .sets
        .keys()
        .map(|(other, _)| other)
        .chain(zone.cuts.keys())
        .all(|other| !other.starts_with(&owner) || *other == owner);
    let rest = match random.below(8) {
        0..=3 => format!("SMIMEA 3 1 1 {:04x}", random.below(65_536)),
        4 => "TXT hello".to_owned(),
        5 | 6 if is_empty => format!("CNAME {}", target()),
        7 if is_last && owner.last().is_none_or(|label| label != "*") => format!("DNAME {}", target()),
        _ => return,
    };
    let quirks = match random.below(12) {
        0 => Some(Quirks { broken: true, ..Quirks::default() }),
        1 => Some(Quirks { until: Some(-10), ..Quirks::default() }),
        2 => Some(Quirks { from: Some(1000), ..Quirks::default() }),
        3 => Some(Quirks { tag: Some(77), ..Quirks::default() }),
        4 => Some(Quirks { algorithm: Some(16), ..Quirks::default() }),
        _ => None,
    };
    zone.put(&owner, vec![record(&owner, &rest)], quirks.as_ref());
}

/// Adds a set to a section that does not have it.
pub fn push(section: &mut Vec<Record>, set: &Set) {
    let first = &set.0[0];
    if !section.iter().any(|other| other.owner == first.owner && other.type_number == first.type_number) {
        section.extend(set.0.iter().chain(&set.1).cloned());
    }
}

/// The same records and signatures under another name.
pub fn renamed(set: &Set, owner: &str) -> Set {
    let rename = |record: &Record| Record { owner: owner.to_owned(), ..record.clone() };
    (set.0.iter().map(rename).collect(), set.1.iter().map(rename).collect())
}

/// Where an alias leads.
fn target(alias: &Record) -> Labels {
    let mut target = Vec::new();
    let mut rest = alias.rdata.as_slice();
    while let Some((length @ 1.., after)) =
        rest.split_first().map(|(length, after)| (usize::from(*length), after))
    {
        target.insert(0, String::from_utf8_lossy(&after[..length]).into_owned());
        rest = &after[length..];
    }
    debug_assert_eq!(name(&text(&target)), alias.rdata);
    target
}

// The types that every signed zone has.
pub const APEX_TYPES: [u16; 4] = [2, SOA, DNSKEY, DS];
