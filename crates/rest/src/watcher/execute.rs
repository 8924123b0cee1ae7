//! Executing a stored or an inline watch (spec watcher-api §8).

use std::sync::Arc;

use watchbell_engine::Watcher;
use watchbell_json::{Failure, Json};
use watchbell_watch::execute::{ExecuteParameters, ExecuteRequest};

use super::request_rules::refuse_unknown;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

/// Always read.
const PARAMETERS: &[&str] = &["debug"];

/// Read only if there is a body: without one they are unknown.
const PARAMETERS_BESIDE_A_BODY: &[&str] = &["debug", "record_execution", "ignore_condition"];

pub(super) async fn execute_watch(watcher: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    let has_body = !request.body.is_empty();
    let mut parameters = ExecuteParameters { debug: request.params.flag_or("debug", false)?, ..ExecuteParameters::default() };
    if has_body {
        parameters.record_execution = request.params.flag_or("record_execution", false)?;
        parameters.ignore_condition = request.params.flag_or("ignore_condition", false)?;
    }
    let body = if has_body { Some(Json::parse(&request.body).map_err(|error| rest.generation().malformed_json(&error))?) } else { None };
    let id = Some(request.path_param("id")).filter(|id| !id.is_empty());
    let read = ExecuteRequest::parse(id, parameters, body.as_ref());
    // a body that cannot be read wins over an unknown parameter, which wins over validation
    let execute = match read {
        Err(failure) if !is_validation(&failure) => return Err(failure.into()),
        read => {
            refuse_unknown(&request, if has_body { PARAMETERS_BESIDE_A_BODY } else { PARAMETERS })?;
            read.map_err(Problem::from)?
        }
    };
    let run = watcher.execute(execute).await?;
    Ok(Response::ok(Json::object().with("_id", run.id.as_str()).with("watch_record", run.record)))
}

fn is_validation(failure: &Failure) -> bool {
    failure.kind == "action_request_validation_exception"
}
