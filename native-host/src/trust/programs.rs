//! What correspondents' mail programs can read, learned from the sMIMECapabilities (RFC 8551 section
//! 2.5.2) of mail whose signature was valid. Mail that was not never teaches anything: who could
//! forge such a list could make others encrypt weakly, or so that the recipient cannot read it.
//!
//! One small file of records of equal length, the newest last. It holds hashes of addresses, as
//! [`super::history`] does.
//!
//! # Limitations
//! - By address, not by certificate or program: who reads mail with two programs is known by the one
//!   that wrote last.
//! - Two processes that learn at the same moment: one of the two lessons may be lost until the next
//!   mail.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use openssl::sha::Sha256;

use crate::clock::UnixTime;
use crate::directory::brought::make_private_dir;
use crate::mime::EmailAddress;
use crate::x509::{Capabilities, Capability};

const RECORD: usize = 32;
const MAGIC: &[u8; 24] = b"dane-smime readers v. 1\n";
/// Correspondents that are remembered: 128 KiB.
const MOST: usize = 4096;
/// How far other people's clocks may be ahead, in seconds.
const SKEW: i64 = 86_400;
/// A lesson that changes nothing is written again after this many seconds.
const STALE: i64 = 7 * 86_400;

/// The memory in a data directory.
#[derive(Debug)]
pub struct Programs {
    file: PathBuf,
}

/// 16 octets of a salted hash of the address, when the mail was signed, what its writer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    address: [u8; 16],
    at: i64,
    reads: u8,
}

impl Programs {
    /// The memory in `data_dir`. Nothing is read or made yet.
    pub fn open(data_dir: &Path) -> Self {
        Self { file: data_dir.join("known-readers") }
    }

    /// What the owners of these addresses are known to read, in their order.
    pub fn recall(&self, addresses: &[EmailAddress]) -> Vec<Option<Capabilities>> {
        let (salt, entries) = self.read().unwrap_or_default();
        let known: HashMap<_, _> = entries.into_iter().map(|entry| (entry.address, entry.reads)).collect();
        let read = |bits: u8| Capabilities::new(Capability::ALL.into_iter().filter(|c| bits & bit(*c) != 0));
        addresses.iter().map(|address| known.get(&hash(&salt, address)).map(|bits| read(*bits))).collect()
    }

    /// The owner of `address` signed, validly, that they read this, `signed_at` by their own clock.
    /// What an older mail said does not take the place of what a newer one did. Failing to remember is
    /// logged and harms no mail. Nothing is learned from a mail of the future.
    pub fn learn(
        &self,
        address: &EmailAddress,
        reads: &Capabilities,
        signed_at: Option<UnixTime>,
        now: UnixTime,
    ) {
        let at = signed_at.map_or(0, UnixTime::seconds);
        // RFC 8551 section 2.7.1: such a list must not be accepted. Shown again later it would pass for the newest.
        if at.saturating_sub(now.seconds()) > SKEW {
            return;
        }
        let at = at.min(now.seconds());
        if let Err(error) = self.write(address, reads, at) {
            tracing::warn!(%error, "what correspondents read cannot be remembered");
        }
    }

    fn write(&self, address: &EmailAddress, reads: &Capabilities, at: i64) -> io::Result<()> {
        let (salt, mut entries) = match self.read() {
            Some(known) => known,
            None => (new_salt()?, Vec::new()),
        };
        let reads = Capability::ALL.into_iter().filter(|c| reads.has(*c)).fold(0, |bits, c| bits | bit(c));
        let new = Entry { address: hash(&salt, address), at, reads };
        if let Some(place) = entries.iter().position(|entry| entry.address == new.address) {
            let old = entries.remove(place);
            let says_the_same = old.reads == new.reads && at.saturating_sub(old.at) < STALE;
            if old.at > at || says_the_same {
                return Ok(());
            }
        }
        entries.push(new);
        let surplus = entries.len().saturating_sub(MOST);
        let mut octets = [&MAGIC[..], &salt].concat();
        for entry in entries.iter().skip(surplus) {
            octets.extend_from_slice(&entry.octets());
        }
        let dir = self.file.parent().unwrap_or(Path::new("."));
        make_private_dir(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?; // for its owner alone
        file.write_all(&octets)?;
        file.persist(&self.file).map(|_| ()).map_err(|error| error.error)
    }

    /// The salt and what is known; `None` where there is no file, or another than ours.
    fn read(&self) -> Option<([u8; 8], Vec<Entry>)> {
        let octets = std::fs::read(&self.file).ok()?;
        let (salt, records) = octets.strip_prefix(MAGIC)?.split_first_chunk()?;
        Some((*salt, records.chunks_exact(RECORD).filter_map(Entry::read).collect()))
    }
}

impl Entry {
    fn octets(self) -> [u8; RECORD] {
        let mut octets = [0; RECORD];
        let fields: [&[u8]; 3] = [&self.address, &self.at.to_be_bytes(), &[self.reads]];
        for (place, octet) in octets.iter_mut().zip(fields.concat()) {
            *place = octet;
        }
        octets
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let (address, rest) = octets.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        Some(Self { address: *address, at: i64::from_be_bytes(*at), reads: *rest.first()? })
    }
}

/// Its place in the file for ever.
const fn bit(capability: Capability) -> u8 {
    match capability {
        Capability::Aes128Cbc => 1,
        Capability::Aes128Gcm => 2,
        Capability::Aes256Cbc => 4,
        Capability::Aes256Gcm => 8,
        Capability::RsaesOaep => 16,
    }
}

fn hash(salt: &[u8; 8], address: &EmailAddress) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(address.to_string().as_bytes());
    hasher.finish().first_chunk().copied().unwrap_or_default()
}

fn new_salt() -> io::Result<[u8; 8]> {
    let mut salt = [0; 8];
    openssl::rand::rand_bytes(&mut salt).map_err(io::Error::other)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn at(days: i64) -> Option<UnixTime> {
        Some(UnixTime::from_seconds(1_700_000_000 + days * 86_400))
    }

    fn address(number: usize) -> EmailAddress {
        EmailAddress::parse(&format!("bob{number}@example.test")).unwrap()
    }

    fn recall(programs: &Programs, address: EmailAddress) -> Option<Capabilities> {
        programs.recall(&[address]).remove(0)
    }

    #[test]
    fn the_newest_mail_tells() {
        let dir = tempfile::tempdir().unwrap();
        let programs = Programs::open(dir.path());
        let (gcm, cbc) = (
            Capabilities::new([Capability::Aes256Gcm, Capability::RsaesOaep]),
            Capabilities::new([Capability::Aes256Cbc]),
        );
        assert_eq!(recall(&programs, address(1)), None);
        programs.learn(&address(1), &gcm, at(10), NOW);
        programs.learn(&address(1), &cbc, at(5), NOW); // opened later, written before
        programs.learn(&address(2), &cbc, None, NOW);
        let again = Programs::open(dir.path());
        assert!(recall(&again, address(1)).unwrap().has(Capability::RsaesOaep));
        assert!(recall(&again, address(1)).unwrap().has(Capability::Aes256Gcm));
        assert_eq!(recall(&again, address(2)), Some(cbc.clone()));
        assert_eq!(recall(&again, address(3)), None);
        again.learn(&address(1), &cbc, at(20), NOW);
        assert_eq!(recall(&programs, address(1)), Some(cbc.clone()));
        // A clock that runs ahead does not speak for ever, and one that is days ahead not at all.
        programs.learn(&address(2), &gcm, Some(NOW.plus(1_000_000)), NOW);
        assert_eq!(recall(&programs, address(2)), Some(cbc.clone()));
        programs.learn(&address(2), &gcm, Some(NOW.plus(3_600)), NOW);
        assert_eq!(recall(&programs, address(2)), Some(gcm));
        programs.learn(&address(2), &cbc, Some(NOW), NOW.plus(1));
        assert_eq!(recall(&programs, address(2)), Some(cbc));
        let text =
            String::from_utf8_lossy(&std::fs::read(dir.path().join("known-readers")).unwrap()).into_owned();
        assert!(!text.contains("example"), "no address in the clear");
    }

    #[test]
    fn it_stays_small_and_takes_no_harm_from_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known-readers");
        let programs = Programs::open(dir.path());
        let gcm = Capabilities::new([Capability::Aes256Gcm]);
        programs.learn(&address(0), &gcm, at(0), NOW);
        let record = std::fs::read(&file).unwrap()[32..].to_vec();
        let full = [&std::fs::read(&file).unwrap()[..32], &record.repeat(MOST + 10)].concat();
        std::fs::write(&file, full).unwrap();
        programs.learn(&address(1), &gcm, at(0), NOW);
        assert_eq!(std::fs::read(&file).unwrap().len(), 32 + MOST * RECORD);
        assert_eq!(recall(&programs, address(1)), Some(gcm.clone()));
        for garbage in
            [&b""[..], b"dane-smime readers v. 1\n", b"something else altogether, and long enough for it"]
        {
            std::fs::write(&file, garbage).unwrap();
            assert_eq!(recall(&programs, address(1)), None);
            programs.learn(&address(1), &gcm, at(0), NOW);
            assert_eq!(recall(&programs, address(1)), Some(gcm.clone()));
        }
    }
}
