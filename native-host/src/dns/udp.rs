//! One question by UDP. Our own, because a connected socket hears at once that nobody listens,
//! and takes datagrams from nobody else.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::Message;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::answer::Outage;
use super::message;

/// After so long without an answer the question is sent again.
const AGAIN: Duration = Duration::from_millis(800);

/// Sends the question until it is answered or the caller gives up. A datagram that is no answer
/// to it, by id and question, is ignored: it may be forged, and the real one may still come.
pub(super) async fn ask(server: SocketAddr, question: &Message) -> Result<Vec<u8>, Outage> {
    let refused = |error: std::io::Error| Outage::Refused(error.kind());
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await.map_err(refused)?;
    socket.connect(server).await.map_err(refused)?;
    let wire = question.to_vec().map_err(|_| Outage::Garbled)?;
    loop {
        socket.send(&wire).await.map_err(refused)?;
        match tokio::time::timeout(AGAIN, receive(&socket, question)).await {
            Ok(answer) => return answer,
            Err(_) => continue,
        }
    }
}

async fn receive(socket: &UdpSocket, question: &Message) -> Result<Vec<u8>, Outage> {
    let mut buffer = vec![0; 4096];
    loop {
        let ready = socket.ready(Interest::READABLE | Interest::ERROR).await;
        let ready = ready.map_err(|error| Outage::Refused(error.kind()))?;
        match socket.try_recv(&mut buffer) {
            Ok(length) => {
                let octets = buffer.get(..length).unwrap_or_default();
                let fits = |answer: Message| {
                    answer.metadata.id == question.metadata.id && answer.queries == question.queries
                };
                if message::read(octets).is_some_and(fits) {
                    return Ok(octets.to_vec());
                }
            }
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                return Err(Outage::Refused(error.kind()));
            }
            Err(_) if ready.is_error() => {
                if let Ok(Some(error)) = socket.take_error() {
                    return Err(Outage::Refused(error.kind()));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(_) => {}
        }
    }
}
