//! What the reference checks about every request before it does anything (spec watcher-api §1.3, §2.2).

use watchbell_watch::{ActionId, WatchId};

use crate::problem::Problem;
use crate::request::Request;
use crate::router::refuse_unknown_parameters;

/// Accepted everywhere and without meaning here: clients of several generations send it.
const IGNORED: &[&str] = &["master_timeout"];

/// Longest id of a document in bytes.
const ID_BYTES_MAX: usize = 512;

/// The parameters that an API does not know.
pub(super) fn refuse_unknown(request: &Request, known: &[&str]) -> Result<(), Problem> {
    refuse_unknown_parameters(request, &[known, IGNORED])
}

/// The same, and a body too: for APIs that take none.
pub(super) fn refuse_unknown_and_body(request: &Request, known: &[&str]) -> Result<(), Problem> {
    refuse_unknown(request, known)?;
    if request.body.is_empty() {
        return Ok(());
    }
    Err(Problem::illegal_argument(format!("request [{} {}] does not support having a body", request.method, request.raw_path)))
}

/// The watch's id of the path; what is wrong with it joins `complaints`.
pub(super) fn watch_id(request: &Request, complaints: &mut Vec<String>) -> Option<WatchId> {
    let raw = request.path_param("id");
    if raw.len() > ID_BYTES_MAX {
        complaints.push(format!("id [{raw}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}", raw.len()));
        return None;
    }
    let id = WatchId::parse(raw).ok();
    if id.is_none() {
        complaints.push("watch id contains whitespace".to_owned());
    }
    id
}

/// The watch's id of the path alone.
pub(super) fn required_watch_id(request: &Request) -> Result<WatchId, Problem> {
    let mut complaints = Vec::new();
    watch_id(request, &mut complaints).ok_or_else(|| Problem::validation(&complaints))
}

/// Ids of actions; what is wrong with them joins `complaints`.
pub(super) fn check_action_ids(ids: &[String], complaints: &mut Vec<String>) {
    complaints.extend(ids.iter().filter(|id| ActionId::parse(id).is_err()).map(|id| format!("action id [{id}] contains whitespace")));
}
