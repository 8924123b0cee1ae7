//! Time zones by offset (`+08:00`, `-0500`, `+8`) or by name.

use jiff::tz::{Offset, TimeZone};
use watchbell_json::Failure;

/// # Errors
/// `illegal_argument_exception` for what is no time zone.
pub fn parse_zone(text: &str) -> Result<TimeZone, Failure> {
    if matches!(text, "Z" | "UTC" | "GMT" | "UT") {
        return Ok(TimeZone::UTC);
    }
    let bare = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
    if let Some(seconds) = parse_offset(bare) {
        let offset = Offset::from_seconds(seconds).map_err(|_| unknown(text))?;
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(text).map_err(|_| unknown(text))
}

/// The zone, or UTC where none is given.
///
/// # Errors
/// As [`parse_zone`].
pub fn zone_or_utc(text: Option<&str>) -> Result<TimeZone, Failure> {
    text.map_or(Ok(TimeZone::UTC), parse_zone)
}

fn unknown(text: &str) -> Failure {
    if text.starts_with(['+', '-']) || !text.contains('/') {
        return Failure::new("date_time_exception", format!("Invalid ID for region-based ZoneId, invalid format: {text}"));
    }
    Failure::new("zone_rules_exception", format!("Unknown time-zone ID: {text}"))
}

/// `+8`, `+08`, `+0800`, `+08:00`, also with seconds.
pub(super) fn parse_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let parts: Vec<&str> = if digits.contains(':') {
        digits.split(':').collect()
    } else if digits.is_ascii() && matches!(digits.len(), 4 | 6) {
        (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]).collect()
    } else {
        vec![digits]
    };
    let mut seconds = 0;
    for (part, unit) in parts.iter().zip([3600, 60, 1]) {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        seconds += part.parse::<i32>().ok()? * unit;
    }
    (parts.len() <= 3 && seconds <= 18 * 3600).then_some(sign * seconds)
}
