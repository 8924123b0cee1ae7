//! What users ask for, and what they are told: values without wire shapes.

use watchbell_json::Json;
use watchbell_store::Revision;
use watchbell_time::Timestamp;
pub use watchbell_watch::execute::{ExecuteRequest, ExecuteTarget};
pub use watchbell_watch::throttle::ActionMode;
use watchbell_watch::{ExecutionId, WatchId, status::WatchStatus};

/// How a PUT meets what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// Create or replace.
    Insert,
    /// Replace what stands at exactly this revision; a redacted secret keeps the stored one.
    AtRevision(Revision),
    /// The same by document version (the sixth generation's `version`).
    AtVersion(i64),
}

#[derive(Clone, Debug)]
pub struct PutRequest {
    pub id: WatchId,
    pub body: Json,
    pub active: bool,
    pub mode: PutMode,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PutAnswer {
    pub id: WatchId,
    pub version: i64,
    pub revision: Revision,
    pub created: bool,
}

/// A stored watch as users see it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchView {
    pub id: WatchId,
    pub version: i64,
    pub revision: Revision,
    /// Its `version` is the document's.
    pub status: WatchStatus,
    /// The canonical definition, secrets redacted.
    pub definition: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAnswer {
    pub id: WatchId,
    pub version: i64,
    pub found: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteAnswer {
    pub id: ExecutionId,
    pub record: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QueryAnswer {
    /// Of all matches.
    pub count: u64,
    /// Their `status.version` is the stored one, unlike that of a GET.
    pub watches: Vec<WatchView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    Starting,
    Started,
    Stopping,
    Stopped,
}

impl ServiceState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ServiceState::Starting => "starting",
            ServiceState::Started => "started",
            ServiceState::Stopping => "stopping",
            ServiceState::Stopped => "stopped",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPhase {
    AwaitsExecution,
    Started,
    Input,
    Condition,
    WatchTransform,
    Actions,
    Finished,
    Aborted,
}

impl RunPhase {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RunPhase::AwaitsExecution => "awaits_execution",
            RunPhase::Started => "started",
            RunPhase::Input => "input",
            RunPhase::Condition => "condition",
            RunPhase::WatchTransform => "watch_transform",
            RunPhase::Actions => "actions",
            RunPhase::Finished => "finished",
            RunPhase::Aborted => "aborted",
        }
    }
}

/// One execution that waits or runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    pub watch_id: WatchId,
    pub id: ExecutionId,
    pub triggered_time: Timestamp,
    pub execution_time: Timestamp,
    pub phase: RunPhase,
    /// Shown in the phase `actions`.
    pub executed_actions: Vec<String>,
}

/// Counters since the start, for health and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    pub triggered: u64,
    pub finished: u64,
    pub failed: u64,
    /// Due times that found their watch still running.
    pub overlapped: u64,
    /// Due times skipped by the policy on missed runs.
    pub skipped: u64,
    pub clock_jumps: u64,
    pub panics: u64,
    /// Executions the sweep took up.
    pub resumed: u64,
    pub lateness: Lateness,
}

/// Upper edges of the buckets of [`Lateness`], in milliseconds; above the last there is one more bucket.
pub const LATENESS_EDGES_MILLIS: [u64; 12] = [1, 2, 5, 10, 20, 30, 50, 100, 250, 1_000, 10_000, 60_000];

/// How long after their due time executions were durably triggered: a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// How many fell between the edge before and this one; the last is beyond all edges.
    pub buckets: [u64; LATENESS_EDGES_MILLIS.len() + 1],
    pub sum_micros: u64,
}

impl Lateness {
    pub(crate) fn note(&mut self, late: std::time::Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENESS_EDGES_MILLIS.iter().position(|edge| micros <= edge * 1_000).unwrap_or(LATENESS_EDGES_MILLIS.len());
        self.buckets[bucket] += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    pub node_id: String,
    pub state: ServiceState,
    pub manually_stopped: bool,
    /// Active watches.
    pub watch_count: usize,
    /// Waiting now.
    pub queue_size: usize,
    /// The largest number that ran at a time.
    pub max_size: usize,
    /// By execution time.
    pub current: Vec<RunInfo>,
    /// By execution time.
    pub queued: Vec<RunInfo>,
    pub metrics: Metrics,
    /// Why nothing is triggered, if nothing is.
    pub trouble: Option<String>,
}
