//! `_cluster/health`: green where all copies of all indices stand, yellow where replicas wait for a node that will not come.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json, Map};
use watchbell_store::{IndexInfo, IndicesOptions, StoreError};

use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open_and_closed};
use super::index_settings::number_setting;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const HEALTH_PARAMETERS: &[&str] = &[
    "level",
    "local",
    "timeout",
    "master_timeout",
    "wait_for_status",
    "wait_for_nodes",
    "wait_for_active_shards",
    "wait_for_no_relocating_shards",
    "wait_for_no_initializing_shards",
    "wait_for_events",
];

/// The reference's default.
const WAIT: Duration = Duration::from_secs(30);

/// How often a waiting request looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(super) fn routes(router: &mut Router) {
    for path in ["/_cluster/health", "/_cluster/health/{index}"] {
        router.add(Route::new(&[Method::GET], path, health).parameters(&[HEALTH_PARAMETERS, EXPRESSION_PARAMETERS]));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Green,
    Yellow,
    Red,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Green => "green",
            Status::Yellow => "yellow",
            Status::Red => "red",
        }
    }

    fn parse(name: &str) -> Result<Status, Failure> {
        match name.to_ascii_lowercase().as_str() {
            "green" => Ok(Status::Green),
            "yellow" => Ok(Status::Yellow),
            "red" => Ok(Status::Red),
            other => {
                let constant = other.to_ascii_uppercase();
                Err(Failure::illegal_argument(format!("No enum constant org.elasticsearch.cluster.health.ClusterHealthStatus.{constant}")))
            }
        }
    }
}

/// One index: one shard that stands here, and replicas that cannot.
#[derive(Clone, Debug)]
pub(super) struct IndexHealth {
    pub(super) shards: u64,
    pub(super) replicas: u64,
}

impl IndexHealth {
    pub(super) fn of(info: &IndexInfo) -> IndexHealth {
        IndexHealth { shards: number_setting(info, "number_of_shards").unwrap_or(1), replicas: number_setting(info, "number_of_replicas").unwrap_or(1) }
    }

    pub(super) fn status(&self) -> Status {
        if self.replicas == 0 { Status::Green } else { Status::Yellow }
    }

    fn unassigned(&self) -> u64 {
        self.shards * self.replicas
    }

    fn to_json(&self) -> Json {
        Json::object()
            .with("status", self.status().name())
            .with("number_of_shards", self.shards)
            .with("number_of_replicas", self.replicas)
            .with("active_primary_shards", self.shards)
            .with("active_shards", self.shards)
            .with("relocating_shards", 0)
            .with("initializing_shards", 0)
            .with("unassigned_shards", self.unassigned())
    }
}

/// All asked for; `missing` when one of them does not exist.
#[derive(Clone, Debug)]
pub(super) struct ClusterHealth {
    indices: Vec<(String, IndexHealth)>,
    missing: bool,
}

impl ClusterHealth {
    pub(super) async fn of_all(rest: &Rest) -> Result<ClusterHealth, Problem> {
        let options = IndicesOptions { expand_hidden: true, ..strict_expand_open_and_closed() };
        ClusterHealth::of(rest, &[], &options).await
    }

    async fn of(rest: &Rest, names: &[String], options: &IndicesOptions) -> Result<ClusterHealth, Problem> {
        match rest.indices.indices(names, options).await {
            Ok(infos) => Ok(ClusterHealth { indices: infos.into_iter().map(|info| (info.name.clone(), IndexHealth::of(&info))).collect(), missing: false }),
            Err(StoreError::NoIndex(_)) => Ok(ClusterHealth { indices: Vec::new(), missing: true }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn status(&self) -> Status {
        let worst = self.indices.iter().map(|(_, index)| index.status()).max().unwrap_or(Status::Green);
        if self.missing { Status::Red } else { worst }
    }

    pub(super) fn active(&self) -> u64 {
        self.indices.iter().map(|(_, index)| index.shards).sum()
    }

    pub(super) fn unassigned(&self) -> u64 {
        self.indices.iter().map(|(_, index)| index.unassigned()).sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    pub(super) fn active_percent(&self) -> f64 {
        let all = self.active() + self.unassigned();
        if all == 0 { 100.0 } else { self.active() as f64 * 100.0 / all as f64 }
    }

    fn to_json(&self, rest: &Rest, timed_out: bool, with_indices: bool) -> Json {
        let answer = Json::object()
            .with("cluster_name", rest.settings.cluster_name.as_str())
            .with("status", self.status().name())
            .with("timed_out", timed_out)
            .with("number_of_nodes", 1)
            .with("number_of_data_nodes", 1)
            .with("active_primary_shards", self.active())
            .with("active_shards", self.active())
            .with("relocating_shards", 0)
            .with("initializing_shards", 0)
            .with("unassigned_shards", self.unassigned())
            .with("delayed_unassigned_shards", 0)
            .with("number_of_pending_tasks", 0)
            .with("number_of_in_flight_fetch", 0)
            .with("task_max_waiting_in_queue_millis", 0)
            .with("active_shards_percent_as_number", self.active_percent());
        if !with_indices {
            return answer;
        }
        let indices: Map = self.indices.iter().map(|(name, index)| (name.as_str(), index.to_json())).collect();
        answer.with("indices", indices)
    }
}

/// What a request waits for.
struct Wanted {
    status: Option<Status>,
    nodes: Option<String>,
    active_shards: Option<String>,
}

impl Wanted {
    fn is_met(&self, health: &ClusterHealth) -> bool {
        let status = self.status.is_none_or(|wanted| health.status() <= wanted);
        let nodes = self.nodes.as_deref().is_none_or(nodes_met);
        let shards = match self.active_shards.as_deref() {
            None | Some("") => true,
            Some("all") => health.unassigned() == 0,
            Some(number) => number.parse::<u64>().is_ok_and(|number| health.active() >= number),
        };
        status && nodes && shards && !health.missing
    }
}

/// There is one node; `>=1`, `le(2)` and the like compare with that.
fn nodes_met(wanted: &str) -> bool {
    let digits: String = wanted.chars().filter(char::is_ascii_digit).collect();
    let Ok(number) = digits.parse::<u64>() else { return true };
    let wanted = wanted.trim();
    match wanted {
        _ if wanted.starts_with(">=") || wanted.starts_with("ge(") => 1 >= number,
        _ if wanted.starts_with("<=") || wanted.starts_with("le(") => 1 <= number,
        _ if wanted.starts_with('>') || wanted.starts_with("gt(") => 1 > number,
        _ if wanted.starts_with('<') || wanted.starts_with("lt(") => 1 < number,
        _ => number == 1,
    }
}

async fn health(rest: Arc<Rest>, request: Request) -> Handled {
    let params = &request.params;
    let options = read_options(params, IndicesOptions { expand_hidden: true, ..strict_expand_open_and_closed() })?;
    let wanted = Wanted {
        status: params.get("wait_for_status").map(Status::parse).transpose()?,
        nodes: params.get("wait_for_nodes").map(str::to_owned),
        active_shards: params.get("wait_for_active_shards").map(str::to_owned),
    };
    let until = request.started.saturating_add(params.duration("timeout")?.unwrap_or(WAIT));
    let names = names(&request)?;
    loop {
        let health = ClusterHealth::of(&rest, &names, &options).await?;
        let met = wanted.is_met(&health);
        if met || rest.clock.elapsed() >= until {
            let status = if met { StatusCode::OK } else { StatusCode::REQUEST_TIMEOUT };
            let with_indices = matches!(params.get("level"), Some("indices" | "shards"));
            return Ok(Response::json(status, health.to_json(&rest, !met, with_indices)));
        }
        rest.clock.sleep_until(until.min(rest.clock.elapsed() + LOOK_AGAIN)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_is_enough_or_not() {
        for (wanted, met) in [("1", true), (">=1", true), ("ge(2)", false), ("<2", true), ("2", false), ("le(1)", true)] {
            assert_eq!(nodes_met(wanted), met, "{wanted}");
        }
    }

    #[test]
    fn replicas_make_it_yellow() {
        let health = |replicas| ClusterHealth { indices: vec![("a".to_owned(), IndexHealth { shards: 1, replicas })], missing: false };
        assert_eq!(health(0).status(), Status::Green);
        assert_eq!(health(1).status(), Status::Yellow);
        assert!((health(1).active_percent() - 50.0).abs() < f64::EPSILON);
        assert!(Status::parse("blue").is_err_and(|failure| failure.reason_text().ends_with(".BLUE")));
    }
}
