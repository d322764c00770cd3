//! Lists of revoked certificates (CRL, RFC 5280 section 5), for authorities that the user or
//! administrator trusts.
//!
//! # Limitations
//! - Lists come from a file; nothing is fetched. A list that is out of date still says who was revoked,
//!   and an authority without a list has revoked nobody.
//! - Delta lists and lists of other issuers than the authority itself are passed over.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::stack::StackRef;
use openssl::x509::{CrlStatus, X509, X509Crl, X509CrlRef, X509Ref};

use super::AnchorError;

/// The lists of one file.
#[derive(Default)]
pub(super) struct RevocationLists(Vec<X509Crl>);

impl RevocationLists {
    /// Reads PEM, one or many, or DER.
    pub(super) fn load(file: &Path) -> Result<Self, AnchorError> {
        let octets = std::fs::read(file)
            .map_err(|reason| AnchorError::Unreadable { file: file.to_owned(), reason })?;
        let lists = match std::str::from_utf8(&octets) {
            Ok(text) if text.contains("-----BEGIN ") => from_pem(text),
            _ => X509Crl::from_der(&octets).ok().map(|list| vec![list]),
        };
        match lists {
            Some(lists) if !lists.is_empty() => Ok(Self(lists)),
            _ => Err(AnchorError::NoRevocationLists { file: file.to_owned() }),
        }
    }

    /// Whether one certificate of the path, its end first, is on a list that the next one signed.
    pub(super) fn revoke(&self, path: &StackRef<X509>) -> bool {
        let certificates: Vec<&X509Ref> = path.iter().collect();
        certificates.windows(2).any(|pair| match pair {
            [certificate, issuer] => self.0.iter().any(|list| revokes(list, certificate, issuer)),
            _ => false,
        })
    }
}

fn revokes(list: &X509CrlRef, certificate: &X509Ref, issuer: &X509Ref) -> bool {
    let same_issuer = list
        .issuer_name()
        .try_cmp(certificate.issuer_name())
        .is_ok_and(|order| order == std::cmp::Ordering::Equal);
    let is_named = || matches!(list.get_by_cert(&certificate.to_owned()), CrlStatus::Revoked(_));
    let is_genuine = || issuer.public_key().and_then(|key| list.verify(&key)).unwrap_or(false);
    same_issuer && is_named() && is_genuine()
}

fn from_pem(text: &str) -> Option<Vec<X509Crl>> {
    let blocks = text.split("-----BEGIN X509 CRL-----").skip(1);
    let list = |block: &str| {
        let base64: String = block.split_once("-----END")?.0.split_ascii_whitespace().collect();
        X509Crl::from_der(&STANDARD.decode(base64).ok()?).ok()
    };
    blocks.map(list).collect()
}
