//! Native messaging: frames, chunk streams, typed requests and answers. See `PROTOCOL.md`.
//!
//! * [`frame`]: a length and that many octets.
//! * [`request`]: what a frame from the add-on asks for, as types.
//! * [`key_request`]: those of them that concern the user's own keys.
//! * [`body`]: a request's body, put together from its chunks.
//! * [`file_name`]: the name under which a large body is handed over by a file.
//! * [`answer`]: what a frame to the add-on says.
//!
//! Nothing here knows what a request means.

pub mod answer;
pub mod body;
pub mod file_name;
pub mod frame;
pub mod key_request;
pub mod request;

/// The protocol versions that this host speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// The newest of them.
pub const PROTOCOL_MAX: u32 = 1;
/// Octets of a body that one chunk carries at most, before base64.
pub const CHUNK: usize = 512 * 1024;
/// Largest body either way.
pub const MAX_BODY: usize = 256 * 1024 * 1024;
