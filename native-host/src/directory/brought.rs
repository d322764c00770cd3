//! Certificates that mail with a valid signature brought along.
//!
//! They prove nothing by themselves. A record that names a certificate by a digest, a key or an
//! authority (usages 0 to 2, selector 1, matching types 1 and 2) does not hold it: these are the
//! candidates among which the one it means may be found.
//!
//! One file for each correspondent, readable for its owner alone, replaced whole.
//!
//! # Limitations
//! A file is never removed. Of two programs that learn about one correspondent at the same moment
//! the later one is heard; the next mail tells again.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::mime::EmailAddress;
use crate::sha256::sha256;
use crate::x509::Certificate;

/// Certificates kept for one correspondent, authorities among them; the oldest go.
const MOST: usize = 16;

/// Longest certificate that is kept, in octets of its DER. Anybody on the way can add one to a mail.
const LONGEST: usize = 20 * 1024;

/// Largest file that is read: [`MOST`] certificates of [`LONGEST`] fit.
const LARGEST: u64 = 512 * 1024;

/// The certificates in a data directory.
#[derive(Clone, Debug)]
pub struct Brought {
    dir: PathBuf,
}

impl Brought {
    /// Those in `data_dir`. Nothing is read or made yet.
    pub fn open(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("brought") }
    }

    /// Keeps what a valid mail from `address` carried, the signer's own certificate first. Failing to
    /// do so is logged and harms no mail.
    pub fn remember(&self, address: &EmailAddress, certificates: &[Certificate]) {
        let known = self.recall(address);
        let short = certificates.iter().filter(|certificate| certificate.der().len() <= LONGEST);
        if short.clone().all(|certificate| known.contains(certificate)) {
            return;
        }
        let mut kept: Vec<Certificate> = Vec::new();
        for certificate in short.chain(&known) {
            if kept.len() < MOST && !kept.contains(certificate) {
                kept.push(certificate.clone());
            }
        }
        let pem: String = kept.iter().map(Certificate::to_pem).collect();
        if let Err(error) = self.write(address, &pem) {
            tracing::warn!(%error, "a correspondent's certificates cannot be kept");
        }
    }

    /// What mail from `address` brought, the newest first.
    pub fn recall(&self, address: &EmailAddress) -> Vec<Certificate> {
        let read = || -> io::Result<String> {
            let mut text = String::new();
            fs::File::open(self.file(address))?.take(LARGEST).read_to_string(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => Certificate::from_pem(&text).unwrap_or_else(|error| {
                tracing::warn!(%error, "a correspondent's certificates cannot be read");
                Vec::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "a correspondent's certificates cannot be read");
                Vec::new()
            }
        }
    }

    /// The name only has to differ from others': the certificates inside name their owner anyway.
    fn file(&self, address: &EmailAddress) -> PathBuf {
        let hash = sha256(address.to_string().as_bytes());
        self.dir.join(hex::encode(hash)).with_extension("pem")
    }

    fn write(&self, address: &EmailAddress, pem: &str) -> io::Result<()> {
        make_private_dir(&self.dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?; // 0600
        file.write_all(pem.as_bytes())?;
        file.persist(self.file(address))?;
        Ok(())
    }
}

/// Makes a directory, its parents too, for its owner alone, whatever the process's umask; one that exists stays as it is.
///
/// # Errors
/// What the system says.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::{Sample, p256};

    #[test]
    fn each_correspondent_has_a_few_and_the_newest_come_first() {
        let dir = tempfile::tempdir().unwrap();
        let brought = Brought::open(dir.path());
        let [alice, bob] = ["alice@a.test", "bob@a.test"].map(|text| EmailAddress::parse(text).unwrap());
        assert_eq!(brought.recall(&alice), []);
        let all: Vec<_> = (0..MOST + 2).map(|_| Sample::default().signed_by(&p256())).collect();
        brought.remember(&alice, &all[..2]);
        brought.remember(&alice, &all[..1]); // known already
        assert_eq!(brought.recall(&alice), all[..2]);
        for certificate in &all {
            brought.remember(&alice, std::slice::from_ref(certificate));
        }
        let kept = brought.recall(&alice);
        assert_eq!((kept.len(), kept.first()), (MOST, all.last()));
        assert_eq!(brought.recall(&bob), [], "another correspondent");
    }

    #[test]
    fn a_long_one_takes_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let brought = Brought::open(dir.path());
        let alice = EmailAddress::parse("alice@a.test").unwrap();
        let long = |octets: usize| {
            let filler = openssl::asn1::Asn1OctetString::new_from_bytes(&vec![0; octets]).unwrap();
            let extensions: &[(&str, bool, &[u8])] = &[("1.2.3.4", false, filler.as_slice())];
            Sample { extensions, ..Sample::default() }.signed_by(&p256())
        };
        let whole: Vec<_> = (0..MOST).map(|_| long(LONGEST - 1000)).collect();
        brought.remember(&alice, &whole);
        brought.remember(&alice, &[long(LONGEST + 1)]);
        assert_eq!(brought.recall(&alice), whole);
    }

    #[test]
    fn a_damaged_file_holds_nothing_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let brought = Brought::open(dir.path());
        let alice = EmailAddress::parse("alice@a.test").unwrap();
        let certificate = Sample::default().signed_by(&p256());
        brought.remember(&alice, std::slice::from_ref(&certificate));
        std::fs::write(brought.file(&alice), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
        assert_eq!(brought.recall(&alice), []);
        brought.remember(&alice, std::slice::from_ref(&certificate));
        assert_eq!(brought.recall(&alice), [certificate]);
    }
}
