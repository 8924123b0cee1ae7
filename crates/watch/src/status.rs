//! A watch's status and its changes (spec watcher-api §4).

use std::collections::BTreeMap;

use watchbell_time::Timestamp;

use crate::ActionId;

#[derive(Clone, Debug, PartialEq)]
pub struct WatchStatus {
    pub active: bool,
    pub state_changed: Timestamp,
    pub last_checked: Option<Timestamp>,
    pub last_met_condition: Option<Timestamp>,
    pub actions: BTreeMap<ActionId, ActionStatus>,
    pub execution_state: Option<ExecutionState>,
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
