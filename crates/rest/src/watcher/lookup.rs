//! Getting and deleting a watch (spec watcher-api §2.3, §2.4).

use std::sync::Arc;

use http::StatusCode;
use watchbell_engine::{WatchView, Watcher};
use watchbell_json::Json;

use super::request_rules::{refuse_unknown_and_body, required_watch_id};
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

pub(super) async fn get_watch(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    let id = required_watch_id(&request)?;
    let Some(view) = watcher.get_watch(&id).await? else {
        return Ok(Response::json(StatusCode::NOT_FOUND, Json::object().with("found", false).with("_id", id.as_str())));
    };
    let answer = Json::object()
        .with("found", true)
        .with("_id", id.as_str())
        .with("_version", view.version)
        .with("_seq_no", view.revision.seq_no)
        .with("_primary_term", view.revision.primary_term)
        .with("status", status(&view))
        .with("watch", view.definition);
    Ok(Response::ok(answer))
}

pub(super) async fn delete_watch(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    let deleted = watcher.delete_watch(&required_watch_id(&request)?).await?;
    let status = if deleted.found { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let answer = Json::object().with("_id", deleted.id.as_str()).with("_version", deleted.version).with("found", deleted.found);
    Ok(Response::json(status, answer))
}

/// The status as answers show it, with the version that the use case chose.
pub(super) fn status(view: &WatchView) -> Json {
    view.status.to_json(view.status.version)
}
