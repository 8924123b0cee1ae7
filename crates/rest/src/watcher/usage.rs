//! What the watches are made of, counted for `GET /_xpack/usage` (spec watcher-api §10.3).
//!
//! As in the reference only active watches count, so that `total` and `active` are always equal.

use std::collections::BTreeMap;

use watchbell_engine::{WatchView, Watcher};
use watchbell_json::{Json, Map, json};

use crate::problem::Problem;
use crate::rest::Rest;

/// Watches read at a time.
const PAGE: usize = 1000;

/// What stands beside the type in an action.
const WRAPPER: [&str; 5] = ["throttle_period_in_millis", "condition", "transform", "foreach", "max_iterations"];

/// The member `watcher` of the answer.
pub(crate) async fn usage(rest: &Rest) -> Result<Json, Problem> {
    let Some(watcher) = &rest.watcher else { return Ok(json!({"available": true, "enabled": false})) };
    let mut counted = Counted::default();
    let mut after = None;
    loop {
        let page = page(watcher, after).await?;
        after = page.last().map(|view| view.revision.seq_no);
        page.iter().filter(|view| view.status.active).for_each(|view| counted.add(&view.definition));
        if page.len() < PAGE {
            break;
        }
    }
    let finished = Json::object().with("_all", Json::object().with("total", watcher.stats().await.metrics.finished));
    Ok(Json::object()
        .with("available", true)
        .with("enabled", true)
        .with("execution", Json::object().with("actions", finished))
        .with("watch", counted.to_json())
        .with("count", both(counted.watches)))
}

/// In the order of writing: one written meanwhile may count twice, and none is left out.
async fn page(watcher: &Watcher, after: Option<i64>) -> Result<Vec<WatchView>, Problem> {
    let mut body = Json::object().with("size", PAGE).with("sort", vec![Json::object().with("_seq_no", "asc")]);
    if let Some(after) = after {
        body.set("search_after", vec![Json::from(after)]);
    }
    Ok(watcher.query_watches(Some(body)).await?.watches)
}

#[derive(Debug, Default)]
struct Counted {
    watches: u64,
    metadata: u64,
    input: Kinds,
    schedule: Kinds,
    condition: Kinds,
    transform: Kinds,
    action: Kinds,
    action_condition: Kinds,
    action_transform: Kinds,
}

#[derive(Debug, Default)]
struct Kinds(BTreeMap<String, u64>);

impl Kinds {
    /// Counts the type of `{"<type>": …}`.
    fn add(&mut self, part: Option<&Json>) {
        if let Some((kind, _)) = part.and_then(Json::as_map).and_then(|part| part.iter().next()) {
            self.add_kind(kind);
        }
    }

    fn add_kind(&mut self, kind: &str) {
        *self.0.entry(kind.to_owned()).or_default() += 1;
    }

    fn all(&self) -> u64 {
        self.0.values().sum()
    }

    fn to_json(&self) -> Json {
        self.0.iter().fold(Json::object().with("_all", both(self.all())), |kinds, (kind, count)| kinds.with(kind.as_str(), both(*count)))
    }

    fn shown(&self) -> Option<Json> {
        (!self.0.is_empty()).then(|| self.to_json())
    }
}

impl Counted {
    fn add(&mut self, watch: &Json) {
        self.watches += 1;
        self.metadata += u64::from(watch.get("metadata").is_some());
        self.input.add(watch.get("input"));
        self.schedule.add(watch.at(&["trigger", "schedule"]));
        self.condition.add(watch.get("condition"));
        self.transform.add(watch.get("transform"));
        for (_, action) in watch.get("actions").and_then(Json::as_map).into_iter().flat_map(Map::iter) {
            self.action_condition.add(action.get("condition"));
            self.action_transform.add(action.get("transform"));
            for kind in action.as_map().into_iter().flat_map(Map::keys).filter(|member| !WRAPPER.contains(member)) {
                self.action.add_kind(kind);
            }
        }
    }

    fn to_json(&self) -> Json {
        let mut schedule = self.schedule.to_json();
        schedule.merge(&both(self.schedule.all()));
        let trigger = Json::object().with("_all", both(self.schedule.all())).with("schedule", schedule);
        let action = self
            .action
            .shown()
            .map(|action| action.with_some("condition", self.action_condition.shown()).with_some("transform", self.action_transform.shown()));
        Json::object()
            .with("input", self.input.to_json())
            .with("trigger", trigger)
            .with_some("condition", self.condition.shown())
            .with_some("transform", self.transform.shown())
            .with_some("metadata", (self.metadata > 0).then(|| both(self.metadata)))
            .with_some("action", action)
    }
}

fn both(count: u64) -> Json {
    Json::object().with("total", count).with("active", count)
}
