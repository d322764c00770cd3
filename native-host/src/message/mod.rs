//! Whole messages: protecting what goes out, opening what came in, and the one verdict.

pub mod outgoing;
