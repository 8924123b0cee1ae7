//! Time values: the two grammars that Elasticsearch reads durations by, and how it prints them.

use std::time::Duration;

/// Why a duration of a watch is none (spec watcher-api §0.5). Prints as the innermost but one reason of the chain: what stands
/// below `failed to parse time unit`, except [`WatchDurationError::Negative`], which stands there too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchDurationError {
    /// No unit, or none that exists.
    Unit {
        field: String,
        value: String,
    },
    /// The part before the unit is no number: has a cause of its own.
    Number {
        value: String,
    },
    Negative {
        value: String,
    },
}

impl std::fmt::Display for WatchDurationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WatchDurationError::Unit { field, value } => {
                write!(f, "Failed to parse setting [{field}] with value [{value}] as a time value: unit is missing or unrecognized")
            }
            WatchDurationError::Number { value } => write!(f, "Failed to parse [{value}]"),
            WatchDurationError::Negative { value } => write!(f, "could not parse time value [{value}]. Time value cannot be negative."),
        }
    }
}

impl std::error::Error for WatchDurationError {}

impl WatchDurationError {
    /// The reason of the `number_format_exception` that caused [`WatchDurationError::Number`].
    #[must_use]
    pub fn number_format(&self) -> Option<String> {
        match self {
            WatchDurationError::Number { value } => {
                let normal = value.to_lowercase();
                let number = split_unit(normal.trim()).map_or("", |(number, _)| number.trim());
                Some(if number.is_empty() { "empty String".into() } else { format!("For input string: \"{number}\"") })
            }
            WatchDurationError::Unit { .. } | WatchDurationError::Negative { .. } => None,
        }
    }
}

/// Tested in this order, so that `ms` is not taken for `s`.
const WATCH_UNITS: [(&str, f64); 6] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3_600e3), ("d", 86_400e3), ("w", 604_800e3)];

fn split_unit(text: &str) -> Option<(&str, f64)> {
    WATCH_UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)))
}

/// A duration inside a watch (`throttle_period`, `timeout`, …): a decimal number and a unit, in any case, with blanks around.
/// The result has whole milliseconds.
///
/// # Errors
/// [`WatchDurationError`]; `field` is named in its words.
pub fn parse_watch_duration(field: &str, text: &str) -> Result<Duration, WatchDurationError> {
    let normal = text.to_lowercase();
    let normal = normal.trim();
    match normal {
        "0" => return Ok(Duration::ZERO),
        "-1" => return Err(WatchDurationError::Negative { value: text.into() }),
        _ => {}
    }
    let (number, unit) = split_unit(normal).ok_or_else(|| WatchDurationError::Unit { field: field.into(), value: text.into() })?;
    let number = decimal(number.trim()).ok_or_else(|| WatchDurationError::Number { value: text.into() })?;
    let millis = number * unit;
    if millis <= -1.0 {
        return Err(WatchDurationError::Negative { value: text.into() });
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // truncation is the rule; the cast saturates
    let millis = millis.max(0.0).min(i64::MAX as f64) as u64;
    Ok(Duration::from_millis(millis))
}

/// A finite decimal number; words like `nan` and `inf` are none.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.e".contains(&b)) && text.bytes().any(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Why a duration in a setting or parameter is none: prints as the reason of the `illegal_argument_exception`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingDurationError {
    Unit { setting: String, value: String },
    Fraction { value: String },
    Number { value: String },
    Negative { setting: String, value: String },
}

impl std::fmt::Display for SettingDurationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingDurationError::Unit { setting, value } => {
                write!(f, "failed to parse setting [{setting}] with value [{value}] as a time value: unit is missing or unrecognized")
            }
            SettingDurationError::Fraction { value } => write!(f, "failed to parse [{value}], fractional time values are not supported"),
            SettingDurationError::Number { value } => write!(f, "failed to parse [{value}]"),
            SettingDurationError::Negative { setting, value } => {
                write!(f, "failed to parse setting [{setting}] with value [{value}] as a time value: negative durations are not supported")
            }
        }
    }
}

impl std::error::Error for SettingDurationError {}

impl SettingDurationError {
    /// The reason of the `number_format_exception` that caused it, where the number is to blame.
    #[must_use]
    pub fn number_format(&self) -> Option<String> {
        match self {
            SettingDurationError::Fraction { value } | SettingDurationError::Number { value } => {
                let normal = value.trim().to_lowercase();
                let number = split_setting_unit(&normal).map_or("", |(number, _)| number);
                Some(format!("For input string: \"{number}\""))
            }
            SettingDurationError::Unit { .. } | SettingDurationError::Negative { .. } => None,
        }
    }
}

const SETTING_UNITS: [(&str, u128); 7] =
    [("nanos", 1), ("micros", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000)];

fn split_setting_unit(text: &str) -> Option<(&str, u128)> {
    SETTING_UNITS.iter().find_map(|(unit, nanos)| Some((text.strip_suffix(unit)?.trim(), *nanos)))
}

/// A duration in a setting or request parameter: a whole number and a unit (spec watcher-parts §1.2). `None` is `-1`, which means
/// without limit, or off.
///
/// # Errors
/// [`SettingDurationError`]; `setting` is named in its words.
pub fn parse_setting_duration(setting: &str, text: &str) -> Result<Option<Duration>, SettingDurationError> {
    let normal = text.trim().to_lowercase();
    if !normal.is_empty() && normal.bytes().all(|b| b == b'0') {
        return Ok(Some(Duration::ZERO));
    }
    if normal.strip_prefix('-').is_some_and(|size| size.trim_start_matches('0') == "1") {
        return Ok(None);
    }
    let (number, unit) = split_setting_unit(&normal).ok_or_else(|| SettingDurationError::Unit { setting: setting.into(), value: text.into() })?;
    match number.parse::<i64>() {
        Ok(number) if number < 0 => Err(SettingDurationError::Negative { setting: setting.into(), value: text.into() }),
        Ok(number) => Ok(Some(from_nanos(u128::from(number.unsigned_abs()) * unit))),
        Err(_) if decimal(number).is_some() => Err(SettingDurationError::Fraction { value: text.into() }),
        Err(_) => Err(SettingDurationError::Number { value: text.into() }),
    }
}

fn from_nanos(nanos: u128) -> Duration {
    u64::try_from(nanos / 1_000_000_000).map_or(Duration::MAX, |seconds| Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0)))
}

/// As messages print a duration: in the largest unit of which it is at least one, with one decimal, truncated, and none if it is
/// zero: `1.5m`, `216ms`, `0s`.
#[must_use]
pub fn print_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let Some((name, unit)) = SETTING_UNITS.iter().rev().find(|(_, unit)| nanos >= *unit) else {
        return "0s".into();
    };
    match (nanos / unit, nanos * 10 / unit % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_of_watches() {
        for (text, millis) in [
            ("10s", 10_000),
            ("5M", 300_000),
            (" 10s ", 10_000),
            ("1.5h", 5_400_000),
            ("0.5d", 43_200_000),
            ("2w", 1_209_600_000),
            ("216ms", 216),
            ("1.9ms", 1),
            ("0", 0),
            ("1 s", 1_000),
        ] {
            assert_eq!(parse_watch_duration("throttle_period", text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn errors_of_watches_have_the_words_of_the_reference() {
        let fail = |text: &str| parse_watch_duration("throttle_period", text).unwrap_err();
        for text in ["", "5", "5x", "x", "5 years"] {
            assert_eq!(
                fail(text).to_string(),
                match text {
                    // `s` is a unit, and `5 year` no number
                    "5 years" => "Failed to parse [5 years]".to_owned(),
                    _ => format!("Failed to parse setting [throttle_period] with value [{text}] as a time value: unit is missing or unrecognized"),
                }
            );
        }
        for (text, cause) in [
            ("abcs", "For input string: \"abc\""),
            ("s", "empty String"),
            ("nanm", "For input string: \"nan\""),
            ("1,5h", "For input string: \"1,5\""),
            ("x s", "For input string: \"x\""),
        ] {
            assert_eq!(fail(text).to_string(), format!("Failed to parse [{text}]"));
            assert_eq!(fail(text).number_format().as_deref(), Some(cause));
        }
        for text in ["-1", "-5s", "-1.5h"] {
            assert_eq!(fail(text).to_string(), format!("could not parse time value [{text}]. Time value cannot be negative."));
            assert_eq!(fail(text).number_format(), None);
        }
    }

    #[test]
    fn durations_of_settings() {
        for (text, expected) in [
            ("30s", Some(Duration::from_secs(30))),
            ("1m", Some(Duration::from_secs(60))),
            ("500ms", Some(Duration::from_millis(500))),
            ("5micros", Some(Duration::from_micros(5))),
            ("7nanos", Some(Duration::from_nanos(7))),
            ("2D", Some(Duration::from_secs(172_800))),
            ("0", Some(Duration::ZERO)),
            ("-1", None),
        ] {
            assert_eq!(parse_setting_duration("timeout", text), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("soon", "failed to parse setting [timeout] with value [soon] as a time value: unit is missing or unrecognized"),
            ("5", "failed to parse setting [timeout] with value [5] as a time value: unit is missing or unrecognized"),
            ("1w", "failed to parse setting [timeout] with value [1w] as a time value: unit is missing or unrecognized"),
            ("1.5s", "failed to parse [1.5s], fractional time values are not supported"),
            ("xs", "failed to parse [xs]"),
            ("-5s", "failed to parse setting [timeout] with value [-5s] as a time value: negative durations are not supported"),
        ] {
            assert_eq!(parse_setting_duration("timeout", text).unwrap_err().to_string(), expected);
        }
        let cause = |text: &str| parse_setting_duration("timeout", text).unwrap_err().number_format();
        assert_eq!(cause("1.5s").as_deref(), Some("For input string: \"1.5\""));
        assert_eq!(cause(" xS").as_deref(), Some("For input string: \"x\""));
        assert_eq!(cause("soon"), None);
    }

    #[test]
    fn printing_truncates() {
        for (millis, expected) in [(5_000, "5s"), (1_290, "1.2s"), (90_000, "1.5m"), (216, "216ms"), (0, "0s"), (86_399_999, "23.9h"), (129_600_000, "1.5d")] {
            assert_eq!(print_duration(Duration::from_millis(millis)), expected);
        }
        assert_eq!(print_duration(Duration::from_nanos(1_500)), "1.5micros");
        assert_eq!(print_duration(Duration::from_nanos(999)), "999nanos");
        assert_eq!(print_duration(Duration::MAX), "213503982334601.2d");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,20}|[-0-9.eE]{0,8}[a-zA-Z]{0,6}") {
            let _any = parse_watch_duration("f", &text).map_err(|e| (e.to_string(), e.number_format()));
            let _any = parse_setting_duration("f", &text).map_err(|e| (e.to_string(), e.number_format()));
        }
    }
}
