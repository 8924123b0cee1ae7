//! What the engine is given: its ports and its settings.

use std::sync::Arc;
use std::time::Duration;

use watchbell_outbox::{Deliver, Predecessors};
use watchbell_store::{DocumentStore, Search};
use watchbell_time::{Clock, Entropy};
use watchbell_watch::Generation;

/// The world, as the engine sees it.
#[derive(Clone, Debug)]
pub struct EnginePorts {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Watches, journal, ledger, history.
    pub state: Arc<dyn DocumentStore>,
    /// The data that watches search.
    pub search: Arc<dyn Search>,
    /// `.watches` as users query it; `None`: `query_watches` is refused.
    pub watches: Option<Arc<dyn Search>>,
    pub deliver: Arc<dyn Deliver>,
}

/// What becomes of due times that passed while nothing ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedRuns {
    /// The latest one runs, if it is not older than this; the others are counted as skipped.
    Latest { max_age: Duration },
    /// All are counted as skipped.
    None,
}

#[derive(Clone, Debug)]
pub struct EngineSettings {
    pub generation: Generation,
    /// Shown in records and stats.
    pub node_id: String,
    pub default_throttle_period: Duration,
    /// How many executions run at a time.
    pub pool_size: usize,
    /// How many executions may wait before the execute API answers 429. Scheduled ones are bounded by the number of watches.
    pub queue_size: usize,
    pub search_timeout: Duration,
    /// How long an index action's document may take where the action says nothing.
    pub index_timeout: Duration,
    /// The same for each document of a list.
    pub bulk_timeout: Duration,
    pub missed_runs: MissedRuns,
    /// How often the journal is swept for executions nobody carries out.
    pub sweep_interval: Duration,
    /// The day follows: `.watcher-history-16-2026.11.24`.
    pub history_prefix: String,
    /// A record beyond this many bytes is stored without its payloads.
    pub history_record_max: usize,
    /// Whether an earlier process on the same state may still be sending.
    pub predecessors: Predecessors,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        EngineSettings {
            generation: Generation::G8,
            node_id: "watchbell".into(),
            default_throttle_period: Duration::from_secs(5),
            pool_size: 50,
            queue_size: 1000,
            search_timeout: Duration::from_secs(60),
            index_timeout: Duration::from_secs(30),
            bulk_timeout: Duration::from_secs(60),
            missed_runs: MissedRuns::Latest { max_age: Duration::from_secs(3600) },
            sweep_interval: Duration::from_secs(5),
            history_prefix: ".watcher-history-16-".into(),
            history_record_max: 10 * 1024 * 1024,
            predecessors: Predecessors::Gone,
        }
    }
}
