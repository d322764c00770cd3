//! Who vouches for a signer's certificate: the sender's domain through SMIMEA records (DANE), or
//! certificate authorities that the user or administrator trusts.
//!
//! # Limitations
//! No circles yet.

mod anchors;
mod correspondents;
mod dane;
mod history;
mod programs;
mod revocation;
mod rules;

use std::rc::Rc;

use crate::clock::UnixTime;
use crate::directory::Finding;
use crate::mime::EmailAddress;
use crate::smimea::SmimeaRecord;
use crate::x509::Certificate;

pub use anchors::{AnchorError, Anchors};
pub use correspondents::Correspondents;
pub use dane::Vouchers;
pub use history::{History, Memory, Recollection, Seal};
pub use programs::Programs;

/// By what a signer is bound to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// A local certificate authority.
    Anchor,
    /// SMIMEA usage 3: the domain names this certificate.
    DaneEe,
    /// SMIMEA usage 2: the domain names an authority above it.
    DaneTa,
    /// SMIMEA usage 1: the domain names it, and a local authority issued it.
    PkixEe,
    /// SMIMEA usage 0: the domain names a local authority above it.
    PkixTa,
}

impl Binding {
    /// The word in `--json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::DaneEe => "dane-ee",
            Self::DaneTa => "dane-ta",
            Self::PkixEe => "pkix-ee",
            Self::PkixTa => "pkix-ta",
        }
    }

    /// Whether it is the domain that vouches.
    pub const fn is_by_domain(self) -> bool {
        !matches!(self, Self::Anchor)
    }
}

/// A signer that is bound to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// By what.
    pub binding: Binding,
    /// The record that says so; `None` for a local authority.
    pub record: Option<SmimeaRecord>,
}

/// Why nobody vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unbound {
    /// The domain proves that it publishes nothing, or is none that could.
    Absent,
    /// The answer failed validation.
    Bogus,
    /// The certificate expired at this time.
    Expired(UnixTime),
    /// The domain is provably not signed.
    Insecure,
    /// The certificate names other addresses, or none where it must name one.
    NamesOther,
    /// Proven records, and none fits the certificate.
    NoRecordFits,
    /// Proven records that nobody can use.
    NoUsableRecord,
    /// The certificate is not for signing mail.
    NotForSigning,
    /// The certificate is valid only from this time on.
    NotYetValid(UnixTime),
    /// A trusted authority revoked the certificate, or one above it.
    Revoked,
    /// No answer that proves anything.
    Unreachable,
}

/// Answers who vouches. The one implementation in the host is [`Vouchers`].
pub trait Judge {
    /// Binds `certificate` to `address`. `carried` are certificates that came with the mail; they
    /// help to build a chain and prove nothing.
    ///
    /// # Errors
    /// [`Unbound`], the most telling reason.
    fn bind(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        address: &EmailAddress,
    ) -> Result<Bound, Unbound>;

    /// Certificates that are published for `address`, for mail that carries none.
    fn published(&self, address: &EmailAddress) -> Vec<Certificate>;

    /// What the directory said when it was asked about `address`; `None` where nobody asked it.
    fn asked(&self, address: &EmailAddress) -> Option<Rc<Finding>>;
}
