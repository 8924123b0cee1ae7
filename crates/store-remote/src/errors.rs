//! The engines' exceptions as data, and what they mean to the caller.

use watchbell_json::{Failure, Json};
use watchbell_store::{StoreError, WriteError};

/// Deepest chain of causes that is read.
const CAUSES_MAX: usize = 32;

/// So much of an answer that is no exception (a proxy's page) goes into the reason.
const PAGE_CHARACTERS_MAX: usize = 200;

/// The exception of an answer's body.
pub(crate) fn failure_of(status: u16, body: &[u8]) -> Failure {
    match Json::parse(body).ok().as_ref().and_then(|body| body.get("error")) {
        Some(Json::Str(text)) => Failure::new("exception", &**text),
        Some(error @ Json::Map(_)) => exception(error, 0),
        _ => Failure::new("exception", not_an_exception(status, body)),
    }
}

fn not_an_exception(status: u16, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).take(PAGE_CHARACTERS_MAX).collect();
    match text.trim() {
        "" => format!("the cluster answered with status [{status}]"),
        text => format!("the cluster answered with status [{status}]: {text}"),
    }
}

/// `{"type": …, "reason": …, "caused_by": …}` with whatever else stands beside; `root_cause` is made anew when printed.
pub(crate) fn exception(error: &Json, depth: usize) -> Failure {
    let text = |name| error.get(name).and_then(Json::as_str);
    let mut failure =
        Failure { kind: text("type").unwrap_or("exception").to_owned().into(), reason: text("reason").map(Into::into), members: Vec::new(), caused_by: None };
    for (name, value) in error.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
        match &**name {
            "type" | "reason" | "root_cause" | "stack_trace" | "suppressed" => {}
            "caused_by" if value.as_map().is_some() && depth < CAUSES_MAX => failure.caused_by = Some(Box::new(exception(value, depth + 1))),
            _ => failure.members.push((name.to_string().into(), value.clone())),
        }
    }
    failure
}

/// A search or a read that was refused.
pub(crate) fn store_error(status: u16, failure: Failure) -> StoreError {
    match (status, &*failure.kind) {
        (404, "index_not_found_exception") => match failure.members.iter().find(|(name, _)| name == "index").and_then(|(_, value)| value.as_str()) {
            Some(index) => StoreError::NoIndex(index.to_owned()),
            None => StoreError::Refused(failure),
        },
        (400..=499, _) if !passes(status, &failure) => StoreError::Refused(failure),
        _ => StoreError::Unavailable(failure),
    }
}

/// A write that was refused, but for a conflict.
pub(crate) fn write_error(status: u16, failure: Failure, index: &str) -> WriteError {
    match (status, &*failure.kind) {
        (404, "index_not_found_exception") => WriteError::NoIndex(index.to_owned()),
        (400..=499, _) if !passes(status, &failure) => WriteError::Refused(failure),
        // an exception of the engine's own that says so: nothing was written
        (
            _,
            "cluster_block_exception"
            | "unavailable_shards_exception"
            | "process_cluster_event_timeout_exception"
            | "es_rejected_execution_exception"
            | "rejected_execution_exception"
            | "circuit_breaking_exception"
            | "no_shard_available_action_exception"
            | "master_not_discovered_exception"
            | "cluster_manager_not_discovered_exception",
        ) => WriteError::Unavailable(failure.to_string()),
        (408 | 429, _) => WriteError::Unavailable(failure.to_string()),
        _ => WriteError::Unknown(failure.to_string()),
    }
}

pub(crate) fn is_conflict(status: u16, failure: &Failure) -> bool {
    status == 409 && failure.kind == "version_conflict_engine_exception"
}

/// A refusal for a passing reason: overload, or a block that the operator or the engine lifts.
fn passes(status: u16, failure: &Failure) -> bool {
    matches!(status, 408 | 429) || failure.kind == "cluster_block_exception"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_keep_their_members_and_causes() {
        let body =
            br#"{"error":{"root_cause":[{"type":"parsing_exception"}],"type":"search_phase_execution_exception","reason":"all shards failed","phase":"query",
            "caused_by":{"type":"parsing_exception","reason":"unknown query [x]","line":1,"col":2}},"status":400}"#;
        let failure = failure_of(400, body);
        assert_eq!(
            failure.to_exception_json().to_string(),
            r#"{"type":"search_phase_execution_exception","reason":"all shards failed","phase":"query","caused_by":{"type":"parsing_exception","reason":"unknown query [x]","line":1,"col":2}}"#
        );
        assert_eq!(failure_of(400, br#"{"error":"no handler found","status":400}"#), Failure::new("exception", "no handler found"));
        assert_eq!(failure_of(502, b"<html>\nBad Gateway</html>").reason_text(), "the cluster answered with status [502]: <html> Bad Gateway</html>");
        assert_eq!(failure_of(503, b"").reason_text(), "the cluster answered with status [503]");
    }

    #[test]
    fn what_refusals_mean() {
        let of = |kind: &'static str| Failure::new(kind, "r");
        assert_eq!(store_error(404, of("index_not_found_exception").with("index", "logs")), StoreError::NoIndex("logs".into()));
        assert!(matches!(store_error(400, of("parsing_exception")), StoreError::Refused(_)));
        assert!(matches!(store_error(403, of("security_exception")), StoreError::Refused(_)));
        assert!(matches!(store_error(429, of("circuit_breaking_exception")), StoreError::Unavailable(_)));
        assert!(matches!(store_error(503, of("search_phase_execution_exception")), StoreError::Unavailable(_)));
        assert_eq!(write_error(404, of("index_not_found_exception"), "logs"), WriteError::NoIndex("logs".into()));
        assert!(matches!(write_error(400, of("mapper_parsing_exception"), "i"), WriteError::Refused(_)));
        assert!(matches!(write_error(403, of("cluster_block_exception"), "i"), WriteError::Unavailable(_)));
        assert!(matches!(write_error(503, of("unavailable_shards_exception"), "i"), WriteError::Unavailable(_)));
        assert!(matches!(write_error(500, of("exception"), "i"), WriteError::Unknown(_)));
        assert!(matches!(write_error(502, of("exception"), "i"), WriteError::Unknown(_)));
    }
}
