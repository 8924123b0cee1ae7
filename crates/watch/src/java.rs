//! Java's ways with text and numbers, where the reference lets them show (spec watcher-parts §4.3).

use watchbell_json::{Json, iso_instant_java, java_double};

/// `String.valueOf` of the reference's value: `[a, b]`, `{k=v}`, `5.0`, ISO dates.
#[must_use]
pub fn text(value: &Json) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Int(value) => out.push_str(&value.to_string()),
        Json::Big(digits) => out.push_str(digits),
        Json::Double(value) => out.push_str(&java_double(*value)),
        Json::Str(text) => out.push_str(text),
        Json::Time(nanos) => out.push_str(&iso_instant_java(*nanos)),
        Json::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Map(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push('=');
                write(item, out);
            }
            out.push('}');
        }
    }
}

/// `Double.parseDouble`: blanks around, `NaN`, `Infinity`, exponents, hexadecimal floats, a trailing `d` or `f`.
#[must_use]
pub fn parse_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match unsigned {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(sign * f64::INFINITY),
        _ => {}
    }
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return parse_hex(&unsigned[2..]).map(|value| sign * value);
    }
    let digits = unsigned.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(unsigned);
    if digits.starts_with(['+', '-'])
        || !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        || !digits.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    digits.parse::<f64>().ok().map(|value| sign * value)
}

/// `h.hhp±d`, the exponent being required.
fn parse_hex(text: &str) -> Option<f64> {
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).filter(|rest| rest.contains(['p', 'P'])).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    Some(value * 2f64.powi(scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn values_print_as_java_prints_them() {
        assert_eq!(text(&json!({"a": [1, 2.0, null, true], "b": {"c": "x"}})), "{a=[1, 2.0, null, true], b={c=x}}");
        assert_eq!(text(&Json::Time(1_420_329_600_000_000_000)), "2015-01-04T00:00Z");
    }

    #[test]
    fn numbers_read_as_java_reads_them() {
        for (text, value) in [
            ("10", 10.0),
            (" 1e3\n", 1000.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("5d", 5.0),
            ("-2.5F", -2.5),
            ("0x1.8p1", 3.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("+7", 7.0),
        ] {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        for text in ["", "x", "1,5", "true", "inf", "nan", "0x1", "--1", "1e", "e5", "1 2", "d"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
    }
}
