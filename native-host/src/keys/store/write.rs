//! What changes a store. Everything here holds the lock.

use std::path::Path;

use openssl::x509::X509Req;
use serde::Serialize;

use super::tokens::held_for;
use super::{KeyStore, SigningKey, none_held};
use crate::clock::UnixTime;
use crate::keys::authority::{self, CertificateRequest};
use crate::keys::error::{IssueError, KeyError, NoneUsable, Purpose};
use crate::keys::files::{self, WriteLock};
use crate::keys::generate::{self, NewKey};
use crate::keys::held::{Choices, HeldKey, Selected};
use crate::keys::import::{KeyMaterial, chain_above};
use crate::keys::sealed::{self, KeyId, Sealed};
use crate::mime::EmailAddress;
use crate::x509::{Certificate, Fingerprint, NameMatch, Validity};

impl KeyStore {
    /// Makes a key and a self-signed certificate for it, and keeps both.
    ///
    /// # Errors
    /// [`KeyError::Crypto`]; else as [`KeyStore::import`].
    pub fn generate(&self, new: &NewKey, now: UnixTime) -> Result<HeldKey, KeyError> {
        // The slow part, before the lock.
        let (private, certificate) = generate::self_signed(new, now)?;
        let material = KeyMaterial { private, certificate, chain: Vec::new() };
        self.import(&material, Some(&new.address), now)
    }

    /// Makes an authority's key with its certificate, which signs requests and no mail.
    ///
    /// # Errors
    /// As [`KeyStore::generate`].
    pub fn generate_authority(&self, new: &NewKey, now: UnixTime) -> Result<HeldKey, KeyError> {
        let (private, certificate) = authority::self_signed(new, now)?;
        let material = KeyMaterial { private, certificate, chain: Vec::new() };
        self.import(&material, Some(&new.address), now)
    }

    /// Has an authority that is held here sign a request, for addresses of its own domain. `allowed` are those that its
    /// user has: a request is the word of whoever wrote it, and an authority's users are not to become one another.
    ///
    /// # Errors
    /// [`KeyError::Issue`]; [`KeyError::NoSuchKey`]; as [`KeyStore::unseal`].
    pub fn issue(
        &self,
        authority: Fingerprint,
        request: &CertificateRequest,
        allowed: &[EmailAddress],
        days: u16,
        now: UnixTime,
    ) -> Result<(Certificate, HeldKey), KeyError> {
        let held = self.held(authority, now)?;
        if !held.certificate.is_ca() {
            return Err(IssueError::NotAnAuthority.into());
        }
        if held.retired || held.certificate.validity_at(now) != Validity::Good {
            return Err(IssueError::AuthorityOver.into());
        }
        let domain = held.address.domain();
        if let Some(address) = request.addresses.iter().find(|address| address.domain() != domain) {
            return Err(
                IssueError::OtherDomain { address: address.clone(), domain: domain.to_owned() }.into()
            );
        }
        if let Some(address) = request.addresses.iter().find(|address| !allowed.contains(address)) {
            return Err(IssueError::NotAllowed(address.clone()).into());
        }
        let key = SigningKey {
            certificate: held.certificate.clone(),
            chain: held.chain.clone(),
            private: self.usable_key(&held.certificate, held.handle)?,
        };
        Ok((authority::issue(request, &key, days, now)?, held))
    }

    /// Makes a key, and a request (PKCS#10, PEM) with which an authority can make a certificate
    /// for it. The key is kept, and used for nothing until [`KeyStore::install`].
    ///
    /// # Errors
    /// As [`KeyStore::generate`].
    pub fn request(&self, new: &NewKey) -> Result<String, KeyError> {
        let (private, request) = generate::request(new)?;
        let pem = String::from_utf8_lossy(&X509Req::from_der(&request)?.to_pem()?).into_owned();
        let id = KeyId::of_spki(&private.spki_der()?);
        files::make_private_dir(&self.dir)?;
        let lock = WriteLock::take(&self.dir)?;
        let kek = self.kek_for_writing(&lock)?;
        files::write_atomically(&self.request_file(&id), pem.as_bytes())?;
        files::write_atomically(&self.key_file(&id), &sealed::seal(&private, &new.address, &kek)?)?;
        Ok(pem)
    }

    /// Keeps the certificate that an authority made for a key held here, and of the others those
    /// that stand above it. Needs no keyring.
    ///
    /// # Errors
    /// [`KeyError::NoKeyForCertificates`] if none of them belongs to a key held here;
    /// [`KeyError::AddressDoesNotFit`] if it names others than the address that the key is for;
    /// [`KeyError::Crypto`] if OpenSSL cannot read it.
    pub fn install(&self, certificates: &[Certificate], now: UnixTime) -> Result<HeldKey, KeyError> {
        for certificate in certificates {
            let id = KeyId::of_spki(certificate.spki_der());
            let key_file = self.key_file(&id);
            let Some(sealed) = files::read(&key_file, sealed::MAX_LENGTH)? else { continue };
            let sealed = Sealed::parse(&sealed).map_err(|_| KeyError::Damaged { file: key_file })?;
            if certificate.names_address(&sealed.address) == NameMatch::NamesOthers {
                return Err(KeyError::AddressDoesNotFit { address: sealed.address });
            }
            certificate.x509()?; // what could not be used must not take the place of the request
            let _lock = WriteLock::take(&self.dir)?;
            self.write_certificate(certificate, &chain_above(certificate, certificates))?;
            files::remove(&self.request_file(&id))?;
            return self.held_now(certificate, now);
        }
        Err(KeyError::NoKeyForCertificates)
    }

    /// Makes the key that will follow the one in use: like [`KeyStore::generate`], but the present
    /// choice for the address stays in force, so that nothing is signed with a key whose record
    /// is not published yet. [`KeyStore::select`] ends that.
    ///
    /// # Errors
    /// [`KeyError::NoUsableKey`] if there is nothing to follow; else as [`KeyStore::generate`].
    pub fn generate_next(
        &self,
        new: &NewKey,
        retire_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<HeldKey, KeyError> {
        let current = |purpose| {
            let held = self.usable(&new.address, None, purpose, now)?;
            held.into_iter()
                .next()
                .map(|key| key.certificate.sha256())
                .ok_or_else(|| none_held(&new.address, purpose))
        };
        let (sign, encrypt) = (current(Purpose::Sign)?, current(Purpose::Encrypt)?);
        self.select(&new.address, Some(sign), Some(encrypt), now)?;
        let next = self.generate(new, now)?;
        if let Some(moment) = retire_at {
            // After the next one is safely there.
            for present in [sign, encrypt] {
                self.retire_at(present, moment)?;
            }
        }
        Ok(next)
    }

    /// Keeps a key with its certificate; doing so twice changes nothing. With an address, the key
    /// is held for that one, which the certificate must name if it names any; without, for the
    /// first that the certificate names.
    ///
    /// # Errors
    /// [`KeyError::AddressDoesNotFit`], [`KeyError::AddressMissing`]; those of the keyring or the
    /// unlock file; [`KeyError::Unwritable`]. Nothing is kept then.
    pub fn import(
        &self,
        material: &KeyMaterial,
        address: Option<&EmailAddress>,
        now: UnixTime,
    ) -> Result<HeldKey, KeyError> {
        let certificate = &material.certificate;
        self.keep(material, held_for(certificate, address)?)?;
        self.held_now(certificate, now)
    }

    /// Chooses which certificates sign for an address and which its own copies are encrypted to.
    /// `None` leaves that choice as it was.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`]; [`KeyError::AddressDoesNotFit`] if a key is none of this address;
    /// [`KeyError::NoUsableKey`] if it is retired by `now` or not made for this. Its own dates are
    /// not looked at: the next key may be chosen before its time.
    pub fn select(
        &self,
        address: &EmailAddress,
        sign: Option<Fingerprint>,
        encrypt: Option<Fingerprint>,
        now: UnixTime,
    ) -> Result<(), KeyError> {
        let choices = self.choices()?;
        for (purpose, chosen) in [(Purpose::Sign, sign), (Purpose::Encrypt, encrypt)] {
            let Some(chosen) = chosen else { continue };
            let key = self.find(chosen)?;
            if !key.serves(address) {
                return Err(KeyError::AddressDoesNotFit { address: address.clone() });
            }
            let refuse =
                |why, fitness| Err(KeyError::NoUsableKey { address: address.clone(), purpose, why, fitness });
            let fitness = key.fitness(purpose);
            if choices.retires(chosen).is_some_and(|moment| moment <= now) {
                return refuse(NoneUsable::Retired, None);
            } else if !fitness.is_fit() {
                return refuse(NoneUsable::NotFit, Some(fitness));
            }
        }
        self.change(|choices| {
            let selected: &mut Selected = choices.selected.entry(address.to_string()).or_default();
            selected.sign = sign.map(|chosen| chosen.to_string()).or(selected.sign.take());
            selected.encrypt = encrypt.map(|chosen| chosen.to_string()).or(selected.encrypt.take());
        })
    }

    /// Keeps a key for old mail only. This is not undone: it is never used for anything new again.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`].
    pub fn retire(&self, certificate: Fingerprint) -> Result<(), KeyError> {
        self.find(certificate)?;
        self.change(|choices| {
            choices.forget(certificate);
            choices.retired.insert(certificate.to_string());
        })
    }

    /// Settles that a key is retired from `moment` on. A key that is retired already stays so.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`].
    pub fn retire_at(&self, certificate: Fingerprint, moment: UnixTime) -> Result<(), KeyError> {
        self.find(certificate)?;
        self.change(|choices| {
            choices.retires.insert(certificate.to_string(), moment.to_string());
        })
    }

    /// Destroys a certificate, and its private key if no other certificate has the same key. Mail
    /// that was encrypted to it cannot be read any more. A key on a token stays there, and is forgotten
    /// here.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`].
    pub fn delete(&self, certificate: Fingerprint) -> Result<(), KeyError> {
        let key = self.find(certificate)?;
        self.change(|choices| choices.forget(certificate))?;
        let _lock = WriteLock::take(&self.dir)?;
        files::remove(&self.certificate_path(certificate))?;
        if self.scan()?.iter().all(|other| other.handle != key.handle) {
            files::remove(&self.key_file(&key.handle.0))?;
            files::remove(&self.token_file(&key.handle.0))?;
        }
        Ok(())
    }

    /// Seals a key for an address and puts it and its certificate on disk.
    pub(in crate::keys) fn keep(
        &self,
        material: &KeyMaterial,
        address: &EmailAddress,
    ) -> Result<(), KeyError> {
        files::make_private_dir(&self.dir)?;
        let lock = WriteLock::take(&self.dir)?;
        let sealed = sealed::seal(&material.private, address, &self.kek_for_writing(&lock)?)?;
        let id = KeyId::of_spki(&material.private.spki_der()?);
        files::write_atomically(&self.key_file(&id), &sealed)?;
        self.write_certificate(&material.certificate, &material.chain)
    }

    pub(super) fn write_certificate(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<(), KeyError> {
        let pem: String = std::iter::once(certificate).chain(chain).map(Certificate::to_pem).collect();
        files::write_atomically(&self.certificate_path(certificate.sha256()), pem.as_bytes())
    }

    fn held_now(&self, certificate: &Certificate, now: UnixTime) -> Result<HeldKey, KeyError> {
        let held = self.list(now)?.into_iter().find(|key| key.certificate == *certificate);
        held.ok_or_else(|| KeyError::NoSuchKey(certificate.sha256()))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Choices)) -> Result<(), KeyError> {
        files::make_private_dir(&self.dir)?;
        let _lock = WriteLock::take(&self.dir)?;
        let mut choices = self.choices()?;
        change(&mut choices);
        self.write_json(&self.choices_path(), &choices)
    }

    pub(super) fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<(), KeyError> {
        let text = serde_json::to_vec_pretty(value)
            .map_err(|error| KeyError::Unwritable { path: path.to_owned(), reason: error.into() })?;
        files::write_atomically(path, &text)
    }
}
