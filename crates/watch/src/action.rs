//! Actions (spec watcher-parts §7).

use crate::{
    ActionId,
    condition::Condition,
    http_request::{HttpRequestTemplate, TextTemplate},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub id: ActionId,
    pub throttle_period_millis: Option<i64>,
    pub condition: Option<Condition>,
    pub foreach: Option<Foreach>,
    pub kind: ActionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Foreach {
    pub path: String,
    /// 100 unless given.
    pub max_iterations: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    Webhook(HttpRequestTemplate),
    Logging(LoggingAction),
    Index(IndexAction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LoggingAction {
    pub text: TextTemplate,
    pub level: LogLevel,
    pub category: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpType {
    Index,
    Create,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexAction {
    pub index: Option<String>,
    pub doc_id: Option<String>,
    pub op_type: Option<OpType>,
    pub execution_time_field: Option<String>,
    pub timeout_millis: Option<i64>,
    /// `true`, `false` or `wait_for`.
    pub refresh: Option<String>,
    pub dynamic_name_timezone: Option<String>,
}

