//! DANE S/MIME: finds correspondents' S/MIME certificates in DNSSEC-secured DNS (SMIMEA,
//! RFC 8162), signs, encrypts, verifies and decrypts mail, and keeps private keys behind the
//! OS keyring.
//!
//! The modules below stand in the order in which they depend on each other: a module may use
//! those beneath it and never one above it. [`cms`] knows nothing of DNS, [`dns`] nothing of
//! mail, [`wire`] nothing of cryptography.

// No panic on any input; an invariant is written beside an #[expect].
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// Text for people is written by cli/, everything else goes through tracing.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![deny(missing_docs, unreachable_pub)]

pub mod cli;
pub mod service;
pub mod wire;
pub mod message;
pub mod trust;
pub mod directory;
pub mod smimea;
pub mod dns;
pub mod keys;
pub mod cms;
pub mod x509;
pub mod mime;
pub mod pinentry;
mod programs;
pub mod installation;
pub mod logging;
pub mod config;
mod sha256;
pub mod clock;
