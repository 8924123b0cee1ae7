//! What templates, conditions and `foreach` see of a run (spec watcher-api §6).

use watchbell_json::Json;
use watchbell_time::{Timestamp, epoch_nanos};

use crate::{ExecutionId, WatchId};

/// The facts of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    pub id: ExecutionId,
    pub watch_id: WatchId,
    pub execution_time: Timestamp,
    pub triggered_time: Timestamp,
    pub scheduled_time: Timestamp,
    pub metadata: Option<Json>,
    /// `None` until the input ran.
    pub payload: Option<Json>,
    pub vars: Json,
}

impl Context {
    /// `{"ctx": …}`; dates are dates, so that each construct prints them in its own way.
    #[must_use]
    pub fn model(&self) -> Json {
        let time = |at| Json::Time(epoch_nanos(at));
        let trigger = Json::object().with("triggered_time", time(self.triggered_time)).with("scheduled_time", time(self.scheduled_time));
        let ctx = Json::object()
            .with("id", self.id.as_str())
            .with("watch_id", self.watch_id.as_str())
            .with("execution_time", time(self.execution_time))
            .with("trigger", trigger)
            .with("metadata", self.metadata.clone())
            .with_some("payload", self.payload.clone())
            .with("vars", self.vars.clone());
        Json::object().with("ctx", ctx)
    }

    /// The same run with another payload.
    #[must_use]
    pub fn with_payload(&self, payload: Json) -> Context {
        Context { payload: Some(payload), ..self.clone() }
    }
}
