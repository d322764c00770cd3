//! A zone's owner who wants to keep us busy: many keys with one tag and many signatures (KeyTrap,
//! CVE-2023-50387), NSEC3 iterations (CVE-2023-50868), endless aliases and delegations. Everything
//! here is properly signed; the answer comes long before the deadline, and is never a good one.

#[path = "../support/rpl/mod.rs"]
mod rpl;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dane_smime::clock::SystemClock;
use dane_smime::dns::answer::{Defect, InsecureCause};
use dane_smime::dns::{Anchors, Answer, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use rpl::forwarder::{Forwarder, Reply};
use rpl::records::{Record, name, parse_record};
use rpl::signer::{DNSKEY, DS, Keys, Quirks, RRSIG, key_tag, nsec3_hash, record};

const SMIMEA: u16 = 53;

/// What is asked for in the end has this long; a caller in Thunderbird gives eight seconds.
const DEADLINE: Duration = Duration::from_secs(8);

/// What a hostile answer may take of it, on a machine that has other things to do.
const ENOUGH: Duration = Duration::from_secs(4);

/// Signs everything under the root with one key for all zones.
struct Owner {
    root: Keys,
    /// Under the name of the zone that signs.
    secret: Keys,
}

impl Owner {
    fn new() -> Self {
        Self { root: Keys::make("."), secret: Keys::make("trap.") }
    }

    /// The set and its signature in the name of `zone`.
    fn signed(&self, zone: &str, set: Vec<Record>) -> Vec<Record> {
        let key = if zone == "." { &self.root } else { &self.secret };
        let signature = key.sign(&set, &Quirks { signer: Some(zone.to_owned()), ..Quirks::default() });
        [set, vec![signature]].concat()
    }

    fn dnskey(&self, zone: &str) -> Record {
        let key = if zone == "." { &self.root } else { &self.secret };
        record(zone, DNSKEY, key.dnskey_data(257))
    }

    fn ds(&self, zone: &str) -> Record {
        let key = self.secret.dnskey_data(257);
        let digest = openssl::sha::sha256(&[name(zone), key.clone()].concat());
        record(zone, DS, [&key_tag(&key).to_be_bytes()[..], &[13, 2], &digest].concat())
    }

    /// The chain from the root to `trap.`, and that nothing else is a zone.
    fn chain(&self, asked: &str, number: u16) -> Option<Reply> {
        match (asked, number) {
            (".", DNSKEY) => Some(answer(self.signed(".", vec![self.dnskey(".")]))),
            ("trap.", DNSKEY) => Some(answer(self.signed("trap.", vec![self.dnskey("trap.")]))),
            ("trap.", DS) => Some(answer(self.signed(".", vec![self.ds("trap.")]))),
            (_, DS) => Some(self.no_delegation(asked)),
            _ => None,
        }
    }

    fn no_delegation(&self, asked: &str) -> Reply {
        let nsec = parse_record(&format!("{asked} 60 IN NSEC \\000.{asked} RRSIG NSEC")).unwrap();
        Reply { authority: self.signed("trap.", vec![nsec]), ..Reply::default() }
    }
}

fn answer(answer: Vec<Record>) -> Reply {
    Reply { answer, ..Reply::default() }
}

/// Asks a server for one name; fails if that takes too long.
fn endure(
    label: &str,
    asked: &str,
    anchor: &str,
    server: impl Fn(&str, u16) -> Reply + Send + Sync + 'static,
) -> Answer {
    let forwarder = Forwarder::answering(server);
    let resolver = Resolver::new(ResolverConfig {
        servers: Servers::Plain(forwarder.address),
        anchors: Anchors::parse(anchor).unwrap(),
        clock: Arc::new(SystemClock),
    });
    let begun = Instant::now();
    let answer = resolver.lookup(&DomainName::from_ascii(asked).unwrap(), RecordType::SMIMEA, DEADLINE);
    let took = begun.elapsed();
    println!("{label}: {took:.0?}");
    assert!(took < ENOUGH, "{label} took {took:?}: {answer:?}");
    answer
}

fn defect(answer: Answer) -> Defect {
    match answer {
        Answer::Bogus(fault) => fault.defect,
        other => panic!("not bogus: {other:?}"),
    }
}

/// An RSA key of 4096 bits, with a large exponent, that has this tag. Nobody knows its private half.
fn colliding_key(zone: &str, tag: u16) -> Record {
    let mut data = vec![1, 0, 3, 8, 4, 0xff, 0xff, 0xff, 0xff];
    let mut modulus = vec![0; 512];
    openssl::rand::rand_bytes(&mut modulus).unwrap();
    (modulus[0], modulus[511]) = (modulus[0] | 0x80, modulus[511] | 1);
    data.extend(modulus);
    data[20..22].fill(0);
    let short_of = u32::from(tag) + 0xffff - u32::from(key_tag(&data));
    for near in 0..3 {
        let tweak = u16::try_from((short_of + 0xfffe + near) % 0xffff).unwrap();
        data[20..22].copy_from_slice(&tweak.to_be_bytes());
        if key_tag(&data) == tag {
            return record(zone, DNSKEY, data);
        }
    }
    panic!("no key has the tag {tag}");
}

/// Signatures over a set that claim to be by such a key.
fn wrong_signatures(set: &Record, zone: &str, tag: u16, count: usize) -> Vec<Record> {
    let honest = Keys::make(zone).sign(std::slice::from_ref(set), &Quirks::default());
    let head = honest.rdata.len() - 64;
    let make = |_| {
        let mut data = honest.rdata[..head].to_vec();
        data[2] = 8;
        data[16..18].copy_from_slice(&tag.to_be_bytes());
        let mut signature = vec![0; 512];
        openssl::rand::rand_bytes(&mut signature).unwrap();
        signature[0] = 0; // below the modulus, or it is refused without work
        data.extend(signature);
        record(&set.owner, RRSIG, data)
    };
    (0..count).map(make).collect()
}

#[test]
fn keys_with_one_tag_and_signatures_without_end() {
    let owner = Owner::new();
    let anchor = owner.root.anchor();
    let tag = 4711;
    let keys: Vec<Record> = (0..100).map(|_| colliding_key("trap.", tag)).collect();
    let keys = owner.signed("trap.", [vec![owner.dnskey("trap.")], keys].concat());
    let secret = parse_record("x.trap. IN SMIMEA 3 1 1 aabb").unwrap();
    let flood = wrong_signatures(&secret, "trap.", tag, 110);
    let said = endure("KeyTrap", "x.trap.", &anchor, move |asked, number| match (asked, number) {
        ("trap.", DNSKEY) => answer(keys.clone()),
        ("x.trap.", SMIMEA) => answer([vec![secret.clone()], flood.clone()].concat()),
        _ => owner.chain(asked, number).unwrap_or_default(),
    });
    assert!(matches!(defect(said), Defect::SignatureWrong { .. }));
}

#[test]
fn keys_and_their_digests_without_end() {
    let owner = Owner::new();
    let anchor = owner.root.anchor();
    let tag = 4711;
    let keys: Vec<Record> = (0..100).map(|_| colliding_key("trap.", tag)).collect();
    let flood = wrong_signatures(&keys[0], "trap.", tag, 15);
    let digests = (0..1200_u16).map(|number| {
        let digest = openssl::sha::sha256(&number.to_be_bytes());
        record("trap.", DS, [&tag.to_be_bytes()[..], &[8, 2], &digest].concat())
    });
    let digests = owner.signed(".", digests.collect());
    let said = endure("DS flood", "x.trap.", &anchor, move |asked, number| match (asked, number) {
        ("trap.", DNSKEY) => answer([keys.clone(), flood.clone()].concat()),
        ("trap.", DS) => answer(digests.clone()),
        ("x.trap.", SMIMEA) => {
            answer(owner.signed("trap.", vec![parse_record("x.trap. IN SMIMEA 3 1 1 aabb").unwrap()]))
        }
        _ => owner.chain(asked, number).unwrap_or_default(),
    });
    assert_eq!(defect(said), Defect::KeysNotVouchedFor);
}

#[test]
fn denials_that_take_many_hashes() {
    let label = |number: usize| format!("{number:x}");
    let deep: Vec<String> = (0..60).map(label).collect();
    let asked = format!("{}.trap.", deep.join("."));
    // Of one chain, or each of its own.
    for (iterations, is_one) in [(100, true), (100, false), (2500, true), (2500, false), (u16::MAX, true)] {
        let owner = Owner::new();
        let anchor = owner.root.anchor();
        let (salt, name) = (vec![0xaa; 255], asked.clone());
        let said = endure("NSEC3", &asked, &anchor, move |asked, number| {
            if number != SMIMEA {
                return owner.chain(asked, number).unwrap_or_default();
            }
            // Records that fit nothing, with the apex among them, so that all names are hashed.
            let mut authority = Vec::new();
            for number in 0..12_u8 {
                let hash = if number == 11 { nsec3_hash(&name, &[], 0) } else { [number; 20] };
                let owner_name = data_encoding::BASE32HEX_NOPAD.encode(&hash).to_ascii_lowercase() + ".trap.";
                let mut data = vec![1, 0];
                data.extend(iterations.to_be_bytes());
                let mut salt = salt.clone();
                salt[0] = if is_one { 0xaa } else { number };
                data.push(255);
                data.extend(&salt);
                data.push(20);
                data.extend(hash.map(|octet| octet.wrapping_add(1)));
                authority.extend(owner.signed("trap.", vec![record(&owner_name, 50, data)]));
            }
            Reply { rcode: 3, authority, ..Reply::default() }
        });
        match (iterations, is_one) {
            (100, true) => assert!(matches!(defect(said), Defect::NoDenial)),
            (100, false) => assert!(matches!(defect(said), Defect::TooMuchWork)),
            (count, _) => {
                let Answer::Insecure(insecurity) = said else { panic!("{said:?}") };
                assert_eq!(insecurity.cause, InsecureCause::TooManyIterations(count));
            }
        }
    }
}

#[test]
fn aliases_without_end() {
    let owner = Owner::new();
    let anchor = owner.root.anchor();
    let said = endure("aliases", "x0.trap.", &anchor, move |asked, number| {
        let next = asked.strip_prefix('x').and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        match (next, number) {
            (Some(next), SMIMEA) => {
                let alias = format!("{asked} IN CNAME x{}.trap.", next + 1);
                answer(owner.signed("trap.", vec![parse_record(&alias).unwrap()]))
            }
            _ => owner.chain(asked, number).unwrap_or_default(),
        }
    });
    assert_eq!(defect(said), Defect::AliasLoop);
}

#[test]
fn aliases_each_at_the_end_of_a_long_chain() {
    let owner = Owner::new();
    let anchor = owner.root.anchor();
    // Every name is a zone, and every answer an alias thirty zones further down another branch.
    let said = endure("aliases and zones", "a.b0.trap.", &anchor, move |asked, number| {
        let parent = asked.split_once('.').map_or(".", |(_, rest)| if rest.is_empty() { "." } else { rest });
        match number {
            DNSKEY => answer(owner.signed(asked, vec![owner.dnskey(asked)])),
            DS => answer(owner.signed(parent, vec![owner.ds(asked)])),
            _ => {
                let branch: usize =
                    asked.split(".b").nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
                let alias = format!("{asked} IN CNAME {}a.b{}.trap.", "z.".repeat(30), branch + 1);
                answer(owner.signed(asked, vec![parse_record(&alias).unwrap()]))
            }
        }
    });
    assert_eq!(defect(said), Defect::TooMuchWork);
}

#[test]
fn zones_without_end() {
    let owner = Owner::new();
    let anchor = owner.root.anchor();
    let asked = format!("{}trap.", "z.".repeat(120));
    let said = endure("zones", &asked, &anchor, move |asked, number| {
        let parent = asked.split_once('.').map_or(".", |(_, rest)| if rest.is_empty() { "." } else { rest });
        match number {
            DNSKEY => answer(owner.signed(asked, vec![owner.dnskey(asked)])),
            DS => answer(owner.signed(parent, vec![owner.ds(asked)])),
            _ => answer(
                owner.signed(asked, vec![parse_record(&format!("{asked} IN SMIMEA 3 1 1 aabb")).unwrap()]),
            ),
        }
    });
    assert_eq!(defect(said), Defect::TooMuchWork);
}

/// In KiB; owner, victim and all floods together.
#[test]
fn memory_stays_small() {
    for flood in [keys_with_one_tag_and_signatures_without_end, aliases_each_at_the_end_of_a_long_chain] {
        flood();
    }
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak < 200 * 1024, "memory grew to {peak} KiB");
}
