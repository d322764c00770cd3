//! Zone-file records to wire format. Written apart from the library under test on purpose.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32HEX_NOPAD;

use super::scenario::date;

/// A record as it goes onto the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Absolute, lower case, with the last dot.
    pub owner: String,
    pub type_number: u16,
    pub ttl: u32,
    pub rdata: Vec<u8>,
}

impl Record {
    /// For an RRSIG the type it covers, else its own.
    pub fn covers(&self) -> u16 {
        if self.type_number == 46 {
            u16::from_be_bytes([self.rdata[0], self.rdata[1]])
        } else {
            self.type_number
        }
    }
}

const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("NULL", 10),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DNAME", 39),
    ("DS", 43),
    ("SSHFP", 44),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("SMIMEA", 53),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("SPF", 99),
    ("TSIG", 250),
    ("ANY", 255),
    ("CAA", 257),
    ("DLV", 32769),
];

pub fn type_number(word: &str) -> Option<u16> {
    let upper = word.to_ascii_uppercase();
    let known = TYPES.iter().find(|(name, _)| *name == upper).map(|(_, number)| *number);
    known.or_else(|| upper.strip_prefix("TYPE")?.parse().ok())
}

/// `OWNER [TTL] [IN] TYPE RDATA`.
pub fn parse_record(line: &str) -> Option<Record> {
    let mut words = line.split_whitespace().peekable();
    let owner = absolute(words.next()?);
    let mut ttl = 3600;
    while let Some(word) = words.peek() {
        if let Ok(number) = word.parse() {
            ttl = number;
        } else if !word.eq_ignore_ascii_case("IN") {
            break;
        }
        words.next();
    }
    let type_number = type_number(words.next()?)?;
    let rest: Vec<&str> = words.collect();
    let rdata = rdata(type_number, &rest, line)?;
    Some(Record { owner, type_number, ttl, rdata })
}

fn rdata(type_number: u16, w: &[&str], line: &str) -> Option<Vec<u8>> {
    if w.first() == Some(&"\\#") {
        return hex::decode(w[2..].concat()).ok();
    }
    let number = |at: usize| w.get(at)?.parse::<u32>().ok();
    let mut out = Vec::new();
    match type_number {
        1 => out.extend(w.first()?.parse::<std::net::Ipv4Addr>().ok()?.octets()),
        28 => out.extend(w.first()?.parse::<std::net::Ipv6Addr>().ok()?.octets()),
        2 | 5 | 12 | 39 => out = name(w.first()?),
        6 => {
            out = [name(w.first()?), name(w.get(1)?)].concat();
            for at in 2..7 {
                out.extend(number(at)?.to_be_bytes());
            }
        }
        15 => {
            out.extend(u16::try_from(number(0)?).ok()?.to_be_bytes());
            out.extend(name(w.get(1)?));
        }
        33 => {
            for at in 0..3 {
                out.extend(u16::try_from(number(at)?).ok()?.to_be_bytes());
            }
            out.extend(name(w.get(3)?));
        }
        16 | 99 => {
            let text = line.split_once('"').map(|(_, t)| t.trim_end().trim_end_matches('"').to_owned());
            for string in text.unwrap_or_else(|| w.join(" ")).split("\" \"") {
                out.push(u8::try_from(string.len()).ok()?);
                out.extend(string.as_bytes());
            }
        }
        43 | 59 | 32769 => {
            out.extend(u16::try_from(number(0)?).ok()?.to_be_bytes());
            out.extend([u8::try_from(number(1)?).ok()?, u8::try_from(number(2)?).ok()?]);
            out.extend(hex::decode(w[3..].concat()).ok()?);
        }
        48 | 60 => {
            out.extend(u16::try_from(number(0)?).ok()?.to_be_bytes());
            out.extend([u8::try_from(number(1)?).ok()?, u8::try_from(number(2)?).ok()?]);
            out.extend(STANDARD.decode(w[3..].concat()).ok()?);
        }
        46 => {
            out.extend(type_number_of(w.first()?)?.to_be_bytes());
            out.extend([u8::try_from(number(1)?).ok()?, u8::try_from(number(2)?).ok()?]);
            out.extend(number(3)?.to_be_bytes());
            for at in [4, 5] {
                let moment = w.get(at)?;
                let seconds = if moment.len() == 14 { date(moment)? } else { moment.parse().ok()? };
                out.extend(u32::try_from(seconds.rem_euclid(1 << 32)).ok()?.to_be_bytes());
            }
            out.extend(u16::try_from(number(6)?).ok()?.to_be_bytes());
            out.extend(name(w.get(7)?));
            out.extend(STANDARD.decode(w[8..].concat()).ok()?);
        }
        47 => {
            out = name(w.first()?);
            out.extend(bitmap(&w[1..])?);
        }
        50 | 51 => {
            out.extend([u8::try_from(number(0)?).ok()?, u8::try_from(number(1)?).ok()?]);
            out.extend(u16::try_from(number(2)?).ok()?.to_be_bytes());
            let salt = if *w.get(3)? == "-" { vec![] } else { hex::decode(w.get(3)?).ok()? };
            out.push(u8::try_from(salt.len()).ok()?);
            out.extend(salt);
            if type_number == 50 {
                let next = BASE32HEX_NOPAD.decode(w.get(4)?.to_ascii_uppercase().as_bytes()).ok()?;
                out.push(u8::try_from(next.len()).ok()?);
                out.extend(next);
                out.extend(bitmap(&w[5..])?);
            }
        }
        52 | 53 => {
            for at in 0..3 {
                out.push(u8::try_from(number(at)?).ok()?);
            }
            out.extend(hex::decode(w[3..].concat()).ok()?);
        }
        _ => return None,
    }
    Some(out)
}

fn type_number_of(word: &str) -> Option<u16> {
    type_number(word)
}

/// RFC 4034 section 4.1.2.
fn bitmap(words: &[&str]) -> Option<Vec<u8>> {
    let mut numbers: Vec<u16> = words.iter().map(|word| type_number(word)).collect::<Option<_>>()?;
    numbers.sort_unstable();
    let mut out = Vec::new();
    for window in 0..=255_u16 {
        let mut bits = [0_u8; 32];
        let mut length = 0;
        for number in numbers.iter().filter(|number| **number >> 8 == window) {
            let low = usize::from(*number & 255);
            bits[low / 8] |= 0x80 >> (low % 8);
            length = length.max(low / 8 + 1);
        }
        if length > 0 {
            out.extend([u8::try_from(window).ok()?, u8::try_from(length).ok()?]);
            out.extend(&bits[..length]);
        }
    }
    Some(out)
}

/// Lower case, with the last dot.
pub fn absolute(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if lower.ends_with('.') { lower } else { lower + "." }
}

/// A name in wire format, its case kept, not compressed.
pub fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        let mut octets = Vec::new();
        let mut bytes = label.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'\\' {
                let digits: Vec<u8> = bytes.clone().take(3).collect();
                match std::str::from_utf8(&digits).ok().and_then(|d| d.parse::<u8>().ok()) {
                    Some(value) => {
                        octets.push(value);
                        bytes.nth(2);
                    }
                    None => octets.extend(bytes.next()),
                }
            } else {
                octets.push(byte);
            }
        }
        out.push(u8::try_from(octets.len()).unwrap());
        out.extend(octets);
    }
    out.push(0);
    out
}
