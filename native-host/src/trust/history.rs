//! Signatures that were proven once: so that old mail keeps its seal when its record is replaced, a
//! certificate runs out, or there is no network, and that a changed certificate is noticed.
//!
//! One file of records of equal length, only ever appended to. It holds hashes: who finds it does
//! not read from it with whom its owner writes.
//!
//! # Limitations
//! Nothing is ever removed. A hundred thousand mails take 6 MiB.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use openssl::sha::Sha256;

use super::Binding;
use crate::clock::UnixTime;
use crate::directory::brought::make_private_dir;
use crate::mime::EmailAddress;
use crate::x509::Certificate;

const RECORD: usize = 64;
const MAGIC: &[u8; 24] = b"dane-smime seen seals 1\n";

/// One signature under one address: the signer's certificate, and the octets of the signature, which
/// commit to the content.
#[derive(Clone, Copy, Debug)]
pub struct Seal<'a> {
    /// The one address in From.
    pub address: &'a EmailAddress,
    /// The signer's.
    pub certificate: &'a Certificate,
    /// SHA-256 of the signature value.
    pub signature: [u8; 32],
}

/// What is remembered of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recollection {
    /// When this very signature was first proven, and by what.
    pub this: Option<(UnixTime, Binding)>,
    /// When this certificate was last proven for this address.
    pub certificate: Option<UnixTime>,
    /// Whether another certificate was proven for this address later than this one.
    pub replaced: bool,
}

impl Recollection {
    /// Nothing is remembered.
    pub const NOTHING: Self = Self { this: None, certificate: None, replaced: false };
}

/// Remembers proven signatures. Failing to do so is logged and harms no mail.
pub trait Memory {
    /// What is known of this seal.
    fn recall(&self, seal: &Seal<'_>) -> Recollection;
    /// The seal was proven at `now`.
    fn remember(&self, seal: &Seal<'_>, binding: Binding, now: UnixTime);
}

/// The memory in a data directory.
#[derive(Debug)]
pub struct History {
    file: PathBuf,
}

impl History {
    /// The history in `data_dir`. Nothing is read or made yet.
    pub fn open(data_dir: &Path) -> Self {
        Self { file: data_dir.join("seen-seals") }
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        match File::open(&self.file) {
            Ok(mut file) => file.read_to_end(&mut octets)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(octets)
    }

    fn append(&self, seal: &Seal<'_>, binding: Binding, now: UnixTime) -> io::Result<()> {
        if let Some(dir) = self.file.parent() {
            make_private_dir(dir)?;
        }
        let mut file = private_file(&self.file)?;
        file.lock()?; // the command line and the host may write at the same time
        let mut header = [0; RECORD];
        let length = file.seek(SeekFrom::End(0))?;
        if length < as_u64(RECORD) {
            // A new file, or one whose very first write was cut off.
            header = new_header()?;
            file.set_len(0)?;
            file.write_all(&header)?;
        } else {
            file.seek(SeekFrom::Start(0))?;
            file.read_exact(&mut header)?;
            // A record that a crash cut off is written over.
            file.seek(SeekFrom::Start(length.saturating_sub(length % as_u64(RECORD))))?;
        }
        file.write_all(&Entry::new(&header, seal, binding, now).octets())?;
        file.sync_data()
    }
}

impl Memory for History {
    fn recall(&self, seal: &Seal<'_>) -> Recollection {
        let octets = self.read().unwrap_or_else(|error| {
            tracing::warn!(%error, "the history of proven signatures cannot be read");
            Vec::new()
        });
        match octets.split_first_chunk::<RECORD>() {
            Some((header, records)) if header.starts_with(MAGIC) => search(header, records, seal),
            _ => Recollection::NOTHING,
        }
    }

    fn remember(&self, seal: &Seal<'_>, binding: Binding, now: UnixTime) {
        if self.recall(seal).this.is_some() {
            return;
        }
        if let Err(error) = self.append(seal, binding, now) {
            tracing::warn!(%error, "the history of proven signatures cannot be written");
        }
    }
}

/// For one record: hashes of address, certificate and signature, cut to 16 octets each, the moment,
/// and the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    address: [u8; 16],
    certificate: [u8; 16],
    signature: [u8; 16],
    at: i64,
    binding: u8,
}

impl Entry {
    fn new(header: &[u8; RECORD], seal: &Seal<'_>, binding: Binding, now: UnixTime) -> Self {
        let hash = |octets: &[u8]| -> [u8; 16] {
            let mut hasher = Sha256::new();
            hasher.update(header); // holds a random salt
            hasher.update(octets);
            hasher.finish().first_chunk().copied().unwrap_or_default()
        };
        Self {
            address: hash(seal.address.to_string().as_bytes()),
            certificate: hash(seal.certificate.der()),
            signature: hash(&seal.signature),
            at: now.seconds(),
            binding: code(binding),
        }
    }

    fn octets(&self) -> [u8; RECORD] {
        let mut octets = [0; RECORD];
        let fields: [&[u8]; 5] =
            [&self.address, &self.certificate, &self.signature, &self.at.to_be_bytes(), &[self.binding]];
        for (place, octet) in octets.iter_mut().zip(fields.concat()) {
            *place = octet;
        }
        octets
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let (address, rest) = octets.split_first_chunk()?;
        let (certificate, rest) = rest.split_first_chunk()?;
        let (signature, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        Some(Self {
            address: *address,
            certificate: *certificate,
            signature: *signature,
            at: i64::from_be_bytes(*at),
            binding: *rest.first()?,
        })
    }
}

fn search(header: &[u8; RECORD], records: &[u8], seal: &Seal<'_>) -> Recollection {
    let sought = Entry::new(header, seal, Binding::DaneEe, UnixTime::from_seconds(0));
    let mut found = Recollection::NOTHING;
    let mut other_last = None;
    let entries = records.chunks_exact(RECORD).filter_map(Entry::read);
    for entry in entries.filter(|entry| entry.address == sought.address) {
        let at = UnixTime::from_seconds(entry.at);
        if entry.certificate != sought.certificate {
            other_last = other_last.max(Some(at));
            continue;
        }
        found.certificate = found.certificate.max(Some(at));
        if entry.signature == sought.signature && found.this.is_none() {
            found.this = binding(entry.binding).map(|binding| (at, binding));
        }
    }
    found.replaced = found.certificate.is_some() && other_last > found.certificate;
    found
}

const fn code(binding: Binding) -> u8 {
    match binding {
        Binding::Anchor => 1,
        Binding::DaneEe => 2,
        Binding::DaneTa => 3,
        Binding::PkixEe => 4,
        Binding::PkixTa => 5,
    }
}

fn binding(octet: u8) -> Option<Binding> {
    let all = [Binding::Anchor, Binding::DaneEe, Binding::DaneTa, Binding::PkixEe, Binding::PkixTa];
    all.into_iter().find(|binding| code(*binding) == octet)
}

fn new_header() -> io::Result<[u8; RECORD]> {
    let mut header = [0; RECORD];
    openssl::rand::rand_bytes(&mut header).map_err(io::Error::other)?;
    for (place, octet) in header.iter_mut().zip(MAGIC) {
        *place = *octet;
    }
    Ok(header)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::{Sample, p256};

    const EARLY: UnixTime = UnixTime::from_seconds(1_700_000_000);
    const LATE: UnixTime = UnixTime::from_seconds(1_800_000_000);

    #[test]
    fn what_was_proven_is_known_again_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (Sample::default().signed_by(&p256()), Sample::default().signed_by(&p256()));
        let address = EmailAddress::parse("bob@example.test").unwrap();
        let other = EmailAddress::parse("eve@example.test").unwrap();
        let seal =
            |address, certificate, signature| Seal { address, certificate, signature: [signature; 32] };
        let history = History::open(dir.path());
        assert_eq!(history.recall(&seal(&address, &old, 1)), Recollection::NOTHING);
        history.remember(&seal(&address, &old, 1), Binding::DaneTa, EARLY);
        history.remember(&seal(&address, &old, 1), Binding::DaneEe, LATE); // known already
        history.remember(&seal(&address, &new, 2), Binding::DaneEe, LATE);

        let again = History::open(dir.path());
        let this = again.recall(&seal(&address, &old, 1));
        let expected =
            Recollection { this: Some((EARLY, Binding::DaneTa)), certificate: Some(EARLY), replaced: true };
        assert_eq!(this, expected);
        let mail = again.recall(&seal(&address, &old, 9));
        assert_eq!(
            (mail.this, mail.certificate),
            (None, Some(EARLY)),
            "another mail by the same certificate"
        );
        assert_eq!(again.recall(&seal(&other, &old, 1)), Recollection::NOTHING, "under another From");
        assert!(!again.recall(&seal(&address, &new, 2)).replaced);
    }

    #[test]
    fn a_cut_off_or_foreign_file_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seen-seals");
        let certificate = Sample::default().signed_by(&p256());
        let address = EmailAddress::parse("bob@example.test").unwrap();
        let seal =
            |signature| Seal { address: &address, certificate: &certificate, signature: [signature; 32] };
        let history = History::open(dir.path());
        history.remember(&seal(1), Binding::DaneEe, EARLY);
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&whole[..], &[7; 30]].concat()).unwrap();
        history.remember(&seal(2), Binding::DaneEe, LATE);
        assert_eq!(std::fs::read(&file).unwrap().len(), 3 * RECORD);
        assert!([1, 2].iter().all(|n| history.recall(&seal(*n)).this.is_some()));
        std::fs::write(&file, "something else entirely, and long enough to be taken for a record of it")
            .unwrap();
        assert_eq!(history.recall(&seal(1)), Recollection::NOTHING);
        let text = format!("{:?}", whole);
        assert!(!text.contains("example"), "no address in the clear");
    }
}
