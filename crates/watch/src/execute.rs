//! The execute API's request (spec watcher-api §8).

use std::collections::BTreeMap;

use watchbell_json::{Failure, Json, token_name};
use watchbell_time::Timestamp;

use crate::{ActionId, WatchId, dates, java, throttle::ActionMode, validation};

/// The name that stands for every action.
pub const ALL_ACTIONS: &str = "_all";

#[derive(Clone, Debug, PartialEq)]
pub enum ExecuteTarget {
    Stored(WatchId),
    /// The definition as sent.
    Inline(Json),
}

/// One manual execution, its shape validated.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteRequest {
    pub target: ExecuteTarget,
    /// `triggered_time` and `scheduled_time`, as sent; see [`trigger_times`].
    pub trigger_data: Option<Json>,
    pub ignore_condition: bool,
    pub record_execution: bool,
    /// An object.
    pub alternative_input: Option<Json>,
    /// By action id, or [`ALL_ACTIONS`], which overrides.
    pub action_modes: BTreeMap<String, ActionMode>,
    /// The record shows `vars`.
    pub debug: bool,
}

/// What the request's address said; the body may override the first two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecuteParameters {
    pub ignore_condition: bool,
    pub record_execution: bool,
    pub debug: bool,
}

impl ExecuteRequest {
    /// A plain execution of `target`.
    #[must_use]
    pub fn of(target: ExecuteTarget) -> ExecuteRequest {
        ExecuteRequest {
            target,
            trigger_data: None,
            ignore_condition: false,
            record_execution: false,
            alternative_input: None,
            action_modes: BTreeMap::new(),
            debug: false,
        }
    }

    /// Reads a request; `id` is the one of the path.
    ///
    /// # Errors
    /// `parse_exception` for the body, `action_request_validation_exception` for what does not fit together.
    pub fn parse(id: Option<&str>, parameters: ExecuteParameters, body: Option<&Json>) -> Result<ExecuteRequest, Failure> {
        let mut draft = Draft { parameters, ..Draft::default() };
        match body {
            None => {}
            Some(Json::Map(map)) => {
                for (field, value) in map.iter() {
                    draft.read(field, value)?;
                }
            }
            Some(other) => {
                return Err(broken(format_args!("unexpected token [{}]", token_name(other))));
            }
        }
        draft.validate(id)
    }

    /// What is to be done with an action.
    #[must_use]
    pub fn mode(&self, action: &ActionId) -> ActionMode {
        self.action_modes.get(ALL_ACTIONS).or_else(|| self.action_modes.get(action.as_str())).copied().unwrap_or_default()
    }
}

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse watch execution request. {what}"))
}

#[derive(Default)]
struct Draft {
    parameters: ExecuteParameters,
    trigger_data: Option<Json>,
    alternative_input: Option<Json>,
    action_modes: BTreeMap<String, ActionMode>,
    watch: Option<Json>,
}

impl Draft {
    fn read(&mut self, field: &str, value: &Json) -> Result<(), Failure> {
        match value {
            Json::Bool(flag) => match field {
                "ignore_condition" => self.parameters.ignore_condition = *flag,
                "record_execution" => self.parameters.record_execution = *flag,
                unknown => {
                    return Err(broken(format_args!("unexpected boolean field [{unknown}]")));
                }
            },
            Json::Map(map) => match field {
                "trigger_data" => self.trigger_data = Some(value.clone()),
                "alternative_input" => self.alternative_input = Some(value.clone()),
                "watch" => self.watch = Some(value.clone()),
                "action_modes" => {
                    for (action, mode) in map.iter() {
                        self.action_modes.insert(action.to_string(), read_mode(action, mode)?);
                    }
                }
                "trigger" | "input" | "condition" | "actions" | "transform" | "metadata" | "status" | "throttle_period" | "throttle_period_in_millis" => {
                    return Err(Failure::parse(format!("please wrap watch including field [{field}] inside a \"watch\" field")));
                }
                unknown => return Err(broken(format_args!("unexpected object field [{unknown}]"))),
            },
            other => {
                return Err(broken(format_args!("unexpected token [{}]", token_name(other))));
            }
        }
        Ok(())
    }

    fn validate(self, id: Option<&str>) -> Result<ExecuteRequest, Failure> {
        let mut complaints = Vec::new();
        if id.is_none() && self.watch.is_none() {
            complaints.push("a watch execution request must either have a watch id or an inline watch source, but both are missing".to_owned());
        }
        let watch_id = id.map(WatchId::parse);
        if matches!(watch_id, Some(Err(_))) {
            complaints.push("watch id contains whitespace".to_owned());
        }
        complaints.extend(self.action_modes.keys().filter(|id| ActionId::parse(id).is_err()).map(|id| format!("action id [{id}] contains whitespace")));
        if id.is_some() && self.watch.is_some() {
            complaints.push("a watch execution request must either have a watch id or an inline watch source but not both".to_owned());
        }
        if self.watch.is_some() && self.parameters.record_execution {
            complaints.push("the execution of an inline watch cannot be recorded".to_owned());
        }
        let target = match (watch_id, self.watch) {
            (Some(Ok(id)), None) => ExecuteTarget::Stored(id),
            (None, Some(watch)) => ExecuteTarget::Inline(watch),
            _ => return Err(validation::failed(complaints)),
        };
        if !complaints.is_empty() {
            return Err(validation::failed(complaints));
        }
        Ok(ExecuteRequest {
            target,
            trigger_data: self.trigger_data,
            ignore_condition: self.parameters.ignore_condition,
            record_execution: self.parameters.record_execution,
            alternative_input: self.alternative_input,
            action_modes: self.action_modes,
            debug: self.parameters.debug,
        })
    }
}

fn read_mode(action: &str, mode: &Json) -> Result<ActionMode, Failure> {
    let Json::Str(text) = mode else {
        return Err(broken(format_args!("unexpected array field [{action}]")));
    };
    ActionMode::parse(text).ok_or_else(|| {
        Failure::parse("could not parse watch execution request").caused_by(Failure::illegal_argument(format!("unknown action execution mode [{text}]")))
    })
}

/// Triggered and scheduled time of a simulated schedule event (spec watcher-api §8.2).
///
/// # Errors
/// `illegal_argument_exception` for what is no date, no date math and no number.
pub fn trigger_times(trigger_data: Option<&Json>, now: Timestamp) -> Result<(Timestamp, Timestamp), Failure> {
    let read = |name: &str, words: &str| match trigger_data.and_then(|data| data.get(name)) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => match value {
            Json::Int(millis) => Timestamp::from_millisecond(*millis).ok(),
            Json::Str(text) => dates::date_math(text, now).ok(),
            Json::Null | Json::Bool(_) | Json::Big(_) | Json::Double(_) | Json::Time(_) | Json::List(_) | Json::Map(_) => None,
        }
        .map(Some)
        .ok_or_else(|| {
            Failure::illegal_argument(format!(
                "could not simulate schedule event. could not convert provided {words} time [{}] to date/time",
                java::text(value)
            ))
        }),
    };
    let triggered = read("triggered_time", "triggered")?.unwrap_or(now);
    let scheduled = read("scheduled_time", "scheduled")?.unwrap_or(triggered);
    Ok((triggered, scheduled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(id: Option<&str>, body: &Json) -> Result<ExecuteRequest, Failure> {
        ExecuteRequest::parse(id, ExecuteParameters::default(), Some(body))
    }

    #[test]
    fn the_body_wins_over_the_address_and_all_over_each() {
        let parameters = ExecuteParameters { ignore_condition: true, record_execution: true, debug: true };
        let body = json!({"record_execution": false, "trigger_data": {}, "alternative_input": {"a": 1}, "action_modes": {"a": "SKIP", "b": "force_simulate"}});
        let request = ExecuteRequest::parse(Some("w"), parameters, Some(&body)).unwrap();
        assert!(request.ignore_condition && !request.record_execution && request.debug);
        assert_eq!(request.mode(&ActionId::parse("a").unwrap()), ActionMode::Skip);
        assert_eq!(request.mode(&ActionId::parse("c").unwrap()), ActionMode::Execute);
        let all = parse(Some("w"), &json!({"action_modes": {"_all": "simulate", "a": "skip"}})).unwrap();
        assert_eq!(all.mode(&ActionId::parse("a").unwrap()), ActionMode::Simulate);
        assert_eq!(
            ExecuteRequest::parse(Some("w"), ExecuteParameters::default(), None).unwrap(),
            ExecuteRequest::of(ExecuteTarget::Stored(WatchId::parse("w").unwrap()))
        );
        assert!(matches!(parse(None, &json!({"watch": {"trigger": {}}})).unwrap().target, ExecuteTarget::Inline(_)));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (id, body, reason) in [
            (Some("w"), json!({"x": true}), "could not parse watch execution request. unexpected boolean field [x]"),
            (Some("w"), json!({"x": {}}), "could not parse watch execution request. unexpected object field [x]"),
            (Some("w"), json!({"input": {}}), "please wrap watch including field [input] inside a \"watch\" field"),
            (Some("w"), json!({"simulated_actions": "_all"}), "could not parse watch execution request. unexpected token [VALUE_STRING]"),
            (Some("w"), json!({"record_execution": null}), "could not parse watch execution request. unexpected token [VALUE_NULL]"),
            (Some("w"), json!({"action_modes": {"a": ["skip"]}}), "could not parse watch execution request. unexpected array field [a]"),
            (Some("w"), json!({"action_modes": {"a": "nope"}}), "could not parse watch execution request"),
            (None, json!({}), "Validation Failed: 1: a watch execution request must either have a watch id or an inline watch source, but both are missing;"),
            (
                Some("w"),
                json!({"watch": {}}),
                "Validation Failed: 1: a watch execution request must either have a watch id or an inline watch source but not both;",
            ),
            (None, json!({"watch": {}, "record_execution": true}), "Validation Failed: 1: the execution of an inline watch cannot be recorded;"),
            (
                Some("a b"),
                json!({"action_modes": {"c d": "skip"}}),
                "Validation Failed: 1: watch id contains whitespace;2: action id [c d] contains whitespace;",
            ),
        ] {
            assert_eq!(parse(id, &body).unwrap_err().reason_text(), reason, "{body}");
        }
    }

    #[test]
    fn trigger_times_are_dates_date_math_or_milliseconds() {
        let now: Timestamp = "2024-03-10T10:15:30Z".parse().unwrap();
        for (data, triggered, scheduled) in [
            (json!({}), "2024-03-10T10:15:30Z", "2024-03-10T10:15:30Z"),
            (json!({"triggered_time": "now-5m", "other": 1}), "2024-03-10T10:10:30Z", "2024-03-10T10:10:30Z"),
            (json!({"triggered_time": "2015-05-05T20:58:02.443Z||+1d", "scheduled_time": 1000}), "2015-05-06T20:58:02.443Z", "1970-01-01T00:00:01Z"),
        ] {
            let (at, due) = trigger_times(Some(&data), now).unwrap();
            assert_eq!((at.to_string(), due.to_string()), (triggered.to_owned(), scheduled.to_owned()));
        }
        let failure = trigger_times(Some(&json!({"scheduled_time": true})), now).unwrap_err();
        assert_eq!(failure.reason_text(), "could not simulate schedule event. could not convert provided scheduled time [true] to date/time");
    }
}
