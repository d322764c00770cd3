//! Carries questions to the resolvers and brings back raw messages. Believes nothing.
//!
//! Every question is asked with DO and CD set (RFC 4035 section 3.2.2): a validating resolver on
//! the way then hands over what it has instead of a bare SERVFAIL, and judging is left to us.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared};
use hickory_resolver::proto::op::Message;

use super::answer::Outage;
use super::cache::{Cache, Question};
use super::line::{Answered, Line, Ways};
use super::servers::{Server, Servers, Version, tls_config};
use super::special::is_outside;
use super::{DomainName, RecordType};

/// What one question may cost with all resolvers dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// After so many questions without any answer the resolvers are taken for dead; fewer may be the
/// fault of a domain whose own servers are slow.
const SIGNS_OF_DEATH: usize = 3;

/// How long that is remembered: a letter to a hundred people waits for a dead resolver once.
const MOURNING: Duration = Duration::from_secs(2);

/// With so many on their way, those that nobody waits for any more are looked for.
const MOST_UNDER_WAY: usize = 512;

/// The resolvers and the connections to them.
pub(super) struct Upstream {
    source: Servers,
    ways: Ways,
    /// Answers heard so far.
    answers: AtomicU64,
    lines: RwLock<Option<Arc<Lines>>>,
    /// Held by the one who finds out what the servers are.
    renewal: tokio::sync::Mutex<()>,
    cache: Cache,
    /// Questions that are on their way.
    asking: Mutex<HashMap<Question, WeakShared<Asking>>>,
}

type Asking = BoxFuture<'static, Result<Heard, Outage>>;

/// An answer.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) message: Arc<Message>,
    /// Of all answers of this resolver only this one has it; what comes from the cache keeps it.
    pub(super) serial: u64,
    /// Whether it had been heard before.
    pub(super) from_cache: bool,
}

/// The servers of the moment.
struct Lines {
    lines: Vec<Line>,
    /// The line that answered last.
    good: AtomicUsize,
    /// Questions that no line answered since one last did.
    unanswered: Mutex<Unanswered>,
    /// Of the settings that named them.
    version: Version,
}

#[derive(Default)]
struct Unanswered {
    count: usize,
    last: Option<(Instant, Outage)>,
}

impl Upstream {
    pub(super) fn new(source: Servers) -> Self {
        let is_encrypted = matches!(source, Servers::Tls { .. } | Servers::Https { .. });
        let tls = is_encrypted.then(|| Arc::new(tls_config()));
        Self {
            source,
            ways: Ways { tls, connections: AtomicU64::new(0) },
            answers: AtomicU64::new(0),
            lines: RwLock::default(),
            renewal: tokio::sync::Mutex::default(),
            cache: Cache::default(),
            asking: Mutex::default(),
        }
    }

    /// Asks, or remembers, or waits with others who ask the same. What comes back has been checked
    /// for nothing but being a response to this question.
    pub(super) async fn ask(self: &Arc<Self>, question: &Question) -> Result<Heard, Outage> {
        if is_outside(&question.0) {
            return Err(Outage::NotInDns);
        }
        self.lines().await?;
        if let Some(heard) = self.cache.get(question) {
            return Ok(heard);
        }
        let asking = {
            let mut under_way = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            match under_way.get(question).and_then(WeakShared::upgrade) {
                Some(asking) => asking,
                None => {
                    let asking = Arc::clone(self).fetch(question.clone()).boxed().shared();
                    if under_way.len() >= MOST_UNDER_WAY {
                        under_way.retain(|_, asking| asking.upgrade().is_some());
                    }
                    under_way.extend(asking.downgrade().map(|weak| (question.clone(), weak)));
                    asking
                }
            }
        };
        asking.await
    }

    /// Forgets answers that did not stand up.
    pub(super) fn forget<'q>(&self, questions: impl Iterator<Item = &'q Question>) {
        for question in questions {
            self.cache.forget(question);
        }
    }

    async fn fetch(self: Arc<Self>, question: Question) -> Result<Heard, Outage> {
        let heard = self.exchange(&question.0, question.1).await.map(|Answered { message, octets }| {
            let serial = self.answers.fetch_add(1, Ordering::Relaxed);
            let heard = Heard { message: Arc::new(message), serial, from_cache: false };
            self.cache.put(&question, &heard, octets);
            heard
        });
        // From now on the cache answers, or somebody asks anew.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&question);
        heard
    }

    /// Asks until one resolver answers.
    async fn exchange(&self, name: &DomainName, record_type: RecordType) -> Result<Answered, Outage> {
        let lines = self.lines().await?;
        if let Some(outage) = lines.outage() {
            return Err(outage);
        }
        let deadline = Instant::now() + PATIENCE;
        let count = lines.lines.len();
        let first = lines.good.load(Ordering::Relaxed);
        let mut outage = Outage::NoServers;
        let mut spoken: Vec<SocketAddr> = Vec::new();
        for turn in 0..count {
            let index = (first + turn) % count.max(1);
            let Some(line) = lines.lines.get(index) else { break };
            if spoken.contains(&line.server) {
                continue; // the server itself said no: another way to it changes nothing
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(count - turn).unwrap_or(u32::MAX);
            match line.ask(name, record_type, &self.ways, share).await {
                Ok(response) => {
                    lines.good.store(index, Ordering::Relaxed);
                    lines.note_answer();
                    return Ok(response);
                }
                Err(error) => {
                    if matches!(error, Outage::ServerError(_)) {
                        spoken.push(line.server);
                    }
                    outage = more_telling(outage, error);
                }
            }
        }
        match outage {
            Outage::TimedOut(_) | Outage::Refused(_) => lines.note_silence(&outage),
            _ => lines.note_answer(),
        }
        Err(outage)
    }

    /// The servers of the moment. The system's are read anew when its settings have changed, and
    /// with them everything that was heard is forgotten: another network, other answers.
    async fn lines(&self) -> Result<Arc<Lines>, Outage> {
        let version = self.source.version();
        if let Some(lines) = self.known_lines(version) {
            return Ok(lines);
        }
        let _renewing = self.renewal.lock().await;
        let version = self.source.version();
        if let Some(lines) = self.known_lines(version) {
            return Ok(lines); // others were faster
        }
        if self.lines.write().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            self.cache.clear();
        }
        let source = self.source.clone();
        let servers = tokio::task::spawn_blocking(move || source.resolve()).await;
        let servers = servers.map_err(|_| Outage::NoServers)?.unwrap_or_default();
        if servers.is_empty() {
            let by_name = matches!(self.source, Servers::Https { .. });
            return Err(if by_name { Outage::HostNotFound } else { Outage::NoServers });
        }
        let lines = Arc::new(Lines {
            lines: in_order(servers),
            good: AtomicUsize::new(0),
            unanswered: Mutex::default(),
            version,
        });
        *self.lines.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&lines));
        Ok(lines)
    }

    fn known_lines(&self, version: Version) -> Option<Arc<Lines>> {
        let held = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|lines| lines.version == version).cloned()
    }
}

/// The preferred way to each server first, then the second ways.
fn in_order(servers: Vec<Server>) -> Vec<Line> {
    let most = servers.iter().map(|server| server.ways.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for rank in 0..most {
        for server in &servers {
            if let Some(way) = server.ways.get(rank) {
                lines.push(Line::new(server.address, way.clone()));
            }
        }
    }
    lines
}

impl Lines {
    fn note_answer(&self) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Unanswered::default();
    }

    fn note_silence(&self, outage: &Outage) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.count += 1;
        unanswered.last = Some((Instant::now(), outage.clone()));
    }

    /// Why nothing is asked at the moment.
    fn outage(&self) -> Option<Outage> {
        let unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, outage) = unanswered.last.as_ref()?;
        let dead = unanswered.count >= SIGNS_OF_DEATH && when.elapsed() < MOURNING;
        dead.then(|| outage.clone())
    }
}

/// Of two failures the one that tells a person more.
fn more_telling(one: Outage, other: Outage) -> Outage {
    let rank = |outage: &Outage| match outage {
        Outage::ServerError(_) => 6,
        Outage::Tls => 5,
        Outage::Garbled => 4,
        Outage::TimedOut(_) => 3,
        Outage::Truncated => 2,
        Outage::Refused(_) => 1,
        Outage::NoAnchor | Outage::NoServers | Outage::NotInDns | Outage::HostNotFound => 0,
    };
    if rank(&other) >= rank(&one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_network_is_noticed_and_what_was_heard_is_forgotten() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        write("nameserver 192.0.2.1\n");
        let upstream = Upstream::new(Servers::ResolvConf(file.path().to_owned()));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lines = || runtime.block_on(upstream.lines()).unwrap();
        let ips =
            |lines: &Lines| lines.lines.iter().map(|line| line.server.ip().to_string()).collect::<Vec<_>>();
        assert_eq!(ips(&lines()), ["192.0.2.1", "192.0.2.1"], "by TCP, then by UDP");
        let question = (DomainName::root().into(), RecordType::SOA);
        let mut heard = Message::query();
        heard.answers.push(record("192.0.2.7"));
        let heard = Heard { message: Arc::new(heard), serial: 0, from_cache: false };
        upstream.cache.put(&question, &heard, 100);
        assert!(Arc::ptr_eq(&lines(), &lines()), "nothing changed");
        assert!(upstream.cache.get(&question).is_some());
        write("nameserver 192.0.2.22\nnameserver 2001:db8::1\n");
        assert_eq!(ips(&lines()), ["192.0.2.22", "2001:db8::1", "192.0.2.22", "2001:db8::1"]);
        assert!(upstream.cache.get(&question).is_none());
    }

    fn record(address: &str) -> hickory_resolver::proto::rr::Record {
        use hickory_resolver::proto::rr::{RData, Record, rdata::A};
        Record::from_rdata(DomainName::root(), 300, RData::A(A(address.parse().unwrap())))
    }
}
