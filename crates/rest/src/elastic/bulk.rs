//! `_bulk`: many writes in one request, each succeeding or failing on its own.
//!
//! Consecutive writes go to the store in one batch, so that they share a commit. An update must see what stands before it in the
//! request, so it ends the batch if that holds its document.

use std::collections::HashSet;
use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json};
use watchbell_store::{DocumentWrite, Expect, IndicesOptions, Refresh, Revision, StoreError, Write, WriteError, WriteOp, Written};

use super::bulk_lines::{Action, ActionKind, Defaults, read_actions};
use super::document_get::document_problem;
use super::document_write::{Operation, read_refresh, refuse_pipeline, require_alias};
use super::source_filter::SOURCE_PARAMETERS;
use super::templates::make_templated;
use super::update::{UpdateTarget, Updated, is_created, plan_update, run_update, update_write};
use super::update_request::UpdateRequest;
use super::write_outcome::{Demand, ErrorContext, Target, result_name, result_status, shards};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::{Rest, document_id};
use crate::router::{Handled, Route, Router, no_handler};

const BULK_PARAMETERS: &[&str] = &[
    "refresh",
    "routing",
    "timeout",
    "wait_for_active_shards",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "type",
    "batch_interval",
    "batch_size",
    "include_source_on_error",
    "list_executed_pipelines",
];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::POST, Method::PUT];
    router.add(Route::new(both, "/_bulk", bulk).parameters(&[BULK_PARAMETERS, SOURCE_PARAMETERS]).with_body());
    router.add(Route::new(both, "/{index}/_bulk", bulk).parameters(&[BULK_PARAMETERS, SOURCE_PARAMETERS]).with_body());
    router.add(Route::new(both, "/{index}/{type}/_bulk", bulk_typed).parameters(&[BULK_PARAMETERS, SOURCE_PARAMETERS]).with_body().last_resort());
}

async fn bulk_typed(rest: Arc<Rest>, request: Request) -> Handled {
    if request.path_param("index").starts_with('_') || request.path_param("type").starts_with('_') && request.path_param("type") != "_doc" {
        return Ok(no_handler(&request));
    }
    bulk(rest, request).await
}

async fn bulk(rest: Arc<Rest>, request: Request) -> Handled {
    let params = &request.params;
    let refresh = read_refresh(params)?;
    params.duration("timeout")?;
    let defaults = Defaults {
        index: request.path_param("index").to_owned(),
        routing: params.get("routing").map(str::to_owned),
        pipeline: params.get("pipeline").map(str::to_owned),
        require_alias: params.flag_or("require_alias", false)?,
    };
    if request.body.is_empty() {
        return Err(Problem::body_required());
    }
    let actions = read_actions(&request.body, &defaults)?;
    let mut run = Run::new(&rest, &request, refresh, &actions);
    for action in actions {
        run.take(action).await;
    }
    run.finish().await;
    Ok(run.answer())
}

/// One action's answer.
enum Item {
    Written(Written),
    Updated(Updated),
    Failed { index: String, id: Option<String>, status: StatusCode, failure: Box<Failure> },
}

/// A write that waits in the batch.
struct Waiting {
    item: usize,
    demand: Demand,
    /// For the places in errors.
    source: bytes::Bytes,
    update: Option<Box<WaitingUpdate>>,
}

/// An update in the batch, kept for beginning again after a conflict.
struct WaitingUpdate {
    request: UpdateRequest,
    demanded: Option<Revision>,
    retries: i32,
}

struct Run<'r> {
    rest: &'r Rest,
    request: &'r Request,
    refresh: Refresh,
    items: Vec<(&'static str, Option<Item>)>,
    batch: Vec<DocumentWrite>,
    waiting: Vec<Waiting>,
    /// Only updates look at what the batch holds.
    has_updates: bool,
    in_batch: HashSet<(String, String)>,
    /// Where something was written that the batch's own refresh does not make visible.
    unrefreshed: HashSet<String>,
    context: ErrorContext,
}

impl<'r> Run<'r> {
    fn new(rest: &'r Rest, request: &'r Request, refresh: Refresh, actions: &[Action]) -> Run<'r> {
        let has_updates = actions.iter().any(|action| matches!(action.kind, ActionKind::Update { .. }));
        let actions = actions.len();
        Run {
            has_updates,
            rest,
            request,
            refresh,
            items: Vec::with_capacity(actions),
            batch: Vec::with_capacity(actions),
            waiting: Vec::with_capacity(actions),
            in_batch: HashSet::new(),
            unrefreshed: HashSet::new(),
            context: ErrorContext::default(),
        }
    }

    async fn take(&mut self, action: Action) {
        let item = self.items.len();
        self.items.push((action.kind.name(), None));
        if let Err(problem) = self.admit(&action).await {
            self.fail(item, action.index, action.id, &problem);
            return;
        }
        match action.kind {
            ActionKind::Index(ref source) => self.write(item, &action, Operation::Index, WriteOp::Put(source.clone())),
            ActionKind::Create(ref source) => self.write(item, &action, Operation::Create, WriteOp::Put(source.clone())),
            ActionKind::Delete => self.write(item, &action, Operation::Delete, WriteOp::Delete),
            ActionKind::Update { ref request, retries } => self.update(item, &action, request, retries).await,
        }
    }

    async fn admit(&self, action: &Action) -> Result<(), Problem> {
        if action.id.as_deref() == Some("") {
            return Err(Problem::illegal_argument("if _id is specified it must not be empty"));
        }
        if matches!(action.kind, ActionKind::Index(_) | ActionKind::Create(_)) {
            refuse_pipeline(action.pipeline.as_deref())?;
        }
        if action.require_alias {
            require_alias(self.rest, &action.index).await?;
        }
        if !matches!(action.kind, ActionKind::Delete) {
            make_templated(self.rest, &action.index, self.request.now).await?;
        }
        Ok(())
    }

    fn write(&mut self, item: usize, action: &Action, operation: Operation, op: WriteOp) {
        let demand = action.conditions.demand(operation, action.id.is_none());
        let id = action.id.clone().unwrap_or_else(|| document_id(&*self.rest.entropy));
        let source = match &op {
            WriteOp::Put(source) => source.clone(),
            WriteOp::Delete => bytes::Bytes::new(),
        };
        if self.has_updates {
            self.in_batch.insert((action.index.clone(), id.clone()));
        }
        self.batch.push(DocumentWrite {
            write: Write { index: action.index.clone(), id, expect: demand.expect, op },
            version: demand.version,
            routing: action.routing.clone(),
            require_existing: operation == Operation::Delete,
            now: self.request.now,
        });
        self.waiting.push(Waiting { item, demand, source, update: None });
    }

    async fn update(&mut self, item: usize, action: &Action, asked: &UpdateRequest, retries: i32) {
        let id = action.id.clone().unwrap_or_default();
        if self.in_batch.contains(&(action.index.clone(), id.clone())) {
            self.flush(Refresh::No).await;
        }
        let demanded = match (action.conditions.if_seq_no.or(asked.if_seq_no), action.conditions.if_primary_term.or(asked.if_primary_term)) {
            (Some(seq_no), Some(primary_term)) => Some(Revision { seq_no, primary_term }),
            _ => None,
        };
        let target = UpdateTarget { index: &action.index, id: &id, routing: action.routing.as_deref(), demanded, retries, now: self.request.now };
        match self.plan(&target, asked).await {
            Ok(Planned::Noop(document)) => self.settle(item, Item::Updated(Updated::Noop(document))),
            Ok(Planned::Write(source, expect)) => {
                self.in_batch.insert((action.index.clone(), id.clone()));
                self.batch.push(update_write(&target, expect, source.clone()));
                let update = WaitingUpdate { request: asked.clone(), demanded, retries };
                self.waiting.push(Waiting { item, demand: Demand { expect, version: None }, source, update: Some(Box::new(update)) });
            }
            Err(problem) => self.fail(item, action.index.clone(), Some(id), &problem),
        }
    }

    async fn plan(&mut self, target: &UpdateTarget<'_>, asked: &UpdateRequest) -> Result<Planned, Problem> {
        let document = match self.rest.indices.get_document(target.index, target.id).await {
            Ok(document) => document,
            Err(StoreError::NoIndex(_)) => None,
            Err(error) => return Err(document_problem(error)),
        };
        let plan = plan_update(self.rest, target, asked, document.as_ref(), &mut self.context).await?;
        match (plan, document) {
            (Some((source, expect)), _) => Ok(Planned::Write(source, expect)),
            (None, Some(document)) => Ok(Planned::Noop(document)),
            (None, None) => Err(Failure::illegal_state("nothing to do on a missing document").into()),
        }
    }

    /// Writes the batch and settles its items.
    async fn flush(&mut self, refresh: Refresh) {
        self.in_batch.clear();
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let waiting = std::mem::take(&mut self.waiting);
        let names: Vec<(String, String)> = batch.iter().map(|write| (write.write.index.clone(), write.write.id.clone())).collect();
        let mut outcomes = self.rest.indices.write_documents(batch, refresh).await.into_iter();
        for (waiting, (index, id)) in waiting.into_iter().zip(names) {
            let outcome = outcomes.next().unwrap_or(Err(WriteError::NotTried));
            if let (Ok(written), Refresh::No) = (&outcome, refresh) {
                self.unrefreshed.insert(written.index.clone());
            }
            self.outcome(waiting, index, id, outcome).await;
        }
    }

    async fn outcome(&mut self, waiting: Waiting, index: String, id: String, outcome: Result<Written, WriteError>) {
        let Waiting { item, demand, source, update } = waiting;
        match (outcome, update) {
            (Ok(written), None) => self.settle(item, Item::Written(written)),
            (Ok(written), Some(_)) => self.settle(item, Item::Updated(Updated::Written { written, source })),
            (Err(WriteError::Conflict { .. }), Some(update)) if update.retries > 0 && update.demanded.is_none() => {
                let target = UpdateTarget { index: &index, id: &id, routing: None, demanded: None, retries: update.retries - 1, now: self.request.now };
                match run_update(self.rest, &target, &update.request, Refresh::No, &mut self.context).await {
                    Ok(updated) => {
                        self.unrefreshed.insert(index);
                        self.settle(item, Item::Updated(updated));
                    }
                    Err(problem) => self.fail(item, index, Some(id), &problem),
                }
            }
            (Err(error), _) => {
                let problem = self.context.problem(self.rest, &Target { index: &index, id: &id, source: &source }, demand, error).await;
                self.fail(item, index, Some(id), &problem);
            }
        }
    }

    fn settle(&mut self, item: usize, outcome: Item) {
        if let Some((_, slot)) = self.items.get_mut(item) {
            *slot = Some(outcome);
        }
    }

    fn fail(&mut self, item: usize, index: String, id: Option<String>, problem: &Problem) {
        let (status, failure) = match problem.failure() {
            Some((status, failure)) => (status, failure.clone()),
            None => (StatusCode::INTERNAL_SERVER_ERROR, Failure::illegal_state("no answer")),
        };
        self.settle(item, Item::Failed { index, id, status, failure: Box::new(failure) });
    }

    /// Writes what is left, and makes everything visible that shall be.
    async fn finish(&mut self) {
        self.flush(self.refresh).await;
        if self.refresh == Refresh::No || self.unrefreshed.is_empty() {
            return;
        }
        let names: Vec<String> = self.unrefreshed.drain().collect();
        let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
        if let Err(error) = self.rest.indices.refresh(&names, &options).await {
            tracing::warn!(%error, "the indices of a bulk request could not be refreshed");
        }
    }

    fn answer(&self) -> Response {
        let forced = self.refresh == Refresh::Now;
        let errors = self.items.iter().any(|(_, item)| matches!(item, Some(Item::Failed { .. }) | None));
        let mut text = format!("{{\"took\":{},\"errors\":{errors},\"items\":[", self.rest.took(self.request.started));
        for (at, (name, item)) in self.items.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str("{\"");
            text.push_str(name);
            text.push_str("\":");
            write_item(item.as_ref(), forced, &mut text);
            text.push('}');
        }
        text.push_str("]}");
        Response::new(StatusCode::OK, Body::JsonText(text.into()))
    }
}

/// What an update in a batch comes to.
enum Planned {
    Write(bytes::Bytes, Expect),
    Noop(watchbell_store::Document),
}

/// The item of a plain write, by far the most frequent one, without building it as a value first.
fn write_written(written: &Written, forced: bool, text: &mut String) {
    text.push_str("{\"_index\":");
    watchbell_json::write_string(&written.index, text);
    text.push_str(",\"_id\":");
    watchbell_json::write_string(&written.id, text);
    let (version, result, revision) = (written.version, result_name(written.result), written.revision);
    text.push_str(&format!(",\"_version\":{version},\"result\":\"{result}\""));
    text.push_str(if forced { ",\"forced_refresh\":true" } else { "" });
    let status = result_status(written.result).as_u16();
    text.push_str(",\"_shards\":");
    shards().write_to(text);
    text.push_str(&format!(",\"_seq_no\":{},\"_primary_term\":{},\"status\":{status}}}", revision.seq_no, revision.primary_term));
}

fn write_item(item: Option<&Item>, forced: bool, text: &mut String) {
    let object = match item {
        Some(Item::Written(written)) => return write_written(written, forced, text),
        Some(Item::Updated(updated)) => {
            let status = if is_created(updated) { StatusCode::CREATED } else { StatusCode::OK };
            updated.to_json(forced).with("status", status.as_u16())
        }
        Some(Item::Failed { index, id, status, failure }) => {
            Json::object().with("_index", index.as_str()).with("_id", id.clone()).with("status", status.as_u16()).with("error", failure.to_exception_json())
        }
        None => Json::object().with("status", 503).with("error", Failure::illegal_state("not tried").to_exception_json()),
    };
    object.write_to(text);
}

#[cfg(test)]
mod tests {
    use super::super::write_outcome::written_json;
    use super::*;

    #[test]
    fn a_plain_item_is_the_same_written_either_way() {
        for result in [watchbell_store::WriteResult::Created, watchbell_store::WriteResult::NotFound] {
            let revision = Revision { seq_no: 7, primary_term: 1 };
            let written = Written { index: "logs".to_owned(), id: "a\"b".to_owned(), revision, version: 3, result };
            for forced in [true, false] {
                let mut text = String::new();
                write_written(&written, forced, &mut text);
                let expected = written_json(&written, forced).with("status", result_status(result).as_u16());
                assert_eq!(text, expected.to_string());
            }
        }
    }
}
