//! Keys on tokens: taken into the store, and opened.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{KeyStore, MAX_FILE};
use crate::clock::UnixTime;
use crate::cms::DistantKey;
use crate::keys::error::{ImportError, KeyError};
use crate::keys::files::{self, WriteLock};
use crate::keys::held::HeldKey;
use crate::keys::import::chain_above;
use crate::keys::sealed::KeyId;
use crate::keys::token::{
    self, AskPin, Keys, PinQuestion, TokenError, TokenFile, TokenKey, TokenName, TokenSight,
};
use crate::mime::EmailAddress;
use crate::pinentry::PinentryError;
use crate::x509::{Certificate, NameMatch};

/// For stores whose user cannot be asked.
pub(super) struct NobodyToAsk;

impl AskPin for NobodyToAsk {
    fn ask(&self, _question: &PinQuestion) -> Result<Zeroizing<String>, PinentryError> {
        Err(PinentryError::Missing)
    }

    fn meanwhile(&self, wait: &mut dyn FnMut(&dyn Fn() -> bool)) {
        wait(&|| true);
    }
}

/// What became of the keys of a token.
#[derive(Debug)]
pub struct TakenKeys {
    /// Those that are in use now.
    pub taken: Vec<HeldKey>,
    /// The certificates of those that were left: they want their PIN for every single use.
    pub left: Vec<Certificate>,
}

impl KeyStore {
    /// The tokens behind a module that are there now. Nobody is asked for a PIN.
    ///
    /// # Errors
    /// [`KeyError::Token`].
    pub fn tokens(&self, module: &Path) -> Result<Vec<TokenName>, KeyError> {
        Ok(token::tokens(module)?)
    }

    /// Takes the keys of a token into the store: those whose certificates are on the token and name an
    /// address, or the one of `certificate`. The keys stay where they are. With an address, they are held
    /// for that one, which their certificates must name if they name any. `wanted` is the label or the
    /// serial number of the token; there must be one such token alone.
    ///
    /// # Errors
    /// [`KeyError::Token`], [`TokenError::PinForEachUse`] among them; [`KeyError::Import`] where there is nothing to take;
    /// [`KeyError::AddressDoesNotFit`], [`KeyError::AddressMissing`]; [`KeyError::Unwritable`].
    pub fn add_token(
        &self,
        module: &Path,
        wanted: Option<&str>,
        address: Option<&EmailAddress>,
        certificate: Option<&Certificate>,
        now: UnixTime,
    ) -> Result<TakenKeys, KeyError> {
        let name = only(token::tokens(module)?, wanted)?;
        let opened = token::with_name(module, &name)?;
        opened.open(&*self.pins)?;
        let Keys { mut found, pin_for_each_use: mut left, others } = token::find(&opened)?;
        if let Some(certificate) = certificate {
            found = vec![token::find_for(&opened, certificate)?];
            left.clear();
        } else if address.is_none() {
            // Log-in certificates and the like are none of ours.
            found.retain(|one| !one.certificate.email_addresses().is_empty());
            left.retain(|certificate| !certificate.email_addresses().is_empty());
        }
        if found.is_empty() {
            return Err(match left.is_empty() {
                true => ImportError::NoKey.into(),
                false => TokenError::PinForEachUse(name).into(),
            });
        }
        let mut files = Vec::new();
        for one in &found {
            let file = TokenFile {
                version: TokenFile::VERSION,
                address: held_for(&one.certificate, address)?.to_string(),
                module: Some(module.to_owned()),
                token: name.clone(),
                id: hex::encode(&one.id),
            };
            files.push((&one.certificate, file));
        }
        for (certificate, file) in files {
            self.keep_token(&file, certificate, &chain_above(certificate, &others))?;
        }
        let is_taken = |key: &HeldKey| found.iter().any(|one| one.certificate == key.certificate);
        Ok(TakenKeys { taken: self.list(now)?.into_iter().filter(is_taken).collect(), left })
    }

    /// What is seen of a key on its token without the PIN. `None` for a key that is on none.
    ///
    /// # Errors
    /// [`KeyError::Token`] says why the token cannot be used; [`KeyError::Damaged`] and the like are the file's.
    pub fn look_at_token(&self, key: &HeldKey) -> Result<Option<TokenSight>, KeyError> {
        let key_id = KeyId::of_spki(key.certificate.spki_der());
        let Some(file) = self.token_of(&key_id)? else { return Ok(None) };
        let id = hex::decode(&file.id).map_err(|_| KeyError::Damaged { file: self.token_file(&key_id) })?;
        let token = token::with_name(module_of(&file)?, &file.token)?;
        Ok(Some(token::look(&token, &id, &key.certificate)?))
    }

    /// Notes where a key is that comes from a backup, and its certificate. The module that the backup names is not taken
    /// over: it would be loaded, and whoever made the backup could name anything. What is known here already stays.
    pub(super) fn restore_token(
        &self,
        file: TokenFile,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<(), KeyError> {
        let known = self.token_of(&KeyId::of_spki(certificate.spki_der()));
        let file = known.ok().flatten().unwrap_or(TokenFile { module: None, ..file });
        self.keep_token(&file, certificate, chain)
    }

    /// Notes where a key is, and its certificate.
    pub(super) fn keep_token(
        &self,
        file: &TokenFile,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<(), KeyError> {
        files::make_private_dir(&self.dir)?;
        let _lock = WriteLock::take(&self.dir)?;
        self.write_json(&self.token_file(&KeyId::of_spki(certificate.spki_der())), file)?;
        self.write_certificate(certificate, chain)
    }

    /// Where a key is that is on a token, and not sealed here as well.
    pub(super) fn token_of(&self, id: &KeyId) -> Result<Option<TokenFile>, KeyError> {
        if self.key_file(id).exists() {
            return Ok(None);
        }
        let path = self.token_file(id);
        let Some(content) = files::read(&path, MAX_FILE)? else { return Ok(None) };
        let file: TokenFile =
            serde_json::from_slice(&content).map_err(|_| KeyError::Damaged { file: path.clone() })?;
        if file.version == TokenFile::VERSION {
            Ok(Some(file))
        } else {
            Err(KeyError::FromTheFuture { file: path })
        }
    }

    /// Opens the token, asking for its PIN unless it is open.
    pub(super) fn open_token_key(
        &self,
        file: &TokenFile,
        certificate: &Certificate,
    ) -> Result<Arc<dyn DistantKey>, KeyError> {
        let damaged = || KeyError::Damaged { file: self.token_file(&KeyId::of_spki(certificate.spki_der())) };
        let id = hex::decode(&file.id).map_err(|_| damaged())?;
        let opened = token::with_name(module_of(file)?, &file.token)?;
        opened.open(&*self.pins)?;
        Ok(Arc::new(TokenKey::new(opened, id, certificate)))
    }
}

fn module_of(file: &TokenFile) -> Result<&Path, TokenError> {
    file.module.as_deref().ok_or_else(|| TokenError::ModuleUnknown(file.token.clone()))
}

fn only(mut there: Vec<TokenName>, wanted: Option<&str>) -> Result<TokenName, TokenError> {
    if let Some(wanted) = wanted {
        there.retain(|name| name.label == wanted || name.serial == wanted);
    }
    match (there.len(), there.pop(), wanted) {
        (1, Some(name), _) => Ok(name),
        (_, Some(last), _) => {
            there.push(last);
            Err(TokenError::Several(there))
        }
        (_, None, wanted) => {
            let label = wanted.unwrap_or_default().to_owned();
            Err(TokenError::Absent(TokenName { label, serial: String::new() }))
        }
    }
}

/// Whom a key is held for.
pub(super) fn held_for<'a>(
    certificate: &'a Certificate,
    address: Option<&'a EmailAddress>,
) -> Result<&'a EmailAddress, KeyError> {
    match (address, certificate.email_addresses().first()) {
        (Some(given), _) if certificate.names_address(given) == NameMatch::NamesOthers => {
            Err(KeyError::AddressDoesNotFit { address: given.clone() })
        }
        (Some(address), _) | (None, Some(address)) => Ok(address),
        (None, None) => Err(KeyError::AddressMissing),
    }
}
