//! The layers of a protected mail. Octets go in at the innermost and come out of the outermost.

use std::io::Write;

use super::ProtectError;
use crate::cms::{
    CmsError, ContentCipher, EncryptedStream, Placement, Recipient, SignedStream, SigningIdentity,
};
use crate::mime::transfer::Base64Lines;

/// One layer. Begins with its header, goes on with its content, ends with what only the end tells.
pub(super) struct Layer {
    header: Option<Vec<u8>>,
    media_type: &'static str,
    work: Option<Work>,
}

enum Work {
    /// multipart/signed (RFC 1847): the content passes through, the signature follows.
    Beside { signature: SignedStream, boundary: String },
    /// application/pkcs7-mime with the content signed inside.
    Inside { object: SignedStream, lines: Base64Lines, buffer: Vec<u8> },
    /// application/pkcs7-mime, encrypted.
    Encrypted { object: EncryptedStream, lines: Base64Lines, buffer: Vec<u8> },
}

impl Layer {
    pub(super) fn signing(
        identity: &SigningIdentity<'_>,
        placement: Placement,
        boundary: &str,
    ) -> Result<Self, CmsError> {
        let stream = SignedStream::begin(identity, placement)?;
        match placement {
            Placement::Embedded => {
                let work = Work::Inside { object: stream, lines: Base64Lines::default(), buffer: Vec::new() };
                Ok(Self::pkcs7_mime("signed-data", "S/MIME signed message", work))
            }
            Placement::Detached => {
                let micalg = identity.micalg();
                let header = format!(
                    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
                     micalg={micalg}; boundary=\"{boundary}\"\r\n\r\n\
                     This is a signed message in MIME format (S/MIME).\r\n\r\n--{boundary}\r\n"
                );
                let work = Work::Beside { signature: stream, boundary: boundary.to_owned() };
                Ok(Self {
                    header: Some(header.into_bytes()),
                    media_type: "multipart/signed",
                    work: Some(work),
                })
            }
        }
    }

    pub(super) fn encrypting(to: &[Recipient<'_>], cipher: ContentCipher) -> Result<Self, CmsError> {
        let object = EncryptedStream::begin(to, cipher)?;
        let smime_type = match cipher {
            ContentCipher::Aes256Cbc => "enveloped-data",
            ContentCipher::Aes256Gcm => "authEnveloped-data", // RFC 8551 section 3.2.2
        };
        let work = Work::Encrypted { object, lines: Base64Lines::default(), buffer: Vec::new() };
        Ok(Self::pkcs7_mime(smime_type, "S/MIME encrypted message", work))
    }

    fn pkcs7_mime(smime_type: &str, description: &str, work: Work) -> Self {
        let header = format!(
            "Content-Type: application/pkcs7-mime; smime-type={smime_type};\r\n name=\"smime.p7m\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\
             Content-Description: {description}\r\n\r\n"
        );
        Self { header: Some(header.into_bytes()), media_type: "application/pkcs7-mime", work: Some(work) }
    }

    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        out.extend(self.header.take().unwrap_or_default());
        match &mut self.work {
            None => Ok(()), // it was finished
            Some(Work::Beside { signature, .. }) => {
                out.extend_from_slice(content);
                signature.push(content, out)
            }
            Some(Work::Inside { object, lines, buffer }) => {
                object.push(content, buffer)?;
                lines.push(buffer, out);
                buffer.clear();
                Ok(())
            }
            Some(Work::Encrypted { object, lines, buffer }) => {
                object.push(content, buffer)?;
                lines.push(buffer, out);
                buffer.clear();
                Ok(())
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CmsError> {
        out.extend(self.header.take().unwrap_or_default());
        let mut last = Vec::new();
        let mut lines = match self.work.take() {
            None => return Ok(()),
            Some(Work::Beside { signature, boundary }) => {
                signature.finish(&mut last)?;
                out.extend_from_slice(
                    format!(
                        "\r\n--{boundary}\r\n\
                         Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
                         Content-Transfer-Encoding: base64\r\n\
                         Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\
                         Content-Description: S/MIME signature\r\n\r\n"
                    )
                    .as_bytes(),
                );
                let mut lines = Base64Lines::default();
                lines.push(&last, out);
                lines.finish(out);
                out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
                return Ok(());
            }
            Some(Work::Inside { object, lines, .. }) => {
                object.finish(&mut last)?;
                lines
            }
            Some(Work::Encrypted { object, lines, .. }) => {
                object.finish(&mut last)?;
                lines
            }
        };
        lines.push(&last, out);
        lines.finish(out);
        Ok(())
    }
}

/// All layers, the innermost first.
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// What went into a layer and what came out of it, by turns.
    buffers: [Vec<u8>; 2],
}

impl Layers {
    pub(super) fn new(layers: Vec<Layer>) -> Self {
        Self { layers, buffers: [Vec::new(), Vec::new()] }
    }

    /// The media type of the outermost.
    pub(super) fn media_type(&self) -> &'static str {
        self.layers.last().map_or("", |outermost| outermost.media_type)
    }

    pub(super) fn push(&mut self, content: &[u8], output: &mut dyn Write) -> Result<(), ProtectError> {
        self.pass(content, 0, output)
    }

    /// Ends every layer, from the innermost outwards: the end of one is content of the next.
    pub(super) fn finish(&mut self, output: &mut dyn Write) -> Result<(), ProtectError> {
        for at in 0..self.layers.len() {
            let mut end = Vec::new();
            if let Some(layer) = self.layers.get_mut(at) {
                layer.finish(&mut end)?;
            }
            self.pass(&end, at + 1, output)?;
        }
        Ok(())
    }

    /// Through the layers from the one at `first` on.
    fn pass(&mut self, content: &[u8], first: usize, output: &mut dyn Write) -> Result<(), ProtectError> {
        let [inside, outside] = &mut self.buffers;
        inside.clear();
        inside.extend_from_slice(content);
        for layer in self.layers.iter_mut().skip(first) {
            outside.clear();
            layer.push(inside, outside)?;
            std::mem::swap(inside, outside);
        }
        output.write_all(inside).map_err(ProtectError::Output)
    }
}
