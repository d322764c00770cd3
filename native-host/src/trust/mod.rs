//! Who vouches for a certificate.
