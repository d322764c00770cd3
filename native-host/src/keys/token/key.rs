//! What a private key on a token does.

use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use zeroize::Zeroizing;

use super::module::Token;
use crate::cms::{DistantKey, KeyFault, RsaPadding, SignatureScheme};
use crate::x509::{Certificate, KeyAlgorithm};

/// DigestInfo of SHA-256 (RFC 8017 section 9.2), up to the digest itself.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A key on a token that is open.
#[derive(Debug)]
pub(in crate::keys) struct TokenKey {
    token: Arc<Token>,
    id: Vec<u8>,
    is_rsa: bool,
}

impl TokenKey {
    pub(in crate::keys) fn new(token: Arc<Token>, id: Vec<u8>, certificate: &Certificate) -> Self {
        let is_rsa = matches!(certificate.key_algorithm(), KeyAlgorithm::Rsa(_));
        Self { token, id, is_rsa }
    }

    /// The key's object: looked for each time, because handles end with the session.
    fn object(&self, session: &Session) -> Result<ObjectHandle, Error> {
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(self.id.clone())];
        let found = session.find_objects(&wanted)?;
        // Only one who is logged in sees it.
        let unseen = Error::Pkcs11(RvError::UserNotLoggedIn, cryptoki::context::Function::FindObjects);
        found.first().copied().ok_or(unseen)
    }
}

impl DistantKey for TokenKey {
    fn scheme(&self) -> Result<SignatureScheme, KeyFault> {
        if !self.is_rsa {
            return Ok(SignatureScheme::Ecdsa);
        }
        // Some programs do not read PSS, so it is what is left where the other is not to be had.
        for (mechanism, scheme) in [
            (MechanismType::RSA_PKCS, SignatureScheme::RsaPkcs1),
            (MechanismType::RSA_PKCS_PSS, SignatureScheme::RsaPss),
        ] {
            if self.token.has_mechanism(mechanism)? {
                return Ok(scheme);
            }
        }
        Err(KeyFault::NotSupported("RSA signatures"))
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, KeyFault> {
        let scheme = self.scheme()?;
        let (mechanism, octets) = match scheme {
            SignatureScheme::Ecdsa => (Mechanism::Ecdsa, digest.to_vec()),
            SignatureScheme::RsaPkcs1 => (Mechanism::RsaPkcs, [&SHA256_INFO[..], digest].concat()),
            SignatureScheme::RsaPss => {
                let parameters = PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: 32.into(),
                };
                (Mechanism::RsaPkcsPss(parameters), digest.to_vec())
            }
        };
        let signature =
            self.token.work(|session| session.sign(&mechanism, self.object(session)?, &octets))?;
        match scheme {
            SignatureScheme::Ecdsa => ecdsa_value(&signature)
                .ok_or_else(|| KeyFault::Failed { reason: "its signature has a wrong length".to_owned() }),
            _ => Ok(signature),
        }
    }

    fn decrypt(&self, padding: &RsaPadding<'_>, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        let mechanism = match padding {
            RsaPadding::Pkcs1 => Mechanism::RsaPkcs,
            RsaPadding::Oaep { hash, mgf, label } => {
                let not_supported = KeyFault::NotSupported("OAEP with this digest");
                let (Some((hash, _)), Some((_, mgf))) = (digest(*hash), digest(*mgf)) else {
                    return Err(not_supported);
                };
                let source = match label.is_empty() {
                    true => PkcsOaepSource::empty(),
                    false => PkcsOaepSource::data_specified(label),
                };
                Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, source))
            }
        };
        self.token.work(|session| {
            let opened = session.decrypt(&mechanism, self.object(session)?, encrypted);
            opened.map(Zeroizing::new).map_err(|error| match error {
                // What modules say of a wrong padding where they do not say that it is one.
                Error::Pkcs11(RvError::FunctionFailed | RvError::GeneralError, function) => {
                    Error::Pkcs11(RvError::EncryptedDataInvalid, function)
                }
                error => error,
            })
        })
    }

    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        let coordinate = point.len().saturating_sub(1) / 2;
        let length = Ulong::try_from(coordinate).map_err(|_| KeyFault::Declined)?;
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(length),
        ];
        self.token.work(|session| {
            let secret = session.derive_key(&mechanism, self.object(session)?, &wanted)?;
            let value = session.get_attributes(secret, &[AttributeType::Value]);
            session.destroy_object(secret)?;
            let value = value?.into_iter().find_map(|attribute| match attribute {
                Attribute::Value(octets) => Some(Zeroizing::new(octets)),
                _ => None,
            });
            value.ok_or(Error::InvalidValue)
        })
    }
}

/// PKCS#11 has the two numbers side by side, CMS an ECDSA-Sig-Value.
fn ecdsa_value(side_by_side: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = side_by_side.split_at_checked(side_by_side.len() / 2)?;
    if r.len() != s.len() {
        return None;
    }
    let numbers = (BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
    EcdsaSig::from_private_components(numbers.0, numbers.1).ok()?.to_der().ok()
}

fn digest(digest: MessageDigest) -> Option<(MechanismType, PkcsMgfType)> {
    let known = [
        (MessageDigest::sha1(), MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        (MessageDigest::sha224(), MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
        (MessageDigest::sha256(), MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        (MessageDigest::sha384(), MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        (MessageDigest::sha512(), MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    ];
    let found = known.into_iter().find(|(one, ..)| one.type_() == digest.type_())?;
    Some((found.1, found.2))
}
