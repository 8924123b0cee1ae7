//! A date format: named forms and patterns, joined by `||`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Edge;
use super::pattern::{Parts, Pattern};

/// Most alternatives of one format; more is no honest format.
const ALTERNATIVES_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// ISO 8601 whose smaller units may be left out; strict ones need their full width.
    Iso {
        strict: bool,
        nanos: bool,
    },
    EpochMillis,
    EpochSecond,
    Pattern(Pattern),
}

#[derive(Clone, Debug, PartialEq)]
pub struct DateFormat {
    text: String,
    forms: Vec<Form>,
}

/// Why a format cannot be read: the reference's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid format: [{format}]: {why}")]
pub struct FormatError {
    pub format: String,
    pub why: String,
}

/// The names of formats that are plain patterns; `strict_` in front of a name makes no difference to these.
const NAMED: &[(&str, &str)] = &[
    ("basic_date", "yyyyMMdd"),
    ("basic_date_time", "yyyyMMdd'T'HHmmss.SSSXX"),
    ("basic_date_time_no_millis", "yyyyMMdd'T'HHmmssXX"),
    ("basic_time", "HHmmss.SSSXX"),
    ("basic_time_no_millis", "HHmmssXX"),
    ("date", "yyyy-MM-dd"),
    ("year_month_day", "yyyy-MM-dd"),
    ("year_month", "yyyy-MM"),
    ("year", "yyyy"),
    ("date_hour", "yyyy-MM-dd'T'HH"),
    ("date_hour_minute", "yyyy-MM-dd'T'HH:mm"),
    ("date_hour_minute_second", "yyyy-MM-dd'T'HH:mm:ss"),
    ("date_hour_minute_second_millis", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_hour_minute_second_fraction", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_time", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
    ("date_time_no_millis", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ("hour", "HH"),
    ("hour_minute", "HH:mm"),
    ("hour_minute_second", "HH:mm:ss"),
    ("time", "HH:mm:ss.SSSXXX"),
    ("time_no_millis", "HH:mm:ssXXX"),
    ("ordinal_date", "yyyy-DDD"),
];

impl DateFormat {
    /// # Errors
    /// [`FormatError`] for an unknown name or a pattern that cannot be read.
    pub fn parse(text: &str) -> Result<DateFormat, FormatError> {
        let error = |why: String| FormatError { format: text.to_owned(), why };
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > ALTERNATIVES_MAX {
            return Err(error("too many alternatives".to_owned()));
        }
        let forms = parts.into_iter().map(form).collect::<Result<Vec<_>, _>>().map_err(error)?;
        Ok(DateFormat { text: text.to_owned(), forms })
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The instant a text means: `zone` where it names none, `edge` where it leaves smaller units out.
    #[must_use]
    pub fn read(&self, text: &str, edge: Edge, zone: &TimeZone) -> Option<Timestamp> {
        self.forms.iter().find_map(|form| form.read(text, edge, zone))
    }

    /// The text of an instant in the first form.
    #[must_use]
    pub fn print(&self, at: Timestamp, zone: &TimeZone) -> String {
        self.forms.first().map(|form| form.print(at, zone)).unwrap_or_default()
    }
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "epoch_millis" => return Ok(Form::EpochMillis),
        "epoch_second" => return Ok(Form::EpochSecond),
        "strict_date_optional_time" | "iso8601" => return Ok(Form::Iso { strict: true, nanos: false }),
        "strict_date_optional_time_nanos" => return Ok(Form::Iso { strict: true, nanos: true }),
        "date_optional_time" => return Ok(Form::Iso { strict: false, nanos: false }),
        "" => return Err("No date pattern provided".to_owned()),
        _ => {}
    }
    let name = text.strip_prefix("strict_").unwrap_or(text);
    let pattern = NAMED.iter().find(|(known, _)| *known == name).map_or(text, |(_, pattern)| pattern);
    // A leading 8 once asked for Java's new formats.
    Pattern::compile(pattern.strip_prefix('8').unwrap_or(pattern)).map(Form::Pattern)
}

impl Form {
    fn read(&self, text: &str, edge: Edge, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Form::Iso { strict, .. } => read_iso(text, *strict)?.instant(edge, zone),
            Form::EpochMillis => read_epoch(text, 1_000_000),
            Form::EpochSecond => read_epoch(text, 1_000_000_000),
            Form::Pattern(pattern) => pattern.read(text)?.instant(edge, zone),
        }
    }

    fn print(&self, at: Timestamp, zone: &TimeZone) -> String {
        match self {
            Form::EpochMillis => at.as_millisecond().to_string(),
            Form::EpochSecond => at.as_second().to_string(),
            Form::Iso { nanos, .. } => print_iso(at, zone, *nanos),
            Form::Pattern(pattern) => pattern.print(&at.to_zoned(zone.clone())),
        }
    }
}

/// A number of units, with fraction: `1795046400000`, `-5.25`.
fn read_epoch(text: &str, nanos_per_unit: i128) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    if whole.strip_prefix('-').unwrap_or(whole).is_empty() || !whole.strip_prefix('-').unwrap_or(whole).bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let units: i128 = whole.parse().ok()?;
    let mut nanos = units.checked_mul(nanos_per_unit)?;
    let mut scale = nanos_per_unit;
    for digit in fraction.bytes() {
        let digit = i128::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        scale /= 10;
        nanos += if negative { -digit * scale } else { digit * scale };
    }
    Timestamp::from_nanosecond(nanos).ok()
}

fn read_iso(text: &str, strict: bool) -> Option<Parts> {
    let mut reader = Reader { rest: text, strict };
    let mut parts = Parts { year: Some(i16::try_from(reader.number(4, 4)?).ok()?), ..Parts::default() };
    let small = |value: i64, low: i64, high: i64| (low..=high).contains(&value).then(|| i8::try_from(value).ok()).flatten();
    if reader.eat('-') {
        parts.month = Some(small(reader.number(2, 2)?, 1, 12)?);
        if reader.eat('-') {
            parts.day = Some(small(reader.number(2, 2)?, 1, 31)?);
        }
    }
    if reader.eat('T') && !reader.rest.is_empty() {
        parts.hour = Some(small(reader.number(2, 2)?, 0, 23)?);
        if reader.eat(':') {
            parts.minute = Some(small(reader.number(2, 2)?, 0, 59)?);
            if reader.eat(':') {
                parts.second = Some(small(reader.number(2, 2)?, 0, 59)?);
                if reader.eat('.') || reader.eat(',') {
                    parts.nanos = Some(reader.fraction()?);
                }
            }
        }
        if !reader.rest.is_empty() {
            parts.zone = Some(super::parse_zone(reader.rest).ok()?);
            reader.rest = "";
        }
    }
    reader.rest.is_empty().then_some(parts)
}

struct Reader<'t> {
    rest: &'t str,
    strict: bool,
}

impl Reader<'_> {
    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self, width: usize, most: usize) -> Option<i64> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length == 0 || (self.strict && length != width) {
            return None;
        }
        let value = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(value)
    }

    fn fraction(&mut self) -> Option<i32> {
        let length = self.rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let value: i32 = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(value * 10_i32.pow(u32::try_from(9 - length).ok()?))
    }
}

/// `2026-11-19T00:00:00.000Z`; nanoseconds only where they are not zero and asked for.
fn print_iso(at: Timestamp, zone: &TimeZone, nanos: bool) -> String {
    let zoned = at.to_zoned(zone.clone());
    let fraction = format!("{:09}", zoned.subsec_nanosecond());
    let keep = if nanos { fraction.trim_end_matches('0').len().max(3) } else { 3 };
    let offset = zoned.offset().seconds();
    let offset =
        if offset == 0 { "Z".to_owned() } else { format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600, offset.abs() / 60 % 60) };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{}{offset}",
        zoned.year(),
        zoned.month(),
        zoned.day(),
        zoned.hour(),
        zoned.minute(),
        zoned.second(),
        fraction.get(..keep).unwrap_or(&fraction)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::DEFAULT_FORMAT;

    fn read(format: &str, text: &str, edge: Edge) -> Option<String> {
        let format = DateFormat::parse(format).unwrap();
        format.read(text, edge, &TimeZone::UTC).map(|at| at.to_string())
    }

    #[test]
    fn incomplete_dates_stand_for_spans() {
        for (text, first, last) in [
            ("2026", "2026-01-01T00:00:00Z", "2026-01-01T23:59:59.999999999Z"),
            ("2026-11", "2026-11-01T00:00:00Z", "2026-11-01T23:59:59.999999999Z"),
            ("2026-11-19", "2026-11-19T00:00:00Z", "2026-11-19T23:59:59.999999999Z"),
            ("2026-11-19T10", "2026-11-19T10:00:00Z", "2026-11-19T10:59:59.999999999Z"),
            ("2026-11-19T10:11:12.5+08:00", "2026-11-19T02:11:12.5Z", "2026-11-19T02:11:12.5Z"),
            ("1795046400000", "2026-11-19T00:00:00Z", "2026-11-19T00:00:00Z"),
        ] {
            assert_eq!(read(DEFAULT_FORMAT, text, Edge::First).as_deref(), Some(first), "{text}");
            assert_eq!(read(DEFAULT_FORMAT, text, Edge::Last).as_deref(), Some(last), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in ["", "yesterday", "2026-02-30", "2026-1-1", "24.11.2026", "2026-W48-2", "2026-11-24 01:02:03", "2026-11-24T25:00"] {
            assert_eq!(read(DEFAULT_FORMAT, text, Edge::First), None, "{text}");
        }
    }

    #[test]
    fn patterns_read_and_print() {
        for (format, text, instant) in [
            ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2026:05:00:00 +0800", "2026-11-23T21:00:00Z"),
            ("yyyy-MM-dd HH:mm:ss||epoch_second", "2026-11-24 05:00:00", "2026-11-24T05:00:00Z"),
            ("yyyy-MM-dd HH:mm:ss||epoch_second", "1795046400", "2026-11-19T00:00:00Z"),
            ("basic_date_time_no_millis", "20261119T060000Z", "2026-11-19T06:00:00Z"),
            ("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "2026/11/24", "2026-11-24T00:00:00Z"),
            ("yyyy-MM-dd'T'HH:mmXXX", "2026-11-24T05:00+08:00", "2026-11-23T21:00:00Z"),
            ("uuuu.MM.dd", "2026.11.24", "2026-11-24T00:00:00Z"),
        ] {
            assert_eq!(read(format, text, Edge::First).as_deref(), Some(instant), "{format}");
        }
        let format = DateFormat::parse("dd/MMM/yyyy:HH:mm:ss Z").unwrap();
        assert_eq!(format.print("2026-11-23T21:00:00Z".parse().unwrap(), &TimeZone::UTC), "23/Nov/2026:21:00:00 +0000");
        assert_eq!(DateFormat::parse("nope").unwrap_err().to_string(), "Invalid format: [nope]: Unknown pattern letter: o");
    }
}
