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

/// What is known of one address, or that no record can exist for it.
pub type Found = Result<Finding, NameTooLong>;

/// A source of correspondents' certificates.
pub trait Directory: Send + Sync {
    /// What is known of each of `addresses`, with the certificates judged as of `now`. They are looked up
    /// side by side; `found` is called once for each with its place, in the order in which answers come,
    /// and says whether the others are still wanted. Blocks for `deadline` at the most; being late
    /// is an outcome, not an error.
    fn find_each(
        &self,
        addresses: &[EmailAddress],
        now: UnixTime,
        deadline: Duration,
        found: &mut dyn FnMut(usize, Found) -> bool,
    );

    /// What is known of one address.
    ///
    /// # Errors
    /// [`NameTooLong`]: no record can exist for this address.
    fn find(&self, address: &EmailAddress, now: UnixTime, deadline: Duration) -> Found {
        let mut one = Err(NameTooLong);
        self.find_each(std::slice::from_ref(address), now, deadline, &mut |_, found| {
            one = found;
            true
        });
        one
    }
}
