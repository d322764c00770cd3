//! SMIMEA records (RFC 8162): owner name, record data, matching a certificate.
