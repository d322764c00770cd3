//! The key store of one data directory.
//!
//! ```text
//! DATA/keys/                    0700
//!   lock                        taken by writers
//!   store.json                  the store's random id, and what its keys are sealed with
//!   choices.json                selected and retired certificates
//!   index.json                  facts of all certificates, for lists; made anew where it is missing
//!   <SHA-256 of the SPKI>.key   a private key, sealed (see sealed.rs)
//!   <SHA-256 of the SPKI>.token where a private key is that is on a token (see token/)
//!   <SHA-256 of the SPKI>.csr   the request for a key that waits for its certificate, PEM
//!   <SHA-256 of the DER>.pem    a certificate and its chain, in the clear
//! ```
//! A key comes before its certificate and goes after it, so that a crash in between leaves a key
//! that nothing names, and never a certificate that nothing opens.

mod backup;
mod index;
mod known;
mod sealing;
mod tokens;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use index::Stamp;
use known::Known;
pub use tokens::TakenKeys;

use crate::clock::UnixTime;
use crate::keys::error::{KeyError, NoneUsable, Purpose};
use crate::keys::export::{self, Pkcs12Encryption};
use crate::keys::files;
use crate::keys::held::{self, Choices, HeldKey, KeyHandle, Overview};
use crate::keys::import::KeyMaterial;
use crate::keys::kek::KekSource;
use crate::keys::private::{PrivateKey, UsableKey};
use crate::keys::sealed::{self, KeyId, Sealed, SealedError};
use crate::keys::token::AskPin;
use crate::mime::EmailAddress;
use crate::x509::{Certificate, Fingerprint, NameMatch};

/// A certificate with its chain and the store's own file stay far below this.
const MAX_FILE: u64 = 1024 * 1024;
/// Choices grow with the store, by some hundred octets for each address.
const MAX_CHOICES: u64 = 64 * 1024 * 1024;

/// The keys of one data directory. Opening one reads nothing and asks no keyring.
#[derive(Clone)]
pub struct KeyStore {
    dir: PathBuf,
    source: KekSource,
    pins: Arc<dyn AskPin>,
    known: Arc<Known>,
}

/// What signs: the private key with its certificate and the certificates above it.
#[derive(Debug)]
#[non_exhaustive]
pub struct SigningKey {
    /// The signer's certificate.
    pub certificate: Certificate,
    /// The certificates above it, its issuer first; empty for a self-signed one.
    pub chain: Vec<Certificate>,
    /// The key.
    pub private: UsableKey,
}

impl KeyStore {
    /// The store in `data_dir`, which need not exist yet.
    pub fn open(data_dir: &Path, source: KekSource) -> Self {
        Self {
            dir: data_dir.join("keys"),
            source,
            pins: Arc::new(tokens::NobodyToAsk),
            known: Arc::default(),
        }
    }

    /// The same store, whose tokens' PINs are asked for by `pins`; else nobody is asked, and they stay
    /// shut.
    #[must_use]
    pub fn asking(&self, pins: Arc<dyn AskPin>) -> Self {
        Self { pins, ..self.clone() }
    }

    /// Every key held, with what would be selected at `now`, sorted by address, the newest first.
    /// Needs no keyring. A certificate file that is damaged is left out and logged, so that it
    /// does not take the other keys with it.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`]; [`KeyError::Damaged`] for the file of choices.
    pub fn list(&self, now: UnixTime) -> Result<Vec<HeldKey>, KeyError> {
        self.overview(now).map(|overview| overview.keys)
    }

    /// The same, with the means to ask what is used for which address.
    ///
    /// # Errors
    /// As [`KeyStore::list`].
    pub fn overview(&self, now: UnixTime) -> Result<Overview, KeyError> {
        let choices = self.choices()?;
        let mut held = self.scan()?;
        for key in &mut held {
            key.retires = choices.retires(key.certificate.sha256());
            key.retired = key.retires.is_some_and(|moment| moment <= now);
        }
        held::mark_selected(&mut held, &choices, now);
        held.sort_by_key(|key| {
            (key.address.clone(), std::cmp::Reverse((key.certificate.not_before(), key.certificate.sha256())))
        });
        Ok(Overview { keys: held, choices })
    }

    /// The key that signs mail from `address` at `now`, unsealed. `named`: the certificate that it
    /// must be, whatever is selected; see [`KeyStore::encrypting_keys_for`].
    ///
    /// # Errors
    /// [`KeyError::NoUsableKey`] says why none will do; [`KeyError::NoSuchKey`] and
    /// [`KeyError::AddressDoesNotFit`] of one that is named; else as [`KeyStore::unseal`].
    pub fn signer_for(
        &self,
        address: &EmailAddress,
        named: Option<Fingerprint>,
        now: UnixTime,
    ) -> Result<SigningKey, KeyError> {
        let held = self.usable(address, named, Purpose::Sign, now)?;
        let key = held.into_iter().next().ok_or_else(|| none_held(address, Purpose::Sign))?;
        let private = self.usable_key(&key.certificate, key.handle)?;
        if private.unsealed().is_ok_and(|private| !private.belongs_to(&key.certificate)) {
            return Err(KeyError::Damaged { file: self.certificate_path(key.certificate.sha256()) });
        }
        Ok(SigningKey { certificate: key.certificate, chain: key.chain, private })
    }

    /// The keys that mail from `address` is encrypted to beside its recipients at `now`,
    /// the selected one first. Needs no keyring. `named`: the one that it must be, whatever is
    /// selected. One that is made for signing alone says nothing about encrypting, and the other way
    /// round: then what is selected counts.
    ///
    /// # Errors
    /// [`KeyError::NoUsableKey`] says why there is none; [`KeyError::NoSuchKey`] and
    /// [`KeyError::AddressDoesNotFit`] of one that is named.
    pub fn encrypting_keys_for(
        &self,
        address: &EmailAddress,
        named: Option<Fingerprint>,
        now: UnixTime,
    ) -> Result<Vec<HeldKey>, KeyError> {
        self.usable(address, named, Purpose::Encrypt, now)
    }

    /// Every certificate held, retired and expired ones too, with the handle that opens its key:
    /// what a message's recipients are compared with, before any key is opened. Those on tokens come
    /// last, so that no PIN is asked for where another key will do. Needs no keyring.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn decryption_candidates(&self) -> Result<impl Iterator<Item = (Certificate, KeyHandle)>, KeyError> {
        let mut held = self.scan()?;
        held.sort_by_key(|key| key.token.is_some());
        Ok(held.into_iter().map(|key| (key.certificate, key.handle)))
    }

    /// Makes the private key of a certificate ready for use: this is what asks the keyring, or for the
    /// PIN of the token.
    ///
    /// # Errors
    /// As [`KeyStore::unseal`]; [`KeyError::Token`].
    pub fn usable_key(&self, certificate: &Certificate, handle: KeyHandle) -> Result<UsableKey, KeyError> {
        match self.token_of(&handle.0)? {
            Some(file) => Ok(UsableKey::OnToken(self.open_token_key(&file, certificate)?)),
            None => Ok(UsableKey::Unsealed(Arc::new(self.unseal(handle)?))),
        }
    }

    /// Opens one private key that is sealed here. This is what asks the keyring.
    ///
    /// # Errors
    /// Those of the keyring or the unlock file; [`KeyError::SealedOtherwise`] if it gives another
    /// key than the store's; [`KeyError::Damaged`] names the file; [`KeyError::OnToken`].
    pub fn unseal(&self, handle: KeyHandle) -> Result<PrivateKey, KeyError> {
        let file = self.key_file(&handle.0);
        if !file.exists() && self.token_file(&handle.0).exists() {
            return Err(KeyError::OnToken);
        }
        let content = files::read(&file, sealed::MAX_LENGTH)?.ok_or_else(|| KeyError::Unreadable {
            path: file.clone(),
            reason: std::io::ErrorKind::NotFound.into(),
        })?;
        let error = |error| match error {
            SealedError::Damaged => KeyError::Damaged { file: file.clone() },
            SealedError::OtherVersion => KeyError::FromTheFuture { file: file.clone() },
        };
        let sealed = Sealed::parse(&content).map_err(error)?;
        sealed.open(&handle.0, &self.kek()?).map_err(error)
    }

    /// A key with its certificate and chain as a PKCS#12 file (DER), encrypted with the password.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`]; [`KeyError::PasswordHasNul`]; as [`KeyStore::unseal`].
    pub fn pkcs12(
        &self,
        certificate: Fingerprint,
        password: &str,
        encryption: Pkcs12Encryption,
    ) -> Result<Vec<u8>, KeyError> {
        let held = self.find(certificate)?;
        let private = self.unseal(held.handle)?;
        let material = KeyMaterial { private, certificate: held.certificate, chain: held.chain };
        export::pkcs12(&material, password, encryption)?.ok_or(KeyError::PasswordHasNul)
    }

    /// Writes what [`KeyStore::pkcs12`] makes into a file, mode 0600.
    ///
    /// # Errors
    /// As [`KeyStore::pkcs12`]; [`KeyError::Unwritable`].
    pub fn export_pkcs12(
        &self,
        certificate: Fingerprint,
        password: &str,
        encryption: Pkcs12Encryption,
        file: &Path,
    ) -> Result<(), KeyError> {
        files::write_atomically(file, &self.pkcs12(certificate, password, encryption)?)
    }

    /// Writes a secret of the caller's making into a file, mode 0600, whole or not at all.
    ///
    /// # Errors
    /// [`KeyError::Unwritable`].
    pub fn write_private(file: &Path, content: &[u8]) -> Result<(), KeyError> {
        files::write_atomically(file, content)
    }

    /// The requests whose certificates have not come yet, with the addresses that they are for.
    /// Needs no keyring.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`].
    pub fn waiting_requests(&self) -> Result<Vec<(EmailAddress, String)>, KeyError> {
        let mut waiting = Vec::new();
        for file in files::with_extension(&self.dir, "csr")? {
            let pem = files::read(&file, MAX_FILE)?.and_then(|content| String::from_utf8(content).ok());
            let sealed = files::read(&file.with_extension("key"), sealed::MAX_LENGTH)?;
            // One of the two may just have gone: the certificate has come.
            let (Some(pem), Some(sealed)) = (pem, sealed) else { continue };
            if let Ok(sealed) = Sealed::parse(&sealed) {
                waiting.push((sealed.address, pem));
            }
        }
        Ok(waiting)
    }

    /// The held key with this certificate.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`]; else as [`KeyStore::list`].
    pub fn held(&self, certificate: Fingerprint, now: UnixTime) -> Result<HeldKey, KeyError> {
        let held = self.list(now)?.into_iter().find(|key| key.certificate.sha256() == certificate);
        held.ok_or(KeyError::NoSuchKey(certificate))
    }

    /// Where the certificate of a key that is held lies, as PEM, its chain behind it.
    pub fn certificate_path(&self, certificate: Fingerprint) -> PathBuf {
        self.dir.join(format!("{certificate}.pem"))
    }

    fn usable(
        &self,
        address: &EmailAddress,
        named: Option<Fingerprint>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<Vec<HeldKey>, KeyError> {
        let Overview { mut keys, choices } = self.overview(now)?;
        if let Some(named) = named {
            let found = keys.iter().find(|key| key.certificate.sha256() == named);
            let key = found.ok_or(KeyError::NoSuchKey(named))?;
            if !key.serves(address) {
                return Err(KeyError::AddressDoesNotFit { address: address.clone() });
            }
            if key.fitness(purpose).is_fit() || !key.fitness(purpose.other()).is_fit() {
                keys.retain(|key| key.certificate.sha256() == named);
            }
        }
        match held::usable(&keys, &choices, address, purpose, now) {
            Ok(good) => Ok(good.into_iter().cloned().collect()),
            Err((why, closest)) => {
                let fitness = closest.filter(|_| why == NoneUsable::NotFit).map(|key| key.fitness(purpose));
                Err(KeyError::NoUsableKey { address: address.clone(), purpose, why, fitness })
            }
        }
    }

    fn find(&self, certificate: Fingerprint) -> Result<HeldKey, KeyError> {
        let held = self.scan()?.into_iter().find(|key| key.certificate.sha256() == certificate);
        held.ok_or(KeyError::NoSuchKey(certificate))
    }

    /// The certificates whose sealed key is there, in no particular order, nothing chosen.
    fn scan(&self) -> Result<Vec<HeldKey>, KeyError> {
        let files = files::with_extension(&self.dir, "pem")?;
        self.known.keep(&files);
        let mut held = Vec::new();
        for file in files {
            if let Some(key) = self.known.get(&file) {
                held.push(key);
                continue;
            }
            let stamp = Stamp::of(&file);
            match self.read_held(&file) {
                Ok(Some(key)) => {
                    self.known.put(file, stamp, self.file_of_key(&key), &key);
                    held.push(key);
                }
                Ok(None) => {}
                Err(error @ KeyError::Unreadable { .. }) => return Err(error),
                Err(error) => tracing::warn!(%error, "a key cannot be used"),
            }
        }
        Ok(held)
    }

    /// `None` if the files vanished meanwhile, or there is no key to the certificate.
    fn read_held(&self, file: &Path) -> Result<Option<HeldKey>, KeyError> {
        let damaged = |file: &Path| KeyError::Damaged { file: file.to_owned() };
        let Some(content) = files::read(file, MAX_FILE)? else { return Ok(None) };
        let text = String::from_utf8(content).map_err(|_| damaged(file))?;
        let mut chain = Certificate::from_pem(&text).map_err(|_| damaged(file))?.into_iter();
        let certificate = chain.next().ok_or_else(|| damaged(file))?;
        if *file != self.certificate_path(certificate.sha256()) {
            return Err(damaged(file));
        }
        let id = KeyId::of_spki(certificate.spki_der());
        let key_file = self.key_file(&id);
        let named = certificate.email_addresses().first().cloned();
        let fits = |address: &EmailAddress| certificate.names_address(address) != NameMatch::NamesOthers;
        let (address, token) = match files::read(&key_file, sealed::MAX_LENGTH)? {
            // A sealed file that is damaged already here is still listed, where the certificate says
            // whose it is: better that opening it tells of the damage than that the key seems never
            // to have been. One key may also have certificates for several addresses.
            Some(sealed) => {
                let address = Sealed::parse(&sealed).ok().map(|sealed| sealed.address).filter(fits);
                (address.or(named), None)
            }
            None => match self.token_of(&id)? {
                Some(file) => {
                    let address = EmailAddress::parse(&file.address).ok().filter(fits);
                    (address.or(named), Some(file.token))
                }
                None => return Ok(None),
            },
        };
        Ok(Some(HeldKey {
            address: address.ok_or_else(|| damaged(&key_file))?,
            certificate,
            chain: chain.collect(),
            retired: false,
            retires: None,
            selected_sign: false,
            selected_encrypt: false,
            token,
            handle: KeyHandle(id),
        }))
    }

    fn choices(&self) -> Result<Choices, KeyError> {
        let path = self.choices_path();
        let Some(content) = files::read(&path, MAX_CHOICES)? else { return Ok(Choices::default()) };
        serde_json::from_slice(&content).map_err(|_| KeyError::Damaged { file: path })
    }

    /// The file that says where the private key is, or is it.
    fn file_of_key(&self, key: &HeldKey) -> PathBuf {
        if key.token.is_some() { self.token_file(&key.handle.0) } else { self.key_file(&key.handle.0) }
    }

    fn key_file(&self, id: &KeyId) -> PathBuf {
        self.dir.join(format!("{id}.key"))
    }

    fn token_file(&self, id: &KeyId) -> PathBuf {
        self.dir.join(format!("{id}.token"))
    }

    fn request_file(&self, id: &KeyId) -> PathBuf {
        self.dir.join(format!("{id}.csr"))
    }

    fn store_path(&self) -> PathBuf {
        self.dir.join("store.json")
    }

    fn choices_path(&self) -> PathBuf {
        self.dir.join("choices.json")
    }
}

fn none_held(address: &EmailAddress, purpose: Purpose) -> KeyError {
    let why = NoneUsable::NoneHeld;
    KeyError::NoUsableKey { address: address.clone(), purpose, why, fitness: None }
}
