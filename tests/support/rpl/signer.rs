//! Signs records with keys made for the occasion. Written apart from the library under test on
//! purpose: OpenSSL does the arithmetic.

use std::time::{SystemTime, UNIX_EPOCH};

use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;

use super::records::{Record, name};

/// Types of the records that make a zone provable.
pub const DS: u16 = 43;
pub const RRSIG: u16 = 46;
pub const DNSKEY: u16 = 48;

/// Types with names in their data.
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;

/// ECDSA P-256 with SHA-256 (RFC 6605).
const ALGORITHM: u8 = 13;

/// A zone's key, used for its keys and its data alike.
pub struct Keys {
    pub zone: String,
    key: EcKey<Private>,
}

/// How a signature differs from an honest one.
#[derive(Clone, Default)]
pub struct Quirks {
    /// Labels field; the owner's number if none.
    pub labels: Option<u8>,
    /// Inception and expiration, in seconds from now.
    pub from: Option<i64>,
    pub until: Option<i64>,
    /// The name of the signer, if not the zone's.
    pub signer: Option<String>,
    /// The algorithm's number, if not the key's.
    pub algorithm: Option<u8>,
    /// The key tag, if not the key's.
    pub tag: Option<u16>,
    /// The flags of the key, where its tag is that of other flags.
    pub tag_of: Option<u16>,
    /// The type that it is said to cover, which is not the one that was signed.
    pub covers: Option<u16>,
    /// One bit of the signature is wrong.
    pub broken: bool,
    /// The name of the signer is written in capitals.
    pub capitals: bool,
}

impl Keys {
    pub fn make(zone: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self { zone: zone.to_owned(), key: EcKey::generate(&group).unwrap() }
    }

    /// DNSKEY record data with these flags.
    pub fn dnskey_data(&self, flags: u16) -> Vec<u8> {
        let mut context = BigNumContext::new().unwrap();
        let form = PointConversionForm::UNCOMPRESSED;
        let point = self.key.public_key().to_bytes(self.key.group(), form, &mut context).unwrap();
        [&flags.to_be_bytes()[..], &[3, ALGORITHM], &point[1..]].concat()
    }

    pub fn dnskey(&self) -> Record {
        record(&self.zone, DNSKEY, self.dnskey_data(257))
    }

    /// The DS record, SHA-256.
    pub fn ds(&self) -> Record {
        let key = self.dnskey_data(257);
        let digest = openssl::sha::sha256(&[name(&self.zone), key.clone()].concat());
        record(&self.zone, DS, [&key_tag(&key).to_be_bytes()[..], &[ALGORITHM, 2], &digest].concat())
    }

    /// The anchor as a zone-file line.
    pub fn anchor(&self) -> String {
        use base64::Engine;
        let key = base64::engine::general_purpose::STANDARD.encode(&self.dnskey_data(257)[4..]);
        format!("{} IN DNSKEY 257 3 {ALGORITHM} {key}", self.zone)
    }

    /// The signature over a set: records of one owner and type.
    pub fn sign(&self, set: &[Record], quirks: &Quirks) -> Record {
        let first = set.first().expect("a set has a record");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let moment = |offset: i64| {
            let seconds = i64::try_from(now).unwrap() + offset;
            u32::try_from(seconds.rem_euclid(1 << 32)).unwrap().to_be_bytes()
        };
        let labels = quirks.labels.unwrap_or(u8::try_from(own_labels(&first.owner).len()).unwrap());
        let tag = quirks.tag.unwrap_or(key_tag(&self.dnskey_data(quirks.tag_of.unwrap_or(257))));
        let mut data = Vec::new();
        data.extend(first.type_number.to_be_bytes());
        data.extend([quirks.algorithm.unwrap_or(ALGORITHM), labels]);
        data.extend(first.ttl.to_be_bytes());
        data.extend(moment(quirks.until.unwrap_or(86_400)));
        data.extend(moment(quirks.from.unwrap_or(-86_400)));
        data.extend(tag.to_be_bytes());
        let signer = name(quirks.signer.as_ref().unwrap_or(&self.zone));
        let signed = [&data[..], &signer.to_ascii_lowercase(), &signed_records(set, labels)].concat();
        let digest = openssl::sha::sha256(&signed);
        data.extend(if quirks.capitals { signer.to_ascii_uppercase() } else { signer });
        let signature = EcdsaSig::sign(&digest, &self.key).unwrap();
        for half in [signature.r(), signature.s()] {
            data.extend(half.to_vec_padded(32).unwrap());
        }
        if quirks.broken {
            *data.last_mut().unwrap() ^= 1;
        }
        if let Some(covered) = quirks.covers {
            data[..2].copy_from_slice(&covered.to_be_bytes());
        }
        Record { ttl: first.ttl, ..record(&first.owner, RRSIG, data) }
    }

    /// Record data of a key that is none, with the tag of this one, and after it in order: delv gives up
    /// at the first that fails. Words may change places, the tag is their sum (RFC 4034 appendix B).
    pub fn twin_data(&self) -> Vec<u8> {
        let data = self.dnskey_data(257);
        let mut words: Vec<&[u8]> = data[4..].chunks(2).collect();
        let rising = words.windows(2).position(|pair| pair[0] < pair[1]).unwrap();
        words.swap(rising, rising + 1);
        [&data[..4], &words.concat()].concat()
    }
}

pub fn record(owner: &str, type_number: u16, rdata: Vec<u8>) -> Record {
    Record { owner: owner.to_owned(), type_number, ttl: 300, rdata }
}

/// RFC 4034 section 3.1.8.1: the records in canonical order, under the name that is signed, with
/// the TTL that they had.
fn signed_records(set: &[Record], labels: u8) -> Vec<u8> {
    let first = set.first().expect("a set has a record");
    let mut sorted: Vec<Vec<u8>> = set.iter().map(canonical).collect();
    sorted.sort();
    sorted.dedup();
    let mut out = Vec::new();
    for rdata in sorted {
        out.extend(name(&signed_name(&first.owner, usize::from(labels))));
        out.extend(first.type_number.to_be_bytes());
        out.extend([0, 1]);
        out.extend(first.ttl.to_be_bytes());
        out.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
        out.extend(rdata);
    }
    out
}

/// RFC 4034 section 6.2, less NSEC (RFC 6840 section 5.1): names within in lower case. Of the SOA's
/// numbers one octet at the most looks like a letter, and no test gives it.
fn canonical(record: &Record) -> Vec<u8> {
    match record.type_number {
        NS | CNAME | SOA | DNAME => record.rdata.to_ascii_lowercase(),
        _ => record.rdata.clone(),
    }
}

/// RFC 4034 section 3.1.3: all but a `*` in front.
fn own_labels(owner: &str) -> Vec<&str> {
    let all = owner.strip_prefix("*.").unwrap_or(owner).split('.');
    all.filter(|label| !label.is_empty()).collect()
}

/// RFC 4035 section 5.3.2: of a wildcard's answer the wildcard's name.
fn signed_name(owner: &str, labels: usize) -> String {
    let own = own_labels(owner);
    if labels >= own.len() {
        return owner.to_owned();
    }
    let kept: Vec<&str> = own[own.len() - labels..].to_vec();
    [vec!["*"], kept].concat().join(".") + "."
}

/// RFC 4034 appendix B.
pub fn key_tag(key: &[u8]) -> u16 {
    let sum: u32 = key
        .iter()
        .enumerate()
        .map(|(at, octet)| if at % 2 == 0 { u32::from(*octet) << 8 } else { u32::from(*octet) })
        .sum();
    u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap()
}

/// The hash of a name by RFC 5155 section 5, SHA-1.
pub fn nsec3_hash(of: &str, salt: &[u8], iterations: u16) -> [u8; 20] {
    let mut hash = openssl::sha::sha1(&[&name(&of.to_ascii_lowercase())[..], salt].concat());
    for _ in 0..iterations {
        hash = openssl::sha::sha1(&[&hash[..], salt].concat());
    }
    hash
}
