//! Dialogues with a session whose service is a stand-in.

use std::io::{self, PipeReader, PipeWriter, pipe};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::wire::CHUNK;

/// Answers `open` with its own body, and `lookup` as its first address says.
struct StandIn;

/// How much longer than its deadlines the add-on waits for a person.
const PASSWORD_MS: u64 = 300;

impl Service for StandIn {
    fn call(&self, call: Call, mut body: Body, work: &Work) -> Result<Reply, Failure> {
        match call {
            Call::Open(_) => Ok(Reply { fields: Map::new(), body: work.hand_over(&body.read_all()?)? }),
            Call::Protect(_) => {
                let mut outlet = work.outlet();
                io::copy(&mut body, &mut outlet).map_err(|_| cancelled())?;
                Ok(Reply { fields: Map::new(), body: outlet.finish()? })
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
                Some("many reasons") => {
                    let reasons = "x".repeat(frame::MAX_FRAME);
                    Err(Failure::new(Code::DnsBogus, "no").with("recipients", json!(reasons)))
                }
                Some("ask") => {
                    work.while_asked(|wanted| {
                        while wanted() {
                            thread::sleep(Duration::from_millis(5));
                        }
                    });
                    Err(Failure::new(Code::PinNeeded, "nobody entered anything"))
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
        Self::connect_with(None)
    }

    fn connect_with(folder: Option<BodiesFolder>) -> Self {
        let (mut input, to) = pipe().unwrap();
        let (from, output) = pipe().unwrap();
        let service: Arc<dyn Service> = Arc::new(StandIn);
        let session = thread::spawn(move || run(&mut input, Box::new(output), &service, folder));
        Self { to: Some(to), from, session: Some(session) }
    }

    fn greeted() -> Self {
        let mut peer = Self::connect();
        let hello = peer.greet();
        assert!(hello.get("bodies_folder").is_none() && !hello.to_string().contains("bodies-by-file"));
        peer
    }

    fn greet(&mut self) -> Value {
        self.say(&json!({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 3}, "addon": "9", "x": 1,
                         "password_ms": PASSWORD_MS}));
        let hello = self.hear();
        assert_eq!((&hello["type"], &hello["protocol"]), (&json!("hello"), &json!(1)));
        hello
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
    for (id, second) in [
        (8, json!({"type": "chunk", "id": 8, "seq": -1, "data": "AAAA"})),
        (9, json!({"type": "cancel", "id": 9, "why": "x"})),
    ] {
        peer.say(&json!({"type": "open", "id": id, "body_length": 3}));
        peer.say(&second);
        assert_eq!(peer.hear_error(id), "bad-request");
        peer.say(&json!({"type": "chunk", "id": id, "seq": 0, "data": "AAAA"})); // it has ended: dropped
    }
    peer.say(&json!({"type": "keys", "id": 10, "x".repeat(frame::MAX_FRAME - 40): 1}));
    assert_eq!(peer.hear_error(10), "bad-request", "though the field's name does not fit into the answer");
    peer.say(&lookup(11, "many reasons"));
    assert_eq!(peer.hear_error(11), "dns-bogus", "nor all that is to be told");
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
fn the_time_stands_still_while_a_person_is_asked_but_not_for_ever() {
    let mut peer = Peer::greeted();
    let begun = Instant::now();
    peer.say(&json!({"type": "lookup", "id": 2, "addresses": ["ask"], "deadline_ms": 1000}));
    assert_eq!(peer.hear()["stage"], "password");
    peer.say(&lookup(3, "x"));
    assert_eq!((&peer.hear()["id"], &peer.hear()["type"]), (&json!(3), &json!("result")), "others go on");
    assert_eq!(peer.hear()["stage"], "working");
    assert_eq!(peer.hear_error(2), "pin-needed", "which says more than that it took too long");
    assert!(begun.elapsed() >= Duration::from_millis(1000 + PASSWORD_MS));

    peer.say(&lookup(4, "ask"));
    assert_eq!(peer.hear()["stage"], "password");
    peer.say(&json!({"type": "cancel", "id": 4}));
    assert_eq!(peer.hear_error(4), "cancelled");
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

/// A connection whose large bodies may go by file, and the folder for them; nothing where this machine
/// has no place in memory.
#[cfg(target_os = "linux")]
fn by_file() -> Option<(Peer, std::path::PathBuf, tempfile::TempDir)> {
    let place = folder::tests::place()?;
    let folder = BodiesFolder::make_in(place.path()).unwrap();
    let path = std::path::PathBuf::from(folder.path().unwrap());
    let mut peer = Peer::connect_with(Some(folder));
    let hello = peer.greet();
    assert_eq!(hello["bodies_folder"], json!(path));
    assert!(hello["features"].as_array().unwrap().contains(&json!("bodies-by-file")));
    Some((peer, path, place))
}

#[cfg(target_os = "linux")]
fn put(folder: &std::path::Path, name: &str, octets: &[u8]) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(folder.join(name)).unwrap();
    file.write_all(octets).unwrap();
}

#[cfg(target_os = "linux")]
fn entries(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_body_goes_there_and_back_by_file() {
    let Some((mut peer, folder, _place)) = by_file() else { return };
    let body: Vec<u8> = (0..=250).cycle().take(3 * CHUNK + 10).collect();
    put(&folder, "body-1", &body);
    for (id, kind) in [(2, "open"), (3, "protect")] {
        let mut request = json!({"type": kind, "id": id, "body_length": body.len(), "body_file": "body-1",
                                 "answer_file": true});
        if kind == "protect" {
            request["from"] = json!("a@a.test");
            request["sign"] = json!(true);
            request["encrypt"] = json!(false);
            request["purpose"] = json!("send");
        }
        peer.say(&request);
        let end = peer.hear();
        assert_eq!((&end["type"], &end["body_length"]), (&json!("result"), &json!(body.len())), "{end}");
        let answer = folder.join(end["body_file"].as_str().unwrap());
        assert!(std::fs::read(&answer).unwrap() == body);
        assert_eq!(entries(&folder), 2, "the request's body is the add-on's to remove");
        if kind == "open" {
            std::fs::remove_file(answer).unwrap();
        } else {
            peer.say(&json!({"type": "cancel", "id": id})); // it was given up when its answer was under way
            peer.say(&lookup(9, "x"));
            assert_eq!((peer.hear()["id"].clone(), peer.hear()["id"].clone()), (json!(9), json!(9)));
            assert!(!answer.exists());
        }
    }
    // A small answer needs no file, and where none is asked for there is none.
    put(&folder, "body-2", &body[..10]);
    for (length, name, asked) in [(10, "body-2", true), (body.len(), "body-1", false)] {
        let id = length + 10;
        peer.say(&json!({"type": "open", "id": id, "body_length": length, "body_file": name, "answer_file": asked}));
        assert_eq!(peer.hear()["type"], "chunk");
        while peer.hear()["type"] == "chunk" {}
        assert_eq!(entries(&folder), 2);
    }
    assert!(peer.hang_up().is_ok());
    assert!(!folder.exists(), "with all that was in it");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_not_as_it_was_said_is_refused_and_harms_no_other_request() {
    let Some((mut peer, folder, _place)) = by_file() else { return };
    put(&folder, "body-1", b"12345");
    let mut ask = |id: u64, name: &str, length: usize| {
        peer.say(&json!({"type": "open", "id": id, "body_length": length, "body_file": name}));
        peer.hear()
    };
    assert_eq!(ask(2, "body-1", 6)["code"], "body-file-refused");
    assert_eq!(ask(3, "body-2", 5)["code"], "body-file-refused");
    assert_eq!(ask(4, "../body-1", 5)["code"], "bad-request");
    assert_eq!(ask(5, "body-1", MAX_BODY + 1)["code"], "too-large");
    assert_eq!(ask(6, "body-1", 5)["type"], "chunk");
    assert_eq!(peer.hear()["type"], "result");
    std::fs::remove_dir_all(&folder).unwrap();
    put(folder.parent().unwrap(), "body-1", b"12345");
    peer.say(&json!({"type": "open", "id": 7, "body_length": 5, "body_file": "body-1"}));
    assert_eq!(peer.hear_error(7), "body-file-refused");

    let mut without = Peer::greeted();
    without.say(&json!({"type": "open", "id": 2, "body_length": 5, "body_file": "body-1"}));
    assert_eq!(without.hear_error(2), "body-file-refused");
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_stays_of_an_answer_that_was_given_up() {
    let Some((mut peer, folder, _place)) = by_file() else { return };
    let request = json!({"type": "protect", "id": 2, "from": "a@a.test", "sign": true, "encrypt": false, "purpose": "send",
                         "body_length": 3 * CHUNK, "answer_file": true});
    peer.say(&request);
    let piece = vec![7; CHUNK];
    peer.say(&json!({"type": "chunk", "id": 2, "seq": 0, "data": STANDARD.encode(&piece)}));
    let until = Instant::now() + Duration::from_secs(10);
    while entries(&folder) == 0 {
        assert!(Instant::now() < until, "the answer is not written while its request comes in");
        thread::sleep(Duration::from_millis(5));
    }
    peer.say(&json!({"type": "cancel", "id": 2}));
    assert_eq!(peer.hear_error(2), "cancelled");
    while entries(&folder) != 0 {
        assert!(Instant::now() < until, "the file was left");
        thread::sleep(Duration::from_millis(5));
    }
}
