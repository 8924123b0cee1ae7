//! Reading a text by the elements of a pattern.
//!
//! Greedy and without backtracking, as Java's parser: an optional section that does not fit leaves no trace.

use jiff::Timestamp;

use super::Rounding;
use super::fields::{Fields, month_name, weekday_name};
use super::pattern::{Element, Field, Name, OffsetStyle, Style, YEAR_EXACT_MIN};
use crate::zone::Zone;

/// Longest piece of a text that an error shows.
const SHOWN_MAX: usize = 64;

/// Where the text stopped fitting, in bytes.
type Misfit = usize;

/// # Errors
/// What Java's `DateTimeParseException` says.
pub(super) fn scan(elements: &[Element], text: &str, fields: &mut Fields) -> Result<(), String> {
    match all(elements, text, 0, fields) {
        Err(at) => Err(format!("Text '{}' could not be parsed at index {}", shown(text), utf16(text, at))),
        Ok(end) if end < text.len() => Err(format!("Text '{}' could not be parsed, unparsed text found at index {}", shown(text), utf16(text, end))),
        Ok(_) => Ok(()),
    }
}

pub(super) fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.into();
    }
    text.chars().take(SHOWN_MAX).chain("...".chars()).collect()
}

/// Java counts in UTF-16.
fn utf16(text: &str, at: usize) -> usize {
    text.get(..at).map_or(at, |head| head.encode_utf16().count())
}

fn all(elements: &[Element], text: &str, mut at: usize, fields: &mut Fields) -> Result<usize, Misfit> {
    for (index, element) in elements.iter().enumerate() {
        at = one(element, elements.get(index + 1..).unwrap_or_default(), text, at, fields)?;
    }
    Ok(at)
}

fn one(element: &Element, following: &[Element], text: &str, at: usize, fields: &mut Fields) -> Result<usize, Misfit> {
    let rest = text.get(at..).ok_or(at)?;
    match element {
        Element::Literal(literal) => rest.starts_with(literal.as_str()).then(|| at + literal.len()).ok_or(at),
        Element::Number { field, min, max, .. } => {
            let year = matches!(field, Field::Year | Field::WeekYear);
            let exact = year && *min >= YEAR_EXACT_MIN;
            let signed = year && max > min && !exact;
            let (sign, digits) = match rest.strip_prefix('-') {
                Some(digits) if signed => (-1, digits),
                _ => (1, rest),
            };
            let reserved: usize = following.iter().map_while(fixed_width).sum();
            let count = leading_digits(digits);
            let count = if max > min { count.saturating_sub(reserved).clamp(*min, *max).min(count) } else { count.min(*max) };
            if count < *min || (exact && count > *min) {
                return Err(at);
            }
            let value: i64 = digits.get(..count).and_then(|digits| digits.parse().ok()).ok_or(at)?;
            fields.set(*field, sign * value);
            Ok(at + (rest.len() - digits.len()) + count)
        }
        Element::ShortYear(field) => {
            let digits = rest.get(..2).filter(|digits| leading_digits(digits) == 2).ok_or(at)?;
            fields.set(*field, 2000 + digits.parse::<i64>().map_err(|_| at)?);
            Ok(at + 2)
        }
        Element::Fraction { min, max, point, .. } => {
            let digits = point.map_or(Some(rest), |point| rest.strip_prefix(point)).ok_or(at)?;
            let count = leading_digits(digits).min(*max);
            if count < *min {
                return Err(at);
            }
            let text = digits.get(..count).ok_or(at)?;
            fields.set(Field::Nano, format!("{text:0<9}").parse().map_err(|_| at)?);
            Ok(at + point.map_or(0, char::len_utf8) + count)
        }
        Element::Name(name, style) => named(*name, *style, rest, fields).map(|length| at + length).ok_or(at),
        Element::Offset(style) => offset(*style, rest, fields).map(|length| at + length).ok_or(at),
        Element::ZoneId => zone_id(rest, fields).map(|length| at + length).ok_or(at),
        Element::Optional(inner) => {
            let mut tried = fields.clone();
            match all(inner, text, at, &mut tried) {
                Ok(end) => {
                    *fields = tried;
                    Ok(end)
                }
                Err(_) => Ok(at),
            }
        }
    }
}

fn fixed_width(element: &Element) -> Option<usize> {
    match element {
        Element::Number { min, max, .. } | Element::Fraction { min, max, point: None, .. } if min == max => Some(*min),
        _ => None,
    }
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn named(name: Name, style: Style, rest: &str, fields: &mut Fields) -> Option<usize> {
    let find = |count: i8, full: fn(i8) -> &'static str| {
        (1..=count).find_map(|number| {
            let full = full(number);
            let wanted = match style {
                Style::Full => full,
                Style::Short => full.get(..3)?,
                Style::Narrow => full.get(..1)?,
            };
            rest.starts_with(wanted).then_some((i64::from(number), wanted.len()))
        })
    };
    match name {
        Name::Month => {
            let (month, length) = find(12, month_name)?;
            fields.set(Field::Month, month);
            Some(length)
        }
        Name::Weekday => {
            let (weekday, length) = find(7, weekday_name)?;
            fields.set(Field::Weekday, weekday);
            Some(length)
        }
        Name::HalfDay => {
            fields.afternoon = Some(match rest.get(..2)? {
                "AM" => false,
                "PM" => true,
                _ => return None,
            });
            Some(2)
        }
        Name::Era => {
            let (wanted, before) =
                [("Anno Domini", false), ("Before Christ", true), ("AD", false), ("BC", true)].into_iter().find(|(wanted, _)| rest.starts_with(wanted))?;
            fields.before_christ = before;
            Some(wanted.len())
        }
    }
}

fn offset(style: OffsetStyle, rest: &str, fields: &mut Fields) -> Option<usize> {
    let digits = |from: usize, count: usize| rest.get(from..from + count).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let colon = |at: usize| rest.as_bytes().get(at) == Some(&b':');
    let zero = match style {
        OffsetStyle::Any | OffsetStyle::AnyBasic => "Z",
        OffsetStyle::Hour { zero } | OffsetStyle::Basic { zero } | OffsetStyle::Colon { zero } => zero,
        OffsetStyle::Localised => "GMT",
    };
    if style == OffsetStyle::Localised {
        let tail = rest.strip_prefix(zero)?;
        let signed = tail.starts_with(['+', '-']);
        let length = if signed { 1 + tail.get(1..)?.bytes().take_while(|b| b.is_ascii_digit() || *b == b':').count() } else { 0 };
        return take_zone(rest.get(..zero.len() + length)?, fields);
    }
    if rest.starts_with(zero) && !zero.starts_with('+') {
        return take_zone("Z", fields).map(|_| zero.len());
    }
    if !rest.starts_with(['+', '-']) {
        let any = matches!(style, OffsetStyle::Any | OffsetStyle::AnyBasic);
        return if any { zone_id(rest, fields) } else { None };
    }
    let hour = digits(1, 2);
    let with_colon = (hour && colon(3) && digits(4, 2)).then_some(6);
    let without = (hour && digits(3, 2)).then_some(5);
    let only_hour = hour.then_some(3);
    let length = match style {
        OffsetStyle::Any | OffsetStyle::AnyBasic | OffsetStyle::Localised => with_colon.or(without).or(only_hour),
        OffsetStyle::Hour { .. } => without.or(only_hour),
        OffsetStyle::Basic { .. } => without,
        OffsetStyle::Colon { .. } => with_colon,
    }?;
    take_zone(rest.get(..length)?, fields)
}

fn take_zone(text: &str, fields: &mut Fields) -> Option<usize> {
    fields.zone = Some(Zone::parse(text).ok()?.rules().clone());
    Some(text.len())
}

/// The longest piece that could be a zone's name.
fn zone_id(rest: &str, fields: &mut Fields) -> Option<usize> {
    let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"/._~+-:".contains(b)).count();
    take_zone(rest.get(..length)?, fields)
}

/// A number since the epoch whose unit has `digits` digits of nanoseconds; a fraction may follow.
pub(super) fn epoch(text: &str, digits: usize, rounding: Rounding) -> Result<Timestamp, String> {
    let misfit = || format!("Text '{}' could not be parsed at index 0", shown(text));
    let (negative, size) = match text.strip_prefix('-') {
        Some(size) => (true, size),
        None => (false, text),
    };
    let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
    let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || fraction.len() > digits || !only_digits(whole) || !only_digits(fraction) || size.ends_with('.') {
        return Err(misfit());
    }
    let unit = 10_i128.pow(u32::try_from(digits).unwrap_or(9));
    let whole: i128 = whole.parse().map_err(|_| misfit())?;
    let part: i128 = format!("{fraction:0<digits$}").parse().map_err(|_| misfit())?;
    let size = whole * unit + part;
    let mut nanos = if negative { -size } else { size };
    if rounding == Rounding::Up && fraction.is_empty() {
        nanos += unit - 1;
    }
    Timestamp::from_nanosecond(nanos).map_err(|_| format!("Text '{}' is beyond the supported years", shown(text)))
}
