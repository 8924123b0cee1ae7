//! From what became of the messages to the results that status and record show (spec watcher-parts §7.2–7.4).

use std::collections::HashMap;

use watchbell_json::{Failure, Json};
use watchbell_outbox::{Attempt, DeliveryKey, Ended, Message, RowState};
use watchbell_time::Timestamp;
use watchbell_watch::record::{ActionResult, ActionResultStatus, ForeachResult};

use crate::manifest::{ActionPlan, Iteration, Manifest, PlannedAction, SendPlan};

/// From this status on, a webhook's answer is a failure.
const HTTP_FAILURE: i64 = 400;

/// How an action ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActionEnd {
    pub(crate) result: ActionResult,
    pub(crate) condition_not_met: Option<Timestamp>,
}

/// The results of all actions, in their order.
pub(crate) fn action_ends(manifest: &Manifest, execution: &str, ends: &HashMap<DeliveryKey, Ended>) -> Vec<ActionEnd> {
    manifest
        .actions
        .iter()
        .map(|action| match &action.plan {
            ActionPlan::Settled { result, condition_not_met } => ActionEnd { result: result.clone(), condition_not_met: *condition_not_met },
            ActionPlan::Send(send) => ActionEnd { result: sent(action, send, execution, ends), condition_not_met: None },
        })
        .collect()
}

/// One message and what became of it.
struct Item<'m> {
    message: &'m Message,
    end: Option<&'m Ended>,
}

/// One element of a `foreach`, or the whole action.
struct Part {
    status: ActionResultStatus,
    reason: Option<String>,
    detail: Json,
}

fn sent(action: &PlannedAction, send: &SendPlan, execution: &str, ends: &HashMap<DeliveryKey, Ended>) -> ActionResult {
    let mut item = 0;
    let mut parts = Vec::with_capacity(send.iterations.len());
    for iteration in &send.iterations {
        let items: Vec<Item<'_>> = iteration
            .messages
            .iter()
            .map(|message| {
                let key = DeliveryKey::of(execution, action.id.as_str(), item);
                item += 1;
                Item { message, end: ends.get(&key) }
            })
            .collect();
        match part(iteration, &items) {
            Ok(part) => parts.push(part),
            // an exception in one element fails the whole action
            Err(failure) => return ActionResult::failed(action.id.clone(), &*action.kind, &failure),
        }
    }
    assemble(action, send, parts)
}

fn assemble(action: &PlannedAction, send: &SendPlan, mut parts: Vec<Part>) -> ActionResult {
    let new = |status| ActionResult::new(action.id.clone(), &*action.kind, status).with_condition(send.condition.clone());
    match send.foreach {
        Some(max_iterations) => {
            let statuses: Vec<ActionResultStatus> = parts.iter().map(|part| part.status).collect();
            let items = parts.into_iter().map(|part| Json::object().with(&*action.kind, part.detail)).collect();
            ActionResult { foreach: Some(ForeachResult { items, max_iterations }), ..new(ActionResultStatus::common(&statuses)) }
        }
        None => match parts.pop() {
            Some(part) => ActionResult { reason: part.reason, detail: Some(part.detail), ..new(part.status) },
            None => new(ActionResultStatus::Failure),
        },
    }
}

fn part(iteration: &Iteration, items: &[Item<'_>]) -> Result<Part, Failure> {
    match items {
        items if iteration.is_bulk => Ok(bulk(items)),
        [item] => single(item),
        _ => Err(Failure::illegal_state("an action without a message")),
    }
}

fn single(item: &Item<'_>) -> Result<Part, Failure> {
    let delivered = item.end.is_some_and(|end| end.state == RowState::Delivered);
    let attempt = item.end.and_then(|end| end.attempt.as_ref());
    let response = attempt.and_then(|attempt| attempt.response.clone());
    let detail = match item.message {
        Message::Webhook(request) => Json::object().with("request", request.to_record_json()).with_some("response", response.clone()),
        Message::Log(line) => Json::object().with("logged_text", &line.text),
        Message::Index(_) => Json::object().with_some("response", response.clone()),
        Message::Robot(robot) => Json::object().with("account", &robot.account).with("request", robot.body.clone()).with_some("response", response.clone()),
    };
    if delivered {
        return Ok(Part { status: ActionResultStatus::Success, reason: None, detail });
    }
    match exception(item, attempt) {
        Some(failure) => Err(failure),
        None => Ok(Part { status: ActionResultStatus::Failure, reason: Some(reason(item, response.as_ref())), detail }),
    }
}

/// The exception, where the channel gave no answer.
fn exception(item: &Item<'_>, attempt: Option<&Attempt>) -> Option<Failure> {
    if matches!(item.end.map(|end| &end.state), Some(RowState::Cancelled { .. })) {
        return None;
    }
    attempt.and_then(|attempt| attempt.error.clone())
}

fn reason(item: &Item<'_>, response: Option<&Json>) -> String {
    if let Some(status) = response.and_then(|response| response.get("status")).and_then(Json::as_i64).filter(|status| *status >= HTTP_FAILURE)
        && matches!(item.message, Message::Webhook(_))
    {
        return format!("received [{status}] status code");
    }
    match item.end.map(|end| &end.state) {
        Some(RowState::Cancelled { by }) => format!("the delivery was cancelled [{}]", by.name()),
        Some(RowState::Refused { reason } | RowState::Unconfirmed { reason } | RowState::Expired { reason }) => reason.clone(),
        Some(other) => format!("the delivery is [{}]", other.name()),
        None => "the delivery is not known".into(),
    }
}

/// A list of documents: those that failed are shown in their place.
fn bulk(items: &[Item<'_>]) -> Part {
    let mut failed = 0;
    let shown = items.iter().map(|item| {
        let attempt = item.end.and_then(|end| end.attempt.as_ref());
        if item.end.is_some_and(|end| end.state == RowState::Delivered) {
            return attempt.and_then(|attempt| attempt.response.clone()).unwrap_or_else(Json::object);
        }
        failed += 1;
        let message = attempt.and_then(|attempt| attempt.error.as_ref()).map_or_else(|| reason(item, None), |error| error.reason_text().to_owned());
        let (id, index) = match item.message {
            Message::Index(request) => (Some(request.id.as_str()), Some(request.index.as_str())),
            Message::Webhook(_) | Message::Log(_) | Message::Robot(_) => (None, None),
        };
        Json::object().with("failed", true).with("message", message).with_some("id", id).with_some("index", index)
    });
    let response: Json = shown.collect();
    let status = match failed {
        0 => ActionResultStatus::Success,
        n if n == items.len() => ActionResultStatus::Failure,
        _ => ActionResultStatus::PartialFailure,
    };
    Part { status, reason: None, detail: Json::object().with("response", response) }
}
