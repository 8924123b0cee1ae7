//! Watchbell's own API: health for people and probes, metrics for Prometheus.
//!
//! `GET /_watchbell/health` says what is well and what is not, `GET /healthz` whether the process answers, `GET /readyz` whether
//! it can do its work, `GET /metrics` counts in the OpenMetrics text format.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use watchbell_engine::{LATENESS_EDGES_MILLIS, ServiceState, Stats};
use watchbell_json::Json;

use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

pub(crate) fn routes(router: &mut Router) {
    router.add(Route::new(&[Method::GET], "/_watchbell/health", health));
    router.add(Route::new(&[Method::GET, Method::HEAD], "/healthz", alive));
    router.add(Route::new(&[Method::GET, Method::HEAD], "/readyz", ready));
    router.add(Route::new(&[Method::GET], "/metrics", metrics));
}

/// How a part of the process is.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: String,
    pub state: PartState,
    /// Members that are shown beside the state.
    pub detail: Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    Well,
    /// It works, but not as it should.
    Impaired(String),
    /// It does not work.
    Down(String),
}

/// What the process knows of itself beyond the engine: its store, its clusters.
pub trait Introspection: Send + Sync + std::fmt::Debug {
    fn parts(&self) -> Vec<Part>;
}

impl PartState {
    fn colour(&self) -> &'static str {
        match self {
            PartState::Well => "green",
            PartState::Impaired(_) => "yellow",
            PartState::Down(_) => "red",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            PartState::Well => None,
            PartState::Impaired(reason) | PartState::Down(reason) => Some(reason),
        }
    }
}

fn engine_part(stats: &Stats) -> Part {
    let state = match (&stats.trouble, stats.state) {
        (Some(trouble), _) => PartState::Down(trouble.clone()),
        (None, ServiceState::Started) => PartState::Well,
        (None, other) => PartState::Impaired(format!("watcher is {}", other.name())),
    };
    let detail = Json::object().with("watches", stats.watch_count).with("queued", stats.queue_size).with("triggered", stats.metrics.triggered);
    Part { name: "watcher".to_owned(), state, detail }
}

async fn parts(rest: &Rest) -> Vec<Part> {
    let mut parts = rest.settings.introspection.as_ref().map(|introspection| introspection.parts()).unwrap_or_default();
    if let Some(watcher) = &rest.watcher {
        parts.push(engine_part(&watcher.stats().await));
    }
    parts
}

/// The worst of all parts.
fn overall(parts: &[Part]) -> &'static str {
    let any = |colour: &str| parts.iter().any(|part| part.state.colour() == colour);
    ["red", "yellow"].into_iter().find(|colour| any(colour)).unwrap_or("green")
}

async fn health(rest: Arc<Rest>, _request: Request) -> Handled {
    let parts = parts(&rest).await;
    let mut shown = Json::object();
    for part in &parts {
        let mut entry = Json::object().with("status", part.state.colour()).with_some("reason", part.state.reason());
        entry.merge(&part.detail);
        shown.set(part.name.as_str(), entry);
    }
    Ok(Response::ok(Json::object().with("status", overall(&parts)).with("version", env!("CARGO_PKG_VERSION")).with("parts", shown)))
}

async fn alive(_rest: Arc<Rest>, _request: Request) -> Handled {
    Ok(Response::text(StatusCode::OK, "ok\n"))
}

async fn ready(rest: Arc<Rest>, _request: Request) -> Handled {
    let parts = parts(&rest).await;
    let down: Vec<String> = parts
        .iter()
        .filter(|part| matches!(part.state, PartState::Down(_)))
        .map(|part| format!("{}: {}\n", part.name, part.state.reason().unwrap_or("")))
        .collect();
    Ok(match down.is_empty() {
        true => Response::text(StatusCode::OK, "ok\n"),
        false => Response::text(StatusCode::SERVICE_UNAVAILABLE, down.concat()),
    })
}

async fn metrics(rest: Arc<Rest>, _request: Request) -> Handled {
    let stats = match &rest.watcher {
        Some(watcher) => Some(watcher.stats().await),
        None => None,
    };
    let mut registry = Registry::with_prefix("watchbell");
    registry.register_collector(Box::new(Scrape { stats, parts: parts(&rest).await }));
    let mut text = String::new();
    text::encode(&mut text, &registry).map_err(|error| Problem::Plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let mut answer = Response::new(StatusCode::OK, Body::Text(text));
    answer.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8")));
    Ok(answer)
}

/// One reading of everything that is counted.
#[derive(Debug)]
struct Scrape {
    stats: Option<Stats>,
    parts: Vec<Part>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let up = i64::from(overall(&self.parts) != "red");
        ConstGauge::new(up).encode(encoder.encode_descriptor("healthy", "1 unless a part of the process is down", None, MetricType::Gauge)?)?;
        let Some(stats) = &self.stats else { return Ok(()) };
        let counted = &stats.metrics;
        let gauges = [
            ("watches", "Active watches", stats.watch_count),
            ("executions_running", "Executions that run now", stats.current.len()),
            ("executions_queued", "Executions that wait", stats.queue_size),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let counters = [
            ("executions_triggered", "Due times that became executions", counted.triggered),
            ("executions_finished", "Executions that ended", counted.finished),
            ("executions_failed", "Executions that ended as failed", counted.failed),
            ("executions_overlapped", "Due times that found their watch still running", counted.overlapped),
            ("executions_skipped", "Due times skipped by the policy on missed runs", counted.skipped),
            ("executions_resumed", "Executions taken up after a crash", counted.resumed),
            ("executions_panicked", "Executions that ended by a fault of ours", counted.panics),
            ("clock_jumps", "Backward jumps of the wall clock", counted.clock_jumps),
        ];
        for (name, help, value) in counters {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        encode_lateness(stats, &mut encoder)
    }
}

fn encode_lateness(stats: &Stats, encoder: &mut DescriptorEncoder) -> Result<(), std::fmt::Error> {
    let lateness = &stats.metrics.lateness;
    #[expect(clippy::cast_precision_loss, reason = "seconds for a dashboard")]
    let seconds = |micros: u64| micros as f64 / 1e6;
    let edges = LATENESS_EDGES_MILLIS.iter().map(|millis| seconds(millis * 1_000)).chain([f64::MAX]);
    let buckets: Vec<(f64, u64)> = edges.zip(lateness.buckets).collect();
    let count = lateness.buckets.iter().sum();
    let help = "Seconds from a due time to its durable trigger";
    let mut metric = encoder.encode_descriptor("trigger_lateness_seconds", help, None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(seconds(lateness.sum_micros), count, &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(state: PartState) -> Part {
        Part { name: "store".to_owned(), state, detail: Json::object() }
    }

    #[test]
    fn the_worst_part_decides() {
        assert_eq!(overall(&[]), "green");
        assert_eq!(overall(&[part(PartState::Well), part(PartState::Impaired("slow".into()))]), "yellow");
        assert_eq!(overall(&[part(PartState::Down("gone".into())), part(PartState::Impaired("slow".into()))]), "red");
    }
}
