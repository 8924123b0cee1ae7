//! Start, stop, stats, and what is remembered of them.

use watchbell_json::{Failure, Json};
use watchbell_store::{Expect, Write};

use crate::answers::{ServiceState, Stats};
use crate::engine::{Engine, store_failure, write_failure};
use crate::names::{SERVICE, SERVICE_ID};
use crate::scheduler::Command;

const STOPPED: &str = "manually_stopped";

/// Whether Watcher was stopped by hand in an earlier life.
pub(crate) async fn was_stopped(engine: &Engine) -> Result<bool, Failure> {
    let document = engine.ports.state.get(SERVICE, SERVICE_ID).await.map_err(store_failure)?;
    let stored = document.and_then(|document| Json::parse(&document.source).ok());
    Ok(stored.and_then(|stored| stored.get(STOPPED).and_then(Json::as_bool)).unwrap_or(false))
}

/// Answers when the wish is stored, not when it has come true.
pub(crate) async fn set_stopped(engine: &Engine, stopped: bool) -> Result<(), Failure> {
    let source = Json::object().with(STOPPED, stopped).to_string();
    engine.ports.state.write(Write::put(SERVICE, SERVICE_ID, Expect::Anything, source)).await.map_err(write_failure)?;
    engine.set_stopped_by_hand(stopped);
    engine.scheduler.send(if stopped { Command::Pause } else { Command::Run });
    engine.sweep_now(); // triggered runs that waited for the start
    Ok(())
}

pub(crate) fn stats(engine: &Engine) -> Stats {
    let snapshot = engine.runs.snapshot();
    let stopped = engine.is_stopped_by_hand();
    let state = match (stopped, snapshot.running.is_empty()) {
        (false, _) if engine.is_loaded() => ServiceState::Started,
        (false, _) => ServiceState::Starting,
        (true, true) => ServiceState::Stopped,
        (true, false) => ServiceState::Stopping,
    };
    Stats {
        node_id: engine.settings.node_id.clone(),
        state,
        manually_stopped: stopped,
        // a stopped service has forgotten its watches
        watch_count: if stopped { 0 } else { engine.watch_count() },
        queue_size: snapshot.waiting.len(),
        max_size: snapshot.most_running,
        current: snapshot.running,
        queued: snapshot.waiting,
        metrics: engine.counters.read(),
        trouble: engine.counters.trouble(),
    }
}
