//! Schedules: when a watch is due (spec watcher-parts §2).
//!
//! Pure data and arithmetic. Reading their JSON is the watch crate's; here are the constructors that check the parts, the parts
//! as the canonical form shows them, and [`Schedule::next_after`].

mod calendar;
mod cron;
mod day_time;
mod interval;
mod names;
mod search;
#[cfg(test)]
mod vectors;
mod zoned;

use jiff::Timestamp;

pub use calendar::{Calendar, MonthTimes, Rule, WeekTimes, YearTimes};
pub use cron::{Cron, CronError};
pub use day_time::DayTime;
pub use interval::Interval;
pub use names::{Month, MonthDay, Weekday};

/// When a watch is due. Two intervals that fire alike compare equal, however they were written (`60s` is `1m`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    Interval(Interval),
    Calendar(Calendar),
}

/// A part of a schedule that cannot be: prints as the reason of the exception that [`ScheduleError::kind`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleError {
    IntervalUnit(String),
    IntervalTooShort,
    DayTime(String),
    Hour(i64),
    Minute(i64),
    Weekday(String),
    MonthDay(String),
    Month(String),
    Cron(CronError),
    NoCron,
    /// An interval has no zone.
    ZoneOfInterval,
}

impl ScheduleError {
    /// The exception's name in snake case, as the reference has it where it is known.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            ScheduleError::IntervalTooShort | ScheduleError::Cron(_) => "illegal_argument_exception",
            ScheduleError::IntervalUnit(_)
            | ScheduleError::DayTime(_)
            | ScheduleError::Hour(_)
            | ScheduleError::Minute(_)
            | ScheduleError::Weekday(_)
            | ScheduleError::MonthDay(_)
            | ScheduleError::Month(_)
            | ScheduleError::NoCron
            | ScheduleError::ZoneOfInterval => "parse_exception",
        }
    }
}

impl std::fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ScheduleError::IntervalUnit(text) => {
                write!(f, "unrecognized interval format [{text}]: expected digits and one of [s, m, h, d, w]")
            }
            ScheduleError::IntervalTooShort => write!(f, "interval can't be lower than {} ms", interval::MILLIS_MIN),
            ScheduleError::DayTime(text) => write!(f, "could not parse time [{text}]: expected [noon], [midnight] or [HH:mm]"),
            ScheduleError::Hour(hour) => {
                write!(f, "invalid hour [{hour}]: must be between 0 and 23")
            }
            ScheduleError::Minute(minute) => {
                write!(f, "invalid minute [{minute}]: must be between 0 and 59")
            }
            ScheduleError::Weekday(text) => write!(f, "unknown day of week [{text}]"),
            ScheduleError::MonthDay(text) => write!(f, "invalid month day [{text}]"),
            ScheduleError::Month(text) => write!(f, "unknown month [{text}]"),
            ScheduleError::Cron(error) => error.fmt(f),
            ScheduleError::NoCron => f.write_str("no cron expression found"),
            ScheduleError::ZoneOfInterval => f.write_str("timezone not supported for schedule type [interval]"),
        }
    }
}

impl std::error::Error for ScheduleError {}

impl From<CronError> for ScheduleError {
    fn from(error: CronError) -> ScheduleError {
        ScheduleError::Cron(error)
    }
}

impl Schedule {
    /// The first due time strictly after `after`; an interval counts its grid from `anchor`. `None`: never again.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Interval(interval) => interval.next_after(after, anchor),
            Schedule::Calendar(calendar) => calendar.next_after(after),
        }
    }

    /// The name of its type in the definition.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Schedule::Interval(_) => "interval",
            Schedule::Calendar(calendar) => calendar.rule().kind(),
        }
    }
}
