//! Questions to the DNS and answers that DNSSEC proves.
//!
//! Reading order:
//!
//! * [`answer`]: what a question can end in. A [`Validated`] value is proof in itself: nothing
//!   outside this module can make one.
//! * [`resolver`]: the blocking entrance, [`Resolver`].
//! * [`anchors`] and [`servers`]: what is trusted, and who is asked.
//! * `upstream` carries questions and raw answers; it believes nothing.
//! * `gate` turns a raw answer into a verdict.
//!
//! Nothing here knows of mail.

pub mod anchors;
pub mod answer;
pub mod resolver;
pub mod servers;
mod gate;
mod runtime;
mod upstream;

pub use anchors::{AnchorError, Anchors};
pub use answer::{Answer, Denial, Link, Record, RecordSet, Validated};
pub use hickory_resolver::proto::rr::{Name as DomainName, RecordType};
pub use resolver::{Resolver, ResolverConfig, ResolverError};
pub use servers::{ServerError, Servers};
