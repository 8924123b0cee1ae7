//! Instants, Elasticsearch's time units, dates and date math, the schedules, and the two ports [`Clock`] and [`Entropy`].
//!
//! Invariants: nothing here reads the system's clock or its randomness; the shell hands both in. Calendar arithmetic is jiff's.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod clock;
pub mod date;
pub mod date_math;
pub mod duration;
mod entropy;
pub mod index_name;
pub mod schedule;
mod zone;

pub use clock::{Clock, ManualClock, Sleep};
pub use entropy::{Entropy, SeededEntropy, uuid_v4};
/// An instant, to the nanosecond.
pub use jiff::Timestamp;
/// The rules of a time zone; named ones are found by [`Zone::parse`].
pub use jiff::tz::TimeZone;
pub use zone::{Zone, ZoneError};

/// Milliseconds since the epoch, rounded down also before it, as Java's `Instant.toEpochMilli` does.
#[must_use]
pub fn epoch_millis(at: Timestamp) -> i64 {
    // The years -9999 to 9999 that an instant can have fit by far.
    i64::try_from(at.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The instant as nanoseconds since the epoch, clamped to what 64 bits hold (the years 1677 to 2262): what
/// `Json::Time` carries.
#[must_use]
pub fn epoch_nanos(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_round_down() {
        for (nanos, millis) in [(0, 0), (999_999, 0), (1_000_000, 1), (-1, -1), (-1_000_000, -1), (-1_000_001, -2)] {
            assert_eq!(epoch_millis(Timestamp::from_nanosecond(nanos).unwrap()), millis, "{nanos}");
        }
        assert_eq!(epoch_millis(Timestamp::MIN), Timestamp::MIN.as_millisecond());
    }
}
