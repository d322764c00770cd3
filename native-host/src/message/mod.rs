//! Whole messages: protecting what goes out, opening what came in, and the one verdict.

pub mod incoming;
mod layers;
pub mod outgoing;
mod plain;
pub mod verdict;

pub use incoming::{OpenError, Opened, Reading, open};
pub use layers::Layer;
pub use plain::plain_message;
pub use verdict::Verdict;
