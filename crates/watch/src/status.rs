//! A watch's status: its shape and its changes (spec watcher-api §4). Reading it back is in [`crate::status_parse`].

use std::collections::BTreeMap;

use watchbell_json::{Json, Map};
use watchbell_time::{Timestamp, epoch_nanos};

use crate::{ActionId, record::ActionResultStatus};

#[derive(Clone, Debug, PartialEq)]
pub struct WatchStatus {
    pub active: bool,
    pub state_changed: Timestamp,
    pub last_checked: Option<Timestamp>,
    pub last_met_condition: Option<Timestamp>,
    pub actions: BTreeMap<ActionId, ActionStatus>,
    pub execution_state: Option<ExecutionState>,
    /// As it was stored; answers show the document's version instead.
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ActionStatus {
    pub ack: AckState,
    pub ack_changed: Timestamp,
    pub last_execution: Option<LastExecution>,
    pub last_successful_execution: Option<Timestamp>,
    pub last_throttle: Option<(Timestamp, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LastExecution {
    Successful(Timestamp),
    Failed { at: Timestamp, reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckState {
    AwaitsSuccessfulExecution,
    Ackable,
    Acked,
}

/// How an execution ended (spec watcher-api §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    Executed,
    ExecutionNotNeeded,
    Throttled,
    Acknowledged,
    Failed,
    ThreadpoolRejection,
    NotExecutedWatchMissing,
    NotExecutedAlreadyQueued,
    ExecutedMultipleTimes,
}

/// Which actions an acknowledgement is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckTargets {
    All,
    /// Unknown ones are ignored.
    Named(Vec<ActionId>),
}

impl AckState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AckState::AwaitsSuccessfulExecution => "awaits_successful_execution",
            AckState::Ackable => "ackable",
            AckState::Acked => "acked",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<AckState> {
        [AckState::AwaitsSuccessfulExecution, AckState::Ackable, AckState::Acked].into_iter().find(|state| state.name() == text)
    }
}

impl ExecutionState {
    const ALL: [ExecutionState; 9] = [
        ExecutionState::Executed,
        ExecutionState::ExecutionNotNeeded,
        ExecutionState::Throttled,
        ExecutionState::Acknowledged,
        ExecutionState::Failed,
        ExecutionState::ThreadpoolRejection,
        ExecutionState::NotExecutedWatchMissing,
        ExecutionState::NotExecutedAlreadyQueued,
        ExecutionState::ExecutedMultipleTimes,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ExecutionState::Executed => "executed",
            ExecutionState::ExecutionNotNeeded => "execution_not_needed",
            ExecutionState::Throttled => "throttled",
            ExecutionState::Acknowledged => "acknowledged",
            ExecutionState::Failed => "failed",
            ExecutionState::ThreadpoolRejection => "threadpool_rejection",
            ExecutionState::NotExecutedWatchMissing => "not_executed_watch_missing",
            ExecutionState::NotExecutedAlreadyQueued => "not_executed_already_queued",
            ExecutionState::ExecutedMultipleTimes => "executed_multiple_times",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<ExecutionState> {
        ExecutionState::ALL.into_iter().find(|state| state.name() == text)
    }
}

impl ActionStatus {
    #[must_use]
    pub fn new(now: Timestamp) -> ActionStatus {
        ActionStatus { ack: AckState::AwaitsSuccessfulExecution, ack_changed: now, last_execution: None, last_successful_execution: None, last_throttle: None }
    }

    fn set_ack(&mut self, ack: AckState, at: Timestamp) {
        if self.ack != ack {
            self.ack = ack;
            self.ack_changed = at;
        }
    }

    /// What the result of one run changes, `at` being the run's execution time.
    pub fn on_result(&mut self, status: ActionResultStatus, reason: Option<&str>, at: Timestamp) {
        match status {
            ActionResultStatus::Success | ActionResultStatus::Simulated => {
                self.last_execution = Some(LastExecution::Successful(at));
                self.last_successful_execution = Some(at);
                if self.ack == AckState::AwaitsSuccessfulExecution {
                    self.set_ack(AckState::Ackable, at);
                }
            }
            ActionResultStatus::Failure => self.last_execution = Some(LastExecution::Failed { at, reason: reason.unwrap_or_default().to_owned() }),
            ActionResultStatus::Throttled => self.last_throttle = Some((at, reason.unwrap_or_default().to_owned())),
            ActionResultStatus::PartialFailure | ActionResultStatus::Acknowledged | ActionResultStatus::ConditionFailed => {}
        }
    }
}

impl WatchStatus {
    /// The status of a watch that was just put: nothing of an older one survives.
    #[must_use]
    pub fn on_put<'a>(actions: impl IntoIterator<Item = &'a ActionId>, active: bool, now: Timestamp) -> WatchStatus {
        let actions = actions.into_iter().map(|id| (id.clone(), ActionStatus::new(now))).collect();
        WatchStatus { active, state_changed: now, last_checked: None, last_met_condition: None, actions, execution_state: None, version: -1 }
    }

    /// The watch's condition was decided, or ignored by request (which counts as met).
    pub fn on_condition(&mut self, met: bool, at: Timestamp) {
        self.last_checked = Some(at);
        if met {
            self.last_met_condition = Some(at);
            return;
        }
        for action in self.actions.values_mut() {
            action.set_ack(AckState::AwaitsSuccessfulExecution, at);
        }
    }

    /// An action ran, was throttled, or failed. `reason` is the result's own; an exception has none.
    pub fn on_action_result(&mut self, action: &ActionId, status: ActionResultStatus, reason: Option<&str>, at: Timestamp) {
        if let Some(known) = self.actions.get_mut(action) {
            known.on_result(status, reason, at);
        }
    }

    /// An action's own condition was false; `now` is the wall clock.
    pub fn on_action_condition_not_met(&mut self, action: &ActionId, now: Timestamp) {
        if let Some(known) = self.actions.get_mut(action) {
            known.set_ack(AckState::AwaitsSuccessfulExecution, now);
        }
    }

    /// Acknowledges what can be; says which actions changed.
    pub fn ack(&mut self, targets: &AckTargets, now: Timestamp) -> Vec<ActionId> {
        let mut changed = Vec::new();
        for (id, action) in &mut self.actions {
            let meant = match targets {
                AckTargets::All => true,
                AckTargets::Named(ids) => ids.contains(id),
            };
            if meant && action.ack == AckState::Ackable {
                action.set_ack(AckState::Acked, now);
                changed.push(id.clone());
            }
        }
        changed
    }

    /// Sets the state, and its time even if nothing changes.
    pub fn set_active(&mut self, active: bool, now: Timestamp) {
        self.active = active;
        self.state_changed = now;
    }

    /// The object of answers and records; `version` as given.
    #[must_use]
    pub fn to_json(&self, version: i64) -> Json {
        let actions: Map = self.actions.iter().map(|(id, status)| (id.as_str(), status.to_json())).collect();
        Json::object()
            .with("state", Json::object().with("active", self.active).with("timestamp", date(self.state_changed)))
            .with_some("last_checked", self.last_checked.map(date))
            .with_some("last_met_condition", self.last_met_condition.map(date))
            .with("actions", actions)
            .with_some("execution_state", self.execution_state.map(ExecutionState::name))
            .with("version", version)
    }

    /// As it is stored.
    #[must_use]
    pub fn to_stored_json(&self) -> Json {
        self.to_json(self.version)
    }
}

impl ActionStatus {
    #[must_use]
    pub fn to_json(&self) -> Json {
        let successful = |at| Json::object().with("timestamp", date(at)).with("successful", true);
        let last_execution = self.last_execution.as_ref().map(|last| match last {
            LastExecution::Successful(at) => successful(*at),
            LastExecution::Failed { at, reason } => Json::object().with("timestamp", date(*at)).with("successful", false).with("reason", &**reason),
        });
        let last_throttle = self.last_throttle.as_ref().map(|(at, reason)| Json::object().with("timestamp", date(*at)).with("reason", &**reason));
        Json::object()
            .with("ack", Json::object().with("timestamp", date(self.ack_changed)).with("state", self.ack.name()))
            .with_some("last_execution", last_execution)
            .with_some("last_successful_execution", self.last_successful_execution.map(successful))
            .with_some("last_throttle", last_throttle)
    }
}

/// One formatter for every date of a status and of a record: a client compares the texts (spec watcher-api §0.4).
#[must_use]
pub fn date(at: Timestamp) -> Json {
    Json::from(watchbell_json::iso_instant(epoch_nanos(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64, seconds: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60 + seconds).unwrap()
    }

    fn id(name: &str) -> ActionId {
        ActionId::parse(name).unwrap()
    }

    /// The worked timeline of the specification, §4.2.
    #[test]
    fn a_life_of_a_status() {
        let a = id("a");
        let mut status = WatchStatus::on_put([&a], true, at(0, 0));
        assert_eq!(
            status.to_json(1).to_string(),
            r#"{"state":{"active":true,"timestamp":"1970-01-01T00:00:00.000Z"},"actions":{"a":{"ack":{"timestamp":"1970-01-01T00:00:00.000Z","state":"awaits_successful_execution"}}},"version":1}"#
        );
        status.on_condition(true, at(0, 30));
        status.on_action_result(&a, ActionResultStatus::Success, None, at(0, 30));
        assert_eq!((status.last_checked, status.last_met_condition), (Some(at(0, 30)), Some(at(0, 30))));
        assert_eq!((status.actions[&a].ack, status.actions[&a].ack_changed), (AckState::Ackable, at(0, 30)));
        status.on_condition(true, at(1, 0));
        status.on_action_result(&a, ActionResultStatus::Throttled, Some("too soon"), at(1, 0));
        assert_eq!(status.actions[&a].last_throttle, Some((at(1, 0), "too soon".into())));
        assert_eq!(status.actions[&a].ack, AckState::Ackable);
        assert_eq!(status.ack(&AckTargets::Named(vec![id("b"), a.clone()]), at(1, 10)), std::slice::from_ref(&a));
        assert_eq!(status.ack(&AckTargets::All, at(1, 11)), []);
        status.on_condition(true, at(2, 0));
        status.on_action_result(&a, ActionResultStatus::Acknowledged, Some("acked"), at(2, 0));
        assert_eq!(status.actions[&a].ack_changed, at(1, 10));
        status.on_condition(false, at(2, 30));
        assert_eq!((status.actions[&a].ack, status.actions[&a].ack_changed), (AckState::AwaitsSuccessfulExecution, at(2, 30)));
        assert_eq!(status.last_met_condition, Some(at(2, 0)));
        assert_eq!(status.actions[&a].last_successful_execution, Some(at(0, 30)));
        status.on_condition(false, at(2, 45));
        assert_eq!(status.actions[&a].ack_changed, at(2, 30), "an ack state that stays keeps its time");
        status.set_active(false, at(3, 5));
        status.set_active(false, at(3, 6));
        assert_eq!(status.state_changed, at(3, 6));
    }

    #[test]
    fn only_failures_carry_a_reason() {
        let mut action = ActionStatus::new(at(0, 0));
        action.on_result(ActionResultStatus::Failure, None, at(0, 1));
        assert_eq!(action.to_json().get("last_execution").unwrap().to_string(), r#"{"timestamp":"1970-01-01T00:00:01.000Z","successful":false,"reason":""}"#);
        assert_eq!(action.ack, AckState::AwaitsSuccessfulExecution);
        action.on_result(ActionResultStatus::Simulated, None, at(0, 2));
        assert_eq!(action.to_json().get("last_successful_execution").unwrap().to_string(), r#"{"timestamp":"1970-01-01T00:00:02.000Z","successful":true}"#);
        let before = action.clone();
        action.on_result(ActionResultStatus::PartialFailure, None, at(0, 3));
        action.on_result(ActionResultStatus::ConditionFailed, Some("x"), at(0, 3));
        assert_eq!(action, before);
    }
}
