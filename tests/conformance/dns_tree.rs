//! Look-ups in a real signed DNS: every state of the contract, with its exit status.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::process::Command;
use std::sync::LazyLock;

use certificates::{Authority, Made, certificate, rsa};
use dane_smime::config::Profile;
use dane_smime::mime::EmailAddress;
use dane_smime::smimea::OwnerName;
use serde_json::Value;
use signed_tree::{Fate, Tree, Zone};

struct World {
    tree: Tree,
    alice: Made,
    /// PEM: the key of `staff`, the certificate, that of the domain's own authority.
    staff: [Vec<u8>; 3],
}

/// One tree for all tests of this program; knotd is ended by the last one (see `Drop`).
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let alice = certificate("alice@example.test", 0, 400);
    let expired = certificate("alice@example.test", -400, -10);
    let hex = hex::encode(&alice.der);
    let mut authority = Authority::new("Example's authority");
    let key = rsa(2048);
    let staff = [
        key.private_key_to_pem_pkcs8().unwrap(),
        authority.issue("staff@example.test", &key).to_pem().unwrap(),
        authority.certificate.to_pem().unwrap(),
    ];
    let authority = hex::encode(openssl::sha::sha256(&authority.certificate.to_der().unwrap()));
    let people = |domain: &str| {
        let at = |local: &str| owner(&format!("{local}@{domain}"));
        vec![
            format!("{} SMIMEA 3 0 0 {hex}", at("alice")),
            format!("{} SMIMEA 3 0 0 {}", at("late"), hex::encode(&expired.der)),
            format!("{} SMIMEA 3 1 1 {}", at("digest"), hex::encode(openssl::sha::sha256(b"x"))),
            format!("{} SMIMEA 9 9 9 00ff", at("odd")),
            format!("{} SMIMEA 1 0 0 {hex}", at("vouched")),
            format!("{} SMIMEA 3 0 0 {hex}", at("two")),
            format!("{} SMIMEA 3 0 0 00", at("two")),
            format!("{} SMIMEA 2 0 1 {authority}", at("staff")),
            format!("{} TXT hello", at("textonly")),
            format!("{} CNAME {}", at("alias"), at("alice")),
            format!("{} CNAME {}", at("abroad"), owner("alice@rsa.test")),
            format!("{} CNAME {}", at("outside"), owner("alice@unsigned.test")),
            format!("{} CNAME {}", at("dangling"), at("nobody")),
            format!("{} CNAME {}", at("hidden"), owner("alice@example.onion")),
            format!("{} CNAME {}", at("round"), at("about")),
            format!("{} CNAME {}", at("about"), at("round")),
            format!("_smimecert.moved.{domain}. DNAME _smimecert.{domain}."),
            format!("*._smimecert.wild.{domain}. SMIMEA 3 0 0 {hex}"),
            format!("{} TXT the-name-itself", owner(&format!("present@wild.{domain}"))),
            format!("*._smimecert.wildalias.{domain}. CNAME {}", at("alice")),
            format!("x.{} TXT below-an-empty-name", at("hollow")),
        ]
        .into_iter()
        .chain((0..4).map(|n| format!("{} SMIMEA 3 0 0 {}", at("big"), "ab".repeat(2000 + n))))
        .collect::<Vec<_>>()
    };
    let zone = |label: &str| Zone::signed(&format!("{label}.test."), people(&format!("{label}.test")));
    let [org, com] = guide_zones(&hex);
    let tree = Tree::grow(vec![
        org,
        com,
        Zone::signed("test.", Vec::new()).algorithm("RSASHA256").nsec3(false, 0),
        zone("example"),
        zone("rsa").algorithm("RSASHA256").nsec3(false, 0),
        zone("rsa512").algorithm("RSASHA512"),
        zone("ed").algorithm("ED25519").nsec3(false, 0),
        zone("p384").algorithm("ECDSAP384SHA384"),
        zone("optout").nsec3(true, 0),
        zone("unsigned").fate(Fate::Unsigned),
        zone("island").fate(Fate::Island),
        zone("ed448").algorithm("ED448"),
        zone("slow").nsec3(false, 150),
        zone("expired").fate(Fate::Expired),
        zone("early").fate(Fate::NotYetValid),
        zone("broken").tampered(break_signatures),
        zone("changed").nsec3(false, 0).tampered(|text| text.replace("SMIMEA\t3 0 0", "SMIMEA\t3 0 1")),
    ]);
    World { tree, alice, staff }
});

/// The key of the 2014 guide's worked example, as `hexdump` prints it there.
const GUIDE_KEY: &str = "\
    30820122300d06092a864886f70d01010105000382010f003082010a0282010100a9380fcfc9ca2318047bcd6902ba436e4e\
    bdea834d725b29e47ca338aaedde5f13ac99b74f73c977e7f89c47f9c965890f3ba292c0b8ee0a9ea2ed81627c98cebe56dc\
    276bbabe982807c0b9b613eed882ad97958391dc3dd3f4f2773b906f154096c5a6cf9f9e05f7bb9a4057ad1923a4c7c444f4\
    f5b84c94c05e19a2e57bbcb35eb0fbc4f648292c80d4184c95ffe74c4a8ba7ddb1638989e7c405d399e39ecf78cef6bd4d2d\
    009af980fba463d5427c8da4ae37e01ca491803b2711c4eba23d12623985f12931a576424470b6b5efdcbb1f382ee503fd4a\
    eae79568e4520731c8bbef8618b1c8b2ac98258273b3c92fed36164c63f52467241e719bf178350203010001";

/// The guide's own names: one with the record that it prints, of the type in its examples; one with
/// a certificate, of another private type.
fn guide_zones(certificate: &str) -> [Zone; 2] {
    let name = |address: &str| {
        let address = EmailAddress::parse(address).unwrap();
        OwnerName::of(&address, Profile::GUIDE).unwrap().to_string()
    };
    let key = format!("{} TYPE65444 \\# 297 030100{GUIDE_KEY}", name("sample@example.org"));
    let octets = certificate.len() / 2 + 3;
    let whole = format!("{} TYPE65500 \\# {octets} 030000{certificate}", name("robert@bigbank.com"));
    [Zone::signed("example.org.", vec![key]), Zone::signed("bigbank.com.", vec![whole])]
}

/// Changes the first character of the last line of each SMIMEA signature.
fn break_signatures(text: String) -> String {
    let mut inside = false;
    let changed = text.lines().map(|line| {
        inside |= line.contains("RRSIG") && line.contains("SMIMEA");
        if inside && line.trim_end().ends_with(')') {
            inside = false;
            let at = line.find(|c: char| !c.is_whitespace()).unwrap();
            let other = if line[at..].starts_with('A') { "B" } else { "A" };
            return format!("{}{other}{}\n", &line[..at], &line[at + 1..]);
        }
        format!("{line}\n")
    });
    changed.collect()
}

fn owner(address: &str) -> String {
    OwnerName::of(&EmailAddress::parse(address).unwrap(), Profile::Rfc8162).unwrap().to_string()
}

fn dane_smime(arguments: &[&str]) -> (i32, Value) {
    let world = &*WORLD;
    let default = |option: &str, value: &str| match arguments.contains(&option) {
        true => vec![],
        false => vec![option.to_owned(), value.to_owned()],
    };
    let output = Command::new(env!("CARGO_BIN_EXE_dane-smime"))
        .arg("--json")
        .args(arguments)
        .args(default("--resolver", &world.tree.address.to_string()))
        .args(default("--trust-anchor", world.tree.anchor_file().to_str().unwrap()))
        .env("HOME", world.tree.path("home"))
        .env("XDG_CONFIG_HOME", world.tree.path("home"))
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

/// What a person reads.
fn text(arguments: &[&str]) -> String {
    let world = &*WORLD;
    let output = Command::new(env!("CARGO_BIN_EXE_dane-smime"))
        .args(arguments)
        .args(["--resolver", &world.tree.address.to_string(), "--trust-anchor"])
        .arg(world.tree.anchor_file())
        .env("HOME", world.tree.path("home"))
        .env("XDG_CONFIG_HOME", world.tree.path("home"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn state(address: &str) -> (String, i32) {
    let (exit, json) = dane_smime(&["lookup", address]);
    (json["status"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned(), exit)
}

#[test]
fn each_state_has_its_word_and_its_exit_status() {
    for (address, word, exit) in [
        ("alice@example.test", "secure", 0),
        ("alice@rsa.test", "secure", 0),
        ("alice@rsa512.test", "secure", 0),
        ("alice@ed.test", "secure", 0),
        ("alice@p384.test", "secure", 0),
        ("alice@optout.test", "secure", 0),
        ("big@example.test", "secure", 0),
        ("nobody@example.test", "absent", 1),
        ("nobody@rsa.test", "absent", 1),
        ("textonly@example.test", "absent", 1),
        ("textonly@ed.test", "absent", 1),
        ("alice@unsigned.test", "insecure", 3),
        ("nobody@unsigned.test", "insecure", 3),
        ("nobody@optout.test", "insecure", 3),
        ("alice@broken.test", "bogus", 3),
        ("alice@changed.test", "bogus", 3),
        ("alice@expired.test", "bogus", 3),
        ("alice@early.test", "bogus", 3),
        ("nobody@expired.test", "bogus", 3),
    ] {
        assert_eq!(state(address), (word.to_owned(), exit), "{address}");
    }
}

#[test]
fn aliases_and_wildcards_count_where_they_are_proven() {
    for zone in ["example.test", "rsa.test", "ed.test"] {
        for (local, word) in [
            ("alias@", "secure"),
            ("abroad@", "secure"),
            ("outside@", "insecure"),
            ("dangling@", "absent"),
            ("round@", "bogus"),
            ("alice@moved.", "secure"),
            ("nobody@moved.", "absent"),
            ("anyone@wild.", "secure"),
            ("present@wild.", "absent"),
            ("anyone@wildalias.", "secure"),
            ("hollow@", "absent"),
            ("anyone@nowhere.", "absent"),
        ] {
            let address = format!("{local}{zone}");
            assert_eq!(state(&address).0, word, "{address}");
        }
    }
    // An opted-out span may hide an unsigned delegation: nothing made from it is secure.
    assert_eq!(state("anyone@wild.optout.test").0, "insecure");
    assert_eq!(state("alias@optout.test").0, "secure");
    // And the zone that opts out is not called unsigned for it: the name that it leaves open is.
    let (_, json) = dane_smime(&["lookup", "anyone@misspelt.optout.test"]);
    let reason = json["reason"].as_str().unwrap();
    assert!(reason.contains("(misspelt.optout.test is not signed, if it exists at all)"), "{reason}");
    let (_, json) = dane_smime(&["lookup", "nobody@optout.test"]);
    let reason = json["reason"].as_str().unwrap();
    assert!(reason.contains("optout.test is signed with DNSSEC, but leaves open"), "{reason}");
    let (_, json) = dane_smime(&["lookup", "outside@example.test"]);
    let reason = json["reason"].as_str().unwrap();
    assert!(
        reason.contains("leads on to another domain that is not secured by DNSSEC (unsigned.test"),
        "{reason}"
    );
}

/// Whoever misspells a domain is told that there is none, and not that it publishes nothing.
#[test]
fn a_domain_that_is_not_there_is_told_from_one_without_a_record() {
    for (address, is_missing) in [
        ("nobody@example.test", false),
        ("nobody@rsa.test", false),
        ("textonly@example.test", false),
        ("dangling@example.test", false),
        ("present@wild.example.test", false),
        ("nobody@moved.example.test", false),
        ("nobody@exmaple.test", true), // NSEC3
        ("nobody@mail.exmaple.test", true),
        ("nobody@nowhere.example.test", true), // NSEC
        ("nobody@example.tset", true),
        ("nobody@tset", true),
    ] {
        let (_, json) = dane_smime(&["lookup", address]);
        assert_eq!(json["status"], "absent", "{json}");
        assert_eq!(json["dnssec"]["no_such_domain"], is_missing, "{json}");
        let told = json["reason"].as_str().unwrap().starts_with("There is no domain ");
        assert_eq!(told, is_missing, "{json}");
    }
}

/// Neither proven nor worth another try.
#[test]
fn an_address_of_a_kind_that_is_not_in_the_dns_is_told() {
    for address in
        ["nobody@2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion", "nobody@LocalHost"]
    {
        let (exit, json) = dane_smime(&["lookup", address]);
        let said = (exit, json["status"].as_str(), json["dnssec"]["cause"].as_str());
        assert_eq!(said, (4, Some("unreachable"), Some("not-in-dns")), "{json}");
        let reason = json["reason"].as_str().unwrap();
        assert!(
            reason.contains(" is not in the DNS, so nobody was asked") && !reason.contains("again"),
            "{reason}"
        );
    }
    let (_, json) = dane_smime(&["lookup", "hidden@example.test"]);
    let reason = json["reason"].as_str().unwrap();
    assert!(reason.starts_with("example.test leads on to a name that is not in the DNS"), "{reason}");
}

#[test]
fn anchors_of_any_zone_and_either_kind() {
    let world = &*WORLD;
    let with = |zone: &str, kind: &str, address: &str| {
        let file = world.tree.anchor_of(zone, kind);
        let (_, json) = dane_smime(&["lookup", address, "--trust-anchor", file.to_str().unwrap()]);
        json["status"].as_str().unwrap().to_owned()
    };
    for kind in ["anchor", "ds"] {
        assert_eq!(with(".", kind, "alice@example.test"), "secure");
        assert_eq!(with("test.", kind, "alice@example.test"), "secure");
        assert_eq!(with("island.test.", kind, "alice@island.test"), "secure");
        assert_eq!(with("island.test.", kind, "alice@example.test"), "unreachable");
        assert_eq!(with("rsa.test.", kind, "alice@rsa.test"), "secure");
    }
    assert_eq!(state("alice@island.test").0, "insecure");
    let wrong = world.tree.path("wrong.key");
    let text = std::fs::read_to_string(world.tree.anchor_of("rsa.test.", "ds")).unwrap();
    std::fs::write(&wrong, text.replace("rsa.test.", "example.test.")).unwrap();
    let (_, json) = dane_smime(&["lookup", "alice@example.test", "--trust-anchor", wrong.to_str().unwrap()]);
    assert_eq!(
        (json["status"].as_str(), json["dnssec"]["defect"].as_str()),
        (Some("bogus"), Some("keys-not-trusted"))
    );
    // No zone above is blamed, and what can be done is said.
    let reason = json["reason"].as_str().unwrap();
    assert!(reason.contains("this program trusts") && reason.contains("`trust-anchor`"), "{reason}");
}

#[test]
fn limits_of_what_is_checked() {
    assert_eq!(state("alice@ed448.test").0, "insecure");
    assert_eq!(state("alice@slow.test").0, "secure");
    // As slow as a zone can be signed; what is slower is among the worlds.
    assert_eq!(state("nobody@slow.test").0, "absent");
}

#[test]
fn the_certificate_comes_from_the_record() {
    let (_, json) = dane_smime(&["lookup", "alice@example.test"]);
    let world = &*WORLD;
    assert_eq!(json["owner_name"], owner("alice@example.test").as_str());
    assert_eq!(json["records"][0]["data"], hex::encode(&world.alice.der).as_str());
    let certificate = &json["certificates"][0];
    assert_eq!(certificate["sha256"], hex::encode(openssl::sha::sha256(&world.alice.der)).as_str());
    assert_eq!(
        (certificate["can_sign"].as_bool(), certificate["can_encrypt"].as_bool()),
        (Some(true), Some(true))
    );
    assert!(certificate["pem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn people_read_who_and_what_was_proved_and_by_whom() {
    let said = text(&["lookup", "alice@example.test"]);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    assert_eq!(lines[0], "alice@example.test: secure");
    assert_eq!(lines[1], "example.test publishes a certificate for this address, and DNSSEC proves it.");
    let chain: Vec<&str> =
        lines.iter().skip_while(|l| !l.starts_with("proven by")).take(3).copied().collect();
    assert!(chain[0].contains("the DNS root, key ") && chain[0].ends_with("(ECDSA P-256)"), "{said}");
    assert!(chain[1].starts_with("test, key ") && chain[1].ends_with("(RSA with SHA-256)"), "{said}");
    assert!(chain[2].starts_with("example.test, key "), "{said}");
    let digest = hex::encode(openssl::sha::sha256(&WORLD.alice.der));
    assert!(said.contains(&format!("SHA-256 {digest}")), "{said}");
    assert!(lines.iter().any(|line| line.contains("Z to 2")), "its dates: {said}");
    assert!(said.contains("can be used to encrypt"), "{said}");
    let said = text(&["lookup", "alice@expired.test"]);
    assert!(said.contains("this computer's clock is wrong"), "{said}");
    assert!(said.contains("failed at   expired.test. DNSKEY"), "{said}");
    let said = text(&["lookup", "alias@example.test"]);
    assert!(said.contains(&format!("alias of    {}", owner("alice@example.test"))), "{said}");
    let foreign = "cannot be used to verify signatures: it names alice@example.test and not this address";
    assert!(said.contains(foreign) && said.contains("can be used to encrypt"), "{said}");
    let said = text(&["lookup", "vouched@example.test"]);
    assert!(said.contains("cannot be used to encrypt: it needs a certificate authority's word"), "{said}");
    let said = text(&["lookup", "anyone@wild.example.test"]);
    assert!(said.contains("it stands for all addresses"), "{said}");
}

#[test]
fn proven_records_that_give_nothing_say_why() {
    for (local, word) in [("late", "expired"), ("digest", "digest"), ("odd", "unknown certificate usage")] {
        let (exit, json) = dane_smime(&["lookup", &format!("{local}@example.test")]);
        assert_eq!((exit, json["status"].as_str()), (0, Some("secure")), "{local}");
        assert!(json["reason"].as_str().unwrap().contains(word), "{local}: {}", json["reason"]);
    }
    let (_, json) = dane_smime(&["lookup", "two@example.test"]);
    assert_eq!(
        (json["records"].as_array().unwrap().len(), json["certificates"].as_array().unwrap().len()),
        (2, 1)
    );
}

#[test]
fn unproven_data_is_never_shown() {
    for address in ["alice@unsigned.test", "alice@broken.test", "alice@changed.test", "alice@expired.test"] {
        let (_, json) = dane_smime(&["lookup", address]);
        assert_eq!(
            (&json["records"], &json["certificates"]),
            (&Value::Array(vec![]), &Value::Array(vec![])),
            "{address}"
        );
    }
}

#[test]
fn other_spellings_are_tried_only_where_allowed_and_after_a_proven_no() {
    assert_eq!(state("Alice+news@example.test"), ("absent".to_owned(), 1));
    let with = |address: &str| dane_smime(&["lookup", address, "--other-spellings"]);
    let (exit, json) = with("Alice+news@example.test");
    assert_eq!((exit, json["other_spelling"].as_str()), (0, Some("alice@example.test")));
    let (_, json) = with("alice@example.test");
    assert_eq!((json["status"].as_str(), json["other_spelling"].as_str()), (Some("secure"), None));
    // What is not proven absent is not guessed away.
    assert_eq!(with("Alice+news@expired.test").1["status"], "bogus");
}

#[test]
fn several_addresses_give_an_array_and_the_worst_status() {
    let (exit, json) =
        dane_smime(&["lookup", "alice@example.test", "nobody@example.test", "alice@broken.test"]);
    let states: Vec<_> = json.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!((states, exit), (vec!["secure", "absent", "bogus"], 3));
}

#[test]
fn without_a_way_to_the_name_nothing_is_said() {
    let world = &*WORLD;
    let anchor = world.tree.anchor_of("example.test.", "anchor");
    let (exit, json) = dane_smime(&["lookup", "alice@rsa.test", "--trust-anchor", anchor.to_str().unwrap()]);
    // The anchor of example.test says nothing of rsa.test.
    assert_eq!((exit, json["status"].as_str()), (4, Some("unreachable")));
    let nobody = signed_tree::ports::free_port().to_string();
    let (exit, json) = dane_smime(&["lookup", "alice@rsa.test", "--resolver", &nobody]);
    assert_eq!((exit, json["status"].as_str()), (4, Some("unreachable")));
}

#[test]
fn signatures_are_judged_by_the_clock_that_is_given() {
    for (at, defect) in
        [("2020-01-15T00:00:00Z", "signature-not-yet-valid"), ("2040-01-15T00:00:00Z", "signature-expired")]
    {
        let (_, json) = dane_smime(&["lookup", "alice@example.test", "--dnssec-at", at]);
        assert_eq!((&json["status"], &json["dnssec"]["defect"]), (&"bogus".into(), &defect.into()));
        assert!(json["reason"].as_str().unwrap().contains("this computer's clock is wrong"), "{json}");
    }
    let (_, json) = dane_smime(&["lookup", "alice@expired.test", "--dnssec-at", "2020-01-15T00:00:00Z"]);
    assert_eq!(json["status"], "bogus", "its parent's signatures had not begun");
}

#[test]
fn what_record_prints_is_what_lookup_finds() {
    let world = &*WORLD;
    let file = world.tree.path("alice.pem");
    std::fs::write(&file, &world.alice.pem).unwrap();
    let file = file.to_str().unwrap();
    let (exit, json) = dane_smime(&["record", "alice@example.test", "--cert", file]);
    assert_eq!(exit, 0);
    let hex = hex::encode(&world.alice.der);
    let name = owner("alice@example.test");
    assert_eq!(json["lines"][0], format!("{name} IN SMIMEA 3 0 0 {hex}"));
    assert_eq!(json["lines"][1], format!("{name} IN TYPE53 \\# {} 030000{hex}", world.alice.der.len() + 3));
    let (exit, json) = dane_smime(&["record", "bob@example.test", "--cert", file]);
    assert_eq!((exit, json["error"]["code"].as_str()), (2, Some("certificate-does-not-fit")));
    let (exit, _) = dane_smime(&["record", "bob@example.test", "--cert", file, "--force"]);
    assert_eq!(exit, 0);
    let (_, json) = dane_smime(&["record", "alice@example.test", "--cert", file, "--profile", "guide-2014"]);
    assert!(json["lines"][0].as_str().unwrap().contains(" IN TYPE65444 \\# "));
}

#[test]
fn record_check_compares_the_dns_with_the_keys_held() {
    let world = &*WORLD;
    let file = world.tree.path("alice-with-key.pem");
    let key = world.alice.key.private_key_to_pem_pkcs8().unwrap();
    std::fs::write(&file, [&world.alice.pem[..], &key].concat()).unwrap();
    let unlock = world.tree.path("unlock");
    std::fs::write(&unlock, "0123456789abcdef0123456789abcdef").unwrap();
    let keys = world.tree.path("keys");
    let store = ["--unlock-file", unlock.to_str().unwrap(), "--data-dir", keys.to_str().unwrap()];
    let run = |words: &[&str]| dane_smime(&[words, &store[..]].concat());
    let (exit, json) = run(&["record", "check", "alice@example.test"]);
    assert_eq!((exit, json["error"]["code"].as_str()), (1, Some("no-such-key")));
    assert_eq!(run(&["key", "import", file.to_str().unwrap()]).0, 0);
    let (exit, json) = run(&["record", "check", "alice@example.test"]);
    assert_eq!(
        (exit, json["live"].as_bool(), json["keys"][0]["published"].as_bool()),
        (0, Some(true), Some(true))
    );
    // The key that follows is chosen and not yet published.
    assert_eq!(run(&["key", "generate", "--address", "alice@example.test", "--algorithm", "p-256"]).0, 0);
    let (_, keys) = run(&["key", "list"]);
    let mut names = keys.as_array().unwrap().iter().map(|key| key["sha256"].as_str().unwrap());
    let next = names.find(|name| *name != hex::encode(openssl::sha::sha256(&world.alice.der))).unwrap();
    assert_eq!(
        run(&["key", "select", "--address", "alice@example.test", "--sign", next, "--encrypt", next]).0,
        0
    );
    let (exit, json) = run(&["record", "check", "alice@example.test"]);
    assert_eq!((exit, json["live"].as_bool(), json["status"].as_str()), (1, Some(false), Some("secure")));
    assert_eq!(run(&["key", "generate", "--address", "textonly@example.test", "--algorithm", "p-256"]).0, 0);
    assert_eq!(run(&["record", "check", "textonly@example.test"]).0, 1);
    // What cannot be proven is not said to be missing.
    assert_eq!(run(&["key", "generate", "--address", "alice@expired.test", "--algorithm", "p-256"]).0, 0);
    let said = text(&[&["record", "check", "alice@expired.test"], &store[..]].concat());
    assert!(said.contains("cannot be told") && !said.contains("NOT published"), "{said}");
}

/// The owner of a domain has the certificates of its users, and no keys.
#[test]
fn record_check_compares_the_dns_with_a_certificate() {
    let world = &*WORLD;
    let alice = world.tree.path("alice-alone.pem");
    std::fs::write(&alice, &world.alice.pem).unwrap();
    let other = world.tree.path("alice-other.pem");
    std::fs::write(&other, certificates::certificate("alice@example.test", 0, 400).pem).unwrap();
    let authority = world.tree.path("authority.pem");
    std::fs::write(&authority, &world.staff[2]).unwrap();
    let staff = world.tree.path("staff-own.pem");
    std::fs::write(&staff, &world.staff[1]).unwrap();
    for (address, file, exit, status, published, others) in [
        ("alice@example.test", &alice, 0, "secure", true, 0),
        ("alice@example.test", &other, 1, "secure", false, 1),
        ("staff@example.test", &authority, 0, "secure", true, 0),
        ("staff@example.test", &staff, 1, "secure", false, 1),
        ("nobody@example.test", &alice, 1, "absent", false, 0),
        ("alice@expired.test", &alice, 3, "bogus", false, 0),
    ] {
        let (found, json) = dane_smime(&["record", "check", address, "--cert", file.to_str().unwrap()]);
        let read = (json["status"].as_str(), json["published"].as_bool(), json["other_records"].as_u64());
        assert_eq!((found, read), (exit, (Some(status), Some(published), Some(others))), "{address}: {json}");
    }
    let file = alice.to_str().unwrap();
    let said = text(&["record", "check", "alice@example.test", "--cert", file]);
    assert!(said.contains("  published\n"), "{said}");
    for option in ["--force", "--form=smimea", "--well-known=."] {
        let (exit, json) = dane_smime(&["record", "check", "alice@example.test", "--cert", file, option]);
        assert_eq!((exit, json["error"]["code"].as_str()), (2, Some("bad-request")), "{option}");
    }
}

/// A domain may name its own authority instead of each certificate (RFC 6698 section 2.1.1, usage 2).
#[test]
fn record_check_knows_the_record_of_an_authority() {
    let world = &*WORLD;
    let [key, own, authority] = &world.staff;
    let unlock = world.tree.path("unlock-staff");
    std::fs::write(&unlock, "0123456789abcdef0123456789abcdef").unwrap();
    for (folder, parts, exit) in [("whole", vec![key, own, authority], 0), ("bare", vec![key, own], 1)] {
        let file = world.tree.path(&format!("staff-{folder}.pem"));
        std::fs::write(&file, parts.into_iter().cloned().collect::<Vec<_>>().concat()).unwrap();
        let keys = world.tree.path(&format!("keys-{folder}"));
        let store = ["--unlock-file", unlock.to_str().unwrap(), "--data-dir", keys.to_str().unwrap()];
        let run = |words: &[&str]| dane_smime(&[words, &store[..]].concat());
        assert_eq!(run(&["key", "import", file.to_str().unwrap()]).0, 0);
        let (status, json) = run(&["record", "check", "staff@example.test"]);
        assert_eq!((status, json["live"].as_bool()), (exit, Some(exit == 0)), "{folder}: {json}");
        assert_eq!(json["foreign_records"], 0, "the authority's certificate needs no key here: {json}");
    }
}

#[test]
fn the_worked_examples_of_the_2014_guide() {
    let guide = ["--profile", "guide-2014"];
    let run = |words: &[&str]| dane_smime(&[words, &guide[..]].concat());
    let (exit, json) = run(&["lookup", "sample@example.org"]);
    let name = "9003e374bc726550c2c289447fd0533160f875709386dfa377bfd41c._smimecert.example.org.";
    assert_eq!((exit, json["owner_name"].as_str(), json["status"].as_str()), (0, Some(name), Some("secure")));
    // The guide prints a record with a bare key, and its own reader takes none.
    assert_eq!(json["records"][0]["data"], GUIDE_KEY);
    assert!(json["records"][0]["unusable"].as_str().unwrap().contains("3 0 0"), "{json}");

    let other = ["lookup", "robert@bigbank.com", "--guide-type", "65500"];
    let (exit, json) = run(&other);
    let name = "ecb453d83da2067efeb1243964d2b00aca62a7230c64e39ce69ac555._smimecert.bigbank.com.";
    assert_eq!((exit, json["owner_name"].as_str(), json["status"].as_str()), (0, Some(name), Some("secure")));
    assert_eq!(json["certificates"][0]["can_encrypt"], true);
    assert_eq!(run(&["lookup", "robert@bigbank.com"]).1["status"], "absent");
    let (exit, json) = run(&["lookup", "robert@bigbank.com", "--guide-type", "53"]);
    assert_eq!((exit, json["error"]["code"].as_str()), (2, Some("bad-configuration")));

    let file = WORLD.tree.path("robert.pem");
    std::fs::write(&file, &WORLD.alice.pem).unwrap();
    let (_, json) = run(&[
        "record",
        "robert@bigbank.com",
        "--cert",
        file.to_str().unwrap(),
        "--force",
        "--guide-type",
        "65500",
    ]);
    let line = format!("{name} IN TYPE65500 \\# ");
    assert!(json["lines"][0].as_str().unwrap().starts_with(&line), "{json}");
}

#[test]
fn the_misprint_of_the_2014_guide_is_found() {
    let name = "9003e374bc726550c2c289447fd0533160f875709386dfa377bfd41c._smimecert.example.org.";
    let file = WORLD.tree.path("guide.zone");
    // The guide prints `3008…` for `308…` where it puts the record together: an odd digit too many.
    let misprint = GUIDE_KEY.replacen("308", "3008", 1);
    for record in
        [format!("SMIMEA ( 3 1 0 {misprint} )"), format!("TYPE65444 \\# 297 ( 03 01 00 {misprint} )")]
    {
        std::fs::write(&file, format!("{name} {record}\n")).unwrap();
        let (exit, json) = dane_smime(&["record", "lint", file.to_str().unwrap()]);
        assert_eq!(exit, 1, "{record}: {json}");
    }
}
