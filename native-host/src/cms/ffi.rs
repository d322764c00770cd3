//! The CMS calls that the `openssl` crate does not wrap; the only `unsafe` of the host.
//!
//! Each wrapper takes and gives safe types, checks every pointer and return code, and keeps
//! ownership as OpenSSL's manual pages state it: `get0` lends, `get1` and `add1` count up.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr;

use foreign_types_shared::{ForeignType, ForeignTypeRef};
use libc::{c_int, c_long, c_uint, c_ulong, c_void};
use openssl::asn1::{Asn1Object, Asn1ObjectRef, Asn1TimeRef};
use openssl::cms::{CmsContentInfo, CmsContentInfoRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{HasPrivate, PKeyRef};
use openssl::stack::{Stack, StackRef};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Ref};
use openssl_sys as sys;

use super::key::KeyTransport;
use super::signer_info::{EncodedAttribute, SignedAttributes, SignerInfoFacts};
use super::signing_certificate::{SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2};
use super::tlv;
use super::x25519::StandIn;
use crate::x509::SignatureDigest;

/// Opaque structures of OpenSSL's `cms.h`.
pub(super) enum CmsSignerInfo {}
enum CmsRecipientInfo {}
enum CmsRecipientEncryptedKey {}

const RECIPIENT_TRANSPORT: c_int = 0; // CMS_RECIPINFO_TRANS
const RECIPIENT_AGREEMENT: c_int = 1; // CMS_RECIPINFO_AGREE
const ASN1_UNDEFINED: c_int = -1; // V_ASN1_UNDEF: no parameters
const ASN1_OCTET_STRING: c_int = 4; // V_ASN1_OCTET_STRING
const ASN1_OBJECT: c_int = 6; // V_ASN1_OBJECT
const ASN1_SEQUENCE: c_int = 16; // V_ASN1_SEQUENCE
const ASN1_UTC_TIME: c_int = 23; // V_ASN1_UTCTIME
const ASN1_GENERALIZED_TIME: c_int = 24; // V_ASN1_GENERALIZEDTIME
const BIO_CTRL_FLUSH: c_int = 11;
const BIO_C_GET_CIPHER_STATUS: c_int = 113;
const BIO_C_GET_CIPHER_CTX: c_int = 129;
const CIPHER_MODE: c_ulong = 0xf_0007; // EVP_CIPH_MODE
const CBC_MODE: c_ulong = 2; // EVP_CIPH_CBC_MODE
const AEAD_CIPHER: c_ulong = 0x20_0000; // EVP_CIPH_FLAG_AEAD_CIPHER

unsafe extern "C" {
    fn CMS_get0_type(cms: *const sys::CMS_ContentInfo) -> *const sys::ASN1_OBJECT;
    fn CMS_get0_eContentType(cms: *mut sys::CMS_ContentInfo) -> *const sys::ASN1_OBJECT;
    fn CMS_get0_content(cms: *mut sys::CMS_ContentInfo) -> *mut *mut sys::ASN1_OCTET_STRING;
    fn CMS_get1_certs(cms: *mut sys::CMS_ContentInfo) -> *mut sys::stack_st_X509;
    fn CMS_get0_SignerInfos(cms: *mut sys::CMS_ContentInfo) -> *mut sys::OPENSSL_STACK;
    fn CMS_set1_signers_certs(
        cms: *mut sys::CMS_ContentInfo,
        certs: *mut sys::stack_st_X509,
        flags: c_uint,
    ) -> c_int;
    fn CMS_SignerInfo_get0_algs(
        si: *mut CmsSignerInfo,
        pkey: *mut *mut sys::EVP_PKEY,
        signer: *mut *mut sys::X509,
        digest: *mut *mut sys::X509_ALGOR,
        signature: *mut *mut sys::X509_ALGOR,
    );
    fn CMS_SignerInfo_cert_cmp(si: *mut CmsSignerInfo, certificate: *mut sys::X509) -> c_int;
    fn CMS_SignerInfo_set1_signer_cert(si: *mut CmsSignerInfo, certificate: *mut sys::X509);
    fn CMS_SignerInfo_get0_pkey_ctx(si: *mut CmsSignerInfo) -> *mut sys::EVP_PKEY_CTX;
    fn CMS_SignerInfo_get0_signature(si: *mut CmsSignerInfo) -> *mut sys::ASN1_OCTET_STRING;
    fn X509_ALGOR_set0(
        algorithm: *mut sys::X509_ALGOR,
        oid: *mut sys::ASN1_OBJECT,
        kind: c_int,
        parameters: *mut c_void,
    ) -> c_int;
    fn CMS_SignerInfo_verify(si: *mut CmsSignerInfo) -> c_int;
    fn CMS_dataInit(cms: *mut sys::CMS_ContentInfo, content: *mut sys::BIO) -> *mut sys::BIO;
    fn CMS_signed_get_attr_count(si: *const CmsSignerInfo) -> c_int;
    fn CMS_signed_get_attr(si: *const CmsSignerInfo, at: c_int) -> *mut sys::X509_ATTRIBUTE;
    fn i2d_X509_ATTRIBUTE(attribute: *mut sys::X509_ATTRIBUTE, out: *mut *mut u8) -> c_int;
    fn CMS_signed_get0_data_by_OBJ(
        si: *const CmsSignerInfo,
        oid: *const sys::ASN1_OBJECT,
        lastpos: c_int,
        kind: c_int,
    ) -> *mut c_void;
    fn CMS_add1_signer(
        cms: *mut sys::CMS_ContentInfo,
        certificate: *mut sys::X509,
        key: *mut sys::EVP_PKEY,
        digest: *const sys::EVP_MD,
        flags: c_uint,
    ) -> *mut CmsSignerInfo;
    fn CMS_signed_add1_attr_by_OBJ(
        si: *mut CmsSignerInfo,
        object: *const sys::ASN1_OBJECT,
        kind: c_int,
        bytes: *const c_void,
        length: c_int,
    ) -> c_int;
    fn CMS_add1_cert(cms: *mut sys::CMS_ContentInfo, certificate: *mut sys::X509) -> c_int;
    fn CMS_add1_recipient_cert(
        cms: *mut sys::CMS_ContentInfo,
        recipient: *mut sys::X509,
        flags: c_uint,
    ) -> *mut CmsRecipientInfo;
    fn CMS_add0_recipient_key(
        cms: *mut sys::CMS_ContentInfo,
        nid: c_int,
        key: *mut u8,
        key_length: usize,
        id: *mut u8,
        id_length: usize,
        date: *mut c_void,
        other_type: *mut sys::ASN1_OBJECT,
        other: *mut c_void,
    ) -> *mut CmsRecipientInfo;
    fn CRYPTO_clear_free(place: *mut c_void, length: usize, file: *const libc::c_char, line: c_int);
    fn CMS_RecipientInfo_get0_pkey_ctx(ri: *mut CmsRecipientInfo) -> *mut sys::EVP_PKEY_CTX;
    fn CMS_RecipientInfo_type(ri: *mut CmsRecipientInfo) -> c_int;
    fn CMS_RecipientInfo_ktri_cert_cmp(ri: *mut CmsRecipientInfo, certificate: *mut sys::X509) -> c_int;
    fn CMS_RecipientInfo_kari_get0_reks(ri: *mut CmsRecipientInfo) -> *mut sys::OPENSSL_STACK;
    fn CMS_RecipientEncryptedKey_cert_cmp(rek: *mut CmsRecipientEncryptedKey, c: *mut sys::X509) -> c_int;
    fn CMS_get0_RecipientInfos(cms: *mut sys::CMS_ContentInfo) -> *mut sys::OPENSSL_STACK;
    fn CMS_decrypt_set1_pkey(
        cms: *mut sys::CMS_ContentInfo,
        key: *mut sys::EVP_PKEY,
        certificate: *mut sys::X509,
    ) -> c_int;
    fn CMS_dataFinal(cms: *mut sys::CMS_ContentInfo, bio: *mut sys::BIO) -> c_int;
    fn BIO_new_CMS(out: *mut sys::BIO, cms: *mut sys::CMS_ContentInfo) -> *mut sys::BIO;
    fn EVP_PKEY_CTX_set_ecdh_kdf_md(ctx: *mut sys::EVP_PKEY_CTX, md: *const sys::EVP_MD) -> c_int;
}

/// What the object is: SignedData, EnvelopedData …
pub(super) fn object_type(cms: &CmsContentInfoRef) -> Option<&Asn1ObjectRef> {
    // SAFETY: get0 lends a pointer into `cms`, which the returned reference borrows.
    unsafe { object(CMS_get0_type(cms.as_ptr())) }
}

/// The type of the content inside a SignedData.
pub(super) fn content_type(cms: &CmsContentInfoRef) -> Option<&Asn1ObjectRef> {
    // SAFETY: as in `object_type`; null for types that have none.
    unsafe { object(CMS_get0_eContentType(cms.as_ptr())) }
}

/// # Safety
/// `pointer` is null or lives as long as `'a`.
unsafe fn object<'a>(pointer: *const sys::ASN1_OBJECT) -> Option<&'a Asn1ObjectRef> {
    // SAFETY: the caller's promise; from_ptr only borrows, and nothing is written through it.
    (!pointer.is_null()).then(|| unsafe { Asn1ObjectRef::from_ptr(pointer.cast_mut()) })
}

/// The content that a SignedData carries; `None` where it is detached.
pub(super) fn embedded_content(cms: &CmsContentInfoRef) -> Option<&[u8]> {
    // SAFETY: get0 lends a pointer to the slot of the content, which may itself be null; the octet
    // string lives in `cms`.
    unsafe { octets(CMS_get0_content(cms.as_ptr()).as_ref().copied().unwrap_or(ptr::null_mut())) }
}

/// # Safety
/// `string` is null or lives as long as `'a`.
unsafe fn octets<'a>(string: *const sys::ASN1_OCTET_STRING) -> Option<&'a [u8]> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; data is null only where the length is 0.
    unsafe {
        let length = usize::try_from(sys::ASN1_STRING_length(string.cast())).ok()?;
        let data = sys::ASN1_STRING_get0_data(string.cast());
        if data.is_null() { Some(&[]) } else { Some(std::slice::from_raw_parts(data, length)) }
    }
}

/// The certificates that the object carries.
pub(super) fn certificates(cms: &CmsContentInfoRef) -> Option<Stack<X509>> {
    // SAFETY: get1 gives a stack of its own with counted certificates, which `Stack` frees; null
    // where there are none.
    unsafe {
        let stack = CMS_get1_certs(cms.as_ptr());
        if stack.is_null() {
            drain_errors();
            return None;
        }
        Some(Stack::from_ptr(stack))
    }
}

/// Checks that every SignerInfo fits the content: `detached`, or what the object carries. The
/// signers' certificates are not judged; those not in the object are looked for in `candidates`.
pub(super) fn verify(
    cms: &mut CmsContentInfo,
    candidates: &StackRef<X509>,
    detached: Option<&[u8]>,
) -> Result<(), ErrorStack> {
    let flags = sys::CMS_BINARY | sys::CMS_NO_SIGNER_CERT_VERIFY;
    let check = |content: *mut sys::BIO| {
        // SAFETY: store and output may be null by the manual page, the store because no certificate
        // is judged; everything else outlives the call, which keeps nothing.
        ok(unsafe {
            sys::CMS_verify(
                cms.as_ptr(),
                candidates.as_ptr(),
                ptr::null_mut(),
                content,
                ptr::null_mut(),
                flags,
            )
        })
    };
    match detached {
        Some(content) => can_digest(cms).and_then(|()| with_reader(content, check)),
        None => check(ptr::null_mut()),
    }
}

/// Whether there is code for all of the object's digests. Where there is none, `CMS_verify` fails too, and
/// loses the copy that it has made of the content's BIO by then: 272 octets for each mail in OpenSSL 3.0.
fn can_digest(cms: &CmsContentInfoRef) -> Result<(), ErrorStack> {
    // SAFETY: without content of its own the call makes a chain of BIOs that are ours, or fails and gives
    // null; the chain goes at once, before `cms`.
    unsafe { Chain::new(CMS_dataInit(cms.as_ptr(), ptr::null_mut())).map(drop) }
}

/// How many SignerInfos there are; `None` where the object is no SignedData.
pub(super) fn signer_count(cms: &CmsContentInfoRef) -> Option<usize> {
    // SAFETY: get0 lends the stack, null for other types; OPENSSL_sk_num answers -1 for null.
    let count = unsafe { sys::OPENSSL_sk_num(CMS_get0_SignerInfos(cms.as_ptr())) };
    drain_errors();
    usize::try_from(count).ok()
}

/// Looks for each SignerInfo's certificate in the object and in `candidates`.
pub(super) fn find_signer_certificates(cms: &CmsContentInfoRef, candidates: &StackRef<X509>) {
    // SAFETY: the call counts up what it keeps and borrows the stack only for its duration. Its
    // answer is not needed: `signer_infos` tells which were found.
    unsafe { CMS_set1_signers_certs(cms.as_ptr(), candidates.as_ptr(), 0) };
    drain_errors();
}

/// The SignerInfos' statements, in their order.
pub(super) fn signer_infos(cms: &CmsContentInfoRef) -> Vec<SignerInfoFacts> {
    let count = signer_count(cms).unwrap_or(0);
    let signing_time = Asn1Object::from_str("1.2.840.113549.1.9.5").ok();
    let identifier = |oid| Asn1Object::from_str(oid).ok();
    let capabilities = identifier("1.2.840.113549.1.9.15");
    let (named, named_v2) = (identifier(SIGNING_CERTIFICATE), identifier(SIGNING_CERTIFICATE_V2));
    (0..count)
        .filter_map(|at| {
            let at = c_int::try_from(at).ok()?;
            // SAFETY: `at` lies below the count of the lent stack; every output pointer may come
            // back null and is checked; the certificate is counted up before it is kept.
            unsafe {
                let si =
                    sys::OPENSSL_sk_value(CMS_get0_SignerInfos(cms.as_ptr()), at).cast::<CmsSignerInfo>();
                if si.is_null() {
                    return None;
                }
                let (mut key, mut certificate) = (ptr::null_mut(), ptr::null_mut());
                let (mut digest, mut signature) = (ptr::null_mut(), ptr::null_mut());
                CMS_SignerInfo_get0_algs(si, &mut key, &mut certificate, &mut digest, &mut signature);
                Some(SignerInfoFacts {
                    certificate: (!certificate.is_null()).then(|| X509Ref::from_ptr(certificate).to_owned()),
                    digest: algorithm(digest),
                    signature: algorithm(signature),
                    signature_value: octets(CMS_SignerInfo_get0_signature(si)).unwrap_or_default().to_vec(),
                    signing_time: signing_time.as_ref().and_then(|oid| time_attribute(si, oid)),
                    attributes: signed_attributes(si),
                    capabilities: capabilities.as_ref().and_then(|oid| sequence_attribute(si, oid)),
                    signing_certificate: named.as_ref().and_then(|oid| sequence_attribute(si, oid)),
                    signing_certificate_v2: named_v2.as_ref().and_then(|oid| sequence_attribute(si, oid)),
                })
            }
        })
        .collect()
}

/// # Safety
/// `algorithm` is null or a valid AlgorithmIdentifier.
unsafe fn algorithm(algorithm: *const sys::X509_ALGOR) -> Nid {
    if algorithm.is_null() {
        return Nid::UNDEF;
    }
    let mut oid = ptr::null();
    // SAFETY: the other two outputs may be null by the manual; `oid` is lent.
    unsafe {
        sys::X509_ALGOR_get0(&mut oid, ptr::null_mut(), ptr::null_mut(), algorithm);
        object(oid).map_or(Nid::UNDEF, Asn1ObjectRef::nid)
    }
}

/// # Safety
/// `si` is a valid SignerInfo.
unsafe fn time_attribute(si: *const CmsSignerInfo, oid: &Asn1Object) -> Option<i64> {
    [ASN1_UTC_TIME, ASN1_GENERALIZED_TIME].into_iter().find_map(|kind| {
        // SAFETY: -3 asks for the one attribute with one value of this type (manual page of
        // X509at_get0_data_by_OBJ), else null; the time is lent.
        let time = unsafe { CMS_signed_get0_data_by_OBJ(si, oid.as_ptr(), -3, kind) };
        drain_errors();
        // SAFETY: checked for null; ASN1_TIME is the type for both kinds.
        let time = (!time.is_null()).then(|| unsafe { Asn1TimeRef::from_ptr(time.cast()) })?;
        let epoch = openssl::asn1::Asn1Time::from_unix(0).ok()?;
        let since = epoch.diff(time).ok()?;
        Some(i64::from(since.days).saturating_mul(86_400).saturating_add(i64::from(since.secs)))
    })
}

/// # Safety
/// `si` is a valid SignerInfo.
unsafe fn signed_attributes(si: *const CmsSignerInfo) -> Option<SignedAttributes> {
    // SAFETY: the count is -1 or 0 where there are none; every index lies below it; the attribute is
    // lent; i2d with a null buffer tells the length, and then writes exactly that many octets into
    // a buffer of that length.
    let encoded = unsafe {
        let count = CMS_signed_get_attr_count(si);
        let encode = |at| {
            let attribute = CMS_signed_get_attr(si, at);
            if attribute.is_null() {
                return None;
            }
            let length = usize::try_from(i2d_X509_ATTRIBUTE(attribute, ptr::null_mut())).ok()?;
            let mut der = vec![0_u8; length];
            let mut end = der.as_mut_ptr();
            let written = i2d_X509_ATTRIBUTE(attribute, &mut end);
            (usize::try_from(written).ok() == Some(length)).then_some(der)
        };
        (0..count.max(0)).map(encode).collect::<Option<Vec<_>>>()
    };
    drain_errors();
    let encoded = encoded?.concat();
    if encoded.is_empty() {
        return None;
    }
    let set =
        der::asn1::AnyRef::new(der::Tag::Set, &encoded).and_then(|set| der::Encode::to_der(&set)).ok()?;
    let attribute = |oid: &str, kind: c_int| {
        let oid = Asn1Object::from_str(oid).ok()?;
        // SAFETY: -3 asks for the one attribute with one value of this type, else null; it is lent.
        let value = unsafe { CMS_signed_get0_data_by_OBJ(si, oid.as_ptr(), -3, kind) };
        drain_errors();
        (!value.is_null()).then_some(value)
    };
    // SAFETY: the types asked for are the types of the pointers; both values live in `si`.
    let message_digest = attribute("1.2.840.113549.1.9.4", ASN1_OCTET_STRING)
        .and_then(|value| unsafe { octets(value.cast()) }.map(<[u8]>::to_vec));
    // SAFETY: as above.
    let is_for_data = attribute("1.2.840.113549.1.9.3", ASN1_OBJECT)
        .is_some_and(|value| unsafe { object(value.cast()) }.is_some_and(|oid| oid.nid() == Nid::PKCS7_DATA));
    Some(SignedAttributes { der: set, message_digest, is_for_data })
}

/// Whether the signature of the SignerInfo at this place, whose certificate must have been found,
/// fits its signed attributes. Says nothing about the content.
pub(super) fn attributes_fit(cms: &mut CmsContentInfo, at: usize) -> bool {
    // SAFETY: the SignerInfo is valid, and nothing of it is kept.
    let fits = signer_info(cms, at).is_some_and(|si| unsafe { CMS_SignerInfo_verify(si) == 1 });
    drain_errors();
    fits
}

/// Whether the SignerInfo at this place names this certificate, by issuer and serial number or by key identifier.
pub(super) fn names_signer(cms: &CmsContentInfoRef, at: usize, certificate: &X509Ref) -> bool {
    // SAFETY: both are valid, and the call only reads them.
    let names = signer_info(cms, at)
        .is_some_and(|si| unsafe { CMS_SignerInfo_cert_cmp(si, certificate.as_ptr()) == 0 });
    drain_errors();
    names
}

/// Takes this certificate for the signer's at this place.
pub(super) fn take_for_signer(cms: &mut CmsContentInfo, at: usize, certificate: &X509Ref) {
    if let Some(si) = signer_info(cms, at) {
        // SAFETY: the call counts up the certificate that it keeps, and lets the one before go.
        unsafe { CMS_SignerInfo_set1_signer_cert(si, certificate.as_ptr()) };
        drain_errors();
    }
}

/// The SignerInfo at this place, which is valid as long as `cms`.
fn signer_info(cms: &CmsContentInfoRef, at: usize) -> Option<*mut CmsSignerInfo> {
    let at = c_int::try_from(at).ok().filter(|_| at < signer_count(cms).unwrap_or(0))?;
    // SAFETY: `at` lies below the count of the lent stack.
    let si = unsafe { sys::OPENSSL_sk_value(CMS_get0_SignerInfos(cms.as_ptr()), at).cast::<CmsSignerInfo>() };
    (!si.is_null()).then_some(si)
}

/// # Safety
/// `si` is a valid SignerInfo.
unsafe fn sequence_attribute(si: *const CmsSignerInfo, oid: &Asn1Object) -> Option<Vec<u8>> {
    // SAFETY: as in `time_attribute`; a SEQUENCE is kept as a string of its DER, which is lent.
    unsafe {
        let value = CMS_signed_get0_data_by_OBJ(si, oid.as_ptr(), -3, ASN1_SEQUENCE);
        drain_errors();
        octets(value.cast()).map(<[u8]>::to_vec)
    }
}

/// What a SignedData is made with.
pub(super) struct Signing<'a, T> {
    pub certificate: &'a X509Ref,
    pub key: &'a PKeyRef<T>,
    /// Goes along with the signer's certificate.
    pub chain: &'a [X509],
    /// Whether any certificate goes along.
    pub with_certificates: bool,
    pub attributes: &'a [EncodedAttribute<'a>],
    /// `YYYYMMDDHHMMSSZ`: this, and not the machine's time.
    pub time: &'a str,
    pub digest: SignatureDigest,
    /// Octets of salt, where the key is restricted to RSASSA-PSS.
    pub pss_salt: Option<u8>,
}

/// Begins a SignedData; detached unless `embed`.
pub(super) fn sign<T: HasPrivate>(with: &Signing<'_, T>, embed: bool) -> Result<Growing, ErrorStack> {
    let detached = if embed { 0 } else { sys::CMS_DETACHED };
    let bare = if with.with_certificates { 0 } else { sys::CMS_NOCERTS };
    let flags = sys::CMS_PARTIAL | sys::CMS_BINARY | sys::CMS_STREAM | sys::CMS_NOSMIMECAP | detached | bare;
    // SAFETY: with PARTIAL all of these may be null (manual page of CMS_sign); the object is owned
    // from here on. `add1` counts up certificate and key. The SignerInfo is lent by `cms`; digests
    // are static.
    let cms = unsafe {
        let cms =
            owned(sys::CMS_sign(ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), flags))?;
        let digest = match with.digest {
            SignatureDigest::Sha256 => sys::EVP_sha256(),
            SignatureDigest::Sha384 => sys::EVP_sha384(),
            SignatureDigest::Sha512 => sys::EVP_sha512(),
        };
        let (certificate, key) = (with.certificate.as_ptr(), with.key.as_ptr());
        // OpenSSL 3.0 says of a PSS signature that it is one only where it was told of the padding.
        let how = if with.pss_salt.is_some() { flags | sys::CMS_KEY_PARAM } else { flags };
        let si = CMS_add1_signer(cms.as_ptr(), certificate, key, digest, how);
        if si.is_null() {
            return Err(ErrorStack::get());
        }
        if let Some(salt) = with.pss_salt {
            let context = CMS_SignerInfo_get0_pkey_ctx(si);
            if context.is_null() {
                return Err(ErrorStack::get());
            }
            ok(sys::EVP_PKEY_CTX_set_rsa_padding(context, sys::RSA_PKCS1_PSS_PADDING))?;
            ok(sys::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, c_int::from(salt)))?;
            // Its parameters are known when it is signed; until then an object that grows needs some algorithm there.
            let mut algorithm = ptr::null_mut();
            CMS_SignerInfo_get0_algs(si, ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), &mut algorithm);
            let pss = sys::OBJ_nid2obj(sys::NID_rsassaPss);
            ok(X509_ALGOR_set0(algorithm, pss, ASN1_UNDEFINED, ptr::null_mut()))?;
        }
        for extra in with.chain.iter().filter(|_| with.with_certificates) {
            ok(CMS_add1_cert(cms.as_ptr(), extra.as_ptr()))?;
        }
        let time_oid = Asn1Object::from_str("1.2.840.113549.1.9.5")?;
        let (tag, text) = tlv::time_text(with.time);
        let kind = c_int::from(tag); // OpenSSL's numbers of the types are their tags
        ok(CMS_signed_add1_attr_by_OBJ(si, time_oid.as_ptr(), kind, text.as_ptr().cast(), length(text)?))?;
        for attribute in with.attributes {
            let oid = Asn1Object::from_str(attribute.oid)?;
            let size = length(attribute.der)?;
            // A SEQUENCE, as OpenSSL has it, is any encoded value: it goes in as it is.
            ok(CMS_signed_add1_attr_by_OBJ(
                si,
                oid.as_ptr(),
                ASN1_SEQUENCE,
                attribute.der.as_ptr().cast(),
                size,
            ))?;
        }
        cms
    };
    if embed { Growing::embedding(cms) } else { Growing::digesting(cms) }
}

/// A recipient and how the content key is handed over.
pub(super) struct Recipient<'a> {
    pub certificate: &'a X509Ref,
    pub transport: KeyTransport,
}

/// Begins an EnvelopedData, or an AuthEnvelopedData for an AEAD cipher. The places of `stand_ins` are KEKRecipientInfos.
pub(super) fn encrypt(
    recipients: &[Recipient<'_>],
    stand_ins: &[StandIn],
    cipher: Cipher,
) -> Result<Growing, ErrorStack> {
    let flags = sys::CMS_PARTIAL | sys::CMS_BINARY | sys::CMS_STREAM;
    // SAFETY: with PARTIAL certificates and data may be null; the object is owned from here on.
    // `add1` counts up the certificate; the RecipientInfo and its context are lent by `cms`.
    let cms = unsafe {
        let cms = owned(sys::CMS_encrypt(ptr::null_mut(), ptr::null_mut(), cipher.as_ptr(), flags))?;
        for recipient in recipients {
            let with_parameters = recipient.transport != KeyTransport::Rsa;
            let how = if with_parameters { flags | sys::CMS_KEY_PARAM } else { flags };
            let ri = CMS_add1_recipient_cert(cms.as_ptr(), recipient.certificate.as_ptr(), how);
            if ri.is_null() {
                return Err(ErrorStack::get());
            }
            let context = CMS_RecipientInfo_get0_pkey_ctx(ri);
            if with_parameters && context.is_null() {
                return Err(ErrorStack::get());
            }
            match recipient.transport {
                KeyTransport::Rsa | KeyTransport::X25519 => {}
                KeyTransport::RsaOaep => {
                    ok(sys::EVP_PKEY_CTX_set_rsa_padding(context, sys::RSA_PKCS1_OAEP_PADDING))?;
                    ok(sys::EVP_PKEY_CTX_set_rsa_oaep_md(context, sys::EVP_sha256().cast_mut()))?;
                }
                KeyTransport::Ecdh => ok(EVP_PKEY_CTX_set_ecdh_kdf_md(context, sys::EVP_sha256()))?,
            }
        }
        for stand_in in stand_ins {
            let (key, id) = (Owned::copy(&stand_in.kek)?, Owned::copy(&stand_in.id)?);
            let (none, nid) = (ptr::null_mut(), sys::NID_id_aes256_wrap);
            let (key_length, id_length) = (stand_in.kek.len(), stand_in.id.len());
            let ri = CMS_add0_recipient_key(
                cms.as_ptr(),
                nid,
                key.0,
                key_length,
                id.0,
                id_length,
                ptr::null_mut(),
                ptr::null_mut(),
                none,
            );
            if ri.is_null() {
                return Err(ErrorStack::get());
            }
            // Both belong to the object now.
            std::mem::forget((key, id));
        }
        cms
    };
    Growing::embedding(cms)
}

/// Octets in OpenSSL's own memory, wiped before they go back there.
struct Owned(*mut u8, usize);

impl Owned {
    fn copy(octets: &[u8]) -> Result<Self, ErrorStack> {
        // SAFETY: the memory is new, and as long as what is copied there.
        unsafe {
            let place = sys::OPENSSL_malloc(octets.len()).cast::<u8>();
            if place.is_null() {
                return Err(ErrorStack::get());
            }
            ptr::copy_nonoverlapping(octets.as_ptr(), place, octets.len());
            Ok(Self(place, octets.len()))
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the memory is of this length, and nobody else's.
        unsafe { CRYPTO_clear_free(self.0.cast(), self.1, ptr::null(), 0) };
    }
}

/// A chain of BIOs that is ours.
struct Chain(*mut sys::BIO);

impl Chain {
    /// # Safety
    /// `first` is null or a chain that nobody else frees, and what it works for outlives it.
    unsafe fn new(first: *mut sys::BIO) -> Result<Self, ErrorStack> {
        if first.is_null() { Err(ErrorStack::get()) } else { Ok(Self(first)) }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: nobody uses the chain afterwards.
        unsafe { sys::BIO_free_all(self.0) };
    }
}

/// Reads what `bio` has: how many octets, 0 at the end; `None` where it failed.
///
/// # Safety
/// `bio` is valid.
unsafe fn read(bio: *mut sys::BIO, piece: &mut [u8]) -> Option<usize> {
    let room = length(piece).ok()?;
    // SAFETY: the caller's promise; `piece` is writable for `room` octets.
    let read = unsafe { sys::BIO_read(bio, piece.as_mut_ptr().cast(), room) };
    usize::try_from(read).ok()
}

/// What stands against changes of a ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// Nothing at all: OFB, CFB and the like.
    Other,
    /// The padding of the last block, which proves nothing: CBC.
    Padding,
    /// A tag of so many octets: GCM.
    Tag(usize),
}

/// An EnvelopedData or AuthEnvelopedData that is being decrypted.
pub(super) struct Decrypting<'a> {
    chain: Chain,
    object: PhantomData<&'a CmsContentInfo>,
}

impl<'a> Decrypting<'a> {
    /// The recipient is named by `certificate`, so that a key that does not fit is replaced by a random
    /// one (RFC 3218 section 2.3.2) and fails later and alike.
    pub(super) fn begin<T: HasPrivate>(
        cms: &'a CmsContentInfo,
        certificate: &X509Ref,
        key: &PKeyRef<T>,
    ) -> Result<Self, ErrorStack> {
        // SAFETY: all three outlive the call, which counts up what it keeps.
        ok(unsafe { CMS_decrypt_set1_pkey(cms.as_ptr(), key.as_ptr(), certificate.as_ptr()) })?;
        // SAFETY: a null content means the object's own; the chain is ours, and borrows from `cms`,
        // which the lifetime holds.
        let chain = unsafe { Chain::new(CMS_dataInit(cms.as_ptr(), ptr::null_mut()))? };
        Ok(Self { chain, object: PhantomData })
    }

    /// How changes would be noticed. OpenSSL says itself what it is about to do: another reader of the octets might
    /// find something else in them.
    pub(super) fn protection(&self) -> Protection {
        let mut context: *mut sys::EVP_CIPHER_CTX = ptr::null_mut();
        // SAFETY: the chain begins with the cipher, which writes the place of its context to where the argument
        // points; the context lives as long as the chain, and so does the cipher that it lends.
        unsafe {
            sys::BIO_ctrl(self.chain.0, BIO_C_GET_CIPHER_CTX, 0, (&raw mut context).cast());
            if context.is_null() {
                return Protection::Other;
            }
            let cipher = sys::EVP_CIPHER_CTX_get0_cipher(context);
            if cipher.is_null() {
                return Protection::Other;
            }
            let flags = sys::EVP_CIPHER_flags(cipher);
            if flags & AEAD_CIPHER != 0 {
                let tag = usize::try_from(sys::EVP_CIPHER_CTX_get_tag_length(context));
                Protection::Tag(tag.unwrap_or(0))
            } else if flags & CIPHER_MODE == CBC_MODE {
                Protection::Padding
            } else {
                Protection::Other
            }
        }
    }

    /// How many octets come next: 0 at the end, which [`Decrypting::has_ended_well`] judges; `None` where it
    /// failed.
    pub(super) fn read(&mut self, piece: &mut [u8]) -> Option<usize> {
        // SAFETY: the chain is valid as long as it is ours.
        unsafe { read(self.chain.0, piece) }
    }

    /// Whether the end was right: the last block's padding (CBC), the tag (GCM).
    pub(super) fn has_ended_well(&self) -> bool {
        // SAFETY: the chain begins with the cipher, which answers this without an argument.
        let status: c_long =
            unsafe { sys::BIO_ctrl(self.chain.0, BIO_C_GET_CIPHER_STATUS, 0, ptr::null_mut()) };
        status > 0
    }
}

/// An object that is being made. `growing.rs` says how it is used.
pub(super) struct Growing {
    /// Where content is written: a chain of BIOs that ends in `encoded`.
    chain: Chain,
    /// What the chain gives out and nobody has taken yet; null for a digest, which gives out nothing.
    encoded: *mut sys::BIO,
    /// Dropped after the chain, which refers to it.
    cms: CmsContentInfo,
}

// SAFETY: the pointers are owned by this value alone, and OpenSSL's BIOs and CMS objects are not
// bound to a thread.
unsafe impl Send for Growing {}

impl Growing {
    /// An object with its content inside, in BER of indefinite length. `cms` was made with PARTIAL
    /// and STREAM.
    fn embedding(cms: CmsContentInfo) -> Result<Self, ErrorStack> {
        // SAFETY: `encoded` is new and ours. Where BIO_new_CMS fails it leaves it to us; where it
        // succeeds it lies at the end of the chain, which is freed as a whole.
        unsafe {
            let encoded = Chain::new(sys::BIO_new(sys::BIO_s_mem()))?;
            let chain = Chain::new(BIO_new_CMS(encoded.0, cms.as_ptr()))?;
            let end = encoded.0;
            std::mem::forget(encoded);
            Ok(Self { chain, encoded: end, cms })
        }
    }

    /// A SignedData whose content stands elsewhere: nothing comes out until the end.
    fn digesting(cms: CmsContentInfo) -> Result<Self, ErrorStack> {
        // SAFETY: a null content makes OpenSSL end the chain in a BIO that drops what it is given
        // (manual page of CMS_dataInit); the chain is ours.
        let chain = unsafe { Chain::new(CMS_dataInit(cms.as_ptr(), ptr::null_mut()))? };
        Ok(Self { chain, encoded: ptr::null_mut(), cms })
    }

    /// Whether the content goes inside, so that the object comes out as it grows.
    pub(super) fn is_embedding(&self) -> bool {
        !self.encoded.is_null()
    }

    /// Takes some of the content: how many octets.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<usize, ErrorStack> {
        let length = length(content)?;
        // SAFETY: `content` is readable for `length` octets, and the chain keeps none of them.
        let written = unsafe { sys::BIO_write(self.chain.0, content.as_ptr().cast(), length) };
        usize::try_from(written).ok().filter(|written| *written > 0).ok_or_else(ErrorStack::get)
    }

    /// How many octets are ready of an object that embeds its content.
    pub(super) fn read(&mut self, piece: &mut [u8]) -> usize {
        if self.encoded.is_null() {
            return 0;
        }
        // SAFETY: `encoded` lies in the chain, which is ours.
        let read = unsafe { read(self.encoded, piece) };
        read.unwrap_or(0) // an empty one says "later", which is no error
    }

    /// Writes the end of an object that embeds its content.
    pub(super) fn flush(&mut self) -> Result<(), ErrorStack> {
        // SAFETY: the chain is whole.
        let flushed: c_long = unsafe { sys::BIO_ctrl(self.chain.0, BIO_CTRL_FLUSH, 0, ptr::null_mut()) };
        if flushed > 0 { Ok(()) } else { Err(ErrorStack::get()) }
    }

    /// Whether the signatures of what is finished, if it has any, fit their attributes.
    pub(super) fn is_signed_well(&mut self) -> bool {
        (0..signer_count(&self.cms).unwrap_or(0)).all(|at| attributes_fit(&mut self.cms, at))
    }

    /// Signs what an object that only digests was given.
    pub(super) fn signed(&mut self) -> Result<Vec<u8>, ErrorStack> {
        if self.is_embedding() {
            return Err(ErrorStack::get());
        }
        // SAFETY: the chain is the one that CMS_dataInit made for this object.
        ok(unsafe { CMS_dataFinal(self.cms.as_ptr(), self.chain.0) })?;
        self.cms.to_der()
    }
}

/// How many RecipientInfos there are; `None` where the object is not encrypted.
pub(super) fn recipient_count(cms: &CmsContentInfoRef) -> Option<usize> {
    // SAFETY: get0 lends the stack, null for other types; OPENSSL_sk_num answers -1 for null.
    let count = unsafe { sys::OPENSSL_sk_num(CMS_get0_RecipientInfos(cms.as_ptr())) };
    drain_errors();
    usize::try_from(count).ok()
}

/// Whether a RecipientInfo names this certificate, by issuer and serial number or by key
/// identifier. Nothing is decrypted.
pub(super) fn names_recipient(cms: &CmsContentInfoRef, certificate: &X509Ref) -> bool {
    let count = c_int::try_from(recipient_count(cms).unwrap_or(0)).unwrap_or(0);
    // SAFETY: every index lies below the count of its lent stack; the type is asked before the
    // call that only this type allows.
    let found = (0..count).any(|at| unsafe {
        let ri = sys::OPENSSL_sk_value(CMS_get0_RecipientInfos(cms.as_ptr()), at).cast::<CmsRecipientInfo>();
        if ri.is_null() {
            return false;
        }
        match CMS_RecipientInfo_type(ri) {
            RECIPIENT_TRANSPORT => CMS_RecipientInfo_ktri_cert_cmp(ri, certificate.as_ptr()) == 0,
            RECIPIENT_AGREEMENT => {
                let keys = CMS_RecipientInfo_kari_get0_reks(ri);
                (0..sys::OPENSSL_sk_num(keys)).any(|at| {
                    let rek = sys::OPENSSL_sk_value(keys, at).cast::<CmsRecipientEncryptedKey>();
                    !rek.is_null() && CMS_RecipientEncryptedKey_cert_cmp(rek, certificate.as_ptr()) == 0
                })
            }
            _ => false,
        }
    });
    drain_errors();
    found
}

/// # Safety
/// `pointer` is null or an object that nobody else owns.
unsafe fn owned(pointer: *mut sys::CMS_ContentInfo) -> Result<CmsContentInfo, ErrorStack> {
    if pointer.is_null() {
        return Err(ErrorStack::get());
    }
    // SAFETY: the caller's promise; the object is freed when dropped.
    Ok(unsafe { CmsContentInfo::from_ptr(pointer) })
}

/// Lends `octets` to OpenSSL as something to read from.
fn with_reader<T>(
    octets: &[u8],
    work: impl FnOnce(*mut sys::BIO) -> Result<T, ErrorStack>,
) -> Result<T, ErrorStack> {
    let size = length(octets)?;
    // SAFETY: the BIO only reads `octets`, which outlives it, and is freed after its one use.
    unsafe {
        let bio = sys::BIO_new_mem_buf(octets.as_ptr().cast(), size);
        if bio.is_null() {
            return Err(ErrorStack::get());
        }
        let done = work(bio);
        sys::BIO_free_all(bio);
        done
    }
}

fn ok(code: c_int) -> Result<(), ErrorStack> {
    if code > 0 { Ok(()) } else { Err(ErrorStack::get()) }
}

fn length(octets: &[u8]) -> Result<c_int, ErrorStack> {
    c_int::try_from(octets.len()).map_err(|_| ErrorStack::get())
}

/// Questions that answer "no" leave entries on OpenSSL's error queue, which would be told as the
/// cause of the next failure.
fn drain_errors() {
    let _ = ErrorStack::get();
}
