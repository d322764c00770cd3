//! How long somebody waits for a request, and how long a person may take to enter a password meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When nobody waits any more. While a person is asked for a password or a PIN the time stands still, for so
/// long as was granted for that; then it runs on, with the window still open.
pub(super) struct Deadline(Mutex<Times>);

impl Deadline {
    /// In `wait` from now, not counting what a person takes, up to `granted` for all questions together.
    pub(super) fn new(wait: Duration, granted: Duration) -> Self {
        Self(Mutex::new(Times::new(Instant::now(), wait, granted)))
    }

    /// How long somebody still waits, if a person takes no more than was granted.
    pub(super) fn remaining(&self) -> Duration {
        self.times().remaining(Instant::now())
    }

    /// Whether the time was over while a person was asked, or would be now.
    pub(super) fn ends_asking(&self) -> bool {
        let times = self.times();
        times.asked.is_some() || times.ended_asking
    }

    /// From now on a person is asked, until what is handed back is dropped.
    pub(super) fn stand_still(&self) -> StandingStill<'_> {
        self.times().asked = Some(Instant::now());
        StandingStill(self)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person is asked.
pub(super) struct StandingStill<'a>(&'a Deadline);

impl Drop for StandingStill<'_> {
    fn drop(&mut self) {
        self.0.times().go_on(Instant::now());
    }
}

struct Times {
    end: Instant,
    /// What is left of the time that a person may take.
    granted: Duration,
    /// Since when a person is asked.
    asked: Option<Instant>,
    ended_asking: bool,
}

impl Times {
    fn new(now: Instant, wait: Duration, granted: Duration) -> Self {
        Self { end: now.checked_add(wait).unwrap_or(now), granted, asked: None, ended_asking: false }
    }

    fn remaining(&self, now: Instant) -> Duration {
        self.end.saturating_duration_since(now).saturating_add(self.taken(now)).saturating_sub(self.late(now))
    }

    /// What the question that is open has taken of the granted time.
    fn taken(&self, now: Instant) -> Duration {
        self.asked.map_or(Duration::ZERO, |since| now.saturating_duration_since(since).min(self.granted))
    }

    /// How far the end lies back, were it not for the question.
    fn late(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.end)
    }

    fn go_on(&mut self, now: Instant) {
        self.ended_asking = self.remaining(now).is_zero();
        let taken = self.taken(now);
        self.end = self.end.checked_add(taken).unwrap_or(self.end);
        self.granted = self.granted.saturating_sub(taken);
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_while_a_person_is_asked_and_no_longer_than_granted() {
        let begin = Instant::now();
        let at = |second: u64| begin + Duration::from_secs(second);
        let left = |times: &Times, second: u64| times.remaining(at(second)).as_secs();
        let mut times = Times::new(begin, Duration::from_secs(30), Duration::from_secs(120));
        assert_eq!([left(&times, 0), left(&times, 10), left(&times, 40)], [30, 20, 0]);
        times.asked = Some(at(10));
        assert_eq!([left(&times, 10), left(&times, 50), left(&times, 130)], [20, 20, 20]);
        assert_eq!([left(&times, 140), left(&times, 150), left(&times, 900)], [10, 0, 0]);
        times.go_on(at(110));
        assert_eq!([left(&times, 110), left(&times, 130)], [20, 0]);
        assert!(!times.ended_asking);
        // Of 120 seconds 100 are gone.
        times.asked = Some(at(115));
        assert_eq!(
            [left(&times, 115), left(&times, 135), left(&times, 140), left(&times, 150)],
            [15, 15, 10, 0]
        );
        times.go_on(at(151));
        assert!(times.ended_asking && times.remaining(at(151)).is_zero());
    }
}
