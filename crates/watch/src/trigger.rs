//! Triggers: `{"schedule": {…}}` is the only kind there is (spec watcher-parts §2).

use watchbell_json::{Failure, Json, token_name};
use watchbell_time::schedule::Schedule;

use crate::{
    WatchId,
    schedule::{parse_schedule, schedule_json},
};

/// # Errors
/// `parse_exception`.
pub(crate) fn parse_trigger(watch: &WatchId, value: &Json) -> Result<Schedule, Failure> {
    let no_type = |found: &str| Failure::parse(format!("could not parse trigger for [{watch}]. expected trigger type string field, but found [{found}]"));
    let Json::Map(map) = value else {
        return Err(no_type(&token_name(value).to_string()));
    };
    let mut members = map.iter();
    let Some((kind, body)) = members.next() else {
        return Err(no_type("END_OBJECT"));
    };
    let outer = format!("could not parse trigger [{kind}] for [{watch}]");
    let Json::Map(body) = body else {
        return Err(Failure::parse(format!("{outer}. expected trigger an object as the trigger body, but found [{}]", token_name(body))));
    };
    if &**kind != "schedule" {
        return Err(Failure::parse(format!("{outer}. unknown trigger type [{kind}]")));
    }
    let schedule = parse_schedule(body)?;
    if members.next().is_some() {
        return Err(Failure::parse(format!("{outer}. expected [END_OBJECT] token, but found [FIELD_NAME]")));
    }
    Ok(schedule)
}

/// The canonical form.
pub(crate) fn trigger_json(schedule: &Schedule) -> Json {
    Json::object().with("schedule", schedule_json(schedule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn what_is_no_trigger_is_refused() {
        for (given, reason) in [
            (json!({}), "could not parse trigger for [w]. expected trigger type string field, but found [END_OBJECT]"),
            (json!([]), "could not parse trigger for [w]. expected trigger type string field, but found [START_ARRAY]"),
            (json!({"schedule": 5}), "could not parse trigger [schedule] for [w]. expected trigger an object as the trigger body, but found [VALUE_NUMBER]"),
            (json!({"moon": {}}), "could not parse trigger [moon] for [w]. unknown trigger type [moon]"),
            (
                json!({"schedule": {"interval": "1m"}, "x": {}}),
                "could not parse trigger [schedule] for [w]. expected [END_OBJECT] token, but found [FIELD_NAME]",
            ),
            (json!({"schedule": {"lunar": "1m"}}), "could not parse schedule. unknown schedule type [lunar]"),
        ] {
            assert_eq!(parse_trigger(&WatchId::parse("w").unwrap(), &given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
