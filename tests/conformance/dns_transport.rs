//! How questions travel: TCP, UDP, TLS, HTTPS; connections kept; servers that refuse or are dead.

#[path = "../support/https_front.rs"]
mod https_front;
#[path = "../support/on_path.rs"]
mod on_path;
#[path = "../support/signed_tree.rs"]
mod signed_tree;
#[path = "../support/tls_front.rs"]
mod tls_front;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dane_smime::clock::SystemClock;
use dane_smime::config::Profile;
use dane_smime::dns::answer::Outage;
use dane_smime::dns::{Anchors, Answer, DomainName, RecordType, Resolver, ResolverConfig, Servers};
use dane_smime::mime::EmailAddress;
use dane_smime::smimea::OwnerName;
use hickory_resolver::proto::rr::rdata::NULL;
use hickory_resolver::proto::rr::{RData, Record};
use on_path::{Reply, Truth, between, by_mortal_connections, by_udp_alone, counting, truncating};
use serde_json::Value;
use signed_tree::ports::free_port;
use signed_tree::{Tree, Zone};

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    // One record longer than any UDP packet may be, in pieces that BIND's tools can read.
    let long = hex::encode(vec![0xab; 20_000]);
    let long: Vec<&str> =
        long.as_bytes().chunks(100).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    let records = vec![
        format!("{} SMIMEA 3 1 1 {}", owner("alice"), "aa".repeat(32)),
        format!("{} SMIMEA 3 0 0 {}", owner("long"), long.join(" ")),
    ];
    Tree::grow(vec![Zone::signed("test.", vec![]), Zone::signed("example.test.", records)])
});

fn owner(local: &str) -> String {
    let address = EmailAddress::parse(&format!("{local}@example.test")).unwrap();
    OwnerName::of(&address, Profile::Rfc8162).unwrap().to_string()
}

fn resolver(server: SocketAddr) -> Resolver {
    Resolver::new(ResolverConfig {
        servers: Servers::Plain(server),
        anchors: Anchors::from_file(&TREE.anchor_file()).unwrap(),
        clock: Arc::new(SystemClock),
    })
}

fn ask(resolver: &Resolver, local: &str) -> Answer {
    let name = DomainName::from_ascii(owner(local)).unwrap();
    resolver.lookup(&name, RecordType::SMIMEA, Duration::from_secs(20))
}

/// `dane-smime lookup alice@example.test` by a resolver of this form.
fn lookup(by: &str) -> Value {
    lookup_of("alice", by)
}

fn lookup_of(local: &str, by: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_dane-smime"))
        .args(["lookup", "--json", &format!("{local}@example.test"), "--resolver", by, "--trust-anchor"])
        .arg(TREE.anchor_file())
        .env("HOME", TREE.path("home"))
        .env("XDG_CONFIG_HOME", TREE.path("home"))
        .env("SSL_CERT_FILE", TREE.path("authority.pem"))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn tls_and_https_ask_only_whom_they_can_name() {
    // Whatever a server adds that hickory cannot read, the rest is judged.
    let server = between(Truth(TREE.address), |_, query, mut answer| {
        if query.query_type() == RecordType::SMIMEA {
            let new_hash = NULL::with([&[6, 0, 0, 0, 0, 20][..], &[7; 20]].concat());
            let unread = RData::Unknown { code: RecordType::NSEC3, rdata: new_hash };
            answer.authorities.push(Record::from_rdata(
                DomainName::from_ascii("a.test.").unwrap(),
                60,
                unread,
            ));
        }
        Reply::Message(answer)
    });
    let authority = TREE.path("authority.pem");
    let tls = tls_front::tls_front(server, "dot.example", &TREE.path("tls.pem"));
    let https = https_front::https_front(server, "localhost", &TREE.path("https.pem"));
    let both = ["tls.pem", "https.pem"].map(|file| std::fs::read(TREE.path(file)).unwrap());
    std::fs::write(authority, both.concat()).unwrap();

    assert_eq!(lookup(&server.to_string())["status"], "secure");
    assert_eq!(lookup(&format!("tls://{tls}#dot.example"))["status"], "secure");
    let wrong = lookup(&format!("tls://{tls}#other.example"));
    assert_eq!((&wrong["status"], &wrong["dnssec"]["cause"]), (&"unreachable".into(), &"tls".into()));

    let port = https.address.port();
    assert_eq!(lookup(&format!("https://localhost:{port}/dns-query"))["status"], "secure");
    // One for all questions, and another where a busy machine keeps one waiting.
    assert!(https.connections.load(Ordering::Relaxed) <= 2);
    assert!(https.questions.load(Ordering::Relaxed) > 4);
    assert_eq!(lookup_of("long", &format!("https://localhost:{port}/dns-query"))["status"], "secure");
    let ttl = |by: &str| lookup(by)["records"][0]["ttl"].as_u64().unwrap();
    assert_eq!(ttl(&format!("https://localhost:{port}/aged")) + 100, ttl(&server.to_string()));
    // The certificate is not for this address.
    let wrong = lookup(&format!("https://127.0.0.1:{port}/dns-query"));
    assert_eq!((&wrong["status"], &wrong["dnssec"]["cause"]), (&"unreachable".into(), &"tls".into()));
    assert_eq!(lookup(&format!("https://localhost:{port}/elsewhere"))["status"], "unreachable");
    // No name has a label of 64 octets, so that nobody is asked.
    let nowhere = lookup(&format!("https://{}/dns-query", "a".repeat(64)));
    assert_eq!(nowhere["dnssec"]["cause"], "host-not-found");
}

#[test]
fn one_connection_serves_all_questions_and_is_opened_again_when_lost() {
    let (server, connections) = counting(Truth(TREE.address), |_, _, answer| Reply::Message(answer));
    let resolver = resolver(server);
    for local in ["alice", "bob", "carol"] {
        assert!(!matches!(ask(&resolver, local), Answer::Unreachable(_)), "{local}");
    }
    assert!(connections.load(Ordering::Relaxed) <= 2, "another where a busy machine keeps one waiting");

    // This one closes after each answer.
    let (server, connections) = counting(Truth(TREE.address), |_, query, answer| {
        if query.query_type() == RecordType::SMIMEA { Reply::Last(answer) } else { Reply::Message(answer) }
    });
    let resolver = self::resolver(server);
    for local in ["alice", "bob", "carol"] {
        let answer = ask(&resolver, local);
        assert!(!matches!(answer, Answer::Unreachable(_)), "{local}: {answer:?}");
    }
    assert!(connections.load(Ordering::Relaxed) > 1);
}

#[test]
fn a_connection_that_died_in_silence_is_not_waited_for() {
    let (server, living) = by_mortal_connections(Truth(TREE.address));
    let resolver = resolver(server);
    assert!(matches!(ask(&resolver, "alice"), Answer::Secure(_)));
    living.store(1, Ordering::Relaxed); // the machine has slept, or stands in another network
    assert!(matches!(ask(&resolver, "long"), Answer::Secure(_)));
}

#[test]
fn long_records_come_whole() {
    let Answer::Secure(set) = ask(&resolver(TREE.address), "long") else { panic!("not secure") };
    assert_eq!(set.get().records[0].rdata.len(), 20_003);
    let answer = ask(&resolver(truncating()), "long");
    assert!(matches!(answer, Answer::Unreachable(Outage::Truncated)), "TC and no TCP: {answer:?}");
}

#[test]
fn udp_serves_where_tcp_is_refused() {
    assert!(matches!(ask(&resolver(by_udp_alone(Truth(TREE.address))), "alice"), Answer::Secure(_)));
}

#[test]
fn nobody_there_is_known_at_once() {
    let resolver = resolver(free_port());
    let begun = Instant::now();
    let answer = ask(&resolver, "alice");
    assert!(matches!(answer, Answer::Unreachable(Outage::Refused(_))), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_dead_resolver_costs_three_seconds_for_all_together() {
    let resolver = resolver(between(Truth(TREE.address), |_, _, _| Reply::Silence));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..100 {
            let resolver = &resolver;
            scope.spawn(move || {
                let answer = ask(resolver, &format!("n{number}"));
                assert!(matches!(answer, Answer::Unreachable(Outage::TimedOut(_))), "{answer:?}");
            });
        }
    });
    // Three, and a little for a busy machine.
    assert!(begun.elapsed() < Duration::from_millis(4500), "{:?}", begun.elapsed());
}
