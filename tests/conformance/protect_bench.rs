//! What protecting a mail of 30 MiB costs, beside `openssl cms` on the same machine in the same run.
//! `scripts/bench protect` runs it; it is no test, because times on a busy machine prove nothing.

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
use std::time::{Duration, Instant};

use host_client::Host;
use letters::WORLD;
use serde_json::json;

const SIZE: usize = 30 * 1024 * 1024;
const RUNS: usize = 9;

fn main() {
    let dir = WORLD.dir.path();
    let at = |name: &str| dir.join(name).display().to_string();
    let body = attachment();
    fs::write(at("entity"), &body).unwrap();
    let head = "From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: Figures\r\n";
    fs::write(at("mail"), [head.as_bytes(), &body].concat()).unwrap();

    let alice = fs::read_dir(dir.join("alice/keys")).unwrap().map(|entry| entry.unwrap().path());
    let alice = alice.into_iter().find(|file| file.extension().is_some_and(|e| e == "pem")).unwrap();
    let (bob, alice) = (at("bob.crt"), alice.display().to_string());
    let rsa = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=a"];
    let (key, certificate) = (at("rsa.key"), at("rsa.crt"));
    timed(Command::new("openssl").args(rsa).args(["-keyout", &key, "-out", &certificate]));

    let ours = |how: &[&str]| {
        timed(
            Command::new(env!("CARGO_BIN_EXE_dane-smime"))
                .args(["--json", "--data-dir", &at("alice"), "--unlock-file", &at("unlock")])
                .args(["--resolver", &WORLD.tree.address.to_string()])
                .args(["--trust-anchor", &WORLD.tree.anchor_file().display().to_string()])
                .args([
                    "protect",
                    "--from",
                    "alice@example.test",
                    "--input",
                    &at("mail"),
                    "--output",
                    &at("ours"),
                ])
                .args(how),
        )
    };
    let rival = |how: &[&str]| {
        timed(Command::new("openssl").args(["cms", "-in", &at("entity"), "-out", &at("theirs")]).args(how))
    };
    let (mut encrypt, mut their_encrypt, mut sign, mut their_sign, mut both) =
        (vec![], vec![], vec![], vec![], vec![]);
    // Taken in turns, so that a busy moment meets all alike.
    for _ in 0..RUNS {
        encrypt.push(ours(&["--to", "bob@example.test", "--encrypt"]));
        their_encrypt.push(rival(&["-encrypt", "-aes-256-cbc", &alice, &bob]));
        sign.push(ours(&["--sign"]));
        their_sign.push(rival(&["-sign", "-md", "sha256", "-signer", &certificate, "-inkey", &key]));
        both.push(ours(&["--to", "bob@example.test", "--sign", "--encrypt"]));
    }
    let (encrypt, sign) = (median(encrypt), median(sign));
    let (their_encrypt, their_sign) = (median(their_encrypt), median(their_sign));
    println!("30 MiB, whole process, DNS and unsealing of the key included:");
    println!(
        "  protect --encrypt {encrypt:.0?}, openssl cms -encrypt {their_encrypt:.0?}, ratio {:.2} (aim 0.8)",
        ratio(encrypt, their_encrypt)
    );
    println!(
        "  protect --sign {sign:.0?}, openssl cms -sign {their_sign:.0?}, ratio {:.2} (aim 1.2)",
        ratio(sign, their_sign)
    );
    println!("  protect --sign --encrypt {:.0?}", median(both));
    for (what, encrypt, sign) in
        [("encrypt", true, false), ("sign and encrypt", true, true), ("sign", false, true)]
    {
        let (took, peak, idle) = through_the_port(&body, encrypt, sign);
        println!(
            "30 MiB through the native-messaging port, {what}: {took:.0?}, the host's memory at its highest \
             {peak} KiB, {idle} KiB before (aim below 65536 KiB while encrypting)"
        );
    }
}

/// An entity of 30 MiB as a composer builds it: a text, and an attachment in base64.
fn attachment() -> Vec<u8> {
    let mut body =
        b"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
                     Here they are.\r\n--b\r\nContent-Type: application/octet-stream\r\n\
                     Content-Transfer-Encoding: base64\r\n\r\n"
            .to_vec();
    let line = [&b"QUJD".repeat(18)[..], b"\r\n"].concat();
    while body.len() < SIZE {
        body.extend_from_slice(&line);
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

/// How long a host takes, and the most memory it ever held (RSS, KiB).
fn through_the_port(body: &[u8], encrypt: bool, sign: bool) -> (Duration, u64, u64) {
    let world = &*WORLD;
    let home = tempfile::TempDir::new().unwrap();
    let at = |name: &str| world.dir.path().join(name).display().to_string();
    let settings = format!(
        "resolver = \"{}\"\ntrust-anchor = \"{}\"\ndata-dir = \"{}\"\nunlock-file = \"{}\"\n",
        world.tree.address,
        world.tree.anchor_file().display(),
        at("alice"),
        at("unlock")
    );
    let mut host = Host::start(home.path(), &settings).greeted();
    let request = json!({"type": "protect", "from": "alice@example.test", "to": ["bob@example.test"],
        "sign": sign, "encrypt": encrypt, "purpose": "send", "headers": [["Subject", "Figures"]]});
    let idle = host.peak_memory();
    let begun = Instant::now();
    let (end, answer) = host.ask_with(request, body);
    let took = begun.elapsed();
    assert_eq!(end["type"], "result", "{end}");
    assert!(answer.len() > body.len());
    (took, host.peak_memory(), idle)
}

fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let output = command.output().unwrap();
    let took = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
