//! Why a request is not answered as asked: an exception in the reference's shape, or one of the plain texts of its HTTP layer.
//!
//! Which HTTP status belongs to which kind of exception is known here and nowhere else.

use http::StatusCode;
use watchbell_json::{Failure, Json, ParseError};
use watchbell_store::StoreError;

use crate::response::Response;

#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// An exception; its kind decides the status.
    Failure(Failure),
    /// An exception whose status is not its kind's own.
    WithStatus(StatusCode, Failure),
    /// `{"error": "text", "status": n}`, as the HTTP layer itself answers.
    Plain(StatusCode, String),
    /// An answer with a body of its own.
    Answer(Response),
}

impl Problem {
    #[must_use]
    pub fn illegal_argument(reason: impl Into<String>) -> Problem {
        Problem::Failure(Failure::illegal_argument(reason))
    }

    /// `action_request_validation_exception` with its numbered list.
    #[must_use]
    pub fn validation<S: AsRef<str>>(errors: &[S]) -> Problem {
        Problem::Failure(validation_failure(errors))
    }

    #[must_use]
    pub fn body_required() -> Problem {
        Problem::Failure(Failure::parse("request body is required"))
    }

    #[must_use]
    pub fn no_index(name: &str) -> Problem {
        Problem::Failure(no_index_failure(name))
    }

    /// The body could not be read as JSON.
    #[must_use]
    pub fn unreadable(error: &ParseError) -> Problem {
        Problem::Failure(unreadable_failure(error))
    }

    /// The status and the failure, where there is one.
    #[must_use]
    pub fn failure(&self) -> Option<(StatusCode, &Failure)> {
        match self {
            Problem::Failure(failure) => Some((status_of(failure), failure)),
            Problem::WithStatus(status, failure) => Some((*status, failure)),
            Problem::Plain(..) | Problem::Answer(_) => None,
        }
    }

    #[must_use]
    pub fn into_response(self) -> Response {
        match self {
            Problem::Failure(failure) => error_response(status_of(&failure), &failure),
            Problem::WithStatus(status, failure) => error_response(status, &failure),
            Problem::Plain(status, text) => Response::json(status, Json::object().with("error", text).with("status", status.as_u16())),
            Problem::Answer(response) => response,
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        Problem::Failure(failure)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::NoIndex(name) => Problem::no_index(&name),
            StoreError::Refused(failure) => Problem::Failure(failure),
            StoreError::Unavailable(failure) => Problem::WithStatus(StatusCode::SERVICE_UNAVAILABLE, failure),
            other => Problem::Failure(Failure::illegal_state(other.to_string())),
        }
    }
}

/// The body of an error: `{"error": {…}, "status": n}`.
#[must_use]
pub fn error_response(status: StatusCode, failure: &Failure) -> Response {
    Response::json(status, Json::object().with("error", error_json(failure)).with("status", status.as_u16()))
}

/// The exception as an answer shows it. The root causes of a search that failed are the failures of its shards, each kind once.
#[must_use]
pub fn error_json(failure: &Failure) -> Json {
    let mut error = failure.to_json();
    let shards = failure.members.iter().find(|(name, _)| name == "failed_shards").and_then(|(_, shards)| shards.as_list());
    let Some(shards) = shards.filter(|_| failure.kind == "search_phase_execution_exception") else { return error };
    let mut roots: Vec<Json> = Vec::new();
    for shard in shards {
        let mut reason = shard.get("reason").cloned().unwrap_or_default();
        reason.make_map().remove("caused_by");
        if !roots.contains(&reason) {
            roots.push(reason);
        }
    }
    error.set("root_cause", roots);
    error
}

#[must_use]
pub fn validation_failure<S: AsRef<str>>(errors: &[S]) -> Failure {
    let mut reason = "Validation Failed: ".to_owned();
    for (at, error) in errors.iter().enumerate() {
        reason.push_str(&format!("{}: {};", at + 1, error.as_ref()));
    }
    Failure::new("action_request_validation_exception", reason)
}

#[must_use]
pub fn no_index_failure(name: &str) -> Failure {
    Failure::new("index_not_found_exception", format!("no such index [{name}]"))
        .with("resource.type", "index_or_alias")
        .with("resource.id", name)
        .with("index_uuid", "_na_")
        .with("index", name)
}

#[must_use]
pub fn unreadable_failure(error: &ParseError) -> Failure {
    let kind = if error.message.starts_with("Unexpected end-of-input") { "x_content_e_o_f_exception" } else { "x_content_parse_exception" };
    Failure::new(kind, error.to_string())
}

/// The HTTP status of an exception (spec watcher-api §1.4, store-api §5).
#[must_use]
pub fn status_of(failure: &Failure) -> StatusCode {
    match &*failure.kind {
        "index_not_found_exception"
        | "resource_not_found_exception"
        | "document_missing_exception"
        | "index_template_missing_exception"
        | "aliases_not_found_exception"
        | "type_missing_exception"
        | "search_context_missing_exception"
        | "shard_not_found_exception"
        | "repository_missing_exception" => StatusCode::NOT_FOUND,
        "version_conflict_engine_exception" => StatusCode::CONFLICT,
        "es_rejected_execution_exception" | "circuit_breaking_exception" => StatusCode::TOO_MANY_REQUESTS,
        "unavailable_shards_exception"
        | "no_shard_available_action_exception"
        | "master_not_discovered_exception"
        | "process_cluster_event_timeout_exception" => StatusCode::SERVICE_UNAVAILABLE,
        "cluster_block_exception" => match failure.reason_text() {
            reason if reason.contains("TOO_MANY_REQUESTS/") => StatusCode::TOO_MANY_REQUESTS,
            reason if reason.contains("SERVICE_UNAVAILABLE/") => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        },
        "security_exception" => StatusCode::FORBIDDEN,
        "search_phase_execution_exception" => failure.caused_by.as_deref().map_or_else(|| first_failed_shard(failure), status_of),
        kind if BAD_REQUEST.contains(&kind) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A search that failed everywhere has the status of its first failure, which its members show.
fn first_failed_shard(failure: &Failure) -> StatusCode {
    let shards = failure.members.iter().find(|(name, _)| name == "failed_shards").map(|(_, shards)| shards);
    let kind =
        shards.and_then(|shards| shards.as_list()).and_then(|shards| shards.first()).and_then(|shard| shard.at(&["reason", "type"])).and_then(Json::as_str);
    match kind {
        Some(kind) => status_of(&Failure { kind: kind.to_owned().into(), reason: None, members: Vec::new(), caused_by: None }),
        None => StatusCode::SERVICE_UNAVAILABLE,
    }
}

const BAD_REQUEST: &[&str] = &[
    "action_request_validation_exception",
    "document_parsing_exception",
    "document_source_missing_exception",
    "general_script_exception",
    "illegal_argument_exception",
    "illegal_index_shard_state_exception",
    "index_closed_exception",
    "invalid_alias_name_exception",
    "invalid_index_name_exception",
    "invalid_index_template_exception",
    "invalid_type_name_exception",
    "json_e_o_f_exception",
    "json_parse_exception",
    "mapper_exception",
    "mapper_parsing_exception",
    "media_type_header_exception",
    "named_object_not_found_exception",
    "not_x_content_exception",
    "number_format_exception",
    "parse_exception",
    "parsing_exception",
    "query_shard_exception",
    "resource_already_exists_exception",
    "routing_missing_exception",
    "script_exception",
    "search_parse_exception",
    "settings_exception",
    "strict_dynamic_mapping_exception",
    "too_many_buckets_exception",
    "too_many_clauses",
    "translog_exception",
    "x_content_e_o_f_exception",
    "x_content_parse_exception",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_follow_the_kind() {
        for (failure, status) in [
            (Failure::parse("x"), 400),
            (no_index_failure("a"), 404),
            (Failure::new("version_conflict_engine_exception", "x"), 409),
            (Failure::new("es_rejected_execution_exception", "x"), 429),
            (Failure::illegal_state("x"), 500),
            (Failure::new("search_phase_execution_exception", "all shards failed").caused_by(Failure::new("query_shard_exception", "x")), 400),
        ] {
            assert_eq!(status_of(&failure).as_u16(), status, "{failure}");
        }
    }

    #[test]
    fn validation_errors_are_numbered() {
        assert_eq!(validation_failure(&["a is missing", "b too"]).reason_text(), "Validation Failed: 1: a is missing;2: b too;");
    }
}
