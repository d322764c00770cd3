//! Small signed worlds written as text: what the name servers say, what is asked, and the verdict.
//!
//! ```text
//! ## what the case is about
//! zones a.test. b.test.(unsigned)       `.` and `test.` are always there
//! anchors a.test. b.test.(385)          zones with an anchor beside the root, and its flags
//! nsec3 5 aabb                          iterations and salt of the hashes below
//! ask x.a.test. SMIMEA bogus            and: unbound=secure, where a referee is known to differ
//! reply x.a.test. SMIMEA NXDOMAIN
//! authority w.a.test. NSEC z.test. A    @ by=test. labels=2
//! ```
//! Every set is signed by the deepest zone that holds it (`@` changes that, see [`line_quirks`]). Keys,
//! DS records and denials of DS need no lines: a zone's DNSKEY, its DS or the denial of it, and for
//! every other name an NSEC of its own are answered unless a `reply` says otherwise.
//! In records `{h NAME}` is the NSEC3 hash of a name, `{h- NAME}` and `{h+ NAME}` its neighbours,
//! `{dnskey ZONE FLAGS}` and `{ds ZONE FLAGS ALGORITHM DIGEST}` the data of those records, and
//! `{twin ZONE}` that of another DNSKEY with the same tag.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::BASE32HEX_NOPAD;

use super::forwarder::Reply;
use super::records::{Record, name, parse_record, type_number};
use super::signer::{DNSKEY, DS, Keys, Quirks, RRSIG, key_tag, nsec3_hash};

/// One world.
pub struct World {
    pub title: String,
    pub asks: Vec<Ask>,
    /// Zone-file lines of the keys that are trusted, the root's first.
    pub anchors: String,
    answers: Answers,
}

/// A question and its verdict.
pub struct Ask {
    pub name: String,
    pub record_type: String,
    pub verdict: String,
    /// Referees that are known to say more or less, with what they say.
    pub known: HashMap<String, String>,
}

#[derive(Default)]
struct Answers {
    zones: Vec<Zone>,
    replies: HashMap<(String, u16), Reply>,
}

struct Zone {
    apex: String,
    fate: String,
    keys: Keys,
}

/// A reply that is being read.
#[derive(Default)]
struct Draft {
    question: (String, u16),
    rcode: u8,
    answer: Vec<Line>,
    authority: Vec<Line>,
}

/// A record of a reply, and how it is to be signed.
struct Line {
    record: Record,
    signed: bool,
    aside: bool,
    after_broken: bool,
    after: Option<(String, u16, u8)>,
    capitals: bool,
    by: Option<String>,
    quirks: Quirks,
}

impl World {
    /// All worlds of a text.
    pub fn parse_all(text: &str) -> Vec<Self> {
        text.split("\n## ").skip(1).map(Self::parse).collect()
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let title = lines.next().unwrap().trim().to_owned();
        let mut answers = Answers::default();
        for apex in [".", "test."] {
            answers.zones.push(Zone { apex: apex.into(), fate: String::new(), keys: Keys::make(apex) });
        }
        let (mut iterations, mut salt) = (0, Vec::new());
        let mut asks = Vec::new();
        let mut anchored = vec!["."];
        let mut open: Option<Draft> = None;
        for line in lines.map(|line| line.split(';').next().unwrap().trim()).filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once(' ').unwrap();
            let words: Vec<&str> = rest.split_whitespace().collect();
            match word {
                "zones" => answers.zones.extend(words.iter().map(|word| zone(word))),
                "nsec3" => {
                    iterations = words[0].parse().unwrap();
                    salt = hex::decode(words.get(1).copied().unwrap_or_default()).unwrap();
                }
                "anchors" => anchored.extend(words),
                "ask" => asks.push(ask(&words)),
                "reply" => {
                    answers.close(open.take());
                    let question = (words[0].to_owned(), type_number(words[1]).unwrap());
                    let rcode = words.get(2).map_or(0, |word| rcode(word));
                    open = Some(Draft { question, rcode, ..Draft::default() });
                }
                "answer" | "authority" => {
                    let line = answers.line(rest, iterations, &salt);
                    let draft = open.as_mut().expect("a reply before its records");
                    if word == "answer" { draft.answer.push(line) } else { draft.authority.push(line) }
                }
                other => panic!("{title}: {other}?"),
            }
        }
        answers.close(open);
        let anchors: Vec<String> = anchored.iter().map(|word| answers.anchor(word)).collect();
        Self { title, asks, anchors: anchors.join("\n"), answers }
    }

    /// What answers its questions.
    pub fn server(self) -> impl Fn(&str, u16) -> Reply + Send + Sync + 'static {
        let answers = Arc::new(self.answers);
        move |asked, number| answers.find(asked, number)
    }
}

fn zone(word: &str) -> Zone {
    let (apex, fate) = word.split_once('(').unwrap_or((word, ""));
    Zone { apex: apex.into(), fate: fate.trim_end_matches(')').into(), keys: Keys::make(apex) }
}

fn ask(words: &[&str]) -> Ask {
    let known = words[3..].iter().map(|word| word.split_once('=').unwrap());
    Ask {
        name: words[0].into(),
        record_type: words[1].into(),
        verdict: words[2].into(),
        known: known.map(|(who, what)| (who.to_owned(), what.to_owned())).collect(),
    }
}

fn rcode(word: &str) -> u8 {
    match word {
        "NXDOMAIN" => 3,
        "SERVFAIL" => 2,
        _ => 0,
    }
}

/// `unsigned`, `aside` (the signature stands in the additional section), `by=ZONE`, `labels=N`, `from=SECONDS`, `until=SECONDS`, `signer=NAME`, `alg=N`,
/// `tag=N`, `tagof=FLAGS` (of the key with these flags), `covers=N`, `broken`, `after-broken` (a broken
/// one stands before it), `after=ZONE,FLAGS,ALGORITHM` (before it stands one by that zone's key with these
/// flags, in this one's name), `capitals` (owner and signer are written in capitals), `spare` (the verdict
/// is the same without the record).
fn line_quirks(record: Record, text: &str) -> Line {
    let quirks = Quirks::default();
    let mut line = Line {
        record,
        signed: true,
        aside: false,
        after_broken: false,
        after: None,
        capitals: false,
        by: None,
        quirks,
    };
    let quirks = &mut line.quirks;
    for word in text.split_whitespace() {
        let (what, value) = word.split_once('=').unwrap_or((word, ""));
        match what {
            "unsigned" => line.signed = false,
            "aside" => line.aside = true,
            "by" => line.by = Some(value.to_owned()),
            "labels" => quirks.labels = Some(value.parse().unwrap()),
            "from" => quirks.from = Some(value.parse().unwrap()),
            "until" => quirks.until = Some(value.parse().unwrap()),
            "signer" => quirks.signer = Some(value.to_owned()),
            "alg" => quirks.algorithm = Some(value.parse().unwrap()),
            "tag" => quirks.tag = Some(value.parse().unwrap()),
            "tagof" => quirks.tag_of = Some(value.parse().unwrap()),
            "covers" => quirks.covers = Some(value.parse().unwrap()),
            "broken" => quirks.broken = true,
            "after-broken" => line.after_broken = true,
            "after" => {
                let parts: Vec<&str> = value.split(',').collect();
                line.after = Some((parts[0].into(), parts[1].parse().unwrap(), parts[2].parse().unwrap()));
            }
            "capitals" => (line.capitals, quirks.capitals) = (true, true),
            "spare" => {}
            other => panic!("{other}?"),
        }
    }
    line
}

/// Whether a name lies at or below another.
fn holds(apex: &str, name: &str) -> bool {
    apex == "." || name == apex || name.ends_with(&format!(".{apex}"))
}

impl Answers {
    fn line(&self, text: &str, iterations: u16, salt: &[u8]) -> Line {
        let (text, how) = text.split_once('@').unwrap_or((text, ""));
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').unwrap();
            expanded += before;
            expanded += &self.expand(inside, iterations, salt);
            rest = after;
        }
        expanded += rest;
        let record = parse_record(expanded.trim()).unwrap_or_else(|| panic!("no record: {expanded}"));
        line_quirks(record, how)
    }

    fn expand(&self, macro_text: &str, iterations: u16, salt: &[u8]) -> String {
        let words: Vec<&str> = macro_text.split_whitespace().collect();
        let number = |at: usize, default: u16| words.get(at).map_or(default, |w| w.parse().unwrap());
        let generic = |data: &[u8]| format!("\\# {} {}", data.len(), hex::encode(data));
        let low = |number: u16| u8::try_from(number).unwrap();
        match words[0] {
            "dnskey" => generic(&self.keys(words[1]).dnskey_data(number(2, 257))),
            "ds" => {
                let key = self.keys(words[1]).dnskey_data(number(2, 257));
                let named = [name(words[1]), key.clone()].concat();
                let digest = match number(4, 2) {
                    1 => openssl::sha::sha1(&named).to_vec(),
                    4 => openssl::sha::sha384(&named).to_vec(),
                    _ => openssl::sha::sha256(&named).to_vec(),
                };
                let head = [low(number(3, 13)), low(number(4, 2))];
                generic(&[&key_tag(&key).to_be_bytes()[..], &head, &digest].concat())
            }
            "twin" => generic(&self.keys(words[1]).twin_data()),
            "tag" => key_tag(&self.keys(words[1]).dnskey_data(number(2, 257))).to_string(),
            neighbour => {
                let mut hash = nsec3_hash(words[1], salt, iterations);
                let step: i8 = match neighbour {
                    "h-" => -1,
                    "h+" => 1,
                    _ => 0,
                };
                for octet in hash.iter_mut().rev().take_while(|_| step != 0) {
                    let (next, carried) = octet.overflowing_add_signed(step);
                    *octet = next;
                    if !carried {
                        break;
                    }
                }
                BASE32HEX_NOPAD.encode(&hash).to_ascii_lowercase()
            }
        }
    }

    fn anchor(&self, word: &str) -> String {
        match word.split_once('(') {
            Some((apex, flags)) => {
                let flags = format!("DNSKEY {}", flags.trim_end_matches(')'));
                self.keys(apex).anchor().replace("DNSKEY 257", &flags)
            }
            None => self.keys(word).anchor(),
        }
    }

    fn keys(&self, apex: &str) -> &Keys {
        &self.zones.iter().find(|zone| zone.apex == apex).unwrap_or_else(|| panic!("no zone {apex}")).keys
    }

    /// The deepest zone that holds a name, for DS the one above it.
    fn home(&self, owner: &str, number: u16) -> &Zone {
        let holding =
            |zone: &&Zone| holds(&zone.apex, owner) && (number != DS || zone.apex != owner || owner == ".");
        self.zones.iter().filter(holding).max_by_key(|zone| zone.apex.len()).unwrap()
    }

    fn close(&mut self, draft: Option<Draft>) {
        let Some(Draft { question, rcode, answer, authority }) = draft else { return };
        let mut additional = Vec::new();
        let (answer, authority) =
            (self.signed(answer, &mut additional), self.signed(authority, &mut additional));
        let reply = Reply { rcode, answer, authority, additional };
        self.replies.insert(question, reply);
    }

    /// The records with their signatures, one for each set.
    fn signed(&self, lines: Vec<Line>, aside: &mut Vec<Record>) -> Vec<Record> {
        let mut out: Vec<Record> = lines.iter().map(|line| line.record.clone()).collect();
        let mut done: Vec<(&str, u16)> = Vec::new();
        for line in lines.iter().filter(|line| line.signed) {
            let kind = (line.record.owner.as_str(), line.record.type_number);
            if kind.1 == RRSIG || done.contains(&kind) {
                continue;
            }
            done.push(kind);
            let same =
                lines.iter().filter(|other| (other.record.owner.as_str(), other.record.type_number) == kind);
            let set: Vec<Record> = same.map(|other| other.record.clone()).collect();
            let keys = match (&line.by, self.home(kind.0, kind.1)) {
                (Some(apex), _) => self.keys(apex),
                (None, home) if home.fate == "unsigned" => continue,
                (None, home) => &home.keys,
            };
            let place = if line.aside { &mut *aside } else { &mut out };
            if line.after_broken {
                place.push(keys.sign(&set, &Quirks { broken: true, ..line.quirks.clone() }));
            }
            if let Some((zone, flags, algorithm)) = &line.after {
                let (signer, tag_of, algorithm) = (Some(keys.zone.clone()), Some(*flags), Some(*algorithm));
                let quirks = Quirks { signer, tag_of, algorithm, ..line.quirks.clone() };
                place.push(self.keys(zone).sign(&set, &quirks));
            }
            place.push(keys.sign(&set, &line.quirks));
        }
        for line in lines.iter().filter(|line| line.capitals) {
            for record in out.iter_mut().filter(|record| record.owner == line.record.owner) {
                record.owner.make_ascii_uppercase();
            }
        }
        out
    }

    fn find(&self, asked: &str, number: u16) -> Reply {
        if let Some(reply) = self.replies.get(&(asked.to_owned(), number)) {
            return reply.clone();
        }
        let zone = self.zones.iter().find(|zone| zone.apex == asked);
        match (number, zone) {
            (DNSKEY, Some(zone)) if zone.fate != "unsigned" => {
                let keys = vec![zone.keys.dnskey()];
                let signature = zone.keys.sign(&keys, &Quirks::default());
                Reply { answer: [keys, vec![signature]].concat(), ..Reply::default() }
            }
            (DS, Some(zone)) if zone.fate.is_empty() => {
                let signer = &self.home(asked, DS).keys;
                let set = vec![zone.keys.ds()];
                let signature = signer.sign(&set, &Quirks::default());
                Reply { answer: [set, vec![signature]].concat(), ..Reply::default() }
            }
            (DS, _) => self.no_ds(asked, zone.is_some()),
            _ => Reply { rcode: 2, ..Reply::default() },
        }
    }

    /// An NSEC of the name's own: an unsigned delegation, or an ordinary name.
    fn no_ds(&self, asked: &str, delegation: bool) -> Reply {
        let home = self.home(asked, DS);
        if home.fate == "unsigned" {
            return Reply::default();
        }
        let types = if delegation { "NS RRSIG NSEC" } else { "RRSIG NSEC" };
        let next = format!("\\000.{asked}");
        let soa = format!("{} 60 IN SOA ns.test. h.test. 1 2 3 4 60", home.apex);
        let nsec = format!("{asked} 60 IN NSEC {next} {types}");
        let proof = [soa, nsec].map(|line| parse_record(&line).unwrap());
        let signed = proof.into_iter().flat_map(|record| {
            let signature = home.keys.sign(std::slice::from_ref(&record), &Quirks::default());
            [record, signature]
        });
        Reply { authority: signed.collect(), ..Reply::default() }
    }
}
