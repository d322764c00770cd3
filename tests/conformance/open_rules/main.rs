//! What is believed and what is not, case by case: mail as other programs make it, and as those make
//! it who want to pass for somebody else. OpenSSL makes the mail; an authority vouches for the signers.

mod encryption;
mod headers;
#[path = "../../support/large_mail.rs"]
mod large_mail;
#[path = "../../support/peak.rs"]
mod peak;
mod shapes;
mod signatures;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use large_mail::Reader;
use serde_json::Value;

const TEXT: &[u8] = b"Content-Type: text/plain\r\n\r\nmeet me at noon\r\n";

const ALICE: &str = "From: alice@example.test\r\n";

const SIGN: &str = "-sign -signer alice.crt -inkey alice.key";

/// A case: what it is, the mail, the state and the code of encryption and signature.
type Case = (&'static str, Vec<u8>, [&'static str; 4]);

fn check(reader: &Reader, how: &[&str], cases: Vec<Case>) -> Vec<Value> {
    cases
        .into_iter()
        .map(|(what, mail, expected)| {
            let verdict = open(reader, &mail, how);
            let word = |half: &str, field: &str| verdict[half][field].as_str().unwrap_or("-").to_owned();
            let found = [
                word("encryption", "state"),
                word("encryption", "code"),
                word("signature", "state"),
                word("signature", "code"),
            ];
            assert_eq!(found, expected, "{what}: {verdict}");
            verdict
        })
        .collect()
}

fn open(reader: &Reader, mail: &[u8], how: &[&str]) -> Value {
    let file = reader.file("mail", mail);
    let output = reader.opening(&file).args(how).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn mail(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn change(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1).into_bytes()
}

/// `Content-*` fields and body round a bare object.
fn object(media: &str, der: &[u8]) -> Vec<u8> {
    let head = format!("Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    format!("{head}{}\r\n", STANDARD.encode(der)).into_bytes()
}
