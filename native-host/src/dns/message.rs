//! Reads answers.
//!
//! hickory refuses a whole message for one record of a form it does not know: an NSEC3 record with
//! a new hash, a DNSKEY of another protocol. Validators must ignore such records and judge the
//! rest (RFC 5155 sections 8.1 and 8.2, RFC 4034 section 2.1.2), so here they are kept as they
//! are, as records of unknown content, which still count in what was signed.
//!
//! A signature belongs beside what it signs (RFC 4035 section 3.1.1). It proves the same from
//! elsewhere, so one from the additional section is put there.
//!
//! # Limitations
//! Of the additional section nothing else is used.

use std::collections::HashSet;

use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::op::{Header, Message, Query};
use hickory_resolver::proto::rr::rdata::NULL;
use hickory_resolver::proto::rr::{DNSClass, RData, Record};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};

use super::{DomainName, RecordType};

/// Signatures in the additional section that are looked at.
const MOST_STRAYS: usize = 16;

/// The message, if the octets are one. Never panics.
pub(super) fn read(octets: &[u8]) -> Option<Message> {
    let mut decoder = BinDecoder::new(octets);
    let Header { metadata, counts } = Header::read(&mut decoder).ok()?;
    let mut message = Message::query();
    message.metadata = metadata;
    for _ in 0..counts.queries {
        message.queries.push(Query::read(&mut decoder).ok()?);
    }
    for _ in 0..counts.answers {
        message.answers.push(record(octets, &mut decoder)?);
    }
    for _ in 0..counts.authorities {
        message.authorities.push(record(octets, &mut decoder)?);
    }
    let rest = (0..counts.additionals).map_while(|_| record(octets, &mut decoder));
    for stray in rest.filter(|record| covered(record).is_some()).take(MOST_STRAYS) {
        put_beside_its_set(&mut message, &stray);
    }
    Some(message)
}

/// A repeated record counts once (RFC 4034 section 6.3), whatever its TTL.
pub(super) fn each_once(mut records: Vec<&Record>) -> Vec<&Record> {
    let mut seen = HashSet::new();
    records.retain(|record| seen.insert((&record.data, &record.name)));
    records
}

/// The type that a signature covers; `None` for other records.
fn covered(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input().type_covered),
        _ => None,
    }
}

/// Does nothing with the signature of a set that is not there.
fn put_beside_its_set(message: &mut Message, stray: &Record) {
    for section in [&mut message.answers, &mut message.authorities] {
        let signed = |other: &Record| Some(other.record_type()) == covered(stray) && other.name == stray.name;
        if section.iter().any(signed) {
            section.push(stray.clone());
        }
    }
}

fn record<'o>(octets: &'o [u8], decoder: &mut BinDecoder<'o>) -> Option<Record> {
    let start = u16::try_from(decoder.index()).ok()?;
    let mut after = BinDecoder::new(octets).clone(start);
    let name = DomainName::read(&mut after).ok()?;
    let record_type = RecordType::read(&mut after).ok()?;
    let class = after.read_u16().ok()?.unverified(/* compared with IN alone */);
    let ttl = after.read_u32().ok()?.unverified(/* any number will do */);
    let length = usize::from(after.read_u16().ok()?.unverified(/* checked by the next line */));
    let data = after.read_slice(length).ok()?.unverified(/* never looked into */);
    let known = Record::read(decoder).ok().filter(|_| decoder.index() == after.index());
    *decoder = after;
    known.or_else(|| {
        let unknown = RData::Unknown { code: record_type, rdata: NULL::with(data.to_vec()) };
        let mut record = Record::from_rdata(name, ttl, unknown);
        record.dns_class = DNSClass::from(class);
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer to `a.test. NSEC3` with one record of this data.
    fn answer(data: &[u8]) -> Vec<u8> {
        let mut wire = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        wire.extend(b"\x01a\x04test\0\0\x32\0\x01");
        wire.extend(b"\xc0\x0c\0\x32\0\x01\0\0\x01\x2c\0");
        wire.push(u8::try_from(data.len()).unwrap());
        wire.extend(data);
        wire
    }

    #[test]
    fn what_is_not_understood_is_kept() {
        let known = answer(&[&[1, 0, 0, 0, 0, 20][..], &[7; 20]].concat());
        let unknown = answer(&[&[6, 0, 0, 0, 0, 20][..], &[7; 20]].concat());
        assert!(Message::from_vec(&unknown).is_err(), "hickory has learnt it; this module can go");
        let message = read(&known).unwrap();
        assert!(matches!(&message.answers[0].data, RData::DNSSEC(_)));
        let message = read(&unknown).unwrap();
        assert_eq!(message.answers[0].record_type(), RecordType::NSEC3);
        assert!(matches!(&message.answers[0].data, RData::Unknown { .. }));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let whole = answer(&[1, 0, 0]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_none(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_can_be_read(mut octets: Vec<u8>, counts in prop::array::uniform4(0_u8..4)) {
            let _ = read(&octets);
            let head = [0, 0, 0x80, 0, 0, counts[0], 0, counts[1], 0, counts[2], 0, counts[3]];
            octets.splice(0..0, head);
            let _ = read(&octets);
        }
    }
}
