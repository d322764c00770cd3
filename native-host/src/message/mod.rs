//! Whole messages: protecting what goes out, opening what came in, and the one verdict.

pub mod incoming;
mod layers;
pub mod outgoing;
pub mod verdict;

pub use incoming::{OpenError, Opened, Reading, open};
pub use layers::Layer;
pub use verdict::Verdict;
