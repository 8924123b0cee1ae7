//! Date math: `now-1d/d`, `2026-11-19||+1M/d` (spec watcher-parts §1.4).

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::date::{DateError, DateFormat, Rounding};

/// Elasticsearch's dates have milliseconds: a unit rounded up ends that much before the next.
const LAST: i64 = 1;

/// Why an expression yields no instant: prints as the reason of Elasticsearch's `parse_exception`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateMathError {
    /// The anchor is no date; the cause is an `illegal_argument_exception` with the reason of the [`DateError`].
    Date(DateError),
    Empty,
    Operator {
        math: String,
    },
    Truncated {
        math: String,
    },
    Rounding {
        math: String,
    },
    Unit {
        unit: char,
        math: String,
    },
    /// More than 32 bits: a `number_format_exception` in the reference.
    Number {
        digits: String,
    },
}

impl std::fmt::Display for DateMathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DateMathError::Date(error) if error.cause().is_some() => write!(f, "{error}: [{error}]"),
            DateMathError::Date(_) | DateMathError::Empty => f.write_str("cannot parse empty date"),
            DateMathError::Operator { math } => write!(f, "operator not supported for date math [{math}]"),
            DateMathError::Truncated { math } => write!(f, "truncated date math [{math}]"),
            DateMathError::Rounding { math } => write!(f, "rounding `/` can only be used on single unit types [{math}]"),
            DateMathError::Unit { unit, math } => write!(f, "unit [{unit}] not supported for date math [{math}]"),
            DateMathError::Number { digits } => write!(f, "For input string: \"{digits}\""),
        }
    }
}

impl std::error::Error for DateMathError {}

/// The instant that `text` stands for: `now` or a date in `format`, with `||` before the operations of the latter.
///
/// `zone` applies to a date without offset and to calendar units and rounding, never to `now` itself. With [`Rounding::Up`]
/// an incomplete date without operations, and every `/unit`, stand for their last moment.
///
/// # Errors
/// [`DateMathError`], in Elasticsearch's words.
pub fn parse(text: &str, now: Timestamp, format: &DateFormat, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, DateMathError> {
    if let Some(math) = text.strip_prefix("now") {
        return apply(math, now, zone, rounding);
    }
    let date = |text: &str, rounding| {
        if text.is_empty() {
            return Err(DateMathError::Empty);
        }
        format.parse_rounding(text, zone, rounding).map_err(DateMathError::Date)
    };
    match text.split_once("||") {
        None => date(text, rounding),
        Some((anchor, math)) => apply(math, date(anchor, Rounding::Down)?, zone, rounding),
    }
}

/// The operations of an expression, one after the other. Before the year -9999 and after 9999 time stands still.
///
/// # Errors
/// [`DateMathError`], in Elasticsearch's words.
pub fn apply(math: &str, anchor: Timestamp, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, DateMathError> {
    let mut at = anchor;
    let mut rest = math.chars().peekable();
    let truncated = || DateMathError::Truncated { math: math.into() };
    while let Some(operator) = rest.next() {
        if !matches!(operator, '/' | '+' | '-') {
            return Err(DateMathError::Operator { math: math.into() });
        }
        let mut digits = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let symbol = rest.next().ok_or_else(truncated)?;
        let number: i32 = if digits.is_empty() { 1 } else { digits.parse().map_err(|_| DateMathError::Number { digits })? };
        if operator == '/' && number != 1 {
            return Err(DateMathError::Rounding { math: math.into() });
        }
        let unit = Unit::new(symbol).ok_or_else(|| DateMathError::Unit { unit: symbol, math: math.into() })?;
        at = match operator {
            '/' => unit.round(at, zone, rounding).unwrap_or(at),
            '-' => unit.shift(at, -i64::from(number), zone).unwrap_or(Timestamp::MIN),
            _ => unit.shift(at, i64::from(number), zone).unwrap_or(Timestamp::MAX),
        };
    }
    Ok(at)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn new(symbol: char) -> Option<Unit> {
        Some(match symbol {
            'y' => Unit::Year,
            'M' => Unit::Month,
            'w' => Unit::Week,
            'd' => Unit::Day,
            'h' | 'H' => Unit::Hour,
            'm' => Unit::Minute,
            's' => Unit::Second,
            _ => return None,
        })
    }

    fn span(self, count: i64) -> Result<Span, jiff::Error> {
        match self {
            Unit::Year => Span::new().try_years(count),
            Unit::Month => Span::new().try_months(count),
            Unit::Week => Span::new().try_weeks(count),
            Unit::Day => Span::new().try_days(count),
            Unit::Hour => Span::new().try_hours(count),
            Unit::Minute => Span::new().try_minutes(count),
            Unit::Second => Span::new().try_seconds(count),
        }
    }

    /// Hours and less are exact, days and more keep the time of day.
    fn shift(self, at: Timestamp, count: i64, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
        Ok(at.to_zoned(zone.clone()).checked_add(self.span(count)?)?.timestamp())
    }

    fn round(self, at: Timestamp, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, jiff::Error> {
        let local = zone.to_datetime(at);
        let first_of = match self {
            Unit::Year => local.date().first_of_year(),
            Unit::Month => local.date().first_of_month(),
            Unit::Week => local.date().checked_sub(i64::from(local.weekday().to_monday_zero_offset()).days())?,
            Unit::Day => local.date(),
            Unit::Hour => return within_day(at, zone, 3600, rounding),
            Unit::Minute => return within_day(at, zone, 60, rounding),
            Unit::Second => return within_day(at, zone, 1, rounding),
        };
        match rounding {
            Rounding::Down => zone.to_timestamp(midnight(first_of)),
            Rounding::Up => zone.to_timestamp(midnight(first_of.checked_add(self.span(1)?)?))?.checked_sub(LAST.milliseconds()),
        }
    }
}

fn midnight(date: Date) -> DateTime {
    DateTime::from_parts(date, Time::midnight())
}

/// Units that are counted on the clock's face: the offset stays what it is, also where the hour occurs twice.
fn within_day(at: Timestamp, zone: &TimeZone, seconds: i64, rounding: Rounding) -> Result<Timestamp, jiff::Error> {
    let offset = i64::from(zone.to_offset(at).seconds());
    let whole = at.as_nanosecond().div_euclid(1_000_000_000);
    let whole = i64::try_from(whole).unwrap_or(0);
    let first = (whole + offset).div_euclid(seconds) * seconds - offset;
    match rounding {
        Rounding::Down => Timestamp::from_second(first),
        Rounding::Up => Timestamp::from_second(first + seconds)?.checked_sub(LAST.milliseconds()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Zone;

    fn eval(text: &str, zone: &str, rounding: Rounding) -> Result<String, String> {
        let now = "2026-11-19T06:35:42.123Z".parse().unwrap();
        let zone = Zone::parse(zone).unwrap();
        parse(text, now, &DateFormat::default_format(), zone.rules(), rounding).map(|at| at.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn operations_are_applied_in_turn() {
        use Rounding::{Down, Up};
        for (text, zone, rounding, expected) in [
            ("now", "+08:00", Up, "2026-11-19T06:35:42.123Z"),
            ("now-1h", "UTC", Down, "2026-11-19T05:35:42.123Z"),
            ("now-h", "UTC", Down, "2026-11-19T05:35:42.123Z"),
            ("now/d", "UTC", Down, "2026-11-19T00:00:00Z"),
            ("now/d", "UTC", Up, "2026-11-19T23:59:59.999Z"),
            ("now/d", "+08:00", Down, "2026-11-18T16:00:00Z"),
            ("now/w", "UTC", Down, "2026-11-16T00:00:00Z"),
            ("now/w", "UTC", Up, "2026-11-22T23:59:59.999Z"),
            ("now/M", "UTC", Up, "2026-11-30T23:59:59.999Z"),
            ("now/y", "UTC", Down, "2026-01-01T00:00:00Z"),
            ("now/y", "UTC", Up, "2026-12-31T23:59:59.999Z"),
            ("now/m", "UTC", Up, "2026-11-19T06:35:59.999Z"),
            ("now/s", "UTC", Down, "2026-11-19T06:35:42Z"),
            ("now-300y", "UTC", Down, "1726-11-19T06:35:42.123Z"),
            ("now+300y/d", "UTC", Up, "2326-11-19T23:59:59.999Z"),
            ("2026-11-19T12:00:00||/d+1h", "+08:00", Down, "2026-11-18T17:00:00Z"),
            ("2026-11-19T06:35:00||+1h/h", "UTC", Down, "2026-11-19T07:00:00Z"),
            ("2026-11-19||", "UTC", Up, "2026-11-19T00:00:00Z"),
            ("2026-11-19", "UTC", Up, "2026-11-19T23:59:59.999999999Z"),
            ("2024-01-31||+1M", "UTC", Down, "2024-02-29T00:00:00Z"),
            // The clocks of Berlin went back at 01:00Z: that day has 25 hours, and half past two occurs twice.
            ("2026-10-25T12:00:00||-1d", "Europe/Berlin", Down, "2026-10-24T10:00:00Z"),
            ("2026-10-25T12:00:00||-24h", "Europe/Berlin", Down, "2026-10-24T11:00:00Z"),
            ("2026-10-25||/d", "Europe/Berlin", Up, "2026-10-25T22:59:59.999Z"),
            ("2026-10-25T01:30:00Z||/h", "Europe/Berlin", Down, "2026-10-25T01:00:00Z"),
            ("2026-11-19T06:35:00||/h", "Asia/Kolkata", Down, "2026-11-19T00:30:00Z"),
        ] {
            assert_eq!(eval(text, zone, rounding).as_deref(), Ok(expected), "{text}");
        }
    }

    /// Asked of Elasticsearch 7.10.2.
    #[test]
    fn bounds_end_where_the_reference_ends_them() {
        for (text, zone, format, expected) in [
            ("2026-11", "UTC", DateFormat::DEFAULT, "2026-11-01T23:59:59.999"),
            ("2026", "UTC", DateFormat::DEFAULT, "2026-01-01T23:59:59.999"),
            ("2026-11-19T05", "UTC", DateFormat::DEFAULT, "2026-11-19T05:59:59.999"),
            ("2026-11-19T05:06", "+08:00", DateFormat::DEFAULT, "2026-11-18T21:06:59.999"),
            ("2026-11-19T05:06:07.5", "UTC", DateFormat::DEFAULT, "2026-11-19T05:06:07.500"),
            ("2026-11-19||/d", "Europe/Berlin", DateFormat::DEFAULT, "2026-11-19T22:59:59.999"),
            ("2026-10-25T01:30:00Z||/h", "Europe/Berlin", DateFormat::DEFAULT, "2026-10-25T01:59:59.999"),
            ("2026-10-25T00:30:00Z||/h", "Europe/Berlin", DateFormat::DEFAULT, "2026-10-25T00:59:59.999"),
            ("2026-11-19||", "UTC", DateFormat::DEFAULT, "2026-11-19T00:00:00.000"),
            ("2026-11||+1M", "UTC", DateFormat::DEFAULT, "2026-12-01T00:00:00.000"),
            ("2024-02-29||+1y", "UTC", DateFormat::DEFAULT, "2025-02-28T00:00:00.000"),
            ("2026-11-19||/d+1h", "UTC", DateFormat::DEFAULT, "2026-11-20T00:59:59.999"),
            ("2026-11-19T05:06:07.123||+1h", "UTC", DateFormat::DEFAULT, "2026-11-19T06:06:07.123"),
            ("1794960000", "UTC", "epoch_second", "2026-11-18T00:00:00.999"),
            ("1794960000000", "UTC", DateFormat::DEFAULT, "2026-11-18T00:00:00.000"),
            ("2026-11-19 05", "UTC", "yyyy-MM-dd HH", "2026-11-19T05:59:59.999"),
            ("11.2026", "UTC", "MM.yyyy", "2026-11-01T23:59:59.999"),
            ("2026-03-29T02:30:00", "Europe/Berlin", DateFormat::DEFAULT, "2026-03-29T01:30:00.999"),
            ("2026-10-25T02:30:00", "Europe/Berlin", DateFormat::DEFAULT, "2026-10-25T00:30:00.999"),
            ("2026-11-19", "UTC+1", DateFormat::DEFAULT, "2026-11-19T22:59:59.999"),
        ] {
            let zone = Zone::parse(zone).unwrap();
            let at = parse(text, Timestamp::UNIX_EPOCH, &DateFormat::new(format).unwrap(), zone.rules(), Rounding::Up).unwrap();
            assert_eq!(crate::epoch_millis(at), crate::epoch_millis(format!("{expected}Z").parse().unwrap()), "{text}: {at}");
        }
    }

    #[test]
    fn errors_have_elasticsearchs_words() {
        for (text, expected) in [
            ("now-1x", "unit [x] not supported for date math [-1x]"),
            ("now1d", "operator not supported for date math [1d]"),
            ("now/2d", "rounding `/` can only be used on single unit types [/2d]"),
            ("now+", "truncated date math [+]"),
            ("now+12", "truncated date math [+12]"),
            ("", "cannot parse empty date"),
            ("||", "cannot parse empty date"),
            ("now ", "operator not supported for date math [ ]"),
            ("2026-11-19||+99999999999d", "For input string: \"99999999999\""),
            ("2026-11-19||+1D", "unit [D] not supported for date math [+1D]"),
            (
                "19/11/2026",
                "failed to parse date field [19/11/2026] with format [strict_date_optional_time||epoch_millis]: [failed to parse date field [19/11/2026] with format [strict_date_optional_time||epoch_millis]]",
            ),
        ] {
            assert_eq!(eval(text, "UTC", Rounding::Down).unwrap_err(), expected, "{text}");
        }
        assert_eq!(eval("now+9999y", "UTC", Rounding::Down).unwrap(), Timestamp::MAX.to_string());
        assert_eq!(eval("now-99999y/d", "+08:00", Rounding::Down).unwrap(), Timestamp::MIN.to_string());
    }

    proptest! {
        #[test]
        fn rounding_brackets_the_instant(millis in -2_000_000_000_000_i64..4_000_000_000_000, unit in "[yMwdhms]") {
            let at = Timestamp::from_millisecond(millis).unwrap();
            let zone = Zone::parse("America/New_York").unwrap();
            let math = format!("/{unit}");
            let first = apply(&math, at, zone.rules(), Rounding::Down).unwrap();
            let last = apply(&math, at, zone.rules(), Rounding::Up).unwrap();
            prop_assert!(first <= at && at <= last);
            prop_assert_eq!(apply(&math, first, zone.rules(), Rounding::Down).unwrap(), first);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,24}|(now|2026\\|\\|)[+/0-9yMwdhHms-]{0,16}") {
            let zone = Zone::parse("Europe/Berlin").unwrap();
            let _any = parse(&text, Timestamp::UNIX_EPOCH, &DateFormat::default_format(), zone.rules(), Rounding::Up);
        }
    }
}
