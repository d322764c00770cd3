//! Native messaging: frames, chunk streams, typed requests and answers. See `PROTOCOL.md`.
