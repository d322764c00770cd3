//! The host's doings: one engine, the requests of the wire, and the words both edges speak.
//!
//! * [`engine`]: what everything works with, made from the settings.
//! * [`recipients`], [`outgoing`], [`verdict`], [`details`]: what requests and commands have in common.
//! * [`doctor`]: whether all is well, and what to do; [`audit`]: who wrote to whom; [`provisioning`]: keys made unasked.
//! * [`accounts`], [`publication`], [`records`], [`nsupdate`], [`host_settings`]: the user's own keys
//!   and what the DNS says of them.
//! * [`pin_window`]: asks for the PIN of a token.
//! * [`requests`], [`key_requests`]: the requests themselves; [`session`]: one connection; [`host`]: the process.
//! * [`failure`]: codes and words for what goes wrong.

pub mod accounts;
pub mod audit;
pub mod details;
pub mod doctor;
pub mod engine;
pub mod failure;
pub mod host;
pub mod host_settings;
pub mod key_list;
pub mod key_requests;
pub mod nsupdate;
pub mod outgoing;
pub mod pin_window;
pub mod provisioning;
pub mod publication;
pub mod recipients;
pub mod records;
pub mod requests;
pub mod session;
pub mod verdict;

pub use failure::{Code, Failure};
