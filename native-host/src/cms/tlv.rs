//! DER, written value by value.

use der::asn1::ObjectIdentifier;
use der::{Encode, Length};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
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
