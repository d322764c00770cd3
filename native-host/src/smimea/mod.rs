//! SMIMEA records (RFC 8162): owner name, record data, matching a certificate.
//!
//! * [`owner_name`]: where the records of an address lie.
//! * [`record`]: what a record says, read from any octets whatever.
//! * [`matching`]: whether a certificate is the one that a record means.
//! * [`zone`]: a record as text, for zone files and updates.
//! * [`lint`]: what is wrong with a record.

pub mod lint;
pub mod matching;
pub mod owner_name;
pub mod record;
pub mod zone;

pub use owner_name::{NameTooLong, OwnerName};
pub use record::{Association, Matching, Selector, SmimeaRecord, Unusable, Usage};
pub use zone::ZoneRecord;
