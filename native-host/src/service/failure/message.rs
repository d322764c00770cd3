//! Failures of protecting and opening messages, in words.

use super::{Code, Failure};
use crate::cms::CmsError;
use crate::message::OpenError;
use crate::message::outgoing::ProtectError;
use crate::mime::header::HeaderError;
use crate::service::session::BodyFileError;

impl From<ProtectError> for Failure {
    fn from(error: ProtectError) -> Self {
        match error {
            ProtectError::Cms(error) => error.into(),
            ProtectError::Header(error) => {
                Self::new(Code::BadMessage, format!("The mail cannot be protected: {error}."))
            }
            ProtectError::Input(reason) => Self::new(
                Code::UnreadableInput,
                format!("The mail could not be read: {reason}. Nothing was made."),
            ),
            ProtectError::Output(reason) => Self::new(
                Code::UnwritableOutput,
                format!("The protected mail could not be written: {reason}. Nothing was kept of it."),
            ),
        }
    }
}

impl From<CmsError> for Failure {
    fn from(error: CmsError) -> Self {
        match error {
            CmsError::Openssl(stack) => {
                tracing::error!(%stack, "OpenSSL refused an operation");
                let words = "The cryptographic library refused to do this. Nothing was made.";
                Self::new(Code::CryptoFailed, words)
            }
            CmsError::BadSignature => {
                let words = "The signature that was made does not fit its certificate: nobody could have checked it, so \
                             nothing was made. Try again; if it happens again, sign with another key.";
                Self::new(Code::CryptoFailed, words)
            }
            CmsError::Key(fault) => fault.into(),
            CmsError::NotAnEncryptionKey => {
                let words =
                    "A recipient’s certificate holds a kind of key that this program cannot encrypt to.";
                Self::new(Code::NotSupportedHere, words)
            }
            other => Self::new(Code::CryptoFailed, format!("Nothing was made: {other}.")),
        }
    }
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        Self::new(Code::BadMessage, format!("The mail cannot be read: {error}."))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Keys(error) => error.into(),
            OpenError::Header(error) => error.into(),
            OpenError::TooLarge => Self::new(Code::TooLarge, "The mail is too large to be opened."),
        }
    }
}

impl From<BodyFileError> for Failure {
    fn from(error: BodyFileError) -> Self {
        let words = format!("The file with the mail was not taken: {error}. Nothing was made. Try again.");
        Self::new(Code::BodyFileRefused, words)
    }
}
