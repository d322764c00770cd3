//! PKCS#12 files whose MAC is PBMAC1 (RFC 9579), which OpenSSL checks from 3.4 on: checked here, and given a MAC of the
//! old kind, with which every OpenSSL opens them.
//!
//! # Limitations
//! PBKDF2 alone; no scrypt, and no salt from elsewhere.

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{Pfx, plain};
use crate::keys::error::ImportError;

const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Octets that SHA-256 takes at once.
const BLOCK: usize = 64;

#[derive(Sequence)]
struct MacData<'a> {
    digest_info: DigestInfo<'a>,
    salt: OctetStringRef<'a>,
    iterations: Option<u64>,
}

#[derive(Sequence)]
struct DigestInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: OctetStringRef<'a>,
}

#[derive(Sequence)]
struct Pbmac1Parameters<'a> {
    derivation: AlgorithmIdentifierRef<'a>,
    mac: AlgorithmIdentifierRef<'a>,
}

#[derive(Sequence)]
struct Pbkdf2Parameters<'a> {
    salt: OctetStringRef<'a>,
    iterations: u32,
    key_length: Option<u16>,
    prf: Option<AlgorithmIdentifierRef<'a>>,
}

/// The same file with a MAC of the old kind; `None` where it has no PBMAC1. How much work it asks for is the caller's to
/// look at first.
///
/// # Errors
/// [`ImportError::WrongPassword`], [`ImportError::UnknownEncryption`]; [`ImportError::Damaged`] also where the
/// length of the key is left out, which RFC 9579 section 4 forbids.
pub(super) fn with_old_mac(der: &[u8], password: &str) -> Result<Option<Vec<u8>>, ImportError> {
    let Ok(pfx) = Pfx::from_der(der) else { return Ok(None) };
    let mac = pfx.mac_data.map(|any| any.decode_as::<MacData<'_>>());
    let Some(Ok(mac)) = mac.filter(|mac| mac.as_ref().is_ok_and(is_pbmac1)) else { return Ok(None) };
    let content = plain(&pfx.auth_safe).map_err(|_| ImportError::Damaged)?;
    let parameters = parameters::<Pbmac1Parameters<'_>>(&mac.digest_info.algorithm)?;
    if parameters.derivation.oid != PBKDF2 {
        return Err(ImportError::UnknownEncryption);
    }
    let derivation = self::parameters::<Pbkdf2Parameters<'_>>(&parameters.derivation)?;
    let length = derivation.key_length.filter(|length| *length > 0).ok_or(ImportError::Damaged)?;
    let prf = derivation.prf.map_or(Ok(MessageDigest::sha1()), hmac)?;
    let made = || {
        let mut key = Zeroizing::new(vec![0; usize::from(length)]);
        let iterations = usize::try_from(derivation.iterations).unwrap_or(usize::MAX);
        pbkdf2_hmac(password.as_bytes(), derivation.salt.as_bytes(), iterations, prf, &mut key)?;
        Ok::<_, ErrorStack>(key)
    };
    let unknown = |_| ImportError::UnknownEncryption;
    let found = authenticate(&made().map_err(unknown)?, hmac(parameters.mac)?, content).map_err(unknown)?;
    let expected = mac.digest_info.digest.as_bytes();
    if found.len() != expected.len() || !memcmp::eq(&found, expected) {
        return Err(ImportError::WrongPassword);
    }
    old_mac(&pfx, content, password).map(Some).map_err(|_| ImportError::Damaged)
}

fn is_pbmac1(mac: &MacData<'_>) -> bool {
    mac.digest_info.algorithm.oid == PBMAC1
}

fn parameters<'a, T: Decode<'a> + der::DecodeValue<'a> + der::FixedTag>(
    algorithm: &AlgorithmIdentifierRef<'a>,
) -> Result<T, ImportError> {
    let parameters = algorithm.parameters.ok_or(ImportError::Damaged)?;
    parameters.decode_as().map_err(|_| ImportError::Damaged)
}

/// The digest of an HMAC (RFC 8018 appendix B.1.2).
fn hmac(algorithm: AlgorithmIdentifierRef<'_>) -> Result<MessageDigest, ImportError> {
    match algorithm.oid.to_string().as_str() {
        "1.2.840.113549.2.7" => Ok(MessageDigest::sha1()),
        "1.2.840.113549.2.8" => Ok(MessageDigest::sha224()),
        "1.2.840.113549.2.9" => Ok(MessageDigest::sha256()),
        "1.2.840.113549.2.10" => Ok(MessageDigest::sha384()),
        "1.2.840.113549.2.11" => Ok(MessageDigest::sha512()),
        _ => Err(ImportError::UnknownEncryption),
    }
}

fn authenticate(key: &[u8], digest: MessageDigest, content: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(digest, &key)?;
    signer.sign_oneshot_to_vec(content)
}

/// RFC 7292 section 4 and appendix B.2 with SHA-256, one iteration: what is checked a moment later, in this process,
/// needs no more. The key is one digest then.
fn old_mac(pfx: &Pfx<'_>, content: &[u8], password: &str) -> der::Result<Vec<u8>> {
    const FOR_A_MAC: u8 = 3;
    let utf16 = password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes);
    let utf16: Zeroizing<Vec<u8>> = Zeroizing::new(utf16.collect());
    let whole_blocks = utf16.len().div_ceil(BLOCK).saturating_mul(BLOCK);
    let salt = [0_u8; 8];
    let mut input = Zeroizing::new(vec![FOR_A_MAC; BLOCK]);
    input.extend(salt.iter().cycle().take(BLOCK));
    input.extend(utf16.iter().cycle().take(whole_blocks));
    let key = Zeroizing::new(openssl::sha::sha256(&input));
    let failed = |_| der::Error::from(der::ErrorKind::Failed);
    let mac = authenticate(&key[..], MessageDigest::sha256(), content).map_err(failed)?;
    let algorithm = AlgorithmIdentifierRef { oid: SHA256, parameters: Some(AnyRef::NULL) };
    let digest_info = DigestInfo { algorithm, digest: OctetStringRef::new(&mac)? };
    let mac_data = MacData { digest_info, salt: OctetStringRef::new(&salt)?, iterations: None }.to_der()?;
    let (version, auth_safe) = (pfx.version, pfx.auth_safe.to_der()?);
    let whole = Pfx {
        version,
        auth_safe: Decode::from_der(&auth_safe)?,
        mac_data: Some(AnyRef::from_der(&mac_data)?),
    };
    whole.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Pkcs12Encryption, read_key_file};

    /// What `export` makes, with PBMAC1: HMAC with SHA-512, the key by PBKDF2 with HMAC-SHA-256.
    fn file(key_length: Option<u16>) -> Vec<u8> {
        let key = crate::x509::samples::p256();
        let certificate = crate::x509::samples::Sample::default().signed_by(&key);
        let private = crate::keys::private::PrivateKey::new(key);
        let material = super::super::KeyMaterial { private, certificate, chain: Vec::new() };
        let der = crate::keys::export::pkcs12(&material, "pässwörd", Pkcs12Encryption::Modern);
        let der = der.unwrap().unwrap();
        let pfx = Pfx::from_der(&der).unwrap();
        let content = plain(&pfx.auth_safe).unwrap();
        let mut key = [0; 64];
        pbkdf2_hmac("pässwörd".as_bytes(), b"salt", 2048, MessageDigest::sha256(), &mut key).unwrap();
        let digest = authenticate(&key, MessageDigest::sha512(), content).unwrap();
        let hmac = |oid| AlgorithmIdentifierRef {
            oid: ObjectIdentifier::new_unwrap(oid),
            parameters: Some(AnyRef::NULL),
        };
        let pbkdf2 = Pbkdf2Parameters {
            salt: OctetStringRef::new(b"salt").unwrap(),
            iterations: 2048,
            key_length,
            prf: Some(hmac("1.2.840.113549.2.9")),
        };
        let pbkdf2 = pbkdf2.to_der().unwrap();
        let derivation =
            AlgorithmIdentifierRef { oid: PBKDF2, parameters: Some(AnyRef::from_der(&pbkdf2).unwrap()) };
        let parameters = Pbmac1Parameters { derivation, mac: hmac("1.2.840.113549.2.11") }.to_der().unwrap();
        let algorithm =
            AlgorithmIdentifierRef { oid: PBMAC1, parameters: Some(AnyRef::from_der(&parameters).unwrap()) };
        let digest_info = DigestInfo { algorithm, digest: OctetStringRef::new(&digest).unwrap() };
        let salt = OctetStringRef::new(b"NOT USED").unwrap();
        let mac = MacData { digest_info, salt, iterations: None }.to_der().unwrap();
        let whole = Pfx { mac_data: Some(AnyRef::from_der(&mac).unwrap()), ..pfx };
        whole.to_der().unwrap()
    }

    #[test]
    fn a_file_with_pbmac1_is_opened_by_its_password_alone() {
        let file = file(Some(64));
        assert_eq!(read_key_file(&file, "pässwörd").unwrap().len(), 1);
        assert_eq!(read_key_file(&file, "passwort").unwrap_err(), ImportError::WrongPassword);
        assert_eq!(read_key_file(&file, "").unwrap_err(), ImportError::WrongPassword);
        let changed = |at: usize| {
            let mut changed = file.clone();
            changed[at] ^= 1;
            read_key_file(&changed, "pässwörd")
        };
        assert_eq!(changed(file.len() / 2).unwrap_err(), ImportError::WrongPassword);
    }

    #[test]
    fn the_length_of_the_key_must_stand_there() {
        assert_eq!(read_key_file(&self::file(None), "pässwörd").unwrap_err(), ImportError::Damaged);
    }
}
