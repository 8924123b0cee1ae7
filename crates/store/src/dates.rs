//! Dates and time values with the errors of searches, mappings and settings: what `watchbell_time` says, as a [`Failure`].

use std::time::Duration;

use watchbell_json::Failure;
use watchbell_time::date::{DateError, DateFormat, FormatError, Rounding};
use watchbell_time::date_math::{self, DateMathError};
use watchbell_time::index_name::{self, IndexNameError};
use watchbell_time::{TimeZone, Timestamp, Zone, ZoneError, duration};

/// # Errors
/// `illegal_argument_exception` for what is no format.
pub(crate) fn format(text: &str) -> Result<DateFormat, Failure> {
    DateFormat::new(text).map_err(|error| bad_format(&error))
}

pub(crate) fn bad_format(error: &FormatError) -> Failure {
    let failure = Failure::illegal_argument(error.to_string());
    match error.cause() {
        Some(cause) => failure.caused_by(Failure::illegal_argument(cause)),
        None => failure,
    }
}

/// The zone, or UTC where none is given.
///
/// # Errors
/// `date_time_exception` and `zone_rules_exception`, as Java words them.
pub(crate) fn zone(text: Option<&str>) -> Result<TimeZone, Failure> {
    text.map_or(Ok(TimeZone::UTC), |text| Zone::parse(text).map(|zone| zone.rules().clone()).map_err(|error| no_zone(&error)))
}

fn no_zone(error: &ZoneError) -> Failure {
    Failure::new(error.kind(), error.to_string())
}

/// The failure of a text that is no date in a field's format.
pub(crate) fn unreadable(error: &DateError) -> Failure {
    let failure = Failure::illegal_argument(error.to_string());
    match error.cause() {
        Some(cause) => failure.caused_by(Failure::new("date_time_parse_exception", cause)),
        None => failure,
    }
}

/// The instant that a date expression means.
///
/// # Errors
/// `parse_exception` in the reference's words.
pub(crate) fn date_math(text: &str, now: Timestamp, format: &DateFormat, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, Failure> {
    date_math::parse(text, now, format, zone, rounding).map_err(|error| bad_math(&error))
}

fn bad_math(error: &DateMathError) -> Failure {
    match error {
        DateMathError::Date(date) if date.cause().is_some() => Failure::parse(error.to_string()).caused_by(unreadable(date)),
        DateMathError::Number { .. } => Failure::new("number_format_exception", error.to_string()),
        _ => Failure::parse(error.to_string()),
    }
}

/// `<logs-{now/d}>` becomes `logs-2026.11.24`; other names stay.
///
/// # Errors
/// `parse_exception` for what is no date math, and those of formats and zones.
pub fn resolve_name(name: &str, now: Timestamp) -> Result<String, Failure> {
    index_name::resolve(name, now).map(std::borrow::Cow::into_owned).map_err(|error| match &error {
        IndexNameError::Format(error) => bad_format(error),
        IndexNameError::Zone(error) => no_zone(error),
        IndexNameError::Math(error) => bad_math(error),
        IndexNameError::Expression { .. } | IndexNameError::Empty => Failure::parse(error.to_string()),
    })
}

/// The value of a setting or parameter that is a span of time, `30s`; `None` is `-1`, without limit.
///
/// # Errors
/// `illegal_argument_exception` that names the setting.
pub fn time_value(setting: &str, text: &str) -> Result<Option<Duration>, Failure> {
    duration::parse_setting_duration(setting, text).map_err(|error| {
        let failure = Failure::illegal_argument(error.to_string());
        match error.number_format() {
            Some(reason) => failure.caused_by(Failure::new("number_format_exception", reason)),
            None => failure,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_of_the_kinds_that_the_reference_throws() {
        let kinds = |failure: Failure| {
            let mut kinds = vec![failure.kind.to_string()];
            let mut cause = failure.caused_by;
            while let Some(inner) = cause {
                kinds.push(inner.kind.to_string());
                cause = inner.caused_by;
            }
            kinds.join(" < ")
        };
        let math = |text: &str| date_math(text, Timestamp::UNIX_EPOCH, &DateFormat::default_format(), &TimeZone::UTC, Rounding::Down).unwrap_err();
        let name = |text: &str| resolve_name(text, Timestamp::UNIX_EPOCH).unwrap_err();
        for (failure, expected) in [
            (math("19/11/2026"), "parse_exception < illegal_argument_exception < date_time_parse_exception"),
            (math(""), "parse_exception"),
            (math("now-1x"), "parse_exception"),
            (math("now-99999999999d"), "number_format_exception"),
            (format("nope").unwrap_err(), "illegal_argument_exception < illegal_argument_exception"),
            (zone(Some("Pangea/Tethys")).unwrap_err(), "zone_rules_exception"),
            (zone(Some("+99")).unwrap_err(), "date_time_exception"),
            (name("<a-{now/d{nope}}>"), "illegal_argument_exception < illegal_argument_exception"),
            (name("<a-{now/d{yyyy|x}}>"), "date_time_exception"),
            (name("<a-{now/d>"), "parse_exception"),
            (time_value("timeout", "1.5s").unwrap_err(), "illegal_argument_exception < number_format_exception"),
            (time_value("timeout", "soon").unwrap_err(), "illegal_argument_exception"),
        ] {
            assert_eq!(kinds(failure), expected);
        }
    }
}
