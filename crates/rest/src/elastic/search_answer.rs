//! Writes the answer of a search: stored documents byte for byte.

use http::StatusCode;
use watchbell_json::{Failure, Json};
use watchbell_store::{Hit, SearchAnswer, ShardFailure, TotalRelation};

use super::document_get::write_with_source;
use super::hidden::visible_source;
use crate::problem::{Problem, status_of};
use crate::rest::Rest;

/// How the answer shall look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnswerForm {
    pub(super) took: i64,
    /// `rest_total_hits_as_int`.
    pub(super) total_as_int: bool,
    /// `stored_fields: _none_` leaves not even the id.
    pub(super) hide_ids: bool,
}

/// The object of the answer, without its closing brace, so that members may follow.
pub(super) fn write_answer(answer: SearchAnswer, form: AnswerForm, rest: &Rest, text: &mut String) {
    let failed = answer.failures.len();
    let head = Json::object()
        .with("took", form.took)
        .with("timed_out", false)
        .with_some("terminated_early", answer.terminated_early)
        .with("_shards", shards_json(answer.shards, &answer.failures, rest));
    head.write_to(text);
    text.pop();
    text.push_str(",\"hits\":");
    let max_score = if answer.shards == 0 && failed == 0 { Some(0.0) } else { answer.max_score };
    // A total that was not asked for is -1 for clients that know only numbers.
    let total = answer.total.map(|total| total_json(total, form)).or(form.total_as_int.then_some(Json::Int(-1)));
    let hits = Json::object().with_some("total", total).with("max_score", score(max_score));
    hits.write_to(text);
    text.pop();
    text.push_str(",\"hits\":[");
    for (at, hit) in answer.hits.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_hit(hit, form, text);
    }
    text.push_str("]}");
    if let Some(aggregations) = answer.aggregations {
        text.push_str(",\"aggregations\":");
        aggregations.write_to(text);
    }
}

fn total_json((value, relation): (u64, TotalRelation), form: AnswerForm) -> Json {
    if form.total_as_int {
        return value.into();
    }
    let relation = match relation {
        TotalRelation::Exact => "eq",
        TotalRelation::AtLeast => "gte",
    };
    Json::object().with("value", value).with("relation", relation)
}

fn write_hit(hit: Hit, form: AnswerForm, text: &mut String) {
    let head = Json::object()
        .with("_index", hit.index.as_str())
        .with_some("_id", (!form.hide_ids).then_some(hit.id))
        .with_some("_version", hit.version)
        .with_some("_seq_no", hit.revision.map(|revision| revision.seq_no))
        .with_some("_primary_term", hit.revision.map(|revision| revision.primary_term))
        .with("_score", score(hit.score))
        .with_some("_ignored", (!hit.ignored.is_empty()).then_some(hit.ignored));
    let source = hit.source.map(|source| visible_source(&hit.index, source));
    write_with_source(&head, source.as_ref(), text);
    let tail = Json::object()
        .with_some("fields", hit.fields)
        .with_some("sort", hit.sort)
        .with_some("matched_queries", (!hit.matched_queries.is_empty()).then_some(hit.matched_queries));
    if tail.as_map().is_some_and(|tail| !tail.is_empty()) {
        text.pop();
        text.push(',');
        text.push_str(&tail.to_string()[1..]);
    }
}

/// A score is a 32-bit fraction and is printed as one.
fn score(score: Option<f32>) -> Json {
    score.and_then(|score| score.to_string().parse::<f64>().ok()).map(Json::from).into()
}

/// `_shards`; every index has one shard.
pub(super) fn shards_json(shards: usize, failures: &[ShardFailure], rest: &Rest) -> Json {
    let failed = failures.len().min(shards);
    let object = Json::object().with("total", shards).with("successful", shards - failed).with("skipped", 0).with("failed", failed);
    if failures.is_empty() { object } else { object.with("failures", failures.iter().map(|failure| shard_failure(failure, rest)).collect::<Json>()) }
}

fn shard_failure(failure: &ShardFailure, rest: &Rest) -> Json {
    Json::object().with("shard", 0).with("index", failure.index.as_str()).with("node", rest.node_id.as_str()).with("reason", failure.reason.to_exception_json())
}

/// The error of a search that failed on every shard.
pub(super) fn all_shards_failed(failures: &[ShardFailure], rest: &Rest) -> Problem {
    let failed: Json = failures.iter().map(|failure| shard_failure(failure, rest)).collect();
    let status = failures.iter().map(|failure| status_of(&failure.reason)).max().unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let failure =
        Failure::new("search_phase_execution_exception", "all shards failed").with("phase", "query").with("grouped", true).with("failed_shards", failed);
    // The reference shows a cause on top only where the shard's failure is no exception of its own.
    let foreign = failures.first().map(|failure| &failure.reason).filter(|reason| reason.kind == "illegal_argument_exception");
    Problem::WithStatus(
        status,
        match foreign {
            Some(first) => failure.caused_by(first.clone().caused_by(first.clone())),
            None => failure,
        },
    )
}
