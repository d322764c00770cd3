//! Certificate authorities that the user or administrator trusts (`--ca-file`), and chains that end
//! in a given certificate (RFC 5280 section 6, RFC 8550).

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::stack::{Stack, StackRef};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext};

use super::revocation::RevocationLists;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::{Certificate, CertificateError};

/// OpenSSL's level of 112 bits: no RSA key below 2048 bits and no signature over MD5 or SHA-1 on a path. Who can
/// make two certificates with one digest gets the harmless one signed. The anchor's own signature proves nothing
/// and is not looked at.
const STRENGTH: i32 = 2;

/// Most authorities between a certificate and its anchor. Each costs the check of a signature, and OpenSSL would go
/// through a hundred.
const DEPTH: i32 = 8;

/// Trusted certificates. Every path must end in one of them.
pub struct Anchors {
    certificates: Vec<Certificate>,
    revoked: RevocationLists,
}

/// What a certificate at the end of a path is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Encrypting mail to its owner.
    Encryption,
    /// Its owner's signatures.
    Signing,
}

/// What leads from a certificate to an authority.
enum Way {
    Good,
    None,
    Revoked,
}

/// Why the file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The file cannot be read.
    #[error("the file {file} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file holds no certificates, or a damaged one.
    #[error("the file {file} holds no usable certificates")]
    NoCertificates {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: Option<CertificateError>,
    },
    /// The file holds no revocation lists, or a damaged one.
    #[error("the file {file} holds no usable revocation lists")]
    NoRevocationLists {
        /// The file.
        file: PathBuf,
    },
}

impl Anchors {
    /// Reads PEM or DER, and from `lists` whom the authorities revoked.
    ///
    /// # Errors
    /// [`AnchorError`]; an empty file is one: whoever names a file means something by it.
    pub fn load(file: &Path, lists: Option<&Path>) -> Result<Self, AnchorError> {
        let revoked = lists.map(RevocationLists::load).transpose()?.unwrap_or_default();
        let octets = std::fs::read(file)
            .map_err(|reason| AnchorError::Unreadable { file: file.to_owned(), reason })?;
        let wrong = |reason| AnchorError::NoCertificates { file: file.to_owned(), reason };
        let certificates = Certificate::from_pem_or_der(&octets).map_err(|error| wrong(Some(error)))?;
        if !certificates.iter().all(|certificate| certificate.x509().is_ok()) {
            return Err(wrong(Some(CertificateError::NotACertificate)));
        }
        if certificates.is_empty() { Err(wrong(None)) } else { Ok(Self { certificates, revoked }) }
    }

    /// No authorities at all: only DANE makes a signature valid.
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    /// The authorities.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// These certificates, and no others.
    pub(super) fn of(certificates: Vec<Certificate>) -> Self {
        Self { certificates, revoked: RevocationLists::default() }
    }

    /// Whether a path leads from `certificate` over `carried` to one of these, good at `now` and for
    /// that purpose, and nobody on it is revoked. Names are the caller's to check.
    pub(super) fn vouch_for(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        purpose: Purpose,
        now: UnixTime,
    ) -> bool {
        !self.certificates.is_empty()
            && matches!(self.path(certificate, carried, purpose, now), Ok(Way::Good))
    }

    /// Whether there is such a path, but for a certificate on it that an authority revoked.
    pub(super) fn revoke(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        purpose: Purpose,
        now: UnixTime,
    ) -> bool {
        matches!(self.path(certificate, carried, purpose, now), Ok(Way::Revoked))
    }

    fn path(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<Way, ErrorStack> {
        let store = self.store(purpose, now)?;
        let mut untrusted = Stack::new()?;
        for extra in carried {
            if let Ok(x509) = extra.x509() {
                untrusted.push(x509.to_owned())?;
            }
        }
        X509StoreContext::new()?.init(&store, certificate.x509()?, &untrusted, |context| {
            let found = context.verify_cert()?;
            Ok(match context.chain() {
                Some(path) if found && !may_all_vouch(path, certificate.email_addresses()) => Way::None,
                Some(path) if found && self.revoked.revoke(path) => Way::Revoked,
                _ if found => Way::Good,
                _ => Way::None,
            })
        })
    }

    fn store(&self, purpose: Purpose, now: UnixTime) -> Result<X509Store, ErrorStack> {
        let mut builder = X509StoreBuilder::new()?;
        for anchor in &self.certificates {
            builder.add_cert(anchor.x509()?.to_owned())?;
        }
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_time(now.seconds());
        parameters.set_purpose(match purpose {
            Purpose::Encryption => X509PurposeId::SMIME_ENCRYPT,
            Purpose::Signing => X509PurposeId::SMIME_SIGN,
        })?;
        parameters.set_auth_level(STRENGTH);
        parameters.set_depth(DEPTH);
        // An anchor need not be self-signed: a domain may name the authority right above its users.
        parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::TRUSTED_FIRST)?;
        builder.set_param(&parameters)?;
        Ok(builder.build())
    }
}

/// Whether every authority on the path may vouch for these addresses.
fn may_all_vouch(path: &StackRef<X509>, addresses: &[EmailAddress]) -> bool {
    let may_vouch = |authority: &X509Ref| {
        let authority = authority.to_der().ok().and_then(|der| Certificate::from_der(&der).ok());
        authority.is_some_and(|authority| authority.may_vouch_for(addresses))
    };
    path.iter().skip(1).all(may_vouch)
}
