//! The signed attributes in which signers say how they like to be written to: sMIMECapabilities (RFC 8551 section
//! 2.5.2), and SMIMEEncryptionKeyPreference (section 2.5.3) where they sign with another key than they read with.
//!
//! # Limitations
//! The preference is written and not read. Which certificates mail goes to is the recipient's domain's to say (`trust`),
//! and it goes to all of them: a signature that took some of these away could make mail unreadable, and one that added
//! some would let whoever has the signing key read along.

use super::tlv::{INTEGER, context, value};
use crate::x509::{Capabilities, Capability, Certificate, KeyAlgorithm};

/// sMIMECapabilities.
pub(super) const SMIME_CAPABILITIES: &str = "1.2.840.113549.1.9.15";
/// SMIMEEncryptionKeyPreference.
pub(super) const ENCRYPTION_KEY_PREFERENCE: &str = "1.2.840.113549.1.9.16.2.11";

/// What mail to somebody is best encrypted to.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The certificates above it.
    pub chain: &'a [Certificate],
    /// Whether its key is on a token.
    pub on_token: bool,
}

impl Reader<'_> {
    /// What is read with this key and this program, best first. Which digests a token's OAEP takes cannot be asked of
    /// it, so OAEP is not promised for a key on one.
    pub fn reads(&self) -> Capabilities {
        let is_rsa = matches!(self.certificate.key_algorithm(), KeyAlgorithm::Rsa(_));
        readable((is_rsa && !self.on_token).then_some(Capability::RsaesOaep))
    }
}

/// The capabilities of a signer who perhaps has a key to read with.
pub(super) fn capabilities(reader: Option<Reader<'_>>) -> Capabilities {
    reader.map_or_else(|| readable(None), |reader| reader.reads())
}

fn readable(key_transport: Option<Capability>) -> Capabilities {
    let content =
        [Capability::Aes256Gcm, Capability::Aes256Cbc, Capability::Aes128Gcm, Capability::Aes128Cbc];
    Capabilities::new(content.into_iter().chain(key_transport))
}

/// The SMIMEEncryptionKeyPreference that names one certificate, by its issuer and serial number.
pub(super) fn preferring(certificate: &Certificate) -> der::Result<Vec<u8>> {
    let named = certificate.issuer_and_serial();
    value(context(0), &[&named.issuer, &value(INTEGER, &[&named.serial])?])
}
