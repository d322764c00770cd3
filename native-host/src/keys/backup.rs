//! The container of a backup, version 1: one file for all keys, under a password.
//!
//! ```text
//! DANE-SMIME-BACKUP-1\n   version
//! 16 octets               salt, random
//! 16 octets               tells whether a password is the right one
//! 12 octets               nonce, random
//! n octets                AES-256-GCM of the content
//! 16 octets               tag
//! ```
//! scrypt (RFC 7914; N 65536, r 8, p 1: 64 MiB) makes 48 octets of password and salt: the key and
//! the 16 octets that tell. All that stands before the ciphertext is authenticated with it.

use openssl::error::ErrorStack;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::error::BackupError;

const MAGIC: &[u8] = b"DANE-SMIME-BACKUP-";
const VERSION: &[u8] = b"1\n";
const SALT: usize = 16;
const CHECK: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;
const KEY: usize = 32;
const SCRYPT_N: u64 = 1 << 16;
const SCRYPT_MEMORY: u64 = 128 * 1024 * 1024;

/// Seals the content of a backup.
pub(super) fn seal(content: &[u8], password: &str) -> Result<Vec<u8>, ErrorStack> {
    let (mut salt, mut nonce, mut tag) = ([0; SALT], [0; NONCE], [0; TAG]);
    openssl::rand::rand_bytes(&mut salt)?;
    openssl::rand::rand_bytes(&mut nonce)?;
    let derived = derive(password, &salt)?;
    let (key, check) = derived.split_at(KEY);
    let head = [MAGIC, VERSION, &salt, check, &nonce].concat();
    let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&nonce), &head, content, &mut tag)?;
    Ok([&head[..], &ciphertext, &tag].concat())
}

/// Opens a backup.
///
/// # Errors
/// [`BackupError`] tells a wrong password from a damaged file.
pub(super) fn open(file: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let rest = file.strip_prefix(MAGIC).ok_or(BackupError::NotABackup)?;
    let rest = rest.strip_prefix(VERSION).ok_or_else(|| {
        let number = rest.first().is_some_and(u8::is_ascii_digit);
        if number { BackupError::FromTheFuture } else { BackupError::NotABackup }
    })?;
    let part = |rest, length| <[u8]>::split_at_checked(rest, length).ok_or(BackupError::Damaged);
    let (salt, rest) = part(rest, SALT)?;
    let (check, rest) = part(rest, CHECK)?;
    let (nonce, rest) = part(rest, NONCE)?;
    let (ciphertext, tag) = part(rest, rest.len().checked_sub(TAG).ok_or(BackupError::Damaged)?)?;
    let derived = derive(password, salt).map_err(|_| BackupError::Damaged)?;
    let (key, expected) = derived.split_at(KEY);
    if !openssl::memcmp::eq(check, expected) {
        return Err(BackupError::WrongPassword);
    }
    let head = file.get(..file.len().saturating_sub(rest.len())).ok_or(BackupError::Damaged)?;
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), head, ciphertext, tag)
        .map(Zeroizing::new)
        .map_err(|_| BackupError::Damaged)
}

fn derive(password: &str, salt: &[u8]) -> Result<Zeroizing<[u8; KEY + CHECK]>, ErrorStack> {
    let mut derived = Zeroizing::new([0; KEY + CHECK]);
    openssl::pkcs5::scrypt(password.as_bytes(), salt, SCRYPT_N, 8, 1, SCRYPT_MEMORY, &mut *derived)?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_password_only_and_every_change_is_noticed() {
        let file = seal(b"all of it", "open sesame").unwrap();
        assert_eq!(*open(&file, "open sesame").unwrap(), b"all of it");
        assert_eq!(open(&file, "open barley"), Err(BackupError::WrongPassword));
        for position in [MAGIC.len() + 30, file.len() - 20, file.len() - 1] {
            let mut changed = file.clone();
            changed[position] ^= 1;
            assert!(open(&changed, "open sesame").is_err(), "octet {position}");
        }
        assert_eq!(open(&file[..file.len() - 1], "open sesame"), Err(BackupError::Damaged));
        assert_eq!(open(&file[..40], "open sesame"), Err(BackupError::Damaged));
        assert_eq!(open(b"DANE-SMIME-BACKUP-2\n", ""), Err(BackupError::FromTheFuture));
        assert_eq!(open(b"-----BEGIN", ""), Err(BackupError::NotABackup));
    }
}
