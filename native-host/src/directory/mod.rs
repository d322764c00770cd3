//! Where certificates come from.
