//! `_msearch`: several searches in one request, one after another.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use watchbell_json::{Failure, Json};
use watchbell_store::{IndicesOptions, SearchRequest};

use super::expressions::{EXPRESSION_PARAMETERS, read_options};
use super::search::{SEARCH_MAX, hides_ids, read_search_type, run};
use super::search_answer::{AnswerForm, write_answer};
use super::search_body::demand_exact_total;
use crate::parameters::{Parameters, split_list};
use crate::problem::{Problem, unreadable_failure};
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const MSEARCH_PARAMETERS: &[&str] = &[
    "rest_total_hits_as_int",
    "typed_keys",
    "max_concurrent_searches",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "search_type",
    "ccs_minimize_roundtrips",
    "routing",
];

/// More searches in one request are refused: each may take its full time.
const SEARCHES_MAX: usize = 10_000;

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::POST];
    router.add(Route::new(both, "/_msearch", msearch).parameters(&[MSEARCH_PARAMETERS, EXPRESSION_PARAMETERS]).with_body());
    router.add(Route::new(both, "/{index}/_msearch", msearch).parameters(&[MSEARCH_PARAMETERS, EXPRESSION_PARAMETERS]).with_body());
}

async fn msearch(rest: Arc<Rest>, request: Request) -> Handled {
    let content = request.content()?;
    if content.is_empty() {
        return Err(Failure::parse("request body or source parameter is required").into());
    }
    let total_as_int = request.params.flag_or("rest_total_hits_as_int", false)?;
    let searches = read_searches(&request, &content, total_as_int)?;
    let mut text = String::new();
    for (search, body) in &searches {
        let started = rest.clock.elapsed();
        text.push_str(if text.is_empty() { "" } else { "," });
        match run(&rest, search, body).await {
            Ok(answer) => {
                write_answer(answer, AnswerForm { took: rest.took(started), total_as_int, hide_ids: hides_ids(search.body.as_ref()) }, &rest, &mut text);
                text.push_str(",\"status\":200}");
            }
            // A search that cannot be understood fails the whole request, as in the reference, which reads all before it runs any.
            Err(problem) if problem.failure().is_some_and(|(_, failure)| is_unreadable(failure)) => return Err(problem),
            Err(problem) => match problem.into_response().body {
                Body::Json(error) => error.write_to(&mut text),
                _ => text.push_str("{\"status\":500}"),
            },
        }
    }
    let took = rest.took(request.started);
    Ok(Response::new(StatusCode::OK, Body::JsonText(format!("{{\"took\":{took},\"responses\":[{text}]}}").into())))
}

fn is_unreadable(failure: &Failure) -> bool {
    matches!(&*failure.kind, "parsing_exception" | "x_content_parse_exception")
}

fn read_searches(request: &Request, content: &Bytes, total_as_int: bool) -> Result<Vec<(SearchRequest, Bytes)>, Problem> {
    if !content.ends_with(b"\n") {
        return Err(Problem::illegal_argument("The msearch request must be terminated by a newline [\n]"));
    }
    let mut lines = content[..content.len() - 1].split(|byte| *byte == b'\n');
    let mut searches = Vec::new();
    while let Some(header) = lines.next() {
        if header.is_empty() && searches.is_empty() {
            continue;
        }
        let header = read_line(header)?.unwrap_or_else(Json::object);
        let body = lines.next().unwrap_or(b"");
        let mut search = read_header(request, &header)?;
        search.body = read_line(body)?;
        if total_as_int {
            search.body = demand_exact_total(search.body)?;
        }
        searches.push((search, content.slice_ref(body)));
        if searches.len() > SEARCHES_MAX {
            return Err(Problem::illegal_argument(format!("more than {SEARCHES_MAX} searches in one request")));
        }
    }
    if searches.is_empty() { Err(Problem::validation(&["no requests added"])) } else { Ok(searches) }
}

fn read_line(line: &[u8]) -> Result<Option<Json>, Problem> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    Ok(Some(Json::parse(line).map_err(|error| unreadable_failure(&error))?))
}

fn read_header(request: &Request, header: &Json) -> Result<SearchRequest, Problem> {
    let mut indices = request.indices();
    let mut options = Vec::new();
    let mut search_type = request.params.get("search_type").map(str::to_owned);
    for (name, value) in header.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match &**name {
            "index" | "indices" => {
                indices = match value {
                    Json::List(items) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
                    _ => split_list(&text()),
                };
                if indices.iter().any(|name| name == "_all") {
                    indices.clear();
                }
            }
            "search_type" | "searchType" => search_type = Some(text()),
            "ignore_unavailable" | "allow_no_indices" | "ignore_throttled" => options.push(format!("{name}={}", text())),
            "expand_wildcards" => {
                let kinds = match value {
                    Json::List(items) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
                    _ => text(),
                };
                options.push(format!("expand_wildcards={kinds}"));
            }
            "preference" | "routing" | "request_cache" | "requestCache" | "allow_partial_search_results" | "ccs_minimize_roundtrips" | "type" | "types" => {}
            other => return Err(Problem::illegal_argument(format!("key [{other}] is not supported in the metadata section"))),
        }
    }
    let from_url = read_options(&request.params, IndicesOptions::search())?;
    let options = read_options(&Parameters::decode(&options.join("&")), from_url)?;
    let search_type = read_search_type(search_type.as_deref())?;
    Ok(SearchRequest { indices, options, search_type, body: None, now: request.now, timeout: SEARCH_MAX })
}
