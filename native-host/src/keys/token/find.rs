//! Which keys a token holds, each with its certificate.

use std::sync::Arc;

use cryptoki::object::{Attribute, AttributeType, ObjectClass};

use super::TokenError;
use super::key::TokenKey;
use super::module::Token;
use crate::cms::{DistantKey, KeyFault, signature_fits};
use crate::x509::Certificate;

/// What is signed to see whether a key is the one of a certificate. No mail begins like this.
const PROOF: &[u8] = b"dane-smime: whose key is this?";

/// A key and its certificate.
pub(in crate::keys) struct Found {
    /// CKA_ID.
    pub(in crate::keys) id: Vec<u8>,
    pub(in crate::keys) certificate: Certificate,
}

/// What is on a token.
#[derive(Default)]
pub(in crate::keys) struct Keys {
    /// Those that can be used.
    pub(in crate::keys) found: Vec<Found>,
    /// The certificates of those that want their PIN for every single use.
    pub(in crate::keys) pin_for_each_use: Vec<Certificate>,
    /// Certificates without a key.
    pub(in crate::keys) others: Vec<Certificate>,
}

/// Every certificate on an open token, sorted by whether its private key is there, too.
pub(in crate::keys) fn find(token: &Arc<Token>) -> Result<Keys, TokenError> {
    let ids = private_keys(token)?;
    let mut keys = Keys::default();
    for (id, certificate) in certificates(token)? {
        // Makers put a key and its certificate under one id; that it is so shows only in what it does.
        if ids.usable.contains(&id) && proves(token, &id, &certificate)? != Some(false) {
            keys.found.push(Found { id, certificate });
        } else if ids.pin_for_each_use.contains(&id) {
            keys.pin_for_each_use.push(certificate);
        } else {
            keys.others.push(certificate);
        }
    }
    Ok(keys)
}

/// The key of a certificate that comes from elsewhere.
///
/// # Errors
/// [`TokenError::NoSuchKey`]; [`TokenError::PinForEachUse`] where there is a key that cannot be tried.
pub(in crate::keys) fn find_for(token: &Arc<Token>, certificate: &Certificate) -> Result<Found, TokenError> {
    let ids = private_keys(token)?;
    for id in ids.usable {
        if proves(token, &id, certificate)? == Some(true) {
            return Ok(Found { id, certificate: certificate.clone() });
        }
    }
    let name = token.name().clone();
    Err(match ids.pin_for_each_use.is_empty() {
        true => TokenError::NoSuchKey(name),
        false => TokenError::PinForEachUse(name),
    })
}

fn certificates(token: &Token) -> Result<Vec<(Vec<u8>, Certificate)>, TokenError> {
    let objects = token.work(|session| {
        let found = session.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE)])?;
        let read = |object| session.get_attributes(object, &[AttributeType::Id, AttributeType::Value]);
        found.into_iter().map(read).collect::<Result<Vec<_>, _>>()
    });
    let read = |attributes: Vec<Attribute>| {
        let (mut id, mut der) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match attribute {
                Attribute::Id(octets) => id = octets,
                Attribute::Value(octets) => der = octets,
                _ => {}
            }
        }
        // Tokens hold other people's odd certificates, too.
        Some((id, Certificate::from_der(&der).ok()?))
    };
    Ok(objects.map_err(|fault| in_words(token, fault))?.into_iter().filter_map(read).collect())
}

/// CKA_IDs of private keys.
#[derive(Default)]
struct Ids {
    usable: Vec<Vec<u8>>,
    pin_for_each_use: Vec<Vec<u8>>,
}

fn private_keys(token: &Token) -> Result<Ids, TokenError> {
    let wanted = [AttributeType::Id, AttributeType::AlwaysAuthenticate];
    let objects = token.work(|session| {
        let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?;
        let read = |object| session.get_attributes(object, &wanted);
        found.into_iter().map(read).collect::<Result<Vec<_>, _>>()
    });
    let mut ids = Ids::default();
    for attributes in objects.map_err(|fault| in_words(token, fault))? {
        let for_each_use = attributes.contains(&Attribute::AlwaysAuthenticate(true));
        let id = attributes.into_iter().find_map(|attribute| match attribute {
            Attribute::Id(octets) => Some(octets),
            _ => None,
        });
        if for_each_use { &mut ids.pin_for_each_use } else { &mut ids.usable }.extend(id);
    }
    Ok(ids)
}

/// Has the key sign something, and looks whether that fits the certificate. `None` for a key that may
/// not sign.
fn proves(token: &Arc<Token>, id: &[u8], certificate: &Certificate) -> Result<Option<bool>, TokenError> {
    let key = TokenKey::new(Arc::clone(token), id.to_vec(), certificate);
    let signed = key.scheme().and_then(|scheme| Ok((scheme, key.sign(&openssl::sha::sha256(PROOF))?)));
    match signed {
        Ok((scheme, signature)) => Ok(Some(signature_fits(certificate, scheme, PROOF, &signature))),
        Err(KeyFault::NotSupported(_)) => Ok(None),
        Err(KeyFault::Gone) => Err(in_words(token, KeyFault::Gone)),
        Err(_) => Ok(Some(false)), // a key of another kind than the certificate's
    }
}

fn in_words(token: &Token, fault: KeyFault) -> TokenError {
    match fault {
        KeyFault::Gone => TokenError::Absent(token.name().clone()),
        fault => TokenError::Failed { reason: fault.to_string() },
    }
}
