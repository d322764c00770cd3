//! Random meddling: genuine messages of all zones mixed, cut, renamed and bent.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Record, RecordType};

use crate::cases::renamed;
use crate::on_path::{Reply, Truth};
use crate::{TARGETS, TREE, endure, name};

/// Genuine messages of all zones, to be mixed into answers.
static POOL: LazyLock<Vec<Message>> = LazyLock::new(|| {
    let truth = Truth(TREE.address);
    let mut pool = Vec::new();
    for zone in ["nsec.test.", "nsec3.test.", "optout.test.", "unsigned.test.", "other.test.", "test."] {
        for label in [
            "alice._smimecert.",
            "nobody._smimecert.",
            "text._smimecert.",
            "x.wild.",
            "x.wildalias.",
            "zz.",
            "",
        ] {
            pool.push(truth.ask(&name(&format!("{label}{zone}")), RecordType::SMIMEA));
        }
        for record_type in [RecordType::DS, RecordType::DNSKEY, RecordType::SOA] {
            pool.push(truth.ask(&name(zone), record_type));
        }
        pool.push(truth.ask(&name(&format!("_smimecert.{zone}")), RecordType::DS));
    }
    pool
});

static SEED: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);

/// xorshift64*: the same sequence in every run.
fn random(below: usize) -> usize {
    let next = |mut x: u64| {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        Some(x)
    };
    let x = SEED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
    usize::try_from(x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below.max(1)
}

fn meddle(_: &Truth, query: &Query, mut answer: Message) -> Reply {
    if random(3) == 0 {
        return Reply::Message(answer);
    }
    for _ in 0..=random(3) {
        let other = &POOL[random(POOL.len())];
        match random(10) {
            0 => drop_one(&mut answer.answers),
            1 => drop_one(&mut answer.authorities),
            2 => answer.answers.extend(other.answers.iter().cloned()),
            3 => answer.authorities.extend(other.authorities.iter().cloned()),
            4 => answer.authorities = other.authorities.clone(),
            5 => {
                answer.answers = renamed(&other.answers, query.name());
                answer.authorities = other.authorities.clone();
            }
            6 => answer.metadata.response_code = [ResponseCode::NoError, ResponseCode::NXDomain][random(2)],
            7 => {
                answer.answers.clear();
                answer.authorities = other.authorities.clone();
            }
            8 => answer.authorities.extend(renamed(&other.authorities, query.name())),
            _ => std::mem::swap(&mut answer.answers, &mut answer.authorities),
        }
    }
    let mut wire = answer.to_vec().unwrap();
    if random(8) == 0 {
        let at = 12 + random(wire.len() - 12);
        wire[at] ^= 1 << random(8);
    }
    Message::from_vec(&wire).map_or(Reply::Octets(wire), Reply::Message)
}

fn drop_one(section: &mut Vec<Record>) {
    if !section.is_empty() {
        section.remove(random(section.len()));
    }
}

#[test]
fn random_meddling_makes_nothing_false() {
    LazyLock::force(&POOL);
    let rounds = std::env::var("MEDDLING_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    for _ in 0..rounds {
        assert!(endure("random meddling", meddle, TARGETS));
    }
}
