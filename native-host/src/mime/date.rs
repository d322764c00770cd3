//! The moment that a date field names, as mail programs read it: in the form of RFC 5322 section 3.3, and in whichever
//! other they make sense of. One that only some could read would hide from the others when a mail says that it was written.
//!
//! # Limitations
//! Names of zones are not looked at: such a moment may be off by some hours. Without a time of day it is noon.

use time::{Date, Month, Time};

use crate::clock::UnixTime;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a date: `Sat, 28 Nov 2026 10:00:00 +0100`, `Sat Nov 28 10:00 2026`, `28-Nov-26`, `11/28/2026`, `2026-11-28` …
pub fn read(text: &str) -> Option<UnixTime> {
    let (mut month, mut numbers, mut clock, mut zone) = (None, Vec::new(), None, 0);
    let text = without_comments(text);
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | 'T')).filter(|w| !w.is_empty()) {
        if let Some(seconds) = offset(word) {
            zone = seconds;
        } else if word.contains(':') {
            clock = clock.or_else(|| time_of_day(word));
        } else {
            for piece in word.split(['-', '/', '.']) {
                numbers.extend(piece.parse::<u16>());
                month = month.or_else(|| named_month(piece));
            }
        }
    }
    let (year, month, day) = match (month, numbers.as_slice()) {
        (Some(month), [year @ 32..=u16::MAX, day, ..] | [day, year, ..]) => (*year, month, *day),
        (None, [year @ 32..=u16::MAX, month, day, ..] | [month, day, year, ..]) => {
            (*year, u8::try_from(*month).ok()?, *day)
        }
        _ => return None,
    };
    let century = match year {
        0..50 => 2000,
        50..1000 => 1900, // RFC 5322 section 4.3
        _ => 0,
    };
    let month = Month::try_from(month).ok()?;
    let date =
        Date::from_calendar_date(i32::from(year).checked_add(century)?, month, u8::try_from(day).ok()?);
    let moment = date.ok()?.with_time(clock.unwrap_or(Time::from_hms(12, 0, 0).ok()?)).assume_utc();
    moment.unix_timestamp().checked_sub(zone).map(UnixTime::from_seconds)
}

/// `+0100` in seconds.
fn offset(word: &str) -> Option<i64> {
    let (sign, digits) =
        word.strip_prefix('+').map(|digits| (1, digits)).or(word.strip_prefix('-').map(|d| (-1, d)))?;
    let number =
        digits.parse::<i64>().ok().filter(|_| digits.len() == 4 && !digits.starts_with(['+', '-']))?;
    number.checked_div(100)?.checked_mul(60)?.checked_add(number % 100)?.checked_mul(60 * sign)
}

/// `10:00` or `10:00:00`, and what may follow.
fn time_of_day(word: &str) -> Option<Time> {
    let number = |part: &str| {
        let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u8>().ok()
    };
    let mut parts = word.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0));
    Time::from_hms(hour, minute, second.min(59)).ok() // a leap second
}

fn named_month(word: &str) -> Option<u8> {
    let begin = word.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find_map(|(number, name)| (name == begin).then_some(number))
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let outside = text.chars().map(|c| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => return c,
            _ => {}
        }
        ' '
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_mail_programs_read_them() {
        let noon = Some("2024-01-02T12:00:00Z");
        let ten = Some("2024-01-02T10:30:00Z");
        for (text, expected) in [
            ("Tue, 2 Jan 2024 10:30:00 +0000", ten),
            ("Tue, 2 Jan 2024 05:30:00 -0500 (EST)", ten),
            ("2 Jan 2024 10:30 GMT", ten),
            ("(x (y)) Tue , 02 jan 24 10:30:00Z", ten),
            ("Tue Jan  2 10:30:00 2024", ten),
            ("Tue Jan  2 10:30:00 GMT 2024", ten),
            ("2024-01-02T10:30:00Z", ten),
            ("2024-01-02 12:00:00 +0130", ten),
            ("1/2/2024 10:30", ten),
            ("2-January-24", noon),
            ("2024/01/02", noon),
            ("Tue, 2 Jan 124 12:00:60 +0000", Some("2024-01-02T12:00:59Z")),
            ("Tue, 2 Jan 1999 12:00:00 +0000", Some("1999-01-02T12:00:00Z")),
            ("", None),
            ("x", None),
            ("Tue, 32 Jan 2024", None),
            ("2 Jan", None),
            ("10:30", None),
            ("99999999999 Jan 99999999999", None),
        ] {
            assert_eq!(read(text).map(|moment| moment.to_string()).as_deref(), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(any: String, like in "[-+/:,0-9A-Za-z ()]{0,40}") {
            let _ = (read(&any), read(&like));
        }
    }
}
