//! A moment of fuzzing without a fuzzer: every target with its seeds, the corpora's files where they
//! are at hand, and what small random changes make of them. The same in every run; `scripts/fuzz`
//! searches on from there for as long as one likes.

mod seeds;
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For each target at the most; on a slow machine fewer changes are tried.
const TIME: Duration = Duration::from_secs(5);
/// Changes tried for each seed.
const CHANGES: usize = 400;

#[test]
fn no_octets_do_harm() {
    if let Some(folder) = std::env::var_os("DANE_SMIME_FUZZ_SEEDS") {
        return write_seeds(Path::new(&folder));
    }
    for (name, target) in targets::TARGETS {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let samples = [seeds::of(name), from_corpora(name)].concat();
        samples.iter().for_each(|sample| target(sample));
        let begun = Instant::now();
        let mut tried = samples.len();
        'time: for _ in 0..CHANGES {
            for sample in &samples {
                if begun.elapsed() > TIME {
                    break 'time;
                }
                target(&changed(sample, &samples, &mut chance));
                tried += 1;
            }
        }
        eprintln!("{name}: {} samples, {tried} runs", samples.len());
    }
}

/// For `scripts/fuzz`: one file for each sample, a folder for each target.
fn write_seeds(folder: &Path) {
    for (name, _) in targets::TARGETS {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, sample) in seeds::of(name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), sample).unwrap();
        }
    }
}

/// The mail of the corpora, for the targets that read mail.
fn from_corpora(target: &str) -> Vec<Vec<u8>> {
    let Some(shared) = std::env::var_os("DANE_SMIME_SHARED") else { return Vec::new() };
    let wanted: &[&str] = match target {
        "open" | "headers" => &["eml", "env"],
        "cms" => &["bin", "p7m", "cms", "der"],
        _ => return Vec::new(),
    };
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![PathBuf::from(shared).join("corpora")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_wanted = path.extension().is_some_and(|end| wanted.iter().any(|w| end == *w));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(_) if is_wanted => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found.iter().flat_map(std::fs::read).filter(|octets| octets.len() < 64 * 1024).collect()
}

/// Some of: an octet changed, a piece removed, repeated or put in from another sample.
fn changed(sample: &[u8], others: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut octets = sample.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(octets.len() + 1);
        let end = (at + chance.below(40)).min(octets.len());
        match chance.below(5) {
            0 | 1 if at < octets.len() => octets[at] = u8::try_from(chance.below(256)).unwrap(),
            2 => drop(octets.drain(at..end)),
            3 => {
                let piece = octets[at..end].to_vec();
                octets.splice(at..at, piece);
            }
            _ => {
                let other = &others[chance.below(others.len())];
                let from = chance.below(other.len() + 1);
                let to = (from + chance.below(60)).min(other.len());
                octets.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    octets
}

/// xorshift64: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit.max(1)
    }
}
