//! Signatures that were checked before and fit.
//!
//! Whether a signature fits a key and the octets that it covers is arithmetic: it comes out alike
//! today and tomorrow. So it may be remembered, and nothing else is: dates, delegations, denials
//! and everything a verdict is made of are judged anew in each look-up.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use hickory_resolver::proto::dnssec::PublicKey;
use hickory_resolver::proto::dnssec::Verifier;
use hickory_resolver::proto::dnssec::rdata::DNSKEY;
use openssl::sha::Sha256;

/// Signatures remembered at the most: 32 octets each.
const MOST: usize = 16_384;

/// The signatures that fit. One that does not is checked again whenever it is met.
#[derive(Default)]
pub(super) struct Signatures(Mutex<HashSet<[u8; 32]>>);

impl Signatures {
    /// Whether `signature` over the octets `signed` was made with `key`. Checks nothing else.
    pub(super) fn fits(&self, key: &DNSKEY, signed: &[u8], signature: &[u8]) -> bool {
        let digest = digest(key, signed, signature);
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            return true;
        }
        if key.verify(signed, signature).is_err() {
            return false;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest);
        true
    }
}

/// Of everything that goes into the check, each part with its length before it.
fn digest(key: &DNSKEY, signed: &[u8], signature: &[u8]) -> [u8; 32] {
    let public = key.public_key();
    let mut hash = Sha256::new();
    hash.update(&[public.algorithm().into()]);
    for part in [public.public_bytes(), signed, signature] {
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}
