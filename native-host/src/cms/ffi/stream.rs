//! CMS objects made piece by piece: content goes in as it comes, the object comes out as it grows.

use std::ptr;

use libc::{c_int, c_long};
use openssl::cms::CmsContentInfo;
use openssl::error::ErrorStack;
use openssl_sys as sys;

const BIO_CTRL_FLUSH: c_int = 11;

unsafe extern "C" {
    fn BIO_new_CMS(out: *mut sys::BIO, cms: *mut sys::CMS_ContentInfo) -> *mut sys::BIO;
    fn CMS_dataFinal(cms: *mut sys::CMS_ContentInfo, bio: *mut sys::BIO) -> c_int;
}

/// An object under way.
pub(in crate::cms) struct Growing {
    /// Where content is written: a chain of BIOs that ends in `encoded`.
    chain: *mut sys::BIO,
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
    pub(in crate::cms) fn embedding(cms: CmsContentInfo) -> Result<Self, ErrorStack> {
        use foreign_types_shared::ForeignType;
        // SAFETY: `encoded` is new and ours. Where BIO_new_CMS fails it leaves it to us; where it
        // succeeds it lies at the end of the chain, which is freed as a whole in `drop`.
        unsafe {
            let encoded = sys::BIO_new(sys::BIO_s_mem());
            if encoded.is_null() {
                return Err(ErrorStack::get());
            }
            let chain = BIO_new_CMS(encoded, cms.as_ptr());
            if chain.is_null() {
                sys::BIO_free_all(encoded);
                return Err(ErrorStack::get());
            }
            Ok(Self { chain, encoded, cms })
        }
    }

    /// A SignedData whose content stands elsewhere: nothing comes out until the end.
    pub(in crate::cms) fn digesting(cms: CmsContentInfo) -> Result<Self, ErrorStack> {
        use foreign_types_shared::ForeignType;
        // SAFETY: a null content makes OpenSSL end the chain in a BIO that drops what it is given
        // (manual page of CMS_dataInit); the chain is ours.
        let chain = unsafe { super::CMS_dataInit(cms.as_ptr(), ptr::null_mut()) };
        if chain.is_null() {
            return Err(ErrorStack::get());
        }
        Ok(Self { chain, encoded: ptr::null_mut(), cms })
    }

    /// Takes the next piece of content, and appends to `out` what is ready of the object.
    pub(in crate::cms) fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorStack> {
        let mut rest = content;
        while !rest.is_empty() {
            let length = super::length(rest)?;
            // SAFETY: `rest` is readable for `length` octets, and the chain keeps none of them.
            let written = unsafe { sys::BIO_write(self.chain, rest.as_ptr().cast(), length) };
            match usize::try_from(written).ok().and_then(|written| rest.get(written..)) {
                Some(left) if written > 0 => rest = left,
                _ => return Err(ErrorStack::get()),
            }
        }
        self.take(out)
    }

    /// Ends the content. Appends the rest of an embedding object to `out`; a digesting one is
    /// returned signed.
    pub(in crate::cms) fn finish(mut self, out: &mut Vec<u8>) -> Result<Vec<u8>, ErrorStack> {
        use foreign_types_shared::ForeignType;
        if self.encoded.is_null() {
            // SAFETY: the chain is the one that CMS_dataInit made for this object.
            super::ok(unsafe { CMS_dataFinal(self.cms.as_ptr(), self.chain) })?;
            return self.cms.to_der();
        }
        // SAFETY: the chain is whole; flushing it writes the end of the object.
        let flushed: c_long = unsafe { sys::BIO_ctrl(self.chain, BIO_CTRL_FLUSH, 0, ptr::null_mut()) };
        if flushed <= 0 {
            return Err(ErrorStack::get());
        }
        self.take(out)?;
        Ok(Vec::new())
    }

    fn take(&mut self, out: &mut Vec<u8>) -> Result<(), ErrorStack> {
        if self.encoded.is_null() {
            return Ok(());
        }
        let mut piece = [0_u8; 16 * 1024];
        let room = super::length(&piece)?;
        loop {
            // SAFETY: `piece` is writable for `room` octets.
            let read = unsafe { sys::BIO_read(self.encoded, piece.as_mut_ptr().cast(), room) };
            match usize::try_from(read).ok().and_then(|read| piece.get(..read)) {
                Some(octets) if !octets.is_empty() => out.extend_from_slice(octets),
                // An empty memory BIO says "later", which is no error.
                _ => return Ok(()),
            }
        }
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // SAFETY: the chain is ours, `encoded` lies in it, and nobody uses either afterwards.
        unsafe { sys::BIO_free_all(self.chain) };
    }
}
