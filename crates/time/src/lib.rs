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

/// Milliseconds since the epoch.
#[must_use]
pub fn epoch_millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The instant as nanoseconds since the epoch, clamped to what 64 bits hold (the years 1677 to 2262): what
/// `Json::Time` carries.
#[must_use]
pub fn epoch_nanos(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}
