//! DER, written value by value.

use der::asn1::ObjectIdentifier;
use der::{Encode, Length};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const NULL: [u8; 2] = [5, 0];

/// A context tag, constructed.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One value.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    Length::try_from(length)?.encode_to_vec(&mut out)?;
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Ok(out)
}

/// An AlgorithmIdentifier with these parameters, or none.
pub(super) fn algorithm(oid: ObjectIdentifier, parameters: &[u8]) -> der::Result<Vec<u8>> {
    value(SEQUENCE, &[&oid.to_der()?, parameters])
}

/// A SET OF in DER: the values in the order of their octets (X.690 section 11.6).
pub(super) fn set_of(tag: u8, mut values: Vec<Vec<u8>>) -> der::Result<Vec<u8>> {
    values.sort();
    values.dedup();
    value(tag, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// RFC 5652 section 11.3: UTCTime for the years 1950 to 2049, else GeneralizedTime. The text is
/// `YYYYMMDDHHMMSSZ`; what comes with it is the tag.
pub(super) fn time_text(full: &str) -> (u8, &[u8]) {
    let in_utc_range = ("1950".."2050").contains(&full.get(..4).unwrap_or_default());
    match full.get(2..) {
        Some(short) if in_utc_range => (UTC_TIME, short.as_bytes()),
        _ => (GENERALIZED_TIME, full.as_bytes()),
    }
}
