//! SHA-256 of public octets in one go.

use openssl::sha::Sha256;

/// SHA-256 of what everybody may know. OpenSSL's own function for this looks for the algorithm by its name each time,
/// which takes many times as long as the digest of a name or a certificate; for secrets it is the right one, because it
/// wipes what it leaves in memory.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(octets);
    hash.finish()
}
