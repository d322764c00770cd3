//! Runs the scenarios that unbound and NLnet Labs' `domain` test their validators with (`.rpl`).
//!
//! A scenario is a clock, trust anchors, the answers of all name servers there are, and questions
//! with the answers expected of a validating resolver. Here one mock forwarder gives those answers
//! (see [`forwarder`]), and the questions go to the library under test.
#![allow(dead_code, reason = "each program uses its part")]

pub mod forwarder;
#[path = "../ports.rs"]
mod ports;
pub mod records;
pub mod scenario;
pub mod signer;
pub mod tree;
pub mod world;
mod zone;

use std::path::{Path, PathBuf};

/// Another folder of scenarios to be run instead of the corpus, in this environment variable.
pub const OTHERS: &str = "DNSSEC_SCENARIOS";

/// Where the scenarios lie, if they are there: they belong to others and are not part of the
/// project.
pub fn corpus() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(OTHERS) {
        return Some(folder.into());
    }
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/dnssec-rpl/test-data/validator");
    folder.is_dir().then_some(folder)
}
