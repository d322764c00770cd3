//! Time as a value that is handed in, so that any moment can be tested.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The moment `seconds` after (or, negative, before) the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This moment moved by `seconds`; stays at the end of the range instead of wrapping.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// `YYYYMMDDHHMMSSZ` in UTC, as ASN.1's GeneralizedTime writes it; the epoch for a year that has
    /// no four digits.
    pub fn to_asn1(self) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        moment
            .format(format_description!("[year][month][day][hour][minute][second]Z"))
            .unwrap_or_else(|_| "19700101000000Z".to_owned())
    }

    /// Parses an RFC 3339 time such as `2026-11-22T10:00:00Z`. Fractions of a second are dropped.
    ///
    /// # Errors
    /// [`NotRfc3339`] when the text is anything else.
    pub fn parse_rfc3339(text: &str) -> Result<Self, NotRfc3339> {
        OffsetDateTime::parse(text, &Rfc3339).map(|t| Self(t.unix_timestamp())).map_err(|_| NotRfc3339)
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC; a moment outside the years 0 to 9999 is shown as seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match OffsetDateTime::from_unix_timestamp(self.0).map(|t| t.format(&Rfc3339)) {
            Ok(Ok(text)) => f.write_str(&text),
            _ => write!(f, "@{}", self.0),
        }
    }
}

/// The text is no RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2026-11-22T10:00:00Z")]
pub struct NotRfc3339;

/// Where the present moment comes from.
pub trait Clock: Send + Sync {
    /// The moment to judge by.
    fn now(&self) -> UnixTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still (`--at`, `--dnssec-at`, tests).
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub UnixTime);

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trip() {
        let moment = UnixTime::parse_rfc3339("2026-11-22T10:00:00+01:00").unwrap();
        assert_eq!(moment.to_string(), "2026-11-22T09:00:00Z");
        assert_eq!(moment.to_asn1(), "20261122090000Z");
        assert_eq!(UnixTime::parse_rfc3339("yesterday"), Err(NotRfc3339));
    }
}
