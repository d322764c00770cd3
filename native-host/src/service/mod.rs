//! One file for each native-messaging request: maps wire shapes to the library and back.

pub mod failure;
pub mod recipients;
pub mod session;

pub use failure::{Code, Failure};
