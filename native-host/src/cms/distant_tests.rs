//! Keys that are elsewhere, played by OpenSSL: what is built round them is judged by OpenSSL's own code.

use std::sync::Arc;

use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::encrypt::Decrypter;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use zeroize::Zeroizing;

use super::*;
use crate::clock::UnixTime;
use crate::x509::Certificate;
use crate::x509::samples::{Sample, p256, rsa};

/// A token of one key.
#[derive(Debug)]
struct Token {
    key: PKey<Private>,
    scheme: SignatureScheme,
    /// What it answers instead of working.
    fault: Option<KeyFault>,
}

impl Token {
    fn works(&self) -> Result<(), KeyFault> {
        self.fault.clone().map_or(Ok(()), Err)
    }
}

impl DistantKey for Token {
    fn scheme(&self) -> Result<SignatureScheme, KeyFault> {
        Ok(self.scheme)
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, KeyFault> {
        self.works()?;
        let mut context = PkeyCtx::new(&self.key).unwrap();
        context.sign_init().unwrap();
        context.set_signature_md(openssl::md::Md::sha256()).unwrap();
        if self.scheme == SignatureScheme::RsaPss {
            context.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(32)).unwrap();
        }
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature).unwrap();
        Ok(signature)
    }

    fn decrypt(&self, padding: &RsaPadding<'_>, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.works()?;
        let mut decrypter = Decrypter::new(&self.key).unwrap();
        match padding {
            RsaPadding::Pkcs1 => decrypter.set_rsa_padding(Padding::PKCS1).unwrap(),
            RsaPadding::Oaep { hash, mgf, label } => {
                assert!(label.is_empty());
                decrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
                decrypter.set_rsa_oaep_md(*hash).unwrap();
                decrypter.set_rsa_mgf1_md(*mgf).unwrap();
            }
        }
        let mut opened = Zeroizing::new(vec![0; decrypter.decrypt_len(encrypted).unwrap()]);
        let length = decrypter.decrypt(encrypted, &mut opened).map_err(|_| KeyFault::Declined)?;
        opened.truncate(length);
        Ok(opened)
    }

    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.works()?;
        assert_eq!(point.first(), Some(&4), "uncompressed");
        let own = self.key.ec_key().unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        let point = EcPoint::from_bytes(own.group(), point, &mut context).unwrap();
        let other = PKey::from_ec_key(EcKey::from_public_key(own.group(), &point).unwrap()).unwrap();
        let mut deriver = Deriver::new(&self.key).unwrap();
        deriver.set_peer(&other).unwrap();
        Ok(Zeroizing::new(deriver.derive_to_vec().unwrap()))
    }
}

fn token(key: &PKey<Private>, scheme: SignatureScheme, fault: Option<KeyFault>) -> Arc<dyn DistantKey> {
    Arc::new(Token { key: key.clone(), scheme, fault })
}

fn signed(
    certificate: &Certificate,
    key: &Arc<dyn DistantKey>,
    placement: Placement,
) -> Result<Vec<u8>, CmsError> {
    let identity = SigningIdentity {
        certificate,
        chain: &[],
        key: Key::Elsewhere(key),
        reader: None,
        at: UnixTime::from_seconds(1_500_000_000),
        with_certificates: true,
    };
    sign(b"text", &identity, placement)
}

#[test]
fn what_is_built_round_a_signature_verifies() {
    for (key, scheme) in [
        (rsa(2048), SignatureScheme::RsaPkcs1),
        (rsa(2048), SignatureScheme::RsaPss),
        (p256(), SignatureScheme::Ecdsa),
    ] {
        let certificate = Sample::default().signed_by(&key);
        let key = token(&key, scheme, None);
        for (placement, beside) in [(Placement::Detached, Some(&b"text"[..])), (Placement::Embedded, None)] {
            let der = signed(&certificate, &key, placement).unwrap();
            let mut object = CmsObject::parse(&der).unwrap();
            assert_eq!(object.object_type(), &ObjectType::Signed);
            assert_eq!(object.embedded_content(), beside.is_none().then_some(&b"text"[..]));
            let signers = verify(&mut object, beside, &[]).unwrap();
            let [signer] = signers.as_slice() else { panic!("one signer") };
            assert_eq!(signer.certificate.der(), certificate.der(), "{scheme:?}");
            assert_eq!(signer.signing_time, Some(UnixTime::from_seconds(1_500_000_000)));
            assert_eq!(signer.weakness, None, "{scheme:?}");
            assert!(signer.capabilities.is_some());
            let other = verify(&mut CmsObject::parse(&der).unwrap(), Some(b"other"), &[]);
            assert!(placement == Placement::Embedded || other.is_err());
        }
    }
}

#[test]
fn a_signature_that_does_not_fit_never_leaves() {
    let certificate = Sample::default().signed_by(&p256());
    let other = token(&p256(), SignatureScheme::Ecdsa, None);
    let outcome = signed(&certificate, &other, Placement::Detached);
    assert!(matches!(outcome, Err(CmsError::Key(KeyFault::Failed { .. }))), "{outcome:?}");
    let gone = token(&p256(), SignatureScheme::Ecdsa, Some(KeyFault::Gone));
    let outcome = signed(&certificate, &gone, Placement::Detached);
    assert!(matches!(outcome, Err(CmsError::Key(KeyFault::Gone))), "{outcome:?}");
}

#[test]
fn what_openssl_encrypts_is_decrypted() {
    use crate::x509::{Capabilities, Capability};
    let oaep = Capabilities::new([Capability::RsaesOaep]);
    for (key, scheme, known) in [
        (rsa(2048), SignatureScheme::RsaPkcs1, None),
        (rsa(2048), SignatureScheme::RsaPkcs1, Some(&oaep)),
        (p256(), SignatureScheme::Ecdsa, None),
    ] {
        let certificate = Sample::default().signed_by(&key);
        let to = [Recipient { certificate: &certificate, known }];
        for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
            let der = encrypt(b"secret", &to, cipher).unwrap();
            let object = CmsObject::parse(&der).unwrap();
            let opened = |key: &Arc<dyn DistantKey>| decrypt(&object, &certificate, Key::Elsewhere(key));
            assert_eq!(opened(&token(&key, scheme, None)).unwrap(), b"secret");
            let declines = opened(&token(&key, scheme, Some(KeyFault::Declined)));
            assert!(matches!(declines, Err(CmsError::DecryptionFailed)), "{declines:?}");
            let gone = opened(&token(&key, scheme, Some(KeyFault::Gone)));
            assert!(matches!(gone, Err(CmsError::Key(KeyFault::Gone))), "{gone:?}");
        }
    }
}
