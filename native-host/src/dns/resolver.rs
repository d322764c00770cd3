//! The blocking entrance: a name and a type in, an [`Answer`] out, in time.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::anchors::Anchors;
use super::answer::{Answer, Outage};
use super::runtime;
use super::second_opinion::Opinions;
use super::servers::Servers;
use super::signatures::Signatures;
use super::upstream::Upstream;
use super::validate::Session;
use super::{DomainName, RecordType};
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
    known: Signatures,
    opinions: Opinions,
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
            known: Signatures::default(),
            opinions: Opinions::default(),
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
        match self.attempt(name, record_type).await {
            // What was heard before may be what is broken: zones are re-signed.
            (Answer::Bogus(_), true) => self.attempt(name, record_type).await.0,
            (answer, _) => answer,
        }
    }

    /// One attempt, and whether something in it came from the cache. What a bogus answer rested
    /// on is forgotten.
    async fn attempt(&self, name: &DomainName, record_type: RecordType) -> (Answer, bool) {
        let mut session = Session::new(&self.upstream, &self.anchors, &self.known, self.clock.now());
        let answer = session.answer(name, record_type).await;
        let answer = self.opinions.confirm(answer, name, record_type, &session).await;
        if matches!(answer, Answer::Bogus(_)) {
            self.upstream.forget(session.heard().map(|(question, _)| question));
        }
        let used_cache = session.heard().any(|(_, heard)| heard.from_cache);
        (answer, used_cache)
    }
}
