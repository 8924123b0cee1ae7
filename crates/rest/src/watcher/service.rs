//! Stats, start, stop and restart (spec watcher-api §9).

use std::sync::Arc;

use watchbell_engine::{RunInfo, RunPhase, Watcher};
use watchbell_json::Json;
use watchbell_watch::{Generation, status::date};

use super::request_rules::refuse_unknown_and_body;
use crate::parameters::split_list;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

/// The metrics asked for, from the path or the parameter; unknown ones are left to be ignored.
pub(super) fn metrics(request: &Request) -> Vec<String> {
    let named = request.path_param("metric");
    if named.is_empty() { request.params.get("metric").map(split_list).unwrap_or_default() } else { split_list(named) }
}

/// Which lists an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    current: bool,
    queued: bool,
}

impl Shown {
    /// Until 7.0 the names were shifted: `queued_watches` showed the current ones, `pending_watches` the queued ones.
    fn of(metrics: &[String], generation: Generation) -> Shown {
        let any = |names: &[&str]| metrics.iter().any(|metric| metric == "_all" || names.contains(&metric.as_str()));
        if generation.metric_names_are_shifted() {
            Shown { current: any(&["queued_watches"]), queued: any(&["pending_watches"]) }
        } else {
            Shown { current: any(&["current_watches"]), queued: any(&["queued_watches", "pending_watches"]) }
        }
    }
}

pub(super) async fn stats(watcher: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    let traces = request.params.flag_or("emit_stacktraces", false)?;
    let shown = Shown::of(&metrics(&request), rest.generation());
    let known: &[&str] = if request.path_param("metric").is_empty() { &["metric", "emit_stacktraces"] } else { &["emit_stacktraces"] };
    refuse_unknown_and_body(&request, known)?;
    let stats = watcher.stats().await;
    let pool = Json::object().with("queue_size", stats.queue_size).with("max_size", stats.max_size);
    let current = shown.current.then(|| stats.current.iter().map(|run| running(run, traces)).collect::<Json>());
    let queued = shown.queued.then(|| stats.queued.iter().map(waiting).collect::<Json>());
    let node = Json::object()
        .with("node_id", &*stats.node_id)
        .with("watcher_state", stats.state.name())
        .with("watch_count", stats.watch_count)
        .with("execution_thread_pool", pool)
        .with_some("current_watches", current)
        .with_some("queued_watches", queued);
    let answer = Json::object()
        .with("_nodes", Json::object().with("total", 1).with("successful", 1).with("failed", 0))
        .with("cluster_name", &*rest.settings.cluster_name)
        .with("manually_stopped", stats.manually_stopped)
        .with("stats", vec![node]);
    Ok(Response::ok(answer))
}

fn waiting(run: &RunInfo) -> Json {
    Json::object()
        .with("watch_id", run.watch_id.as_str())
        .with("watch_record_id", run.id.as_str())
        .with("triggered_time", date(run.triggered_time))
        .with("execution_time", date(run.execution_time))
}

/// There are no threads to trace: a trace asked for is an empty one.
fn running(run: &RunInfo, traces: bool) -> Json {
    let actions = (run.phase == RunPhase::Actions).then(|| run.executed_actions.clone());
    waiting(run)
        .with("execution_phase", run.phase.name())
        .with_some("executed_actions", actions)
        .with_some("stack_trace", traces.then(|| Json::from(Vec::<Json>::new())))
}

pub(super) async fn start(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    watcher.start().await?;
    Ok(Response::acknowledged())
}

pub(super) async fn stop(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    watcher.stop().await?;
    Ok(Response::acknowledged())
}

pub(super) async fn restart(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    watcher.stop().await?;
    watcher.start().await?;
    Ok(Response::acknowledged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names_are_shifted_until_7() {
        for (metrics, generation, current, queued) in [
            (&["current_watches"][..], Generation::G8, true, false),
            (&["queued_watches"], Generation::G7, false, true),
            (&["pending_watches"], Generation::G7, false, true),
            (&["_all"], Generation::G6, true, true),
            (&["all", "bogus"], Generation::G8, false, false),
            (&["queued_watches"], Generation::G6, true, false),
            (&["pending_watches"], Generation::G6, false, true),
            (&["current_watches"], Generation::G6, false, false),
        ] {
            let metrics: Vec<String> = metrics.iter().map(ToString::to_string).collect();
            assert_eq!(Shown::of(&metrics, generation), Shown { current, queued }, "{metrics:?} {generation}");
        }
    }
}
