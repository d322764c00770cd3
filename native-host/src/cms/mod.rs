//! Cryptographic Message Syntax (RFC 5652; AuthEnvelopedData: RFC 5083) over OpenSSL.
//!
//! [`CmsObject`] is any object, read from BER or DER. [`sign`], [`verify`], [`encrypt`] and
//! [`decrypt`] each do one thing to one object, [`SignedStream`] and [`EncryptedStream`] piece by piece;
//! layers, MIME and the question who vouches for a signer are `message`'s and `trust`'s.
//!
//! # Limitations
//! - What is signed or encrypted passes through piece by piece; what is verified or decrypted is held
//!   in memory, and objects of 2 GiB and more are refused.
//! - Algorithms are those of the OpenSSL in use. What 3.0 cannot do in CMS and S/MIME programs must
//!   receive (RFC 8551 sections 2.1 to 2.3) is done step by step: Ed25519 signatures, X25519 key
//!   agreement; ChaCha20-Poly1305 and AES-CCM too. Of these, X25519 is made here, and Ed25519 signatures from OpenSSL 3.2
//!   on.
//! - With a key that is elsewhere ([`DistantKey`]) signatures are made with SHA-256 alone, and content in
//!   RC2 or single DES is not decrypted.

mod compose;
mod decrypt;
mod encrypt;
mod ffi;
mod growing;
mod inspect;
mod key;
mod object;
mod preference;
mod sign;
mod signer_info;
mod signing_certificate;
mod steps;
mod tlv;
mod verify;
mod x25519;
#[cfg(test)]
mod distant_tests;
#[cfg(test)]
mod downgrade_tests;
#[cfg(test)]
mod tests;

use openssl::error::ErrorStack;

pub use decrypt::decrypt;
pub use encrypt::{ContentCipher, EncryptedStream, Recipient, encrypt};
pub use key::{DistantKey, Key, KeyFault, KeyTransport, RsaPadding, SignatureScheme, signature_fits};
pub use object::{CmsObject, ObjectType};
pub use preference::Reader;
pub use sign::{Placement, SignedStream, SigningIdentity, sign};
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
    /// A key that is elsewhere did not do its part.
    #[error(transparent)]
    Key(KeyFault),
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
    /// An algorithm that is not done here; its customary name or its number.
    #[error("the algorithm {0} is not supported here")]
    NotSupported(String),
    /// The certificate of a signer is neither in the object nor known otherwise.
    #[error("the certificate of a signer is missing")]
    SignerCertificateMissing,
    /// The certificate of a signer is there, and is not as RFC 5280 has certificates: OpenSSL can read it, and others
    /// would see something else in it.
    #[error("the certificate of a signer cannot be read")]
    SignerCertificateUnreadable,
    /// There are more recipients than anybody sends to at once.
    #[error("the object is encrypted to {0} recipients, which is too many")]
    TooManyRecipients(usize),
    /// There are more signers than anybody's honest mail has.
    #[error("the object has {0} signers, which is too many")]
    TooManySigners(usize),
    /// OpenSSL refused an operation on our own data.
    #[error("OpenSSL: {0}")]
    Openssl(ErrorStack),
    /// The object is another kind than the operation is for.
    #[error("the object is of another type")]
    WrongType,
}
