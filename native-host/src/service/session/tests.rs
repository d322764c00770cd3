//! Dialogues with a session whose service is a stand-in.

use std::io::{PipeReader, PipeWriter, pipe};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::wire::CHUNK;

/// Answers `open` with its own body, and `lookup` as its first address says.
struct StandIn;

impl Service for StandIn {
    fn call(&self, call: Call, mut body: Body, work: &Work) -> Result<Reply, Failure> {
        match call {
            Call::Open(_) => Ok(Reply { fields: Map::new(), body: Some(body.read_all()?.into()) }),
            Call::Protect(_) => {
                let mut outlet = work.outlet();
                io::copy(&mut body, &mut outlet).map_err(|_| cancelled())?;
                outlet.finish()?;
                Ok(Reply::default())
            }
            Call::Lookup(request) => match request.addresses.first().map(String::as_str) {
                Some("panic") => panic!("a fault of the host's own"),
                Some("hang") => {
                    while work.go_on().is_ok() {
                        thread::sleep(Duration::from_millis(5));
                    }
                    work.progress("too late", None, None);
                    Ok(Reply::default())
                }
                _ => {
                    work.progress("looking", Some(1), Some(2));
                    Ok(Reply::default())
                }
            },
            _ => Err(Failure::new(Code::NotBuilt, "no")),
        }
    }
}

struct Peer {
    to: Option<PipeWriter>,
    from: PipeReader,
    session: Option<JoinHandle<Result<(), FrameError>>>,
}

impl Peer {
    fn connect() -> Self {
        let (mut input, to) = pipe().unwrap();
        let (from, output) = pipe().unwrap();
        let service: Arc<dyn Service> = Arc::new(StandIn);
        let session = thread::spawn(move || run(&mut input, Box::new(output), &service));
        Self { to: Some(to), from, session: Some(session) }
    }

    fn greeted() -> Self {
        let mut peer = Self::connect();
        peer.say(&json!({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 3}, "addon": "9", "x": 1}));
        let hello = peer.hear();
        assert_eq!((&hello["type"], &hello["protocol"]), (&json!("hello"), &json!(1)));
        peer
    }

    fn say(&mut self, value: &Value) {
        frame::write(self.to.as_mut().unwrap(), value.to_string().as_bytes()).unwrap();
    }

    fn hear(&mut self) -> Value {
        let octets = frame::read(&mut self.from).unwrap().expect("the session ended");
        serde_json::from_slice(&octets).unwrap()
    }

    /// The code of the next frame, which must be an error for `id`.
    fn hear_error(&mut self, id: u64) -> String {
        let answer = self.hear();
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!(id)), "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    /// Ends the input and waits for the session.
    fn hang_up(&mut self) -> Result<(), FrameError> {
        self.to = None;
        self.session.take().unwrap().join().unwrap()
    }
}

fn lookup(id: u64, what: &str) -> Value {
    json!({"type": "lookup", "id": id, "addresses": [what]})
}

#[test]
fn hello_comes_first_and_versions_must_meet() {
    let mut peer = Peer::connect();
    peer.say(&lookup(1, "x"));
    assert_eq!(peer.hear_error(1), "protocol-mismatch");
    peer.say(&json!({"type": "hello", "id": 2, "protocol": {"min": 7, "max": 9}}));
    assert_eq!(peer.hear_error(2), "protocol-mismatch");
    assert!(frame::read(&mut peer.from).unwrap().is_none(), "the connection is closed");
    assert!(peer.hang_up().is_ok());
}

#[test]
fn a_body_goes_there_and_back_in_chunks() {
    let mut peer = Peer::greeted();
    let body: Vec<u8> = (0..=250).cycle().take(CHUNK + 10).collect();
    peer.say(&json!({"type": "open", "id": 2, "body_length": body.len()}));
    let mut sender = peer.to.take().unwrap();
    let pieces = body.clone();
    // A pipe holds less than a body: somebody must read while the other writes.
    let writer = thread::spawn(move || {
        for (seq, piece) in pieces.chunks(CHUNK).enumerate() {
            let chunk = json!({"type": "chunk", "id": 2, "seq": seq, "data": STANDARD.encode(piece)});
            frame::write(&mut sender, chunk.to_string().as_bytes()).unwrap();
        }
        sender
    });
    let mut got = Vec::new();
    let end = loop {
        let answer = peer.hear();
        match answer["type"].as_str() {
            Some("chunk") => got.extend(STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()),
            _ => break answer,
        }
    };
    assert_eq!((&end["type"], &end["body_length"]), (&json!("result"), &json!(body.len())));
    assert!(got == body);
    peer.to = Some(writer.join().unwrap());
    assert!(peer.hang_up().is_ok());
}

#[test]
fn an_answer_flows_while_its_request_is_still_coming() {
    let mut peer = Peer::greeted();
    let protect = |id: u64, length: usize| {
        json!({"type": "protect", "id": id, "from": "a@a.test", "sign": true, "encrypt": false, "purpose": "send",
               "body_length": length})
    };
    let chunk = |id: u64, seq: u64, octets: &[u8]| json!({"type": "chunk", "id": id, "seq": seq, "data": STANDARD.encode(octets)});
    let piece = vec![7; CHUNK];
    peer.say(&protect(2, 2 * CHUNK));
    let first = chunk(2, 0, &piece);
    let mut sender = peer.to.take().unwrap();
    let writer = thread::spawn(move || {
        frame::write(&mut sender, first.to_string().as_bytes()).unwrap();
        sender
    });
    let answer = peer.hear();
    assert_eq!((&answer["type"], &answer["seq"]), (&json!("chunk"), &json!(0)));
    peer.to = Some(writer.join().unwrap());
    peer.say(&json!({"type": "cancel", "id": 2}));
    assert_eq!(peer.hear_error(2), "cancelled");
    peer.say(&chunk(2, 1, b"late")); // dropped in silence

    // A body that never comes is answered for, and takes no room for ever.
    for id in 3..30 {
        let mut request = protect(id, 10);
        request["deadline_ms"] = json!(1);
        peer.say(&request);
        assert_eq!(peer.hear_error(id), "deadline");
    }
}

#[test]
fn one_request_that_fails_harms_no_other() {
    let mut peer = Peer::greeted();
    peer.say(&json!({"type": "dance", "id": 2}));
    assert_eq!(peer.hear_error(2), "unknown-request");
    peer.say(&json!({"type": "keys", "id": 3, "faster": true}));
    assert_eq!(peer.hear_error(3), "bad-request");
    peer.say(&json!({"type": "open", "id": 4, "body_length": MAX_BODY + 1}));
    assert_eq!(peer.hear_error(4), "too-large");
    peer.say(&json!({"type": "open", "id": 5, "body_length": 4}));
    peer.say(&json!({"type": "chunk", "id": 5, "seq": 1, "data": "AAAA"}));
    assert_eq!(peer.hear_error(5), "bad-request");
    peer.say(&json!({"type": "chunk", "id": 5, "seq": 2, "data": "AAAA"})); // still on its way: dropped
    peer.say(&lookup(6, "panic"));
    assert_eq!(peer.hear_error(6), "internal");
    peer.say(&lookup(7, "x"));
    assert_eq!(peer.hear()["stage"], "looking");
    assert_eq!(peer.hear()["type"], "result");
}

#[test]
fn who_does_not_answer_in_time_is_answered_for() {
    let mut peer = Peer::greeted();
    peer.say(&json!({"type": "lookup", "id": 2, "addresses": ["hang"], "deadline_ms": 30}));
    assert_eq!(peer.hear_error(2), "deadline");
    peer.say(&lookup(3, "hang"));
    peer.say(&lookup(3, "x"));
    assert_eq!(peer.hear_error(3), "bad-request", "the id is in use");
    peer.say(&json!({"type": "cancel", "id": 3}));
    assert_eq!(peer.hear_error(3), "cancelled");
    peer.say(&json!({"type": "open", "id": 4, "body_length": 4}));
    peer.say(&json!({"type": "cancel", "id": 4}));
    assert_eq!(peer.hear_error(4), "cancelled", "before the body was whole");
    peer.say(&json!({"type": "cancel", "id": 99})); // of nothing: no answer, no harm
    peer.say(&lookup(5, "x"));
    assert_eq!(peer.hear()["stage"], "looking", "and nothing late of the others before it");
}

#[test]
fn the_end_of_input_ends_the_session_whatever_runs() {
    let mut peer = Peer::greeted();
    peer.say(&lookup(2, "hang"));
    let (sender, ended) = sync_channel(1);
    thread::spawn(move || sender.send(peer.hang_up().is_ok()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(true));
}

#[test]
fn what_is_no_request_closes_the_connection() {
    for octets in [&b"\xff"[..], b"[]", b"{\"type\":\"keys\"}"] {
        let mut peer = Peer::greeted();
        frame::write(peer.to.as_mut().unwrap(), octets).unwrap();
        assert!(frame::read(&mut peer.from).unwrap().is_none());
    }
}
