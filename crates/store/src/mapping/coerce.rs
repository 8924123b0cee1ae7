//! One JSON value to a field's type.

use std::net::IpAddr;

use watchbell_json::{Failure, Json, java_double};
use watchbell_time::{TimeZone, epoch_millis, epoch_nanos};

use super::{Field, FieldType, java_text};
use crate::Value;

/// What a value is coerced for: some errors are worded differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coercion {
    Index,
    Query,
}

/// The value in its field's type; `None` for what the type keeps but does not index.
///
/// # Errors
/// The cause, as the reference words it; the caller wraps it.
pub fn coerce(field: &Field, value: &Json, purpose: Coercion) -> Result<Option<Value>, Failure> {
    match &field.kind {
        FieldType::Text | FieldType::Alias(_) | FieldType::Binary => text(value).map(|_| None),
        FieldType::Keyword => text(value).map(|text| {
            let text = if field.lowercase { crate::analysis::lowercase(&text) } else { text };
            Some(Value::Keyword(text.into()))
        }),
        FieldType::Boolean => boolean(value, purpose).map(|value| Some(Value::Bool(value))),
        FieldType::Ip => ip(value).map(|address| Some(Value::ip(address))),
        FieldType::Date | FieldType::DateNanos => date(field, value).map(Some),
        FieldType::UnsignedLong => unsigned(field, value, purpose).map(|value| Some(Value::Unsigned(value))),
        kind if kind.is_whole_number() => whole(field, value, purpose).map(|value| Some(Value::Long(value))),
        _ => fraction(field, value, purpose).map(|value| Some(Value::Double(value))),
    }
}

/// The text of a scalar, as text fields and keywords index it.
///
/// # Errors
/// `illegal_state_exception` for objects.
pub(super) fn text(value: &Json) -> Result<String, Failure> {
    match value {
        Json::Map(_) => Err(Failure::illegal_state("Can't get text on a START_OBJECT at 1:1")),
        Json::List(_) => Err(Failure::illegal_state("Can't get text on a START_ARRAY at 1:1")),
        other => Ok(java_text(other)),
    }
}

fn number_format(text: &str) -> Failure {
    let reason = if text.is_empty() { "empty String".to_owned() } else { format!("For input string: \"{text}\"") };
    Failure::new("number_format_exception", reason)
}

fn not_numeric(value: &Json) -> Failure {
    let token = match value {
        Json::Bool(true) => "VALUE_TRUE".to_owned(),
        Json::Bool(false) => "VALUE_FALSE".to_owned(),
        other => watchbell_json::token_name(other).to_string(),
    };
    Failure::new("json_parse_exception", format!("Current token ({token}) not numeric, can not use numeric value accessors"))
}

/// As Java's `Double.parseDouble` reads, without its hexadecimal forms and type suffixes.
pub(super) fn java_parse_double(text: &str) -> Option<f64> {
    let text = text.trim();
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => text.parse().ok(),
        _ => None,
    }
}

struct Whole {
    least: i64,
    most: i64,
    java: &'static str,
    article: &'static str,
    name: &'static str,
}

fn whole_range(kind: &FieldType) -> Whole {
    match kind {
        FieldType::Integer => Whole { least: i32::MIN.into(), most: i32::MAX.into(), java: "Integer", article: "an", name: "integer" },
        FieldType::Short => Whole { least: i16::MIN.into(), most: i16::MAX.into(), java: "Short", article: "a", name: "short" },
        FieldType::Byte => Whole { least: i8::MIN.into(), most: i8::MAX.into(), java: "Byte", article: "a", name: "byte" },
        _ => Whole { least: i64::MIN, most: i64::MAX, java: "Long", article: "a", name: "long" },
    }
}

fn out_of_range(value: &Json, range: &Whole) -> Failure {
    Failure::illegal_argument(format!("Value [{}] is out of range for {} {}", java_text(value), range.article, range.name))
}

fn overflow(value: &Json, range: &Whole, purpose: Coercion) -> Failure {
    if purpose == Coercion::Query || range.name == "byte" || matches!(value, Json::Str(_)) {
        return out_of_range(value, range);
    }
    let name = if range.name == "integer" { "int" } else { range.name };
    Failure::new("input_coercion_exception", format!("Numeric value ({}) out of range of {name} ({} - {})", java_text(value), range.least, range.most))
}

#[allow(clippy::cast_possible_truncation)] // saturates, and the range was checked
fn truncated(value: f64, range: &Whole) -> Option<i64> {
    #[allow(clippy::cast_precision_loss)] // 2^63 as a float is the first value out of range
    let fits = value >= range.least as f64 && (value <= range.most as f64 && (range.name != "long" || value < i64::MAX as f64));
    fits.then_some(value as i64)
}

fn whole(field: &Field, value: &Json, purpose: Coercion) -> Result<i64, Failure> {
    let range = whole_range(&field.kind);
    let strict = purpose == Coercion::Index && !field.coerce;
    match value {
        Json::Int(number) if (range.least..=range.most).contains(number) => Ok(*number),
        Json::Int(_) | Json::Big(_) => Err(overflow(value, &range, purpose)),
        Json::Double(number) if strict && number.fract() != 0.0 => {
            Err(Failure::illegal_argument(format!("{} cannot be converted to {} without data loss", java_double(*number), range.java)))
        }
        Json::Double(number) => truncated(*number, &range).ok_or_else(|| overflow(value, &range, purpose)),
        Json::Str(_) if strict => Err(Failure::illegal_argument(format!("{} value passed as String", range.java))),
        Json::Str(text) => whole_of_text(text, value, &range),
        other => Err(not_numeric(other)),
    }
}

fn whole_of_text(text: &str, value: &Json, range: &Whole) -> Result<i64, Failure> {
    if let Ok(number) = text.trim().parse::<i64>() {
        return if (range.least..=range.most).contains(&number) { Ok(number) } else { Err(out_of_range(value, range)) };
    }
    match java_parse_double(text) {
        Some(number) => truncated(number, range).ok_or_else(|| out_of_range(value, range)),
        None if range.name == "long" && !text.is_empty() => Err(Failure::illegal_argument(format!("For input string: \"{text}\""))),
        None => Err(number_format(text)),
    }
}

fn unsigned(field: &Field, value: &Json, purpose: Coercion) -> Result<u64, Failure> {
    let out_of_range = || Failure::illegal_argument(format!("Value [{}] is out of range for unsigned long", java_text(value)));
    match value {
        Json::Int(number) => u64::try_from(*number).map_err(|_| out_of_range()),
        Json::Big(digits) => digits.parse().map_err(|_| out_of_range()),
        Json::Double(number) if number.fract() != 0.0 && !(purpose == Coercion::Index && field.coerce) => {
            Err(Failure::illegal_argument(format!("Value \"{}\" has a decimal part", java_double(*number))))
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the range is checked
        Json::Double(number) if *number >= 0.0 && *number < 18_446_744_073_709_551_616.0 => Ok(*number as u64),
        Json::Double(_) => Err(out_of_range()),
        Json::Str(text) => text.parse::<u64>().map_err(|_| number_format(text)),
        other => Err(not_numeric(other)),
    }
}

fn fraction(field: &Field, value: &Json, purpose: Coercion) -> Result<f64, Failure> {
    let number = match value {
        Json::Str(_) if purpose == Coercion::Index && !field.coerce => {
            return Err(Failure::illegal_argument("Double value passed as String".to_owned()));
        }
        Json::Str(text) => java_parse_double(text).ok_or_else(|| number_format(text))?,
        other => other.as_f64().ok_or_else(|| not_numeric(other))?,
    };
    let rounded = round_to(&field.kind, number);
    if rounded.is_finite() {
        return Ok(rounded);
    }
    let shown = if number.is_nan() { f64::NAN } else { rounded };
    Err(Failure::illegal_argument(format!("[{}] supports only finite values, but got [{}]", field.kind.name(), java_double(shown))))
}

/// The nearest value that the type can hold.
pub(crate) fn round_to(kind: &FieldType, number: f64) -> f64 {
    match kind {
        #[allow(clippy::cast_possible_truncation)] // rounding to the shorter type is the point
        FieldType::Float => f64::from(number as f32),
        #[allow(clippy::cast_possible_truncation)]
        FieldType::HalfFloat => f64::from(half(number as f32)),
        FieldType::ScaledFloat(factor) => (number * factor).round() / factor,
        _ => number,
    }
}

/// Rounds to eleven significant bits, ties to even, as a 16-bit float holds; beyond its range is infinite.
fn half(value: f32) -> f32 {
    /// The largest 16-bit float.
    const HALF_MAX: f32 = 65504.0;
    /// The step between 16-bit floats below the smallest normal one.
    const SUBNORMAL_STEP: f32 = 5.960_464_5e-8;
    let size = value.abs();
    if !value.is_finite() || size == 0.0 {
        return value;
    }
    if size < 6.103_515_6e-5 {
        return (value / SUBNORMAL_STEP).round_ties_even() * SUBNORMAL_STEP;
    }
    let bits = value.to_bits();
    let kept = bits & !0x1FFF;
    let rest = bits & 0x1FFF;
    let up = rest > 0x1000 || (rest == 0x1000 && kept & 0x2000 != 0);
    let rounded = f32::from_bits(if up { kept.wrapping_add(0x2000) } else { kept });
    if rounded.abs() > HALF_MAX { f32::INFINITY.copysign(value) } else { rounded }
}

fn boolean(value: &Json, purpose: Coercion) -> Result<bool, Failure> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Str(text) if &**text == "true" => Ok(true),
        Json::Str(text) if matches!(&**text, "false" | "") => Ok(false),
        other if purpose == Coercion::Query => {
            Err(Failure::illegal_argument(format!("Can't parse boolean value [{}], expected [true] or [false]", java_text(other))))
        }
        Json::Str(text) => Err(Failure::illegal_argument(format!("Failed to parse value [{text}] as only [true] or [false] are allowed."))),
        other => Err(Failure::new("json_parse_exception", format!("Current token ({}) not of boolean type", watchbell_json::token_name(other)))),
    }
}

fn ip(value: &Json) -> Result<IpAddr, Failure> {
    let text = text(value)?;
    text.parse().map_err(|_| Failure::illegal_argument(format!("'{text}' is not an IP string literal.")))
}

fn date(field: &Field, value: &Json) -> Result<Value, Failure> {
    let text = match value {
        Json::Double(number) if number.fract() == 0.0 && number.abs() < 1e18 => format!("{number:.0}"),
        other => text(other)?,
    };
    let format = field.format.as_deref().ok_or_else(|| Failure::illegal_state("a date field without format"))?;
    let at = format.parse(&text, &TimeZone::UTC).map_err(|error| crate::dates::unreadable(&error))?;
    Ok(Value::Date(if field.kind == FieldType::DateNanos { epoch_nanos(at) } else { epoch_millis(at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_as_sixteen_bits_hold() {
        assert_eq!(half(1.1), 1.099_609_4);
        assert_eq!(half(65504.0), 65504.0);
        assert_eq!(half(70000.0), f32::INFINITY);
        assert_eq!(half(-0.0), 0.0);
    }

    #[test]
    fn whole_numbers() {
        let cases = [
            (FieldType::Integer, Json::from("42.9"), Ok(42)),
            (FieldType::Integer, Json::Double(-42.9), Ok(-42)),
            (FieldType::Long, Json::from("9223372036854775807"), Ok(i64::MAX)),
            (FieldType::Byte, Json::Int(128), Err("Value [128] is out of range for a byte")),
            (FieldType::Integer, Json::from(""), Err("empty String")),
            (FieldType::Integer, Json::Bool(true), Err("Current token (VALUE_TRUE) not numeric, can not use numeric value accessors")),
            (
                FieldType::Long,
                Json::Big("9223372036854775808".into()),
                Err("Numeric value (9223372036854775808) out of range of long (-9223372036854775808 - 9223372036854775807)"),
            ),
        ];
        for (kind, value, expected) in cases {
            let got = whole(&Field::of(kind), &value, Coercion::Index);
            assert_eq!(got.map_err(|failure| failure.reason_text().to_owned()), expected.map_err(str::to_owned), "{value}");
        }
    }
}
