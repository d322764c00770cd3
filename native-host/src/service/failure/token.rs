//! Failures of tokens, in words.

use serde_json::json;

use super::{Code, Failure};
use crate::cms::KeyFault;
use crate::keys::{PinFault, TokenError, TokenName, Tries};
use crate::pinentry::PinentryError;

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Absent(token) if token == TokenName::default() => {
                Self::new(Code::TokenMissing, "There is no token. Plug it in, then try again.")
            }
            TokenError::Absent(token) => Self::new(
                Code::TokenMissing,
                format!(
                    "The token “{}” with your key is not there. Plug it in, then try again.",
                    token.label
                ),
            )
            .with("token", json!(token)),
            TokenError::Failed { reason } => KeyFault::Failed { reason }.into(),
            TokenError::Module { path, reason } => Self::new(
                Code::TokenFailed,
                format!(
                    "The module of the token, {}, cannot be used: {reason}. It comes with the token’s own software; \
                     install that, or say where it is.",
                    path.display()
                ),
            ),
            TokenError::ModuleUnknown(token) => Self::new(
                Code::TokenFailed,
                format!(
                    "The key on the token “{}” came from a backup, and from there no software is started. Name the \
                     token’s module once: dane-smime key token add --module FILE",
                    token.label
                ),
            )
            .with("token", json!(token)),
            TokenError::NoSuchKey(token) => Self::new(
                Code::NoSuchKey,
                format!("No key on the token “{}” belongs to this certificate.", token.label),
            ),
            TokenError::Pin { token, fault } => pin(&token, &fault).with("token", json!(token)),
            TokenError::PinForEachUse(token) => Self::new(
                Code::NotSupportedHere,
                format!(
                    "The token “{}” has a key that wants its PIN for every single use, as in slot 9c of PIV cards. This \
                     program cannot use such a key, and there is no other on the token to take.",
                    token.label
                ),
            )
            .with("token", json!(token)),
            TokenError::Several(tokens) => {
                let names: Vec<_> = tokens.iter().map(|t| format!("“{}” ({})", t.label, t.serial)).collect();
                let words = format!("There are several tokens; name one with --token: {}.", names.join(", "));
                Self::new(Code::BadRequest, words).with("tokens", json!(tokens))
            }
        }
    }
}

fn pin(token: &TokenName, fault: &PinFault) -> Failure {
    let label = &token.label;
    match fault {
        PinFault::Locked => Failure::new(
            Code::PinLocked,
            format!(
                "The token “{label}” is locked: a wrong PIN was entered too often. Unlock it with its PUK, in the \
                 token’s own software."
            ),
        ),
        PinFault::NotEntered(error) => match &**error {
            PinentryError::Cancelled => Failure::new(
                Code::PinNeeded,
                format!("The PIN of the token “{label}” was not entered, so its key was not used."),
            ),
            PinentryError::Missing => Failure::new(
                Code::PinentryFailed,
                format!(
                    "The token “{label}” wants its PIN, and there is no program on this computer that asks for it. \
                     Install one (pinentry-gnome3, pinentry-qt), then try again."
                ),
            ),
            PinentryError::Failed { reason } => Failure::new(
                Code::PinentryFailed,
                format!("The window for the PIN of the token “{label}” failed: {reason}. Try again."),
            ),
        },
        PinFault::NotSet => Failure::new(
            Code::PinLocked,
            format!("The token “{label}” has no PIN yet. Set one in the token’s own software."),
        ),
        PinFault::Wrong(tries) => {
            let left = match tries {
                Tries::Untold => "A token locks after a few wrong ones",
                Tries::Fewer => "Few tries are left before the token locks",
                Tries::Last => "One try is left: another wrong PIN locks the token",
            };
            Failure::new(Code::PinWrong, format!("The PIN of the token “{label}” was wrong. {left}."))
        }
    }
}

impl From<KeyFault> for Failure {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Gone => Self::new(
                Code::TokenMissing,
                "The token with your key is not there any more. Plug it in, then try again.",
            ),
            KeyFault::NotSupported(what) => {
                Self::new(Code::NotSupportedHere, format!("The token with your key cannot do {what}."))
            }
            fault => {
                tracing::error!(%fault, "a token failed");
                let words =
                    "The token with your key failed. Pull it out, plug it in again, then try once more.";
                Self::new(Code::TokenFailed, words)
            }
        }
    }
}
