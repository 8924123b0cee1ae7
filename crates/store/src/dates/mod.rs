//! Dates as fields and queries read and print them: formats, time zones and date math.
//!
//! A format is one or several alternatives joined by `||`; a text that leaves out smaller units stands for a span, and the
//! caller says which end of it is meant.

mod format;
mod math;
mod pattern;
mod zone;

pub use format::{DateFormat, FormatError};
pub use math::{DateMath, parse_date_math};
pub use zone::{parse_zone, zone_or_utc};

/// The format of date fields that name none.
pub const DEFAULT_FORMAT: &str = "strict_date_optional_time||epoch_millis";
/// The format of `date_nanos` fields that name none.
pub const DEFAULT_NANOS_FORMAT: &str = "strict_date_optional_time_nanos||epoch_millis";

/// Which end of the span that an incomplete date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    First,
    Last,
}
