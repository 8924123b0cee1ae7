//! `_search`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use watchbell_json::{Failure, Json};
use watchbell_store::{IndicesOptions, SearchAnswer, SearchRequest};

use super::expressions::{EXPRESSION_PARAMETERS, read_options};
use super::key_position::{key_position, value_position};
use super::search_answer::{AnswerForm, all_shards_failed, write_answer};
use super::search_body::{QUERY_PARAMETERS, demand_exact_total, merged_body};
use super::source_filter::SOURCE_PARAMETERS;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router, refuse_unknown_parameters};

/// A search that takes longer is given up; a request's own `timeout` is the store's to keep.
pub(super) const SEARCH_MAX: Duration = Duration::from_secs(60);

/// The reference's default of `batched_reduce_size` may not fall below this.
const BATCHED_REDUCE_MIN: i32 = 2;

const SEARCH_PARAMETERS: &[&str] = &[
    "from",
    "size",
    "sort",
    "stored_fields",
    "docvalue_fields",
    "timeout",
    "terminate_after",
    "explain",
    "version",
    "seq_no_primary_term",
    "track_scores",
    "track_total_hits",
    "stats",
    "search_type",
    "preference",
    "routing",
    "rest_total_hits_as_int",
    "typed_keys",
    "batched_reduce_size",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "request_cache",
    "allow_partial_search_results",
    "ccs_minimize_roundtrips",
    "source",
    "source_content_type",
];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::POST];
    router.add(Route::new(both, "/_search", search).unchecked_parameters().with_body());
    router.add(Route::new(both, "/{index}/_search", search).unchecked_parameters().with_body());
}

async fn search(rest: Arc<Rest>, request: Request) -> Handled {
    let params = &request.params;
    let options = read_options(params, IndicesOptions::search())?;
    let search_type = read_search_type(params.get("search_type"))?;
    if params.int("batched_reduce_size")?.is_some_and(|size| size < BATCHED_REDUCE_MIN) {
        return Err(Problem::illegal_argument("batchedReduceSize must be >= 2"));
    }
    for flag in ["request_cache", "allow_partial_search_results", "ccs_minimize_roundtrips", "typed_keys"] {
        params.flag(flag)?;
    }
    let total_as_int = params.flag_or("rest_total_hits_as_int", false)?;
    let text = request.content()?;
    let mut body = merged_body(params, request.json_object()?)?;
    let beside_q: &[&str] = if params.contains("q") { QUERY_PARAMETERS } else { &["q"] };
    refuse_unknown_parameters(&request, &[SEARCH_PARAMETERS, SOURCE_PARAMETERS, EXPRESSION_PARAMETERS, beside_q])?;
    if total_as_int {
        body = demand_exact_total(body)?;
    }
    let search = SearchRequest { indices: request.indices(), options, search_type, body, now: request.now, timeout: SEARCH_MAX };
    let answer = run(&rest, &search, &text).await?;
    let form = AnswerForm { took: rest.took(request.started), total_as_int, hide_ids: hides_ids(search.body.as_ref()) };
    let mut text = String::new();
    write_answer(answer, form, &rest, &mut text);
    text.push('}');
    Ok(Response::new(StatusCode::OK, Body::JsonText(text.into())))
}

/// Whether a body asks for hits without ids.
pub(super) fn hides_ids(body: Option<&Json>) -> bool {
    let stored = body.and_then(|body| body.get("stored_fields"));
    stored.is_some_and(|stored| {
        stored.as_str() == Some("_none_") || stored.as_list().is_some_and(|names| names.len() == 1 && names.iter().any(|name| name.as_str() == Some("_none_")))
    })
}

/// Runs a search, and makes one error of it where every shard failed.
pub(super) async fn run(rest: &Rest, search: &SearchRequest, text: &Bytes) -> Result<SearchAnswer, Problem> {
    let answer = rest.indices.search_documents(search).await.map_err(|error| located(error.into(), text))?;
    if !answer.failures.is_empty() && answer.failures.len() >= answer.shards {
        return Err(all_shards_failed(&answer.failures, rest));
    }
    Ok(answer)
}

/// # Errors
/// No such type.
pub(super) fn read_search_type(name: Option<&str>) -> Result<String, Failure> {
    match name {
        None | Some("") => Ok("query_then_fetch".to_owned()),
        Some(known @ ("query_then_fetch" | "dfs_query_then_fetch")) => Ok(known.to_owned()),
        Some(other) => Err(Failure::illegal_argument(format!("No search type for [{other}]"))),
    }
}

/// Puts the line and the column into an exception about the body: where the member stands that the reason names. Who made the
/// exception had no text any more, and said 1:1 or nothing.
pub(super) fn located(problem: Problem, text: &[u8]) -> Problem {
    match problem {
        Problem::Failure(failure) => Problem::Failure(locate(failure, text)),
        Problem::WithStatus(status, failure) => Problem::WithStatus(status, locate(failure, text)),
        other => other,
    }
}

/// What a place is called that nobody knew.
const UNKNOWN_PLACE: &str = "[1:1]";

fn locate(mut failure: Failure, text: &[u8]) -> Failure {
    // An unknown query is noticed where its body begins, other things where their name does.
    let at_value = failure.kind == "named_object_not_found_exception" || failure.reason_text().starts_with("unknown query [");
    let find = if at_value { value_position } else { key_position };
    let (line, column) = named_in(failure.reason_text()).map_or((1, 1), |name| find(text, &name));
    if let Some(rest) = failure.reason.as_deref().and_then(|reason| reason.strip_prefix(UNKNOWN_PLACE)) {
        failure.reason = Some(format!("[{line}:{column}]{rest}"));
    }
    if failure.kind == "parsing_exception" {
        let known = failure.members.iter().any(|(name, value)| (name == "line" || name == "col") && *value != Json::Int(1));
        if !known {
            failure.members.retain(|(name, _)| name != "line" && name != "col");
            failure.members.push(("line".into(), Json::from(line)));
            failure.members.push(("col".into(), Json::from(column)));
        }
    }
    failure.caused_by = failure.caused_by.map(|cause| Box::new(locate(*cause, text)));
    failure
}

/// The name in brackets that a reason is about: the last one, a guess at what was meant aside.
fn named_in(reason: &str) -> Option<String> {
    let reason = reason.split(" did you mean ").next().unwrap_or(reason);
    let (before, _) = reason.rsplit_once(']')?;
    let (_, name) = before.rsplit_once('[')?;
    Some(name.to_owned())
}
