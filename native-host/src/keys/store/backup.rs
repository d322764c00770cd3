//! All keys of a store in one file, and back.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyStore;
use crate::clock::UnixTime;
use crate::keys::backup;
use crate::keys::error::{BackupError, KeyError};
use crate::keys::files;
use crate::keys::held::{Choices, HeldKey};
use crate::keys::import::KeyMaterial;
use crate::keys::private::PrivateKey;
use crate::keys::token::TokenFile;
use crate::mime::EmailAddress;
use crate::x509::Certificate;

/// What a backup holds. Requests that wait for their certificate are not in it: a new request is
/// made faster than an old one is answered twice.
#[derive(Serialize, Deserialize)]
struct Content {
    keys: Vec<Kept>,
    /// Keys on tokens: where they are. Earlier versions do not know of them.
    #[serde(default)]
    tokens: Vec<OnToken>,
    choices: Choices,
}

/// One certificate with its key.
#[derive(Serialize, Deserialize)]
struct Kept {
    address: String,
    /// PKCS#8 in base64.
    key: Zeroizing<String>,
    /// PEM: the certificate, its chain behind it.
    certificates: String,
}

/// One certificate whose key is on a token.
#[derive(Serialize, Deserialize)]
struct OnToken {
    place: TokenFile,
    /// PEM: the certificate, its chain behind it.
    certificates: String,
}

impl KeyStore {
    /// Every key with its certificates and what was chosen, sealed under a password.
    ///
    /// # Errors
    /// As [`KeyStore::unseal`], for the first key that does not open or whose certificate is damaged: half a backup is
    /// none. [`BackupError::NoKeys`]: an empty one would only take the place of a full one.
    pub fn backup(&self, password: &str) -> Result<Vec<u8>, KeyError> {
        let (mut keys, mut tokens) = (Vec::new(), Vec::new());
        let mut room = 1024_usize;
        for file in files::with_extension(&self.dir, "pem")? {
            let Some(held) = self.read_held(&file)? else { continue };
            let certificates: String =
                std::iter::once(&held.certificate).chain(&held.chain).map(Certificate::to_pem).collect();
            if let Some(place) = self.token_of(&held.handle.0)? {
                room = room.saturating_add(4096).saturating_add(certificates.len().saturating_mul(2));
                tokens.push(OnToken { place, certificates });
                continue;
            }
            let pkcs8 = self.unseal(held.handle)?.to_pkcs8()?;
            let key = Zeroizing::new(STANDARD.encode(&*pkcs8));
            // JSON writes a line end as two characters.
            room = room.saturating_add(key.len()).saturating_add(certificates.len().saturating_mul(2));
            keys.push(Kept { address: held.address.to_string(), key, certificates });
        }
        if keys.is_empty() && tokens.is_empty() {
            return Err(BackupError::NoKeys.into());
        }
        let content = Content { keys, tokens, choices: self.choices()? };
        // One allocation of the final size: a buffer that grows would leave unwiped copies behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(room.saturating_mul(2)));
        serde_json::to_writer(&mut *plain, &content)
            .map_err(|error| KeyError::Unwritable { path: self.dir.clone(), reason: error.into() })?;
        Ok(backup::seal(&plain, password)?)
    }

    /// Takes the keys of a backup in. Keys that are held already stay as they are, and what was
    /// chosen here stands over what the backup chose; a retired key stays retired. A backup decides nothing
    /// about keys that are not in it. Of a key on a token
    /// it is not believed which module speaks to that: [`KeyStore::add_token`] tells.
    ///
    /// # Errors
    /// [`KeyError::Backup`]; else as [`KeyStore::import`].
    pub fn restore(&self, file: &[u8], password: &str, now: UnixTime) -> Result<Vec<HeldKey>, KeyError> {
        let damaged = || KeyError::Backup(BackupError::Damaged);
        let plain = backup::open(file, password)?;
        let content: Content = serde_json::from_slice(&plain).map_err(|_| damaged())?;
        let mut taken = Vec::new();
        for kept in content.keys {
            let address = EmailAddress::parse(&kept.address).map_err(|_| damaged())?;
            let pkcs8 = STANDARD.decode(kept.key.as_bytes()).map(Zeroizing::new).map_err(|_| damaged())?;
            let private = PrivateKey::from_pkcs8(&pkcs8).map_err(|_| damaged())?;
            let mut chain = Certificate::from_pem(&kept.certificates).map_err(|_| damaged())?.into_iter();
            let certificate = chain.next().ok_or_else(damaged)?;
            if !private.belongs_to(&certificate) {
                return Err(damaged());
            }
            let sha256 = certificate.sha256();
            self.keep(&KeyMaterial { private, certificate, chain: chain.collect() }, &address)?;
            taken.push(sha256);
        }
        for OnToken { place, certificates } in content.tokens {
            let chain = Certificate::from_pem(&certificates).map_err(|_| damaged())?;
            let (certificate, chain) = chain.split_first().ok_or_else(damaged)?;
            self.restore_token(place, certificate, chain)?;
            taken.push(certificate.sha256());
        }
        let mut chosen = content.choices;
        chosen.keep_only(&taken);
        self.change(|choices| choices.take_over(chosen))?;
        let mut by_fingerprint: BTreeMap<_, _> =
            self.list(now)?.into_iter().map(|key| (key.certificate.sha256(), key)).collect();
        Ok(taken.iter().filter_map(|sha256| by_fingerprint.remove(sha256)).collect())
    }
}
