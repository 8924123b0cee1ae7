//! `GET /{index}/_doc/{id}` and `_source`: one document read, in real time.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use watchbell_json::{Failure, Json, json};
use watchbell_store::{Document, IndicesOptions, SearchRequest, StoreError};

use super::document_write::VersionType;
use super::hidden::visible_source;
use super::source_filter::{SOURCE_PARAMETERS, SourceFilter};
use super::write_outcome::{ErrorContext, as_index_expression, no_index_expression};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const GET_PARAMETERS: &[&str] = &["stored_fields", "realtime", "refresh", "routing", "preference", "version", "version_type"];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::HEAD];
    router.add(Route::new(both, "/{index}/_doc/{id}", get_document).parameters(&[GET_PARAMETERS, SOURCE_PARAMETERS]).ignoring_body());
    router.add(Route::new(both, "/{index}/_source/{id}", get_source).parameters(&[GET_PARAMETERS, SOURCE_PARAMETERS]).ignoring_body());
}

async fn get_document(rest: Arc<Rest>, request: Request) -> Handled {
    let (index, id) = (request.path_param("index"), request.path_param("id"));
    let Some(document) = find(&rest, &request).await? else {
        let answer = Json::object().with("_index", concrete_name(&rest, index).await).with("_id", id).with("found", false);
        return Ok(Response::json(StatusCode::NOT_FOUND, answer));
    };
    let filter = SourceFilter::from_params(&request.params);
    let stored = request.params.list("stored_fields");
    let fields = match &stored {
        Some(names) => stored_fields(&rest, &document, names).await,
        None => None,
    };
    let filter = filter.unwrap_or(if stored.is_some() { SourceFilter::None } else { SourceFilter::All });
    Ok(found(&document, &filter, fields))
}

async fn get_source(rest: Arc<Rest>, request: Request) -> Handled {
    let (index, id) = (request.path_param("index"), request.path_param("id"));
    let document = find(&rest, &request).await?;
    let filter = SourceFilter::from_params(&request.params).unwrap_or(SourceFilter::All);
    match document {
        Some(document) if document.source.is_empty() => Err(Failure::new("resource_not_found_exception", format!("Source not found [{index}]/[{id}]")).into()),
        Some(document) => match filter.apply(visible_source(&document.index, document.source)) {
            Some(source) => Ok(Response::new(StatusCode::OK, Body::JsonText(source))),
            None => Err(Problem::validation(&["fetching source can not be disabled"])),
        },
        None => Err(Failure::new("resource_not_found_exception", format!("Document not found [{index}]/[{id}]")).into()),
    }
}

/// The answer for a document: its source as it was stored.
pub(super) fn found(document: &Document, filter: &SourceFilter, fields: Option<Json>) -> Response {
    let mut text = String::new();
    write_found(document, filter, fields, &mut text);
    Response::new(StatusCode::OK, Body::JsonText(text.into()))
}

/// Writes the object of a found document.
pub(super) fn write_found(document: &Document, filter: &SourceFilter, fields: Option<Json>, out: &mut String) {
    let head = Json::object()
        .with("_index", document.index.as_str())
        .with("_id", document.id.as_str())
        .with("_version", document.version)
        .with("_seq_no", document.revision.seq_no)
        .with("_primary_term", document.revision.primary_term)
        .with("found", true)
        .with_some("fields", fields);
    let source = filter.apply(visible_source(&document.index, document.source.clone()));
    write_with_source(&head, source.as_ref(), out);
}

/// Writes an object with `_source` as its last member, byte for byte.
pub(super) fn write_with_source(head: &Json, source: Option<&Bytes>, out: &mut String) {
    head.write_to(out);
    if let Some(source) = source {
        out.pop();
        if !out.ends_with('{') {
            out.push(',');
        }
        out.push_str("\"_source\":");
        out.push_str(&String::from_utf8_lossy(source));
        out.push('}');
    }
}

async fn find(rest: &Rest, request: &Request) -> Result<Option<Document>, Problem> {
    let (index, id) = (request.path_param("index"), request.path_param("id"));
    let version = request.params.long("version")?;
    let version_type = request.params.get("version_type").map(VersionType::parse).transpose()?.unwrap_or_default();
    if request.params.flag_or("refresh", false)? {
        rest.indices.refresh(&[index.to_owned()], &IndicesOptions::search()).await.map_err(document_problem)?;
    }
    let document = if request.params.flag_or("realtime", true)? {
        rest.indices.get_document(index, id).await.map_err(document_problem)?
    } else {
        get_searchable(rest, request).await?
    };
    let (Some(document), Some(version)) = (&document, version) else { return Ok(document) };
    let agrees = match version_type {
        VersionType::Internal | VersionType::External => document.version == version,
        VersionType::ExternalGte => document.version <= version,
    };
    if agrees {
        return Ok(Some(document.clone()));
    }
    let reason = format!("[{id}]: version conflict, current version [{}] is different than the one provided [{version}]", document.version);
    Err(ErrorContext::default().document_failure(rest, index, "version_conflict_engine_exception", reason).await.into())
}

/// `realtime=false`: what a search would see.
async fn get_searchable(rest: &Rest, request: &Request) -> Result<Option<Document>, Problem> {
    let (index, id) = (request.path_param("index"), request.path_param("id"));
    let search = SearchRequest {
        indices: vec![index.to_owned()],
        options: IndicesOptions::search(),
        search_type: "query_then_fetch".to_owned(),
        body: Some(json!({"query": {"ids": {"values": [id]}}, "version": true, "seq_no_primary_term": true, "size": 1})),
        now: request.now,
        timeout: super::search::SEARCH_MAX,
    };
    let answer = rest.indices.search_documents(&search).await.map_err(document_problem)?;
    let Some(hit) = answer.hits.into_iter().next() else { return Ok(None) };
    match (hit.revision, hit.version, hit.source) {
        (Some(revision), Some(version), Some(source)) => Ok(Some(Document { index: hit.index, id: hit.id, revision, version, source })),
        _ => Ok(None),
    }
}

/// Document APIs speak of index *expressions* where an index is missing.
pub(super) fn document_problem(error: StoreError) -> Problem {
    match error {
        StoreError::NoIndex(name) => no_index_expression(&name).into(),
        StoreError::Refused(failure) if failure.kind == "index_not_found_exception" => as_index_expression(failure).into(),
        other => other.into(),
    }
}

async fn concrete_name(rest: &Rest, index: &str) -> String {
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
    let infos = rest.indices.indices(&[index.to_owned()], &options).await.unwrap_or_default();
    infos.into_iter().next().map_or_else(|| index.to_owned(), |info| info.name)
}

/// Values of the named fields that are mapped with `store: true`, read from the source.
async fn stored_fields(rest: &Rest, document: &Document, names: &[String]) -> Option<Json> {
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
    let info = rest.indices.indices(std::slice::from_ref(&document.index), &options).await.ok()?.into_iter().next()?;
    let source = Json::parse(&document.source).ok()?;
    let mut fields = Json::object();
    for name in names {
        let stored = mapped_field(&info.mapping, name)
            .and_then(|field| field.get("store"))
            .is_some_and(|store| matches!(store, Json::Bool(true)) || store.as_str() == Some("true"));
        let parts: Vec<&str> = name.split('.').collect();
        match source.at(&parts) {
            Some(Json::Null) | None => {}
            Some(value) if stored => fields.set(name.as_str(), if value.as_list().is_some() { value.clone() } else { vec![value.clone()].into() }),
            Some(_) => {}
        }
    }
    fields.as_map().is_some_and(|fields| !fields.is_empty()).then_some(fields)
}

/// The definition of a dotted field in a mapping.
pub(super) fn mapped_field<'m>(mapping: &'m Json, name: &str) -> Option<&'m Json> {
    let mut at = mapping;
    for part in name.split('.') {
        at = at.get("properties").and_then(|properties| properties.get(part)).or_else(|| at.at(&["fields", part]))?;
    }
    Some(at)
}
