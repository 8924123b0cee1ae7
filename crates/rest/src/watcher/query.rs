//! Querying watches (spec watcher-api §10.1).

use std::sync::Arc;

use watchbell_engine::{WatchView, Watcher};
use watchbell_json::{Failure, Json, token_name};

use super::lookup::status;
use super::request_rules::refuse_unknown;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

const PARAMETERS: &[&str] = &["source", "source_content_type"];

pub(super) async fn query_watches(watcher: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    let content = request.content()?;
    let body = if content.is_empty() { None } else { Some(Json::parse(&content).map_err(|error| rest.generation().malformed_json(&error))?) };
    if let Some(other) = body.as_ref().filter(|body| !matches!(body, Json::Map(_))) {
        let reason = format!("[query_watches_request] Expected START_OBJECT but was: {}", token_name(other));
        return Err(Failure::new("x_content_parse_exception", format!("[1:1] {reason}")).into());
    }
    refuse_unknown(&request, PARAMETERS)?;
    let found = watcher.query_watches(body).await?;
    let watches: Json = found.watches.iter().map(listed).collect();
    Ok(Response::ok(Json::object().with("count", found.count).with("watches", watches)))
}

/// Without `_version`; `status.version` is the stored one.
fn listed(view: &WatchView) -> Json {
    Json::object()
        .with("_id", view.id.as_str())
        .with("watch", view.definition.clone())
        .with("status", status(view))
        .with("_seq_no", view.revision.seq_no)
        .with("_primary_term", view.revision.primary_term)
}
