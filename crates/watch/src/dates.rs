//! Dates as watches read them: the default format of the reference, UTC (spec watcher-parts §1.3, §1.4).

use watchbell_json::Failure;
use watchbell_time::{
    TimeZone, Timestamp,
    date::{DateFormat, Rounding},
    date_math,
};

/// `strict_date_optional_time||epoch_millis`; no date math.
#[must_use]
pub fn parse_date(text: &str) -> Option<Timestamp> {
    DateFormat::default_format().parse(text, &TimeZone::UTC).ok()
}

/// `now-5m`, `2015-05-05T20:58:02.443Z||+1d`, or a plain date; rounding goes down.
///
/// # Errors
/// `parse_exception`.
pub fn date_math(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    date_math::parse(text, now, &DateFormat::default_format(), &TimeZone::UTC, Rounding::Down).map_err(|error| Failure::parse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_date_math() {
        let now: Timestamp = "2024-03-10T10:15:30.500Z".parse().unwrap();
        for (text, at) in [
            ("now-5m", "2024-03-10T10:10:30.5Z"),
            ("now/d", "2024-03-10T00:00:00Z"),
            ("2015-05-05T20:58:02.443Z||+1d", "2015-05-06T20:58:02.443Z"),
            ("2015-05-05", "2015-05-05T00:00:00Z"),
        ] {
            assert_eq!(date_math(text, now).unwrap().to_string(), at);
        }
        assert!(date_math("now-5q", now).is_err());
        assert_eq!(parse_date("2021-02-03T08:20:58.31747Z").unwrap().to_string(), "2021-02-03T08:20:58.31747Z");
        assert_eq!(parse_date("now"), None);
        assert_eq!(parse_date("1612340458300").unwrap().to_string(), "2021-02-03T08:20:58.3Z");
    }
}
