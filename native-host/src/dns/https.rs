//! DNS over HTTPS (RFC 8484): questions as POST requests over one HTTP/2 connection. What comes back is
//! handed on as it came; judging and even reading it is left to others.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use h2::RecvStream;
use h2::client::SendRequest;
use hickory_resolver::proto::op::Message;
use http::header::{ACCEPT, AGE, CONTENT_TYPE};
use http::{Method, Request, StatusCode, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::answer::Outage;

/// RFC 8484 section 6.
const MEDIA_TYPE: &str = "application/dns-message";

/// No DNS message is longer (RFC 1035 section 4.2.2).
const MOST_OCTETS: usize = 65_535;

/// What came back.
pub(super) struct Reply {
    pub(super) octets: Vec<u8>,
    /// Seconds for which it has lain in caches of HTTP.
    pub(super) age: u32,
}

/// An open connection; closed when the last clone goes.
#[derive(Clone)]
pub(super) struct Https {
    requests: SendRequest<Bytes>,
    uri: Uri,
    _connection: Arc<Connection>,
}

/// What carries the requests.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Https {
    /// Connects to `server`, which must prove that it is `host`.
    ///
    /// # Errors
    /// Of the network; `InvalidData` where the server does not prove its name or speaks no HTTP/2.
    pub(super) async fn connect(
        server: SocketAddr,
        host: &str,
        path: &str,
        tls: &rustls::ClientConfig,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
        let authority = match host.contains(':') {
            true => format!("[{host}]:{}", server.port()),
            false => format!("{host}:{}", server.port()),
        };
        let uri = Uri::builder().scheme("https").authority(authority).path_and_query(path);
        let uri = uri.build().map_err(invalid)?;
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(invalid("the server speaks no HTTP/2"));
        }
        let (requests, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
        let carrying = tokio::spawn(async move {
            let _ = connection.await; // requests under way hear of its end themselves
        });
        Ok(Self { requests, uri, _connection: Arc::new(Connection(carrying.abort_handle())) })
    }

    /// What answers to `question`.
    ///
    /// # Errors
    /// [`Outage::Refused`] where the connection ends, [`Outage::Garbled`] for what is no answer of RFC 8484.
    pub(super) async fn ask(&self, mut question: Message) -> Result<Reply, Outage> {
        // Section 4.1: the stream tells which answer is whose.
        question.metadata.id = 0;
        let body = question.to_vec().map_err(|_| Outage::Garbled)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(ACCEPT, MEDIA_TYPE)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .body(())
            .map_err(|_| Outage::Garbled)?;
        let mut requests = self.requests.clone().ready().await.map_err(ended)?;
        let (response, mut sending) = requests.send_request(request, false).map_err(ended)?;
        sending.send_data(Bytes::from(body), true).map_err(ended)?;
        let response = response.await.map_err(ended)?;
        let is_answer = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
        if response.status() != StatusCode::OK || !is_answer {
            return Err(Outage::Garbled);
        }
        let age = response.headers().get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
        Ok(Reply { octets: whole(response.into_body()).await?, age })
    }
}

async fn whole(mut body: RecvStream) -> Result<Vec<u8>, Outage> {
    let mut octets = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(ended)?;
        if octets.len() + piece.remaining() > MOST_OCTETS {
            return Err(Outage::Garbled);
        }
        octets.extend_from_slice(&piece);
        // What has been read may be followed by as much.
        body.flow_control().release_capacity(piece.len()).map_err(ended)?;
    }
    Ok(octets)
}

fn ended(error: h2::Error) -> Outage {
    Outage::Refused(error.get_io().map_or(io::ErrorKind::ConnectionAborted, io::Error::kind))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
