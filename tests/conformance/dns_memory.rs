//! What is remembered between look-ups, and what never is.

#[path = "../support/on_path.rs"]
mod on_path;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use dane_smime::clock::{Clock, SystemClock, UnixTime};
use dane_smime::dns::{Anchors, Answer, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use hickory_resolver::proto::op::Query;
use on_path::{Reply, Truth, between};
use signed_tree::{Tree, Zone};

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let record = format!("alice.example.test. SMIMEA 3 1 1 {}", "aa".repeat(32));
    Tree::grow(vec![Zone::signed("test.", vec![]), Zone::signed("example.test.", vec![record])])
});

/// How often each question came through.
static ASKED: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

fn asked() -> usize {
    ASKED.lock().unwrap().values().sum()
}

fn note(query: &Query) {
    *ASKED.lock().unwrap().entry(format!("{} {}", query.name(), query.query_type())).or_default() += 1;
}

/// A clock that the test moves.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> UnixTime {
        SystemClock.now().plus(self.0.load(Ordering::Relaxed))
    }
}

fn look(resolver: &Resolver, name: &str) -> Answer {
    resolver.lookup(&DomainName::from_ascii(name).unwrap(), RecordType::SMIMEA, Duration::from_secs(8))
}

#[test]
fn answers_are_remembered_and_verdicts_are_not() {
    let server = between(Truth(TREE.address), |_, query, answer| {
        note(query);
        Reply::Message(answer)
    });
    let clock = Arc::new(Hand(AtomicI64::new(0)));
    let judge: Arc<dyn Clock> = clock.clone();
    let resolver = Resolver::new(ResolverConfig {
        servers: Servers::Plain(server),
        anchors: Anchors::from_file(&TREE.anchor_file()).unwrap(),
        clock: judge,
    });

    // Many at once ask each question once.
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert!(matches!(look(&resolver, "alice.example.test."), Answer::Secure(_))));
        }
    });
    let most =
        ASKED.lock().unwrap().iter().map(|(question, count)| (*count, question.clone())).max().unwrap();
    assert_eq!(most.0, 1, "asked more than once: {}", most.1);

    // A yes and a no are remembered.
    assert!(matches!(look(&resolver, "bob.example.test."), Answer::Absent(_)));
    let before = asked();
    assert!(matches!(look(&resolver, "alice.example.test."), Answer::Secure(_)));
    assert!(matches!(look(&resolver, "bob.example.test."), Answer::Absent(_)));
    assert_eq!(asked(), before);

    // What is remembered is judged anew: past the end of its signatures it proves nothing, and it
    // is asked for again.
    clock.0.store(90 * 86400, Ordering::Relaxed);
    assert!(matches!(look(&resolver, "alice.example.test."), Answer::Bogus(_)));
    assert!(asked() > before);
    clock.0.store(0, Ordering::Relaxed);
    assert!(matches!(look(&resolver, "alice.example.test."), Answer::Secure(_)));
}
