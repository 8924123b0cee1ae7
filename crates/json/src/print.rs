//! Printing: compact JSON, and the number and date forms of the reference.

use std::fmt::Write as _;

use crate::Json;

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl Json {
    /// Appends compact JSON.
    pub fn write_to(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Int(value) => push(out, *value),
            Json::Big(digits) => out.push_str(digits),
            // Jackson writes these as strings
            Json::Double(value) if !value.is_finite() => write_string(&java_double(*value), out),
            Json::Double(value) => out.push_str(&java_double(*value)),
            Json::Str(text) => write_string(text, out),
            Json::Time(nanos) => write_string(&iso_instant(*nanos), out),
            Json::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_to(out);
                }
                out.push(']');
            }
            Json::Map(map) => {
                out.push('{');
                for (at, (key, value)) in map.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write_to(out);
                }
                out.push('}');
            }
        }
    }

    /// Indented by two blanks, `"key" : value`, as Elasticsearch prints with `pretty`.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(0, &mut out);
        out
    }

    fn write_pretty(&self, depth: usize, out: &mut String) {
        let indent = |depth: usize, out: &mut String| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        };
        match self {
            Json::List(items) if items.is_empty() => out.push_str("[ ]"),
            Json::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    indent(depth + 1, out);
                    item.write_pretty(depth + 1, out);
                }
                indent(depth, out);
                out.push(']');
            }
            Json::Map(map) if map.is_empty() => out.push_str("{ }"),
            Json::Map(map) => {
                out.push('{');
                for (at, (key, value)) in map.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    indent(depth + 1, out);
                    write_string(key, out);
                    out.push_str(" : ");
                    value.write_pretty(depth + 1, out);
                }
                indent(depth, out);
                out.push('}');
            }
            scalar => scalar.write_to(out),
        }
    }
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    let _infallible = write!(out, "{value}");
}

/// Appends a JSON string with its quotes: `"`, `\` and control characters escaped, nothing else.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                let _infallible = write!(out, "\\u{control:04X}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// `Double.toString` of Java: at least one digit after the point, `E` notation below 10⁻³ and from 10⁷ on.
#[must_use]
pub fn java_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0.0" } else { "0.0" }.into();
    }
    let size = value.abs();
    if (1e-3..1e7).contains(&size) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

/// Days since the epoch to year, month, day (Howard Hinnant's algorithm for the proleptic Gregorian calendar).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
}

fn civil(nanos: i64) -> Civil {
    let (seconds, fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    Civil { year, month, day, hour: of_day / 3600, minute: of_day / 60 % 60, second: of_day % 60, nanos: fraction }
}

/// UTC, at least 3 and at most 9 fraction digits, trailing zeros beyond the third dropped: how statuses and records print
/// dates (spec watcher-api §0.4).
#[must_use]
pub fn iso_instant(nanos: i64) -> String {
    let c = civil(nanos);
    let mut text = format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}", c.year, c.month, c.day, c.hour, c.minute, c.second, c.nanos);
    let keep = text.len() - 6;
    while text.len() > keep && text.ends_with('0') {
        text.pop();
    }
    text.push('Z');
    text
}

/// As a `java.time.ZonedDateTime` in UTC prints: seconds and fraction dropped when zero, else 3, 6 or 9 fraction digits. How
/// templates of generation 8 print dates (spec watcher-parts §1.3).
#[must_use]
pub fn iso_instant_java(nanos: i64) -> String {
    let c = civil(nanos);
    let mut text = format!("{:04}-{:02}-{:02}T{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute);
    if c.second != 0 || c.nanos != 0 {
        push(&mut text, format_args!(":{:02}", c.second));
    }
    match c.nanos {
        0 => {}
        n if n % 1_000_000 == 0 => push(&mut text, format_args!(".{:03}", n / 1_000_000)),
        n if n % 1_000 == 0 => push(&mut text, format_args!(".{:06}", n / 1_000)),
        n => push(&mut text, format_args!(".{n:09}")),
    }
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, text) in [
            (100.0, "100.0"),
            (0.1, "0.1"),
            (1e10, "1.0E10"),
            (1_234_567.0, "1234567.0"),
            (12_345_678.0, "1.2345678E7"),
            (1e-5, "1.0E-5"),
            (0.001, "0.001"),
            (-0.0, "-0.0"),
            (f64::NAN, "NaN"),
            (-2.5e-7, "-2.5E-7"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }

    #[test]
    fn dates_print_in_both_forms() {
        let midnight = 1_420_329_600_000_000_000;
        assert_eq!(iso_instant(midnight), "2015-01-04T00:00:00.000Z");
        assert_eq!(iso_instant_java(midnight), "2015-01-04T00:00Z");
        assert_eq!(iso_instant(midnight + 36_930_500_000_000), "2015-01-04T10:15:30.500Z");
        assert_eq!(iso_instant_java(midnight + 36_930_500_000_000), "2015-01-04T10:15:30.500Z");
        assert_eq!(iso_instant(midnight + 1_317_470_000), "2015-01-04T00:00:01.31747Z");
        assert_eq!(iso_instant_java(midnight + 1_317_470_000), "2015-01-04T00:00:01.317470Z");
        assert_eq!(iso_instant(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn strings_escape_only_what_must_be() {
        let mut out = String::new();
        write_string("a\"b\\c\n\u{1}é/\u{7f}", &mut out);
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001é/\u{7f}\"");
    }
}
