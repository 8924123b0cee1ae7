//! `PUT /{index}/_doc/{id}` and its kin: one document written or deleted.

use std::sync::Arc;

use http::{Method, header};
use watchbell_json::Failure;
use watchbell_store::{DocumentWrite, Expect, Refresh, Revision, VersionCheck, Write, WriteError, WriteOp};

use super::templates::make_templated;
use super::write_outcome::{Demand, ErrorContext, Target, result_status, written_json};
use crate::parameters::{Parameters, form_encode};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::{Rest, document_id};
use crate::router::{Handled, Route, Router, no_handler};

/// Longest id in bytes, as the reference's.
const ID_BYTES_MAX: usize = 512;

const WRITE_PARAMETERS: &[&str] = &[
    "op_type",
    "version",
    "version_type",
    "if_seq_no",
    "if_primary_term",
    "routing",
    "refresh",
    "timeout",
    "wait_for_active_shards",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "include_source_on_error",
];

const DELETE_PARAMETERS: &[&str] = &["version", "version_type", "if_seq_no", "if_primary_term", "routing", "refresh", "timeout", "wait_for_active_shards"];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::PUT, Method::POST];
    router.add(Route::new(both, "/{index}/_doc/{id}", put_document).parameters(&[WRITE_PARAMETERS]).with_body());
    router.add(Route::new(&[Method::POST], "/{index}/_doc", put_document).parameters(&[WRITE_PARAMETERS]).with_body());
    router.add(Route::new(both, "/{index}/_create/{id}", create_document).parameters(&[WRITE_PARAMETERS]).with_body());
    router.add(Route::new(&[Method::DELETE], "/{index}/_doc/{id}", delete_document).parameters(&[DELETE_PARAMETERS]));
    // Shippers of the 6.x age write by type; the type is dropped.
    router.add(Route::new(both, "/{index}/{type}/{id}", put_typed).parameters(&[WRITE_PARAMETERS]).with_body().last_resort());
    router.add(Route::new(&[Method::POST], "/{index}/{type}", put_typed).parameters(&[WRITE_PARAMETERS]).with_body().last_resort());
    router.add(Route::new(both, "/{index}/{type}/{id}/_create", create_typed).parameters(&[WRITE_PARAMETERS]).with_body().last_resort());
    router.add(Route::new(&[Method::DELETE], "/{index}/{type}/{id}", delete_typed).parameters(&[DELETE_PARAMETERS]).last_resort());
}

/// Whether a path of three free segments is an old client's: from 8 on such a path is unknown where it begins as an API does.
pub(super) fn is_typed_path(rest: &Rest, request: &Request) -> bool {
    let old = rest.generation() <= watchbell_watch::Generation::G7;
    let (index, kind, id) = (request.path_param("index"), request.path_param("type"), request.path_param("id"));
    let index_is_free = old || !index.starts_with('_');
    let type_is_free = kind == "_doc" || !kind.starts_with('_');
    index_is_free && type_is_free && !id.starts_with('_')
}

async fn put_typed(rest: Arc<Rest>, request: Request) -> Handled {
    if !is_typed_path(&rest, &request) {
        return Ok(no_handler(&request));
    }
    put_document(rest, request).await
}

async fn create_typed(rest: Arc<Rest>, request: Request) -> Handled {
    if !is_typed_path(&rest, &request) {
        return Ok(no_handler(&request));
    }
    create_document(rest, request).await
}

async fn delete_typed(rest: Arc<Rest>, request: Request) -> Handled {
    if !is_typed_path(&rest, &request) {
        return Ok(no_handler(&request));
    }
    delete_document(rest, request).await
}

async fn put_document(rest: Arc<Rest>, request: Request) -> Handled {
    let operation = match request.params.get("op_type") {
        None => Operation::Index,
        Some(name) => match name.to_ascii_lowercase().as_str() {
            "index" => Operation::Index,
            "create" => Operation::Create,
            _ => return Err(Problem::illegal_argument(format!("opType must be 'create' or 'index', found: [{name}]"))),
        },
    };
    write(rest, request, operation).await
}

async fn create_document(rest: Arc<Rest>, request: Request) -> Handled {
    write(rest, request, Operation::Create).await
}

async fn delete_document(rest: Arc<Rest>, request: Request) -> Handled {
    write(rest, request, Operation::Delete).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Index,
    Create,
    Delete,
}

async fn write(rest: Arc<Rest>, request: Request, operation: Operation) -> Handled {
    let params = &request.params;
    let refresh = read_refresh(params)?;
    let conditions = Conditions::from_params(params)?;
    params.duration("timeout")?;
    if operation != Operation::Delete && request.body.is_empty() {
        return Err(Problem::body_required());
    }
    let given_id = Some(request.path_param("id")).filter(|id| !id.is_empty());
    let errors = conditions.validate(operation, given_id);
    if !errors.is_empty() {
        return Err(Problem::validation(&errors));
    }
    refuse_pipeline(params.get("pipeline"))?;
    let index = request.path_param("index");
    if params.flag_or("require_alias", false)? {
        require_alias(&rest, index).await?;
    }
    if operation != Operation::Delete {
        make_templated(&rest, index, request.now).await?;
    }
    let id = given_id.map_or_else(|| document_id(&*rest.entropy), str::to_owned);
    let demand = conditions.demand(operation, given_id.is_none());
    let op = if operation == Operation::Delete { WriteOp::Delete } else { WriteOp::Put(request.body.clone()) };
    let write = DocumentWrite {
        write: Write { index: index.to_owned(), id: id.clone(), expect: demand.expect, op },
        version: demand.version,
        routing: params.get("routing").map(str::to_owned),
        require_existing: operation == Operation::Delete,
        now: request.now,
    };
    let outcome = rest.indices.write_documents(vec![write], refresh).await.pop().unwrap_or(Err(WriteError::NotTried));
    match outcome {
        Ok(written) => {
            let answer = Response::json(result_status(written.result), written_json(&written, refresh == Refresh::Now));
            let created = written.result == watchbell_store::WriteResult::Created;
            let location = format!("/{}/_doc/{}", form_encode(&written.index), form_encode(&written.id));
            Ok(if created { answer.with_header(header::LOCATION, &location) } else { answer })
        }
        Err(error) => {
            let target = Target { index, id: &id, source: &request.body };
            Err(ErrorContext::default().problem(&rest, &target, demand, error).await)
        }
    }
}

/// `refresh`: empty and `true` are now, `wait_for` waits.
pub(super) fn read_refresh(params: &Parameters) -> Result<Refresh, Failure> {
    match params.get("refresh") {
        None | Some("false") => Ok(Refresh::No),
        Some("" | "true") => Ok(Refresh::Now),
        Some("wait_for") => Ok(Refresh::WaitFor),
        Some(other) => Err(Failure::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
    }
}

/// There are no ingest pipelines, so naming one is what naming a missing one is.
pub(super) fn refuse_pipeline(pipeline: Option<&str>) -> Result<(), Failure> {
    match pipeline {
        None | Some("" | "_none") => Ok(()),
        Some(name) => Err(Failure::illegal_argument(format!("pipeline with id [{name}] does not exist"))),
    }
}

/// # Errors
/// `index` is no alias.
pub(super) async fn require_alias(rest: &Rest, index: &str) -> Result<(), Failure> {
    let options = watchbell_store::IndicesOptions { expand_hidden: true, ..watchbell_store::IndicesOptions::watcher() };
    let infos = rest.indices.indices(&[index.to_owned()], &options).await.unwrap_or_default();
    if !infos.is_empty() && infos.iter().all(|info| info.name != index) {
        return Ok(());
    }
    let reason = format!("no such index [{index}] and [require_alias] request flag is [true] and [{index}] is not an alias");
    Err(Failure::new("index_not_found_exception", reason).with("index_uuid", "_na_").with("index", index))
}

/// `version_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum VersionType {
    #[default]
    Internal,
    External,
    ExternalGte,
}

impl VersionType {
    /// # Errors
    /// No such type.
    pub(super) fn parse(name: &str) -> Result<VersionType, Failure> {
        match name {
            "internal" => Ok(VersionType::Internal),
            "external" | "external_gt" => Ok(VersionType::External),
            "external_gte" => Ok(VersionType::ExternalGte),
            other => Err(Failure::illegal_argument(format!("No version type match [{other}]"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            VersionType::Internal => "INTERNAL",
            VersionType::External => "EXTERNAL",
            VersionType::ExternalGte => "EXTERNAL_GTE",
        }
    }
}

/// What a write asks of the document that stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) version: Option<i64>,
    pub(super) version_type: VersionType,
    pub(super) if_seq_no: Option<i64>,
    pub(super) if_primary_term: Option<i64>,
}

impl Conditions {
    /// # Errors
    /// A number that is none, a version type that is none.
    pub(super) fn from_params(params: &Parameters) -> Result<Conditions, Failure> {
        Ok(Conditions {
            version: params.long("version")?,
            version_type: params.get("version_type").map(VersionType::parse).transpose()?.unwrap_or_default(),
            if_seq_no: params.long("if_seq_no")?,
            if_primary_term: params.long("if_primary_term")?,
        })
    }

    /// What contradicts itself, in the reference's words.
    pub(super) fn validate(&self, operation: Operation, id: Option<&str>) -> Vec<String> {
        let mut errors = Vec::new();
        if operation == Operation::Create {
            self.validate_create(&mut errors);
            if !errors.is_empty() {
                return errors;
            }
        }
        match id {
            None if operation == Operation::Delete => errors.push("id is missing".to_owned()),
            None if self.version.is_some() || self.version_type != VersionType::Internal => {
                errors.push("an id must be provided if version type or value are set".to_owned());
            }
            Some(id) if id.len() > ID_BYTES_MAX => {
                errors.push(format!("id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}", id.len()));
            }
            _ => {}
        }
        match (self.version_type, self.version) {
            (VersionType::Internal, Some(_)) => errors.push(
                "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead".to_owned(),
            ),
            (VersionType::External | VersionType::ExternalGte, version) if version.is_none_or(|version| version < 0) => {
                errors.push(format!("illegal version value [{}] for version type [{}]", version.unwrap_or(-3), self.version_type.name()));
            }
            _ => {}
        }
        if self.if_seq_no.is_some() && (self.version_type != VersionType::Internal || self.version.is_some()) {
            errors.push("compare and write operations can not use versioning".to_owned());
        }
        match (self.if_seq_no, self.if_primary_term.unwrap_or(0)) {
            (None, term) if term != 0 => errors.push(format!("ifSeqNo is unassigned, but primary term is [{term}]")),
            (Some(_), 0) => errors.push("ifSeqNo is set, but primary term is [0]".to_owned()),
            _ => {}
        }
        errors
    }

    fn validate_create(&self, errors: &mut Vec<String>) {
        if self.version_type != VersionType::Internal {
            errors.push("create operations only support internal versioning. use index instead".to_owned());
        }
        if self.version.is_some() {
            errors.push("create operations do not support explicit versions. use index instead".to_owned());
        }
        if self.if_seq_no.is_some() || self.if_primary_term.is_some_and(|term| term != 0) {
            errors.push("create operations do not support compare and set. use index instead".to_owned());
        }
    }

    /// What is demanded of the store; `new_id` for a document whose id was made up.
    pub(super) fn demand(&self, operation: Operation, new_id: bool) -> Demand {
        let expect = match (self.if_seq_no, self.if_primary_term) {
            (Some(seq_no), Some(primary_term)) => Expect::Revision(Revision { seq_no, primary_term }),
            _ if operation == Operation::Create || new_id => Expect::Absent,
            _ => Expect::Anything,
        };
        let version = match (self.version_type, self.version) {
            (VersionType::External, Some(version)) => Some(VersionCheck::External(version)),
            (VersionType::ExternalGte, Some(version)) => Some(VersionCheck::ExternalGte(version)),
            _ => None,
        };
        Demand { expect, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_named() {
        let errors = |query: &str, operation| Conditions::from_params(&Parameters::decode(query)).unwrap().validate(operation, Some("1"));
        assert_eq!(errors("if_seq_no=0", Operation::Index), ["ifSeqNo is set, but primary term is [0]"]);
        assert_eq!(errors("if_primary_term=2", Operation::Index), ["ifSeqNo is unassigned, but primary term is [2]"]);
        assert_eq!(
            errors("version=10&version_type=external&if_seq_no=0&if_primary_term=1", Operation::Index),
            ["compare and write operations can not use versioning"]
        );
        assert_eq!(errors("version=3", Operation::Create), ["create operations do not support explicit versions. use index instead"]);
        assert_eq!(errors("version=-1&version_type=external", Operation::Index), ["illegal version value [-1] for version type [EXTERNAL]"]);
        assert!(errors("if_seq_no=0&if_primary_term=1", Operation::Delete).is_empty());
        assert_eq!(Conditions::default().validate(Operation::Index, Some(&"x".repeat(513))).len(), 1);
    }
}
