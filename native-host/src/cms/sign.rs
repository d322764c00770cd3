//! Making SignedData (RFC 5652 section 5).

use super::compose::Composition;
use super::preference::{ENCRYPTION_KEY_PREFERENCE, Reader, SMIME_CAPABILITIES, capabilities, preferring};
use super::signer_info::EncodedAttribute;
use super::signing_certificate::{SIGNING_CERTIFICATE_V2, naming};
use super::{CmsError, Key, ffi};
use crate::clock::UnixTime;
use crate::x509::{Certificate, KeyAlgorithm, SignatureDigest};

/// Where the signed content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Beside the object (`multipart/signed`).
    Detached,
    /// Inside it (`smime-type=signed-data`).
    Embedded,
}

/// Who signs, and what goes along with the signature.
#[derive(Clone, Copy)]
pub struct SigningIdentity<'a> {
    /// The signer's certificate.
    pub certificate: &'a Certificate,
    /// What goes along for the readers' path building.
    pub chain: &'a [Certificate],
    /// The private key.
    pub key: Key<'a>,
    /// What mail to the signer is to be encrypted to, if there is anything. It goes along with the certificates.
    pub reader: Option<Reader<'a>>,
    /// The signing time to state.
    pub at: UnixTime,
    /// Whether the certificates go along. Without them readers must find the signer's elsewhere, in
    /// the DNS for one.
    pub with_certificates: bool,
}

impl SigningIdentity<'_> {
    /// The digest, as `micalg` names it (RFC 8551 section 3.5.3.2).
    pub fn micalg(&self) -> &'static str {
        self.digest().micalg()
    }

    /// The key that mail to the signer is to be encrypted to, where it is another than the one that signs.
    fn other_reader(&self) -> Option<Reader<'_>> {
        self.reader.filter(|reader| reader.certificate != self.certificate)
    }

    /// Everything that goes along beside the signer's own certificate, each once.
    fn carried(&self) -> Vec<&Certificate> {
        let other = self.other_reader();
        let reader = other.iter().flat_map(|reader| std::iter::once(reader.certificate).chain(reader.chain));
        let mut carried: Vec<&Certificate> = Vec::new();
        for certificate in self.chain.iter().chain(reader).filter(|_| self.with_certificates) {
            if certificate != self.certificate && !carried.contains(&certificate) {
                carried.push(certificate);
            }
        }
        carried
    }

    fn digest(&self) -> SignatureDigest {
        match (self.key, self.certificate.key_algorithm()) {
            (Key::Here(_), KeyAlgorithm::Ed25519) => SignatureDigest::Sha512, // RFC 8419 section 2.3
            (Key::Here(_), KeyAlgorithm::RsaPss(_)) => {
                self.certificate.pss_rules().map_or(SignatureDigest::Sha256, |rules| rules.digest)
            }
            _ => SignatureDigest::Sha256,
        }
    }
}

/// A SignedData under way: content goes in piece by piece.
pub struct SignedStream(Work);

enum Work {
    Here(ffi::Growing),
    Elsewhere(Composition),
}

impl SignedStream {
    /// Signs with SHA-256, RSASSA-PKCS1-v1_5 or ECDSA as the key is, or Ed25519 with SHA-512; with keys that are
    /// restricted to RSASSA-PSS as they ask. The
    /// signing time, the content's digest, the algorithms that we can read ourselves, which certificate is the
    /// signer's, and which one to encrypt to if that is another (RFC 8551 section 2.5) are signed with it.
    ///
    /// Not checked: whether certificate and key are right for the sender, or valid now.
    ///
    /// # Errors
    /// [`CmsError::Openssl`].
    pub fn begin(identity: &SigningIdentity<'_>, placement: Placement) -> Result<Self, CmsError> {
        let certificate = identity.certificate;
        let not_der = |_| CmsError::NotCms;
        let capabilities = capabilities(identity.reader).to_der().map_err(not_der)?;
        let signer = naming(certificate).map_err(not_der)?;
        let preference = identity.other_reader().map(|reader| preferring(reader.certificate));
        let preference = preference.transpose().map_err(not_der)?;
        let mut attributes = vec![
            EncodedAttribute { oid: SMIME_CAPABILITIES, der: &capabilities },
            EncodedAttribute { oid: SIGNING_CERTIFICATE_V2, der: &signer },
        ];
        attributes
            .extend(preference.as_ref().map(|der| EncodedAttribute { oid: ENCRYPTION_KEY_PREFERENCE, der }));
        let carried = identity.carried();
        let time = identity.at.to_asn1();
        let key = match identity.key {
            Key::Here(key) => key,
            Key::Elsewhere(key) => {
                let all = std::iter::once(certificate).chain(carried);
                let certificates = all.filter(|_| identity.with_certificates).cloned().collect();
                let begun = Composition::begin(certificate, key, certificates, &time, &attributes, placement);
                return begun.map(|composition| Self(Work::Elsewhere(composition)));
            }
        };
        let chain: Result<Vec<_>, _> = carried.iter().map(|c| c.x509().map(ToOwned::to_owned)).collect();
        let chain = chain.map_err(CmsError::Openssl)?;
        let signing = ffi::Signing {
            certificate: certificate.x509().map_err(CmsError::Openssl)?,
            key,
            chain: &chain,
            with_certificates: identity.with_certificates,
            attributes: &attributes,
            time: &time,
            digest: identity.digest(),
            pss_salt: certificate.pss_rules().map(|rules| rules.salt),
        };
        let begun = ffi::sign(&signing, placement == Placement::Embedded).map_err(CmsError::Openssl);
        begun.map(|growing| Self(Work::Here(growing)))
    }

    /// Takes the next piece. What is ready of an object that embeds its content is appended to
    /// `out`.
    ///
    /// # Errors
    /// [`CmsError::Openssl`]; the object is worthless after it.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        match &mut self.0 {
            Work::Here(growing) => growing.push(content, out).map_err(CmsError::Openssl),
            Work::Elsewhere(composition) => {
                composition.push(content);
                Ok(())
            }
        }
    }

    /// Ends the content and signs. Appends to `out` the rest of the object, or all of a detached
    /// one. What was signed is checked before it leaves.
    ///
    /// # Errors
    /// [`CmsError::Openssl`]; [`CmsError::Key`] where the key is elsewhere and did not sign;
    /// [`CmsError::BadSignature`] where what it made does not fit.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), CmsError> {
        let rest = match self.0 {
            Work::Here(growing) => growing.finish(out)?,
            Work::Elsewhere(composition) => composition.finish()?,
        };
        out.extend_from_slice(&rest);
        Ok(())
    }
}

/// Signs `content`, which is all there.
///
/// # Errors
/// As [`SignedStream`].
pub fn sign(
    content: &[u8],
    identity: &SigningIdentity<'_>,
    placement: Placement,
) -> Result<Vec<u8>, CmsError> {
    let mut object = Vec::new();
    let mut stream = SignedStream::begin(identity, placement)?;
    stream.push(content, &mut object)?;
    stream.finish(&mut object)?;
    Ok(object)
}
