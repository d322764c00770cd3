//! The host's doings: one engine, the requests of the wire, and the words both edges speak.
//!
//! * [`engine`]: what everything works with, made from the settings.
//! * [`recipients`], [`outgoing`], [`verdict`], [`details`]: what requests and commands have in common.
//! * [`requests`]: the requests themselves; [`session`]: one connection; [`host`]: the process.
//! * [`failure`]: codes and words for what goes wrong.

pub mod details;
pub mod engine;
pub mod failure;
pub mod host;
pub mod key_list;
pub mod outgoing;
pub mod publication;
pub mod recipients;
pub mod requests;
pub mod session;
pub mod verdict;

pub use failure::{Code, Failure};
