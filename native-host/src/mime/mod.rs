//! MIME, byte for byte: splitting, canonical writing, addresses.
//!
//! Read [`header`] first, then [`split`]: those two decide which octets are what. Nothing here
//! knows of cryptography.

pub mod address;
pub mod canonical;
pub mod content_type;
pub mod date;
pub mod header;
pub mod legacy_display;
pub mod protected;
pub mod protecting;
pub mod split;
pub mod transfer;
pub mod wrapped;

pub use address::EmailAddress;
pub use content_type::{ContentType, Kind};
pub use header::{Entity, Headers};
