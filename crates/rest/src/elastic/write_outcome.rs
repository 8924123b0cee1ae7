//! What a write came to, as answers and errors show it.

use std::collections::HashMap;

use http::StatusCode;
use watchbell_json::{Failure, Json};
use watchbell_store::{Expect, IndicesOptions, Revision, VersionCheck, WriteError, WriteResult, Written};

use super::key_position::placed;
use crate::problem::{Problem, no_index_failure};
use crate::rest::Rest;

/// What a write demanded, for the text of the conflict it may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) expect: Expect,
    pub(super) version: Option<VersionCheck>,
}

/// `_shards` of a write: the primary and the reference's default of one replica, which one node cannot place.
pub(super) fn shards() -> Json {
    Json::object().with("total", 2).with("successful", 1).with("failed", 0)
}

pub(super) fn result_name(result: WriteResult) -> &'static str {
    match result {
        WriteResult::Created => "created",
        WriteResult::Updated => "updated",
        WriteResult::Deleted => "deleted",
        WriteResult::NotFound => "not_found",
    }
}

pub(super) fn result_status(result: WriteResult) -> StatusCode {
    match result {
        WriteResult::Created => StatusCode::CREATED,
        WriteResult::Updated | WriteResult::Deleted => StatusCode::OK,
        WriteResult::NotFound => StatusCode::NOT_FOUND,
    }
}

/// The body of a write's answer; `forced_refresh` with `refresh=true`.
pub(super) fn written_json(written: &Written, forced_refresh: bool) -> Json {
    let answer = Json::object()
        .with("_index", written.index.as_str())
        .with("_id", written.id.as_str())
        .with("_version", written.version)
        .with("result", result_name(written.result));
    let answer = if forced_refresh { answer.with("forced_refresh", true) } else { answer };
    answer.with("_shards", shards()).with("_seq_no", written.revision.seq_no).with("_primary_term", written.revision.primary_term)
}

/// What was to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'w> {
    pub(super) index: &'w str,
    pub(super) id: &'w str,
    /// Empty for a delete.
    pub(super) source: &'w [u8],
}

/// Looks up what conflict errors name besides the document: the concrete index and its UUID. Answers of one bulk request share it.
#[derive(Debug, Default)]
pub(super) struct ErrorContext {
    known: HashMap<String, (String, String)>,
}

impl ErrorContext {
    /// The exception of a write that did not happen.
    pub(super) async fn problem(&mut self, rest: &Rest, target: &Target<'_>, demand: Demand, error: WriteError) -> Problem {
        let Target { index, id, source } = *target;
        match error {
            WriteError::Conflict { current, current_version } => {
                let reason = conflict_reason(id, demand, current, current_version);
                self.document_failure(rest, index, "version_conflict_engine_exception", reason).await.into()
            }
            WriteError::NoIndex(name) => no_index_expression(&name).into(),
            WriteError::Refused(failure) if failure.kind == "index_not_found_exception" => as_index_expression(failure).into(),
            WriteError::Refused(failure) => placed(failure, source).into(),
            WriteError::Unavailable(reason) => {
                Problem::WithStatus(StatusCode::SERVICE_UNAVAILABLE, Failure::new("unavailable_shards_exception", format!("[{index}][0] {reason}")))
            }
            WriteError::Unknown(reason) => {
                let reason = format!("the outcome of the write is unknown: {reason}");
                Problem::WithStatus(StatusCode::SERVICE_UNAVAILABLE, Failure::new("unavailable_shards_exception", reason))
            }
            other => Problem::WithStatus(StatusCode::SERVICE_UNAVAILABLE, Failure::new("unavailable_shards_exception", other.to_string())),
        }
    }

    /// An exception about a document: with `index_uuid`, `shard` and `index`.
    pub(super) async fn document_failure(&mut self, rest: &Rest, index: &str, kind: &'static str, reason: String) -> Failure {
        let (name, uuid) = self.concrete(rest, index).await;
        Failure::new(kind, reason).with("index_uuid", uuid).with("shard", "0").with("index", name)
    }

    async fn concrete(&mut self, rest: &Rest, index: &str) -> (String, String) {
        if let Some(known) = self.known.get(index) {
            return known.clone();
        }
        let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
        let found = rest.indices.indices(&[index.to_owned()], &options).await.ok().and_then(|infos| infos.into_iter().next());
        let found = found.map_or_else(|| (index.to_owned(), "_na_".to_owned()), |info| (info.name, info.uuid));
        self.known.insert(index.to_owned(), found.clone());
        found
    }
}

/// The error of document APIs for a missing index.
pub(super) fn no_index_expression(name: &str) -> Failure {
    as_index_expression(no_index_failure(name))
}

/// Document APIs speak of an index *expression* that is missing.
pub(super) fn as_index_expression(mut failure: Failure) -> Failure {
    for (member, value) in &mut failure.members {
        if member == "resource.type" {
            *value = Json::from("index_expression");
        }
    }
    failure
}

fn conflict_reason(id: &str, demand: Demand, current: Option<Revision>, current_version: Option<i64>) -> String {
    let version = current_version.unwrap_or(-1);
    match (demand.expect, demand.version) {
        (_, Some(VersionCheck::External(wanted))) => {
            format!("[{id}]: version conflict, current version [{version}] is higher or equal to the one provided [{wanted}]")
        }
        (_, Some(VersionCheck::ExternalGte(wanted))) => {
            format!("[{id}]: version conflict, current version [{version}] is higher than the one provided [{wanted}]")
        }
        (Expect::Absent | Expect::Anything, None) => format!("[{id}]: version conflict, document already exists (current version [{version}])"),
        (Expect::Revision(Revision { seq_no, primary_term }), None) => {
            let found = match current {
                Some(current) => format!("current document has seqNo [{}] and primary term [{}]", current.seq_no, current.primary_term),
                None => "but no document was found".to_owned(),
            };
            format!("[{id}]: version conflict, required seqNo [{seq_no}], primary term [{primary_term}]. {found}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_say_what_was_demanded_and_what_was_found() {
        let revision = Revision { seq_no: 5, primary_term: 1 };
        let found = Some(Revision { seq_no: 0, primary_term: 1 });
        for (expect, version, current, expected) in [
            (Expect::Absent, None, found, "[1]: version conflict, document already exists (current version [3])"),
            (
                Expect::Revision(revision),
                None,
                found,
                "[1]: version conflict, required seqNo [5], primary term [1]. current document has seqNo [0] and primary term [1]",
            ),
            (Expect::Revision(revision), None, None, "[1]: version conflict, required seqNo [5], primary term [1]. but no document was found"),
            (Expect::Anything, Some(VersionCheck::External(3)), found, "[1]: version conflict, current version [3] is higher or equal to the one provided [3]"),
            (Expect::Anything, Some(VersionCheck::ExternalGte(2)), found, "[1]: version conflict, current version [3] is higher than the one provided [2]"),
        ] {
            assert_eq!(conflict_reason("1", Demand { expect, version }, current, Some(3)), expected);
        }
    }
}
