//! Durations as watches write them, and as messages print them (spec watcher-api §0.5, watcher-parts §1.1).

use std::time::Duration;

use watchbell_json::{Failure, Json, token_name};
use watchbell_time::duration;

/// A duration field: a string with a unit, or null for "not set". The failure is the inner one; who calls says which field of
/// what could not be read.
///
/// # Errors
/// `parse_exception`, nested as the reference nests it.
pub fn parse_time_value(value: &Json, setting: &str) -> Result<Option<i64>, Failure> {
    match value {
        Json::Null => Ok(None),
        Json::Str(text) => parse_text(text, setting).map(Some).map_err(|cause| Failure::parse("failed to parse time unit").caused_by(cause)),
        other => Err(Failure::parse(format!("could not parse time value. expected either a string or a null value but found [{}] instead", token_name(other)))),
    }
}

fn parse_text(text: &str, setting: &str) -> Result<i64, Failure> {
    let span = duration::parse_watch_duration(setting, text).map_err(|error| {
        let failure = Failure::parse(error.to_string());
        match error.number_format() {
            Some(reason) => failure.caused_by(Failure::new("number_format_exception", reason)),
            None => failure,
        }
    })?;
    Ok(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// A field in whole milliseconds; numeric strings are taken too.
///
/// # Errors
/// `illegal_argument_exception` or `number_format_exception`.
pub fn parse_millis(value: &Json, field: &str) -> Result<i64, Failure> {
    parse_integer(value, field)
}

/// A whole number; numeric strings are taken too, fractions lose their fraction.
///
/// # Errors
/// `illegal_argument_exception` or `number_format_exception`.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is dropped on purpose, and the cast saturates")]
pub fn parse_integer(value: &Json, field: &str) -> Result<i64, Failure> {
    match value {
        Json::Int(value) => Ok(*value),
        Json::Double(value) if value.is_finite() && value.abs() < 9.2e18 => Ok(*value as i64),
        Json::Str(text) => match text.trim().parse::<i64>() {
            Ok(value) => Ok(value),
            Err(_) => Err(Failure::new("number_format_exception", format!("For input string: \"{text}\""))),
        },
        Json::Big(digits) => Err(Failure::illegal_argument(format!("Value [{digits}] is out of range for a long"))),
        other => Err(Failure::illegal_argument(format!("field [{field}] is not a number but [{}]", token_name(other)))),
    }
}

/// The biggest unit in which the value is at least one, with one decimal cut off: `1.5m`, `216ms`, `0s`.
#[must_use]
pub fn render_time_value(millis: i64) -> String {
    u64::try_from(millis).map_or_else(|_| millis.to_string(), |millis| duration::print_duration(Duration::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn durations_read_as_the_reference_reads_them() {
        for (value, millis) in [
            (json!("5M"), Some(300_000)),
            (json!(" 10s "), Some(10_000)),
            (json!("1.5h"), Some(5_400_000)),
            (json!("0.5d"), Some(43_200_000)),
            (json!("1w"), Some(604_800_000)),
            (json!("1.9ms"), Some(1)),
            (json!("0"), Some(0)),
            (json!(null), None),
        ] {
            assert_eq!(parse_time_value(&value, "throttle_period"), Ok(millis), "{value}");
        }
    }

    #[test]
    fn bad_durations_are_refused_with_the_reference_s_words() {
        for (value, reason) in [
            (json!("5"), "Failed to parse setting [throttle_period] with value [5] as a time value: unit is missing or unrecognized"),
            (json!("fives"), "Failed to parse [fives]"),
            (json!("-1"), "could not parse time value [-1]. Time value cannot be negative."),
            (json!("-5s"), "could not parse time value [-5s]. Time value cannot be negative."),
        ] {
            let failure = parse_time_value(&value, "throttle_period").unwrap_err();
            assert_eq!(failure.reason_text(), "failed to parse time unit");
            assert_eq!(failure.caused_by.unwrap().reason_text(), reason);
        }
        for (value, token) in [(json!(0), "VALUE_NUMBER"), (json!(true), "VALUE_BOOLEAN"), (json!([]), "START_ARRAY"), (json!({}), "START_OBJECT")] {
            let failure = parse_time_value(&value, "throttle_period").unwrap_err();
            assert_eq!(failure.reason_text(), format!("could not parse time value. expected either a string or a null value but found [{token}] instead"));
        }
    }

    #[test]
    fn durations_print_cut_to_one_decimal() {
        for (millis, text) in
            [(5000, "5s"), (1299, "1.2s"), (90_000, "1.5m"), (216, "216ms"), (0, "0s"), (-3, "-3"), (86_400_000, "1d"), (90_061_000, "1d"), (5_400_000, "1.5h")]
        {
            assert_eq!(render_time_value(millis), text);
        }
    }
}
