//! The sealed key file, version 1.
//!
//! ```text
//! DANE-SMIME-SEALED-KEY-1\n      version
//! alice@example.test\n           the address that the key is for
//! 12 octets                      nonce, random
//! n octets                       AES-256-GCM of the PKCS#8 DER
//! 16 octets                      tag
//! ```
//! The additional authenticated data is both lines and the key's id, so that neither another
//! address nor another key's file name can be put to a sealed key.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::sha::sha256;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::kek::Kek;
use super::private::PrivateKey;
use crate::mime::EmailAddress;

const MAGIC: &[u8] = b"DANE-SMIME-SEALED-KEY-";
const VERSION: &[u8] = b"1";
const NONCE: usize = 12;
const TAG: usize = 16;
/// Far above any private key; a larger file is not ours.
pub(super) const MAX_LENGTH: u64 = 64 * 1024;

/// SHA-256 of the SubjectPublicKeyInfo: the name of a key, whatever certificates are made for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyId([u8; 32]);

impl KeyId {
    pub(super) fn of_spki(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a sealed file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealedError {
    /// It is not as it was written, or another key sealed it.
    Damaged,
    /// Another version wrote it.
    OtherVersion,
}

/// A sealed file's parts. Only the address can be read without the key-encryption key, and it
/// is proven only by [`Sealed::open`].
#[derive(Clone, Debug)]
pub(super) struct Sealed<'a> {
    pub(super) address: EmailAddress,
    header: &'a [u8],
    nonce: &'a [u8],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

/// Seals a key for an address.
pub(super) fn seal(key: &PrivateKey, address: &EmailAddress, kek: &Kek) -> Result<Vec<u8>, ErrorStack> {
    let id = KeyId::of_spki(&key.spki_der()?);
    let mut file = [MAGIC, VERSION, b"\n", address.to_string().as_bytes(), b"\n"].concat();
    // Random nonces under one KEK: a collision needs about 2^32 sealed keys.
    let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
    openssl::rand::rand_bytes(&mut nonce)?;
    let aad = aad(&file, &id);
    let plain = key.to_pkcs8()?;
    let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), kek.octets(), Some(&nonce), &aad, &plain, &mut tag)?;
    file.extend_from_slice(&nonce);
    file.extend_from_slice(&ciphertext);
    file.extend_from_slice(&tag);
    Ok(file)
}

impl<'a> Sealed<'a> {
    /// Takes a file apart.
    pub(super) fn parse(file: &'a [u8]) -> Result<Self, SealedError> {
        let rest = file.strip_prefix(MAGIC).ok_or(SealedError::Damaged)?;
        let (version, rest) = split_line(rest)?;
        if version != VERSION {
            let number = !version.is_empty() && version.iter().all(u8::is_ascii_digit);
            return Err(if number { SealedError::OtherVersion } else { SealedError::Damaged });
        }
        let (address, rest) = split_line(rest)?;
        let address = std::str::from_utf8(address).map_err(|_| SealedError::Damaged)?;
        let address = EmailAddress::parse(address).map_err(|_| SealedError::Damaged)?;
        let header = file.get(..file.len().saturating_sub(rest.len())).ok_or(SealedError::Damaged)?;
        let (nonce, rest) = rest.split_at_checked(NONCE).ok_or(SealedError::Damaged)?;
        let body = rest.len().checked_sub(TAG).ok_or(SealedError::Damaged)?;
        let (ciphertext, tag) = rest.split_at_checked(body).ok_or(SealedError::Damaged)?;
        Ok(Self { address, header, nonce, ciphertext, tag })
    }

    /// Opens the file as that of the key `id`.
    pub(super) fn open(&self, id: &KeyId, kek: &Kek) -> Result<PrivateKey, SealedError> {
        let aad = aad(self.header, id);
        let cipher = Cipher::aes_256_gcm();
        // OpenSSL reports a wrong tag as an error without a reason; nothing hangs on its text.
        let plain = decrypt_aead(cipher, kek.octets(), Some(self.nonce), &aad, self.ciphertext, self.tag)
            .map(Zeroizing::new)
            .map_err(|_| SealedError::Damaged)?;
        let key = PrivateKey::from_pkcs8(&plain).map_err(|_| SealedError::Damaged)?;
        let spki = key.spki_der().map_err(|_| SealedError::Damaged)?;
        if KeyId::of_spki(&spki) == *id { Ok(key) } else { Err(SealedError::Damaged) }
    }
}

fn aad(header: &[u8], id: &KeyId) -> Vec<u8> {
    [header, &id.0].concat()
}

fn split_line(text: &[u8]) -> Result<(&[u8], &[u8]), SealedError> {
    let end = text.iter().position(|octet| *octet == b'\n').ok_or(SealedError::Damaged)?;
    match (text.get(..end), text.get(end.saturating_add(1)..)) {
        (Some(line), Some(rest)) => Ok((line, rest)),
        _ => Err(SealedError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::p256;

    fn sealed() -> (PrivateKey, KeyId, Kek, Vec<u8>) {
        let key = PrivateKey::new(p256());
        let id = KeyId::of_spki(&key.spki_der().unwrap());
        let kek = Kek::random().unwrap();
        let file = seal(&key, &EmailAddress::parse("alice@example.test").unwrap(), &kek).unwrap();
        (key, id, kek, file)
    }

    fn open(file: &[u8], id: &KeyId, kek: &Kek) -> Result<PrivateKey, SealedError> {
        Sealed::parse(file)?.open(id, kek)
    }

    #[test]
    fn opens_with_the_same_key_only() {
        let (key, id, kek, file) = sealed();
        assert!(open(&file, &id, &kek).unwrap().pkey().public_eq(key.pkey()));
        assert_eq!(open(&file, &id, &Kek::random().unwrap()).unwrap_err(), SealedError::Damaged);
        assert_eq!(open(&file, &KeyId::of_spki(b"another"), &kek).unwrap_err(), SealedError::Damaged);
    }

    #[test]
    fn a_change_at_any_position_is_noticed() {
        let (_, id, kek, file) = sealed();
        for position in 0..file.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = file.clone();
                changed[position] ^= bit;
                assert!(open(&changed, &id, &kek).is_err(), "octet {position} ^ {bit:#x}");
            }
            assert!(open(&file[..position], &id, &kek).is_err(), "cut at {position}");
        }
        assert!(open(&[&file[..], b"x"].concat(), &id, &kek).is_err());
    }

    #[test]
    fn a_newer_version_is_said_to_be_one() {
        let (_, id, kek, file) = sealed();
        let mut newer = file;
        newer[MAGIC.len()] = b'2';
        assert_eq!(open(&newer, &id, &kek).unwrap_err(), SealedError::OtherVersion);
    }

    #[test]
    fn no_key_octets_in_the_file() {
        let (key, _, _, file) = sealed();
        let plain = key.to_pkcs8().unwrap();
        let secret = &plain[36..68]; // the scalar
        assert!(!file.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
    }
}
