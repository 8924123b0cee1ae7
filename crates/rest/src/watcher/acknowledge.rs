//! Acknowledging, activating and deactivating (spec watcher-api §2.5, §2.6).

use std::sync::Arc;

use http::StatusCode;
use watchbell_engine::{WatchView, Watcher};
use watchbell_json::{Failure, Json};

use super::lookup::status;
use super::request_rules::{check_action_ids, refuse_unknown_and_body, required_watch_id, watch_id};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

pub(super) async fn ack_watch(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    let actions = request.path_list("actions");
    let mut complaints = Vec::new();
    let id = watch_id(&request, &mut complaints);
    check_action_ids(&actions, &mut complaints);
    let Some(id) = id.filter(|_| complaints.is_empty()) else { return Err(Problem::validation(&complaints)) };
    watcher.ack(&id, &actions).await.map(answer).map_err(running_is_a_conflict)
}

/// `status_exception` says its own status; the only one here is that of a running watch.
fn running_is_a_conflict(failure: Failure) -> Problem {
    if failure.kind == "status_exception" { Problem::WithStatus(StatusCode::CONFLICT, failure) } else { failure.into() }
}

pub(super) async fn activate_watch(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    Ok(answer(watcher.activate(&required_watch_id(&request)?).await?))
}

pub(super) async fn deactivate_watch(watcher: Watcher, _: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    Ok(answer(watcher.deactivate(&required_watch_id(&request)?).await?))
}

#[expect(clippy::needless_pass_by_value, reason = "the end of the view's life")]
fn answer(view: WatchView) -> Response {
    Response::ok(Json::object().with("status", status(&view)))
}
