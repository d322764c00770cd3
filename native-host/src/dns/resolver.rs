//! The blocking entrance: a name and a type in, an [`Answer`] out, in time.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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

/// Answers that come within this time are handed on together.
const GATHERING: Duration = Duration::from_millis(1);

/// What a resolver is made of.
pub struct ResolverConfig {
    /// Who is asked.
    pub servers: Servers,
    /// What is trusted.
    pub anchors: Anchors,
    /// The moment by which signatures are judged.
    pub clock: Arc<dyn Clock>,
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
    pub fn new(config: ResolverConfig) -> Self {
        let upstream = Upstream::new(config.servers);
        let inner = Inner {
            upstream: Arc::new(upstream),
            known: Signatures::default(),
            opinions: Opinions::default(),
            anchors: config.anchors,
            clock: config.clock,
            turns: Semaphore::new(SIDE_BY_SIDE),
        };
        Self { inner: Arc::new(inner), runtime: OnceLock::new() }
    }

    /// Asks for the records of one type at one name, which must be absolute. Blocks for
    /// `deadline` at the most and then says [`Outage::TimedOut`].
    pub fn lookup(&self, name: &DomainName, record_type: RecordType, deadline: Duration) -> Answer {
        let mut found = Answer::Unreachable(Outage::TimedOut(deadline));
        self.lookup_each(&[(name.clone(), record_type)], deadline, &mut |_, answer| {
            found = answer;
            true
        });
        found
    }

    /// As [`Resolver::lookup`], for many questions side by side. `heard` is called once for each with
    /// its place and its answer, in the order in which they come, and says whether the others are still
    /// wanted.
    pub fn lookup_each(
        &self,
        questions: &[(DomainName, RecordType)],
        deadline: Duration,
        heard: &mut dyn FnMut(usize, Answer) -> bool,
    ) {
        let end = Instant::now() + deadline;
        let clock = Arc::clone(&self.inner.clock);
        let Some(runtime) = self.runtime.get_or_init(|| runtime::start(clock).ok()) else {
            let none = || Answer::Unreachable(Outage::NoServers);
            let _ = (0..questions.len()).all(|place| heard(place, none()));
            return;
        };
        let (sender, receiver) = mpsc::channel();
        let (unanswered, waiting) = (Arc::new(AtomicUsize::new(questions.len())), thread::current());
        let mut tasks = JoinSet::new();
        for (place, (name, record_type)) in questions.iter().enumerate() {
            let (inner, name, record_type) = (Arc::clone(&self.inner), name.clone(), *record_type);
            let (sender, unanswered, waiting) = (sender.clone(), Arc::clone(&unanswered), waiting.clone());
            let task = async move {
                let answer = inner.lookup(&name, record_type).await;
                let _ = sender.send((place, answer)); // nobody waits any more: the deadline has passed
                if unanswered.fetch_sub(1, Ordering::AcqRel) == 1 {
                    waiting.unpark();
                }
            };
            tasks.spawn_on(task, runtime.handle());
        }
        drop(sender);
        let mut open = vec![true; questions.len()];
        while let Ok(first) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            for (place, answer) in iter::once(first).chain(receiver.try_iter()) {
                if let Some(open) = open.get_mut(place) {
                    *open = false;
                }
                if !heard(place, answer) {
                    return; // and with them go the tasks
                }
            }
            // Answers to many questions come within microseconds of each other. Taken one by one, each would stop
            // a thread that is at work on the others.
            if unanswered.load(Ordering::Acquire) > 0 {
                thread::park_timeout(GATHERING.min(end.saturating_duration_since(Instant::now())));
            }
        }
        let late = open.iter().enumerate().filter(|(_, open)| **open);
        let too_late = || Answer::Unreachable(Outage::TimedOut(deadline));
        let _ = late.map(|(place, _)| place).all(|place| heard(place, too_late()));
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
