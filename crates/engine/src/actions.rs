//! Planning actions: whether one runs, and every message it sends, fully rendered (spec watcher-api §5.3, watcher-parts §7).

use sha2::{Digest as _, Sha256};
use watchbell_json::{Failure, Json};
use watchbell_outbox::{DeliveryKey, IndexRequest, LogLine, Message};
use watchbell_time::Timestamp;
use watchbell_watch::action::{Action, ActionKind, Documents, IndexAction, OpType, TargetedDocument};
use watchbell_watch::context::Context;
use watchbell_watch::record::{ActionResult, ActionResultStatus, ConditionResult, ForeachResult};
use watchbell_watch::status::{ActionStatus, WatchStatus, date};
use watchbell_watch::throttle::{self, ActionMode, plan_action};
use watchbell_watch::{Watch, validation};

use crate::manifest::{ActionPlan, Iteration, SendPlan};
use crate::templates::Templates;

/// Document ids of our own have as many characters as the reference's.
const OWN_ID_CHARACTERS: usize = 20;

/// What is the same for all actions of one run.
pub(crate) struct Planner<'r> {
    pub(crate) watch: &'r Watch,
    pub(crate) status: &'r WatchStatus,
    /// With the watch's payload.
    pub(crate) context: &'r Context,
    /// The journal's key of this run.
    pub(crate) execution: &'r str,
    pub(crate) templates: Templates,
    pub(crate) default_throttle_millis: i64,
    /// How long a single document may take, and one of a list (spec watcher-parts §7.3).
    pub(crate) index_millis: i64,
    pub(crate) bulk_millis: i64,
    pub(crate) now: Timestamp,
}

pub(crate) fn skipped(action: &Action) -> ActionPlan {
    settled(result(action, ActionResultStatus::Throttled).with_reason("manually skipped"))
}

fn result(action: &Action, status: ActionResultStatus) -> ActionResult {
    ActionResult::new(action.id.clone(), action.kind.name(), status)
}

fn settled(result: ActionResult) -> ActionPlan {
    ActionPlan::Settled { result, condition_not_met: None }
}

impl Planner<'_> {
    /// Throttle and acknowledgement, then the action's condition, then its messages.
    pub(crate) fn plan(&self, action: &Action, mode: ActionMode) -> ActionPlan {
        let fresh = ActionStatus::new(self.now);
        let status = self.status.actions.get(&action.id).unwrap_or(&fresh);
        let simulates = match plan_action(action, status, mode, self.watch.throttle_period_millis, self.default_throttle_millis, self.now) {
            throttle::ActionPlan::Run => false,
            throttle::ActionPlan::Simulate => true,
            throttle::ActionPlan::Throttled { reason } => return settled(result(action, ActionResultStatus::Throttled).with_reason(reason)),
            throttle::ActionPlan::Acknowledged { reason } => return settled(result(action, ActionResultStatus::Acknowledged).with_reason(reason)),
        };
        let model = self.context.model();
        let condition = match self.condition(action, &model) {
            Ok(condition) => condition,
            Err(failure) => {
                let reason = format!("condition failed. skipping: {}", failure.reason_text());
                return settled(result(action, ActionResultStatus::ConditionFailed).with_reason(reason));
            }
        };
        if condition.as_ref().is_some_and(|condition| !condition.met) {
            let result = result(action, ActionResultStatus::ConditionFailed).with_condition(condition).with_reason("condition not met. skipping");
            return ActionPlan::Settled { result, condition_not_met: Some(self.now) };
        }
        match self.iterations(action, &model) {
            Ok(iterations) if simulates => settled(simulated(action, condition, &iterations)),
            Ok(iterations) => ActionPlan::Send(SendPlan { condition, foreach: max_iterations(action), iterations }),
            Err(failure) => settled(ActionResult::failed(action.id.clone(), action.kind.name(), &failure)),
        }
    }

    fn condition(&self, action: &Action, model: &Json) -> Result<Option<ConditionResult>, Failure> {
        action.condition.as_ref().map(|condition| condition.evaluate(model, self.context.execution_time)).transpose()
    }

    /// Every message, one iteration for each element of a `foreach`. One that cannot be rendered fails the action.
    fn iterations(&self, action: &Action, model: &Json) -> Result<Vec<Iteration>, Failure> {
        let payloads = match &action.foreach {
            Some(foreach) => foreach.payloads(model)?,
            None => vec![self.context.payload.clone().unwrap_or_else(Json::object)],
        };
        let mut iterations = Vec::with_capacity(payloads.len());
        let mut items = 0;
        for payload in payloads {
            let iteration = self.iteration(action, &payload, items)?;
            items += iteration.messages.len();
            iterations.push(iteration);
        }
        Ok(iterations)
    }

    fn iteration(&self, action: &Action, payload: &Json, first_item: usize) -> Result<Iteration, Failure> {
        let context = self.context.with_payload(payload.clone());
        let model = context.model();
        let one = |message| Ok(Iteration { is_bulk: false, messages: vec![message] });
        match &action.kind {
            ActionKind::Webhook(request) => {
                let rendered = request.render(&mut |template| self.templates.text(template, &model))?;
                one(Message::Webhook(Box::new(rendered)))
            }
            ActionKind::Logging(logging) => {
                let text = self.templates.text(&logging.text, &model)?;
                one(Message::Log(LogLine { level: logging.level, category: logging.category.clone(), text }))
            }
            ActionKind::Index(index) => self.documents(action, index, payload, first_item),
            #[allow(unreachable_patterns, reason = "more kinds of action are to come")]
            other => Err(Failure::illegal_state(format!("the action type [{}] is not supported", other.name()))),
        }
    }

    fn documents(&self, action: &Action, index: &IndexAction, payload: &Json, first_item: usize) -> Result<Iteration, Failure> {
        let (documents, is_bulk) = match index.documents(payload)? {
            Documents::Single(document) => (vec![document], false),
            Documents::Bulk(documents) => (documents, true),
        };
        let messages = documents.into_iter().enumerate().map(|(at, document)| {
            let key = DeliveryKey::of(self.execution, action.id.as_str(), first_item + at);
            self.document(index, document, is_bulk, &key)
        });
        Ok(Iteration { is_bulk, messages: messages.collect::<Result<_, _>>()? })
    }

    fn document(&self, action: &IndexAction, document: TargetedDocument, is_bulk: bool, key: &DeliveryKey) -> Result<Message, Failure> {
        let index = action.index.clone().or(document.index).ok_or_else(|| validation::failed(["index is missing"]))?;
        let given = action.doc_id.clone().or(document.id);
        let mut source = Json::from(document.source);
        if let Some(field) = &action.execution_time_field {
            source.set(field.as_str(), date(self.context.execution_time));
        }
        let cluster = self.watch.metadata.as_ref().and_then(|metadata| metadata.at(&["watchbell", "cluster"])).and_then(Json::as_str);
        Ok(Message::Index(IndexRequest {
            cluster: cluster.map(str::to_owned),
            index,
            id_is_own: given.is_none(),
            create: given.is_none() || action.op_type == Some(OpType::Create),
            id: given.unwrap_or_else(|| own_id(key)),
            refresh: action.refresh.clone(),
            source,
            timeout_millis: action.timeout_millis.unwrap_or(if is_bulk { self.bulk_millis } else { self.index_millis }),
        }))
    }
}

/// The same for every repeat of one delivery, so that it meets its own document.
fn own_id(key: &DeliveryKey) -> String {
    let mut id = hex::encode(Sha256::digest(key.0.as_bytes()));
    id.truncate(OWN_ID_CHARACTERS);
    id
}

pub(crate) fn max_iterations(action: &Action) -> Option<usize> {
    action.foreach.as_ref().map(|foreach| foreach.max_iterations)
}

/// What would have been sent, shown instead of sending it.
fn simulated(action: &Action, condition: Option<ConditionResult>, iterations: &[Iteration]) -> ActionResult {
    let base = result(action, ActionResultStatus::Simulated).with_condition(condition);
    let mut details: Vec<Json> = iterations.iter().map(simulated_detail).collect();
    match max_iterations(action) {
        Some(max_iterations) => {
            let items = details.into_iter().map(|detail| Json::object().with(action.kind.name(), detail)).collect();
            ActionResult { foreach: Some(ForeachResult { items, max_iterations }), ..base }
        }
        None => ActionResult { detail: details.pop(), ..base },
    }
}

fn simulated_detail(iteration: &Iteration) -> Json {
    let index = |request: &IndexRequest| {
        Json::object()
            .with("index", &request.index)
            .with_some("doc_id", (!request.id_is_own).then_some(request.id.as_str()))
            .with_some("refresh", request.refresh.as_ref())
    };
    match &iteration.messages[..] {
        [Message::Webhook(request)] => Json::object().with("request", request.to_record_json()),
        [Message::Log(line)] => Json::object().with("logged_text", &line.text),
        [Message::Index(request)] if !iteration.is_bulk => Json::object().with("request", index(request).with("source", request.source.clone())),
        messages => {
            let sources = messages.iter().filter_map(|message| match message {
                Message::Index(request) => Some(bulk_source(request)),
                Message::Webhook(_) | Message::Log(_) | Message::Robot(_) => None,
            });
            let request = Json::object().with("index", "").with("doc_id", "").with("source", sources.collect::<Json>());
            Json::object().with("request", request)
        }
    }
}

fn bulk_source(request: &IndexRequest) -> Json {
    let mut source = request.source.clone();
    if !request.id_is_own {
        source.set("_id", &request.id);
    }
    source.set("_index", &request.index);
    source
}
