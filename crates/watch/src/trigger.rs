//! Triggers: `{"schedule": {…}}` (spec watcher-parts §2).

use watchbell_json::{Failure, Json, token_name};
use watchbell_time::schedule::{Interval, Schedule};

use crate::WatchId;

/// Shortest interval.
const INTERVAL_MIN_MILLIS: i64 = 1_000;

/// Units of intervals; unlike other durations they know neither milliseconds nor fractions.
const INTERVAL_UNITS: [(char, i64); 5] = [
    ('s', 1_000),
    ('m', 60_000),
    ('h', 3_600_000),
    ('d', 86_400_000),
    ('w', 604_800_000),
];

/// # Errors
/// `parse_exception`.
pub(crate) fn parse_trigger(watch: &WatchId, value: &Json) -> Result<Schedule, Failure> {
    let no_type = |found: &str| {
        Failure::parse(format!(
            "could not parse trigger for [{watch}]. expected trigger type string field, but found [{found}]"
        ))
    };
    let Json::Map(map) = value else {
        return Err(no_type(&token_name(value).to_string()));
    };
    let mut members = map.iter();
    let Some((kind, body)) = members.next() else {
        return Err(no_type("END_OBJECT"));
    };
    let outer = format!("could not parse trigger [{kind}] for [{watch}]");
    if !matches!(body, Json::Map(_)) {
        return Err(Failure::parse(format!(
            "{outer}. expected trigger an object as the trigger body, but found [{}]",
            token_name(body)
        )));
    }
    if &**kind != "schedule" {
        return Err(Failure::parse(format!(
            "{outer}. unknown trigger type [{kind}]"
        )));
    }
    let schedule = parse_schedule(body)?;
    if members.next().is_some() {
        return Err(Failure::parse(format!(
            "{outer}. expected [END_OBJECT] token, but found [FIELD_NAME]"
        )));
    }
    Ok(schedule)
}

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse schedule. {what}"))
}

/// The last schedule of several wins.
fn parse_schedule(body: &Json) -> Result<Schedule, Failure> {
    let mut last = None;
    for (kind, value) in body.as_map().into_iter().flat_map(|map| map.iter()) {
        last = Some(match &**kind {
            "interval" => Schedule::Interval(parse_interval(value).map_err(|cause| {
                Failure::parse("could not parse [interval] schedule").caused_by(cause)
            })?),
            unknown => return Err(broken(format_args!("unknown schedule type [{unknown}]"))),
        });
    }
    last.ok_or_else(|| broken("expected a schedule type field, but found [END_OBJECT]"))
}

/// A number is seconds; a text is digits and a unit.
fn parse_interval(value: &Json) -> Result<Interval, Failure> {
    let text = match value {
        Json::Int(seconds) => format!("{seconds}s"),
        Json::Str(text) => text.to_string(),
        other => {
            return Err(Failure::parse(format!(
                "expected a numeric value (for seconds) or a string value representing time, but found [{}] token",
                token_name(other)
            )));
        }
    };
    let too_short = || {
        Failure::illegal_argument(format!(
            "interval can't be lower than {INTERVAL_MIN_MILLIS} ms, but [{text}] was specified"
        ))
    };
    let unrecognized = || Failure::parse(format!("unrecognized interval format [{text}]"));
    let (number, unit) = text
        .chars()
        .last()
        .and_then(|unit| text.strip_suffix(unit).map(|number| (number, unit)))
        .ok_or_else(unrecognized)?;
    let factor = INTERVAL_UNITS
        .iter()
        .find(|(known, _)| *known == unit)
        .map(|(_, millis)| *millis)
        .ok_or_else(unrecognized)?;
    let negative = number.starts_with('-');
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unrecognized());
    }
    let millis = digits
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(unrecognized)?;
    if negative || millis < INTERVAL_MIN_MILLIS {
        return Err(too_short());
    }
    Ok(Interval { millis, text })
}

/// The canonical form.
pub(crate) fn trigger_json(schedule: &Schedule) -> Json {
    let body = match schedule {
        Schedule::Interval(interval) => Json::object().with("interval", &*interval.text),
        _ => Json::object(),
    };
    Json::object().with("schedule", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<Schedule, Failure> {
        parse_trigger(&WatchId::parse("w").unwrap(), value)
    }

    fn every(interval: &Json) -> Json {
        Json::object().with(
            "schedule",
            Json::object().with("interval", interval.clone()),
        )
    }

    #[test]
    fn intervals() {
        for (given, printed, millis) in [
            (json!(60), "60s", 60_000),
            (json!("1m"), "1m", 60_000),
            (json!("10s"), "10s", 10_000),
            (json!("2w"), "2w", 1_209_600_000),
        ] {
            let schedule = parse(&every(&given)).unwrap();
            assert_eq!(
                trigger_json(&schedule),
                json!({"schedule": {"interval": printed}})
            );
            assert_eq!(
                schedule,
                Schedule::Interval(Interval {
                    millis,
                    text: String::new()
                })
            );
        }
        for given in [
            json!("100ms"),
            json!("1.5h"),
            json!("5M"),
            json!("5"),
            json!(""),
            json!(" 5s"),
            json!("é"),
            json!("99999999999999999999s"),
        ] {
            let failure = parse(&every(&given)).unwrap_err();
            assert_eq!(failure.reason_text(), "could not parse [interval] schedule");
            assert_eq!(
                failure.root_cause().reason_text(),
                format!("unrecognized interval format [{}]", given.as_str().unwrap())
            );
        }
        for given in [json!(0), json!("0s"), json!(-5), json!("-1m")] {
            let failure = parse(&every(&given)).unwrap_err();
            let cause = failure.caused_by.unwrap();
            assert_eq!(cause.kind, "illegal_argument_exception");
            assert!(
                cause
                    .reason_text()
                    .starts_with("interval can't be lower than 1000 ms")
            );
        }
    }

    #[test]
    fn what_is_no_trigger_is_refused() {
        for (given, reason) in [
            (
                json!({}),
                "could not parse trigger for [w]. expected trigger type string field, but found [END_OBJECT]",
            ),
            (
                json!([]),
                "could not parse trigger for [w]. expected trigger type string field, but found [START_ARRAY]",
            ),
            (
                json!({"schedule": 5}),
                "could not parse trigger [schedule] for [w]. expected trigger an object as the trigger body, but found [VALUE_NUMBER]",
            ),
            (
                json!({"moon": {}}),
                "could not parse trigger [moon] for [w]. unknown trigger type [moon]",
            ),
            (
                json!({"schedule": {"interval": "1m"}, "x": {}}),
                "could not parse trigger [schedule] for [w]. expected [END_OBJECT] token, but found [FIELD_NAME]",
            ),
            (
                json!({"schedule": {"lunar": "1m"}}),
                "could not parse schedule. unknown schedule type [lunar]",
            ),
            (
                json!({"schedule": {}}),
                "could not parse schedule. expected a schedule type field, but found [END_OBJECT]",
            ),
        ] {
            assert_eq!(parse(&given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
