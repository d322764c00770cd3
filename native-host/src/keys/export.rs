//! Handing a key out, as PKCS#12 (RFC 7292).

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::stack::Stack;

use super::import::KeyMaterial;

/// Iterations of the key derivation and of the MAC.
const ITERATIONS: u32 = 100_000;
/// Old readers refuse large counts.
const LEGACY_ITERATIONS: u32 = 2048;

/// How a PKCS#12 file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkcs12Encryption {
    /// PBES2 with AES-256, HMAC-SHA256: read by everything of the last years.
    Modern,
    /// Triple DES and HMAC-SHA1, for gpgsm 2.2, old Windows and old macOS. Only as strong as its
    /// password.
    Legacy,
}

/// The PKCS#12 file (DER) of a key with its certificate and chain. `None` where the password has
/// a NUL, which the format cannot take.
pub(super) fn pkcs12(
    material: &KeyMaterial,
    password: &str,
    encryption: Pkcs12Encryption,
) -> Result<Option<Vec<u8>>, ErrorStack> {
    if password.contains('\0') {
        return Ok(None);
    }
    let mut chain = Stack::new()?;
    for certificate in &material.chain {
        chain.push(certificate.x509()?.to_owned())?;
    }
    let name = material.certificate.email_addresses().first().map(ToString::to_string);
    let mut builder = Pkcs12::builder();
    builder
        .name(&name.unwrap_or_default())
        .pkey(material.private.pkey())
        .cert(material.certificate.x509()?)
        .ca(chain);
    match encryption {
        Pkcs12Encryption::Modern => {
            builder.key_algorithm(Nid::AES_256_CBC).cert_algorithm(Nid::AES_256_CBC);
            builder.mac_md(MessageDigest::sha256()).key_iter(ITERATIONS).mac_iter(ITERATIONS);
        }
        Pkcs12Encryption::Legacy => {
            let triple_des = Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC;
            builder.key_algorithm(triple_des).cert_algorithm(triple_des);
            builder.mac_md(MessageDigest::sha1()).key_iter(LEGACY_ITERATIONS).mac_iter(LEGACY_ITERATIONS);
        }
    }
    builder.build2(password)?.to_der().map(Some)
}
