//! Certificates: names, key usage, validity.
