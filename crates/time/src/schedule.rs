//! Schedules: when a watch is due (spec watcher-parts §2).

use jiff::Timestamp;

/// When a watch is due. Two schedules that fire alike compare equal, however they were written (`60s` is `1m`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    Interval(Interval),
}

/// Every so often, on a fixed grid from an anchor.
#[derive(Clone, Debug)]
pub struct Interval {
    /// At least 1000.
    pub millis: i64,
    /// As it prints: digits and one of `s m h d w`.
    pub text: String,
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.millis == other.millis
    }
}

impl Schedule {
    /// The first due time strictly after `after`; an interval counts its grid from `anchor`. `None`: never again.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Interval(interval) => interval.next_after(after, anchor),
        }
    }
}

impl Interval {
    fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        let (after, anchor) = (after.as_millisecond(), anchor.as_millisecond());
        let slots = (after - anchor).div_euclid(self.millis) + 1;
        Timestamp::from_millisecond(anchor.checked_add(slots.checked_mul(self.millis)?)?).ok()
    }
}
