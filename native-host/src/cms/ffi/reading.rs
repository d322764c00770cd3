//! Content read out of a CMS object, piece by piece into one buffer of the right size.

use std::ptr;

use foreign_types_shared::{ForeignType, ForeignTypeRef};
use libc::{c_int, c_long};
use openssl::cms::CmsContentInfo;
use openssl::error::ErrorStack;
use openssl::pkey::{HasPrivate, PKeyRef};
use openssl::x509::X509Ref;
use openssl_sys as sys;

const BIO_C_GET_CIPHER_STATUS: c_int = 113;
/// What is read at once.
const PIECE: usize = 64 * 1024;

unsafe extern "C" {
    fn CMS_decrypt_set1_pkey(
        cms: *mut sys::CMS_ContentInfo,
        key: *mut sys::EVP_PKEY,
        certificate: *mut sys::X509,
    ) -> c_int;
}

/// Decrypts the content of an EnvelopedData or AuthEnvelopedData: what `CMS_decrypt` does, without
/// its buffer that grows by copying. All of the content or none.
///
/// The recipient is named by `certificate`, so that a key that does not fit is replaced by a random
/// one (RFC 3218 section 2.3.2) and fails later and alike.
pub(in crate::cms) fn decrypt<T: HasPrivate>(
    cms: &CmsContentInfo,
    certificate: &X509Ref,
    key: &PKeyRef<T>,
) -> Result<Vec<u8>, ErrorStack> {
    // Ciphertext is never shorter than its content.
    let Some(most) = super::embedded_content(cms).map(<[u8]>::len) else {
        return Err(ErrorStack::get());
    };
    // SAFETY: all three outlive the call, which counts up what it keeps.
    super::ok(unsafe { CMS_decrypt_set1_pkey(cms.as_ptr(), key.as_ptr(), certificate.as_ptr()) })?;
    // SAFETY: a null content means the object's own; the chain is ours, and borrows from `cms`.
    let chain = Chain(unsafe { super::CMS_dataInit(cms.as_ptr(), ptr::null_mut()) });
    if chain.0.is_null() {
        return Err(ErrorStack::get());
    }
    let mut content = Vec::with_capacity(most);
    let mut piece = vec![0_u8; PIECE];
    let room = super::length(&piece)?;
    loop {
        // SAFETY: `piece` is writable for `room` octets.
        let read = unsafe { sys::BIO_read(chain.0, piece.as_mut_ptr().cast(), room) };
        match usize::try_from(read).ok().and_then(|read| piece.get(..read)) {
            Some(octets) if !octets.is_empty() => content.extend_from_slice(octets),
            end => {
                // SAFETY: the chain begins with the cipher; this asks whether it ended well: the last
                // block's padding (CBC), the tag (GCM).
                let status: c_long =
                    unsafe { sys::BIO_ctrl(chain.0, BIO_C_GET_CIPHER_STATUS, 0, ptr::null_mut()) };
                return if status > 0 && end.is_some() { Ok(content) } else { Err(ErrorStack::get()) };
            }
        }
    }
}

/// A chain of BIOs that is ours.
struct Chain(*mut sys::BIO);

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: nobody uses the chain afterwards; null is allowed.
        unsafe { sys::BIO_free_all(self.0) };
    }
}
