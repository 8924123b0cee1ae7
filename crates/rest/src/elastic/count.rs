//! `_count`.

use std::sync::Arc;

use http::Method;
use watchbell_json::{Failure, Json};
use watchbell_store::{IndicesOptions, SearchRequest};

use super::expressions::{EXPRESSION_PARAMETERS, read_options};
use super::key_position::key_position;
use super::search::{SEARCH_MAX, located};
use super::search_answer::shards_json;
use super::search_body::{QUERY_PARAMETERS, uri_query};
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const COUNT_PARAMETERS: &[&str] = &["routing", "preference", "min_score", "terminate_after"];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::POST];
    let groups: &[&[&str]] = &[COUNT_PARAMETERS, QUERY_PARAMETERS, EXPRESSION_PARAMETERS];
    router.add(Route::new(both, "/_count", count).parameters(groups).with_body());
    router.add(Route::new(both, "/{index}/_count", count).parameters(groups).with_body());
}

async fn count(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, IndicesOptions::search())?;
    let text = request.content()?;
    let mut body = request.json_object()?;
    if let Some(other) = body.as_ref().and_then(Json::as_map).and_then(|members| members.keys().find(|name| *name != "query")) {
        let (line, column) = key_position(&text, other);
        let failure = Failure::new("parsing_exception", format!("request does not support [{other}]"));
        return Err(failure.with("line", line).with("col", column).into());
    }
    if let Some(query) = uri_query(&request.params)? {
        body = Some(Json::object().with("query", query));
    }
    if let Some(score) = request.params.float("min_score")? {
        body.get_or_insert_with(Json::object).set("min_score", score);
    }
    let limit = request.params.int("terminate_after")?.filter(|limit| *limit > 0).and_then(|limit| u64::try_from(limit).ok());
    let search = SearchRequest { indices: request.indices(), options, search_type: "query_then_fetch".to_owned(), body, now: request.now, timeout: SEARCH_MAX };
    let (count, shards) = rest.indices.count(&search).await.map_err(|error| located(error.into(), &text))?;
    let early = limit.filter(|limit| count >= *limit);
    let answer = Json::object().with("count", early.unwrap_or(count));
    let answer = if limit.is_some() { Json::object().with("terminated_early", early.is_some()).with("count", early.unwrap_or(count)) } else { answer };
    Ok(Response::ok(answer.with("_shards", shards_json(shards, &[], &rest))))
}
