//! A verdict as JSON and in words: the contract's object of `dane-smime open`.

use serde_json::{Map, Value, json};

use crate::clock::UnixTime;
use crate::cms::{Signer, Weakness};
use crate::message::Verdict;
use crate::message::verdict::{
    Doubt, Encryption, EncryptionFault, FirstSeen, InvalidReason, Malformation, Signature, UnknownReason,
};
use crate::mime::EmailAddress;
use crate::mime::split::SplitError;
use crate::trust::Binding;

/// `{"from":…,"encryption":{…},"signature":{…},"subject":…}`.
pub fn to_json(verdict: &Verdict) -> Value {
    json!({
        "from": verdict.from.as_ref().map(ToString::to_string),
        "encryption": encryption(&verdict.encryption),
        "signature": signature(verdict),
        "subject": verdict.subject,
        "subject_hidden": verdict.subject_hidden,
        "hidden_fields": verdict.hidden_fields,
        "warnings": warnings(verdict),
    })
}

/// Said beside content that is shown because the reader asked for it.
const UNAUTHENTIC: &str = "The signature is not valid, and the mail was encrypted in a way that does not show \
                           changes: the text may have been put together by somebody else. Do not rely on it, \
                           and do not answer with it.";

/// What a reader should know beside the verdict: `[{"code":…,"reason":…}]`.
fn warnings(verdict: &Verdict) -> Vec<Value> {
    let misleading = verdict.display_name_claims.iter().map(|claimed| {
        let sender = verdict.from.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = format!("The sender’s name shows the address {claimed}, but the mail is from {sender}.");
        json!({ "code": "display-name-names-other", "reason": words, "address": claimed.to_string() })
    });
    let mismatch = verdict.other_sender_inside.iter().map(|inner| {
        let sender = verdict.from.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = format!("The mail says it is from {sender}, but its protected header says {inner}.");
        json!({ "code": "from-mismatch", "reason": words, "address": inner.to_string() })
    });
    let doubt =
        matches!(verdict.encryption, Encryption::Decrypted { doubt: Some(Doubt::ShownOnRequest), .. });
    let unauthentic = doubt.then(|| json!({ "code": "withheld-unauthentic", "reason": UNAUTHENTIC }));
    let date = verdict.date_differs.iter().map(|date| {
        let signed = signer(verdict).and_then(|signer| signer.signing_time);
        let signed = signed.map(|time| time.to_string()).unwrap_or_default();
        let words = format!("The mail says it is of {date}, but it was signed on {signed}.");
        json!({ "code": "date-differs", "reason": words, "date": date.to_string(), "at": signed })
    });
    misleading.chain(mismatch).chain(date).chain(unauthentic).collect()
}

/// Exit status of `open`: 1 for `invalid` or `failed`, 3 for `unknown`, else 0.
pub fn exit_status(verdict: &Verdict) -> u8 {
    match (&verdict.encryption, &verdict.signature) {
        (Encryption::Failed(_), _) | (_, Signature::Invalid(..)) => 1,
        (_, Signature::Unknown(..)) => 3,
        (_, Signature::Valid { .. } | Signature::None) => 0,
    }
}

/// The signer that the verdict speaks of.
pub fn signer(verdict: &Verdict) -> Option<&Signer> {
    match &verdict.signature {
        Signature::None => None,
        Signature::Valid { signer, .. } | Signature::Unknown(_, signer) => Some(signer),
        Signature::Invalid(_, signer) => signer.as_deref(),
    }
}

/// The domain whose word makes the signature valid.
pub fn vouching_domain(verdict: &Verdict) -> Option<&str> {
    match &verdict.signature {
        Signature::Valid { address, binding, first_seen: None, .. } if binding.is_by_domain() => {
            Some(address.domain())
        }
        _ => None,
    }
}

/// Both halves in sentences, for people on a terminal.
pub fn to_text(verdict: &Verdict) -> String {
    let (_, encryption) = encryption_words(&verdict.encryption);
    let (_, signature) = signature_words(verdict);
    format!("Encryption: {encryption}\nSignature:  {signature}\n")
}

fn encryption(encryption: &Encryption) -> Value {
    let (code, reason) = encryption_words(encryption);
    let (state, algorithm, recipient) = match encryption {
        Encryption::None | Encryption::LeftShut | Encryption::CertificatesOnly => ("none", None, None),
        Encryption::Decrypted { algorithm, recipient, .. } => {
            ("decrypted", Some(algorithm), recipient.as_ref().map(ToString::to_string))
        }
        Encryption::Failed(_) => ("failed", None, None),
    };
    json!({
        "state": state, "algorithm": algorithm, "recipient": recipient, "code": code, "reason": reason,
    })
}

fn encryption_words(encryption: &Encryption) -> (&'static str, String) {
    let (code, words) = match encryption {
        Encryption::CertificatesOnly => (
            "certificates-only",
            "The S/MIME part holds certificates and no text. There is nothing to be shown.",
        ),
        Encryption::None => ("ok", "The mail was not encrypted."),
        Encryption::Decrypted { doubt: Some(Doubt::Withheld), .. } => (
            "withheld-unauthentic",
            "The mail could be decrypted, but its signature is not valid: the text may have been put \
             together by somebody else, so it is not shown. Ask the sender to send it again.",
        ),
        Encryption::Decrypted { authenticated: true, .. } => {
            ("ok", "The mail was encrypted, and nobody changed it on its way.")
        }
        Encryption::Decrypted { authenticated: false, .. } => ("ok", "The mail was encrypted."),
        Encryption::LeftShut => (
            "left-shut",
            "Inside several signatures lies an encrypted part, which is not opened. Nothing of it is shown.",
        ),
        Encryption::Failed(fault) => match fault {
            EncryptionFault::CannotDecrypt => (
                "cannot-decrypt",
                "The mail could not be decrypted: it was changed or damaged on its way. Nothing of it is \
                 shown. Ask the sender to send it again.",
            ),
            EncryptionFault::Compressed => (
                "compressed",
                "The mail is packed as compressed S/MIME data, which is not opened. Ask the sender to \
                 send it without compression.",
            ),
            EncryptionFault::NotMail => ("not-mail", "The S/MIME part holds no mail text."),
            EncryptionFault::NotForUs => (
                "not-for-us",
                "The mail is encrypted to other keys than those on this computer. If you had another key \
                 before, import it; else ask the sender to encrypt to your present certificate.",
            ),
            EncryptionFault::Malformed => (
                "malformed",
                "The S/MIME part is damaged and cannot be read. Ask the sender to send it again.",
            ),
            EncryptionFault::NotSupported(algorithm) => {
                return (
                    "not-supported-here",
                    format!(
                        "The mail is encrypted in a way that this program cannot undo ({algorithm}). Ask the \
                         sender to encrypt it with AES."
                    ),
                );
            }
            EncryptionFault::TooDeep => {
                ("too-deep", "The mail is wrapped in more layers than are opened. Nothing of it is shown.")
            }
            EncryptionFault::TooManyRecipients(count) => {
                return (
                    "too-many-recipients",
                    format!("The mail is encrypted to {count} recipients, more than are read."),
                );
            }
            EncryptionFault::TooManySigners(count) => {
                return (
                    "too-many-signers",
                    format!("The mail names {count} signers, more than are read. Nothing of it is shown."),
                );
            }
        },
    };
    (code, words.to_owned())
}

fn signature(verdict: &Verdict) -> Value {
    let (code, reason) = signature_words(verdict);
    let (state, binding) = match &verdict.signature {
        Signature::None => ("none", "none"),
        Signature::Valid { binding, .. } => ("valid", binding.word()),
        Signature::Invalid(..) => ("invalid", "none"),
        Signature::Unknown(..) => ("unknown", "none"),
    };
    let mut fields = Map::new();
    fields.insert("state".into(), json!(state));
    fields.insert("binding".into(), json!(binding));
    fields.insert("code".into(), json!(code));
    fields.insert("reason".into(), json!(reason));
    let signer = signer(verdict);
    let type_of_signature = (!matches!(verdict.signature, Signature::None)).then_some("originator");
    fields.insert("type".into(), json!(type_of_signature));
    fields.insert("signer".into(), json!(signer.map(|signer| signer_name(verdict, signer))));
    fields.insert("certificate_sha256".into(), json!(signer.map(|s| s.certificate.sha256().to_string())));
    fields.insert("algorithm".into(), json!(signer.map(|s| &s.algorithm)));
    let time = signer.and_then(|s| s.signing_time).map(|time| time.to_string());
    fields.insert("signing_time".into(), json!(time));
    fields.insert("at".into(), json!(time_of(&verdict.signature).map(|at| at.to_string())));
    Value::Object(fields)
}

/// The time that the reason names, so that it can be said in other languages.
fn time_of(signature: &Signature) -> Option<UnixTime> {
    match signature {
        Signature::Valid { first_seen, .. } => first_seen.map(|seen| seen.at),
        Signature::Unknown(
            UnknownReason::CertificateExpired(at)
            | UnknownReason::CertificateNotYetValid(at)
            | UnknownReason::CertificateReplaced(at),
            _,
        ) => Some(*at),
        _ => None,
    }
}

/// The address that a signer is known by: the bound one, else the first that the certificate
/// claims, else its subject.
fn signer_name(verdict: &Verdict, signer: &Signer) -> String {
    match &verdict.signature {
        Signature::Valid { address, .. } => address.to_string(),
        _ => {
            let claimed = signer.certificate.email_addresses().first().map(EmailAddress::to_string);
            claimed.unwrap_or_else(|| signer.certificate.subject())
        }
    }
}

fn signature_words(verdict: &Verdict) -> (&'static str, String) {
    let from = verdict.from.as_ref();
    let sender = from.map_or_else(|| "the sender".to_owned(), ToString::to_string);
    let domain = from.map_or("the sender’s domain", EmailAddress::domain);
    match &verdict.signature {
        Signature::None => ("ok", "The mail is not signed.".to_owned()),
        Signature::Valid { address, binding, first_seen: None, .. } => ("ok", valid_words(address, *binding)),
        Signature::Valid { address, first_seen: Some(seen), .. } => first_seen_words(address, *seen),
        Signature::Invalid(reason, _) => invalid_words(reason, &sender, domain),
        Signature::Unknown(reason, _) => unknown_words(reason, &sender, domain),
    }
}

fn valid_words(address: &EmailAddress, binding: Binding) -> String {
    if binding.is_by_domain() {
        let domain = address.domain();
        format!("Signed by {address}. {domain} vouches for this signature (DNSSEC).")
    } else {
        format!("Signed by {address}. A certificate authority that you trust vouches for this signature.")
    }
}

fn first_seen_words(address: &EmailAddress, FirstSeen { at, is_over }: FirstSeen) -> (&'static str, String) {
    let then = format!("Signed by {address}. Valid when this mail was first read, on {at};");
    if is_over {
        ("valid-when-first-seen", format!("{then} today the certificate no longer counts."))
    } else {
        let now = "whether it still is could not be checked today.";
        ("valid-when-first-seen-unchecked", format!("{then} {now}"))
    }
}

fn invalid_words(reason: &InvalidReason, sender: &str, domain: &str) -> (&'static str, String) {
    match reason {
        InvalidReason::Altered => (
            "altered",
            "This text is not what was signed: it was changed on its way. Do not rely on it.".into(),
        ),
        InvalidReason::ShownDiffers => {
            ("shown-differs", "What is shown is not what was signed. Do not rely on it.".into())
        }
        InvalidReason::ContentDiffers => (
            "content-differs",
            "The signature belongs to another text than the one that is shown. Do not rely on it.".into(),
        ),
        InvalidReason::CertificateMissing => (
            "certificate-missing",
            "The signature cannot be checked: the signer’s certificate is neither in the mail nor in the \
             DNS."
                .into(),
        ),
        InvalidReason::CertificateUnreadable => (
            "certificate-unreadable",
            "The signature cannot be checked: the signer’s certificate does not keep to the standard (in its dates \
             or its encoding, for instance). The signer needs another one."
                .into(),
        ),
        InvalidReason::Malformed(Malformation::Split(SplitError::TooManyParts)) => (
            "too-many-parts",
            "The mail has more parts than are read. Its signature counts for nothing.".into(),
        ),
        InvalidReason::Malformed(what) => ("malformed", malformed_words(what)),
        InvalidReason::NotSupported(algorithm) => (
            "not-supported-here",
            format!(
                "The signature was made in a way that this program cannot check ({algorithm}). It counts for \
                 nothing."
            ),
        ),
        InvalidReason::TooManySigners(count) => (
            "too-many-signers",
            format!("The mail names {count} signers, more than are read. Its signature counts for nothing."),
        ),
        InvalidReason::NestedSignatures => (
            "nested-signatures",
            "Several signatures lie round one another in a way that mail programs read differently. None of \
             them counts."
                .into(),
        ),
        InvalidReason::FromNotSingle => (
            "from-not-single",
            "It is not certain who the mail is from: there must be one From line with one address. The \
             signature counts for nothing."
                .into(),
        ),
        InvalidReason::NamesOther => (
            "names-other",
            format!("The signature is by somebody else: its certificate is not for {sender}."),
        ),
        InvalidReason::NotForSigning => (
            "not-for-signing",
            "The signature was made with a certificate that is not for signing mail.".into(),
        ),
        InvalidReason::NoRecordFits => (
            "no-record-fits",
            format!("The signature is not by {sender}: {domain} names another certificate for this address."),
        ),
        InvalidReason::Weak(Weakness::Digest) => (
            "weak-digest",
            "The signature uses a method that can be forged (an outdated or unknown digest). It counts for \
             nothing."
                .into(),
        ),
        InvalidReason::Weak(Weakness::SmallKey(bits)) => (
            "weak-key",
            format!(
                "The signature was made with a key of {bits} bits, which can be forged. It counts for \
                     nothing."
            ),
        ),
    }
}

fn malformed_words(what: &Malformation) -> String {
    let cause = match what {
        Malformation::Header(error) => error.to_string(),
        Malformation::Split(error) => error.to_string(),
        Malformation::Transfer(error) => error.to_string(),
        Malformation::Cms => "the signature is damaged".to_owned(),
    };
    format!("The signature cannot be checked: {cause}.")
}

fn unknown_words(reason: &UnknownReason, sender: &str, domain: &str) -> (&'static str, String) {
    match reason {
        UnknownReason::NoRecord => (
            "no-record",
            format!(
                "The text was not changed, but nobody vouches for the signer: {domain} publishes no \
                     certificate for {sender}."
            ),
        ),
        UnknownReason::DnsInsecure => (
            "dns-insecure",
            format!(
                "The text was not changed, but nobody vouches for the signer: {domain} is not secured \
                     with DNSSEC."
            ),
        ),
        UnknownReason::DnsBogus => (
            "dns-bogus",
            format!(
                "The text was not changed, but the signer is not proven: the answer from {domain} \
                     cannot be trusted. Somebody may have tampered with it."
            ),
        ),
        UnknownReason::DnsUnreachable => (
            "dns-unreachable",
            format!(
                "The text was not changed, but the signer could not be checked: {domain} gave no \
                     answer. Look again later."
            ),
        ),
        UnknownReason::CertificateExpired(at) => (
            "certificate-expired",
            format!("The text was not changed, but the signer’s certificate expired on {at}."),
        ),
        UnknownReason::CertificateNotYetValid(from) => (
            "certificate-not-yet-valid",
            format!("The text was not changed, but the signer’s certificate is valid only from {from} on."),
        ),
        UnknownReason::CertificateRevoked => (
            "certificate-revoked",
            "The text was not changed, but the signer’s certificate was revoked: somebody else may have \
             the key. Ask the sender in another way whether the mail is theirs."
                .into(),
        ),
        UnknownReason::CertificateReplaced(until) => (
            "certificate-replaced",
            format!(
                "The text was not changed. {domain} vouched for this signer until {until} at least, and \
                     does so no more: it may be older mail, or the key may no longer be the sender’s."
            ),
        ),
        UnknownReason::NoUsableRecord => (
            "no-usable-record",
            format!(
                "The text was not changed, but {domain} publishes the signer’s certificate in a form \
                     that cannot be used."
            ),
        ),
    }
}
