//! HTTPS in front of a DNS server: DNS queries over HTTPS (RFC 8484), POST over HTTP/2.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Method, Request, Response};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::tls_front::make;

/// What runs, and what it has seen.
pub struct HttpsFront {
    pub address: SocketAddr,
    /// Connections accepted.
    pub connections: Arc<AtomicUsize>,
    /// Questions answered.
    pub questions: Arc<AtomicUsize>,
}

/// Serves `behind` under `name` at `/dns-query`, and at `/aged` as from a cache of HTTP, and writes the authority that vouches for it to
/// `authority`. Its thread ends with the program.
pub fn https_front(behind: SocketAddr, name: &str, authority: &Path) -> HttpsFront {
    let (ca, ca_key) = make("an authority", None);
    std::fs::write(authority, ca.to_pem().unwrap()).unwrap();
    let (certificate, key) = make(name, Some((&ca, &ca_key)));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().unwrap()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.to_der().unwrap().into()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let front = HttpsFront {
        address: listener.local_addr().unwrap(),
        connections: Arc::default(),
        questions: Arc::default(),
    };
    let (connections, questions) = (Arc::clone(&front.connections), Arc::clone(&front.questions));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let (acceptor, questions) = (acceptor.clone(), Arc::clone(&questions));
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.ok()?;
                    let mut connection = h2::server::handshake(stream).await.ok()?;
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        questions.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(answer(request, respond, behind));
                    }
                    Some(())
                });
            }
        });
    });
    front
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    behind: SocketAddr,
) -> Option<()> {
    let asks_dns = request.headers().get("content-type").is_some_and(|t| t == "application/dns-message");
    let age = match request.uri().path() {
        "/dns-query" => Some("0"),
        "/aged" => Some("100"),
        _ => None,
    };
    let Some(age) = age.filter(|_| request.method() == Method::POST && asks_dns) else {
        respond.send_response(Response::builder().status(404).body(()).ok()?, true).ok()?;
        return None;
    };
    let mut body = request.into_body();
    let mut question = Vec::new();
    while let Some(piece) = body.data().await {
        question.extend_from_slice(&piece.ok()?);
    }
    let mut server = TcpStream::connect(behind).await.ok()?;
    server.write_all(&u16::try_from(question.len()).ok()?.to_be_bytes()).await.ok()?;
    server.write_all(&question).await.ok()?;
    let mut reply = vec![0; usize::from(server.read_u16().await.ok()?)];
    server.read_exact(&mut reply).await.ok()?;
    let head = Response::builder()
        .header("content-type", "application/dns-message")
        .header("content-length", reply.len())
        .header("age", age)
        .body(())
        .ok()?;
    respond.send_response(head, false).ok()?.send_data(reply.into(), true).ok()
}
