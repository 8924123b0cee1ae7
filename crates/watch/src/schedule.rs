//! Schedules of a definition: reading and printing them (spec watcher-parts §2). What they mean is the time crate's.

use watchbell_json::{Failure, Json, Map, token_name};
use watchbell_time::{
    Zone,
    schedule::{Calendar, Cron, DayTime, Interval, Month, MonthDay, MonthTimes, Rule, Schedule, ScheduleError, WeekTimes, Weekday, YearTimes},
};

use crate::time_value::parse_integer;

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse schedule. {what}"))
}

/// The cause that a schedule's part which cannot be comes to.
fn cause(error: &ScheduleError) -> Failure {
    let failure = Failure::new(error.kind(), error.to_string());
    match error {
        ScheduleError::Cron(cron) => failure.caused_by(Failure::illegal_argument(cron.detail())),
        _ => failure,
    }
}

fn unexpected(value: &Json, what: &str) -> Failure {
    Failure::parse(format!("expected {what}, but found [{}]", token_name(value)))
}

/// The last schedule of several wins; the zone may stand before or after it.
///
/// # Errors
/// `parse_exception`.
pub(crate) fn parse_schedule(body: &Map) -> Result<Schedule, Failure> {
    let (mut last, mut zone) = (None, None);
    for (kind, value) in body.iter() {
        if &**kind == "timezone" {
            zone = Some(parse_zone(value)?);
            continue;
        }
        let part = Part::parse(kind, value).map_err(|cause| Failure::parse(format!("could not parse [{kind}] schedule")).caused_by(cause))?;
        last = Some(part.ok_or_else(|| broken(format_args!("unknown schedule type [{kind}]")))?);
    }
    match (last, zone) {
        (None, _) => Err(broken("expected a schedule type field, but found [END_OBJECT]")),
        (Some(Part::Interval(interval)), None) => Ok(Schedule::Interval(interval)),
        (Some(Part::Interval(_)), Some(_)) => Err(broken(ScheduleError::ZoneOfInterval)),
        (Some(Part::Rule(rule)), zone) => Calendar::new(rule, zone).map(Schedule::Calendar).map_err(|error| broken(&error).caused_by(cause(&error))),
    }
}

fn parse_zone(value: &Json) -> Result<Zone, Failure> {
    let Json::Str(text) = value else {
        return Err(broken(format_args!("expected a string value for timezone, but found [{}]", token_name(value))));
    };
    Zone::parse(text).map_err(|error| broken(format_args!("invalid timezone [{text}]")).caused_by(Failure::new(error.kind(), error.to_string())))
}

enum Part {
    Interval(Interval),
    Rule(Rule),
}

impl Part {
    /// `None`: nobody knows the type.
    fn parse(kind: &str, value: &Json) -> Result<Option<Part>, Failure> {
        Ok(Some(match kind {
            "interval" => Part::Interval(parse_interval(value)?),
            "cron" => Part::Rule(parse_cron(value)?),
            "hourly" => Part::Rule(parse_hourly(value)?),
            "daily" => Part::Rule(parse_daily(value)?),
            "weekly" => Part::Rule(Rule::weekly(objects(value, parse_week)?)),
            "monthly" => Part::Rule(Rule::monthly(objects(value, parse_month)?)),
            "yearly" => Part::Rule(Rule::yearly(objects(value, parse_year)?)),
            _ => return Ok(None),
        }))
    }
}

/// A number is seconds; a text is digits and a unit.
fn parse_interval(value: &Json) -> Result<Interval, Failure> {
    match value {
        Json::Int(seconds) => Interval::seconds(*seconds),
        Json::Str(text) => Interval::parse(text),
        other => {
            return Err(unexpected(other, "a number of seconds or a string with a unit"));
        }
    }
    .map_err(|error| cause(&error))
}

fn parse_cron(value: &Json) -> Result<Rule, Failure> {
    let expressions =
        list(value).iter().map(|item| item.as_str().ok_or_else(|| unexpected(item, "a cron expression as a string"))).collect::<Result<Vec<_>, _>>()?;
    Rule::cron(expressions).map_err(|error| cause(&error))
}

fn object<'j>(value: &'j Json, what: &str) -> Result<&'j Map, Failure> {
    value.as_map().ok_or_else(|| unexpected(value, what))
}

/// A value as a list: itself, or the one element.
fn list(value: &Json) -> &[Json] {
    match value {
        Json::List(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn numbers(value: &Json, field: &str) -> Result<Vec<i64>, Failure> {
    list(value).iter().map(|item| parse_integer(item, field)).collect()
}

fn parse_hourly(value: &Json) -> Result<Rule, Failure> {
    let mut minutes = Vec::new();
    for (field, value) in object(value, "an object with [minute]")?.iter() {
        match &**field {
            "minute" => minutes = numbers(value, "minute")?,
            unknown => return Err(Failure::parse(format!("unexpected field [{unknown}]"))),
        }
    }
    Rule::hourly(&minutes).map_err(|error| cause(&error))
}

fn parse_daily(value: &Json) -> Result<Rule, Failure> {
    let mut at = Vec::new();
    for (field, value) in object(value, "an object with [at]")?.iter() {
        match &**field {
            "at" | "time" => at = times(value)?,
            unknown => return Err(Failure::parse(format!("unexpected field [{unknown}]"))),
        }
    }
    Ok(Rule::daily(at))
}

fn times(value: &Json) -> Result<Vec<DayTime>, Failure> {
    list(value).iter().map(day_time).collect()
}

fn day_time(value: &Json) -> Result<DayTime, Failure> {
    match value {
        Json::Str(text) => DayTime::parse(text),
        Json::Map(map) => {
            let part = |name: &str| map.get(name).map_or_else(|| Ok(Vec::new()), |value| numbers(value, name));
            DayTime::each(&part("hour")?, &part("minute")?)
        }
        other => return Err(unexpected(other, "a time of day as a string or an object")),
    }
    .map_err(|error| cause(&error))
}

/// One object, or a list of them.
fn objects<T>(value: &Json, read: impl Fn(&Map) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    list(value).iter().map(|item| read(object(item, "an object or a list of objects")?)).collect()
}

/// A list of named or numbered things.
fn named<T>(value: &Json, number: impl Fn(i64) -> Result<T, ScheduleError>, name: impl Fn(&str) -> Result<T, ScheduleError>) -> Result<Vec<T>, Failure> {
    let one = |item: &Json| match item {
        Json::Int(at) => number(*at).map_err(|error| cause(&error)),
        Json::Str(text) => name(text).map_err(|error| cause(&error)),
        other => Err(unexpected(other, "a number or a name")),
    };
    list(value).iter().map(one).collect()
}

/// The member under any of its names.
fn either<'j>(map: &'j Map, names: [&str; 2]) -> Option<&'j Json> {
    names.iter().find_map(|name| map.get(name))
}

fn at(map: &Map) -> Result<Vec<DayTime>, Failure> {
    either(map, ["at", "time"]).map_or_else(|| Ok(Vec::new()), times)
}

fn days_of_month(map: &Map) -> Result<Vec<MonthDay>, Failure> {
    either(map, ["on", "day"]).map_or_else(|| Ok(Vec::new()), |value| named(value, MonthDay::new, MonthDay::parse))
}

fn parse_week(map: &Map) -> Result<WeekTimes, Failure> {
    let days = either(map, ["on", "day"]).map_or_else(|| Ok(Vec::new()), |value| named(value, Weekday::new, Weekday::parse))?;
    Ok(WeekTimes::new(days, at(map)?))
}

fn parse_month(map: &Map) -> Result<MonthTimes, Failure> {
    Ok(MonthTimes::new(days_of_month(map)?, at(map)?))
}

fn parse_year(map: &Map) -> Result<YearTimes, Failure> {
    let months = either(map, ["in", "month"]).map_or_else(|| Ok(Vec::new()), |value| named(value, Month::new, Month::parse))?;
    Ok(YearTimes::new(months, days_of_month(map)?, at(map)?))
}

/// The canonical form: the zone if it was given, and the type.
pub(crate) fn schedule_json(schedule: &Schedule) -> Json {
    match schedule {
        Schedule::Interval(interval) => Json::object().with("interval", &*interval.text),
        Schedule::Calendar(calendar) => {
            let json = Json::object().with_some("timezone", calendar.zone().map(Zone::id));
            json.with(calendar.rule().kind(), rule_json(calendar.rule()))
        }
        // the time crate may add kinds; none is read here, so that none can be printed
        _ => Json::object(),
    }
}

fn rule_json(rule: &Rule) -> Json {
    match rule {
        Rule::Cron(crons) => match &crons[..] {
            [one] => Json::from(one.text()),
            several => several.iter().map(Cron::text).collect(),
        },
        Rule::Hourly(minutes) => Json::object().with("minute", minutes.clone()),
        Rule::Daily(at) => Json::object().with("at", times_json(at)),
        Rule::Weekly(weeks) => weeks
            .iter()
            .map(|week| Json::object().with("on", week.on.iter().map(|day| day.name()).collect::<Json>()).with("at", times_json(&week.at)))
            .collect(),
        Rule::Monthly(months) => months
            .iter()
            .map(|month| Json::object().with("on", month.on.iter().map(|day| day.number()).collect::<Json>()).with("at", times_json(&month.at)))
            .collect(),
        Rule::Yearly(years) => years
            .iter()
            .map(|year| {
                Json::object()
                    .with("in", year.r#in.iter().map(|month| month.name()).collect::<Json>())
                    .with("on", year.on.iter().map(|day| day.number()).collect::<Json>())
                    .with("at", times_json(&year.at))
            })
            .collect(),
    }
}

fn times_json(at: &[DayTime]) -> Json {
    at.iter()
        .map(|time| match time {
            DayTime::At { text, .. } => Json::from(&**text),
            DayTime::Each { hours, minutes } => Json::object().with("hour", hours.clone()).with("minute", minutes.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<Schedule, Failure> {
        parse_schedule(value.as_map().unwrap())
    }

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (json!({"interval": 60}), json!({"interval": "60s"})),
            (json!({"interval": "1m"}), json!({"interval": "1m"})),
            (json!({"hourly": {}}), json!({"hourly": {"minute": [0]}})),
            (json!({"hourly": {"minute": "30"}}), json!({"hourly": {"minute": [30]}})),
            (json!({"hourly": {"minute": [45, 15]}}), json!({"hourly": {"minute": [45, 15]}})),
            (json!({"daily": {}}), json!({"daily": {"at": ["midnight"]}})),
            (json!({"daily": {"at": "5:00"}}), json!({"daily": {"at": ["5:00"]}})),
            (json!({"daily": {"time": {"hour": [0, 12], "minute": "30"}}}), json!({"daily": {"at": [{"hour": [0, 12], "minute": [30]}]}})),
            (json!({"weekly": {}}), json!({"weekly": [{"on": ["MON"], "at": [{"hour": [0], "minute": [0]}]}]})),
            (
                json!({"weekly": [{"day": ["friday", 1, "mon", "FRI"], "time": "noon"}, {"on": "tue", "at": ["17:00"]}]}),
                json!({"weekly": [{"on": ["SUN", "MON", "FRI"], "at": ["noon"]}, {"on": ["TUE"], "at": ["17:00"]}]}),
            ),
            (json!({"monthly": {"on": [20, "10", "last_day"], "at": "noon"}}), json!({"monthly": [{"on": [10, 20, 32], "at": ["noon"]}]})),
            (
                json!({"yearly": {"in": ["december", 1], "day": "first_day", "at": "noon"}}),
                json!({"yearly": [{"in": ["JAN", "DEC"], "on": [1], "at": ["noon"]}]}),
            ),
            (json!({"cron": "0 0 12 ? * mon-fri"}), json!({"cron": "0 0 12 ? * MON-FRI"})),
            (json!({"cron": ["0 5 * * * ?", "0 1 * * * ?"]}), json!({"cron": ["0 1 * * * ?", "0 5 * * * ?"]})),
            (json!({"timezone": "europe/london", "daily": {"at": "noon"}}), json!({"timezone": "Europe/London", "daily": {"at": ["noon"]}})),
            (json!({"cron": "0 0 2 * * ?", "timezone": "+1"}), json!({"timezone": "+01:00", "cron": "0 0 2 * * ?"})),
            (json!({"daily": {}, "interval": "1h"}), json!({"interval": "1h"})),
        ] {
            let schedule = parse(&given).unwrap_or_else(|failure| panic!("{given}: {failure}"));
            assert_eq!(schedule_json(&schedule), printed);
            assert_eq!(parse(&printed).unwrap(), schedule);
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (given, reason, root) in [
            (json!({}), "could not parse schedule. expected a schedule type field, but found [END_OBJECT]", ""),
            (json!({"lunar": {}}), "could not parse schedule. unknown schedule type [lunar]", ""),
            (json!({"timezone": "UTC", "interval": "1m"}), "could not parse schedule. timezone not supported for schedule type [interval]", ""),
            (json!({"timezone": 1, "daily": {}}), "could not parse schedule. expected a string value for timezone, but found [VALUE_NUMBER]", ""),
            (
                json!({"timezone": "Pangea/Tethys", "daily": {}}),
                "could not parse schedule. invalid timezone [Pangea/Tethys]",
                "Unknown time-zone ID: Pangea/Tethys",
            ),
            (json!({"interval": 0}), "could not parse [interval] schedule", "interval can't be lower than 1000 ms"),
            (json!({"interval": -5}), "could not parse [interval] schedule", "interval can't be lower than 1000 ms"),
            (
                json!({"interval": true}),
                "could not parse [interval] schedule",
                "expected a number of seconds or a string with a unit, but found [VALUE_BOOLEAN]",
            ),
            (json!({"hourly": {"minute": 60}}), "could not parse [hourly] schedule", "invalid minute [60]: must be between 0 and 59"),
            (json!({"hourly": {"x": 1}}), "could not parse [hourly] schedule", "unexpected field [x]"),
            (json!({"daily": {"at": "17"}}), "could not parse [daily] schedule", "could not parse time [17]: expected [noon], [midnight] or [HH:mm]"),
            (json!({"weekly": {"on": "funday"}}), "could not parse [weekly] schedule", "unknown day of week [funday]"),
            (json!({"monthly": {"on": 33}}), "could not parse [monthly] schedule", "invalid month day [33]"),
            (json!({"cron": "* * * * * *"}), "could not parse [cron] schedule", "invalid cron expression [* * * * * *]"),
            (json!({"cron": []}), "could not parse [cron] schedule", "no cron expression found"),
        ] {
            let failure = parse(&given).unwrap_err();
            assert_eq!(failure.reason_text(), reason, "{given}");
            assert_eq!(failure.caused_by.as_ref().map_or("", |cause| cause.reason_text()), root, "{given}");
        }
        for given in ["100ms", "1.5h", "5M", "5", "", " 5s", "é", "-1m", "99999999999999999999s"] {
            let failure = parse(&Json::object().with("interval", given)).unwrap_err();
            assert_eq!((failure.reason_text(), &*failure.root_cause().kind), ("could not parse [interval] schedule", "parse_exception"), "{given}");
        }
    }
}
