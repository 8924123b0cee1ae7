//! `POST /{index}/_update/{id}`: read, change, compare and set, again where somebody was faster.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json};
use watchbell_store::{Document, DocumentWrite, Expect, Refresh, Revision, StoreError, Write, WriteError, WriteOp, WriteResult, Written};
use watchbell_time::Timestamp;

use super::document_get::{document_problem, write_with_source};
use super::document_write::{Conditions, Operation, VersionType, is_typed_path, read_refresh, require_alias};
use super::hidden::visible_source;
use super::source_filter::{SOURCE_PARAMETERS, SourceFilter};
use super::templates::make_templated;
use super::update_request::{UpdatePlan, UpdateRequest};
use super::write_outcome::{Demand, ErrorContext, Target, result_status, written_json};
use crate::problem::Problem;
use crate::request::{Request, parse_json};
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router, no_handler};

const UPDATE_PARAMETERS: &[&str] = &[
    "retry_on_conflict",
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "routing",
    "refresh",
    "timeout",
    "wait_for_active_shards",
    "require_alias",
    "doc_as_upsert",
    "lang",
    "include_source_on_error",
];

/// A client may ask for any number of repetitions; more than this help nobody.
const RETRIES_MAX: i32 = 1000;

pub(super) fn routes(router: &mut Router) {
    router.add(Route::new(&[Method::POST], "/{index}/_update/{id}", update).parameters(&[UPDATE_PARAMETERS, SOURCE_PARAMETERS]).with_body());
    router.add(
        Route::new(&[Method::POST], "/{index}/{type}/{id}/_update", update_typed).parameters(&[UPDATE_PARAMETERS, SOURCE_PARAMETERS]).with_body().last_resort(),
    );
}

async fn update_typed(rest: Arc<Rest>, request: Request) -> Handled {
    if !is_typed_path(&rest, &request) {
        return Ok(no_handler(&request));
    }
    update(rest, request).await
}

async fn update(rest: Arc<Rest>, request: Request) -> Handled {
    let params = &request.params;
    let (index, id) = (request.path_param("index"), request.path_param("id"));
    let refresh = read_refresh(params)?;
    let conditions = Conditions::from_params(params)?;
    let retries = params.int("retry_on_conflict")?.unwrap_or(0).clamp(0, RETRIES_MAX);
    params.duration("timeout")?;
    if conditions.version.is_some() || conditions.version_type != VersionType::Internal {
        let errors =
            Conditions { version: conditions.version.or(Some(0)), version_type: VersionType::Internal, ..conditions }.validate(Operation::Index, Some(id));
        return Err(Problem::validation(&errors));
    }
    let body = if request.body.is_empty() { Json::object() } else { parse_json(&request.body)? };
    let asked = UpdateRequest::parse(&request.body, &body)?;
    let mut errors = conditions.validate(Operation::Index, Some(id));
    errors.extend(asked.validate());
    if !errors.is_empty() {
        return Err(Problem::validation(&errors));
    }
    if params.flag_or("require_alias", false)? {
        require_alias(&rest, index).await?;
    }
    make_templated(&rest, index, request.now).await?;
    let target = UpdateTarget {
        index,
        id,
        routing: params.get("routing"),
        demanded: match (conditions.if_seq_no, conditions.if_primary_term) {
            (Some(seq_no), Some(primary_term)) => Some(Revision { seq_no, primary_term }),
            _ => None,
        },
        retries,
        now: request.now,
    };
    let filter = asked.source.clone().or_else(|| SourceFilter::from_params(params));
    let updated = run_update(&rest, &target, &asked, refresh, &mut ErrorContext::default()).await?;
    Ok(updated.answer(filter.as_ref(), refresh == Refresh::Now))
}

/// Which document is updated, and under which conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpdateTarget<'r> {
    pub(super) index: &'r str,
    pub(super) id: &'r str,
    pub(super) routing: Option<&'r str>,
    pub(super) demanded: Option<Revision>,
    pub(super) retries: i32,
    pub(super) now: Timestamp,
}

/// What an update did.
#[derive(Clone, Debug)]
pub(super) enum Updated {
    Written { written: Written, source: bytes::Bytes },
    Noop(Document),
}

impl Updated {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Updated::Written { written, .. } => result_status(written.result),
            Updated::Noop(_) => StatusCode::OK,
        }
    }

    /// The object of the answer without what was asked to be shown of the document.
    pub(super) fn to_json(&self, forced_refresh: bool) -> Json {
        match self {
            Updated::Written { written, .. } => written_json(written, forced_refresh),
            Updated::Noop(document) => Json::object()
                .with("_index", document.index.as_str())
                .with("_id", document.id.as_str())
                .with("_version", document.version)
                .with("result", "noop")
                .with("_shards", Json::object().with("total", 0).with("successful", 0).with("failed", 0))
                .with("_seq_no", document.revision.seq_no)
                .with("_primary_term", document.revision.primary_term),
        }
    }

    /// `get`, where the document shall be shown.
    pub(super) fn write_get(&self, filter: Option<&SourceFilter>, out: &mut String) {
        let Some(filter) = filter.filter(|filter| **filter != SourceFilter::None) else { return };
        let (index, revision, source) = match self {
            Updated::Written { written, source } => (&written.index, written.revision, source),
            Updated::Noop(document) => (&document.index, document.revision, &document.source),
        };
        let head = Json::object().with("_seq_no", revision.seq_no).with("_primary_term", revision.primary_term).with("found", true);
        out.pop();
        out.push_str(",\"get\":");
        write_with_source(&head, filter.apply(visible_source(index, source.clone())).as_ref(), out);
        out.push('}');
    }

    fn answer(&self, filter: Option<&SourceFilter>, forced_refresh: bool) -> Response {
        let mut text = self.to_json(forced_refresh).to_string();
        self.write_get(filter, &mut text);
        Response::new(self.status(), Body::JsonText(text.into()))
    }
}

/// Reads, plans and writes, and begins again while somebody is faster and repetitions are left.
pub(super) async fn run_update(
    rest: &Rest,
    target: &UpdateTarget<'_>,
    asked: &UpdateRequest,
    refresh: Refresh,
    context: &mut ErrorContext,
) -> Result<Updated, Problem> {
    let mut retries = target.retries;
    loop {
        let document = match rest.indices.get_document(target.index, target.id).await {
            Ok(document) => document,
            Err(StoreError::NoIndex(_)) => None,
            Err(error) => return Err(document_problem(error)),
        };
        let plan = plan_update(rest, target, asked, document.as_ref(), context).await?;
        let Some((source, expect)) = plan else {
            return document.map(Updated::Noop).ok_or_else(|| Failure::illegal_state("nothing to do on a missing document").into());
        };
        let demand = Demand { expect, version: None };
        let write = update_write(target, expect, source.clone());
        let outcome = rest.indices.write_documents(vec![write], refresh).await.pop().unwrap_or(Err(WriteError::NotTried));
        match outcome {
            Ok(written) => return Ok(Updated::Written { written, source }),
            Err(WriteError::Conflict { .. }) if retries > 0 && target.demanded.is_none() => retries -= 1,
            Err(error) => return Err(context.problem(rest, &Target { index: target.index, id: target.id, source: &source }, demand, error).await),
        }
    }
}

/// The write that carries out a planned update.
pub(super) fn update_write(target: &UpdateTarget<'_>, expect: Expect, source: bytes::Bytes) -> DocumentWrite {
    DocumentWrite {
        write: Write { index: target.index.to_owned(), id: target.id.to_owned(), expect, op: WriteOp::Put(source) },
        version: None,
        routing: target.routing.map(str::to_owned),
        require_existing: false,
        now: target.now,
    }
}

/// What to write, and over what; `None` when nothing changes.
pub(super) async fn plan_update(
    rest: &Rest,
    target: &UpdateTarget<'_>,
    asked: &UpdateRequest,
    document: Option<&Document>,
    context: &mut ErrorContext,
) -> Result<Option<(bytes::Bytes, Expect)>, Problem> {
    if let Some(demanded) = target.demanded
        && document.is_some_and(|document| document.revision != demanded)
    {
        let demand = Demand { expect: Expect::Revision(demanded), version: None };
        let conflict = WriteError::Conflict { current: document.map(|document| document.revision), current_version: document.map(|document| document.version) };
        return Err(context.problem(rest, &Target { index: target.index, id: target.id, source: b"" }, demand, conflict).await);
    }
    if document.is_some_and(|document| document.source.is_empty()) {
        let reason = format!("[{}]: document source missing", target.id);
        return Err(context.document_failure(rest, target.index, "document_source_missing_exception", reason).await.into());
    }
    match asked.plan(document.map(|document| &*document.source))? {
        UpdatePlan::Noop => Ok(None),
        UpdatePlan::Create(source) => Ok(Some((source, Expect::Absent))),
        UpdatePlan::Replace(source) => Ok(document.map(|document| (source, Expect::Revision(document.revision)))),
        UpdatePlan::Missing => {
            let reason = format!("[{}]: document missing", target.id);
            Err(context.document_failure(rest, target.index, "document_missing_exception", reason).await.into())
        }
    }
}

/// Whether an update made its document.
pub(super) fn is_created(updated: &Updated) -> bool {
    matches!(updated, Updated::Written { written, .. } if written.result == WriteResult::Created)
}
