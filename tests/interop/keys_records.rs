//! Zone-file lines: read by BIND's and Knot's own tools, linted, taken by a name server over a signed update.

#[path = "../support/command_line.rs"]
mod command_line;

use std::process::Command;

use command_line::Answer;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("unlock"), "a secret of more than thirty-two octets\n").unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn smime(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dane-smime"));
        command.args(["--data-dir", &self.path("data"), "--unlock-file", &self.path("unlock")]);
        command.args(arguments);
        command
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.smime(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The file of a new certificate.
    fn certificate(&self, address: &str, algorithm: &str) -> String {
        let make = ["--json", "key", "generate", "--address", address, "--algorithm", algorithm];
        let row = Answer::of(&mut self.smime(&make)).good();
        self.path(&format!("data/keys/{}.pem", row["sha256"].as_str().unwrap()))
    }

    #[track_caller]
    fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        said.into_owned()
    }
}

const HEAD: &str =
    "$TTL 300\nexample.test. IN SOA ns.test. h.test. 1 2 3 4 5\nexample.test. IN NS ns.test.\n";

#[test]
fn every_form_of_every_record_is_read_by_bind_and_knot() {
    let place = Place::new();
    let certificate = place.certificate("alice@example.test", "rsa-4096");
    let mut zone = HEAD.to_owned();
    let mut wanted = Vec::new();
    for usage in ["0", "1", "2", "3"] {
        for selector in ["0", "1"] {
            for matching in ["0", "1", "2"] {
                let fields = ["--usage", usage, "--selector", selector, "--matching", matching];
                let form = |form: &str| {
                    let fixed =
                        ["record", "alice@example.test", "--cert", &certificate, "--force", "--form", form];
                    place.text(&[&fixed[..], &fields].concat())
                };
                let (smimea, generic) = (form("smimea"), form("generic"));
                // Both forms are one record: a zone has it once.
                zone += &smimea;
                zone += &generic;
                let hex = smimea.lines().next().unwrap().split(' ').next_back().unwrap().to_ascii_uppercase();
                wanted.push(format!("{usage} {selector} {matching} {hex}"));
            }
        }
    }
    std::fs::write(place.path("zone"), zone).unwrap();
    let canonical = place.path("canonical");
    let arguments =
        ["-i", "local", "-D", "-s", "full", "-o", &canonical, "example.test", &place.path("zone")];
    place.tool("named-checkzone", &arguments);
    let text = std::fs::read_to_string(&canonical).unwrap();
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once("SMIMEA"))
        .map(|(_, rdata)| {
            let mut fields = rdata.split_whitespace();
            let head: Vec<&str> = fields.by_ref().take(3).collect();
            format!("{} {}", head.join(" "), fields.collect::<String>())
        })
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    place.tool("kzonecheck", &["-o", "example.test", &place.path("zone")]);
    let lint = place.smime(&["record", "lint", &canonical]).output().unwrap();
    let said = String::from_utf8_lossy(&lint.stdout).into_owned();
    assert!(said.contains("24 record(s) looked at"), "{said}");
}

#[test]
fn lints_are_said_with_the_line_and_a_fault_is_a_clean_negative() {
    let place = Place::new();
    let certificate = place.certificate("alice@example.test", "p-256");
    let line = place.text(&["record", "alice@example.test", "--cert", &certificate, "--form", "smimea"]);
    std::fs::write(place.path("good"), format!("{HEAD}{line}")).unwrap();
    place.text(&["record", "lint", &place.path("good")]);
    // The whole digest as a name, as some guides have it; and a digit lost.
    let whole = hex::encode(openssl::sha::sha256(b"alice"));
    let (_, rest) = line.split_once('.').unwrap();
    let odd = &line.trim_end()[..line.trim_end().len() - 1];
    std::fs::write(place.path("bad"), format!("{HEAD}{whole}.{rest}{odd}\n")).unwrap();
    let answer = Answer::of(&mut place.smime(&["--json", "record", "lint", &place.path("bad")]));
    assert_eq!(answer.status, 1, "{}", answer.said);
    let codes: Vec<&str> = answer.json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["lints"][0]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["name-untruncated", "bad-hex"]);
    assert_eq!(answer.json["records"][0]["line"], 4);
}

#[test]
fn the_https_proposal_is_written_and_marked() {
    let place = Place::new();
    let certificate = place.certificate("alice.liddell@example.test", "p-256");
    let root = place.path("www");
    let address = "alice.liddell@example.test";
    let said = place.text(&["record", address, "--cert", &certificate, "--well-known", &root]);
    assert!(said.contains("no standard"), "{said}");
    assert!(said.contains(
        "alice.liddell._smime.example.test. IN TXT \"https://example.test/.well-known/smime/alice_liddell.crt\""
    ));
    let file = format!("{root}/.well-known/smime/alice_liddell.crt");
    place.tool("openssl", &["x509", "-in", &file, "-noout", "-checkemail", address]);
}
