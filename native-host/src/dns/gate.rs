//! A strict reading of what hickory proved.
//!
//! hickory 0.26.3 accepts replayed wildcards and forged denials when an unsigned authority record
//! travels with them, and says nothing of opt-out. This gate takes only what cannot be one of
//! those; what it refuses wrongly (aliases) is refused as unproven, never as absent.

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record as WireRecord};
use hickory_resolver::proto::serialize::binary::BinEncodable;

use super::answer::{
    Answer, Defect, Denial, Fault, InsecureCause, Insecurity, Link, Missing, Outage, Record, RecordSet,
    Validated,
};
use super::{DomainName, RecordType};
use crate::clock::UnixTime;

/// The verdict on hickory's answer to `name`/`record_type`.
pub(super) fn judge(
    result: Result<Message, NetError>,
    name: &DomainName,
    record_type: RecordType,
    now: UnixTime,
) -> Answer {
    let fault = |defect| Answer::Bogus(Fault { name: name.clone(), record_type, zone: None, defect });
    match result {
        Ok(message) if message.answers.iter().any(|r| !is_signature(r)) => {
            positive(&message, name, record_type, now).unwrap_or_else(fault)
        }
        Ok(message) => negative(&message, name, now).unwrap_or_else(fault),
        Err(NetError::Dns(DnsError::Nsec { proof: Proof::Insecure, .. })) => {
            Answer::Insecure(Insecurity { zone: name.base_name(), cause: InsecureCause::OptOut })
        }
        Err(NetError::Dns(DnsError::Nsec { .. })) => fault(Defect::NoDenial),
        Err(NetError::Dns(DnsError::DnssecBogus)) => fault(Defect::NoSignature),
        Err(NetError::Timeout) => Answer::Unreachable(Outage::TimedOut(std::time::Duration::from_secs(3))),
        Err(_) => Answer::Unreachable(Outage::Garbled),
    }
}

fn positive(
    message: &Message,
    name: &DomainName,
    record_type: RecordType,
    now: UnixTime,
) -> Result<Answer, Defect> {
    let wanted = |r: &&WireRecord| r.name == *name && r.record_type() == record_type;
    let set: Vec<&WireRecord> = message.answers.iter().filter(wanted).collect();
    let worst = set.iter().map(|r| r.proof).min().ok_or(Defect::Foreign)?;
    if worst == Proof::Insecure {
        return Ok(Answer::Insecure(Insecurity { zone: name.base_name(), cause: InsecureCause::NoDs }));
    }
    let signature = message
        .answers
        .iter()
        .filter(|r| r.name == *name && r.proof == Proof::Secure)
        .find_map(|r| signature(r).filter(|signature| signature.input().type_covered == record_type));
    let signature = signature.ok_or(Defect::NoSignature)?;
    if worst != Proof::Secure {
        return Err(Defect::SignatureWrong { key_tag: signature.input().key_tag });
    }
    let input = signature.input();
    let authority_proven =
        message.authorities.iter().filter(|r| !is_signature(r)).all(|r| r.proof == Proof::Secure);
    let from_wildcard = input.num_labels < name.num_labels();
    if !authority_proven || (from_wildcard && !message.authorities.iter().any(is_denial)) {
        return Err(Defect::WildcardUnproven);
    }
    if from_wildcard && message.authorities.iter().any(opts_out) {
        return Ok(Answer::Insecure(Insecurity {
            zone: input.signer_name.clone(),
            cause: InsecureCause::OptOut,
        }));
    }
    let records = set.iter().map(|r| {
        let rdata = r.data.to_bytes().map_err(|_| Defect::Foreign)?;
        Ok(Record { ttl: r.ttl.min(input.original_ttl), rdata })
    });
    Ok(Answer::Secure(Validated::proven(RecordSet {
        owner: name.clone(),
        record_type,
        records: records.collect::<Result<_, Defect>>()?,
        aliases: Vec::new(),
        from_wildcard,
        chain: vec![link(signature)],
        valid_until: end(signature, now),
    })))
}

fn negative(message: &Message, name: &DomainName, now: UnixTime) -> Result<Answer, Defect> {
    let soa =
        message.authorities.iter().find(|r| r.record_type() == RecordType::SOA).ok_or(Defect::NoDenial)?;
    let data: Vec<&WireRecord> = message.authorities.iter().filter(|r| !is_signature(r)).collect();
    if soa.name.zone_of(name) && data.iter().all(|r| r.proof == Proof::Insecure) {
        return Ok(Answer::Insecure(Insecurity { zone: soa.name.clone(), cause: InsecureCause::NoDs }));
    }
    if !soa.name.zone_of(name)
        || data.iter().any(|r| r.proof != Proof::Secure)
        || !data.iter().any(|r| is_denial(r))
    {
        return Err(Defect::NoDenial);
    }
    if message.authorities.iter().any(opts_out) {
        return Ok(Answer::Insecure(Insecurity { zone: soa.name.clone(), cause: InsecureCause::OptOut }));
    }
    let signatures: Vec<&RRSIG> = message.authorities.iter().filter_map(signature).collect();
    let what =
        if message.metadata.response_code == ResponseCode::NXDomain { Missing::Name } else { Missing::Type };
    Ok(Answer::Absent(Validated::proven(Denial {
        what,
        zone: soa.name.clone(),
        ttl: data.iter().map(|r| r.ttl).min().unwrap_or(0),
        chain: signatures.first().map(|signature| link(signature)).into_iter().collect(),
        valid_until: signatures.iter().map(|signature| end(signature, now)).min().unwrap_or(now),
    })))
}

fn is_signature(record: &WireRecord) -> bool {
    record.record_type() == RecordType::RRSIG
}

fn is_denial(record: &WireRecord) -> bool {
    record.proof == Proof::Secure && matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3)
}

fn opts_out(record: &WireRecord) -> bool {
    matches!(&record.data, RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) if nsec3.opt_out())
}

fn signature(record: &WireRecord) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

fn link(signature: &RRSIG) -> Link {
    let input = signature.input();
    Link { zone: input.signer_name.clone(), key_tag: input.key_tag, algorithm: input.algorithm.into() }
}

/// The end of a signature as a full moment: the nearest to now of those with these 32 bits (RFC
/// 4034 section 3.1.5).
fn end(signature: &RRSIG, now: UnixTime) -> UnixTime {
    let low = i64::from(signature.input().sig_expiration.get());
    let distance = (low - now.seconds()).rem_euclid(1 << 32);
    now.plus(if distance >= 1 << 31 { distance - (1 << 32) } else { distance })
}
