//! Where certificates come from.
//!
//! One trait, [`Directory`]; SMIMEA records are the first source and the only one that is called
//! DANE. What a source finds is a [`Finding`]: certificates in it come from proven answers alone, or are
//! named by them. [`Brought`] keeps what mail carried, as candidates for such a naming.

pub mod brought;
pub mod finding;
pub mod smimea;

pub use brought::Brought;
pub use finding::{Finding, FoundCertificate, Outcome, Published, Status, Unfit};
pub use smimea::SmimeaDirectory;

use std::time::Duration;

use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::smimea::NameTooLong;

/// A source of correspondents' certificates.
pub trait Directory: Send + Sync {
    /// What is known of `address`, with the certificates judged as of `now`. Blocks for
    /// `deadline` at the most; being late is an outcome, not an error.
    ///
    /// # Errors
    /// [`NameTooLong`]: no record can exist for this address.
    fn find(&self, address: &EmailAddress, now: UnixTime, deadline: Duration)
    -> Result<Finding, NameTooLong>;
}
