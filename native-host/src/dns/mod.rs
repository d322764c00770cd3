//! Questions to the DNS and answers that DNSSEC proves.
//!
//! Reading order:
//!
//! * [`answer`]: what a question can end in. A [`Validated`] value is proof in itself: nothing
//!   outside this module can make one.
//! * [`resolver`]: the blocking entrance, [`Resolver`].
//! * [`anchors`] and [`servers`]: what is trusted, and who is asked.
//! * `special` names what is never asked.
//! * `upstream` carries questions and raw answers (`line`, `stream`, `https`, `udp`, `message`), `cache` keeps some;
//!   they believe nothing.
//! * `signatures` does the arithmetic once.
//! * `validate` turns raw answers into a verdict; `second_opinion` asks hickory whether it agrees.
//!
//! Nothing here knows of mail.

pub mod anchors;
pub mod answer;
pub mod resolver;
pub mod servers;
mod cache;
mod https;
mod line;
mod message;
mod runtime;
mod second_opinion;
mod signatures;
mod special;
mod stream;
mod udp;
mod upstream;
mod validate;

pub use anchors::{AnchorError, Anchors};
pub use answer::{Answer, Denial, Link, Record, RecordSet, Validated};
pub use hickory_resolver::proto::rr::{Name as DomainName, RecordType};
pub use resolver::{Resolver, ResolverConfig};
pub use servers::{ServerError, Servers};
pub use special::is_outside;
