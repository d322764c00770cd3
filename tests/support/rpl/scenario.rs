//! Reads a `.rpl` file.

use super::records::{Record, parse_record};

/// One file.
pub struct Scenario {
    pub title: String,
    /// Zone-file lines of DS and DNSKEY records.
    pub anchors: Vec<String>,
    /// `val-override-date`, as seconds since 1970.
    pub clock: Option<i64>,
    /// What the name servers say.
    pub entries: Vec<Entry>,
    pub checks: Vec<Check>,
}

/// One prepared answer.
#[derive(Clone, Default)]
pub struct Entry {
    /// The steps during which it stands.
    pub steps: (u32, u32),
    pub matches: Vec<String>,
    pub flags: Vec<String>,
    pub name: String,
    pub record_type: String,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
}

/// A question and what is expected of it.
pub struct Check {
    pub step: u32,
    pub name: String,
    pub record_type: String,
    pub query_flags: Vec<String>,
    pub reply_flags: Vec<String>,
}

impl Entry {
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    fn asks_what(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.record_type == other.record_type
    }
}

impl Scenario {
    /// Reads one file; fails with the line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scenario =
            Self { title: String::new(), anchors: vec![], clock: None, entries: vec![], checks: vec![] };
        let mut steps = (0, u32::MAX);
        let mut step: Option<(u32, String)> = None;
        let mut questions: Vec<(u32, Entry)> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let content = without_comment(line);
            let words: Vec<&str> = content.split_whitespace().collect();
            match words.first().copied().unwrap_or_default() {
                "trust-anchor:" => scenario.anchors.push(quoted(content)),
                "val-override-date:" => scenario.clock = date(&quoted(content)),
                "val-override-timestamp:" => scenario.clock = quoted(content).parse().ok(),
                "SCENARIO_BEGIN" => scenario.title = words[1..].join(" "),
                "RANGE_BEGIN" => steps = (number(&words, 1)?, number(&words, 2)?),
                "RANGE_END" => steps = (0, u32::MAX),
                "STEP" => step = Some((number(&words, 1)?, words.get(2).unwrap_or(&"").to_string())),
                "ENTRY_BEGIN" => {
                    let mut entry = read_entry(&mut lines)?;
                    entry.steps = steps;
                    match step.take() {
                        None => scenario.entries.push(entry),
                        Some((number, kind)) if kind == "QUERY" => questions.push((number, entry)),
                        Some((_, kind)) if kind == "CHECK_ANSWER" => {
                            // Several questions may be under way; an answer names the one it is to.
                            let same = |asked: &Entry| asked.asks_what(&entry);
                            let at = questions.iter().position(|(_, asked)| same(asked)).unwrap_or(0);
                            if at < questions.len() {
                                let (step, asked) = questions.remove(at);
                                scenario.checks.push(Check {
                                    step,
                                    name: asked.name,
                                    record_type: asked.record_type,
                                    query_flags: asked.flags,
                                    reply_flags: entry.flags,
                                });
                            }
                        }
                        Some(_) => {}
                    }
                }
                _ => {}
            }
        }
        Ok(scenario)
    }
}

fn number(words: &[&str], at: usize) -> Result<u32, String> {
    words.get(at).and_then(|word| word.parse().ok()).ok_or_else(|| words.join(" "))
}

fn read_entry<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let mut section = String::new();
    for line in lines {
        let content = without_comment(line);
        let words: Vec<&str> = content.split_whitespace().collect();
        match words.first().copied().unwrap_or_default() {
            "" | "ADJUST" => {}
            "ENTRY_END" => break,
            "MATCH" => entry.matches.extend(words[1..].iter().map(ToString::to_string)),
            "REPLY" => entry.flags.extend(words[1..].iter().map(ToString::to_string)),
            "SECTION" => section = words[1].to_owned(),
            _ if section == "QUESTION" => {
                entry.name = words[0].to_owned();
                entry.record_type = words.last().unwrap().to_string();
            }
            _ => {
                let record = parse_record(content).ok_or_else(|| content.to_owned())?;
                match section.as_str() {
                    "ANSWER" => entry.answer.push(record),
                    "AUTHORITY" => entry.authority.push(record),
                    _ => entry.additional.push(record),
                }
            }
        }
    }
    Ok(entry)
}

/// Cuts at `;` unless it stands in quotes.
fn without_comment(line: &str) -> &str {
    let mut inside = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => inside = !inside,
            ';' if !inside => return line[..at].trim(),
            _ => {}
        }
    }
    line.trim()
}

/// What is in quotes; without any, all of it.
fn quoted(line: &str) -> String {
    let value = line.split_once(':').unwrap().1.trim();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inside = quote.and_then(|quote| value.split(quote).nth(1)).unwrap_or(value);
    inside.trim().to_owned()
}

/// `YYYYMMDDHHMMSS` in UTC.
pub fn date(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(8..10)?, number(10..12)?, number(12..14)?);
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date =
        time::Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp() + hour * 3600 + minute * 60 + second)
}
