//! The key-encryption key (KEK): 32 octets that seal every private key of one store, and the
//! places it comes from.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::error::{KeyError, SealedBy};
use super::keyring;

/// The shortest secret that an unlock file may hold.
const SECRET_MIN: usize = 32;
/// The longest, so that `--unlock-file /dev/zero` ends.
const SECRET_MAX: u64 = 64 * 1024;

/// Where the key-encryption key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KekSource {
    /// The OS keyring: Secret Service on Linux, Keychain, Windows Credential Manager.
    Keyring,
    /// A file with a secret of 32 octets or more, for servers and tests; a last newline does not
    /// count.
    UnlockFile(PathBuf),
}

impl KekSource {
    pub(super) fn sealed_by(&self) -> SealedBy {
        match self {
            Self::Keyring => SealedBy::Keyring,
            Self::UnlockFile(_) => SealedBy::UnlockFile,
        }
    }

    /// The key for the store of this id. `Ok(None)`: the keyring answers, and has none.
    pub(super) fn load(&self, store: &StoreId) -> Result<Option<Kek>, KeyError> {
        match self {
            Self::Keyring => keyring::load(store),
            Self::UnlockFile(file) => derive_from_file(file, store).map(Some),
        }
    }

    /// Whether the key of the store of this id cannot be had at this moment; nobody is asked to
    /// unlock anything for it. A file is always open.
    pub(super) fn is_locked(&self, store: &StoreId) -> Result<bool, KeyError> {
        match self {
            Self::Keyring => keyring::is_locked(store),
            Self::UnlockFile(_) => Ok(false),
        }
    }

    /// The key for a store that seals nothing yet; the keyring is given a new random one.
    pub(super) fn establish(&self, store: &StoreId) -> Result<Kek, KeyError> {
        match self {
            Self::Keyring => keyring::establish(store),
            Self::UnlockFile(file) => derive_from_file(file, store),
        }
    }
}

/// The random name of a store. It goes into the keyring entry's name and into the derivation from
/// an unlock file, so that two data directories never share a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreId([u8; 16]);

impl StoreId {
    pub(super) fn random() -> Result<Self, ErrorStack> {
        let mut octets = [0; 16];
        openssl::rand::rand_bytes(&mut octets)?;
        Ok(Self(octets))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 16];
        hex::decode_to_slice(text, &mut octets).ok()?;
        Some(Self(octets))
    }

    pub(super) fn text(&self) -> String {
        hex::encode(self.0)
    }
}

/// A key-encryption key; wiped when dropped, printed never.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Kek([u8; 32]);

impl Kek {
    pub(super) fn random() -> Result<Self, ErrorStack> {
        let mut kek = Self([0; 32]);
        openssl::rand::rand_bytes(&mut kek.0)?;
        Ok(kek)
    }

    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        Some(Self(octets.try_into().ok()?))
    }

    pub(super) fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// A value that tells whether a key is the one a store was sealed with, and nothing else of
    /// it. Stands in the clear beside the sealed files.
    pub(super) fn check(&self, store: &StoreId) -> Result<String, ErrorStack> {
        let mut check = [0; 16];
        hkdf_sha256(&self.0, &store.0, b"dane-smime key-encryption key, check, version 1", &mut check)?;
        Ok(hex::encode(check))
    }
}

fn derive_from_file(file: &Path, store: &StoreId) -> Result<Kek, KeyError> {
    let secret = read_secret(file)?;
    let mut kek = Kek([0; 32]);
    let label = b"dane-smime key-encryption key, unlock file, version 1";
    hkdf_sha256(&secret, &store.0, label, &mut kek.0)?;
    Ok(kek)
}

fn read_secret(file: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    use std::io::Read;
    let io = |reason| KeyError::Unreadable { path: file.to_owned(), reason };
    // One allocation of the final size: a buffer that grows would leave unwiped copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(usize::try_from(SECRET_MAX).unwrap_or(SECRET_MIN)));
    std::fs::File::open(file)
        .and_then(|opened| opened.take(SECRET_MAX).read_to_end(&mut secret))
        .map_err(io)?;
    if secret.last() == Some(&b'\n') {
        secret.pop();
    }
    if secret.len() < SECRET_MIN {
        return Err(KeyError::UnlockFileTooShort { file: file.to_owned() });
    }
    Ok(secret)
}

/// HKDF (RFC 5869) with SHA-256.
fn hkdf_sha256(secret: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), ErrorStack> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_md(Md::sha256())?;
    context.set_hkdf_key(secret)?;
    context.set_hkdf_salt(salt)?;
    context.add_hkdf_info(info)?;
    context.derive(Some(out))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // appendix A.1
        let mut out = [0; 42];
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        hkdf_sha256(&[0x0b; 22], &salt, &info, &mut out).unwrap();
        assert_eq!(
            hex::encode(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn unlock_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreId([7; 16]);
        let kek = |name: &str, content: &[u8], store: &StoreId| {
            let file = dir.path().join(name);
            std::fs::write(&file, content).unwrap();
            KekSource::UnlockFile(file).load(store)
        };
        let octets = |found: Result<Option<Kek>, KeyError>| *found.unwrap().unwrap().octets();
        let plain = octets(kek("a", &[b'x'; 32], &store));
        assert_eq!(octets(kek("b", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", &store)), plain);
        assert_ne!(octets(kek("c", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\n", &store)), plain);
        assert_ne!(octets(kek("d", &[b'x'; 32], &StoreId([8; 16]))), plain);
        assert!(matches!(
            kek("e", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", &store),
            Err(KeyError::UnlockFileTooShort { .. })
        ));
        assert!(matches!(
            KekSource::UnlockFile(dir.path().join("none")).load(&store),
            Err(KeyError::Unreadable { .. })
        ));
    }
}
