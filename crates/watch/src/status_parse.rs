//! Reading a stored status back (spec watcher-api §4.1).

use watchbell_json::{Failure, Json, Map};
use watchbell_time::Timestamp;

use crate::{
    ActionId, Watch, WatchId, dates,
    status::{AckState, ActionStatus, ExecutionState, LastExecution, WatchStatus},
};

impl WatchStatus {
    /// Unknown members are skipped at the top and refused inside an action's status.
    ///
    /// # Errors
    /// `parse_exception`.
    pub fn parse(watch: &WatchId, value: &Json) -> Result<WatchStatus, Failure> {
        let Json::Map(map) = value else {
            let found = watchbell_json::token_name(value);
            return Err(Failure::parse(format!("could not parse watch status for [{watch}]. expecting an object but found [{found}] instead")));
        };
        let when = |name: &str| map.get(name).filter(|value| !value.is_null()).map(|value| instant(watch, name, value)).transpose();
        let mut actions = std::collections::BTreeMap::new();
        for (name, status) in map.get("actions").and_then(Json::as_map).into_iter().flat_map(Map::iter) {
            if let Ok(id) = ActionId::parse(name) {
                actions.insert(id, ActionStatus::parse(watch, name, status)?);
            }
        }
        let state = map.get("state");
        let changed = state.and_then(|state| state.get("timestamp")).map(|value| instant(watch, "state.timestamp", value)).transpose()?;
        Ok(WatchStatus {
            active: state.and_then(|state| state.get("active")).and_then(Json::as_bool).unwrap_or(true),
            state_changed: changed.unwrap_or(Timestamp::UNIX_EPOCH),
            last_checked: when("last_checked")?,
            last_met_condition: when("last_met_condition")?,
            actions,
            execution_state: map.get("execution_state").and_then(Json::as_str).and_then(ExecutionState::parse),
            version: map.get("version").and_then(Json::as_i64).unwrap_or(-1),
        })
    }

    /// Every action of the watch must have a status.
    ///
    /// # Errors
    /// `parse_exception` that names the first one without.
    pub fn check(&self, watch: &Watch) -> Result<(), Failure> {
        match watch.actions.iter().find(|action| !self.actions.contains_key(&action.id)) {
            None => Ok(()),
            Some(action) => {
                let reason = format!("could not parse watch [{}]. watch status in invalid state. action [{}] status is missing", watch.id, action.id);
                Err(Failure::parse(reason))
            }
        }
    }
}

fn instant(watch: &WatchId, field: &str, value: &Json) -> Result<Timestamp, Failure> {
    let read = match value {
        Json::Int(millis) => Timestamp::from_millisecond(*millis).ok(),
        Json::Str(text) => dates::parse_date(text),
        Json::Null | Json::Bool(_) | Json::Big(_) | Json::Double(_) | Json::Time(_) | Json::List(_) | Json::Map(_) => None,
    };
    read.ok_or_else(|| Failure::parse(format!("could not parse watch status for [{watch}]. failed to parse field [{field}]")))
}

impl ActionStatus {
    fn parse(watch: &WatchId, action: &str, value: &Json) -> Result<ActionStatus, Failure> {
        let outer = format!("could not parse action status for [{watch}/{action}]");
        let broken = |what: String| Failure::parse(format!("{outer}. {what}"));
        let missing = |field: &str| broken(format!("missing required field [{field}]"));
        let (mut ack, mut last_execution, mut last_successful, mut last_throttle) = (None, None, None, None);
        for (field, body) in value.as_map().into_iter().flat_map(Map::iter) {
            let at = || body.get("timestamp").map(|at| instant(watch, field, at)).transpose()?.ok_or_else(|| missing(&format!("{field}.timestamp")));
            match &**field {
                "ack" | "ack_status" => {
                    let state = body.get("state").and_then(Json::as_str).and_then(AckState::parse);
                    ack = Some((at()?, state.ok_or_else(|| missing("ack.state"))?));
                }
                "last_execution" => last_execution = Some(execution(body, at()?, &outer)?),
                "last_successful_execution" => last_successful = Some(at()?),
                "last_throttle" => {
                    let reason = body.get("reason").and_then(Json::as_str).ok_or_else(|| missing("last_throttle.reason"))?;
                    last_throttle = Some((at()?, reason.to_owned()));
                }
                unknown => return Err(broken(format!("unexpected field [{unknown}]"))),
            }
        }
        let (ack_changed, ack) = ack.ok_or_else(|| missing("ack"))?;
        Ok(ActionStatus { ack, ack_changed, last_execution, last_successful_execution: last_successful, last_throttle })
    }
}

fn execution(body: &Json, at: Timestamp, outer: &str) -> Result<LastExecution, Failure> {
    match (body.get("successful").and_then(Json::as_bool), body.get("reason").and_then(Json::as_str)) {
        (Some(true), _) => Ok(LastExecution::Successful(at)),
        (Some(false), Some(reason)) => Ok(LastExecution::Failed { at, reason: reason.to_owned() }),
        (Some(false), None) => Err(Failure::parse(format!("{outer}. missing required field for unsuccessful execution [last_execution.reason]"))),
        (None, _) => Err(Failure::parse(format!("{outer}. missing required field [last_execution.successful]"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<WatchStatus, Failure> {
        WatchStatus::parse(&WatchId::parse("w").unwrap(), value)
    }

    #[test]
    fn what_is_printed_reads_back() {
        let full = json!({
            "state": {"active": false, "timestamp": "2015-05-26T18:21:08.630Z"},
            "last_checked": "2021-02-03T08:20:58.31747Z",
            "last_met_condition": "2021-02-03T08:20:58.300Z",
            "actions": {"a": {
                "ack": {"timestamp": "2015-05-26T18:21:08.630Z", "state": "acked"},
                "last_execution": {"timestamp": "2015-05-26T18:21:08.630Z", "successful": false, "reason": ""},
                "last_successful_execution": {"timestamp": "2015-05-26T18:21:08.630Z", "successful": true},
                "last_throttle": {"timestamp": "2015-05-26T18:21:08.630Z", "reason": "r"}
            }},
            "execution_state": "executed",
            "version": 7
        });
        assert_eq!(parse(&full).unwrap().to_stored_json().to_string(), full.to_string());
        let sparse = parse(&json!({"unknown": 1, "last_checked": 1_612_340_458_300_i64})).unwrap();
        assert!(sparse.active);
        assert_eq!(sparse.last_checked.unwrap().to_string(), "2021-02-03T08:20:58.3Z");
    }

    #[test]
    fn an_action_s_status_is_strict() {
        for (action, reason) in [
            (json!({}), "missing required field [ack]"),
            (json!({"ack": {"state": "acked"}}), "missing required field [ack.timestamp]"),
            (json!({"ack": {"timestamp": 1}}), "missing required field [ack.state]"),
            (json!({"last_execution": {"successful": true}}), "missing required field [last_execution.timestamp]"),
            (json!({"last_execution": {"timestamp": 1}}), "missing required field [last_execution.successful]"),
            (json!({"last_execution": {"timestamp": 1, "successful": false}}), "missing required field for unsuccessful execution [last_execution.reason]"),
            (json!({"last_throttle": {"reason": "r"}}), "missing required field [last_throttle.timestamp]"),
            (json!({"last_throttle": {"timestamp": 1}}), "missing required field [last_throttle.reason]"),
            (json!({"bogus": 1}), "unexpected field [bogus]"),
        ] {
            let failure = parse(&Json::object().with("actions", Json::object().with("a", action))).unwrap_err();
            assert_eq!(failure.reason_text(), format!("could not parse action status for [w/a]. {reason}"));
        }
    }
}
