//! Instants, Elasticsearch's time units, dates and date math, the schedules, and the two ports [`Clock`] and [`Entropy`].
//!
//! Invariants: nothing here reads the system's clock or its randomness; the shell hands both in. Calendar arithmetic is jiff's.

mod clock;
mod entropy;
pub mod schedule;

pub use clock::{Clock, ManualClock, Sleep};
pub use entropy::{Entropy, SeededEntropy, uuid_v4};
/// An instant, to the nanosecond.
pub use jiff::Timestamp;

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
