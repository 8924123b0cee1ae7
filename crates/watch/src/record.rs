//! The record of one execution: results, and the document made of them (spec watcher-api §7).

use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;

pub use crate::result::{ActionResult, ActionResultStatus, ConditionResult, ForeachResult, InputResult};
use crate::{
    ExecutionId, Generation, Watch, WatchId,
    secret::Secrets,
    status::{ExecutionState, WatchStatus, date},
};

/// What set an execution off.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerEvent {
    /// By the execute API.
    pub manual: bool,
    pub triggered_time: Timestamp,
    pub scheduled_time: Timestamp,
}

impl TriggerEvent {
    #[must_use]
    pub fn to_json(&self) -> Json {
        let schedule = Json::object().with("scheduled_time", date(self.scheduled_time));
        let (kind, body) = if self.manual { ("manual", Json::object().with("schedule", schedule)) } else { ("schedule", schedule) };
        Json::object().with("type", kind).with("triggered_time", date(self.triggered_time)).with(kind, body)
    }
}

/// The results of a run, as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    pub execution_time: Timestamp,
    pub duration_millis: i64,
    pub input: Option<InputResult>,
    pub condition: Option<ConditionResult>,
    /// In the order of the definition.
    pub actions: Vec<ActionResult>,
}

impl Results {
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object()
            .with("execution_time", date(self.execution_time))
            // consumers take zero for missing
            .with("execution_duration", self.duration_millis.max(1))
            .with_some("input", self.input.as_ref().map(InputResult::to_json))
            .with_some("condition", self.condition.as_ref().map(ConditionResult::to_json))
            .with("actions", self.actions.iter().map(ActionResult::to_json).collect::<Json>())
    }

    /// The state of a run that came to its end (spec watcher-api §5.4).
    #[must_use]
    pub fn state(&self) -> ExecutionState {
        record_state(self.condition.as_ref().map(|condition| condition.met), self.actions.iter().map(|action| action.status))
    }
}

/// The state that a condition's outcome (`None`: there is none) and the actions' results come to.
#[must_use]
pub fn record_state(condition_met: Option<bool>, actions: impl IntoIterator<Item = ActionResultStatus>) -> ExecutionState {
    match condition_met {
        None => return ExecutionState::Failed,
        Some(false) => return ExecutionState::ExecutionNotNeeded,
        Some(true) => {}
    }
    let mut state = ExecutionState::Executed;
    for status in actions {
        match status {
            ActionResultStatus::Acknowledged => return ExecutionState::Acknowledged,
            ActionResultStatus::Throttled => state = ExecutionState::Throttled,
            ActionResultStatus::Success
            | ActionResultStatus::Failure
            | ActionResultStatus::PartialFailure
            | ActionResultStatus::ConditionFailed
            | ActionResultStatus::Simulated => {}
        }
    }
    state
}

/// One history record. [`Record::not_executed`] is one of a run that never began, [`Record::of`] of one that did.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub watch_id: WatchId,
    pub node: String,
    pub state: ExecutionState,
    pub trigger: TriggerEvent,
    pub user: Option<String>,
    /// After the run, with the version it is shown with.
    pub status: Option<(WatchStatus, i64)>,
    /// Only shown when not empty.
    pub vars: Option<Json>,
    /// The definitions of input and condition, redacted.
    pub input: Option<Json>,
    pub condition: Option<Json>,
    pub metadata: Option<Json>,
    pub results: Option<Results>,
    pub messages: Vec<String>,
    /// Stands in the place of `messages`.
    pub exception: Option<Failure>,
}

impl Record {
    #[must_use]
    pub fn not_executed(watch_id: WatchId, node: impl Into<String>, state: ExecutionState, trigger: TriggerEvent, message: impl Into<String>) -> Record {
        Record {
            watch_id,
            node: node.into(),
            state,
            trigger,
            user: None,
            status: None,
            vars: None,
            input: None,
            condition: None,
            metadata: None,
            results: None,
            messages: vec![message.into()],
            exception: None,
        }
    }

    /// The record of a run of `watch`, its state that of the results.
    #[must_use]
    pub fn of(watch: &Watch, node: impl Into<String>, trigger: TriggerEvent, status: (WatchStatus, i64), results: Results) -> Record {
        Record {
            watch_id: watch.id.clone(),
            node: node.into(),
            state: results.state(),
            trigger,
            user: None,
            status: Some(status),
            vars: None,
            input: Some(watch.input.to_json()),
            condition: Some(watch.condition.to_json()),
            metadata: watch.metadata.clone(),
            results: Some(results),
            messages: Vec::new(),
            exception: None,
        }
    }

    #[must_use]
    pub fn to_json(&self, generation: Generation) -> Json {
        let timestamp = generation.records_have_timestamp().then(|| date(self.trigger.triggered_time));
        let vars = self.vars.clone().filter(|vars| vars.as_map().is_some_and(|map| !map.is_empty()));
        let json = Json::object()
            .with("watch_id", self.watch_id.as_str())
            .with("node", &*self.node)
            .with("state", self.state.name())
            .with_some("@timestamp", timestamp)
            .with_some("user", self.user.as_deref())
            .with_some("status", self.status.as_ref().map(|(status, version)| status.to_json(*version)))
            .with("trigger_event", self.trigger.to_json())
            .with_some("vars", vars)
            .with_some("input", self.input.clone())
            .with_some("condition", self.condition.clone())
            .with_some("metadata", self.metadata.clone())
            .with_some("result", self.results.as_ref().map(Results::to_json));
        match &self.exception {
            Some(exception) => json.with("exception", exception_json(exception)),
            None => json.with("messages", self.messages.clone()),
        }
    }
}

/// Exceptions of the reference's own carry a trace; there is none here, so the chain stands in its place.
fn exception_json(exception: &Failure) -> Json {
    if exception.is_foreign() {
        return Json::object().with("type", &*exception.kind).with("reason", exception.reason.clone());
    }
    exception.to_exception_json().with("stack_trace", exception.to_string())
}

const TRUNCATED: &str = "Watch history record exceeded the value of the `xpack.watcher.max.history.record.size' setting";

/// A record that is too large, reduced to what the reference keeps of it.
#[must_use]
pub fn truncated(mut record: Json) -> Json {
    let kept = |name: &str| record.at(&["result", name]).cloned();
    let result = Json::object()
        .with_some("execution_time", kept("execution_time"))
        .with_some("execution_duration", kept("execution_duration"))
        .with("truncated", TRUNCATED);
    record.set("input", Json::object().with("truncated", TRUNCATED));
    record.set("result", result);
    record
}

impl Watch {
    /// What an inline run or a record shows of the whole definition.
    #[must_use]
    pub fn redacted(&self) -> Json {
        self.to_json(Secrets::Redacted)
    }
}

impl ExecutionId {
    /// `<watch>_<uuid>-<instant>`: the instant with no more digits than it has, milliseconds in generation 6.
    #[must_use]
    pub fn new(watch: &WatchId, uuid: &str, at: Timestamp, generation: Generation) -> ExecutionId {
        let text = match generation {
            Generation::G6 => watchbell_json::iso_instant(watchbell_time::epoch_nanos(Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at))),
            Generation::G7 | Generation::G8 | Generation::G9 => at.to_string(),
        };
        ExecutionId::from_stored(&format!("{watch}_{uuid}-{text}"))
    }

    /// Everything before the last underscore.
    #[must_use]
    pub fn watch_part(&self) -> &str {
        self.as_str().rsplit_once('_').map_or(self.as_str(), |(watch, _)| watch)
    }

    /// The instant in it.
    #[must_use]
    pub fn instant(&self) -> Option<Timestamp> {
        /// Characters of a UUID and the dash after it.
        const UUID_AND_DASH: usize = 37;
        let (_, rest) = self.as_str().rsplit_once('_')?;
        rest.get(UUID_AND_DASH..)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn states_follow_from_condition_and_actions() {
        use ActionResultStatus as S;
        for (met, actions, state) in [
            (None, vec![S::Success], ExecutionState::Failed),
            (Some(false), vec![S::Throttled], ExecutionState::ExecutionNotNeeded),
            (Some(true), vec![], ExecutionState::Executed),
            (Some(true), vec![S::Failure, S::PartialFailure, S::ConditionFailed, S::Simulated], ExecutionState::Executed),
            (Some(true), vec![S::Success, S::Throttled], ExecutionState::Throttled),
            (Some(true), vec![S::Acknowledged, S::Throttled], ExecutionState::Acknowledged),
            (Some(true), vec![S::Throttled, S::Acknowledged, S::Success], ExecutionState::Acknowledged),
        ] {
            assert_eq!(record_state(met, actions.iter().copied()), state, "{met:?} {actions:?}");
        }
    }

    #[test]
    fn ids_carry_watch_and_instant() {
        let watch = WatchId::parse("my_watch").unwrap();
        let uuid = "7c8a1a5e-3c3b-4d8e-9f3a-0c0f9f7f3b1e";
        for (instant, generation, text) in [
            ("2021-02-03T08:20:58.31747Z", Generation::G8, "2021-02-03T08:20:58.31747Z"),
            ("2021-02-03T08:20:58.300Z", Generation::G7, "2021-02-03T08:20:58.3Z"),
            ("2021-02-03T08:20:58Z", Generation::G8, "2021-02-03T08:20:58Z"),
            ("2021-02-03T08:20:58Z", Generation::G6, "2021-02-03T08:20:58.000Z"),
        ] {
            let id = ExecutionId::new(&watch, uuid, at(instant), generation);
            assert_eq!(id.as_str(), format!("my_watch_{uuid}-{text}"));
            assert_eq!((id.watch_part(), id.instant()), ("my_watch", Some(at(instant))));
        }
        assert_eq!(ExecutionId::from_stored("x").instant(), None);
        assert_eq!(ExecutionId::from_stored("x_é").instant(), None);
    }

    fn trigger(manual: bool) -> TriggerEvent {
        TriggerEvent { manual, triggered_time: at("2024-01-01T00:00:00.5Z"), scheduled_time: at("2024-01-01T00:00:00Z") }
    }

    #[test]
    fn a_run_that_never_began_has_a_small_record() {
        let watch = WatchId::parse("w").unwrap();
        let record = Record::not_executed(watch, "n", ExecutionState::NotExecutedAlreadyQueued, trigger(false), "Watch is already queued in thread pool");
        assert_eq!(
            record.to_json(Generation::G8).to_string(),
            r#"{"watch_id":"w","node":"n","state":"not_executed_already_queued","@timestamp":"2024-01-01T00:00:00.500Z","trigger_event":{"type":"schedule","triggered_time":"2024-01-01T00:00:00.500Z","schedule":{"scheduled_time":"2024-01-01T00:00:00.000Z"}},"messages":["Watch is already queued in thread pool"]}"#
        );
        assert_eq!(record.to_json(Generation::G7).get("@timestamp"), None);
    }

    #[test]
    fn a_whole_record() {
        let body = json!({"trigger": {"schedule": {"interval": "10s"}}, "input": {"simple": {"x": 1}}, "metadata": {"m": 1}, "actions": {"a": {"logging": {"text": "t"}}}});
        let watch = Watch::parse(&WatchId::parse("w").unwrap(), &body, &crate::ParseMode::default()).unwrap();
        let status = WatchStatus::on_put(watch.actions.iter().map(|action| &action.id), true, at("2024-01-01T00:00:00Z"));
        let action = watch.actions[0].clone();
        let results = Results {
            execution_time: at("2024-01-01T00:00:00.500123Z"),
            duration_millis: 0,
            input: Some(InputResult::success("simple", json!({"x": 1}))),
            condition: Some(ConditionResult { kind: "always".into(), met: true, resolved_values: None }),
            actions: vec![ActionResult::new(action.id, "logging", ActionResultStatus::Success).with_detail(json!({"logged_text": "t"}))],
        };
        let mut record = Record::of(&watch, "n", trigger(true), (status, 3), results);
        record.vars = Some(Json::object());
        assert_eq!(
            record.to_json(Generation::G8).to_string(),
            concat!(
                r#"{"watch_id":"w","node":"n","state":"executed","@timestamp":"2024-01-01T00:00:00.500Z","status":{"state":{"active":true,"timestamp":"2024-01-01T00:00:00.000Z"},"actions":{"a":{"ack":{"timestamp":"2024-01-01T00:00:00.000Z","state":"awaits_successful_execution"}}},"version":3},"#,
                r#""trigger_event":{"type":"manual","triggered_time":"2024-01-01T00:00:00.500Z","manual":{"schedule":{"scheduled_time":"2024-01-01T00:00:00.000Z"}}},"#,
                r#""input":{"simple":{"x":1}},"condition":{"always":{}},"metadata":{"m":1},"result":{"execution_time":"2024-01-01T00:00:00.500123Z","execution_duration":1,"#,
                r#""input":{"type":"simple","status":"success","payload":{"x":1}},"condition":{"type":"always","status":"success","met":true},"#,
                r#""actions":[{"id":"a","type":"logging","status":"success","logging":{"logged_text":"t"}}]},"messages":[]}"#
            )
        );
        record.exception = Some(Failure::new("version_conflict_engine_exception", "[w]: version conflict").caused_by(Failure::illegal_argument("x")));
        let json = record.to_json(Generation::G8);
        assert_eq!(json.get("messages"), None);
        assert_eq!(json.at(&["exception", "type"]), Some(&json!("version_conflict_engine_exception")));
        assert_eq!(json.at(&["exception", "root_cause"]), None);
        assert!(json.at(&["exception", "stack_trace"]).is_some());
        let small = truncated(json);
        assert_eq!(small.at(&["result", "execution_duration"]), Some(&Json::Int(1)));
        assert_eq!(small.at(&["result", "actions"]), None);
        assert!(small.at(&["input", "truncated"]).is_some());
    }
}
