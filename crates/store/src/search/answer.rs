//! Answers and failures as `_search` shows them.

use watchbell_json::{Failure, Json};

use crate::query::{RESULT_WINDOW_MAX, SearchBody};
use crate::{Hit, SearchAnswer, ShardFailure, TotalRelation};

/// What an index refuses of a body before it looks at a document.
///
/// # Errors
/// `illegal_argument_exception`, as the index's own failure.
pub fn check_body(body: &SearchBody) -> Result<(), Failure> {
    if let Some(after) = &body.search_after {
        if body.sort.is_empty() {
            return Err(Failure::illegal_argument("Sort must contain at least one field."));
        }
        if after.len() != body.sort.len() {
            return Err(Failure::illegal_argument(format!("search_after has {} value(s) but sort has {}.", after.len(), body.sort.len())));
        }
        if body.from > 0 {
            return Err(Failure::new("search_exception", "`from` parameter must be set to 0 when `search_after` is used."));
        }
    }
    let window = body.from.saturating_add(body.size);
    if window > RESULT_WINDOW_MAX {
        let reason = format!(
            "Result window is too large, from + size must be less than or equal to: [{RESULT_WINDOW_MAX}] but was [{window}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting."
        );
        return Err(Failure::illegal_argument(reason));
    }
    Ok(())
}

fn shard_failure_json(failure: &ShardFailure) -> Json {
    Json::object().with("shard", 0).with("index", &failure.index).with("node", NODE).with("reason", failure.reason.to_exception_json())
}

/// Shard failures name a node; there is one, and its name says nothing.
const NODE: &str = "watchbell";

/// The failure of a search of which nothing is left.
#[must_use]
pub fn all_shards_failed(failures: &[ShardFailure]) -> Failure {
    let failed: Json = failures.iter().map(shard_failure_json).collect();
    let failure =
        Failure::new("search_phase_execution_exception", "all shards failed").with("phase", "query").with("grouped", true).with("failed_shards", failed);
    match failures.first() {
        // The reference shows a cause on top only where the shard's failure is no exception of its own.
        Some(first) if first.reason.kind == "illegal_argument_exception" => failure.caused_by(first.reason.clone().caused_by(first.reason.clone())),
        _ => failure,
    }
}

impl SearchAnswer {
    /// The answer as `_search` gives it, `hits.total` an object.
    #[must_use]
    pub fn to_json(&self, took_millis: u64) -> Json {
        let failed = self.failures.len();
        let mut shards =
            Json::object().with("total", self.shards).with("successful", self.shards.saturating_sub(failed)).with("skipped", 0).with("failed", failed);
        if failed > 0 {
            shards.set("failures", self.failures.iter().map(shard_failure_json).collect::<Json>());
        }
        let total = self.total.map(|(value, relation)| Json::object().with("value", value).with("relation", relation.name()));
        let hits = Json::object()
            .with_some("total", total)
            .with("max_score", self.max_score.map(shown_score))
            .with("hits", self.hits.iter().map(Hit::to_json).collect::<Json>());
        Json::object()
            .with("took", took_millis)
            .with("timed_out", false)
            .with_some("terminated_early", self.terminated_early)
            .with("_shards", shards)
            .with("hits", hits)
            .with_some("aggregations", self.aggregations.clone())
    }
}

impl TotalRelation {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TotalRelation::Exact => "eq",
            TotalRelation::AtLeast => "gte",
        }
    }
}

impl Hit {
    /// The hit, its source parsed.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut hit = Json::object().with("_index", &self.index).with("_id", &self.id).with_some("_version", self.version);
        if let Some(revision) = self.revision {
            hit.set("_seq_no", revision.seq_no);
            hit.set("_primary_term", revision.primary_term);
        }
        hit.set("_score", self.score.map(shown_score));
        if !self.ignored.is_empty() {
            hit.set("_ignored", self.ignored.iter().map(String::as_str).collect::<Json>());
        }
        // A stored source was parsed when it was written.
        let source = self.source.as_ref().map(|source| Json::parse(source).unwrap_or_default());
        let hit = hit.with_some("_source", source).with_some("fields", self.fields.clone()).with_some("sort", self.sort.clone());
        if self.matched_queries.is_empty() {
            return hit;
        }
        hit.with("matched_queries", self.matched_queries.iter().map(String::as_str).collect::<Json>())
    }
}

/// A 32-bit number in its own shortest digits, not those of the 64-bit number nearest to it.
pub(super) fn shown_score(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| f64::from(score))
}
