//! SignedData (RFC 5652 section 5) put together here, round a signature that is made elsewhere:
//! OpenSSL's own code wants the private key itself.
//!
//! # Limitations
//! One signer; SHA-256; content that goes inside is held in memory until the end.

use std::sync::Arc;

use der::Encode;
use der::asn1::ObjectIdentifier;
use openssl::sha::Sha256;

use super::key::{DistantKey, KeyFault, SALT, SignatureScheme, signature_fits};
use super::signer_info::EncodedAttribute;
use super::tlv::{self, NULL, OCTET_STRING, SEQUENCE, SET, context, value};
use super::{CmsError, Placement};
use crate::x509::Certificate;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// A SignedData under way.
pub(super) struct Composition {
    signer: Certificate,
    key: Arc<dyn DistantKey>,
    /// What goes along.
    certificates: Vec<Certificate>,
    /// signingTime and what else was asked for.
    attributes: Vec<Vec<u8>>,
    digest: Sha256,
    /// The content, where it goes inside.
    content: Option<Vec<u8>>,
}

impl Composition {
    /// `time` is `YYYYMMDDHHMMSSZ`.
    pub(super) fn begin(
        signer: &Certificate,
        key: &Arc<dyn DistantKey>,
        certificates: Vec<Certificate>,
        time: &str,
        others: &[EncodedAttribute<'_>],
        placement: Placement,
    ) -> Result<Self, CmsError> {
        let (tag, text) = tlv::time_text(time);
        let time = value(tag, &[text]).and_then(|time| attribute(SIGNING_TIME, &time));
        let others = others.iter().map(|other| attribute(ObjectIdentifier::new(other.oid)?, other.der));
        let attributes = std::iter::once(time).chain(others).collect::<der::Result<_>>();
        Ok(Self {
            signer: signer.clone(),
            key: Arc::clone(key),
            certificates,
            attributes: attributes.map_err(|_| CmsError::NotCms)?,
            digest: Sha256::new(),
            content: (placement == Placement::Embedded).then(Vec::new),
        })
    }

    pub(super) fn push(&mut self, content: &[u8]) {
        self.digest.update(content);
        if let Some(inside) = &mut self.content {
            inside.extend_from_slice(content);
        }
    }

    /// Has the key sign, and puts the object together. The signature is checked before it leaves:
    /// one that was made wrongly may give a key away, and is of no use to anybody.
    pub(super) fn finish(self) -> Result<Vec<u8>, CmsError> {
        let not_der = |_| CmsError::NotCms;
        let scheme = self.key.scheme().map_err(CmsError::Key)?;
        let digest = value(OCTET_STRING, &[&self.digest.finish()]).map_err(not_der)?;
        let mut attributes = self.attributes;
        attributes.push(attribute(CONTENT_TYPE, &DATA.to_der().map_err(not_der)?).map_err(not_der)?);
        attributes.push(attribute(MESSAGE_DIGEST, &digest).map_err(not_der)?);
        // RFC 5652 section 5.4: what is signed has SET's own tag, what stands in the object `[0]`.
        let signed = tlv::set_of(SET, attributes.clone()).map_err(not_der)?;
        let signature = self.key.sign(&openssl::sha::sha256(&signed)).map_err(CmsError::Key)?;
        if !signature_fits(&self.signer, scheme, &signed, &signature) {
            let reason = "its signature does not fit the certificate".to_owned();
            return Err(CmsError::Key(KeyFault::Failed { reason }));
        }
        let parts = Parts {
            signer: &self.signer,
            certificates: &self.certificates,
            content: self.content.as_deref(),
            attributes,
            scheme,
            signature: &signature,
        };
        parts.assemble().map_err(not_der)
    }
}

struct Parts<'a> {
    signer: &'a Certificate,
    certificates: &'a [Certificate],
    content: Option<&'a [u8]>,
    attributes: Vec<Vec<u8>>,
    scheme: SignatureScheme,
    signature: &'a [u8],
}

impl Parts<'_> {
    fn assemble(self) -> der::Result<Vec<u8>> {
        let sha256 = tlv::algorithm(SHA256, &[])?;
        let content = match self.content {
            Some(octets) => value(context(0), &[&value(OCTET_STRING, &[octets])?])?,
            None => Vec::new(),
        };
        let content_info = value(SEQUENCE, &[&DATA.to_der()?, &content])?;
        let certificates: Vec<Vec<u8>> = self.certificates.iter().map(|c| c.der().to_vec()).collect();
        let certificates = match certificates.is_empty() {
            true => Vec::new(),
            false => tlv::set_of(context(0), certificates)?,
        };
        let named = self.signer.issuer_and_serial();
        let serial = value(tlv::INTEGER, &[&named.serial])?;
        let signer_info = value(
            SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1], // version: the signer is named by issuer and serial number
                &value(SEQUENCE, &[&named.issuer, &serial])?,
                &sha256,
                &tlv::set_of(context(0), self.attributes)?,
                &signature_algorithm(self.scheme)?,
                &value(OCTET_STRING, &[self.signature])?,
            ],
        )?;
        let signed_data = value(
            SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1],
                &value(SET, &[&sha256])?,
                &content_info,
                &certificates,
                &value(SET, &[&signer_info])?,
            ],
        )?;
        value(SEQUENCE, &[&SIGNED_DATA.to_der()?, &value(context(0), &[&signed_data])?])
    }
}

fn attribute(oid: ObjectIdentifier, content: &[u8]) -> der::Result<Vec<u8>> {
    value(SEQUENCE, &[&oid.to_der()?, &value(SET, &[content])?])
}

fn signature_algorithm(scheme: SignatureScheme) -> der::Result<Vec<u8>> {
    match scheme {
        SignatureScheme::Ecdsa => tlv::algorithm(ECDSA_WITH_SHA256, &[]),
        SignatureScheme::RsaPkcs1 => tlv::algorithm(RSA_ENCRYPTION, &NULL),
        SignatureScheme::RsaPss => {
            let sha256 = tlv::algorithm(SHA256, &NULL)?;
            let mask = tlv::algorithm(MGF1, &sha256)?;
            let parameters = [
                value(context(0), &[&sha256])?,
                value(context(1), &[&mask])?,
                value(context(2), &[&[tlv::INTEGER, 1, SALT]])?,
            ];
            tlv::algorithm(RSASSA_PSS, &value(SEQUENCE, &[&parameters.concat()])?)
        }
    }
}
