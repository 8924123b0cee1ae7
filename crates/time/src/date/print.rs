//! Writing an instant by the elements of a pattern.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::fields::{month_name, weekday_name};
use super::pattern::{Element, Field, Name, OffsetStyle, Style};
use crate::zone::offset_id;

pub(super) fn print(elements: &[Element], at: Timestamp, zone: &TimeZone) -> String {
    let mut out = String::with_capacity(32);
    all(elements, &at.to_zoned(zone.clone()), &mut out);
    out
}

fn push(out: &mut String, piece: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(piece);
}

fn all(elements: &[Element], at: &Zoned, out: &mut String) {
    for element in elements {
        one(element, at, out);
    }
}

fn one(element: &Element, at: &Zoned, out: &mut String) {
    match element {
        Element::Literal(literal) => out.push_str(literal),
        Element::Number { field, print, .. } => push(out, format_args!("{:0print$}", value(*field, at))),
        Element::ShortYear(field) => push(out, format_args!("{:02}", value(*field, at).rem_euclid(100))),
        Element::Fraction { print_min, print_max, point, .. } => {
            if let Some(point) = point {
                out.push(*point);
            }
            let digits = format!("{:09}", at.subsec_nanosecond());
            let needed = digits.trim_end_matches('0').len().clamp(*print_min, *print_max);
            out.push_str(digits.get(..needed).unwrap_or(&digits));
        }
        Element::Name(name, style) => out.push_str(cut(text(*name, at), *name, *style)),
        Element::Offset(style) => offset(*style, at, out),
        Element::ZoneId => match at.time_zone().iana_name() {
            Some("UTC") | None => out.push_str(&offset_id(at.offset().seconds())),
            Some(id) => out.push_str(id),
        },
        Element::Optional(inner) => all(inner, at, out),
    }
}

fn value(field: Field, at: &Zoned) -> i64 {
    let time = at.time();
    let hour = i64::from(time.hour());
    match field {
        Field::Year => at.year().into(),
        Field::WeekYear => at.date().iso_week_date().year().into(),
        Field::Month => at.month().into(),
        Field::Day => at.day().into(),
        Field::DayOfYear => at.day_of_year().into(),
        Field::Week => at.date().iso_week_date().week().into(),
        Field::Weekday => at.weekday().to_monday_one_offset().into(),
        Field::Quarter => (i64::from(at.month()) - 1) / 3 + 1,
        Field::Hour => hour,
        Field::ClockHour => (hour + 23) % 24 + 1,
        Field::HalfDayHour => hour % 12,
        Field::ClockHalfDayHour => (hour + 11) % 12 + 1,
        Field::Minute => time.minute().into(),
        Field::Second => time.second().into(),
        Field::Nano => time.subsec_nanosecond().into(),
        Field::MilliOfDay => ((hour * 60 + i64::from(time.minute())) * 60 + i64::from(time.second())) * 1000 + i64::from(time.millisecond()),
    }
}

fn text(name: Name, at: &Zoned) -> &'static str {
    match name {
        Name::Month => month_name(at.month()),
        Name::Weekday => weekday_name(at.weekday().to_monday_one_offset()),
        Name::HalfDay if at.hour() < 12 => "AM",
        Name::HalfDay => "PM",
        Name::Era if at.year() < 1 => "BC",
        Name::Era => "AD",
    }
}

fn cut(full: &'static str, name: Name, style: Style) -> &'static str {
    match (name, style) {
        (Name::HalfDay | Name::Era, _) | (_, Style::Full) => full,
        (_, Style::Short) => full.get(..3).unwrap_or(full),
        (_, Style::Narrow) => full.get(..1).unwrap_or(full),
    }
}

fn offset(style: OffsetStyle, at: &Zoned, out: &mut String) {
    let seconds = at.offset().seconds();
    let zero = match style {
        OffsetStyle::Any | OffsetStyle::AnyBasic => "Z",
        OffsetStyle::Hour { zero } | OffsetStyle::Basic { zero } | OffsetStyle::Colon { zero } => zero,
        OffsetStyle::Localised => "GMT",
    };
    if seconds == 0 {
        out.push_str(zero);
        return;
    }
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let (hours, minutes) = (size / 3600, size / 60 % 60);
    match style {
        OffsetStyle::Any => out.push_str(&offset_id(seconds)),
        OffsetStyle::Hour { .. } if minutes == 0 => push(out, format_args!("{sign}{hours:02}")),
        OffsetStyle::AnyBasic | OffsetStyle::Basic { .. } | OffsetStyle::Hour { .. } => push(out, format_args!("{sign}{hours:02}{minutes:02}")),
        OffsetStyle::Colon { .. } => push(out, format_args!("{sign}{hours:02}:{minutes:02}")),
        OffsetStyle::Localised => push(out, format_args!("GMT{sign}{hours:02}:{minutes:02}")),
    }
}

/// A number since the epoch whose unit has `digits` digits of nanoseconds, with a fraction only if there is one.
pub(super) fn epoch(at: Timestamp, digits: usize) -> String {
    let nanos = at.as_nanosecond();
    let unit = 10_i128.pow(u32::try_from(digits).unwrap_or(9));
    let (sign, size) = (if nanos < 0 { "-" } else { "" }, nanos.abs());
    let (whole, part) = (size / unit, size % unit);
    if part == 0 {
        return format!("{}{whole}", if whole == 0 { "" } else { sign });
    }
    let fraction = format!("{part:0digits$}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}
