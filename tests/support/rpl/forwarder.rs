//! A mock forwarder: answers every question from a scenario's entries, over TCP.
//!
//! Where several servers answer one question, an authority's answer beats a referral, a signed
//! answer an unsigned one, any answer an error. DS records are also found in the authority section
//! of referrals, where a real forwarder learns of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use super::ports::sockets;
use super::records::{Record, absolute, name, type_number};
use super::scenario::Entry;

/// The running forwarder. Its thread ends with the test program.
pub struct Forwarder {
    pub address: SocketAddr,
}

/// What is answered.
#[derive(Clone, Default)]
pub struct Reply {
    pub rcode: u8,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
}

impl Forwarder {
    /// Serves the entries that stand at `step`.
    pub fn start(entries: &[Entry], step: u32) -> Self {
        let entries: Vec<Entry> =
            entries.iter().filter(|e| e.steps.0 <= step && step <= e.steps.1).cloned().collect();
        Self::answering(move |asked, number| find(&entries, asked, number))
    }

    /// Answers as the function says, which gets a name (absolute, lower case) and a type.
    pub fn answering(find: impl Fn(&str, u16) -> Reply + Send + Sync + 'static) -> Self {
        let find = Arc::new(find);
        let (listener, socket) = sockets();
        let address = listener.local_addr().unwrap();
        let by_udp = Arc::clone(&find);
        std::thread::spawn(move || serve_udp(&socket, &*by_udp));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let find = Arc::clone(&find);
                std::thread::spawn(move || serve(stream, &*find));
            }
        });
        Self { address }
    }
}

/// For referees; our own questions go by TCP.
fn serve_udp(socket: &UdpSocket, find: &dyn Fn(&str, u16) -> Reply) {
    let mut query = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut query) {
        let (asked, number, question) = read_question(&query[..length]);
        let mut wire = write_reply(&query[..length], question, &find(&asked, number));
        if wire.len() > 1232 {
            wire.truncate(12 + question.len());
            wire[2] |= 2; // TC
            wire[6..12].fill(0);
        }
        let _ = socket.send_to(&wire, from);
    }
}

fn serve(mut stream: TcpStream, find: &dyn Fn(&str, u16) -> Reply) {
    let _ = stream.set_nodelay(true); // answers follow each other
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut query).is_err() {
            return;
        }
        let (asked, number, question) = read_question(&query);
        let reply = find(&asked, number);
        let wire = write_reply(&query, question, &reply);
        let framed = [&u16::try_from(wire.len()).unwrap().to_be_bytes()[..], &wire].concat();
        if stream.write_all(&framed).is_err() {
            return;
        }
    }
}

fn read_question(query: &[u8]) -> (String, u16, &[u8]) {
    let mut at = 12;
    let mut labels = Vec::new();
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_ascii_lowercase());
        at += length + 1;
    }
    let number = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    (absolute(&labels.join(".")), number, &query[12..at + 5])
}

fn find(entries: &[Entry], asked: &str, number: u16) -> Reply {
    let exact = |entry: &&Entry| {
        let by_type =
            !entry.matches.iter().any(|m| m == "subdomain") || entry.matches.iter().any(|m| m == "qtype");
        let any_name = !entry.matches.iter().any(|m| m == "qname" || m == "question" || m == "subdomain");
        let named =
            absolute(&entry.name) == asked || (any_name && entry.matches.iter().any(|m| m == "qtype"));
        let any_type = !entry.matches.iter().any(|m| m == "qtype" || m == "question");
        named && by_type && (any_type || type_number(&entry.record_type) == Some(number))
    };
    let best = entries.iter().filter(exact).filter(|e| !is_referral(e)).max_by_key(|e| quality(e));
    if let Some(entry) = best.filter(|e| quality(e) > 0) {
        return whole(entry);
    }
    if number == 43
        && let Some(reply) = entries.iter().find_map(|entry| ds_in_referral(entry, asked))
    {
        return reply;
    }
    let below = |entry: &&Entry| {
        let name = absolute(&entry.name);
        let under = asked == name || asked.ends_with(&format!(".{}", name.trim_start_matches('.')));
        under && entry.matches.iter().any(|m| m == "subdomain") && !entry.matches.iter().any(|m| m == "qtype")
    };
    if let Some(entry) = entries.iter().filter(below).find(|e| !is_referral(e) && quality(e) > 0) {
        return whole(entry);
    }
    match best {
        Some(entry) => Reply { rcode: rcode(entry), ..Reply::default() },
        None => Reply { rcode: 2, ..Reply::default() },
    }
}

fn whole(entry: &Entry) -> Reply {
    Reply {
        rcode: rcode(entry),
        answer: entry.answer.clone(),
        authority: entry.authority.clone(),
        additional: entry.additional.clone(),
    }
}

fn rcode(entry: &Entry) -> u8 {
    [("SERVFAIL", 2), ("NXDOMAIN", 3), ("NOTIMPL", 4), ("REFUSED", 5)]
        .into_iter()
        .find(|(word, _)| entry.has(word))
        .map_or(0, |(_, code)| code)
}

fn quality(entry: &Entry) -> u8 {
    if matches!(rcode(entry), 2 | 4 | 5) {
        return 0;
    }
    let signed = |records: &[Record]| records.iter().any(|record| record.type_number == 46);
    let (answer, authority) = (signed(&entry.answer), signed(&entry.authority));
    1 + u8::from(answer) + u8::from(answer || authority) + 3 * u8::from(!entry.answer.is_empty())
}

/// Unsigned NS records in the authority section, nothing in the answer, and no SOA.
fn is_referral(entry: &Entry) -> bool {
    let has = |number: u16| entry.authority.iter().any(|record| record.type_number == number);
    let signed = entry.authority.iter().any(|record| record.type_number == 46 && record.covers() == 2);
    entry.answer.is_empty() && has(2) && !signed && !has(6)
}

fn ds_in_referral(entry: &Entry, asked: &str) -> Option<Reply> {
    let delegates = entry.authority.iter().any(|record| record.type_number == 2 && record.owner == asked);
    if !is_referral(entry) || !delegates {
        return None;
    }
    let of = |numbers: &[u16]| -> Vec<Record> {
        entry.authority.iter().filter(|record| numbers.contains(&record.covers())).cloned().collect()
    };
    let (answer, authority) = (of(&[43]), of(&[47, 50]));
    let says_something = !answer.is_empty() || !authority.is_empty();
    says_something.then_some(Reply { answer, authority, ..Reply::default() })
}

fn write_reply(query: &[u8], question: &[u8], reply: &Reply) -> Vec<u8> {
    let mut wire = query[..2].to_vec();
    wire.extend([0x81, 0x80 | 0x10 | reply.rcode]);
    for count in [1, reply.answer.len(), reply.authority.len(), reply.additional.len() + 1] {
        wire.extend(u16::try_from(count).unwrap().to_be_bytes());
    }
    wire.extend(question);
    for record in reply.answer.iter().chain(&reply.authority).chain(&reply.additional) {
        wire.extend(name(&record.owner));
        wire.extend(record.type_number.to_be_bytes());
        wire.extend([0, 1]);
        wire.extend(record.ttl.to_be_bytes());
        wire.extend(u16::try_from(record.rdata.len()).unwrap().to_be_bytes());
        wire.extend(&record.rdata);
    }
    // An OPT record with DO (RFC 6891): without it a resolver takes the server for an old one.
    wire.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]);
    wire
}
