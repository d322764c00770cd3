//! MIME, byte for byte: splitting, canonical writing, addresses.

pub mod address;

pub use address::EmailAddress;
