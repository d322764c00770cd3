//! Questions to the DNS and answers that DNSSEC proves.
