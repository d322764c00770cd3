//! The blocking entrance: a name and a type in, an [`Answer`] out, in time.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::anchors::{AnchorKey, Anchors};
use super::answer::{Answer, Outage};
use super::runtime::{self, Provider};
use super::servers::Servers;
use super::upstream::Upstream;
use super::{DomainName, RecordType, gate};
use crate::clock::Clock;

/// Look-ups under way at one time; more wait their turn within their deadlines.
const SIDE_BY_SIDE: usize = 64;

/// What a resolver is made of.
pub struct ResolverConfig {
    /// Who is asked.
    pub servers: Servers,
    /// What is trusted.
    pub anchors: Anchors,
    /// The moment by which signatures are judged.
    pub clock: Arc<dyn Clock>,
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolverError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Asks the DNS and believes only what DNSSEC proves. May be used from any thread, from several
/// at once; connections are shared.
pub struct Resolver {
    inner: Arc<Inner>,
    runtime: OnceLock<Option<Runtime>>,
}

struct Inner {
    upstream: Arc<Upstream>,
    anchors: Anchors,
    clock: Arc<dyn Clock>,
    turns: Semaphore,
}

impl Resolver {
    /// Makes a resolver. Nothing is asked and no thread is started yet.
    ///
    /// # Errors
    /// [`ResolverError`] when TLS cannot be set up.
    pub fn new(config: ResolverConfig) -> Result<Self, ResolverError> {
        let upstream =
            Upstream::new(config.servers).map_err(|error| ResolverError::Tls(error.to_string()))?;
        let inner = Inner {
            upstream: Arc::new(upstream),
            anchors: config.anchors,
            clock: config.clock,
            turns: Semaphore::new(SIDE_BY_SIDE),
        };
        Ok(Self { inner: Arc::new(inner), runtime: OnceLock::new() })
    }

    /// Asks for the records of one type at one name, which must be absolute. Blocks for
    /// `deadline` at the most and then says [`Outage::TimedOut`].
    pub fn lookup(&self, name: &DomainName, record_type: RecordType, deadline: Duration) -> Answer {
        let clock = Arc::clone(&self.inner.clock);
        let Some(runtime) = self.runtime.get_or_init(|| runtime::start(clock).ok()) else {
            return Answer::Unreachable(Outage::NoServers);
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        let (inner, name) = (Arc::clone(&self.inner), name.clone());
        let task = runtime.spawn(async move {
            let answer = inner.lookup(&name, record_type).await;
            let _ = sender.send(answer); // nobody waits any more: the deadline has passed
        });
        match receiver.recv_timeout(deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                task.abort();
                Answer::Unreachable(Outage::TimedOut(deadline))
            }
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which is forbidden inside another runtime.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    async fn lookup(&self, name: &DomainName, record_type: RecordType) -> Answer {
        let Ok(_turn) = self.turns.acquire().await else {
            return Answer::Unreachable(Outage::NoServers);
        };
        if self.anchors.closest(name).is_none() {
            return Answer::Unreachable(Outage::NoAnchor);
        }
        let handle = Handle(Arc::clone(&self.upstream));
        // Made anew for each look-up: hickory keeps proofs under keys that can collide.
        let validating = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(self.hickory_anchors()));
        let query = Query::query(name.clone(), record_type);
        let asked = validating.lookup(query, DnsRequestOptions::default()).first_answer().await;
        let verdict = asked.map(DnsResponse::into_message);
        match verdict {
            Err(NetError::Msg(_) | NetError::Io(_) | NetError::Timeout) => {
                // Say why the network failed, not that hickory did.
                match self.upstream.ask(name, record_type).await {
                    Err(outage) => Answer::Unreachable(outage),
                    Ok(_) => Answer::Unreachable(Outage::Garbled),
                }
            }
            verdict => gate::judge(verdict, name, record_type, self.clock.now()),
        }
    }

    fn hickory_anchors(&self) -> TrustAnchors {
        let mut anchors = TrustAnchors::empty();
        for anchor in self.anchors.iter() {
            if let AnchorKey::Key(key) = &anchor.key {
                anchors.insert_with_name(key.public_key(), (&anchor.zone).into());
            }
        }
        if anchors.is_empty() && self.anchors.of(&DomainName::root()).next().is_some() {
            anchors = TrustAnchors::default();
        }
        anchors
    }
}

/// Lets hickory's validator ask through our upstream.
#[derive(Clone)]
struct Handle(Arc<Upstream>);

impl DnsHandle for Handle {
    type Response = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = Provider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let upstream = Arc::clone(&self.0);
        Box::pin(futures_util::stream::once(async move {
            let query = request.queries.first().cloned().ok_or(NetError::Message("no question"))?;
            upstream
                .ask(query.name(), query.query_type())
                .await
                .map_err(|outage| NetError::Msg(format!("{outage:?}")))
        }))
    }
}
