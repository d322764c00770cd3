//! Requests to an authority, others' or one's own, and its answers.

use serde_json::Value;

use crate::{Place, sha256};

#[test]
fn an_authority_answers_a_request() {
    let place = Place::new();
    place
        .openssl("req -x509 -nodes -newkey rsa:2048 -days 30 -keyout ca.key -out ca.pem -subj /CN=Authority");
    for (algorithm, bundle) in [("rsa-2048", "answer.pem"), ("p-256", "answer.p7b")] {
        let asked = place
            .key(&["request", "--address", "alice@example.test", "--name", "Alice", "--algorithm", algorithm])
            .good();
        place.write("request.pem", asked["request"].as_str().unwrap());
        let shown = place.openssl("req -in request.pem -noout -verify -text");
        assert!(String::from_utf8_lossy(&shown.stdout).contains("email:alice@example.test"));
        let before = place.key(&["list"]).good().as_array().unwrap().len();
        place.openssl(
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -copy_extensions copyall -out cert.pem",
        );
        let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
        place.write("answer.pem", read("ca.pem") + &read("cert.pem"));
        place.openssl("crl2pkcs7 -nocrl -certfile answer.pem -out answer.p7b");
        assert_eq!(place.key(&["install", "--cert", &place.path("ca.pem")]).code(), "no-such-key");
        let row = place.key(&["install", "--cert", &place.path(bundle)]).good();
        assert_eq!([&row["can_sign"], &row["can_encrypt"]], [true, true], "{algorithm}");
        let pem = std::fs::read_to_string(place.certificate_of(&sha256(&row))).unwrap();
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "the authority's stands behind it");
        assert_eq!(place.key(&["list"]).good().as_array().unwrap().len(), before + 1);
    }
}

#[test]
fn an_own_authority_signs_requests() {
    let place = Place::new();
    let authority = place
        .key(&[
            "authority",
            "--address",
            "hostmaster@example.test",
            "--name",
            "Example CA",
            "--algorithm",
            "p-256",
        ])
        .good();
    let asked = place.key(&["request", "--address", "alice@example.test", "--algorithm", "p-256"]).good();
    place.write("request.pem", asked["request"].as_str().unwrap());
    let issue = |file: &str, address: &str, authority: &Value| {
        place.key(&["issue", &place.path(file), "--address", address, "--authority", &sha256(authority)])
    };
    // Who asks for the address of another does not get it.
    let refused = issue("request.pem", "mallory@example.test", &authority);
    assert_eq!(refused.code(), "certificate-does-not-fit");
    let issued = issue("request.pem", "alice@example.test", &authority).good();
    assert_eq!(issued["addresses"], serde_json::json!(["alice@example.test"]));
    place.write("answer.pem", issued["certificate"].as_str().unwrap());
    let lines: Vec<&str> = issued["lines"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(lines[0].contains(" IN SMIMEA 2 0 0 ") && lines[1].contains(" IN SMIMEA 3 0 0 "), "{lines:?}");
    let row = place.key(&["install", "--cert", &place.path("answer.pem")]).good();
    assert_eq!([&row["can_sign"], &row["can_encrypt"]], [true, true]);
    let ca = place.certificate_of(&sha256(&authority));
    let user = place.certificate_of(&sha256(&row));
    place.run("openssl", &["verify", "-purpose", "smimesign", "-CAfile", &ca, &user]);
    // Not for addresses of others, and not with a key that is no authority's.
    let other = place.key(&["request", "--address", "alice@other.test", "--algorithm", "p-256"]).good();
    place.write("other.pem", other["request"].as_str().unwrap());
    let refused = issue("other.pem", "alice@other.test", &authority);
    assert_eq!(refused.code(), "certificate-does-not-fit");
    assert_eq!(issue("request.pem", "alice@example.test", &row).code(), "bad-request");
}

#[test]
fn an_authority_vouches_for_what_it_was_asked_and_no_longer_than_it_lives() {
    let place = Place::new();
    let make =
        ["authority", "--address", "ca@example.test", "--name", "CA", "--algorithm", "p-256", "--days", "9"];
    let authority = sha256(&place.key(&make).good());
    // An address in the subject counts as one that the certificate names (RFC 8550 section 3).
    place.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem \
         -subj /O=Example/CN=Alice/emailAddress=boss@example.test/emailAddress=ceo@other.test \
         -addext subjectAltName=email:alice@example.test",
    );
    let request = place.path("request.pem");
    let issue =
        ["issue", &request, "--address", "alice@example.test", "--authority", &authority, "--days", "700"];
    place.write("answer.pem", place.key(&issue).good()["certificate"].as_str().unwrap());
    let shown = |what: &str| {
        let out = place.openssl(&format!("x509 -in answer.pem -noout {what}"));
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(shown("-email").trim(), "alice@example.test");
    assert_eq!(shown("-subject").trim(), "subject=CN = Alice");
    std::fs::copy(place.certificate_of(&authority), place.path("ca.pem")).unwrap();
    let ends = |file: &str| place.openssl(&format!("x509 -in {file} -noout -enddate")).stdout;
    assert_eq!(ends("answer.pem"), ends("ca.pem"));
    let late = [&["--at", "2090-01-01T00:00:00Z"], &issue[..]].concat();
    assert_eq!(place.key(&late).code(), "bad-request");
    place.key(&["retire", "--sha256", &authority]).good();
    assert_eq!(place.key(&issue).code(), "bad-request");
}
