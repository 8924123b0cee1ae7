//! Elasticsearch's named formats, written in pattern letters.
//!
//! In this notation `.SSS` is a fraction of 1 to 9 digits (at least 3 when printed), `Z` any offset or region, `ZZ` the same
//! without colon.

use super::Alternative;
use super::pattern::{self, Element, Widths};

const OPTIONAL_TIME: &str = "yyyy[-MM[-dd]]['T'[HH[:mm[:ss[.SSS][,SSS]]][Z]]]";
const FULL: &str = "yyyy-MM-dd'T'HH:mm:ss.SSSZ";

/// `strict_` in front makes the widths exact.
const BOTH_WIDTHS: &[(&str, &str)] = &[
    ("date", "yyyy-MM-dd"),
    ("date_hour", "yyyy-MM-dd'T'HH"),
    ("date_hour_minute", "yyyy-MM-dd'T'HH:mm"),
    ("date_hour_minute_second", "yyyy-MM-dd'T'HH:mm:ss"),
    ("date_hour_minute_second_fraction", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_hour_minute_second_millis", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_time", "yyyy-MM-dd'T'HH:mm:ss.SSSZ"),
    ("date_time_no_millis", "yyyy-MM-dd'T'HH:mm:ssZ"),
    ("hour", "HH"),
    ("hour_minute", "HH:mm"),
    ("hour_minute_second", "HH:mm:ss"),
    ("hour_minute_second_fraction", "HH:mm:ss.SSS"),
    ("hour_minute_second_millis", "HH:mm:ss.SSS"),
    ("ordinal_date", "yyyy-DDD"),
    ("ordinal_date_time", "yyyy-DDD'T'HH:mm:ss.SSSZ"),
    ("ordinal_date_time_no_millis", "yyyy-DDD'T'HH:mm:ssZ"),
    ("time", "HH:mm:ss.SSSZ"),
    ("time_no_millis", "HH:mm:ssZ"),
    ("t_time", "'T'HH:mm:ss.SSSZ"),
    ("t_time_no_millis", "'T'HH:mm:ssZ"),
    ("week_date", "YYYY-'W'ww-e"),
    ("week_date_time", "YYYY-'W'ww-e'T'HH:mm:ss.SSSZ"),
    ("week_date_time_no_millis", "YYYY-'W'ww-e'T'HH:mm:ssZ"),
    ("weekyear", "YYYY"),
    ("week_year", "YYYY"),
    ("weekyear_week", "YYYY-'W'ww"),
    ("weekyear_week_day", "YYYY-'W'ww-e"),
    ("year", "yyyy"),
    ("year_month", "yyyy-MM"),
    ("year_month_day", "yyyy-MM-dd"),
    ("basic_week_date", "YYYY'W'wwe"),
    ("basic_week_date_time", "YYYY'W'wwe'T'HHmmss.SSSZZ"),
    ("basic_week_date_time_no_millis", "YYYY'W'wwe'T'HHmmssZZ"),
];

/// Without separators the widths are always exact.
const BASIC: &[(&str, &str)] = &[
    ("basic_date", "yyyyMMdd"),
    ("basic_date_time", "yyyyMMdd'T'HHmmss.SSSZZ"),
    ("basic_date_time_no_millis", "yyyyMMdd'T'HHmmssZZ"),
    ("basic_ordinal_date", "yyyyDDD"),
    ("basic_ordinal_date_time", "yyyyDDD'T'HHmmss.SSSZZ"),
    ("basic_ordinal_date_time_no_millis", "yyyyDDD'T'HHmmssZZ"),
    ("basic_time", "HHmmss.SSSZZ"),
    ("basic_time_no_millis", "HHmmssZZ"),
    ("basic_t_time", "'T'HHmmss.SSSZZ"),
    ("basic_t_time_no_millis", "'T'HHmmssZZ"),
];

pub(super) fn strict_date_optional_time() -> Alternative {
    optional_time(Widths::Strict)
}

fn optional_time(widths: Widths) -> Alternative {
    Alternative::Pattern { parser: elements(OPTIONAL_TIME, widths), printer: elements(FULL, widths) }
}

/// The tables hold valid patterns only (a test compiles each).
fn elements(pattern: &str, widths: Widths) -> Vec<Element> {
    pattern::compile(pattern, widths).unwrap_or_default()
}

/// The named format, also in the camel case of old mappings.
pub(super) fn lookup(name: &str) -> Option<Alternative> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return lookup_snake(&snake_case(name)?);
    }
    lookup_snake(name)
}

fn snake_case(name: &str) -> Option<String> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric()) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return name.eq_ignore_ascii_case("iso8601").then(|| "iso8601".to_owned());
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Some(snake)
}

fn lookup_snake(name: &str) -> Option<Alternative> {
    let (widths, rest) = match name.strip_prefix("strict_") {
        Some(rest) => (Widths::Strict, rest),
        None => (Widths::Lenient, name),
    };
    match name {
        "epoch_millis" => return Some(Alternative::EpochMillis),
        "epoch_second" => return Some(Alternative::EpochSecond),
        "iso8601" => return Some(strict_date_optional_time()),
        "strict_date_optional_time" | "date_optional_time" | "strict_date_optional_time_nanos" => return Some(optional_time(widths)),
        _ => {}
    }
    let find = |table: &[(&str, &'static str)], name: &str| table.iter().find(|(n, _)| *n == name).map(|(_, pattern)| *pattern);
    let (pattern, widths) = match find(BOTH_WIDTHS, rest) {
        Some(pattern) if rest.starts_with("basic") => (pattern, Widths::Strict),
        Some(pattern) => (pattern, widths),
        None => (find(BASIC, name)?, Widths::Strict),
    };
    // Printing pads in either case.
    Some(Alternative::Pattern { parser: elements(pattern, widths), printer: elements(pattern, Widths::Strict) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for (name, pattern) in BOTH_WIDTHS.iter().chain(BASIC) {
            for widths in [Widths::Strict, Widths::Lenient] {
                assert!(!pattern::compile(pattern, widths).unwrap().is_empty(), "{name}");
            }
        }
        for pattern in [OPTIONAL_TIME, FULL] {
            assert!(pattern::compile(pattern, Widths::Strict).is_ok());
        }
    }
}
