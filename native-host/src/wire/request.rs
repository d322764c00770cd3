//! What the add-on asks for, parsed at the edge.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::MAX_BODY;
use super::file_name::FileName;
use super::key_request::KeyCall;

/// A frame from the add-on.
#[derive(Debug)]
pub enum Inbound {
    /// Must come first.
    Hello {
        /// The request's id.
        id: u64,
        /// Its fields.
        hello: Hello,
    },
    /// Something to do.
    Request(Request),
    /// A piece of a request's body.
    Chunk {
        /// The request's id.
        id: u64,
        /// The piece.
        chunk: Chunk,
    },
    /// Stop working on this request.
    Cancel {
        /// The request's id.
        id: u64,
    },
}

/// A request with everything but its body.
#[derive(Debug)]
pub struct Request {
    /// Chosen by the add-on, not reused.
    pub id: u64,
    /// How long the add-on waits.
    pub deadline: Option<Duration>,
    /// Its body.
    pub body: BodySource,
    /// How the answer's body may come.
    pub answer: AnswerForm,
    /// What to do.
    pub call: Call,
}

/// Where the body of a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodySource {
    /// It has none.
    Nowhere,
    /// From `length` octets, more than none, in the chunks that follow.
    Chunks {
        /// All of them together.
        length: usize,
    },
    /// From a file of exactly `length` octets in the folder for bodies.
    File {
        /// The file.
        name: FileName,
        /// Its size.
        length: usize,
    },
}

/// How the sender of a request takes the body of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// In chunks.
    Chunks,
    /// A large one in a file of the folder for bodies; in chunks all the same, where that fails.
    FileIfLarge,
}

/// What to do, with its parameters.
#[derive(Debug)]
pub enum Call {
    /// Do something with keys.
    Key(KeyCall),
    /// Make the keys that the settings want.
    Provision(Provision),
    /// Look whether all is well.
    Doctor(Doctor),
    /// List the keys.
    Keys,
    /// Say whether the keyring is locked.
    Keyring,
    /// Find certificates of recipients.
    Lookup(Lookup),
    /// Decrypt and verify.
    Open(Open),
    /// Sign and encrypt.
    Protect(Protect),
}

/// Fields of `hello`. Unknown ones are ignored, so that any two versions can meet.
#[derive(Debug, Deserialize)]
pub struct Hello {
    /// The versions that the add-on speaks.
    pub protocol: VersionRange,
    /// The words of the window that asks for a token's PIN.
    #[serde(default)]
    pub pin: PinWords,
    /// How much longer than a request's deadline the add-on waits while a person is asked for a password or a
    /// PIN, in milliseconds.
    #[serde(default)]
    pub password_ms: u64,
}

/// Words for the window that asks for a token's PIN, in the user's language; what is left out is said in
/// English. `$1` stands for the token.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PinWords {
    /// What the PIN is for.
    pub description: Option<String>,
    /// Before the field.
    pub label: Option<String>,
    /// Said where a wrong one was entered before.
    pub fewer: Option<String>,
    /// Said where another wrong one locks the token.
    pub last: Option<String>,
}

/// Both ends count.
#[derive(Debug, Deserialize)]
pub struct VersionRange {
    /// Oldest.
    pub min: u32,
    /// Newest.
    pub max: u32,
}

/// Fields of `provision`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// The senders of the profile.
    pub addresses: Vec<String>,
}

/// Fields of `doctor`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doctor {
    /// Senders to look at beside those that have keys.
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// Fields of `lookup`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// As typed by the user.
    pub addresses: Vec<String>,
}

/// Fields of `protect`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protect {
    /// The sender's address.
    pub from: String,
    /// Recipients.
    #[serde(default)]
    pub to: Vec<String>,
    /// Recipients.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Blind recipients.
    #[serde(default)]
    pub bcc: Vec<String>,
    /// SHA-256 of the sender's certificate to use, where it must be a certain one.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether to sign.
    pub sign: bool,
    /// Whether to encrypt.
    pub encrypt: bool,
    /// What becomes of the result.
    pub purpose: Purpose,
    /// The message's outer fields, for header protection.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Whether the caller will ask for the blind recipients' copies: then they are looked up with
    /// the others, and this copy is not encrypted to them.
    #[serde(default)]
    pub bcc_copies: bool,
    /// The blind recipient for whom alone this copy is.
    #[serde(default)]
    pub blind_copy_for: Option<String>,
    /// Whether header fields go inside; where it is not said, they do.
    #[serde(default)]
    pub header_protection: Option<bool>,
    /// Whether the subject is hidden outside; where it is not said, it is.
    #[serde(default)]
    pub hide_header: Option<bool>,
    /// Whether the signed text goes inside the object.
    #[serde(default)]
    pub opaque: bool,
    /// Whether the signature carries no certificates.
    #[serde(default)]
    pub nocerts: bool,
    /// Whether the ciphertext is signed once more.
    #[serde(default)]
    pub triple: bool,
    /// Whether the whole message goes inside as `message/rfc822`.
    #[serde(default)]
    pub wrap: bool,
}

/// What a protected entity is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To be kept: encrypted to the sender alone, never signed.
    Draft,
    /// To be sent to the recipients.
    Send,
}

/// Fields of `open`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// SHA-256, in hex, of the octets that are shown already.
    #[serde(default)]
    pub shown_sha256: Option<String>,
    /// Return decrypted content that was kept back: the reader was told why and asked for it.
    #[serde(default)]
    pub show_unauthentic: bool,
}

/// Fields of `chunk`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// From 0 on.
    pub seq: u64,
    /// Base64.
    pub data: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Octets of what is said of a field; all fields that a request may have can be named in them.
const LONGEST_REASON: usize = 1000;

/// Why a frame is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The frame is no JSON object with a type and an id: the connection cannot go on.
    #[error("a frame is not a request")]
    NotARequest,
    /// A field is missing, unknown, or has a wrong value.
    #[error("{reason}")]
    BadField {
        /// The request's id.
        id: u64,
        /// The field and what is wrong. Names the shape, never a value.
        reason: String,
    },
    /// The body is larger than [`MAX_BODY`].
    #[error("the body is too large")]
    BodyTooLarge {
        /// The request's id.
        id: u64,
    },
    /// Nobody knows this type.
    #[error("the type of the request is unknown")]
    UnknownType {
        /// The request's id.
        id: u64,
    },
}

impl Inbound {
    /// Reads a frame's JSON.
    ///
    /// # Errors
    /// [`RequestError`]; all but [`RequestError::NotARequest`] concern one request alone.
    pub fn parse(frame: &[u8]) -> Result<Self, RequestError> {
        let mut fields: Map<String, Value> =
            serde_json::from_slice(frame).map_err(|_| RequestError::NotARequest)?;
        let id = fields.remove("id").and_then(|v| v.as_u64()).ok_or(RequestError::NotARequest)?;
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => return Err(RequestError::NotARequest),
        };
        match kind.as_str() {
            "hello" => return Ok(Self::Hello { id, hello: read(id, fields)? }),
            "chunk" => return Ok(Self::Chunk { id, chunk: read(id, fields)? }),
            "cancel" => {
                read::<Nothing>(id, fields)?;
                return Ok(Self::Cancel { id });
            }
            _ => {}
        }
        let deadline = take(&mut fields, id, "deadline_ms")?.map(Duration::from_millis);
        let body_length = take::<u64>(&mut fields, id, "body_length")?
            .map(|length| usize::try_from(length).ok().filter(|length| *length <= MAX_BODY))
            .map(|length| length.ok_or(RequestError::BodyTooLarge { id }))
            .transpose()?;
        let body = match (take::<String>(&mut fields, id, "body_file")?, body_length) {
            (Some(name), Some(length)) => {
                let no_name = || bad_field(id, "`body_file` is no name of a file");
                BodySource::File { name: FileName::parse(&name).ok_or_else(no_name)?, length }
            }
            (Some(_), None) => return Err(bad_field(id, "`body_file` without `body_length`")),
            (None, None | Some(0)) => BodySource::Nowhere,
            (None, Some(length)) => BodySource::Chunks { length },
        };
        let answer = match take(&mut fields, id, "answer_file")? {
            Some(true) => AnswerForm::FileIfLarge,
            Some(false) | None => AnswerForm::Chunks,
        };
        let call = match kind.as_str() {
            "provision" => Call::Provision(read(id, fields)?),
            "doctor" => Call::Doctor(read(id, fields)?),
            "keys" => read::<Nothing>(id, fields).map(|_| Call::Keys)?,
            "keyring" => read::<Nothing>(id, fields).map(|_| Call::Keyring)?,
            "lookup" => Call::Lookup(read(id, fields)?),
            "open" => Call::Open(read(id, fields)?),
            "protect" => Call::Protect(read(id, fields)?),
            other => match KeyCall::parse(other, id, fields)? {
                Some(call) => Call::Key(call),
                None => return Err(RequestError::UnknownType { id }),
            },
        };
        Ok(Self::Request(Request { id, deadline, body, answer, call }))
    }
}

pub(super) fn read<T: DeserializeOwned>(id: u64, fields: Map<String, Value>) -> Result<T, RequestError> {
    // serde's messages name fields and kinds; values may be quoted in them, and a name may be as long as the
    // frame, which the answer then would not fit into.
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let text = error.to_string();
        let reason = match text.as_str() {
            text if text.starts_with("invalid") => "a field has a value of the wrong kind",
            text if text.starts_with("unknown variant") => "a field has a value that is not known",
            text if text.len() > LONGEST_REASON => "a field is not known",
            text => text,
        };
        bad_field(id, reason)
    })
}

/// A field that any request may have.
fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    id: u64,
    name: &'static str,
) -> Result<Option<T>, RequestError> {
    let value = fields.remove(name).unwrap_or_default();
    serde_json::from_value(value)
        .map_err(|_| bad_field(id, &format!("`{name}` has a value of the wrong kind")))
}

fn bad_field(id: u64, reason: &str) -> RequestError {
    RequestError::BadField { id, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Inbound, RequestError> {
        Inbound::parse(text.as_bytes())
    }

    #[test]
    fn requests_become_types() {
        let text = r#"{"type":"protect","id":3,"from":"a@a.test","to":["b@b.test"],"sign":true,
            "encrypt":true,"purpose":"send","body_length":5,"deadline_ms":1000}"#;
        let Ok(Inbound::Request(request)) = parse(text) else { panic!("not a request") };
        assert_eq!((request.id, request.body), (3, BodySource::Chunks { length: 5 }));
        assert_eq!(request.answer, AnswerForm::Chunks);
        assert_eq!(request.deadline, Some(Duration::from_secs(1)));
        assert!(matches!(request.call, Call::Protect(Protect { purpose: Purpose::Send, .. })));
    }

    #[test]
    fn hello_takes_unknown_fields_and_requests_do_not() {
        assert!(parse(r#"{"type":"hello","id":1,"protocol":{"min":1,"max":9},"news":1}"#).is_ok());
        let newer = parse(r#"{"type":"lookup","id":2,"addresses":[],"how":"fast"}"#);
        assert!(matches!(newer, Err(RequestError::BadField { id: 2, .. })));
        assert!(matches!(parse(r#"{"type":"keys","id":2,"x":1}"#), Err(RequestError::BadField { .. })));
    }

    #[test]
    fn a_body_comes_from_nowhere_from_chunks_or_from_one_named_file() {
        let source = |fields: &str| match parse(&format!(r#"{{"type":"open","id":4{fields}}}"#)) {
            Ok(Inbound::Request(request)) => Ok((request.body, request.answer)),
            Ok(_) => panic!("not a request"),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(source("").unwrap(), (BodySource::Nowhere, AnswerForm::Chunks));
        assert_eq!(source(r#","body_length":0"#).unwrap().0, BodySource::Nowhere);
        let file = |length| BodySource::File { name: FileName::parse("b-1").unwrap(), length };
        assert_eq!(source(r#","body_length":7,"body_file":"b-1""#).unwrap().0, file(7));
        assert_eq!(source(r#","body_length":0,"body_file":"b-1""#).unwrap().0, file(0));
        assert_eq!(source(r#","answer_file":true"#).unwrap().1, AnswerForm::FileIfLarge);
        for wrong in [
            r#","body_file":"b-1""#,
            r#","body_length":7,"body_file":"../b""#,
            r#","body_length":7,"body_file":["b-1"]"#,
            r#","body_length":"7""#,
            r#","answer_file":"a""#,
        ] {
            let reason = source(wrong).unwrap_err();
            assert!(reason.starts_with('`') && !reason.contains(".."), "{reason}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_apart() {
        assert_eq!(parse(r#"{"type":"dance","id":7}"#).unwrap_err(), RequestError::UnknownType { id: 7 });
        let large = r#"{"type":"open","id":7,"body_length":999999999999}"#;
        assert_eq!(parse(large).unwrap_err(), RequestError::BodyTooLarge { id: 7 });
        for text in ["", "[]", "{}", r#"{"type":"keys"}"#, r#"{"type":"keys","id":-1}"#, "\u{0}"] {
            assert_eq!(parse(text).unwrap_err(), RequestError::NotARequest, "{text}");
        }
    }

    #[test]
    fn a_wrong_value_is_not_quoted() {
        let error = parse(r#"{"type":"lookup","id":2,"addresses":"secret@a.test"}"#).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        let protect = r#"{"type":"protect","id":2,"from":"","sign":true,"encrypt":true,"purpose":"secret"}"#;
        let error = parse(protect).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_frame_is_read_without_panic(frame: Vec<u8>) {
            let _ = Inbound::parse(&frame);
        }
    }
}
