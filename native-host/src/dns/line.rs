//! One way to one server: its connection, questions and answers.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use rustls::pki_types::ServerName;
use tokio::sync::Mutex;

use super::answer::Outage;
use super::https::{Https, Reply};
use super::servers::Protocol;
use super::stream::Stream;
use super::{DomainName, RecordType, message, udp};

/// RFC 9715: what fits one unfragmented datagram.
const UDP_PAYLOAD: u16 = 1232;

/// What all lines share.
pub(super) struct Ways {
    /// For the ways that are encrypted.
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    /// Connections opened so far.
    pub(super) connections: AtomicU64,
}

/// An answer with its length on the wire.
pub(super) struct Answered {
    pub(super) message: Message,
    pub(super) octets: usize,
}

/// One way to one server.
pub(super) struct Line {
    pub(super) server: SocketAddr,
    way: Protocol,
    open: Mutex<Option<Connection>>,
}

/// An open connection, numbered so that one that broke is not mistaken for the next.
#[derive(Clone)]
struct Connection {
    number: u64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// TCP and TLS.
    Stream(Stream),
    /// HTTPS.
    Https(Https),
}

impl Connection {
    async fn ask(&self, name: &DomainName, record_type: RecordType) -> Result<Reply, Outage> {
        match &self.kind {
            Kind::Stream(stream) => {
                let asked = stream.ask(request(name, record_type));
                let octets = asked.await.map_err(|error| Outage::Refused(error.kind()))?;
                Ok(Reply { octets, age: 0 })
            }
            Kind::Https(https) => Box::pin(https.ask(request(name, record_type))).await,
        }
    }
}

impl Line {
    /// A way that nothing has been asked by yet.
    pub(super) fn new(server: SocketAddr, way: Protocol) -> Self {
        Self { server, way, open: Mutex::new(None) }
    }

    /// Asks, for `patience` at the most; what comes back is checked for nothing but being a response to
    /// this question. What waits is small, because a hundred questions wait side by side: the ways that are
    /// seldom gone are boxed.
    pub(super) async fn ask(
        &self,
        name: &DomainName,
        record_type: RecordType,
        ways: &Ways,
        patience: Duration,
    ) -> Result<Answered, Outage> {
        let answer = tokio::time::timeout(patience, async {
            if matches!(self.way, Protocol::Udp) {
                let octets = Box::pin(udp::ask(self.server, &request(name, record_type))).await?;
                return Ok(Reply { octets, age: 0 });
            }
            self.ask_connected(name, record_type, ways, patience / 2).await
        })
        .await;
        accept(answer.unwrap_or(Err(Outage::TimedOut(patience)))?, name, record_type)
    }

    /// Asks by the open connection, or a new one. One that was kept open may have been closed by the
    /// other side meanwhile. It may also be dead and nobody has told us, as after a sleep or in another
    /// network: where nothing comes for `silence`, another is opened and asked as well.
    async fn ask_connected(
        &self,
        name: &DomainName,
        record_type: RecordType,
        ways: &Ways,
        silence: Duration,
    ) -> Result<Reply, Outage> {
        let (connection, fresh) = self.connection(ways).await?;
        let mut asked = pin!(connection.ask(name, record_type));
        let heard = tokio::time::timeout(silence, &mut asked).await;
        if !matches!(heard, Ok(Ok(_))) {
            self.close(&connection).await;
        }
        let again = || async {
            let (connection, _) = self.connection(ways).await?;
            let result = connection.ask(name, record_type).await;
            if result.is_err() {
                self.close(&connection).await;
            }
            result
        };
        match heard {
            Ok(Err(_)) if !fresh => Box::pin(again()).await,
            Ok(result) => result,
            Err(_) if fresh => asked.await,
            Err(_) => {
                let both: [BoxFuture<'_, _>; 2] = [Box::pin(asked), Box::pin(again())];
                futures_util::future::select_ok(both).await.map(|(answer, _)| answer)
            }
        }
    }

    async fn close(&self, broken: &Connection) {
        self.open.lock().await.take_if(|open| open.number == broken.number);
    }

    /// The open connection, or a new one (`true`).
    async fn connection(&self, ways: &Ways) -> Result<(Connection, bool), Outage> {
        let mut open = self.open.lock().await;
        if let Some(connection) = open.as_ref() {
            return Ok((connection.clone(), false));
        }
        let kind = Box::pin(self.connect(ways)).await?;
        let number = ways.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Connection { number, kind };
        *open = Some(connection.clone());
        Ok((connection, true))
    }

    async fn connect(&self, ways: &Ways) -> Result<Kind, Outage> {
        let server = self.server;
        let refused = |error: std::io::Error| Outage::Refused(error.kind());
        let tls = ways.tls.as_ref().ok_or(Outage::Tls);
        match &self.way {
            Protocol::Tcp | Protocol::Udp => {
                Stream::connect(server, None).await.map(Kind::Stream).map_err(refused)
            }
            Protocol::Tls { name } => {
                let name = ServerName::try_from(name.clone()).map_err(|_| Outage::Tls)?;
                let stream = Stream::connect(server, Some((Arc::clone(tls?), name))).await;
                stream.map(Kind::Stream).map_err(|error| encrypted(refused(error)))
            }
            Protocol::Https { host, path } => {
                let https = Https::connect(server, host, path, tls?).await;
                https.map(Kind::Https).map_err(|error| encrypted(refused(error)))
            }
        }
    }
}

/// What went wrong with the encryption and not with the network.
fn encrypted(outage: Outage) -> Outage {
    match outage {
        Outage::Garbled
        | Outage::Refused(std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) => Outage::Tls,
        other => other,
    }
}

/// The answer, if it is one to the question.
fn accept(reply: Reply, name: &DomainName, record_type: RecordType) -> Result<Answered, Outage> {
    let Reply { octets, age } = reply;
    let asked = |query: &Query| query.name() == name && query.query_type() == record_type;
    let mut message = message::read(&octets).ok_or(Outage::Garbled)?;
    // RFC 8484 section 5.1: a client must take it from the TTLs.
    for record in message.answers.iter_mut().chain(&mut message.authorities) {
        record.ttl = record.ttl.saturating_sub(age);
    }
    if message.metadata.message_type != MessageType::Response || !message.queries.iter().all(asked) {
        return Err(Outage::Garbled);
    }
    if message.metadata.truncation {
        return Err(Outage::Truncated);
    }
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(Answered { message, octets: octets.len() }),
        code => Err(Outage::ServerError(code.into())),
    }
}

fn request(name: &DomainName, record_type: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = true;
    message.add_query(Query::query(name.clone(), record_type));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD).set_dnssec_ok(true);
    message.set_edns(edns);
    message
}
