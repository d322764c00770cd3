//! What is wrong with a record, in words.

use serde_json::{Value, json};

use super::dns::unusable_words;
use super::keys::against;
use crate::smimea::lint::Lint;

/// For programs.
pub fn describe(lint: &Lint) -> Value {
    json!({"code": word(lint), "fault": lint.is_fault(), "message": words(lint), "values": values(lint)})
}

/// What fills the gaps where the add-on says it in the reader's language: moments, numbers.
fn values(lint: &Lint) -> Vec<String> {
    match lint {
        Lint::Expired(at) | Lint::NotYetValid(at) => vec![at.to_string()],
        Lint::Large(octets) => vec![octets.to_string()],
        _ => Vec::new(),
    }
}

/// The stable word.
pub const fn word(lint: &Lint) -> &'static str {
    match lint {
        Lint::BadHex => "bad-hex",
        Lint::CannotEncrypt(_) => "cannot-encrypt",
        Lint::CannotSign(_) => "cannot-sign",
        Lint::DigestOnly => "digest-only",
        Lint::Expired(_) => "expired",
        Lint::KeyOnly => "key-only",
        Lint::Large(_) => "large",
        Lint::NameForeign => "name-foreign",
        Lint::NameMalformed => "name-malformed",
        Lint::NameUntruncated => "name-untruncated",
        Lint::NamesNoAddress => "names-no-address",
        Lint::NotARecord => "not-a-record",
        Lint::NotAnAuthority => "not-an-authority",
        Lint::NotForAddress => "not-for-address",
        Lint::NotYetValid(_) => "not-yet-valid",
        Lint::Unusable(_) => "unusable",
    }
}

/// One or two sentences.
pub fn words(lint: &Lint) -> String {
    let fixed = match lint {
        Lint::CannotEncrypt(fitness) => {
            return format!("Nobody can encrypt to this certificate: {}.", against(*fitness));
        }
        Lint::CannotSign(fitness) => {
            return format!("Nobody accepts a signature by this certificate: {}.", against(*fitness));
        }
        Lint::Expired(at) => return format!("The certificate expired on {at}; nobody may use it any more."),
        Lint::NotYetValid(from) => return format!("The certificate is not valid before {from}."),
        Lint::Large(octets) => {
            return format!(
                "The record has {octets} octets. It goes over TCP alone, and some providers' forms do not take it. \
                 A P-256 key makes it much smaller."
            );
        }
        Lint::Unusable(unusable) => {
            return format!("The record means nothing: it {}.", unusable_words(*unusable));
        }
        Lint::BadHex => {
            "The data is not hexadecimal, has an odd number of digits, or not the length that is announced."
        }
        Lint::DigestOnly => {
            "The record holds a digest only: correspondents can check signatures with it, but cannot encrypt a first \
             mail."
        }
        Lint::KeyOnly => {
            "The record holds the bare public key: nobody can encrypt to it, because S/MIME encrypts to certificates."
        }
        Lint::NameForeign => {
            "The name is not that of any address which the certificate names. Nobody will look there."
        }
        Lint::NameMalformed => {
            "The name is not 56 hexadecimal digits below _smimecert. Nobody will look there (RFC 8162 section 3)."
        }
        Lint::NameUntruncated => {
            "The name is the whole SHA-256. It must be cut to its first 56 digits; nobody will look here (RFC 8162 \
             section 3)."
        }
        Lint::NamesNoAddress => "The certificate names no mail address, so it counts only with usage 1 or 3.",
        Lint::NotARecord => "The line is not a complete SMIMEA or TYPE53 record.",
        Lint::NotAnAuthority => {
            "With usage 0 or 2 the certificate must be an authority's, and this one is not."
        }
        Lint::NotForAddress => "The certificate is for other addresses than this one.",
    };
    fixed.to_owned()
}
