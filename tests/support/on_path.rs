//! An attacker between the resolver and us: forwards every question to the real server and does
//! with the answer what it likes.
#![allow(dead_code, reason = "each program uses its part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::signed_tree::ports::sockets;

/// What to send instead of the answer.
pub enum Reply {
    /// This message, under the question's id.
    Message(Message),
    /// The same, and then the connection is closed.
    Last(Message),
    /// These octets as a frame.
    Octets(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// The message, an octet at a time.
    Drip(Message),
    /// The connection is closed.
    Hangup,
}

/// Asks the real server.
#[derive(Clone, Copy)]
pub struct Truth(pub SocketAddr);

impl Truth {
    pub fn ask(&self, name: &Name, record_type: RecordType) -> Message {
        let mut query = Message::query();
        query.add_query(Query::query(name.clone(), record_type));
        query.metadata.checking_disabled = true;
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_dnssec_ok(true);
        query.set_edns(edns);
        self.exchange(&query.to_vec().unwrap()).unwrap()
    }

    fn exchange(&self, query: &[u8]) -> Option<Message> {
        let mut stream = TcpStream::connect(self.0).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(&frame(query)).ok()?;
        Message::from_vec(&read_frame(&mut stream)?).ok()
    }
}

/// What the attacker does: sees the truth, answers as it likes.
pub type Attack = fn(&Truth, &Query, Message) -> Reply;

/// Starts the attacker; the address is where a victim asks. Its threads end with the program.
pub fn between(truth: Truth, attack: Attack) -> SocketAddr {
    counting(truth, attack).0
}

/// The same, with the number of connections accepted.
pub fn counting(truth: Truth, attack: Attack) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, socket) = sockets();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve_udp(&socket, truth, attack));
    let connections = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || serve(stream, truth, attack));
        }
    });
    (address, connections)
}

/// A server that is reached by UDP alone and says that its answers are too large for it.
pub fn truncating() -> SocketAddr {
    let (_, socket) = sockets();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut reply = buffer[..length].to_vec();
            reply[2] |= 0x82; // QR, TC
            let _ = socket.send_to(&reply, from);
        }
    });
    address
}

/// An honest server that is reached by UDP alone.
pub fn by_udp_alone(truth: Truth) -> SocketAddr {
    let (_, socket) = sockets();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Some(mut message) = truth.exchange(&buffer[..length]) else { continue };
            message.metadata.id = u16::from_be_bytes([buffer[0], buffer[1]]);
            let _ = socket.send_to(&message.to_vec().unwrap(), from);
        }
    });
    address
}

/// An honest server, by TCP alone. Its connections before the one with the number in the counter are dead,
/// and neither side has been told.
pub fn by_mortal_connections(truth: Truth) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, _) = sockets();
    let address = listener.local_addr().unwrap();
    let living = Arc::<AtomicUsize>::default();
    let first = Arc::clone(&living);
    std::thread::spawn(move || {
        for (number, mut stream) in listener.incoming().flatten().enumerate() {
            let first = Arc::clone(&first);
            std::thread::spawn(move || {
                while let Some(asked) = read_frame(&mut stream) {
                    if number >= first.load(Ordering::Relaxed) {
                        let mut message = truth.exchange(&asked)?;
                        message.metadata.id = u16::from_be_bytes([*asked.first()?, *asked.get(1)?]);
                        stream.write_all(&frame(&message.to_vec().ok()?)).ok()?;
                    }
                }
                Some(())
            });
        }
    });
    (address, living)
}

/// What [`serve`] does, by UDP, as far as it goes: what is too long, or closes a connection, is cut short.
fn serve_udp(socket: &UdpSocket, truth: Truth, attack: Attack) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let asked = &buffer[..length];
        let Ok(message) = Message::from_vec(asked) else { continue };
        let (Some(query), Some(answer)) = (message.queries.first(), truth.exchange(asked)) else { continue };
        let wire = match attack(&truth, query, answer) {
            Reply::Message(mut message) | Reply::Last(mut message) => {
                message.metadata.id = u16::from_be_bytes([asked[0], asked[1]]);
                message.to_vec().unwrap()
            }
            Reply::Octets(octets) => octets,
            Reply::Hangup => vec![0; 1300],
            Reply::Drip(_) | Reply::Silence => continue,
        };
        let mut short = asked.to_vec();
        short[2] |= 0x82; // QR, TC
        let _ = socket.send_to(if wire.len() > 1232 { &short } else { &wire }, from);
    }
}

fn serve(mut stream: TcpStream, truth: Truth, attack: Attack) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    loop {
        let asked = read_frame(&mut stream)?;
        let id = u16::from_be_bytes([*asked.first()?, *asked.get(1)?]);
        let query = Message::from_vec(&asked).ok()?.queries.first()?.clone();
        let answer = truth.exchange(&asked)?;
        let encode = |mut message: Message| {
            message.metadata.id = id;
            message.to_vec().ok()
        };
        match attack(&truth, &query, answer) {
            Reply::Message(message) => stream.write_all(&frame(&encode(message)?)).ok()?,
            Reply::Last(message) => {
                stream.write_all(&frame(&encode(message)?)).ok()?;
                return None;
            }
            Reply::Octets(octets) => stream.write_all(&frame(&octets)).ok()?,
            Reply::Silence => {}
            Reply::Drip(message) => {
                for octet in frame(&encode(message)?) {
                    stream.write_all(&[octet]).ok()?;
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            Reply::Hangup => return None,
        }
    }
}

fn frame(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat()
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).ok()?;
    Some(octets)
}
