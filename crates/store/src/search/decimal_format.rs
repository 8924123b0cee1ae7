//! Numbers printed by the patterns of Java's `DecimalFormat`: `0.0`, `#,##0.00`, `0%`.
//!
//! Without exponents. Rounding is half to even, of the exact binary value, as in Java.

use watchbell_json::Failure;

/// Longest pattern in bytes; it bounds how many digits a number is padded to.
const PATTERN_MAX: usize = 128;

/// A pattern, compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecimalFormat {
    positive: Affixes,
    negative: Affixes,
    integer_least: usize,
    fraction_least: usize,
    fraction_most: usize,
    /// Digits between commas; 0 is none.
    group: usize,
    /// Powers of ten that `%` and `‰` move the number by.
    shift: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Affixes {
    prefix: String,
    suffix: String,
}

/// The digits of a pattern, as Java counts them.
#[derive(Default)]
struct Digits {
    optional_left: usize,
    zeros: usize,
    optional_right: usize,
    point: Option<usize>,
    group: Option<usize>,
}

fn malformed(pattern: &str) -> Failure {
    Failure::illegal_argument(format!("Malformed pattern \"{pattern}\""))
}

/// One of the halves around `;`: what stands before, in and after the digits.
fn part(text: &str, pattern: &str) -> Result<(Affixes, String), Failure> {
    let (mut affixes, mut body) = (Affixes::default(), String::new());
    let mut ended = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let digit = matches!(c, '#' | '0' | ',' | '.');
        if digit && ended {
            return Err(Failure::illegal_argument(format!("Unquoted special character '{c}' in pattern \"{pattern}\"")));
        }
        if digit {
            body.push(c);
            continue;
        }
        if c == 'E' && !body.is_empty() && !ended {
            return Err(malformed(pattern));
        }
        ended = !body.is_empty();
        let affix = if ended { &mut affixes.suffix } else { &mut affixes.prefix };
        if c != '\'' {
            affix.push(c);
        } else if chars.next_if_eq(&'\'').is_some() {
            affix.push('\'');
        } else {
            loop {
                match chars.next() {
                    None => return Err(malformed(pattern)),
                    Some('\'') => break,
                    Some(literal) => affix.push(literal),
                }
            }
        }
    }
    Ok((affixes, body))
}

fn digits(body: &str, pattern: &str) -> Result<Digits, Failure> {
    let mut digits = Digits::default();
    for c in body.chars() {
        match c {
            ',' if digits.point.is_none() => digits.group = Some(0),
            ',' => return Err(malformed(pattern)),
            '.' if digits.point.is_some() => return Err(Failure::illegal_argument(format!("Multiple decimal separators in pattern \"{pattern}\""))),
            '.' => digits.point = Some(digits.optional_left + digits.zeros + digits.optional_right),
            _ => {
                match c {
                    '0' if digits.optional_right > 0 => return Err(Failure::illegal_argument(format!("Unexpected '0' in pattern \"{pattern}\""))),
                    '0' => digits.zeros += 1,
                    _ if digits.zeros > 0 => digits.optional_right += 1,
                    _ => digits.optional_left += 1,
                }
                if digits.point.is_none() {
                    digits.group = digits.group.map(|group| group + 1);
                }
            }
        }
    }
    // `#.##` has one digit before the point, `.##` one after it.
    if let (0, 1.., Some(point)) = (digits.zeros, digits.optional_left, digits.point) {
        let first = point.max(1);
        (digits.optional_right, digits.optional_left, digits.zeros) = (digits.optional_left - first, first - 1, 1);
    }
    let sound = match digits.point {
        Some(point) => (digits.optional_left..=digits.optional_left + digits.zeros).contains(&point),
        None => digits.optional_right == 0,
    };
    if sound && digits.group != Some(0) { Ok(digits) } else { Err(malformed(pattern)) }
}

impl DecimalFormat {
    /// # Errors
    /// `illegal_argument_exception` as Java words it.
    pub(crate) fn parse(pattern: &str) -> Result<DecimalFormat, Failure> {
        if pattern.len() > PATTERN_MAX {
            return Err(Failure::illegal_argument(format!("Pattern is longer than {PATTERN_MAX} bytes")));
        }
        let (first, second) = pattern.split_once(';').map_or((pattern, None), |(first, second)| (first, Some(second)));
        let (positive, body) = part(first, pattern)?;
        let negative = match second {
            Some(second) => part(second, pattern)?.0,
            None => Affixes { prefix: format!("-{}", positive.prefix), suffix: positive.suffix.clone() },
        };
        let digits = digits(&body, pattern)?;
        let total = digits.optional_left + digits.zeros + digits.optional_right;
        let affixes = [&positive.prefix, &positive.suffix];
        let shift = if affixes.iter().any(|affix| affix.contains('%')) { 2 } else { 3 * u32::from(affixes.iter().any(|affix| affix.contains('‰'))) };
        Ok(DecimalFormat {
            integer_least: digits.point.unwrap_or(total) - digits.optional_left,
            fraction_least: digits.point.map_or(0, |point| digits.optional_left + digits.zeros - point),
            fraction_most: digits.point.map_or(0, |point| total - point),
            group: digits.group.unwrap_or(0),
            positive,
            negative,
            shift,
        })
    }

    #[must_use]
    pub(crate) fn print_whole(&self, number: i128) -> String {
        let size = number.unsigned_abs().saturating_mul(10_u128.pow(self.shift));
        self.assemble(number < 0, &size.to_string(), "")
    }

    #[must_use]
    pub(crate) fn print(&self, number: f64) -> String {
        let size = number.abs() * f64::from(10_u32.pow(self.shift));
        if !size.is_finite() {
            return self.assemble(number < 0.0, if size.is_nan() { "NaN" } else { "∞" }, "");
        }
        let text = format!("{size:.0$}", self.fraction_most);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        self.assemble(number.is_sign_negative(), whole, fraction)
    }

    fn assemble(&self, negative: bool, whole: &str, fraction: &str) -> String {
        let mut fraction = fraction.trim_end_matches('0').to_owned();
        fraction.extend(std::iter::repeat_n('0', self.fraction_least.saturating_sub(fraction.len())));
        let whole = whole.trim_start_matches('0');
        let least = if fraction.is_empty() { self.integer_least.max(1) } else { self.integer_least };
        let padded = format!("{}{whole}", "0".repeat(least.saturating_sub(whole.chars().count())));
        let affixes = if negative { &self.negative } else { &self.positive };
        let mut out = affixes.prefix.clone();
        let length = padded.chars().count();
        for (at, digit) in padded.chars().enumerate() {
            if at > 0 && self.group > 0 && (length - at).is_multiple_of(self.group) {
                out.push(',');
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(&fraction);
        }
        out.push_str(&affixes.suffix);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_print_as_java_prints_them() {
        for (pattern, number, text) in [
            ("0.0", 16.6, "16.6"),
            ("0.0", 16.649, "16.6"),
            ("0", 2.5, "2"),
            ("0", 3.5, "4"),
            ("0.00", -1.005, "-1.00"),
            ("#.##", 0.5, "0.5"),
            ("#.##", 3.0, "3"),
            (".##", 0.5, ".5"),
            ("#", 0.0, "0"),
            ("000.0#", 7.25, "007.25"),
            ("#,##0.00", 1_234_567.891, "1,234,567.89"),
            ("0%", 0.256, "26%"),
            ("'#'0 ms", 12.0, "#12 ms"),
            ("0.0;(0.0)", -2.5, "(2.5)"),
        ] {
            assert_eq!(DecimalFormat::parse(pattern).unwrap().print(number), text, "{pattern}");
        }
        assert_eq!(DecimalFormat::parse("#,##0.0").unwrap().print_whole(-9_007_199_254_740_993), "-9,007,199,254,740,993.0");
    }

    #[test]
    fn what_is_no_pattern() {
        for (pattern, reason) in [
            ("0.0.0", "Multiple decimal separators in pattern \"0.0.0\""),
            ("0#0", "Unexpected '0' in pattern \"0#0\""),
            ("0#", "Malformed pattern \"0#\""),
            ("0,", "Malformed pattern \"0,\""),
            ("0x0", "Unquoted special character '0' in pattern \"0x0\""),
            ("'0", "Malformed pattern \"'0\""),
        ] {
            assert_eq!(DecimalFormat::parse(pattern).unwrap_err().reason_text(), reason);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(pattern in "\\PC{0,12}|[#0,.;%']{0,12}", number in any::<f64>(), whole in any::<i128>()) {
            if let Ok(format) = DecimalFormat::parse(&pattern) {
                let _printed = (format.print(number), format.print_whole(whole));
            }
        }
    }
}
