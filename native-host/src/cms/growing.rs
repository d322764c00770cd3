//! CMS objects made piece by piece: content goes in as it comes, the object comes out as it grows.

use openssl::error::ErrorStack;

use super::CmsError;
use super::ffi::Growing;

/// What is taken out at once.
const PIECE: usize = 16 * 1024;

impl Growing {
    /// Takes the next piece of content, and appends to `out` what is ready of the object.
    pub(super) fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorStack> {
        let mut rest = content;
        while !rest.is_empty() {
            let written = self.write(rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        self.take(out);
        Ok(())
    }

    /// Ends the content. Appends the rest of an embedding object to `out`; a digesting one is
    /// returned signed.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<Vec<u8>, CmsError> {
        let rest = if self.is_embedding() {
            self.flush().map_err(CmsError::Openssl)?;
            self.take(out);
            Vec::new()
        } else {
            self.signed().map_err(CmsError::Openssl)?
        };
        if self.is_signed_well() { Ok(rest) } else { Err(CmsError::BadSignature) }
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        let mut piece = [0_u8; PIECE];
        loop {
            let read = self.read(&mut piece);
            match piece.get(..read) {
                Some(octets) if !octets.is_empty() => out.extend_from_slice(octets),
                _ => return,
            }
        }
    }
}
