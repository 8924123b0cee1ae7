//! Formats, bounds and errors, as a real Elasticsearch answered them.

use proptest::prelude::*;

use super::*;
use crate::Zone;

fn parse(format: &str, text: &str, zone: &str, rounding: Rounding) -> Result<String, String> {
    let zone = Zone::parse(zone).unwrap();
    let format = DateFormat::new(format).map_err(|e| e.to_string())?;
    format.parse_rounding(text, zone.rules(), rounding).map(|at| at.to_string()).map_err(|e| e.to_string())
}

fn utc(format: &str, text: &str) -> Option<String> {
    parse(format, text, "UTC", Rounding::Down).ok()
}

#[test]
fn the_default_format_reads_what_elasticsearch_reads() {
    for (text, expected) in [
        ("2026", Some("2026-01-01T00:00:00Z")),
        ("2026-03", Some("2026-03-01T00:00:00Z")),
        ("2026-03-29", Some("2026-03-29T00:00:00Z")),
        ("2026-03-29T", Some("2026-03-29T00:00:00Z")),
        ("2026-03-29T05", Some("2026-03-29T05:00:00Z")),
        ("2026-03-29T05:06", Some("2026-03-29T05:06:00Z")),
        ("2026-03-29T05:06:07", Some("2026-03-29T05:06:07Z")),
        ("2026-03-29T05:06:07.1", Some("2026-03-29T05:06:07.1Z")),
        ("2026-03-29T05:06:07.123456789Z", Some("2026-03-29T05:06:07.123456789Z")),
        ("2026-03-29T05:06:07+01:00", Some("2026-03-29T04:06:07Z")),
        ("2026-03-29T05:06:07+0100", Some("2026-03-29T04:06:07Z")),
        ("2026-03-29T05:06:07+01", Some("2026-03-29T04:06:07Z")),
        ("2026-03-29T05:06-02:30", Some("2026-03-29T07:36:00Z")),
        ("1795046400123", Some("2026-11-19T00:00:00.123Z")),
        ("-1", Some("1969-12-31T23:59:59.999Z")),
        ("0", Some("1970-01-01T00:00:00Z")),
        ("2026-02-30", None),
        ("2026-02-29", None),
        ("2024-02-29", Some("2024-02-29T00:00:00Z")),
        ("2026-13-01", None),
        ("2026-3-1", None),
        ("2026-03-29 05:06:07", None),
        ("2026-03-29T05:06:07,5", Some("2026-03-29T05:06:07.5Z")),
        ("2026-03-29T05Z", Some("2026-03-29T05:00:00Z")),
        ("2026-03-29Z", None),
        ("2026-03-29T05:06:07Europe/Berlin", Some("2026-03-29T03:06:07Z")),
        ("2026-03-29T05:06:07 +01:00", None),
        ("2026-03-29t05:06", None),
        ("12026-03-29", None),
        ("+2026-03-29", None),
        ("2026-03-29T24:00", None),
        ("2026-W13-6", None),
        ("2026-087", None),
        ("20260329", Some("1970-01-01T05:37:40.329Z")),
        ("yesterday", None),
        ("true", None),
        ("", None),
    ] {
        assert_eq!(utc(DateFormat::DEFAULT, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn an_incomplete_bound_is_rounded_within_its_day_only() {
    for (text, expected) in [
        ("2026-11-19", "2026-11-19T23:59:59.999999999Z"),
        ("2026-11", "2026-11-01T23:59:59.999999999Z"),
        ("2026", "2026-01-01T23:59:59.999999999Z"),
        ("2026-11-19T05", "2026-11-19T05:59:59.999999999Z"),
        ("2026-11-19T05:06:07", "2026-11-19T05:06:07.999999999Z"),
        ("2026-11-19T05:06:07.5", "2026-11-19T05:06:07.5Z"),
        ("1795046400000", "2026-11-19T00:00:00.000999999Z"),
    ] {
        assert_eq!(parse(DateFormat::DEFAULT, text, "UTC", Rounding::Up).unwrap(), expected, "{text}");
    }
    let at = DateFormat::default_format().parse_rounding("2026-11-19", &TimeZone::UTC, Rounding::Up).unwrap();
    assert_eq!(crate::epoch_millis(at), 1_795_132_799_999);
}

#[test]
fn a_zone_counts_where_the_text_has_none() {
    assert_eq!(parse("strict_date", "2026-11-19", "+08:00", Rounding::Down).unwrap(), "2026-11-18T16:00:00Z");
    assert_eq!(parse(DateFormat::DEFAULT, "2026-11-19T00:00:00Z", "+08:00", Rounding::Down).unwrap(), "2026-11-19T00:00:00Z");
    assert_eq!(parse(DateFormat::DEFAULT, "2026-11-19", "America/New_York", Rounding::Down).unwrap(), "2026-11-19T05:00:00Z");
}

#[test]
fn named_formats_and_pattern_letters() {
    for (format, text, expected) in [
        ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2026:08:00:00 +0800", Some("2026-11-24T00:00:00Z")),
        ("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "2026/11/24 01:02:03", Some("2026-11-24T01:02:03Z")),
        ("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "2026/11/24", Some("2026-11-24T00:00:00Z")),
        ("yyyyMMdd", "20261124", Some("2026-11-24T00:00:00Z")),
        ("yyyyMMddHHmmssSSS", "20261124010203456", Some("2026-11-24T01:02:03.456Z")),
        ("basic_date", "20261124", Some("2026-11-24T00:00:00Z")),
        ("basic_date_time_no_millis", "20261119T060000Z", Some("2026-11-19T06:00:00Z")),
        ("basicDateTimeNoMillis", "20261119T060000+0100", Some("2026-11-19T05:00:00Z")),
        ("strict_date_time", "2026-11-19T06:00:00.5Z", Some("2026-11-19T06:00:00.5Z")),
        ("strict_date_time", "2026-11-19T06:00:00Z", None),
        ("date_optional_time", "2026-3-9T5:6:7.25", Some("2026-03-09T05:06:07.25Z")),
        ("date", "2026-3-9", Some("2026-03-09T00:00:00Z")),
        ("strict_date", "2026-3-9", None),
        ("strict_week_date", "2026-W13-6", Some("2026-03-28T00:00:00Z")),
        ("strict_ordinal_date", "2026-087", Some("2026-03-28T00:00:00Z")),
        ("strict_ordinal_date", "2026-366", None),
        ("epoch_second", "1795046400", Some("2026-11-19T00:00:00Z")),
        ("epoch_second", "1795046400.25", Some("2026-11-19T00:00:00.25Z")),
        ("d.M.yy h:mm a", "9.3.26 1:05 PM", Some("2026-03-09T13:05:00Z")),
        ("EEE, d MMM yyyy HH:mm:ss Z", "Thu, 19 Nov 2026 06:00:00 +0000", Some("2026-11-19T06:00:00Z")),
        ("yyyy-MM-dd'T'HH:mmXXX", "2026-11-19T06:00+02:00", Some("2026-11-19T04:00:00Z")),
        ("yyyy-MM-dd'T'HH:mmXXX", "2026-11-19T06:00Z", Some("2026-11-19T06:00:00Z")),
        ("yyyy-MM-dd HH:mm VV", "2026-07-01 12:00 Europe/Berlin", Some("2026-07-01T10:00:00Z")),
        ("yyyy-MM-dd HH:mm z", "2026-01-01 12:00 CET", Some("2026-01-01T11:00:00Z")),
        ("yyyy-MM-dd HH:mm O", "2026-01-01 12:00 GMT+1", Some("2026-01-01T11:00:00Z")),
        ("date_optional_time", "26-3-9", Some("0026-03-09T00:00:00Z")),
        ("kk:mm", "24:05", Some("1970-01-01T00:05:00Z")),
        ("K:mm a", "0:05 PM", Some("1970-01-01T12:05:00Z")),
        ("DDD yyyy", "087 2026", Some("2026-03-28T00:00:00Z")),
        ("basic_week_date", "2026W136", Some("2026-03-28T00:00:00Z")),
        ("epoch_millis", "1795046400123.456", Some("2026-11-19T00:00:00.123456Z")),
        ("yyyy-MM-dd[ HH:mm]", "2026-07-01", Some("2026-07-01T00:00:00Z")),
        ("8yyyy-MM-dd", "2026-07-01", Some("2026-07-01T00:00:00Z")),
        ("'at' HH 'o''clock'", "at 07 o'clock", Some("1970-01-01T07:00:00Z")),
    ] {
        assert_eq!(utc(format, text).as_deref(), expected, "{format} {text}");
    }
}

#[test]
fn printing_uses_the_first_alternative() {
    let at: Timestamp = "2026-11-18T23:04:05.6Z".parse().unwrap();
    for (format, zone, expected) in [
        (DateFormat::DEFAULT, "UTC", "2026-11-18T23:04:05.600Z"),
        (DateFormat::DEFAULT, "+08:00", "2026-11-19T07:04:05.600+08:00"),
        ("date_optional_time", "UTC", "2026-11-18T23:04:05.600Z"),
        ("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "UTC", "2026/11/18 23:04:05"),
        ("yyyy-MM-dd'T'HH:mmXXX", "Europe/Berlin", "2026-11-19T00:04+01:00"),
        ("E", "UTC", "Wed"),
        ("EEEE d MMMM uuuu", "UTC", "Wednesday 18 November 2026"),
        ("qq", "UTC", "04"),
        ("epoch_second", "UTC", "1795043045.6"),
        ("epoch_millis", "+08:00", "1795043045600"),
        ("h:mm a", "UTC", "11:04 PM"),
        ("basic_date_time", "+01:00", "20261119T000405.600+0100"),
        ("YYYY-'W'ww-e", "UTC", "2026-W47-3"),
        ("yy.D", "UTC", "26.322"),
        (DateFormat::DEFAULT_NANOS, "UTC", "2026-11-18T23:04:05.600Z"),
    ] {
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(DateFormat::new(format).unwrap().print(at, zone.rules()), expected, "{format}");
    }
    // As many digits as there are, from three on.
    let at: Timestamp = "2026-11-18T23:04:05.123456780Z".parse().unwrap();
    assert_eq!(DateFormat::new(DateFormat::DEFAULT_NANOS).unwrap().print(at, &TimeZone::UTC), "2026-11-18T23:04:05.12345678Z");
}

#[test]
fn errors_have_elasticsearchs_words() {
    let fail = |format: &str, text: &str| {
        let error = DateFormat::new(format).unwrap().parse(text, &TimeZone::UTC).unwrap_err();
        (error.to_string(), error.cause().unwrap_or("-").to_owned())
    };
    assert_eq!(
        fail("uuuu.MM.dd", "2026-11-24"),
        ("failed to parse date field [2026-11-24] with format [uuuu.MM.dd]".into(), "Text '2026-11-24' could not be parsed at index 4".into())
    );
    assert_eq!(fail("iso8601", "x").1, "Text 'x' could not be parsed at index 0");
    assert_eq!(fail(DateFormat::DEFAULT, "yesterday").1, "Failed to parse with all enclosed parsers");
    assert_eq!(fail("yyyy-MM-dd", "2026-01-01x").1, "Text '2026-01-01x' could not be parsed, unparsed text found at index 10");
    assert_eq!(fail("yyyy-MM-dd", "2026-13-01").1, "Text '2026-13-01' could not be parsed: Invalid value for MonthOfYear (valid values 1 - 12): 13");
    assert_eq!(fail("yyyy", ""), ("cannot parse empty date".into(), "-".into()));
    let format = DateFormat::new("nope").unwrap_err();
    assert_eq!(format.to_string(), "Invalid format: [nope]: Unknown pattern letter: o");
    assert_eq!(format.cause(), Some("Unknown pattern letter: o"));
    for (text, cause) in [
        ("2026-W13-6", "unparsed text found at index 4"),
        ("2026-087", "unparsed text found at index 7"),
        ("2026-03-29T05:06:07.1234567891", "unparsed text found at index 29"),
        ("2026-03-29T05:06:07.Z", "unparsed text found at index 19"),
        ("2026-03-29Z", "unparsed text found at index 10"),
    ] {
        assert_eq!(fail("strict_date_optional_time", text).1, format!("Text '{text}' could not be parsed, {cause}"));
    }
    for (format, text, cause) in [
        ("strict_date_optional_time", "20260329", " at index 0"),
        ("strict_date_optional_time", "2026-02-30", ": Invalid date 'FEBRUARY 30'"),
        ("strict_date_optional_time", "2026-02-29", ": Invalid date 'February 29' as '2026' is not a leap year"),
        ("strict_date_optional_time", "2026-03-29T24:00", ": Invalid value for HourOfDay (valid values 0 - 23): 24"),
        ("yyyy-MM-dd", "2026-02-32", ": Invalid value for DayOfMonth (valid values 1 - 28/31): 32"),
        ("yyyy-MM-dd", "2026-1-1", " at index 5"),
        ("yyyy-MM-dd", "12026-01-01", " at index 0"),
        ("d MMM yyyy", "3 sep 2026", " at index 2"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "2026-01-01T00:00:00.123Z", " at index 23"),
    ] {
        assert_eq!(fail(format, text).1, format!("Text '{text}' could not be parsed{cause}"));
    }
    assert_eq!(fail("epoch_millis", "1e3").1, "Failed to parse with all enclosed parsers");
    assert_eq!(DateFormat::new("yyyy||").unwrap_err().to_string(), "Cannot have empty element in multi date format pattern: yyyy||");
    assert_eq!(DateFormat::new("").unwrap_err().to_string(), "No date pattern provided");
    assert_eq!(DateFormat::new("SSSSSSSSSS").unwrap_err().to_string(), "Invalid format: [SSSSSSSSSS]: Minimum width must be from 0 to 9 inclusive but was 10");
    assert!(DateFormat::new(&"yyyy||".repeat(1000)).unwrap_err().to_string().ends_with("Pattern is longer than 1024 bytes"));
    for bad in ["", "yyyy'x", "yyyy]", "{", "MMMMMM", "a||", "V"] {
        assert!(DateFormat::new(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(format in "\\PC{0,20}|[yMdHmsSaZXxVEe'.:\\[\\] -]{0,20}", text in "\\PC{0,30}|[0-9TZ:.+-]{0,30}") {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        if let Ok(format) = DateFormat::new(&format) {
            for rounding in [Rounding::Down, Rounding::Up] {
                if let Ok(at) = format.parse_rounding(&text, zone.rules(), rounding) {
                    let _any = format.print(at, zone.rules());
                }
            }
        }
        let _any = DateFormat::default_format().parse(&text, zone.rules());
    }

    #[test]
    fn what_is_printed_reads_back(millis in -62_000_000_000_000_i64..253_000_000_000_000) {
        let at = Timestamp::from_millisecond(millis).unwrap();
        for format in [DateFormat::DEFAULT, "epoch_millis", "strict_date_time", "basic_date_time", "yyyyMMddHHmmssSSS", "strict_week_date_time"] {
            let format = DateFormat::new(format).unwrap();
            prop_assert_eq!(format.parse(&format.print(at, &TimeZone::UTC), &TimeZone::UTC).unwrap(), at);
        }
    }
}
