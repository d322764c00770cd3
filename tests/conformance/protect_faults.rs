//! Whatever goes wrong while a mail is protected, in whatever form it was asked for: there is no
//! result, no file, and nothing of the text in what has left already.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/command_line.rs"]
mod command_line;
#[path = "../support/host_client.rs"]
mod host_client;
#[path = "../support/letters.rs"]
mod letters;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command_line::Answer;
use host_client::{Host, runtime_in_memory};
use letters::{BODY, WORLD};
use serde_json::{Value, json};
use tempfile::TempDir;

fn host(data: &str, resolver: &str, home: &TempDir) -> Host {
    let world = &*WORLD;
    let at = |name: &str| world.dir.path().join(name).display().to_string();
    let settings = format!(
        "resolver = \"{resolver}\"\ntrust-anchor = \"{}\"\ndata-dir = \"{}\"\nunlock-file = \"{}\"\n",
        world.tree.anchor_file().display(),
        at(data),
        at("unlock")
    );
    Host::start(home.path(), &settings).greeted()
}

/// Every form that can be asked for, sensible or not.
fn every_form() -> impl Iterator<Item = Value> {
    let switches = ["sign", "encrypt", "opaque", "nocerts", "triple", "wrap", "header_protection"];
    (0..1 << switches.len()).map(move |bits: u32| {
        let mut request = json!({"type": "protect", "from": "alice@example.test", "purpose": "send",
                                 "headers": [["Subject", "secret plan"]]});
        for (place, switch) in switches.iter().enumerate() {
            request[*switch] = json!(bits & 1 << place != 0);
        }
        request
    })
}

#[test]
fn no_form_of_a_mail_gets_past_what_stands_in_its_way() {
    let home = TempDir::new().unwrap();
    let resolver = WORLD.tree.address.to_string();
    let mut alice = host("alice", &resolver, &home);
    let in_the_way =
        ["nobody@example.test", "old@example.test", "x@unsigned.test", "x@late.test", "no address"];
    let mut refused = 0;
    for (turn, mut request) in every_form().enumerate() {
        let who = in_the_way[turn % in_the_way.len()];
        let encrypt = request["encrypt"] == true;
        match turn % 3 {
            0 => request["to"] = json!(["bob@example.test", who]),
            1 => (request["bcc"], request["bcc_copies"]) = (json!([who]), json!(true)),
            _ => request["blind_copy_for"] = json!(who),
        }
        let (end, answer) = alice.ask_with(request.clone(), BODY.as_bytes());
        // Signed only, it needs nobody's certificate, nor an address in which there could be one.
        let harmless = request["sign"] == true
            && !encrypt
            && request["triple"] == false
            && request.get("blind_copy_for").is_none();
        assert_eq!(end["type"] == "result", harmless, "{request}: {end}");
        if !harmless {
            refused += 1;
            assert_eq!((answer.len(), end["type"].as_str()), (0, Some("error")), "{request}");
            assert!(!end["message"].as_str().unwrap().is_empty());
        }
    }
    assert!(refused > 100, "{refused}");

    // Without a key of the sender, and without a DNS.
    for (data, resolver) in [("bob", &*resolver), ("alice", "127.0.0.1:9")] {
        let home = TempDir::new().unwrap();
        let mut host = host(data, resolver, &home);
        for mut request in every_form().filter(|r| r["encrypt"] == true).step_by(5) {
            request["to"] = json!(["bob@example.test"]);
            let (end, answer) = host.ask_with(request.clone(), BODY.as_bytes());
            assert_eq!((&end["type"], answer.len()), (&json!("error"), 0), "{request}: {end}");
        }
    }
}

#[test]
fn a_body_that_breaks_off_makes_no_mail() {
    let home = TempDir::new().unwrap();
    let mut alice = host("alice", &WORLD.tree.address.to_string(), &home);
    let text = "meet me at noon\r\n".repeat(100_000); // several chunks
    let entity = format!("Content-Type: text/plain\r\n\r\n{text}");
    let pieces: Vec<_> = entity.as_bytes().chunks(512 * 1024).map(|piece| STANDARD.encode(piece)).collect();
    let chunk =
        |id: u64, seq: usize, data: &str| json!({"type": "chunk", "id": id, "seq": seq, "data": data});
    let mut id = 100;
    for form in every_form().filter(|r| r["nocerts"] == false && r["header_protection"] == true) {
        let legal = (form["sign"] == true || form["encrypt"] == true)
            && (form["triple"] == false || (form["sign"] == true && form["encrypt"] == true));
        if !legal {
            continue;
        }
        for (fault, code) in [
            ("cancelled", "cancelled"),
            ("late", "deadline"),
            ("out of order", "bad-request"),
            ("too much", "bad-request"),
            ("not base64", "bad-request"),
        ] {
            id += 1;
            let mut request = form.clone();
            request["id"] = json!(id);
            request["to"] = json!(["bob@example.test"]);
            request["body_length"] = json!(entity.len() - usize::from(fault == "too much"));
            if fault == "late" {
                request["deadline_ms"] = json!(150);
            }
            alice.say(&request);
            alice.say(&chunk(id, 0, &pieces[0]));
            match fault {
                "cancelled" => alice.say(&json!({"type": "cancel", "id": id})),
                "out of order" => alice.say(&chunk(id, 2, &pieces[2])),
                "not base64" => alice.say(&chunk(id, 1, "*")),
                "too much" => pieces
                    .iter()
                    .enumerate()
                    .skip(1)
                    .for_each(|(seq, piece)| alice.say(&chunk(id, seq, piece))),
                _ => {}
            }
            let mut left = Vec::new();
            let end = loop {
                let frame = alice.read().unwrap();
                assert_eq!(frame["id"], json!(id), "{form} {fault}: {frame}");
                match frame["type"].as_str() {
                    Some("progress") => {}
                    Some("chunk") => left.extend(STANDARD.decode(frame["data"].as_str().unwrap()).unwrap()),
                    _ => break frame,
                }
            };
            assert_eq!(end["type"], "error", "{form} {fault}: {end}");
            // Who has no time left may also be told that nobody answered in it.
            assert!(fault == "late" || end["code"] == code, "{form} {fault}: {end}");
            let in_clear = String::from_utf8_lossy(&left).contains("meet me at noon");
            assert!(!(in_clear && form["encrypt"] == true), "{form} {fault}");
        }
    }
    // And the host is none the worse for it.
    let end = alice.ask_with(
        json!({"type": "protect", "from": "alice@example.test", "to": ["bob@example.test"], "sign": true,
               "encrypt": true, "purpose": "send"}),
        entity.as_bytes(),
    );
    assert_eq!(end.0["type"], "result", "{}", end.0);
}

#[test]
fn a_full_disk_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let letter = format!("From: alice@example.test\r\nSubject: x\r\n{BODY}{}", "more\r\n".repeat(50_000));
    fs::write(at("in"), letter).unwrap();
    fs::create_dir(at("out")).unwrap();
    let arguments = |how: &str| {
        let world = &*WORLD;
        let data = |name: &str| world.dir.path().join(name).display().to_string();
        format!(
            "{} --json --data-dir {} --unlock-file {} --resolver {} --trust-anchor {} protect --from \
             alice@example.test --to alice@example.test --input {} --output {}/main.eml --bcc-dir {} {how}",
            env!("CARGO_BIN_EXE_dane-smime"),
            data("alice"),
            data("unlock"),
            world.tree.address,
            world.tree.anchor_file().display(),
            at("in"),
            at("out"),
            at("out"),
        )
    };
    for how in ["--sign", "--encrypt", "--sign --encrypt --bcc bob@example.test", "--sign --encrypt --triple"]
    {
        // Files above 64 KiB are refused, as by a disk that is full; the signal for it is ignored.
        let command = format!("trap '' XFSZ; ulimit -f 64; exec {}", arguments(how));
        let answer = Answer::of(Command::new("bash").args(["-c", &command]));
        assert_eq!((answer.code(), answer.status), ("unwritable-output", 2), "{how}: {}", answer.said);
        assert_eq!(fs::read_dir(at("out")).unwrap().count(), 0, "{how}: something was left");
    }
    for (input, code) in [("/", "unreadable-input"), ("/nonexistent/mail", "unreadable-input")] {
        let command = arguments("--sign").replace(&at("in"), input);
        Answer::of(Command::new("bash").args(["-c", &command])).fails(code);
        assert_eq!(fs::read_dir(at("out")).unwrap().count(), 0, "{input}");
    }
}

#[test]
fn fifty_recipients_are_looked_up_side_by_side_and_each_is_answered_for() {
    let home = TempDir::new().unwrap();
    let resolver = WORLD.tree.address.to_string();
    let kinds = [
        ("bob@example.test", "ready"),
        ("old@example.test", "unusable"),
        ("ee-digest@example.test", "unusable"),
        ("nobody@example.test", "absent"),
        ("x@unsigned.test", "insecure"),
        ("x@late.test", "bogus"),
        ("no address", "invalid-address"),
    ];
    let asked: Vec<_> = (0..50).map(|n| kinds[n % kinds.len()]).collect();
    let addresses: Vec<_> = asked.iter().map(|(address, _)| *address).collect();
    let request = json!({"type": "lookup", "addresses": addresses, "deadline_ms": 20000});
    let answer = host("alice", &resolver, &home).ask(request.clone());
    let found: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["address"].as_str().unwrap(), r["recipient"].as_str().unwrap()))
        .collect();
    assert_eq!(found, asked);
    assert!(answer["results"].as_array().unwrap().iter().all(|r| r["reason"].is_string()), "{answer}");
    let hindrances: Vec<_> = (0..4).map(|n| &answer["results"][n]["hindrance"]).collect();
    assert_eq!(hindrances[1]["code"], "expired", "{answer}");
    assert!(hindrances[1]["at"].as_str().unwrap().ends_with('Z'), "{answer}");
    assert_eq!(hindrances, [&Value::Null, hindrances[1], &json!({"code": "only-named"}), &Value::Null]);

    // A server that never answers: all are told of, within the time that was given.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let resolver = silent.local_addr().unwrap().to_string();
    let mut cut_off = host("alice", &resolver, &home);
    let request = json!({"type": "lookup", "addresses": addresses, "deadline_ms": 2500});
    let answer = cut_off.ask(request);
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let states: Vec<_> = results.iter().map(|r| r["recipient"].as_str().unwrap()).collect();
    assert!(states.iter().all(|state| ["unreachable", "invalid-address"].contains(state)), "{states:?}");
    assert_eq!(states.len(), 50);
}

#[test]
fn a_large_mail_passes_through_little_memory_and_tells_how_far_it_is() {
    let home = TempDir::new().unwrap();
    let _runtime = runtime_in_memory(home.path());
    let mut alice = host("alice", &WORLD.tree.address.to_string(), &home);
    let mut body =
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec();
    let line = [&b"QUJD".repeat(18)[..], b"\r\n"].concat();
    while body.len() < 30 * 1024 * 1024 {
        body.extend_from_slice(&line);
    }
    let request = json!({"type": "protect", "from": "alice@example.test", "to": ["bob@example.test"],
                         "sign": true, "encrypt": true, "purpose": "send", "headers": [["Subject", "Figures"]]});
    for by_file in [false, true] {
        let (end, answer, told) = match by_file {
            false => alice.ask_telling(request.clone(), &body),
            true => alice.ask_by_file(request.clone(), &body),
        };
        assert_eq!(end["type"], "result", "{end}");
        assert_eq!(end["body_file"].is_string(), by_file, "{end}");
        assert!(answer.len() > body.len());
        let stages: Vec<_> = told.iter().map(|frame| frame["stage"].as_str().unwrap()).collect();
        assert!(stages.starts_with(&["certificates", "certificates", "protecting"]), "{stages:?}");
        let last = told.last().unwrap();
        assert!(told.len() > 5 && last["total"] == json!(body.len()), "{last}");
    }
    if cfg!(target_os = "linux") {
        let peak = alice.peak_memory();
        assert!(peak < 64 * 1024, "{peak} KiB for a mail of 30 MiB");
    }
}
