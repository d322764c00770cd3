//! Questions over one connection: TCP (RFC 7766), or TLS upon it (RFC 7858). Many may be under way
//! at once, and are answered in any order.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::proto::op::Message;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Questions that are taken out of the queue in one turn.
const AT_ONCE: usize = 64;

/// With so many waiting, those that were given up are looked for.
const MOST_WAITING: usize = 1024;

/// An open connection; closed when the last clone goes.
#[derive(Clone)]
pub(super) struct Stream(Arc<Inner>);

struct Inner {
    frames: UnboundedSender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
    tasks: [AbortHandle; 2],
}

/// Who waits for which answer.
#[derive(Default)]
struct Waiting {
    by_id: HashMap<u16, oneshot::Sender<Vec<u8>>>,
    /// Nothing comes any more.
    closed: bool,
}

trait Octets: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Octets for T {}

impl Stream {
    /// Connects, by TLS if there is a configuration and a name that the server must prove.
    pub(super) async fn connect(
        server: SocketAddr,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Octets> = match tls {
            None => Box::new(stream),
            Some((config, name)) => {
                Box::new(tokio_rustls::TlsConnector::from(config).connect(name, stream).await?)
            }
        };
        let (reader, writer) = tokio::io::split(stream);
        let waiting = Arc::<Mutex<Waiting>>::default();
        let (frames, queue) = mpsc::unbounded_channel();
        let reading = tokio::spawn(read(reader, Arc::clone(&waiting))).abort_handle();
        let writing = tokio::spawn(write(writer, queue, Arc::clone(&waiting))).abort_handle();
        Ok(Self(Arc::new(Inner { frames, waiting, tasks: [reading, writing] })))
    }

    /// Sends the question; what comes back waits for the message that answers to its id; the caller sets the
    /// limit. Whether it is an answer to this question is not checked.
    ///
    /// # Errors
    /// The connection broke or was closed before the answer came.
    pub(super) fn ask(&self, question: Message) -> impl Future<Output = io::Result<Vec<u8>>> + use<> {
        let sent = self.send(question);
        async move { sent?.await.map_err(|_| io::ErrorKind::ConnectionAborted.into()) }
    }

    fn send(&self, mut question: Message) -> io::Result<oneshot::Receiver<Vec<u8>>> {
        let (sender, receiver) = oneshot::channel();
        // An id that nobody waits for.
        {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.closed {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if waiting.by_id.len() >= MOST_WAITING {
                waiting.by_id.retain(|_, asker| !asker.is_closed());
            }
            while waiting.by_id.contains_key(&question.metadata.id) {
                question.metadata.id = question.metadata.id.wrapping_add(1);
            }
            waiting.by_id.insert(question.metadata.id, sender);
        }
        let wire = question.to_vec().map_err(io::Error::other)?;
        let length = u16::try_from(wire.len()).map_err(io::Error::other)?;
        let frame = [&length.to_be_bytes()[..], &wire].concat();
        self.0.frames.send(frame).map_err(|_| io::ErrorKind::ConnectionAborted)?;
        Ok(receiver)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Waiting {
    fn close(waiting: &Mutex<Self>) {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.by_id.clear();
    }
}

/// Writes frames whole, whoever gives up meanwhile, and several at once: who asks for one person mostly
/// asks for others in the same moment, and each packet wakes the server.
async fn write(
    mut writer: WriteHalf<Box<dyn Octets>>,
    mut queue: UnboundedReceiver<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
) {
    let mut frames = Vec::new();
    while queue.recv_many(&mut frames, AT_ONCE).await > 0 {
        tokio::task::yield_now().await;
        while let Ok(frame) = queue.try_recv() {
            frames.push(frame);
        }
        let written = writer.write_all(&frames.concat()).await;
        if written.is_err() || writer.flush().await.is_err() {
            break;
        }
        frames.clear();
    }
    Waiting::close(&waiting);
}

async fn read(reader: ReadHalf<Box<dyn Octets>>, waiting: Arc<Mutex<Waiting>>) {
    let mut reader = BufReader::new(reader);
    while let Ok(answer) = frame(&mut reader).await {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let id = answer.first_chunk().map(|id| u16::from_be_bytes(*id));
        if let Some(asker) = id.and_then(|id| waiting.by_id.remove(&id)) {
            let _ = asker.send(answer); // one who gave up does not listen
        }
    }
    Waiting::close(&waiting);
}

async fn frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; usize::from(reader.read_u16().await?)];
    reader.read_exact(&mut octets).await?;
    Ok(octets)
}
