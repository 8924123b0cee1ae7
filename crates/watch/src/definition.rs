//! The definition as a whole.

use watchbell_json::Json;
use watchbell_time::schedule::Schedule;

use crate::{WatchId, action::Action, condition::Condition, input::Input};

/// A parsed definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    pub id: WatchId,
    pub schedule: Schedule,
    pub input: Input,
    pub condition: Condition,
    pub throttle_period_millis: Option<i64>,
    /// In the order of the document, which is the order of execution.
    pub actions: Vec<Action>,
    pub metadata: Option<Json>,
}
