//! `_mget`: several documents read in one request.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json, token_name};

use super::document_get::{document_problem, write_found};
use super::key_position::key_position;
use super::source_filter::{SOURCE_PARAMETERS, SourceFilter};
use crate::problem::{Problem, status_of};
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const MGET_PARAMETERS: &[&str] = &["stored_fields", "realtime", "refresh", "routing", "preference"];

/// Members of one entry of `docs`.
const ENTRY_MEMBERS: &[&str] =
    &["_index", "_type", "_id", "_routing", "routing", "stored_fields", "_version", "version", "_version_type", "version_type", "_source"];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::POST];
    router.add(Route::new(both, "/_mget", mget).parameters(&[MGET_PARAMETERS, SOURCE_PARAMETERS]).with_body());
    router.add(Route::new(both, "/{index}/_mget", mget).parameters(&[MGET_PARAMETERS, SOURCE_PARAMETERS]).with_body());
}

struct Entry {
    index: String,
    id: String,
    filter: SourceFilter,
}

async fn mget(rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    let entries = read_entries(&request, &body)?;
    let mut text = String::from("{\"docs\":[");
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_entry(&rest, entry, &mut text).await;
    }
    text.push_str("]}");
    Ok(Response::new(StatusCode::OK, Body::JsonText(text.into())))
}

async fn write_entry(rest: &Rest, entry: &Entry, text: &mut String) {
    match rest.indices.get_document(&entry.index, &entry.id).await {
        Ok(Some(document)) => write_found(&document, &entry.filter, None, text),
        Ok(None) => Json::object().with("_index", entry.index.as_str()).with("_id", entry.id.as_str()).with("found", false).write_to(text),
        Err(error) => {
            let failure = match document_problem(error) {
                Problem::Failure(failure) | Problem::WithStatus(_, failure) => failure,
                Problem::Plain(_, text) => Failure::illegal_state(text),
                Problem::Answer(_) => Failure::illegal_state("no answer"),
            };
            tracing::debug!(status = %status_of(&failure), "an entry of a multi get failed");
            Json::object().with("_index", entry.index.as_str()).with("_id", entry.id.as_str()).with("error", failure.to_json()).write_to(text);
        }
    }
}

fn read_entries(request: &Request, body: &Json) -> Result<Vec<Entry>, Problem> {
    let text = request.content()?;
    let default_index = request.path_param("index");
    let stored = request.params.contains("stored_fields");
    let default_filter = SourceFilter::from_params(&request.params).unwrap_or(if stored { SourceFilter::None } else { SourceFilter::All });
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in body.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
        let Some(items) = value.as_list() else {
            let (line, column) = key_position(&text, name);
            let failure = Failure::new("parsing_exception", format!("unexpected token [{}], expected [FIELD_NAME] or [START_ARRAY]", token_name(value)));
            return Err(failure.with("line", line).with("col", column).into());
        };
        match &**name {
            "docs" => {
                for (at, item) in items.iter().enumerate() {
                    read_entry(item, at, default_index, &default_filter, &mut entries, &mut errors)?;
                }
            }
            "ids" => {
                for (at, item) in items.iter().enumerate() {
                    let id = item.as_str().map(str::to_owned).or_else(|| item.is_number().then(|| item.to_string()));
                    let Some(id) = id else { return Err(Problem::illegal_argument("ids array element should only contain ids")) };
                    if default_index.is_empty() {
                        errors.push(format!("index is missing for doc {at}"));
                    }
                    entries.push(Entry { index: default_index.to_owned(), id, filter: default_filter.clone() });
                }
            }
            other => {
                let (line, column) = key_position(&text, other);
                let failure = Failure::new("parsing_exception", format!("unknown key [{other}] for a START_ARRAY, expected [docs] or [ids]"));
                return Err(failure.with("line", line).with("col", column).into());
            }
        }
    }
    if entries.is_empty() && errors.is_empty() {
        errors.push("no documents to get".to_owned());
    }
    if errors.is_empty() { Ok(entries) } else { Err(Problem::validation(&errors)) }
}

fn read_entry(
    item: &Json,
    at: usize,
    default_index: &str,
    default_filter: &SourceFilter,
    entries: &mut Vec<Entry>,
    errors: &mut Vec<String>,
) -> Result<(), Problem> {
    let Some(members) = item.as_map() else {
        return Err(Problem::illegal_argument("docs array element should include an object"));
    };
    if let Some(unknown) = members.keys().find(|name| !ENTRY_MEMBERS.contains(name)) {
        return Err(Failure::parse(format!("failed to parse multi get request. unknown field [{unknown}]")).into());
    }
    let text = |name: &str| members.get(name).and_then(|value| value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string())));
    let index = text("_index").unwrap_or_else(|| default_index.to_owned());
    if index.is_empty() {
        errors.push(format!("index is missing for doc {at}"));
    }
    let id = text("_id");
    if id.is_none() {
        errors.push(format!("id is missing for doc {at}"));
    }
    let filter = match members.get("_source") {
        Some(value) => SourceFilter::from_json(value)?,
        None if members.contains_key("stored_fields") => SourceFilter::None,
        None => default_filter.clone(),
    };
    entries.push(Entry { index, id: id.unwrap_or_default(), filter });
    Ok(())
}
