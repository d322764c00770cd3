//! Cryptographic Message Syntax (RFC 5652; AuthEnvelopedData: RFC 5083) over OpenSSL.
//!
//! [`CmsObject`] is any object, read from BER or DER. [`sign`], [`verify`], [`encrypt`] and
//! [`decrypt`] each do one thing to one object, [`SignedStream`] and [`EncryptedStream`] piece by piece; layers, MIME and the question who vouches for a
//! signer are `message`'s and `trust`'s.
//!
//! # Limitations
//! - What is signed or encrypted passes through piece by piece; what is verified or decrypted is held
//!   in memory, and objects of 2 GiB and more are refused.
//! - Algorithms are those of the OpenSSL in use: 3.0 cannot do Ed25519, X25519 and
//!   ChaCha20-Poly1305 in CMS.

mod encrypt;
mod ffi;
mod inspect;
mod object;
mod sign;
mod verify;
#[cfg(test)]
mod tests;

use openssl::error::ErrorStack;

pub use encrypt::{ContentCipher, EncryptedStream, KeyTransport, Recipient, decrypt, encrypt};
pub use object::{CmsObject, ObjectType};
pub use sign::{Placement, SignedStream, SigningIdentity, readable_here, sign};
pub use verify::{Signer, Weakness, verify};

/// Why an operation on a CMS object came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CmsError {
    /// The digest of the content or a signature does not fit: changed, damaged or forged.
    #[error("the signature does not fit the content")]
    BadSignature,
    /// The object carries other content than what stands beside it.
    #[error("the signature carries other content than the one beside it")]
    ContentDiffers,
    /// The content could not be decrypted: wrong key, or changed on its way.
    #[error("the content could not be decrypted")]
    DecryptionFailed,
    /// There is no content to work on.
    #[error("the object has no content")]
    NoContent,
    /// There is no SignerInfo at all: certificates only, or nothing.
    #[error("the object is signed by nobody")]
    NoSigners,
    /// A recipient's key cannot receive a content key.
    #[error("the certificate's key cannot be encrypted to")]
    NotAnEncryptionKey,
    /// The octets are no CMS object.
    #[error("the octets are not a CMS object")]
    NotCms,
    /// The certificate of a signer is neither in the object nor known otherwise.
    #[error("the certificate of a signer is missing")]
    SignerCertificateMissing,
    /// There are more signers or recipients than anybody sends.
    #[error("the object names too many signers or recipients")]
    TooMany,
    /// OpenSSL refused an operation on our own data.
    #[error("OpenSSL: {0}")]
    Openssl(ErrorStack),
    /// The object is another kind than the operation is for.
    #[error("the object is of another type")]
    WrongType,
}
