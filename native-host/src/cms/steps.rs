//! Decryption step by step, for keys that are elsewhere, and for what the CMS code of the OpenSSL in use
//! does not do as a whole: key agreement with X25519 (RFC 8418), ChaCha20-Poly1305 (RFC 8103), AES-CCM
//! (RFC 5084), authenticated attributes (RFC 5083 section 2.2), GCM whose tag has the length that goes
//! without saying (RFC 5084 section 3.2). Each step is a call to OpenSSL or to the distant key; only the
//! structures are read here.
//!
//! # Limitations
//! DER only ([`super::CmsObject`] is written anew as DER first); keys named by their owner's own
//! certificate; no X448, no key agreement between two certificates, no password or KEK recipients.

mod agreement;
mod structure;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Tag, Tagged};
use openssl::aes::{AesKey, unwrap_key};
use openssl::cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKeyRef, Private};
use openssl::rsa::Padding;
use openssl::symm::{self, Cipher};
use zeroize::Zeroizing;

use super::CmsError;
use super::decrypt::MIN_TAG;
use super::key::{Key, KeyFault, RsaPadding};
use crate::x509::{Certificate, children};
use agreement::agreed;
pub(super) use agreement::{Derivation, shared_info};
use structure::{Algorithm, as_set, is_context, names, skip_context};

/// Most RecipientInfos of one certificate that are tried: each costs a decryption of all the content.
const MAX_TRIES: usize = 4;

/// A secret on its way from one step to the next.
type Secret = Zeroizing<Vec<u8>>;

/// Decrypts an EnvelopedData or AuthEnvelopedData with the key of one recipient.
///
/// # Errors
/// [`CmsError::DecryptionFailed`], whatever does not fit; [`CmsError::NotSupported`] names an
/// algorithm that is not done here; [`CmsError::Key`] says why a distant key did nothing.
pub(super) fn decrypt(der: &[u8], certificate: &Certificate, key: Key<'_>) -> Result<Vec<u8>, CmsError> {
    let enveloped = Enveloped::read(der).ok_or(CmsError::DecryptionFailed)?;
    let cipher = enveloped.cipher()?;
    let mut last = CmsError::DecryptionFailed;
    let own = enveloped.recipients.iter().filter_map(|recipient| WrappedKey::read(*recipient, certificate));
    for wrapped in own.take(MAX_TRIES) {
        match wrapped
            .open(key, certificate, cipher.key_length())
            .and_then(|cek| cipher.decrypt(&cek, &enveloped))
        {
            Ok(content) => return Ok(content),
            Err(error @ CmsError::Key(_)) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The parts of an EnvelopedData (RFC 5652 section 6.1) or AuthEnvelopedData (RFC 5083 section 2.1).
struct Enveloped<'a> {
    recipients: Vec<AnyRef<'a>>,
    algorithm: Algorithm<'a>,
    ciphertext: &'a [u8],
    /// The octets that are authenticated beside the content.
    attributes: Vec<u8>,
    mac: Option<&'a [u8]>,
}

impl<'a> Enveloped<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let content_info = children(AnyRef::from_der(der).ok()?)?;
        let [_, explicit] = content_info.as_slice() else { return None };
        let fields = children(AnyRef::from_der(explicit.value()).ok()?)?;
        let (_version, fields) = fields.split_first()?;
        let fields = skip_context(fields, 0); // originatorInfo
        let (recipients, fields) = fields.split_first()?;
        let (encrypted, fields) = fields.split_first()?;
        let encrypted = children(*encrypted)?;
        let [_, algorithm, ciphertext, ..] = encrypted.as_slice() else { return None };
        // `[1]`; OpenSSL 3.0 writes `[2]` (`inspect::as_openssl_numbers`).
        let attributes = fields.first().filter(|any| is_context(any, 1) || is_context(any, 2));
        let fields = if attributes.is_some() { fields.get(1..)? } else { fields };
        let attributes = attributes.map(|any| as_set(*any));
        let mac = fields.first().filter(|any| any.tag() == Tag::OctetString);
        Some(Self {
            recipients: children(*recipients)?,
            algorithm: Algorithm::read(*algorithm)?,
            ciphertext: ciphertext.value(),
            attributes: attributes.unwrap_or_default(),
            mac: mac.map(|any| any.value()),
        })
    }

    fn cipher(&self) -> Result<ContentCipher<'a>, CmsError> {
        let unknown = || CmsError::NotSupported(super::inspect::cipher_name(self.algorithm.oid));
        let parameters = self.algorithm.parameters.ok_or_else(unknown)?;
        let iv = |any: AnyRef<'a>| (any.tag() == Tag::OctetString).then(|| any.value());
        let nonce = || children(parameters)?.first().copied().and_then(iv); // RFC 5084 section 3
        let (cipher, iv) = match self.algorithm.oid.to_string().as_str() {
            "2.16.840.1.101.3.4.1.2" => (Cipher::aes_128_cbc(), iv(parameters)),
            "2.16.840.1.101.3.4.1.22" => (Cipher::aes_192_cbc(), iv(parameters)),
            "2.16.840.1.101.3.4.1.42" => (Cipher::aes_256_cbc(), iv(parameters)),
            "2.16.840.1.101.3.4.1.6" => (Cipher::aes_128_gcm(), nonce()),
            "2.16.840.1.101.3.4.1.26" => (Cipher::aes_192_gcm(), nonce()),
            "2.16.840.1.101.3.4.1.46" => (Cipher::aes_256_gcm(), nonce()),
            "2.16.840.1.101.3.4.1.7" => (Cipher::aes_128_ccm(), nonce()),
            "2.16.840.1.101.3.4.1.27" => (Cipher::aes_192_ccm(), nonce()),
            "2.16.840.1.101.3.4.1.47" => (Cipher::aes_256_ccm(), nonce()),
            "1.2.840.113549.1.9.16.3.18" => (Cipher::chacha20_poly1305(), iv(parameters)),
            "1.2.840.113549.3.7" => (Cipher::des_ede3_cbc(), iv(parameters)),
            _ => return Err(unknown()),
        };
        let is_cbc = cipher.block_size() > 1;
        let iv = iv.filter(|iv| match iv.len() {
            length if is_cbc => Some(length) == cipher.iv_len(),
            length => (7..=16).contains(&length), // OpenSSL knows which of them the cipher takes
        });
        Ok(ContentCipher { cipher, iv: iv.ok_or(CmsError::DecryptionFailed)?, is_cbc })
    }
}

struct ContentCipher<'a> {
    cipher: Cipher,
    iv: &'a [u8],
    is_cbc: bool,
}

impl ContentCipher<'_> {
    fn key_length(&self) -> usize {
        self.cipher.key_len()
    }

    fn decrypt(&self, key: &[u8], enveloped: &Enveloped<'_>) -> Result<Vec<u8>, CmsError> {
        if key.len() != self.key_length() {
            return Err(CmsError::DecryptionFailed);
        }
        let content = match enveloped.mac {
            None if self.is_cbc => symm::decrypt(self.cipher, key, Some(self.iv), enveloped.ciphertext),
            // RFC 5084 section 3.2 allows tags of 12 to 16 octets; with CCM we take no shorter ones either.
            Some(mac) if !self.is_cbc && (MIN_TAG..=16).contains(&mac.len()) => {
                let attributes = &enveloped.attributes;
                if is_ccm(self.cipher) {
                    ccm(self.cipher, key, self.iv, attributes, enveloped.ciphertext, mac)
                } else {
                    symm::decrypt_aead(self.cipher, key, Some(self.iv), attributes, enveloped.ciphertext, mac)
                }
            }
            _ => return Err(CmsError::DecryptionFailed),
        };
        content.map_err(|_| CmsError::DecryptionFailed)
    }
}

fn is_ccm(cipher: Cipher) -> bool {
    [Cipher::aes_128_ccm(), Cipher::aes_192_ccm(), Cipher::aes_256_ccm()].contains(&cipher)
}

/// AES-CCM, whose tag must be set before its key: `symm` does it the other way round, which is good for tags of
/// 12 octets only.
fn ccm(
    cipher: Cipher,
    key: &[u8],
    nonce: &[u8],
    attributes: &[u8],
    ciphertext: &[u8],
    mac: &[u8],
) -> Result<Vec<u8>, ErrorStack> {
    let cipher = cipher::Cipher::from_nid(cipher.nid()).ok_or_else(ErrorStack::get)?;
    let mut context = CipherCtx::new()?;
    context.decrypt_init(Some(cipher), None, None)?;
    context.set_iv_length(nonce.len())?;
    context.set_tag(mac)?;
    context.decrypt_init(None, Some(key), Some(nonce))?;
    context.set_data_len(ciphertext.len())?;
    if !attributes.is_empty() {
        context.cipher_update(attributes, None)?;
    }
    let mut content = Vec::with_capacity(ciphertext.len());
    context.cipher_update_vec(ciphertext, &mut content)?; // nothing comes out where the tag does not fit
    Ok(content)
}

/// A content-encryption key as one RecipientInfo hands it over.
enum WrappedKey<'a> {
    Transported { algorithm: Algorithm<'a>, encrypted: &'a [u8] },
    Agreed { originator: AnyRef<'a>, ukm: Option<AnyRef<'a>>, algorithm: Algorithm<'a>, encrypted: &'a [u8] },
}

impl<'a> WrappedKey<'a> {
    /// `None` where the RecipientInfo is for somebody else or of a kind that is not done here.
    fn read(recipient: AnyRef<'a>, certificate: &Certificate) -> Option<Self> {
        let fields = children(recipient)?;
        if recipient.tag() == Tag::Sequence {
            let [_version, rid, algorithm, encrypted] = fields.as_slice() else { return None };
            if !names(*rid, certificate) {
                return None;
            }
            return Some(Self::Transported {
                algorithm: Algorithm::read(*algorithm)?,
                encrypted: encrypted.value(),
            });
        }
        if !is_context(&recipient, 1) {
            return None;
        }
        let (_version, fields) = fields.split_first()?;
        let (originator, fields) = fields.split_first()?;
        let originator = AnyRef::from_der(originator.value()).ok()?;
        let ukm = fields.first().filter(|any| is_context(any, 1)).map(|any| any.value());
        let [algorithm, keys] = skip_context(fields, 1) else { return None };
        let encrypted = children(*keys)?.into_iter().find_map(|key| {
            let parts = children(key)?;
            let [rid, encrypted] = parts.as_slice() else { return None };
            names(*rid, certificate).then(|| encrypted.value())
        })?;
        let ukm = ukm.map(AnyRef::from_der).transpose().ok()?;
        Some(Self::Agreed { originator, ukm, algorithm: Algorithm::read(*algorithm)?, encrypted })
    }

    fn open(&self, key: Key<'_>, certificate: &Certificate, length: usize) -> Result<Secret, CmsError> {
        match self {
            Self::Transported { algorithm, encrypted } => transported(algorithm, encrypted, key, length),
            Self::Agreed { originator, ukm, algorithm, encrypted } => {
                let kek = agreed(algorithm, *originator, *ukm, key, certificate)?;
                let mut cek = Zeroizing::new(vec![0; encrypted.len().saturating_sub(8)]);
                if cek.is_empty() || cek.len() % 8 != 0 {
                    return Err(CmsError::DecryptionFailed);
                }
                let kek = AesKey::new_decrypt(&kek).map_err(|_| CmsError::DecryptionFailed)?;
                let written = unwrap_key(&kek, None, &mut cek, encrypted); // RFC 3394
                if written.is_ok_and(|written| written == cek.len()) {
                    Ok(cek)
                } else {
                    Err(CmsError::DecryptionFailed)
                }
            }
        }
    }
}

/// RSAES-PKCS1-v1_5 (RFC 8017 section 7.2) and RSAES-OAEP (RFC 4055 section 4).
fn transported(
    algorithm: &Algorithm<'_>,
    encrypted: &[u8],
    key: Key<'_>,
    length: usize,
) -> Result<Secret, CmsError> {
    let padding = match algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => RsaPadding::Pkcs1,
        "1.2.840.113549.1.1.7" => oaep(algorithm.parameters).ok_or(CmsError::DecryptionFailed)?,
        other => return Err(CmsError::NotSupported(other.to_owned())),
    };
    let opened = match key {
        Key::Here(key) => decrypt_here(key, &padding, encrypted),
        Key::Elsewhere(key) => key.decrypt(&padding, encrypted),
    };
    let is_v15 = matches!(padding, RsaPadding::Pkcs1);
    match opened {
        Ok(cek) if !is_v15 || cek.len() == length => Ok(cek),
        // RFC 3218 section 2.3.2: go on with a key that nobody knows, so that no difference tells an
        // attacker whether the padding was right.
        Ok(_) | Err(KeyFault::Declined) if is_v15 => {
            let mut cek = Zeroizing::new(vec![0; length]);
            openssl::rand::rand_bytes(&mut cek).map_err(CmsError::Openssl)?;
            Ok(cek)
        }
        Ok(_) | Err(KeyFault::Declined) => Err(CmsError::DecryptionFailed),
        Err(fault) => Err(CmsError::Key(fault)),
    }
}

fn decrypt_here(
    key: &PKeyRef<Private>,
    padding: &RsaPadding<'_>,
    encrypted: &[u8],
) -> Result<Secret, KeyFault> {
    let decrypt = || {
        let mut decrypter = Decrypter::new(key)?;
        match padding {
            RsaPadding::Pkcs1 => decrypter.set_rsa_padding(Padding::PKCS1)?,
            RsaPadding::Oaep { hash, mgf, label } => {
                decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
                decrypter.set_rsa_oaep_md(*hash)?;
                decrypter.set_rsa_mgf1_md(*mgf)?;
                if !label.is_empty() {
                    decrypter.set_rsa_oaep_label(label)?;
                }
            }
        }
        let mut cek = Zeroizing::new(vec![0; decrypter.decrypt_len(encrypted)?]);
        let written = decrypter.decrypt(encrypted, &mut cek)?;
        cek.truncate(written);
        Ok::<_, ErrorStack>(cek)
    };
    decrypt().map_err(|_| KeyFault::Declined)
}

/// RSAES-OAEP-params, whose fields all have defaults with SHA-1.
fn oaep(parameters: Option<AnyRef<'_>>) -> Option<RsaPadding<'_>> {
    let (mut hash, mut mgf, mut label): (_, _, &[u8]) = (MessageDigest::sha1(), MessageDigest::sha1(), &[]);
    for field in parameters.map_or(Some(Vec::new()), children)? {
        let inside = Algorithm::read(AnyRef::from_der(field.value()).ok()?)?;
        if is_context(&field, 0) {
            hash = digest(inside.oid)?;
        } else if is_context(&field, 1) {
            mgf = digest(Algorithm::read(inside.parameters?)?.oid)?;
        } else if is_context(&field, 2) {
            label = inside.parameters?.value();
        }
    }
    Some(RsaPadding::Oaep { hash, mgf, label })
}

pub(super) fn digest(oid: ObjectIdentifier) -> Option<MessageDigest> {
    match oid.to_string().as_str() {
        "1.3.14.3.2.26" => Some(MessageDigest::sha1()),
        "2.16.840.1.101.3.4.2.4" => Some(MessageDigest::sha224()),
        "2.16.840.1.101.3.4.2.1" => Some(MessageDigest::sha256()),
        "2.16.840.1.101.3.4.2.2" => Some(MessageDigest::sha384()),
        "2.16.840.1.101.3.4.2.3" => Some(MessageDigest::sha512()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;
    use openssl::aes::wrap_key;
    use openssl::derive::Deriver;
    use openssl::ec::EcKey;
    use openssl::pkey::PKey;

    use super::super::CmsObject;
    use super::agreement::{Derivation, shared_info};
    use super::*;
    use crate::cms::tlv;
    use crate::x509::samples::{Sample, p256};

    fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        tlv::value(tag, parts).unwrap()
    }

    fn oid(text: &str) -> Vec<u8> {
        ObjectIdentifier::new_unwrap(text).to_der().unwrap()
    }

    /// AuthEnvelopedData for one recipient by ECDH and HKDF (RFC 8418).
    fn sealed(certificate: &Certificate, cipher: Cipher, text: &[u8], attributes: &[u8]) -> Vec<u8> {
        let public = certificate.x509().unwrap().public_key().unwrap();
        let public_ec = public.ec_key().unwrap();
        let group = public_ec.group();
        let ephemeral = EcKey::generate(group).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
        let point = ephemeral.public_key().to_bytes(group, form, &mut context).unwrap();
        let ephemeral = PKey::from_ec_key(ephemeral).unwrap();
        let mut deriver = Deriver::new(&ephemeral).unwrap();
        deriver.set_peer(&public).unwrap();
        let secret = deriver.derive_to_vec().unwrap();
        let wrap = value(0x30, &[&oid("2.16.840.1.101.3.4.1.45")]);
        let info = shared_info(AnyRef::from_der(&wrap).unwrap(), None, 32).unwrap();
        let derivation = Derivation { digest: MessageDigest::sha256(), is_hkdf: true };
        let kek = derivation.key(&secret, &[], &info, 32).unwrap();
        let (cek, nonce, mut wrapped, mut mac) = ([7; 32], [9; 12], [0; 40], [0; 16]);
        wrap_key(&AesKey::new_encrypt(&kek).unwrap(), None, &mut wrapped, &cek).unwrap();
        let authenticated = if attributes.is_empty() { Vec::new() } else { value(0x31, &[attributes]) };
        let ciphertext = if is_ccm(cipher) {
            let mut context = CipherCtx::new().unwrap();
            context.encrypt_init(cipher::Cipher::from_nid(cipher.nid()), None, None).unwrap();
            context.set_iv_length(nonce.len()).unwrap();
            context.set_tag_length(mac.len()).unwrap();
            context.encrypt_init(None, Some(&cek), Some(&nonce)).unwrap();
            context.set_data_len(text.len()).unwrap();
            context.cipher_update(&authenticated, None).unwrap();
            let mut out = Vec::new();
            context.cipher_update_vec(text, &mut out).unwrap();
            context.tag(&mut mac).unwrap();
            out
        } else {
            symm::encrypt_aead(cipher, &cek, Some(&nonce), &authenticated, text, &mut mac).unwrap()
        };
        let named = certificate.issuer_and_serial();
        let rid = value(0x30, &[&named.issuer, &value(2, &[&named.serial])]);
        let originator =
            value(0xa1, &[&value(0x30, &[&oid("1.2.840.10045.2.1")]), &value(3, &[&[0], &point])]);
        let recipient = value(
            0xa1,
            &[
                &[2, 1, 3],
                &value(0xa0, &[&originator]),
                &value(0x30, &[&oid("1.2.840.113549.1.9.16.3.19"), &wrap]),
                &value(0x30, &[&value(0x30, &[&rid, &value(4, &[&wrapped])])]),
            ],
        );
        let nonce = value(4, &[&nonce]);
        let algorithm = if cipher == Cipher::chacha20_poly1305() {
            value(0x30, &[&oid("1.2.840.113549.1.9.16.3.18"), &nonce])
        } else {
            value(0x30, &[&oid("2.16.840.1.101.3.4.1.47"), &value(0x30, &[&nonce, &[2, 1, 16]])])
        };
        let encrypted =
            value(0x30, &[&oid("1.2.840.113549.1.7.1"), &algorithm, &value(0x80, &[&ciphertext])]);
        let signed_beside = if attributes.is_empty() { Vec::new() } else { value(0xa1, &[attributes]) };
        let enveloped = value(
            0x30,
            &[&[2, 1, 0], &value(0x31, &[&recipient]), &encrypted, &signed_beside, &value(4, &[&mac])],
        );
        value(0x30, &[&oid("1.2.840.113549.1.9.16.1.23"), &value(0xa0, &[&enveloped])])
    }

    #[test]
    fn each_step_is_undone_and_no_octet_may_change() {
        let key = p256();
        let certificate = Sample::default().signed_by(&key);
        let (chacha, ccm) = (Cipher::chacha20_poly1305(), Cipher::aes_256_ccm());
        // Attribute { 1.2.3, { TRUE } }
        let attribute = [0x30, 9, 6, 2, 0x2a, 3, 0x31, 3, 1, 1, 0xff];
        for (cipher, attributes) in [(chacha, &b""[..]), (chacha, &attribute), (ccm, b""), (ccm, &attribute)]
        {
            let object = sealed(&certificate, cipher, b"secret", attributes);
            let whole = CmsObject::parse(&object).unwrap();
            let opened = super::super::decrypt(&whole, &certificate, Key::Here(&key));
            assert_eq!(opened.unwrap(), b"secret");
            assert_eq!(decrypt(&object, &certificate, Key::Here(&key)).unwrap(), b"secret");
            for at in 0..object.len() {
                let mut changed = object.clone();
                changed[at] ^= 1;
                // Types and versions are not authenticated; what comes out is the same text or none.
                if let Ok(text) = decrypt(&changed, &certificate, Key::Here(&key)) {
                    assert_eq!(text, b"secret", "octet {at}");
                }
                let _ = decrypt(&object[..at], &certificate, Key::Here(&key));
            }
        }
        let other = p256();
        assert!(
            decrypt(&sealed(&certificate, chacha, b"secret", b""), &certificate, Key::Here(&other)).is_err()
        );
    }
}
