//! Date math: `now-1d/d`, `2026-11-19||+1M/d`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit, Zoned};
use watchbell_json::Failure;

use super::{DateFormat, Edge};

/// How a date expression is read.
#[derive(Clone, Debug)]
pub struct DateMath<'a> {
    pub format: &'a DateFormat,
    pub now: Timestamp,
    /// Which end is meant of what is rounded or incomplete.
    pub edge: Edge,
    /// For values without an offset and for rounding; never for `now` itself.
    pub zone: TimeZone,
}

/// The instant that a date expression means, to the millisecond.
///
/// # Errors
/// `parse_exception` in the reference's words.
pub fn parse_date_math(text: &str, math: &DateMath<'_>) -> Result<Timestamp, Failure> {
    let (start, operations) = match text.strip_prefix("now") {
        Some(operations) => (to_millis(math.now), operations),
        None => {
            let (date, operations) = text.split_once("||").unwrap_or((text, ""));
            // With operations the date is their first instant; rounding alone makes the end of a span.
            let edge = if operations.is_empty() { math.edge } else { Edge::First };
            let start = math.format.read(date, edge, &math.zone).ok_or_else(|| unreadable(date, math.format))?;
            (to_millis(start), operations)
        }
    };
    apply(start, operations, math)
}

fn to_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(0)).unwrap_or(at)
}

fn unreadable(date: &str, format: &DateFormat) -> Failure {
    let reason = format!("failed to parse date field [{date}] with format [{}]", format.text());
    let cause = Failure::new("date_time_parse_exception", format!("Text '{date}' could not be parsed at index 0"));
    Failure::parse(format!("{reason}: [{reason}]")).caused_by(Failure::illegal_argument(reason).caused_by(cause))
}

fn apply(start: Timestamp, operations: &str, math: &DateMath<'_>) -> Result<Timestamp, Failure> {
    let mut at = start.to_zoned(math.zone.clone());
    let mut rest = operations;
    while let Some(sign) = rest.chars().next() {
        let whole = rest;
        rest = rest.get(sign.len_utf8()..).unwrap_or("");
        let rounds = sign == '/';
        if !matches!(sign, '/' | '+' | '-') {
            return Err(Failure::parse(format!("operator not supported for date math [{operations}]")));
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = match &rest[..digits] {
            "" => 1,
            text => text.parse().map_err(|_| Failure::parse(format!("truncated date math [{operations}]")))?,
        };
        rest = &rest[digits..];
        if rounds && amount != 1 {
            return Err(Failure::parse(format!("rounding `/` can only be used on single unit types [{operations}]")));
        }
        let Some(unit) = rest.chars().next() else {
            return Err(Failure::parse(format!("truncated date math [{operations}]")));
        };
        rest = &rest[unit.len_utf8()..];
        let amount = if sign == '-' { -amount } else { amount };
        let unknown = || Failure::parse(format!("unit [{unit}] not supported for date math [{operations}]"));
        let moved = if rounds { round(&at, unit, math.edge) } else { shift(&at, unit, amount) };
        at = match moved {
            Moved::To(moved) => moved,
            Moved::NoSuchUnit => return Err(unknown()),
            Moved::OutOfRange => return Err(Failure::parse(format!("date math [{whole}] is out of range"))),
        };
    }
    Ok(at.timestamp())
}

enum Moved {
    To(Zoned),
    NoSuchUnit,
    OutOfRange,
}

impl From<Result<Zoned, jiff::Error>> for Moved {
    fn from(moved: Result<Zoned, jiff::Error>) -> Moved {
        moved.map_or(Moved::OutOfRange, Moved::To)
    }
}

fn shift(at: &Zoned, unit: char, amount: i64) -> Moved {
    let span = Span::new();
    let span = match unit {
        'y' => span.try_years(amount),
        'M' => span.try_months(amount),
        'w' => span.try_weeks(amount),
        'd' => span.try_days(amount),
        'h' | 'H' => span.try_hours(amount),
        'm' => span.try_minutes(amount),
        's' => span.try_seconds(amount),
        _ => return Moved::NoSuchUnit,
    };
    match span {
        Ok(span) => Moved::from(at.checked_add(span)),
        Err(_) => Moved::OutOfRange,
    }
}

/// To the first instant of the unit, or to the last millisecond of it.
fn round(at: &Zoned, unit: char, edge: Edge) -> Moved {
    let first = match unit {
        'y' => at.first_of_year().and_then(|day| day.start_of_day()),
        'M' => at.first_of_month().and_then(|day| day.start_of_day()),
        'w' => {
            let back = i64::from(at.weekday().to_monday_zero_offset());
            Span::new().try_days(back).and_then(|span| at.checked_sub(span)).and_then(|day| day.start_of_day())
        }
        'd' => at.start_of_day(),
        'h' | 'H' => at.round(jiff::ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc)),
        'm' => at.round(jiff::ZonedRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Trunc)),
        's' => at.round(jiff::ZonedRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc)),
        _ => return Moved::NoSuchUnit,
    };
    let Ok(first) = first else { return Moved::OutOfRange };
    match edge {
        Edge::First => Moved::To(first),
        Edge::Last => match shift(&first, unit, 1) {
            Moved::To(next) => Moved::from(next.checked_sub(jiff::Span::new().milliseconds(1))),
            other => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::{DEFAULT_FORMAT, parse_zone};

    fn math(text: &str, edge: Edge, zone: &str) -> Result<String, String> {
        let format = DateFormat::parse(DEFAULT_FORMAT).unwrap();
        let now = "2026-11-19T13:14:15.123456Z".parse().unwrap();
        let math = DateMath { format: &format, now, edge, zone: parse_zone(zone).unwrap() };
        parse_date_math(text, &math).map(|at| at.to_string()).map_err(|failure| failure.reason_text().to_owned())
    }

    #[test]
    fn reads_rounds_and_shifts() {
        for (text, edge, zone, expected) in [
            ("now", Edge::First, "UTC", "2026-11-19T13:14:15.123Z"),
            ("now", Edge::Last, "+08:00", "2026-11-19T13:14:15.123Z"),
            ("now-1d/d", Edge::First, "UTC", "2026-11-18T00:00:00Z"),
            ("now/d", Edge::Last, "UTC", "2026-11-19T23:59:59.999Z"),
            ("2026-11-19T12:00:00||/d+1h", Edge::First, "+08:00", "2026-11-18T17:00:00Z"),
            ("2026-11-19||/w", Edge::First, "UTC", "2026-11-16T00:00:00Z"),
            ("2026-01-31||+1M", Edge::First, "UTC", "2026-02-28T00:00:00Z"),
            ("2026-11-19", Edge::Last, "UTC", "2026-11-19T23:59:59.999Z"),
            ("2026-11-19||+1d", Edge::Last, "UTC", "2026-11-20T00:00:00Z"),
            ("now/M", Edge::Last, "UTC", "2026-11-30T23:59:59.999Z"),
        ] {
            assert_eq!(math(text, edge, zone).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_say_what_the_reference_says() {
        for (text, reason) in [
            ("now-1x", "unit [x] not supported for date math [-1x]"),
            ("now1d", "operator not supported for date math [1d]"),
            ("now/2d", "rounding `/` can only be used on single unit types [/2d]"),
            ("now-", "truncated date math [-]"),
        ] {
            assert_eq!(math(text, Edge::First, "UTC"), Err(reason.to_owned()));
        }
        assert!(math("19/11/2026", Edge::First, "UTC").unwrap_err().starts_with("failed to parse date field [19/11/2026] with format [strict_"));
    }
}
