//! Time zones by the names that Java's `ZoneId` knows: regions, offsets and prefixed offsets.
//!
//! Regions come from the database built into the binary, so that every installation agrees on every due time.

use std::sync::OnceLock;

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// Java refuses offsets beyond this.
const OFFSET_MAX_SECONDS: i32 = 18 * 3600;

/// A time zone with the spelling that answers show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    id: String,
    rules: TimeZone,
}

/// Why a text names no zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneError {
    /// Well formed, but in no database: Java's `zone_rules_exception`.
    Unknown(String),
    /// Not even the form of a region or an offset: Java's `date_time_exception`.
    Malformed(String),
}

impl std::fmt::Display for ZoneError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ZoneError::Unknown(id) => write!(f, "Unknown time-zone ID: {id}"),
            ZoneError::Malformed(id) if id.len() < 2 || id.starts_with(['+', '-']) => {
                write!(f, "Invalid ID for ZoneOffset, invalid format: {id}")
            }
            ZoneError::Malformed(id) => write!(f, "Invalid ID for region-based ZoneId, invalid format: {id}"),
        }
    }
}

impl std::error::Error for ZoneError {}

impl ZoneError {
    /// The exception's name in snake case.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            ZoneError::Unknown(_) => "zone_rules_exception",
            ZoneError::Malformed(_) => "date_time_exception",
        }
    }
}

impl Zone {
    #[must_use]
    pub fn utc() -> Zone {
        Zone { id: "UTC".into(), rules: TimeZone::UTC }
    }

    /// `Europe/London`, `Z`, `+1`, `+01:00`, `GMT+1`, `UTC+02:00`; case does not matter.
    ///
    /// # Errors
    /// [`ZoneError`] where Java has one.
    pub fn parse(text: &str) -> Result<Zone, ZoneError> {
        if text.eq_ignore_ascii_case("z") {
            return Ok(Zone { id: "Z".into(), rules: TimeZone::UTC });
        }
        if text.starts_with(['+', '-']) {
            let seconds = offset_seconds(text).ok_or_else(|| ZoneError::Malformed(text.into()))?;
            return Ok(Zone { id: offset_id(seconds), rules: fixed(seconds) });
        }
        for prefix in ["UTC", "GMT", "UT"] {
            let Some((head, rest)) = text.split_at_checked(prefix.len()) else {
                continue;
            };
            if !head.eq_ignore_ascii_case(prefix) {
                continue;
            }
            if rest.is_empty() {
                return Ok(Zone { id: prefix.into(), rules: TimeZone::UTC });
            }
            if rest.starts_with(['+', '-']) {
                let seconds = offset_seconds(rest).ok_or_else(|| ZoneError::Malformed(text.into()))?;
                let id = if seconds == 0 { prefix.into() } else { format!("{prefix}{}", offset_id(seconds)) };
                return Ok(Zone { id, rules: fixed(seconds) });
            }
        }
        let well_formed =
            text.len() >= 2 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._~+-".contains(&b));
        if !well_formed {
            return Err(ZoneError::Malformed(text.into()));
        }
        let rules = database().get(text).map_err(|_| ZoneError::Unknown(text.into()))?;
        let id = rules.iana_name().unwrap_or(text).to_owned();
        Ok(Zone { id, rules })
    }

    /// The name as answers print it: proper case, offsets as `+01:00`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

fn fixed(seconds: i32) -> TimeZone {
    Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
}

/// `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`, `+hhmmss`.
fn offset_seconds(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?;
    let two = |at: usize| -> Option<i32> {
        let part = digits.get(at..at + 2)?;
        if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let colon = |at: usize| digits.as_bytes().get(at) == Some(&b':');
    let (hours, minutes, seconds) = match digits.len() {
        1 => (digits.parse::<u8>().ok()?.into(), 0, 0),
        2 => (two(0)?, 0, 0),
        4 => (two(0)?, two(2)?, 0),
        5 if colon(2) => (two(0)?, two(3)?, 0),
        6 => (two(0)?, two(2)?, two(4)?),
        8 if colon(2) && colon(5) => (two(0)?, two(3)?, two(6)?),
        _ => return None,
    };
    let total = hours * 3600 + minutes * 60 + seconds;
    (minutes < 60 && seconds < 60 && total <= OFFSET_MAX_SECONDS).then_some(sign * total)
}

/// An offset as Java prints it: `Z`, `+01:00`, `-03:30`, with seconds only if there are any.
pub(crate) fn offset_id(seconds: i32) -> String {
    if seconds == 0 {
        return "Z".into();
    }
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    if rest == 0 { format!("{sign}{hours:02}:{minutes:02}") } else { format!("{sign}{hours:02}:{minutes:02}:{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_normalised() {
        for (text, id) in [
            ("europe/london", "Europe/London"),
            ("+1", "+01:00"),
            ("-0330", "-03:30"),
            ("gmt+1", "GMT+01:00"),
            ("UTC+02:00", "UTC+02:00"),
            ("utc", "UTC"),
            ("Z", "Z"),
            ("+00:00", "Z"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            assert_eq!(Zone::parse(text).map(|zone| zone.id().to_owned()), Ok(id.to_owned()), "{text}");
        }
    }

    #[test]
    fn unknown_and_malformed_names_differ() {
        assert_eq!(Zone::parse("Pangea/Tethys").unwrap_err().to_string(), "Unknown time-zone ID: Pangea/Tethys");
        assert_eq!(Zone::parse("x").unwrap_err().to_string(), "Invalid ID for ZoneOffset, invalid format: x");
        for text in ["", "x", "+", "+1:00", "+19", "+01:60", "a b", "UTC+x", "é", "+é1"] {
            assert_eq!(Zone::parse(text).unwrap_err().kind(), "date_time_exception", "{text}");
        }
    }
}
